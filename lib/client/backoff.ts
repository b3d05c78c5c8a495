import type { ClientOptions } from '../../types/client.js'
import { EXPIRED, isFinal, readRetryAfter } from '../protocol.js'

/** Whether and when to come back, by the table of close codes in docs/PROTOCOL.md. */
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

  /** How many attempts have failed since the last connection that held. */
  get attempt (): number {
    return this.#attempt
  }

  /** A connection has held: what was before is forgotten. */
  reset (): void {
    this.#attempt = 0
    this.#isExpired = false
  }

  /** @returns how long to wait, or nothing where the client is to stay away. */
  delayMs (code: number, reason: string): number | undefined {
    // Twice in a row: fresh credentials were no better.
    if (isFinal(code) || (code === EXPIRED && this.#isExpired)) return undefined
    this.#isExpired ||= code === EXPIRED
    this.#hintMs = readRetryAfter(reason)
    this.#attempt++
    // The server spreads its clients by this; but one that says so again and again is not hammered.
    if (this.#hintMs > 0 && this.#attempt === 1) return this.#hintMs
    return Math.max(this.#hintMs, this.#jitterMs(this.#attempt))
  }

  /**
   * When somebody cannot wait: a random time as after the first failure, but what the server has
   * asked for it gets.
   */
  soonMs (): number {
    return this.#hintMs > 0 ? Infinity : this.#jitterMs(1)
  }

  #jitterMs (attempt: number): number {
    return this.#minDelayMs + Math.random() * (Math.min(this.#maxDelayMs, this.#minDelayMs * 2 ** attempt) - this.#minDelayMs)
  }
}
