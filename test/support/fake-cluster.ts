// A Redis Cluster that exists only here, as ioredis shows it. Each answer is scripted.
import { EventEmitter } from 'node:events'
import type { ClusterClient } from '../../lib/brokers/redis-topology.js'

type Slots = Array<[first: number, last: number, master: [host: string | null, port: number]]>

/** One connection to a master, which publishes or hears. */
class FakeConnection extends EventEmitter {
  status = 'connecting'
  readonly #master: FakeMaster

  constructor (master: FakeMaster) {
    super()
    this.#master = master
  }

  disconnect (): void {
    this.status = 'end'
  }

  async spublish (channel: string, message: string): Promise<number> {
    if (this.#master.refusal !== undefined) throw this.#master.refusal
    this.#master.published.push([channel, message])
    return 1
  }

  async call (...words: string[]): Promise<unknown> {
    if (this.#master.refusal !== undefined) throw this.#master.refusal
    this.#master.commands.push(words)
    return this.#master.answer
  }

  async ssubscribe (...channels: string[]): Promise<void> {
    this.#master.waiting++
    await this.#master.held
    this.#master.waiting--
    if (this.#master.refusal !== undefined) throw this.#master.refusal
    for (const channel of channels) this.#master.heard.add(channel)
  }

  async sunsubscribe (...channels: string[]): Promise<void> {
    for (const channel of channels) this.#master.heard.delete(channel)
  }
}

/** A master of the Cluster, as it is towards one broker. */
export class FakeMaster {
  connections: FakeConnection[] = []
  readonly published: Array<[channel: string, message: string]> = []
  readonly heard = new Set<string>()
  readonly commands: string[][] = []
  /** The answer to each command. */
  answer: unknown
  /** Subscriptions that are not answered yet. */
  waiting = 0
  /** Subscriptions are not answered before it. */
  held: Promise<void> | undefined
  /** The answer to everything. */
  refusal: Error | undefined

  get hasEnded (): boolean {
    return this.connections.every(({ status }) => status === 'end')
  }

  /** The connections have come, or have come again. */
  connect (): void {
    for (const connection of this.connections) connection.status = 'ready'
    this.tell('ready')
  }

  lose (): void {
    for (const connection of this.connections) connection.status = 'reconnecting'
    this.tell('close')
  }

  tell (event: 'ready' | 'close'): void {
    for (const connection of this.connections) connection.emit(event)
  }

  /** Reaches the connection that hears: it is opened last. */
  push (event: 'smessage' | 'moved', ...values: string[]): void {
    this.connections.at(-1)!.emit(event, ...values)
  }
}

/** A Redis that tells of the Cluster. */
export class FakeRedis {
  readonly options = { host: 'seen' }
  epoch = 1
  state = 'ok'
  slots: Slots = [[0, 16_383, ['a', 1]]]
  held: Promise<void> | undefined
  error: Error | undefined
  /** How many times it was asked. */
  count = 0
  readonly #masters: Map<string, FakeMaster>

  constructor (masters = new Map<string, FakeMaster>()) {
    this.#masters = masters
  }

  async call (_command: string, what: string): Promise<unknown> {
    if (what === 'SLOTS') this.count++
    await this.held
    if (this.error !== undefined) throw this.error
    return what === 'SLOTS' ? this.slots : `cluster_state:${this.state}\r\ncluster_current_epoch:${this.epoch}\r\n`
  }

  duplicate (options: { readonly host: string, readonly port: number }): FakeConnection {
    const master = this.#masters.get(`${options.host}:${options.port}`)!
    const connection = new FakeConnection(master)
    master.connections.push(connection)
    return Object.assign(connection, { options })
  }
}

/** A Cluster of ioredis. */
export class FakeCluster extends EventEmitter implements ClusterClient {
  readonly isCluster = true
  readonly options: NonNullable<ClusterClient['options']>
  readonly a = new FakeMaster()
  readonly b = new FakeMaster()
  readonly redis = new FakeRedis(new Map([['a:1', this.a], ['b:2', this.b]]))
  found: FakeRedis[] = [this.redis]
  isConnected = true

  constructor (options: NonNullable<ClusterClient['options']> = {}) {
    super()
    this.options = options
  }

  duplicate (): this {
    return this
  }

  nodes (): FakeRedis[] {
    return this.found
  }

  disconnect (): void {
    this.isConnected = false
  }
}
