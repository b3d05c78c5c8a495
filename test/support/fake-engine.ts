import { setImmediate as turn } from 'node:timers/promises'
import type {
  Broker, BrokerHistory, BrokerHost, BrokerMembers, HistoryBounds, HistoryPart, Lease, MembersChange, MembersPart, Position, Stored
} from '../../lib/index.js'

/** The members of one topic. */
interface FakeMap {
  epoch: string
  offset: number
  readonly members: Map<string, string>
}

/** An engine between nodes whose announcements, answers and faults a test decides. */
export class FakeEngine {
  epoch = 'e1'
  readonly links: FakeLink[] = []
  /** The nodes that have a lease. */
  readonly leases = new Set<string>()
  readonly #topics = new Map<string, Stored[]>()
  #maps = new Map<string, FakeMap>()
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

  /** The members of a topic. */
  mapOf (topic: string): FakeMap {
    const map = this.#maps.get(topic) ?? { epoch: this.epoch, offset: ++this.#offset, members: new Map() }
    this.#maps.set(topic, map)
    return map
  }

  put (topic: string, members: ReadonlyMap<string, string | undefined>): void {
    const map = this.mapOf(topic)
    const changed = new Map([...members].filter(([member, text]) => map.members.get(member) !== text))
    if (changed.size === 0) return
    for (const [member, text] of changed) {
      if (text === undefined) map.members.delete(member)
      else map.members.set(member, text)
    }
    const previous = map.offset
    this.#offset += 7
    map.offset = this.#offset
    for (const link of this.links) link.announceMembers(topic, { epoch: map.epoch, offset: map.offset, previous, members: changed })
  }

  /** The number of members in all topics. */
  get members (): number {
    return [...this.#maps.values()].reduce((sum, { members }) => sum + members.size, 0)
  }

  hasMap (topic: string): boolean {
    return this.#maps.has(topic)
  }

  /** Takes a copy of all members, for `restoreMembers`. */
  saveMembers (): Map<string, FakeMap> {
    return new Map(Array.from(this.#maps, ([topic, map]) => [topic, { ...map, members: new Map(map.members) }]))
  }

  restoreMembers (saved: Map<string, FakeMap>): void {
    this.#maps = saved
  }

  /** Comes back from an older snapshot, with a clock that is behind: offsets are used again. */
  rollBack (topic: string, count: number): void {
    this.stored(topic).splice(-count)
    this.#offset = this.top(topic).offset + 1
  }

  /** Forgets everything. */
  flush (epoch: string): void {
    this.#topics.clear()
    this.#maps.clear()
    this.leases.clear()
    this.epoch = epoch
  }
}

/** One node's way to the engine. */
export class FakeLink implements Broker {
  readonly name = 'fake'
  readonly history: BrokerHistory = { append: this.#append.bind(this), read: this.#read.bind(this) }
  readonly members: BrokerMembers = {
    put: this.#put.bind(this), all: this.#all.bind(this), lease: this.#lease.bind(this), keep: this.#keep.bind(this)
  }

  readonly topics = new Set<string>()
  host!: BrokerHost
  /** How often the engine was read. */
  reads = 0
  /** Runs before each answer: a rejection is the answer. */
  beforeRead: (limit: number) => Promise<void> | void = () => {}
  beforeAppend: () => Promise<void> | void = () => {}
  beforeSubscribe: () => Promise<void> | void = () => {}
  /** Runs before each answer about members: a rejection is the answer. */
  beforeMembers: (what: 'put' | 'all' | 'lease' | 'keep') => Promise<void> | void = () => {}
  /** How often it was asked, by the name of what is asked. */
  readonly asked = { put: 0, all: 0, lease: 0, keep: 0 }
  /** The length of the lease that was asked for last. */
  leaseMs = 0
  /** Changes of members are lost. */
  isDeaf = false
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

  announceMembers (topic: string, change: MembersChange): void {
    if (this.topics.has(topic) && !this.isDeaf) this.host.heardMembers(topic, change)
  }

  async #put (topic: string, members: ReadonlyMap<string, string | undefined>): Promise<void> {
    await this.#ask('put')
    this.#engine.leases.add(this.host.node)
    this.#engine.put(topic, members)
  }

  async #all (topic: string): Promise<MembersPart> {
    await this.#ask('all')
    const { epoch, offset, members } = this.#engine.mapOf(topic)
    const part = { epoch, offset, members: new Map(members), nodes: new Set(this.#engine.leases) }
    await turn()
    return part
  }

  async #lease (topics: readonly string[], leaseMs: number): Promise<readonly Lease[]> {
    await this.#ask('lease')
    this.leaseMs = leaseMs
    const wasGood = this.#engine.leases.has(this.host.node)
    this.#engine.leases.add(this.host.node)
    return [{ topics, nodes: new Set(this.#engine.leases), wasGood }]
  }

  async #keep (topics: readonly string[]): Promise<ReadonlyMap<string, Position>> {
    await this.#ask('keep')
    return new Map(topics.filter((topic) => this.#engine.hasMap(topic)).map((topic) => {
      const { epoch, offset } = this.#engine.mapOf(topic)
      return [topic, { epoch, offset }]
    }))
  }

  async #ask (what: 'put' | 'all' | 'lease' | 'keep'): Promise<void> {
    this.asked[what]++
    await this.beforeMembers(what)
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
