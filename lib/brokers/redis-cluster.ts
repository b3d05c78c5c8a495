import { setTimeout as pause } from 'node:timers/promises'
import type { Broker, BrokerHost } from '../../types/broker.js'
import { BrokerError } from './failure.js'
import type { IoredisClient } from './ioredis.js'
import { Partitions } from './partitions.js'
import { RedisBroker } from './redis-broker.js'
import { shardedChannels } from './redis-channels.js'
import { RedisHistory } from './redis-history.js'
import { RedisMembers } from './redis-members.js'
import type { OpenRedis } from './redis-connection.js'
import type { RunScript } from './redis-scripts.js'
import { RedisTopology, type ClusterClient, type TopologyOwner } from './redis-topology.js'

const RETRY_MS = 100

/** A master, reached by connections of our own, and the partitions that it has. */
interface Master {
  readonly broker: RedisBroker
  readonly partitions: Set<Partition>
  /** It vouches for the topics that it has answered for. */
  isSound: boolean
}

/** Topics that share a slot. */
interface Partition {
  readonly index: number
  readonly topics: Set<string>
  master: Master | undefined
  /** The master has answered for all topics that were moved to it. */
  isHeard: boolean
}

/**
 * A Cluster, by sharded pub/sub. A partition is heard from its master; where it moves, its topics
 * are interrupted until the new master has answered for them.
 */
export class RedisClusterBroker implements Broker, TopologyOwner {
  readonly name = 'redis'
  readonly history: RedisHistory
  readonly members: RedisMembers
  readonly #openerOf: (client: IoredisClient) => OpenRedis
  readonly #prefix: string
  readonly #names = new Partitions()
  readonly #partitions: readonly Partition[]
  readonly #masters = new Map<string, Master>()
  readonly #topology: RedisTopology
  #node = ''
  #host: BrokerHost | undefined
  // Why some topics have no other nodes.
  #reason: unknown

