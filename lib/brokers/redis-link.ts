import { pauseMs, type OpenRedis, type RedisConnection, type RedisConnectionOwner } from './redis-connection.js'
import { RedisScripts, type RedisScript } from './redis-scripts.js'

/** Two connections to one Redis: one publishes, one hears. */
export class RedisLink implements RedisConnectionOwner {
  readonly #open: OpenRedis
  readonly #owner: RedisConnectionOwner
  readonly #scripts = new RedisScripts(async (words) => this.#sender!.command(words))
  #sender: RedisConnection | undefined
  #subscriber: RedisConnection | undefined
  #pause: NodeJS.Timeout | undefined
  #isReady = false

  constructor (open: OpenRedis, owner: RedisConnectionOwner) {
    this.#open = open
    this.#owner = owner
  }

  open (): void {
    this.#sender = this.#open('publish', this)
    this.#subscriber = this.#open('hear', this)
  }

  /** Resolves to how many connections were given the message. */
  async publish (channel: string, message: string): Promise<number> {
    return this.#sender!.publish(channel, message)
  }

  async run (script: RedisScript, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    return this.#scripts.run(script, keys, values)
  }

  async subscribe (channels: readonly string[]): Promise<unknown> {
    return this.#subscriber!.subscribe(channels)
  }

  async unsubscribe (channels: readonly string[]): Promise<unknown> {
    return this.#subscriber!.unsubscribe(channels)
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
    this.#scripts.forget()
    this.#sender?.close()
    this.#subscriber?.close()
  }

  onReady (): void {
    if (this.#isReady || this.#sender?.isReady !== true || this.#subscriber?.isReady !== true) return
    this.#isReady = true
    this.#owner.onReady()
  }

  onAway (reason: unknown): void {
    this.#scripts.forget()
    this.#isReady = false
    this.#owner.onAway(reason)
  }

  onMessage (channel: string, message: string): void {
    this.#owner.onMessage(channel, message)
  }

  onMoved (): void {
    this.#owner.onMoved()
  }
}
