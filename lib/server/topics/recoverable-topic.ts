import type { HistoryPart, Position, Stored } from '../../../types/broker.js'
import { StoredEvent } from './stored-event.js'
import { Tail, type Place, type RecoverySettings, type TailBudget } from './tail.js'

/** A member, as its topic needs it. */
export interface TopicReader {
  take (event: StoredEvent): void
  /** Messages are missing, and none of them can be told any more. */
  broken (): void
}

/** One topic at the engine. */
export interface TopicSource {
  /** @returns whether messages are heard from now on. */
  subscribe (): true | Promise<boolean>
  /** @throws by rejecting. */
  read (limit: number, since?: Position): Promise<HistoryPart>
  /** Messages between these times are lost for the members here. */
  missed (from: Date, to: Date): void
}

// Concurrent publishers may be swapped by the engine: a predecessor that is late comes in this
// time.
const PREDECESSOR_MS = 30
const RETRY_MS = 500
const MAX_WAITING = 1000

/**
 * A recoverable topic on this node. Its messages come from the engine alone, each with the offset
 * of the one before it, so that a hole is seen whatever made it. The node has one position for all
 * members, and repairs a hole by one read.
 */
export class RecoverableTopic {
  readonly readers: Set<TopicReader> = new Set()
  readonly #name: string
  readonly #source: TopicSource
  readonly #settings: RecoverySettings
  readonly #budget: TailBudget
  #tail: Tail | undefined
  #started: Promise<Position>
  #begun!: (position: Position) => void
  #starting: Promise<boolean> | undefined
  #repairing: Promise<boolean> | undefined
  #fetching: Promise<boolean> | undefined
  // Messages whose predecessor has not come, by its offset.
  readonly #waiting = new Map<number, Stored>()
  #timer: NodeJS.Timeout | undefined
  #heardMs = Date.now()
  #isQuiet = false
  #isOver = false

  constructor (name: string, source: TopicSource, settings: RecoverySettings, budget: TailBudget) {
    this.#name = name
    this.#source = source
    this.#settings = settings
    this.#budget = budget
    this.#started = new Promise((resolve) => { this.#begun = resolve })
  }

  /** Resolves with the first position that this node knows. */
  get started (): Promise<Position> {
    return this.#started
  }

  /** The position of the newest event; undefined until the engine has told the first one. */
  get position (): Position | undefined {
    return this.#tail?.top
  }

  /** The events that this node remembers, once it has started. */
  get tail (): Tail {
    return this.#tail!
  }

