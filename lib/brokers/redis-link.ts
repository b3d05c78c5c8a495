/** The part of a client of ioredis that is used, `new Redis(…)`. */
export interface RedisClient {
  readonly isCluster?: boolean
  duplicate (...values: never[]): unknown
}

/** Is told of a link. */
export interface RedisLinkOwner {
  onReady (): void
  /** It may be called several times until `onReady`. */
  onAway (reason: unknown): void
  onMessage (channel: string, message: string): void
}

/** The members of an ioredis connection that are used here. */
interface Connection {
  readonly status: string
  on (event: string, listener: (...values: never[]) => void): this
  removeAllListeners (): this
  publish (channel: string, message: string): Promise<number>
  subscribe (...channels: string[]): Promise<unknown>
  unsubscribe (...channels: string[]): Promise<unknown>
  disconnect (): void
}

const COMMAND_TIMEOUT_MS = 1000
const MAX_PAUSE_MS = 1000

// Nothing is kept for later, and nothing is sent twice.
const STRICT = {
  lazyConnect: false,
  keyPrefix: '',
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: 5000,
  retryStrategy: pauseMs
}

/**
 * Connections of our own to the Redis that a client is connected to, found directly or by Sentinel:
 * one publishes, one hears.
 */
export class RedisLink {
  readonly #client: RedisClient
  readonly #owner: RedisLinkOwner
  #sender: Connection | undefined
  #subscriber: Connection | undefined
  #pause: NodeJS.Timeout | undefined
  #reason: unknown
  #isReady = false

  /** @throws TypeError when the client is none of ioredis. */
  constructor (client: RedisClient, owner: RedisLinkOwner) {
    check(client)
    this.#client = client
    this.#owner = owner
  }

  open (): void {
    this.#sender = this.#connect({ enableAutoPipelining: true })
    this.#subscriber = this.#connect({})
    this.#subscriber.on('message', (channel: string, message: string) => this.#owner.onMessage(channel, message))
  }

  /** @returns how many connections were given the message. */
  publish (channel: string, message: string): Promise<number> {
    return this.#sender!.publish(channel, message)
  }

  subscribe (channels: readonly string[]): Promise<unknown> {
    return this.#subscriber!.subscribe(...channels)
  }

  unsubscribe (channels: readonly string[]): Promise<unknown> {
    return this.#subscriber!.unsubscribe(...channels)
  }

  /** Gives the connections up and makes new ones. */
  renew (reason: unknown): void {
    this.close()
    this.#isReady = false
    this.#pause = setTimeout(() => this.open(), pauseMs(1))
    this.#owner.onAway(reason)
  }

  close (): void {
    clearTimeout(this.#pause)
    for (const connection of [this.#sender, this.#subscriber]) drop(connection)
  }

  #connect (more: object): Connection {
    const connection = this.#client.duplicate(...[{ ...STRICT, ...more }] as never[]) as Connection
    connection.on('error', (error: Error) => { this.#reason = error })
    connection.on('ready', () => this.#check())
    connection.on('close', () => this.#lose())
    return connection
  }

  #check (): void {
    if (this.#isReady || this.#sender?.status !== 'ready' || this.#subscriber?.status !== 'ready') return
    this.#isReady = true
    this.#reason = undefined
    this.#owner.onReady()
  }

  #lose (): void {
    this.#isReady = false
    this.#owner.onAway(this.#reason ?? new Error('the connection has ended'))
  }
}

function check (client: RedisClient): void {
  if (typeof (client as Partial<RedisClient> | undefined)?.duplicate !== 'function') {
    const advice = 'write redis(app.redis) after registering @fastify/redis, or redis(new Redis(url))'
    throw new TypeError(`redis() takes a client of ioredis 6: ${advice}`)
  }
  if (client.isCluster === true) throw new TypeError('redis() takes no Cluster yet: write redis(new Redis(url)), or shards([…])')
}

function drop (connection: Connection | undefined): void {
  if (connection === undefined) return
  connection.removeAllListeners()
  // A connection that is given up may still fail.
  connection.on('error', () => {})
  connection.disconnect()
}

// Of different length on each node, so that nodes do not come back all at once.
function pauseMs (attempt: number): number {
  const longest = Math.min(MAX_PAUSE_MS, 50 * 2 ** Math.min(attempt, 10))
  return longest / 2 + Math.random() * longest / 2
}
