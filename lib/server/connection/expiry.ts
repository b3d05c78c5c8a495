import { MAX_TIMEOUT_MS, after } from '../../timer.js'
import * as errors from '../errors.js'

/** A moment at which something ends, which may be moved. */
export class Expiry {
  readonly #expired: () => void
  #at: Date | undefined = undefined
  #timer: NodeJS.Timeout | undefined = undefined

  constructor (expired: () => void) {
    this.#expired = expired
  }

  get at (): Date | undefined {
    return this.#at
  }

  /** @throws FST_TYPED_WS_INVALID_EXPIRES_AT */
  move (at: Date | undefined): void {
    if (at !== undefined && !(at instanceof Date && Number.isFinite(at.getTime()))) throw new errors.InvalidExpiresAt()
    this.#at = at
    this.#wait()
  }

  stop (): void {
    clearTimeout(this.#timer)
  }

  #wait (): void {
    if (this.#at === undefined) return this.stop()
    const leftMs = Math.max(this.#at.getTime() - Date.now(), 0)
    this.#timer = after(leftMs, () => leftMs > MAX_TIMEOUT_MS ? this.#wait() : this.#expired(), this.#timer).unref()
  }
}
