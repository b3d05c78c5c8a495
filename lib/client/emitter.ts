type Listener = (value: never) => void

/** Listeners by name: an event of the contract, or a number for an event of the client itself. */
export class Emitter extends Map<string | number, Set<{ readonly listener: Listener }>> {
  /** @returns a function that removes the listener. */
  on (name: string | number, listener: Listener): () => void {
    const all = this.get(name) ?? new Set()
    const entry = { listener }
    this.set(name, all.add(entry))
    return () => all.delete(entry)
  }

  /** @returns whether there was a listener. */
  emit (name: string | number, value?: unknown): boolean {
    const all = this.get(name)
    const listeners = [...all ?? []]
    for (const entry of listeners) {
      try {
        // A listener that another one has removed meanwhile is not called.
        if (all!.has(entry)) entry.listener(value as never)
      } catch (error) {
        // As with an EventTarget, a listener that throws does not stop the others, and its error
        // reaches the page or the process.
        queueMicrotask(() => { throw error })
      }
    }
    return listeners.length > 0
  }
}