  /** @returns whether its events are heard; `false` where the engine cannot say so within 1 s. */
  live (): true | Promise<boolean> {
    if (this.#tail !== undefined) return true
    this.#starting ??= this.#start().finally(() => { this.#starting = undefined })
    return this.#starting
  }

  heard (stored: Stored): void {
    this.#isQuiet = false
    if (this.#tail?.follows(stored.epoch, stored.previous) === true) {
      this.#append(stored)
      if (this.#waiting.size > 0) this.#drain()
    } else if (!this.#isKnown(stored)) {
      this.#wait(stored)
    }
  }

  /** The engine vouches for the topic again: messages may have been missed. */
  resumed (): void {
    if (this.#tail === undefined) void this.live()
    else void this.repair()
  }

  /**
   * Asks the engine when nothing was heard since the last call: the last message may be lost.
   * @returns false when the engine does not answer.
   */
  async checkQuiet (): Promise<boolean> {
    const isQuiet = this.#isQuiet && this.#tail !== undefined
    this.#isQuiet = true
    return isQuiet ? this.repair() : true
  }

  /**
   * Gets what is missing between a position and this node.
   * @returns false when the engine does not answer.
   */
  seek (place: Place): Promise<boolean> {
    return place === 'behind' ? this.#fetch() : this.repair()
  }

  /** Reads what was published since the newest event here: one read for all that wait for it. */
  repair (): Promise<boolean> {
    this.#repairing ??= this.#repair().finally(() => {
      this.#repairing = undefined
      if (this.#waiting.size > 0) this.#arm()
    })
    return this.#repairing
  }

  end (): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#waiting.clear()
    this.#tail?.end()
  }

  async #start (): Promise<boolean> {
    const isHeard = await this.#source.subscribe()
    const part = isHeard ? await this.#read(0) : undefined
    if (this.#isOver) return false
    if (part === undefined) {
      this.#retry(() => void this.live())
      return false
    }
    this.#begin(part.top)
    return true
  }

  // Events that were heard while the engine was asked are for the members that were there.
  #begin (top: Position): void {
    const offsets = [...this.#waiting.values()].filter(({ epoch }) => epoch === top.epoch).map(({ previous }) => previous)
    const first = { epoch: top.epoch, offset: Math.min(top.offset, ...offsets) }
    this.#tail = new Tail(first, this.#settings, this.#budget)
    this.#begun(first)
    this.#drain()
  }

  async #repair (): Promise<boolean> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const since = this.tail.top
    const part = await this.#read(this.#settings.maxMessages, since)
    if (this.#isOver) return false
    if (part === undefined) {
      this.#retry(() => void this.repair())
      return false
    }
    this.#fill(part, since)
    for (const [previous, { epoch, offset }] of this.#waiting) {
      if (epoch !== part.top.epoch || offset <= part.top.offset) this.#waiting.delete(previous)
    }
    this.#drain()
    return true
  }

  // An engine that is behind the position it was asked with has come back from an older snapshot.
  #fill ({ top, messages }: HistoryPart, since: Position): void {
    for (const stored of messages) {
      if (this.tail.follows(stored.epoch, stored.previous)) this.#append(stored)
    }
    const { epoch, offset } = this.tail.top
    if (top.epoch !== epoch || top.offset > offset || top.offset < since.offset) this.#break(top)
  }

  #break (top: Position): void {
    this.#source.missed(new Date(this.#heardMs), new Date())
    this.tail.restart(top)
    for (const reader of this.readers) reader.broken()
  }

  // All that the engine has: no position, forged or true, costs another read until the tail is cut.
  #fetch (): Promise<boolean> {
    this.#fetching ??= this.#fetchAll().finally(() => { this.#fetching = undefined })
    return this.#fetching
  }

  async #fetchAll (): Promise<boolean> {
    const { maxMessages } = this.#settings
    const part = await this.#read(maxMessages + 1)
    if (part === undefined || this.#isOver) return false
    if (part.top.epoch !== this.tail.top.epoch) return this.repair()
    this.tail.prepend(part.messages.map((stored) => new StoredEvent(this.#name, stored)), part.messages.length <= maxMessages)
    return true
  }

  async #read (limit: number, since?: Position): Promise<HistoryPart | undefined> {
    try {
      return await this.#source.read(limit, since)
    } catch {
      return undefined
    }
  }

  #append (stored: Stored): void {
    const event = new StoredEvent(this.#name, stored)
    this.#heardMs = Date.now()
    this.tail.append(event)
    if (event.text === undefined) return
    for (const reader of this.readers) reader.take(event)
    event.forgetFrames()
  }

  // One that is older than the newest, and at no place that is remembered, may be a double, or of
  // a history whose end was lost: the engine is asked.
  #isKnown (stored: Stored): boolean {
    return typeof this.#tail?.placeOf(stored) === 'number'
  }

  #wait (stored: Stored): void {
    // The engine has them all.
    if (this.#waiting.size >= MAX_WAITING) this.#waiting.clear()
    this.#waiting.set(stored.previous, stored)
    this.#arm()
  }

  #drain (): void {
    for (;;) {
      const { epoch, offset } = this.tail.top
      const next = this.#waiting.get(offset)
      if (next?.epoch !== epoch) break
      this.#waiting.delete(offset)
      this.#append(next)
    }
    if (this.#waiting.size > 0) return this.#arm()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm (): void {
    if (this.#tail === undefined || this.#repairing !== undefined) return
    this.#timer ??= setTimeout(() => void this.repair(), PREDECESSOR_MS).unref()
  }

  #retry (again: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(again, RETRY_MS).unref()
  }
}
