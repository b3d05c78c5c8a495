import { performance } from 'node:perf_hooks'
import { Work } from '../turn.js'

// The time in one turn of the event loop after which the rest of the bytes waits for a later turn,
// and the same for a connection whose bytes have waited.
const MAX_READ_MS = 1
const MAX_READ_ON_MS = 0.25
// The time until such a connection is read at once again.
const HEAVY_MS = 1000

/** The time that the messages of one connection take. */
export class ReadingTime {
  readonly #work: Work = new Work()
  #heavyUntilMs = 0

  /** True once they have had their time in this turn of the event loop: the rest is to wait. */
  isOver (): boolean {
    if (!this.#work.isLong(this.#heavyUntilMs > 0 ? MAX_READ_ON_MS : MAX_READ_MS)) return false
    this.#heavyUntilMs = performance.now() + HEAVY_MS
    return true
  }

  /** True for a connection that has taken too much time of late: all its bytes are to wait. */
  get isHeavy (): boolean {
    if (performance.now() > this.#heavyUntilMs) this.#heavyUntilMs = 0
    return this.#heavyUntilMs > 0
  }
}
