import type { Broker } from '../../types/broker.js'
import { Ioredis, ShardedIoredis, type IoredisClient } from './ioredis.js'
import { NodeRedis, ShardedNodeRedis, type NodeRedisClient } from './node-redis.js'
import { NodeRedisCluster, type NodeRedisClusterClient } from './node-redis-cluster.js'
import { RedisBroker } from './redis-broker.js'
import { plainChannels } from './redis-channels.js'
import { RedisClusterBroker } from './redis-cluster.js'
import type { ClusterClient } from './redis-topology.js'
import type { OpenRedis } from './redis-connection.js'

/** The part of a client that is used: of ioredis, or of node-redis. */
export type RedisClient = IoredisClient | NodeRedisClient | NodeRedisClusterClient

/** How topics are carried by Redis. */
export interface RedisBrokerOptions {
  /**
   * Stands before the names of all channels, so that several services can use one Redis. Default
   * `'typed-ws:'`.
   */
  readonly prefix?: string
}

/**
 * Topics have members on every node that uses the same Redis 7 or Valkey.
 *
 * Two connections are opened beside the given one, with its options and by its `duplicate()`. The
 * given client is never used otherwise, and not closed.
 *
 * A Cluster carries topics by sharded pub/sub, in 256 partitions, over two connections to each
 * master. While a slot moves or a master is replaced, its topics are interrupted.
 *
 * @param client - a client of ioredis 6, such as `app.redis` of @fastify/redis 9: `new Redis(…)` or
 *   `new Cluster(…)`; or one of node-redis: `createClient(…)` of 5 or 6, `createCluster(…)` of 6.
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
  check(client)
  if (isNodeRedisCluster(client)) {
    return new RedisClusterBroker(new NodeRedisCluster(client), (one) => (_task, owner) => new ShardedNodeRedis(one, owner), prefix)
  }
  if (isCluster(client)) {
    return new RedisClusterBroker(client, (one) => (task, owner) => new ShardedIoredis(one, task, owner), prefix)
  }
  return new RedisBroker(openerOf(client), plainChannels(prefix))
}

function openerOf (client: IoredisClient | NodeRedisClient): OpenRedis {
  return 'isPubSubActive' in client
    ? (_task, owner) => new NodeRedis(client, owner)
    : (task, owner) => new Ioredis(client, task, owner)
}

function isNodeRedisCluster (client: RedisClient): client is NodeRedisClusterClient {
  return 'nodeClient' in client && 'sSubscribe' in client
}

function isCluster (client: RedisClient): client is ClusterClient {
  return 'isCluster' in client && client.isCluster === true
}

function check (client: unknown): void {
  const { duplicate, subscribe, sSubscribe, isPubSubActive, nodeClient } = Object(client) as Readonly<Record<string, unknown>>
  if (typeof duplicate !== 'function') {
    const advice = 'write redis(app.redis) after registering @fastify/redis, redis(new Redis(url)) or redis(createClient({ url }))'
    throw new TypeError(`redis() takes a client of ioredis 6 or node-redis: ${advice}`)
  }
  const isOther = isPubSubActive === undefined && nodeClient === undefined
  if (typeof subscribe === 'function' && typeof sSubscribe === 'function' && isOther) {
    throw new TypeError('redis() takes of node-redis what createClient() or createCluster() makes, and no createSentinel()')
  }
}
