import type { Broker, BrokerHistory, BrokerHost, BrokerMembers, BrokerState, Lease, Position } from '../../types/broker.js'
import { crc16 } from './hash.js'

/**
 * Spreads topics over several engines, by their names: one that is full does not hold the others
 * up. Every node must be given the same list in the same order.
 *
 * @param brokers - two or more. To add one moves only the topics that it takes over.
 * @throws `TypeError` for an empty list.
 *
 * @example
 * await app.register(fastifyTypedWs, { broker: shards([redis(first), redis(second)]) })
 */
export function shards (brokers: readonly Broker[]): Broker {
  if (!Array.isArray(brokers) || brokers.length === 0) {
    throw new TypeError('shards() takes a list of brokers: write shards([redis(first), redis(second)])')
  }
  return new ShardedBroker(brokers)
}

const BUCKETS = 4096

class ShardedBroker implements Broker {
  readonly name: string
  readonly history?: BrokerHistory
  readonly members?: BrokerMembers
  readonly #shards: readonly Shard[]
  readonly #shardOf: readonly number[]
  readonly #away = new Set<Shard>()
  #host: BrokerHost | undefined

  constructor (brokers: readonly Broker[]) {
    this.name = `shards of ${[...new Set(brokers.map(({ name }) => name))].join(', ')}`
    this.#shards = brokers.map((broker) => new Shard(broker))
    if (brokers.every(({ history }) => history !== undefined)) this.history = this.#historyOf()
    if (brokers.every(({ members }) => members !== undefined)) this.members = this.#membersOf()
    this.#shardOf = Array.from({ length: BUCKETS }, (_, bucket) => jump(BigInt(bucket), brokers.length))
  }

  start (host: BrokerHost): void {
    this.#host = host
    for (const shard of this.#shards) {
      this.#away.add(shard)
      shard.broker.start(this.#hostOf(shard, host))
    }
  }

  subscribe (topic: string): Promise<void> {
    const shard = this.#of(topic)
    shard.topics.add(topic)
    return shard.broker.subscribe(topic)
  }

  unsubscribe (topic: string): void {
    const shard = this.#of(topic)
    shard.topics.delete(topic)
    shard.broker.unsubscribe(topic)
  }

  publish (topic: string, message: string): Promise<void> {
    return this.#of(topic).broker.publish(topic, message)
  }

  ask (topic: string, message: string): Promise<number> {
    return this.#of(topic).broker.ask(topic, message)
  }

  async close (): Promise<void> {
    await Promise.all(this.#shards.map(({ broker }) => broker.close()))
  }

  #of (topic: string): Shard {
    return this.#shards[this.#shardOf[crc16(topic) % BUCKETS]!]!
  }

  #historyOf (): BrokerHistory {
    return {
      prepare: async (...kind) => {
        await Promise.all(this.#shards.map(async ({ broker }) => broker.history!.prepare?.(...kind)))
      },
      append: (topic, ...rest) => this.#of(topic).broker.history!.append(topic, ...rest),
      read: (topic, ...rest) => this.#of(topic).broker.history!.read(topic, ...rest)
    }
  }

  #membersOf (): BrokerMembers {
    return {
      put: (topic, ...rest) => this.#of(topic).broker.members!.put(topic, ...rest),
      all: (topic) => this.#of(topic).broker.members!.all(topic),
      lease: async (topics, leaseMs) => {
        const leases = await this.#askEach(topics, (members, part) => members.lease(part, leaseMs), [] as readonly Lease[])
        return leases.flat()
      },
      keep: async (topics) => {
        const none: ReadonlyMap<string, Position> = new Map()
        const positions = await this.#askEach(topics, (members, part) => members.keep(part), none)
        return new Map(positions.flatMap((part) => [...part]))
      }
    }
  }

  // An engine that is away does not hold the others up.
  async #askEach<T> (topics: readonly string[], ask: AskPart<T>, none: T): Promise<T[]> {
    const parts = new Map<Shard, string[]>()
    for (const topic of topics) add(parts, this.#of(topic), topic)
    return Promise.all(Array.from(parts, async ([{ broker }, part]) => ask(broker.members!, part).catch(() => none)))
  }

  #hostOf (shard: Shard, host: BrokerHost): BrokerHost {
    return {
      node: host.node,
      heard: (topic, message) => host.heard(topic, message),
      heardStored: (topic, stored) => host.heardStored(topic, stored),
      heardMembers: (topic, change) => host.heardMembers(topic, change),
      interrupted: (topics) => host.interrupted(topics ?? shard.topics),
      resumed: (topics) => host.resumed(topics ?? shard.topics),
      changed: (state, reason) => this.#changed(shard, state, reason)
    }
  }

  // Ready when all are: until then some topics have no other nodes.
  #changed (shard: Shard, state: BrokerState, reason: unknown): void {
    if (state === 'away') {
      this.#away.add(shard)
      this.#host?.changed('away', reason)
    } else if (this.#away.delete(shard) && this.#away.size === 0) {
      this.#host?.changed('ready')
    }
  }
}

type AskPart<T> = (members: BrokerMembers, part: readonly string[]) => Promise<T>

/** One engine, and the topics that are heard through it. */
class Shard {
  readonly broker: Broker
  readonly topics = new Set<string>()

  constructor (broker: Broker) {
    this.broker = broker
  }
}

// Jump consistent hash (Lamping, Veach 2014): with one bucket more, only what it takes over moves.
function jump (key: bigint, buckets: number): number {
  let [random, chosen, next] = [key, -1, 0]
  while (next < buckets) {
    chosen = next
    random = BigInt.asUintN(64, random * 2862933555777941757n + 1n)
    next = Math.floor((chosen + 1) * (2 ** 31 / (Number(random >> 33n) + 1)))
  }
  return chosen
}

function add (parts: Map<Shard, string[]>, shard: Shard, topic: string): void {
  const part = parts.get(shard)
  if (part === undefined) parts.set(shard, [topic])
  else part.push(topic)
}
