import { setTimeout as pause } from 'node:timers/promises'
import type { Broker, BrokerHost } from '../../types/broker.js'
import { EngineSubscriptions, type EngineSubscriptionsOwner } from './engine-subscriptions.js'
import { BrokerError, within } from './failure.js'
import { Probe } from './probe.js'
import type { RedisChannels } from './redis-channels.js'
import { parseText, plainText } from './redis-entry.js'
import { RedisHistory } from './redis-history.js'
import type { OpenRedis, RedisConnectionOwner } from './redis-connection.js'
import { RedisLink } from './redis-link.js'
import { RedisMembers } from './redis-members.js'
import type { RedisScript, RunScript } from './redis-scripts.js'

const TIMEOUT_MS = 1000
const RETRY_MS = 100

/** The topics of one Redis: the only one, or one master of a Cluster. */
export class RedisBroker implements Broker, RedisConnectionOwner, EngineSubscriptionsOwner {
  readonly name = 'redis'
  readonly history: RedisHistory
  readonly members: RedisMembers
  readonly #link: RedisLink
  readonly #channels: RedisChannels
  readonly #onMoved: (() => void) | undefined
  readonly #subscriptions = new EngineSubscriptions(this)
  readonly #inFlight = new Set<Promise<unknown>>()
  #node = ''
  #host: BrokerHost | undefined
  #probe: Probe | undefined
  #isReady = false
  // The newest attempt to hear everything: it ends with the connection. Slots may move meanwhile.
  #attempt = 0
  #isListening = false
  #isMoved = false

  constructor (open: OpenRedis, channels: RedisChannels, onMoved?: () => void) {
    this.#link = new RedisLink(open, this)
    this.#channels = channels
    this.#onMoved = onMoved
    const run: RunScript = async (_topic, ...script) => this.run(...script)
    this.history = new RedisHistory(channels, run)
    this.members = new RedisMembers(channels, run, () => this.#node)
  }

  start (host: BrokerHost): void {
    this.#host = host
    this.#node = host.node
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
    return this.#send(() => this.#link.publish(this.#channels.of(topic), plainText(message)))
  }

  /** @throws BrokerError, by rejecting. */
  async run (script: RedisScript, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    return this.#send(() => this.#link.run(script, keys, values))
  }

  async close (): Promise<void> {
    this.#host = undefined
    this.#attempt++
    this.#probe?.stop()
    this.#subscriptions.close()
    await within(Promise.allSettled(this.#inFlight), TIMEOUT_MS, 'Redis').catch(() => {})
    this.#isReady = false
    this.#link.close()
  }

  onReady (): void {
    if (this.#host !== undefined) void this.#listen(this.#host)
  }

  onAway (reason: unknown): void {
    this.#attempt++
    this.#probe?.stop()
    this.#subscriptions.close()
    const wasReady = this.#isReady
    this.#isReady = false
    if (wasReady) this.#host?.interrupted()
    this.#host?.changed('away', reason)
  }

  onMessage (channel: string, message: string): void {
    if (this.#probe?.heard(channel) === true) return
    const [topic, text] = [this.#channels.topicOf(channel), parseText(message)]
    if (typeof text === 'string') this.#host?.heard(topic, text)
    else if ('members' in text) this.#host?.heardMembers(topic, text)
    else this.#host?.heardStored(topic, text)
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

  async #send<T> (send: () => Promise<T>): Promise<T> {
    if (!this.#isReady) throw new BrokerError('UNAVAILABLE', 'Redis is away')
    const sent = send()
    this.#inFlight.add(sent)
    try {
      return await sent
    } finally {
      this.#inFlight.delete(sent)
    }
  }

  // Subscriptions that Redis has ended are found by asking for all of them again.
  onMoved (): void {
    this.#isMoved = true
    this.#onMoved?.()
    if (this.#isListening || !this.#isReady || this.#host === undefined) return
    this.#host.interrupted()
    void this.#listen(this.#host)
  }

  // A Redis that loads its data refuses, and so does one that has lost a slot: it is asked again.
  async #listen (host: BrokerHost): Promise<void> {
    const attempt = ++this.#attempt
    this.#isListening = true
    while (attempt === this.#attempt) {
      this.#isMoved = false
      const isHeard = await this.#hearAll(host)
      if (attempt !== this.#attempt) return
      if (isHeard && !this.#isMoved) return this.#resume(host)
      await pause(RETRY_MS, undefined, { ref: false })
    }
  }

  async #hearAll ({ node }: BrokerHost): Promise<boolean> {
    this.#probe?.stop()
    this.#probe = new Probe(this.#channels.probeOf(node), {
      send: (channel) => this.#link.publish(channel, ''),
      fail: () => this.#link.renew(new BrokerError('TIMEOUT', 'its own probe did not come back'))
    })
    try {
      await this.#link.subscribe([this.#probe.channel])
      await this.#subscriptions.open()
      return true
    } catch {
      return false
    }
  }

  #resume (host: BrokerHost): void {
    this.#isListening = false
    this.#isReady = true
    this.#probe!.start()
    host.resumed()
    host.changed('ready')
  }
}
