import type { RateLimitSettings } from './options.js'

// A bucket holds what two windows admit: what came together because the network held it up is no flood.
const BURST_WINDOWS = 2
const FLOOD_WINDOWS = 10

/** A token bucket. */
export class Limit {
  readonly #perMs: number
  readonly #timeWindowMs: number
  readonly #capacity: number
  #tokens: number
  #atMs: number
  #deniedWindow = Number.NEGATIVE_INFINITY
  #deniedWindows = 0

  constructor ({ max, timeWindowMs }: RateLimitSettings, nowMs: number) {
    this.#perMs = max / timeWindowMs
    this.#timeWindowMs = timeWindowMs
    this.#capacity = BURST_WINDOWS * max
    this.#tokens = this.#capacity
    this.#atMs = nowMs
  }

  /** Whether tokens have been refused in so many windows on end that it is a flood. */
  get isFlood (): boolean {
    return this.#deniedWindows >= FLOOD_WINDOWS
  }

  /** Takes tokens out, if there are so many. */
  take (tokens: number, nowMs: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
    if (tokens > this.#tokens) {
      this.#deny(Math.floor(nowMs / this.#timeWindowMs))
      return false
    }
    this.#tokens -= tokens
    return true
  }

  #deny (window: number): void {
    if (window === this.#deniedWindow) return
    this.#deniedWindows = window === this.#deniedWindow + 1 ? this.#deniedWindows + 1 : 1
    this.#deniedWindow = window
  }
}
