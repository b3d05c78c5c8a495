import type { ClientOptions } from '../../types/client.js'
import { EXPIRED, isFinal, readRetryAfter } from '../protocol.js'

/** The wait before the next attempt, by the table of close codes in docs/PROTOCOL.md. */
export class Backoff {
  readonly #minDelayMs: number
  readonly #maxDelayMs: number
  #attempt = 0
  #isExpired = false
  #hintMs = 0

  constructor ({ minDelayMs = 500, maxDelayMs = 20_000 }: ClientOptions['retry'] = {}) {
    this.#minDelayMs = minDelayMs
    this.#maxDelayMs = maxDelayMs
  }

  /** The number of attempts that have failed since the last connection that held. */
  get attempt (): number {
    return this.#attempt
  }

  /** Forgets all failures: a connection has held. */
  reset (): void {
    this.#attempt = 0
    this.#isExpired = false
  }

  /** @returns the time to wait; `undefined` when the client is to stay away. */
  delayMs (code: number, reason: string): number | undefined {
    // A second expiry in a row: fresh credentials were no better.
    if (isFinal(code) || (code === EXPIRED && this.#isExpired)) return undefined
    this.#isExpired ||= code === EXPIRED
    this.#hintMs = readRetryAfter(reason)
    this.#attempt++
    // The server spreads its clients by its hint; but one that gives a short hint again and again
    // gets growing waits.
    if (this.#hintMs > 0 && this.#attempt === 1) return this.#hintMs
    return Math.max(this.#hintMs, this.#jitterMs(this.#attempt))
  }

  /**
   * A random time as after the first failure, for a page that wakes; a hint of the server's still
   * holds.
   */
  soonMs (): number {
    return this.#hintMs > 0 ? Infinity : this.#jitterMs(1)
  }

  #jitterMs (attempt: number): number {
    return this.#minDelayMs + Math.random() * (Math.min(this.#maxDelayMs, this.#minDelayMs * 2 ** attempt) - this.#minDelayMs)
  }
}
