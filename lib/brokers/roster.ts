const LIFE_MS = 15_000

/** The nodes that have told of themselves within the last 15 s. */
export class Roster {
  readonly #seenMs = new Map<string, number>()

  /**
   * Returns whether the node was not known.
   * @param text - `+node` where one is there, `-node` where one leaves.
   */
  note (text: string): boolean {
    const node = text.slice(1)
    if (!text.startsWith('+')) return !this.#seenMs.delete(node)
    const isNew = !this.#seenMs.has(node)
    this.#seenMs.set(node, performance.now())
    return isNew
  }

  get size (): number {
    const oldestMs = performance.now() - LIFE_MS
    for (const [node, seenMs] of this.#seenMs) if (seenMs < oldestMs) this.#seenMs.delete(node)
    return this.#seenMs.size
  }
}
