import type { Position } from '../../../types/broker.js'
import type { StoredEvent } from './stored-event.js'

/** How much is given to one connection of one topic, and how long the engine is asked for it. */
export interface RecoverySettings {
  readonly maxMessages: number
  readonly maxBytes: number
  readonly timeoutMs: number
}

/**
 * A position seen from a tail: the index of the event behind it, or the reason why there is none.
 * `ahead`: of another history, or newer than the tail. `behind`: older. `unknown`: no event was
 * there.
 */
export type Place = number | 'ahead' | 'behind' | 'unknown'

const MAX_EVENTS = 256
const MAX_SIZE = 65_536
// Clients that return together find what one read has brought.
const KEEP_MS = 5000

/** All tails of one process: together they hold no more than 16 MiB. */
export class TailBudget {
  readonly #max: number
  readonly #tails = new Set<Tail>()
  #size = 0

  constructor (max: number = 16_777_216) {
    this.#max = max
  }

  get size (): number {
    return this.#size
  }

  add (size: number): void {
    this.#size += size
  }

  join (tail: Tail): void {
    this.#tails.add(tail)
  }

  leave (tail: Tail): void {
    this.#tails.delete(tail)
  }

  /** Empties other tails, the one after the other, until all are within the limit. */
  relieve (keep: Tail): void {
    for (let left = this.#tails.size; left > 0 && this.#size > this.#max; left--) {
      const tail = this.#tails.values().next().value!
      this.#tails.delete(tail)
      this.#tails.add(tail)
      if (tail !== keep) tail.clear()
    }
  }
}

/** The newest events of one topic, as far as this node remembers them. */
export class Tail {
  readonly #settings: RecoverySettings
  readonly #budget: TailBudget
  #epoch: string
  #events: StoredEvent[] = []
  #last: number
  #size = 0
  #keepUntilMs = 0
  // The reason for a position in front of all events, once the engine has told all it has.
  #beyond: 'expired' | 'limit' | undefined = undefined

  constructor ({ epoch, offset }: Position, settings: RecoverySettings, budget: TailBudget) {
    this.#settings = settings
    this.#budget = budget
    this.#epoch = epoch
    this.#last = offset
    budget.join(this)
  }

  /** The position of the newest event. */
  get top (): Position {
    return { epoch: this.#epoch, offset: this.#last }
  }

  get beyond (): 'expired' | 'limit' | undefined {
    return this.#beyond
  }

  /** The position in front of all events. */
  get #base (): number {
    return this.#events[0]?.previous ?? this.#last
  }

  follows (epoch: string, previous: number): boolean {
    return epoch === this.#epoch && previous === this.#last
  }

  append (event: StoredEvent): void {
    this.#events.push(event)
    this.#last = event.offset
    this.#grow(event.size)
    this.#trim()
  }

  /** Puts older events, all that the engine has, in front of those that are there. */
  prepend (events: readonly StoredEvent[], isAll: boolean): void {
    const { maxMessages, maxBytes } = this.#settings
    const older = events.filter(({ offset }) => offset <= this.#base)
    const fitting: StoredEvent[] = []
    let next = this.#base
    this.#beyond = isAll ? 'expired' : 'limit'
    for (const event of older.reverse()) {
      const isFull = this.#size + event.size > maxBytes || fitting.length + this.#events.length >= maxMessages
      if (isFull || event.offset !== next) {
        this.#beyond = isFull ? 'limit' : 'expired'
        break
      }
      fitting.push(event)
      next = event.previous
      this.#grow(event.size)
    }
    this.#events.unshift(...fitting.reverse())
    this.#keepUntilMs = Date.now() + KEEP_MS
    this.#budget.relieve(this)
  }

  placeOf ({ epoch, offset }: Position): Place {
    if (epoch !== this.#epoch || offset > this.#last) return 'ahead'
    if (offset === this.#last) return this.#events.length
    if (offset < this.#base) return 'behind'
    const index = this.#events.findIndex(({ previous }) => previous === offset)
    return index < 0 ? 'unknown' : index
  }

  from (index: number): readonly StoredEvent[] {
    return this.#events.slice(index)
  }

  /** Begins anew, where nothing that was published before can be told any more. */
  restart ({ epoch, offset }: Position): void {
    this.clear()
    this.#epoch = epoch
    this.#last = offset
  }

  clear (): void {
    this.#grow(-this.#size)
    this.#events = []
    this.#beyond = undefined
  }

  end (): void {
    this.clear()
    this.#budget.leave(this)
  }

  #grow (size: number): void {
    this.#size += size
    this.#budget.add(size)
  }

  #trim (): void {
    const isKept = Date.now() < this.#keepUntilMs
    const maxEvents = isKept ? this.#settings.maxMessages : MAX_EVENTS
    const maxSize = isKept ? this.#settings.maxBytes : MAX_SIZE
    while (this.#events.length > maxEvents || this.#size > maxSize) {
      this.#grow(-this.#events.shift()!.size)
      this.#beyond = undefined
    }
    this.#budget.relieve(this)
  }
}
