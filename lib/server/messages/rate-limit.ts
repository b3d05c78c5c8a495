import type { RateLimitSettings } from '../options.js'

// A bucket holds what two windows admit: what came together because the network held it up is no flood.
const BURST_WINDOWS = 2
const FLOOD_WINDOWS = 10

/** A token bucket. */
export class RateLimiter {
  readonly #perMs: number
  readonly #timeWindowMs: number
  readonly #capacity: number
  #tokens: number
  #atMs: number
  // What was refused last: how many tokens it wanted, and when there will be as many.
  #wanted = 0
  #readyMs = Number.NEGATIVE_INFINITY
  #refusingSinceMs = 0
  #isFlood = false

  constructor ({ max, timeWindowMs }: RateLimitSettings, nowMs: number) {
    this.#perMs = max / timeWindowMs
    this.#timeWindowMs = timeWindowMs
    this.#capacity = BURST_WINDOWS * max
    this.#tokens = this.#capacity
    this.#atMs = nowMs
  }

  /** Whether tokens have been refused over so many windows, without one of rest between, that it is a flood. */
  get isFlood (): boolean {
    return this.#isFlood
  }

  /** Takes tokens out, if there are so many. */
  take (tokens: number, nowMs: number): boolean {
    this.#refill(nowMs)
    if (tokens > this.#tokens) {
      this.#deny(tokens, nowMs)
      return false
    }
    this.#tokens -= tokens
    return true
  }

  /** How long until there are as many tokens as were refused last. */
  waitMs (nowMs: number): number {
    this.#refill(nowMs)
    return Math.ceil(Math.max(0, this.#wanted - this.#tokens) / this.#perMs)
  }

  #refill (nowMs: number): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
  }

  // Time in which nothing is read for want of tokens is no rest.
  #deny (tokens: number, nowMs: number): void {
    if (nowMs > this.#readyMs + this.#timeWindowMs) this.#refusingSinceMs = nowMs
    this.#wanted = Math.min(tokens, this.#capacity)
    this.#readyMs = nowMs + (this.#wanted - this.#tokens) / this.#perMs
    this.#isFlood = nowMs - this.#refusingSinceMs >= FLOOD_WINDOWS * this.#timeWindowMs
  }
}