  /** @param openerOf - opens connections to one Redis, with the options of a client. */
  constructor (client: ClusterClient, openerOf: (client: IoredisClient) => OpenRedis, prefix: string) {
    this.#openerOf = openerOf
    this.#prefix = prefix
    const channels = shardedChannels(prefix, this.#names, () => 0)
    const run: RunScript = async (topic, ...script) => this.#ask(topic, (broker) => broker.run(...script))
    this.history = new RedisHistory(channels, run)
    this.members = new RedisMembers(channels, run, () => this.#node)
    this.#topology = new RedisTopology(client, this.#names, this)
    const indexes = Array.from({ length: this.#names.count }, (_, index) => index)
    this.#partitions = indexes.map((index) => ({ index, topics: new Set(), master: undefined, isHeard: false }))
  }

  start (host: BrokerHost): void {
    this.#host = host
    this.#node = host.node
    this.#topology.open()
  }

  async subscribe (topic: string): Promise<void> {
    const partition = this.#of(topic)
    partition.topics.add(topic)
    const { master } = partition
    if (master === undefined) throw nowhere()
    await master.broker.subscribe(topic)
    // The partition has moved on, or its master has ended subscriptions.
    if (partition.master !== master || !master.isSound) throw nowhere()
  }

  unsubscribe (topic: string): void {
    const { topics, master } = this.#of(topic)
    topics.delete(topic)
    master?.broker.unsubscribe(topic)
  }

  async publish (topic: string, message: string): Promise<void> {
    await this.ask(topic, message)
  }

  async ask (topic: string, message: string): Promise<number> {
    return this.#ask(topic, (broker) => broker.ask(topic, message))
  }

  async close (): Promise<void> {
    this.#host = undefined
    this.#topology.close()
    await Promise.all([...this.#masters.values()].map(({ broker }) => broker.close()))
  }

  onView (addresses: ReadonlyArray<string | undefined>): void {
    const host = this.#host!
    let reason = this.#reason
    for (const [index, address] of addresses.entries()) {
      const partition = this.#partitions[index]!
      const master = address === undefined ? undefined : this.#masterAt(address, host)
      if (master === partition.master) continue
      reason = new Error('slots of the Cluster move, or have no master')
      this.#move(host, partition, master)
    }
    for (const [address, { broker, partitions }] of this.#masters) {
      if (partitions.size > 0) continue
      this.#masters.delete(address)
      void broker.close()
    }
    this.#tell(reason)
  }

  onAway (reason: unknown): void {
    this.#tell(reason)
  }

  #of (topic: string): Partition {
    return this.#partitions[this.#names.indexOf(topic)]!
  }

  async #ask<T> (topic: string, ask: (broker: RedisBroker) => Promise<T>): Promise<T> {
    const { master } = this.#of(topic)
    if (master === undefined) throw nowhere()
    try {
      return await ask(master.broker)
    } catch (error) {
      this.#topology.refresh()
      throw error
    }
  }

  #masterAt (address: string, host: BrokerHost): Master {
    const known = this.#masters.get(address)
    if (known !== undefined) return known
    const [client, partitions] = [this.#topology.clientOf(address), new Set<Partition>()]
    const channels = shardedChannels(this.#prefix, this.#names, () => [...partitions][0]!.index)
    const broker = new RedisBroker(this.#openerOf(client), channels, () => this.#topology.refresh())
    const master = { broker, partitions, isSound: false }
    this.#masters.set(address, master)
    broker.start(this.#hostOf(master, host))
    return master
  }

  #hostOf (master: Master, host: BrokerHost): BrokerHost {
    return {
      node: host.node,
      heard: host.heard.bind(host),
      heardStored: host.heardStored.bind(host),
      heardMembers: host.heardMembers.bind(host),
      interrupted: () => {
        master.isSound = false
        host.interrupted(topicsOf(master.partitions))
      },
      resumed: () => {
        master.isSound = true
        host.resumed(topicsOf([...master.partitions].filter(({ isHeard }) => isHeard)))
      },
      changed: (state, reason) => {
        if (state === 'away') this.#topology.refresh()
        this.#tell(reason)
      }
    }
  }

  #move (host: BrokerHost, partition: Partition, master: Master | undefined): void {
    host.interrupted(partition.topics)
    for (const topic of partition.topics) partition.master?.broker.unsubscribe(topic)
    partition.master?.partitions.delete(partition)
    partition.master = master
    partition.isHeard = false
    master?.partitions.add(partition)
    if (master !== undefined) void this.#hear(host, partition, master)
  }

  // Until the new master has answered for all of them, or the partition has moved on.
  async #hear (host: BrokerHost, partition: Partition, master: Master): Promise<void> {
    while (this.#host !== undefined && partition.master === master) {
      const topics = [...partition.topics]
      try {
        await Promise.all(topics.map(async (topic) => master.broker.subscribe(topic)))
        return this.#heard(host, partition, master, topics)
      } catch {
        this.#topology.refresh()
        await pause(RETRY_MS, undefined, { ref: false })
      }
    }
  }

  #heard (host: BrokerHost, partition: Partition, master: Master, topics: readonly string[]): void {
    if (this.#host === undefined || partition.master !== master) return
    partition.isHeard = true
    // Otherwise its master resumes them, together with its others.
    if (master.isSound) host.resumed(topics)
    this.#tell()
  }

  // Ready when every partition is: until then some topics have no other nodes.
  #tell (reason: unknown = this.#reason): void {
    const isReady = this.#partitions.every(({ master, isHeard }) => isHeard && master?.isSound === true)
    this.#reason = isReady ? undefined : reason
    this.#host?.changed(isReady ? 'ready' : 'away', this.#reason)
  }
}

function topicsOf (partitions: Iterable<Partition>): string[] {
  return [...partitions].flatMap(({ topics }) => [...topics])
}

function nowhere (): BrokerError {
  return new BrokerError('UNAVAILABLE', 'the slot of the topic has no master that is known')
}
