import type { ClientOptions } from '../../types/client.js'
import { isFinal, MAX_RETURNS, readRetryAfter } from '../protocol.js'

/** The wait before the next attempt, by the table of close codes in docs/PROTOCOL.md. */
export class Backoff {
  /** The number of attempts that have failed since the last connection that held. */
  attempt: number = 0
  readonly #minDelayMs: number
  readonly #maxDelayMs: number
  /** By close code: how often the client has come back after it. */
  #returns: Record<number, number> = {}
  #hintMs = 0

  constructor ({ minDelayMs = 500, maxDelayMs = 20_000 }: ClientOptions['retry'] = {}) {
    this.#minDelayMs = minDelayMs
    this.#maxDelayMs = maxDelayMs
  }

  /** Forgets all failures: a connection has held. */
  reset (): void {
    this.attempt = 0
    this.#returns = {}
  }

  /** @returns the time to wait; `undefined` when the client is to stay away. */
  delayMs (code: number, reason: string): number | undefined {
    const returns = this.#returns[code] = (this.#returns[code] ?? 0) + 1
    if (isFinal(code) || returns > MAX_RETURNS[code]!) return undefined
    this.attempt++
    this.#hintMs = readRetryAfter(reason)
    // The server spreads its clients by its hint; but one that gives a short hint again and again
    // gets growing waits.
    if (this.#hintMs && this.attempt === 1) return this.#hintMs
    return Math.max(this.#hintMs, this.#jitterMs(this.attempt))
  }

  /**
   * A random time as after the first failure, for a page that wakes; a hint of the server's still
   * holds.
   */
  soonMs (): number {
    return this.#hintMs ? Infinity : this.#jitterMs(1)
  }

  #jitterMs (attempt: number): number {
    return this.#minDelayMs + Math.random() * (Math.min(this.#maxDelayMs, this.#minDelayMs * 2 ** attempt) - this.#minDelayMs)
  }
}
