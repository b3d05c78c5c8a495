import { BrokerError } from './failure.js'
import { COMMAND_TIMEOUT_MS, CONNECT_TIMEOUT_MS, pauseMs, type RedisConnection, type RedisConnectionOwner } from './redis-connection.js'

/** The part of a client of ioredis that is used: `new Redis(…)`. */
export interface IoredisClient {
  readonly isCluster?: boolean
  duplicate (...values: never[]): unknown
}

/** The members of a connection of ioredis that are used here. */
interface Connection {
  readonly status: string
  on (event: string, listener: (...values: never[]) => void): this
  removeAllListeners (): this
  publish (channel: string, message: string): Promise<number>
  subscribe (...channels: string[]): Promise<unknown>
  unsubscribe (...channels: string[]): Promise<unknown>
  spublish (channel: string, message: string): Promise<number>
  ssubscribe (...channels: string[]): Promise<unknown>
  sunsubscribe (...channels: string[]): Promise<unknown>
  call (...words: string[]): Promise<unknown>
  disconnect (): void
}

// Nothing is kept for later, and nothing is sent twice.
const STRICT = {
  lazyConnect: false,
  keyPrefix: '',
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
  retryStrategy: pauseMs
}

/** A connection by ioredis, which finds its Redis directly or by Sentinel. */
export class Ioredis implements RedisConnection {
  protected readonly connection: Connection
  #reason: unknown

  constructor (client: IoredisClient, task: 'publish' | 'hear', owner: RedisConnectionOwner) {
    const options = { ...STRICT, enableAutoPipelining: task === 'publish' }
    const connection = client.duplicate(...[options] as never[]) as Connection
    this.connection = connection
    connection.on('error', (error: Error) => { this.#reason = error })
    connection.on('ready', () => {
      this.#reason = undefined
      owner.onReady()
    })
    connection.on('close', () => owner.onAway(this.#reason ?? new Error('the connection has ended')))
    connection.on('message', (channel: string, message: string) => owner.onMessage(channel, message))
  }

  get isReady (): boolean {
    return this.connection.status === 'ready'
  }

  async publish (channel: string, message: string): Promise<number> {
    return this.connection.publish(channel, message).catch((error: unknown) => { throw failureOf(error as Error) })
  }

  async subscribe (channels: readonly string[]): Promise<unknown> {
    return this.connection.subscribe(...channels)
  }

  async unsubscribe (channels: readonly string[]): Promise<unknown> {
    return this.connection.unsubscribe(...channels)
  }

  async command (words: readonly string[]): Promise<unknown> {
    return this.connection.call(...words).catch((error: unknown) => { throw failureOf(error as Error) })
  }

  close (): void {
    this.connection.removeAllListeners()
    // A connection that is given up may still fail.
    this.connection.on('error', () => {})
    this.connection.disconnect()
  }
}

/** A connection to one Redis of a Cluster, by sharded pub/sub. */
export class ShardedIoredis extends Ioredis {
  constructor (client: IoredisClient, task: 'publish' | 'hear', owner: RedisConnectionOwner) {
    super(client, task, owner)
    this.connection.on('smessage', (channel: string, message: string) => owner.onMessage(channel, message))
    this.connection.on('moved', () => owner.onMoved())
  }

  override async publish (channel: string, message: string): Promise<number> {
    return this.connection.spublish(channel, message).catch((error: unknown) => { throw failureOf(error as Error) })
  }

  override async subscribe (channels: readonly string[]): Promise<unknown> {
    return this.connection.ssubscribe(...channels)
  }

  override async unsubscribe (channels: readonly string[]): Promise<unknown> {
    return this.connection.sunsubscribe(...channels)
  }
}

// An error that Redis answers with is a refusal; without an answer the message may have arrived.
function failureOf (error: Error): BrokerError {
  const isRefused = error.name === 'ReplyError' || /isn't writeable|isn't ready/.test(error.message)
  return new BrokerError(isRefused ? 'UNAVAILABLE' : 'TIMEOUT', `Redis: ${error.message}`, error)
}
