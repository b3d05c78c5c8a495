/** Numbers that are the same for the same seed: every run can be had again. */
export class Random {
  #state: number

  constructor (...seeds: number[]) {
    this.#state = seeds.reduce((state, seed) => Math.imul(state ^ seed, 0x9e3779b1) ^ (state >>> 15), 0x6d2b79f5)
  }

  /** At least 0, below 1 (mulberry32). */
  next (): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to below `end`. */
  below (end: number): number {
    return Math.floor(this.next() * end)
  }

  between (first: number, last: number): number {
    return first + this.below(last - first + 1)
  }

  chance (share: number): boolean {
    return this.next() < share
  }

  pick<T> (items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  bytes (length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let i = 0; i < length; i++) bytes[i] = this.below(256)
    return bytes
  }

  /** As each of these is likely: `[weight, value]`. */
  weighted<T> (items: ReadonlyArray<readonly [number, T]>): T {
    let left = this.next() * items.reduce((sum, [weight]) => sum + weight, 0)
    return (items.find(([weight]) => (left -= weight) < 0) ?? items[0]!)[1]
  }
}
