import type { RateLimitSettings } from '../options.js'

// The bucket holds the tokens of two windows: messages that the network held up arrive together.
const BURST_WINDOWS = 2
const FLOOD_WINDOWS = 10

/** A token bucket. */
export class RateLimiter {
  readonly #perMs: number
  readonly #timeWindowMs: number
  readonly #capacity: number
  #tokens: number
  #atMs: number
  // The last denial: the tokens it wanted, and the time at which they will be there.
  #wanted = 0
  #readyMs = Number.NEGATIVE_INFINITY
  #denyingSinceMs = 0
  #isFlood = false

  constructor ({ max, timeWindowMs }: RateLimitSettings, nowMs: number) {
    this.#perMs = max / timeWindowMs
    this.#timeWindowMs = timeWindowMs
    this.#capacity = BURST_WINDOWS * max
    this.#tokens = this.#capacity
    this.#atMs = nowMs
  }

  /** True after ten windows of denials without a window of rest between them. */
  get isFlood (): boolean {
    return this.#isFlood
  }

  /** Takes tokens out, if there are enough. */
  take (tokens: number, nowMs: number): boolean {
    if (this.takeEarly(tokens, nowMs)) return true
    this.#deny(tokens, nowMs)
    return false
  }

  /** Takes tokens out, if there were enough at a time that may be over. Else nothing is denied. */
  takeEarly (tokens: number, thenMs: number): boolean {
    this.#refill(thenMs)
    if (tokens > this.#tokens) return false
    this.#tokens -= tokens
    return true
  }

  /** The time until there are as many tokens as the last denial wanted. */
  waitMs (nowMs: number): number {
    this.#refill(nowMs)
    return Math.ceil(Math.max(0, this.#wanted - this.#tokens) / this.#perMs)
  }

  #refill (nowMs: number): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
  }

  // A time in which nothing is read for want of tokens is no rest.
  #deny (tokens: number, nowMs: number): void {
    if (nowMs > this.#readyMs + this.#timeWindowMs) this.#denyingSinceMs = nowMs
    this.#wanted = Math.min(tokens, this.#capacity)
    this.#readyMs = nowMs + (this.#wanted - this.#tokens) / this.#perMs
    this.#isFlood = nowMs - this.#denyingSinceMs >= FLOOD_WINDOWS * this.#timeWindowMs
  }
}
