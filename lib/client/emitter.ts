type Listener = (value: never) => void

/**
 * Those who want to hear of something, by what it is: an event of the contract, or a number for
 * what is the client's own.
 */
export class Emitter extends Map<string | number, Set<{ readonly listener: Listener }>> {
  /** @returns how to stop listening. */
  on (name: string | number, listener: Listener): () => void {
    const all = this.get(name) ?? new Set()
    const entry = { listener }
    this.set(name, all.add(entry))
    return () => all.delete(entry)
  }

  /** @returns whether anybody listened. */
  tell (name: string | number, value?: unknown): boolean {
    const all = this.get(name)
    const told = [...all ?? []]
    for (const entry of told) {
      try {
        // Who has stopped listening meanwhile hears nothing more.
        if (all!.has(entry)) entry.listener(value as never)
      } catch (error) {
        // As an EventTarget does: who fails does not hinder the others, and is told of where nobody
        // can miss it.
        queueMicrotask(() => { throw error })
      }
    }
    return told.length > 0
  }
}
