import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { nats, type NatsConnection } from '../../lib/brokers/nats.js'
import { redis } from '../../lib/brokers/redis.js'
import type { Broker } from '../../lib/index.js'
import type { Teardown } from './helper.js'

/** An engine, or a proxy before it. */
interface Engine {
  readonly port: number
}

// By a name that TypeScript does not follow: the declarations of this package do not compile with
// `exactOptionalPropertyTypes`.
const library: string = '@nats-io/transport-node'
const { connect } = await import(library) as {
  connect (options: object): Promise<NatsConnection & { close (): Promise<void> }>
}

interface User {
  readonly username?: string
  readonly password?: string
}

interface NatsUser {
  readonly user?: string
  readonly pass?: string
}

/** A client of the app's own, which ends with the test. */
export function redisClient (t: Teardown, { port }: Engine, user: User = {}): Redis {
  const client = new Redis({ port, host: '127.0.0.1', ...user }).on('error', () => {})
  t.teardown(() => client.disconnect())
  return client
}

export async function redisBroker (t: Teardown, engine: Engine): Promise<Broker> {
  return redis(redisClient(t, engine))
}

/** By node-redis; its own client need not be connected. */
export async function nodeRedisBroker (_t: Teardown, { port }: Engine): Promise<Broker> {
  return redis(createClient({ url: `redis://127.0.0.1:${port}` }))
}

/** A connection of the app's own, which ends with the test. */
export async function natsClient (t: Teardown, { port }: Engine, user: NatsUser = {}): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 100, ...user })
  t.teardown(() => connection.close())
  return connection
}

export async function natsBroker (t: Teardown, engine: Engine): Promise<Broker> {
  return nats(await natsClient(t, engine))
}
