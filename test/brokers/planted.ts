// An engine that exists in this process only, with one fault of its broker: its name is the first
// argument, and the title of a test of the suite the second.
import { EventEmitter } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type {
  Broker, BrokerHistory, BrokerHost, BrokerMembers, HistoryBounds, HistoryPart, Lease, MembersChange, MembersPart, Position, Stored
} from '../../types/broker.js'
import { historySuite, type HistoryEngine } from './history-suite.js'
import { membersSuite } from './members-suite.js'
import { brokerSuite } from './suite.js'

const [fault, title] = process.argv.slice(2)

interface Kept {
  readonly stored: Stored
  readonly id: string | undefined
  readonly atMs: number
}

/** The stored messages of one topic. */
interface Log {
  readonly epoch: string
  top: number
  kept: Kept[]
}

/** The members of one topic. */
interface MembersMap {
  readonly epoch: string
  offset: number
  readonly members: Map<string, string>
}

class Hub extends EventEmitter implements HistoryEngine {
  isUp = true
  isHung = false
  #logs = new Map<string, Log>()
  #saved = new Map<string, Log>()
  #maps = new Map<string, MembersMap>()
  #savedMaps = new Map<string, MembersMap>()
  #leases = new Map<string, { readonly endMs: number, readonly isRenewed: boolean }>()
  #offset = 1

  async start (): Promise<void> {
    this.isUp = true
    this.emit('up')
  }

  async kill (): Promise<void> {
    this.isUp = false
    this.#logs = structuredClone(this.#saved)
    this.#maps = structuredClone(this.#savedMaps)
    if (fault === 'counts') this.#offset -= 100
    this.emit('down')
  }

  hang (): void {
    this.isHung = true
    setTimeout(() => this.emit('down'), 2500)
  }

  goOn (): void {
    this.isHung = false
    this.emit('up')
  }

  async save (): Promise<void> {
    this.#saved = structuredClone(this.#logs)
    this.#savedMaps = structuredClone(this.#maps)
  }

  async forget (): Promise<void> {
    this.#logs.clear()
    this.#maps.clear()
    this.#leases.clear()
  }

