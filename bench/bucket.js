// @ts-check

/** A token bucket as one writes it by hand: the rate limit of the rows that have none. */
export class Bucket {
  #tokens
  #at = performance.now()

  /** @param {{ max: number, timeWindowMs: number }} limit */
  constructor ({ max, timeWindowMs }) {
    this.most = 2 * max
    this.perMs = max / timeWindowMs
    this.#tokens = this.most
  }

  take () {
    const now = performance.now()
    this.#tokens = Math.min(this.most, this.#tokens + (now - this.#at) * this.perMs)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
