import { BrokerError, within } from './failure.js'
import { COMMAND_TIMEOUT_MS, CONNECT_TIMEOUT_MS, pauseMs, type RedisConnection, type RedisConnectionOwner } from './redis-connection.js'

/** The part of a client of node-redis that is used: `createClient(…)`. */
export interface NodeRedisClient {
  readonly isPubSubActive?: boolean
  readonly options?: object
  duplicate (...values: never[]): unknown
}

type Listener = (message: string, channel: string) => void

/** The members of a connection of node-redis that are used here. */
interface Connection {
  readonly isReady: boolean
  on (event: string, listener: (...values: never[]) => void): this
  connect (): Promise<unknown>
  publish (channel: string, message: string): Promise<number>
  subscribe (channels: readonly string[], listener: Listener): Promise<unknown>
  unsubscribe (channels: readonly string[], listener: Listener): Promise<unknown>
  sPublish (channel: string, message: string): Promise<number>
  sSubscribe (channels: readonly string[], listener: Listener): Promise<unknown>
  sUnsubscribe (channels: readonly string[], listener: Listener): Promise<unknown>
  sendCommand (words: readonly string[]): Promise<unknown>
  destroy (): void
}

/**
 * A connection by node-redis. It lives once: a new one is made where it ends, because node-redis
 * would subscribe again by itself, also to topics that were left meanwhile.
 */
export class NodeRedis implements RedisConnection {
  readonly #client: NodeRedisClient
  protected readonly owner: RedisConnectionOwner
  protected readonly listener: Listener
  #connection: Connection | undefined
  #pause: NodeJS.Timeout | undefined
  #attempt = 0

  constructor (client: NodeRedisClient, owner: RedisConnectionOwner) {
    this.#client = client
    this.owner = owner
    this.listener = (message, channel) => owner.onMessage(channel, message)
    this.#open()
  }

  get isReady (): boolean {
    return this.#connection?.isReady === true
  }

  async publish (channel: string, message: string): Promise<number> {
    return this.answer((connection) => connection.publish(channel, message))
  }

  async subscribe (channels: readonly string[]): Promise<unknown> {
    return this.answer((connection) => connection.subscribe(channels, this.listener))
  }

  // With the listener: without it, node-redis takes a channel that is on its way out for one that
  // is subscribed.
  async unsubscribe (channels: readonly string[]): Promise<unknown> {
    return this.answer((connection) => connection.unsubscribe(channels, this.listener))
  }

  async command (words: readonly string[]): Promise<unknown> {
    return this.answer((connection) => connection.sendCommand(words))
  }

  close (): void {
    clearTimeout(this.#pause)
    const connection = this.#connection
    this.#connection = undefined
    connection?.destroy()
  }

  #open (): void {
    const connection = this.#client.duplicate(...[strict(this.#client.options)] as never[]) as Connection
    this.#connection = connection
    connection.on('error', (error: Error) => this.#lose(connection, error))
    connection.on('sharded-channel-moved', () => this.owner.onMoved())
    connection.on('ready', () => {
      this.#attempt = 0
      this.owner.onReady()
    })
    // The error is told by its event.
    connection.connect().catch(() => {})
  }

  // Destroyed before node-redis can connect anew.
  #lose (connection: Connection, reason: unknown): void {
    if (connection !== this.#connection) return
    this.close()
    this.#pause = setTimeout(() => this.#open(), pauseMs(this.#attempt++)).unref()
    this.owner.onAway(reason)
  }

  protected async answer<T> (send: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = this.#connection
    if (connection?.isReady !== true) throw new BrokerError('UNAVAILABLE', 'Redis is away')
    try {
      return await within(send(connection), COMMAND_TIMEOUT_MS, 'Redis')
    } catch (error) {
      throw failureOf(error as Error)
    }
  }
}

/** A connection to one Redis of a Cluster, by sharded pub/sub. */
export class ShardedNodeRedis extends NodeRedis {
  override async publish (channel: string, message: string): Promise<number> {
    return this.answer((connection) => connection.sPublish(channel, message))
  }

  override async subscribe (channels: readonly string[]): Promise<unknown> {
    try {
      return await this.answer((connection) => connection.sSubscribe(channels, this.listener))
    } catch (error) {
      if ((error as Error).message.startsWith('Redis: MOVED ')) this.owner.onMoved()
      throw error
    }
  }

  override async unsubscribe (channels: readonly string[]): Promise<unknown> {
    return this.answer((connection) => connection.sUnsubscribe(channels, this.listener))
  }
}

// Nothing is kept for later, and nothing is sent twice.
function strict (options: object = {}): object {
  const { socket } = options as { readonly socket?: object }
  return {
    socket: { ...socket, connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: () => 0 },
    disableOfflineQueue: true,
    commandsQueueMaxLength: undefined,
    commandOptions: { timeout: undefined },
    pingInterval: 0,
    clientSideCache: undefined
  }
}

// The classes of node-redis for what Redis answers have no name of their own, but their parent.
const REFUSALS = new Set(['ErrorReply', 'SimpleError', 'BlobError', 'ClientClosedError', 'ClientOfflineError'])

// An error that Redis answers with is a refusal; without an answer the message may have arrived.
function failureOf (error: Error): BrokerError {
  if (error instanceof BrokerError) return error
  return new BrokerError(REFUSALS.has(error.constructor.name) ? 'UNAVAILABLE' : 'TIMEOUT', `Redis: ${error.message}`, error)
}