  append (topic: string, message: string, bounds: HistoryBounds, id?: string): Position {
    const log = this.#logOf(topic, bounds)
    const { epoch, top } = log
    const known = fault === 'repeats' || id === undefined ? undefined : log.kept.find((kept) => kept.id === id)
    if (known !== undefined) return { epoch, offset: known.stored.offset }
    const stored = { epoch, offset: ++this.#offset, previous: fault === 'forks' && top % 7 === 0 ? 1 : top, message }
    log.top = stored.offset
    log.kept = [...log.kept, { stored, id, atMs: Date.now() }].slice(-bounds.maxMessages)
    this.emit('stored', topic, stored)
    if (fault === 'echoes') this.emit('stored', topic, stored)
    return { epoch, offset: stored.offset }
  }

  read (topic: string, since: Position | undefined, limit: number, bounds: HistoryBounds): HistoryPart {
    const { epoch, top, kept } = this.#logOf(topic, bounds)
    const newer = kept.map(({ stored }) => stored).filter(({ offset }) => offset > (since?.offset ?? 0))
    return { top: { epoch, offset: top }, messages: limit === 0 ? [] : newer.slice(-limit) }
  }

  put (node: string, topic: string, members: ReadonlyMap<string, string | undefined>, leaseMs: number): void {
    if (!this.nodes.has(node)) this.#leases.set(node, { endMs: Date.now() + leaseMs, isRenewed: fault === 'trusts' })
    const map = this.mapOf(topic)
    const isTold = ([member, text]: [string, string | undefined]): boolean => fault === 'retells' || map.members.get(member) !== text
    const changed = new Map([...members].filter(isTold))
    if (changed.size === 0) return
    for (const [member, text] of changed) {
      if (text === undefined) map.members.delete(member)
      else map.members.set(member, text)
    }
    const previous = fault === 'skips' ? map.offset - 1 : map.offset
    map.offset = ++this.#offset
    this.emit('members', topic, { epoch: map.epoch, offset: map.offset, previous, members: changed })
  }

  lease (node: string, topics: readonly string[], leaseMs: number): Lease {
    const wasGood = this.nodes.has(node) && this.#leases.get(node)!.isRenewed
    this.#leases.set(node, { endMs: Date.now() + leaseMs, isRenewed: true })
    return { topics, nodes: this.nodes, wasGood }
  }

  /** The nodes that have a lease. */
  get nodes (): Set<string> {
    return new Set([...this.#leases].filter(([, { endMs }]) => endMs > Date.now()).map(([node]) => node))
  }

  hasMap (topic: string): boolean {
    return this.#maps.has(topic)
  }

  mapOf (topic: string): MembersMap {
    const offset = ++this.#offset
    const map = this.#maps.get(topic) ?? { epoch: fault === 'resumes' ? 'e' : `e${offset}`, offset, members: new Map<string, string>() }
    this.#maps.set(topic, map)
    return map
  }

  #logOf (topic: string, { maxAgeMs }: HistoryBounds): Log {
    const offset = ++this.#offset
    const log = this.#logs.get(topic) ?? { epoch: fault === 'reuses' ? 'e' : `e${offset}`, top: offset, kept: [] }
    log.kept = log.kept.filter(({ atMs }) => Date.now() - atMs <= maxAgeMs)
    this.#logs.set(topic, log)
    return log
  }
}

class HubBroker implements Broker {
  readonly name = 'hub'
  readonly history: BrokerHistory = { append: this.#append.bind(this), read: this.#read.bind(this) }
  readonly members: BrokerMembers = {
    put: async (topic, members, leaseMs) => {
      await this.#check()
      this.#hub.put(this.#host!.node, topic, members, leaseMs)
    },
    all: async (topic): Promise<MembersPart> => {
      await this.#check()
      const { epoch, offset, members } = this.#hub.mapOf(topic)
      return { epoch, offset, members: new Map(members), nodes: fault === 'hides' ? new Set() : this.#hub.nodes }
    },
    lease: async (topics, leaseMs) => {
      const isAway = await this.#check().then(() => false, () => true)
      return isAway || topics.length === 0 ? [] : [this.#hub.lease(this.#host!.node, topics, leaseMs)]
    },
    keep: async (topics) => {
      const isAway = await this.#check().then(() => false, () => true)
      const kept = isAway ? [] : topics.filter((topic) => this.#hub.hasMap(topic))
      return new Map(kept.map((topic) => [topic, { epoch: this.#hub.mapOf(topic).epoch, offset: this.#hub.mapOf(topic).offset }]))
    }
  }

  readonly #hub: Hub
  readonly #topics = new Set<string>()
  readonly #kept: Array<[topic: string, message: string]> = []
  #host: BrokerHost | undefined
  #isReady = false

  constructor (hub: Hub) {
    this.#hub = hub.setMaxListeners(0)
  }

  start (host: BrokerHost): void {
    this.#host = host
    this.#hub.on('up', () => this.#rise())
    this.#hub.on('down', () => this.#fall())
    this.#hub.on('message', (topic: string, message: string) => this.#hear(topic, message))
    this.#hub.on('stored', (topic: string, stored: Stored) => { if (this.#topics.has(topic)) this.#host?.heardStored(topic, stored) })
    this.#hub.on('members', (topic: string, change: MembersChange) => {
      if (this.#topics.has(topic)) this.#host?.heardMembers(topic, change)
    })
    if (this.#hub.isUp) this.#rise()
    else this.#fall()
  }

  async subscribe (topic: string): Promise<void> {
    this.#topics.add(topic)
    await this.#check()
  }

  unsubscribe (topic: string): void {
    this.#topics.delete(topic)
  }

  async publish (topic: string, message: string): Promise<void> {
    if (fault === 'queues' && !this.#isReady) this.#kept.push([topic, message])
    await this.#check()
    if (fault === 'swaps' && message.endsWith('7')) await pause(20)
    this.#hub.emit('message', topic, fault === 'changes' ? message.replace('7', '8') : message)
    if (fault === 'doubles') this.#hub.emit('message', topic, message)
  }

  async ask (topic: string, message: string): Promise<number> {
    await this.publish(topic, message)
    return 3
  }

  async close (): Promise<void> {
    this.#host = undefined
    this.#isReady = false
  }

  async #append (topic: string, message: string, bounds: HistoryBounds, id?: string): Promise<Position> {
    if (fault === 'queues' && !this.#isReady) this.#hub.append(topic, message, bounds)
    await this.#check()
    return this.#hub.append(topic, message, bounds, id)
  }

  async #read (...args: Parameters<BrokerHistory['read']>): Promise<HistoryPart> {
    await this.#check()
    return this.#hub.read(...args)
  }

  async #check (): Promise<void> {
    if (!this.#isReady) throw Object.assign(new Error('away'), { code: 'UNAVAILABLE' })
    if (!this.#hub.isHung) return
    await pause(1000)
    throw Object.assign(new Error('hung'), { code: 'TIMEOUT' })
  }

  #hear (topic: string, message: string): void {
    if (this.#topics.has(topic)) this.#host?.heard(topic, message)
  }

  #rise (): void {
    if (this.#host === undefined) return
    this.#isReady = true
    this.#host.resumed()
    this.#host.changed('ready')
    for (const [topic, message] of this.#kept.splice(0)) this.#hub.emit('message', topic, message)
  }

  #fall (): void {
    if (this.#isReady) this.#host?.interrupted()
    this.#isReady = false
    this.#host?.changed('away')
  }
}

const suite = {
  name: 'planted',
  skip: false,
  only: title,
  engine: async () => new Hub(),
  broker: async (_t: unknown, hub: Hub) => new HubBroker(hub)
} as const

brokerSuite(suite)
historySuite(suite)
membersSuite(suite)
