import type { Broker, BrokerHost } from '../../types/broker.js'
import { BrokerError, within } from './failure.js'
import { Partitions } from './partitions.js'
import { Probe } from './probe.js'
import { linkTo, type RedisClient, type RedisLink, type RedisLinkOwner } from './redis-link.js'
import { Subscriptions, type SubscriptionsOwner } from './subscriptions.js'

export type { RedisClient } from './redis-link.js'

/** How topics are carried by Redis. */
export interface RedisBrokerOptions {
  /**
   * Stands before the names of all channels, so that several services can use one Redis. Default
   * `'typed-ws:'`.
   */
  readonly prefix?: string
}

const TIMEOUT_MS = 1000
const PROBES_IN_CLUSTER = 16

/**
 * Topics have members on every node that uses the same Redis 7, Valkey or Redis Cluster.
 *
 * Two connections are opened beside the given one, with its options and by its `duplicate()`. The
 * given client is never used otherwise, and not closed.
 *
 * @param client - a client of ioredis 6, such as `app.redis` of @fastify/redis 9: `new Redis(…)`,
 *   or `new Cluster(…)`, which is used by sharded pub/sub.
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
  return new RedisBroker(client, prefix)
}

class RedisBroker implements Broker, RedisLinkOwner, SubscriptionsOwner {
  readonly name = 'redis'
  readonly #link: RedisLink
  readonly #channels: Channels
  readonly #subscriptions = new Subscriptions(this)
  readonly #inFlight = new Set<Promise<unknown>>()
  #host: BrokerHost | undefined
  #probe: Probe | undefined
  #isReady = false

  constructor (client: RedisClient, prefix: string) {
    this.#link = linkTo(client, this)
    this.#channels = this.#link.isSharded ? new ShardedChannels(prefix) : new Channels(prefix)
  }

  start (host: BrokerHost): void {
    this.#host = host
    this.#probe = new Probe(this.#channels.probes(host.node), {
      send: (channel) => this.#link.publish(channel, ''),
      fail: () => this.#renew(new BrokerError('TIMEOUT', 'its own probe did not come back'))
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
    const sent = this.#link.publish(this.#channels.of(topic), message).catch((error: unknown) => { throw failureOf(error) })
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
    this.#subscriptions.open().then(() => this.#resume(), (error: unknown) => this.#renew(error))
  }

  onAway (reason: unknown): void {
    this.#probe?.stop()
    this.#subscriptions.close()
    const wasReady = this.#isReady
    this.#isReady = false
    if (wasReady) this.#host?.interrupted()
    this.#host?.changed('away', reason)
  }

  onTopologyChange (): void {
    if (!this.#isReady) return
    this.#host?.interrupted()
    this.#host?.resumed()
  }

  onMessage (channel: string, message: string): void {
    if (this.#probe?.heard(channel) === true) return
    this.#host?.heard(this.#channels.topicOf(channel), message)
  }

  sendSubscribe (topics: readonly string[]): Promise<unknown> {
    return this.#link.subscribe(topics.map((topic) => this.#channels.of(topic)))
  }

  sendUnsubscribe (topics: readonly string[]): Promise<unknown> {
    return this.#link.unsubscribe(topics.map((topic) => this.#channels.of(topic)))
  }

  groupOf (topic: string): number {
    return this.#channels.groupOf(topic)
  }

  // A close rejects the subscriptions under way: that is no reason for a new connection.
  #renew (reason: unknown): void {
    if (this.#host !== undefined) this.#link.renew(reason)
  }

  #resume (): void {
    if (this.#host === undefined) return
    this.#isReady = true
    this.#probe?.start((channels) => this.#link.subscribe(channels))
    this.#host.resumed()
    this.#host.changed('ready')
  }
}

/** The channel of each topic. */
class Channels {
  protected readonly prefix: string

  constructor (prefix: string) {
    this.prefix = prefix
  }

  of (topic: string): string {
    return this.prefix + topic
  }

  topicOf (channel: string): string {
    return channel.slice(this.prefix.length)
  }

  groupOf (_topic: string): number {
    return 0
  }

  /**
   * Channels by which a node finds out whether it still hears what it publishes; each travels
   * alone.
   */
  probes (node: string): readonly string[] {
    return [`${this.prefix}?${node}`]
  }
}

/**
 * In a Cluster: the topics of one partition share a slot, so that one command subscribes to many of
 * them.
 */
class ShardedChannels extends Channels {
  readonly #partitions = new Partitions()

  override of (topic: string): string {
    return `${this.prefix}{${this.#partitions.tagOf(topic)}}${topic}`
  }

  override topicOf (channel: string): string {
    return channel.slice(channel.indexOf('}', this.prefix.length) + 1)
  }

  override groupOf (topic: string): number {
    return this.#partitions.indexOf(topic)
  }

  override probes (node: string): readonly string[] {
    return this.#partitions.spread(PROBES_IN_CLUSTER).map((tag) => `${this.prefix}{${tag}}?${node}`)
  }
}

// An error that Redis answers with is a refusal; without an answer the message may have arrived.
function failureOf (error: unknown): BrokerError {
  const { name, message } = error as Error
  const isRefused = name === 'ReplyError' || /isn't writeable|isn't ready/.test(message)
  return new BrokerError(isRefused ? 'UNAVAILABLE' : 'TIMEOUT', `Redis: ${message}`, error)
}
