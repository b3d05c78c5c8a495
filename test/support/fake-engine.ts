import { setImmediate as turn } from 'node:timers/promises'
import type { Broker, BrokerHistory, BrokerHost, HistoryBounds, HistoryPart, Position, Stored } from '../../lib/index.js'

/** An engine between nodes whose announcements, answers and faults a test decides. */
export class FakeEngine {
  epoch = 'e1'
  readonly links: FakeLink[] = []
  readonly #topics = new Map<string, Stored[]>()
  // Offsets grow, and do not count.
  #offset = 100

  /** A broker for one more node. */
  link (): FakeLink {
    const link = new FakeLink(this)
    this.links.push(link)
    return link
  }

  store (topic: string, message: string, { maxMessages }: HistoryBounds): Stored {
    const kept = this.stored(topic)
    const previous = this.top(topic).offset
    this.#offset += 7
    const stored = { epoch: this.epoch, offset: this.#offset, previous, message }
    kept.push(stored)
    kept.splice(0, kept.length - maxMessages)
    for (const link of this.links) link.announce(topic, stored)
    return stored
  }

  stored (topic: string): Stored[] {
    const kept = this.#topics.get(topic) ?? []
    this.#topics.set(topic, kept)
    return kept
  }

  top (topic: string): Position {
    return { epoch: this.epoch, offset: this.stored(topic).at(-1)?.offset ?? 1 }
  }

  /** Comes back from an older snapshot, with a clock that is behind: offsets are used again. */
  rollBack (topic: string, count: number): void {
    this.stored(topic).splice(-count)
    this.#offset = this.top(topic).offset + 1
  }

  /** Forgets everything. */
  flush (epoch: string): void {
    this.#topics.clear()
    this.epoch = epoch
  }
}

/** One node's way to the engine. */
export class FakeLink implements Broker {
  readonly name = 'fake'
  readonly history: BrokerHistory = { append: this.#append.bind(this), read: this.#read.bind(this) }
  readonly topics = new Set<string>()
  host!: BrokerHost
  /** How often the engine was read. */
  reads = 0
  /** Runs before each answer: a rejection is the answer. */
  beforeRead: (limit: number) => Promise<void> | void = () => {}
  beforeAppend: () => Promise<void> | void = () => {}
  beforeSubscribe: () => Promise<void> | void = () => {}
  /** Announcements are held back here instead of being heard. */
  held: Array<[topic: string, stored: Stored]> | undefined
  readonly #engine: FakeEngine

  constructor (engine: FakeEngine) {
    this.#engine = engine
  }

  start (host: BrokerHost): void {
    this.host = host
    host.resumed()
    host.changed('ready')
  }

  async subscribe (topic: string): Promise<void> {
    // A broker goes on trying: the topic is heard as soon as the engine is back.
    this.topics.add(topic)
    await this.beforeSubscribe()
  }

  unsubscribe (topic: string): void {
    this.topics.delete(topic)
  }

  async publish (topic: string, message: string): Promise<void> {
    for (const link of this.#engine.links) if (link.topics.has(topic)) link.host.heard(topic, message)
  }

  async ask (): Promise<number> {
    return 0
  }

  async close (): Promise<void> {}

  announce (topic: string, stored: Stored): void {
    if (!this.topics.has(topic)) return
    if (this.held === undefined) this.host.heardStored(topic, stored)
    else this.held.push([topic, stored])
  }

  /** Loses what is published from now on, until `release`. */
  hold (): void {
    this.held = []
  }

  /** Announces what was held back, in another order if it is given. */
  release (reorder: (held: Array<[string, Stored]>) => Array<[string, Stored]> = (held) => held): void {
    const held = reorder(this.held!)
    this.held = undefined
    for (const [topic, stored] of held) this.host.heardStored(topic, stored)
  }

  async #append (topic: string, message: string, bounds: HistoryBounds): Promise<Position> {
    await this.beforeAppend()
    return this.#engine.store(topic, message, bounds)
  }

  async #read (topic: string, since: Position | undefined, limit: number): Promise<HistoryPart> {
    this.reads++
    await this.beforeRead(limit)
    await turn()
    const messages = this.#engine.stored(topic).filter(({ offset }) => offset > (since?.offset ?? 0))
    return { top: this.#engine.top(topic), messages: limit === 0 ? [] : messages.slice(-limit) }
  }
}
