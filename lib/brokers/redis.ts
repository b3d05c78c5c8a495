import { setTimeout as pause } from 'node:timers/promises'
import type { Broker, BrokerHost } from '../../types/broker.js'
import { BrokerError, within } from './failure.js'
import { Ioredis, type IoredisClient } from './ioredis.js'
import { NodeRedis, type NodeRedisClient } from './node-redis.js'
import { Probe } from './probe.js'
import type { OpenRedis, RedisConnectionOwner } from './redis-connection.js'
import { RedisLink } from './redis-link.js'
import { EngineSubscriptions, type EngineSubscriptionsOwner } from './engine-subscriptions.js'

/** The part of a client that is used: of ioredis, or of node-redis. */
export type RedisClient = IoredisClient | NodeRedisClient

/** How topics are carried by Redis. */
export interface RedisBrokerOptions {
  /**
   * Stands before the names of all channels, so that several services can use one Redis. Default
   * `'typed-ws:'`.
   */
  readonly prefix?: string
}

const TIMEOUT_MS = 1000
const RETRY_MS = 100

/**
 * Topics have members on every node that uses the same Redis 7 or Valkey.
 *
 * Two connections are opened beside the given one, with its options and by its `duplicate()`. The
 * given client is never used otherwise, and not closed.
 *
 * @param client - a client of ioredis 6, such as `app.redis` of @fastify/redis 9: `new Redis(…)`;
 *   or one of node-redis 5 or 6: `createClient(…)`.
 * @throws `TypeError` for anything else.
 *
 * @example
 * import fastifyRedis from '@fastify/redis'
 * import { redis } from 'fastify-typed-ws/redis'
 *
 * await app.register(fastifyRedis, { url: 'redis://localhost:6379' })
 * await app.register(fastifyTypedWs, { broker: redis(app.redis) })
 */
export function redis (client: RedisClient, { prefix = 'typed-ws:' }: RedisBrokerOptions = {}): Broker {
  return new RedisBroker(openerOf(client), prefix)
}

class RedisBroker implements Broker, RedisConnectionOwner, EngineSubscriptionsOwner {
  readonly name = 'redis'
  readonly #link: RedisLink
  readonly #prefix: string
  readonly #subscriptions = new EngineSubscriptions(this)
  readonly #inFlight = new Set<Promise<unknown>>()
  #host: BrokerHost | undefined
  #probe: Probe | undefined
  #isReady = false

  constructor (open: OpenRedis, prefix: string) {
    this.#link = new RedisLink(open, this)
    this.#prefix = prefix
  }

  start (host: BrokerHost): void {
    this.#host = host
    this.#probe = new Probe(`${this.#prefix}?${host.node}`, {
      send: (channel) => this.#link.publish(channel, ''),
      fail: () => this.#link.renew(new BrokerError('TIMEOUT', 'its own probe did not come back'))
    })
    this.#link.open()
  }

  subscribe (topic: string): Promise<void> {
    return this.#subscriptions.add(topic)
  }

  unsubscribe (topic: string): void {
    this.#subscriptions.remove(topic)
  }

  async publish (topic: string, message: string): Promise<void> {
    await this.ask(topic, message)
  }

  async ask (topic: string, message: string): Promise<number> {
    if (!this.#isReady) throw new BrokerError('UNAVAILABLE', 'Redis is away')
    const sent = this.#link.publish(this.#prefix + topic, message)
    this.#inFlight.add(sent)
    try {
      return await sent
    } finally {
      this.#inFlight.delete(sent)
    }
  }

  async close (): Promise<void> {
    this.#host = undefined
    this.#probe?.stop()
    this.#subscriptions.close()
    await within(Promise.allSettled(this.#inFlight), TIMEOUT_MS, 'Redis').catch(() => {})
    this.#isReady = false
    this.#link.close()
  }

  onReady (): void {
    void this.#listen()
  }

  onAway (reason: unknown): void {
    this.#probe?.stop()
    this.#subscriptions.close()
    const wasReady = this.#isReady
    this.#isReady = false
    if (wasReady) this.#host?.interrupted()
    this.#host?.changed('away', reason)
  }

  onMessage (channel: string, message: string): void {
    if (this.#probe!.heard(channel)) return
    this.#host?.heard(channel.slice(this.#prefix.length), message)
  }

  sendSubscribe (topics: readonly string[]): Promise<unknown> {
    return this.#link.subscribe(topics.map((topic) => this.#prefix + topic))
  }

  sendUnsubscribe (topics: readonly string[]): Promise<unknown> {
    return this.#link.unsubscribe(topics.map((topic) => this.#prefix + topic))
  }

  // A Redis that loads its data refuses: then it is asked again.
  async #listen (): Promise<void> {
    while (this.#host !== undefined) {
      try {
        await this.#link.subscribe([this.#probe!.channel])
        await this.#subscriptions.open()
        return this.#resume(this.#host)
      } catch {
        await pause(RETRY_MS, undefined, { ref: false })
      }
    }
  }

  // It may have been closed while it subscribed.
  #resume (host: BrokerHost | undefined): void {
    if (host === undefined) return
    this.#isReady = true
    this.#probe!.start()
    host.resumed()
    host.changed('ready')
  }
}

function openerOf (client: RedisClient): OpenRedis {
  check(client)
  return 'isPubSubActive' in client
    ? (_task, owner) => new NodeRedis(client, owner)
    : (task, owner) => new Ioredis(client, task, owner)
}

function check (client: unknown): void {
  const { duplicate, isCluster, subscribe, sSubscribe, isPubSubActive } = Object(client) as Readonly<Record<string, unknown>>
  if (typeof duplicate !== 'function') {
    const advice = 'write redis(app.redis) after registering @fastify/redis, redis(new Redis(url)) or redis(createClient({ url }))'
    throw new TypeError(`redis() takes a client of ioredis 6 or node-redis: ${advice}`)
  }
  if (isCluster === true) throw new TypeError('redis() takes no Cluster yet: write redis(new Redis(url)), or shards([…])')
  if (typeof subscribe === 'function' && typeof sSubscribe === 'function' && isPubSubActive === undefined) {
    throw new TypeError('redis() takes of node-redis what createClient() makes, and no createCluster() or createSentinel()')
  }
}
