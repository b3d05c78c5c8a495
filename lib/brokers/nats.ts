import type { Broker, BrokerHost } from '../../types/broker.js'
import { BrokerError, within } from './failure.js'
import { tokenOf, type NatsConnection, type NatsMessage, type NatsSubscription } from './nats-connection.js'
import { NatsHistory } from './nats-history.js'
import { Roster } from './roster.js'

/** How topics are carried by NATS. */
export interface NatsBrokerOptions {
  /**
   * The first token of all subjects, so that several services can use one NATS. Default
   * `'typed-ws'`.
   */
  readonly prefix?: string
  /**
   * How many servers of a cluster store each event of a recoverable topic, 1 to 5. Of 3 or more
   * JetStream loses no event when one of them fails. Default 1. A stream that is there keeps its
   * own number; see `docs/recovery.md`.
   */
  readonly replicas?: number
}

export type { NatsConnection } from './nats-connection.js'

const TIMEOUT_MS = 1000
const RETRY_MS = 500
const TICK_MS = 5000

/**
 * Topics have members on every node that uses the same NATS, by core subjects. Recoverable topics
 * are kept by JetStream, which must be enabled for them.
 *
 * The given connection is used, and stays open after `app.close()`. Give it `maxReconnectAttempts:
 * -1`, as NATS advises for services: else it gives up.
 *
 * @param connection - of `connect()` of `@nats-io/transport-node` 3.
 * @throws `TypeError` for anything else.
 *
 * @example
 * import { connect } from '@nats-io/transport-node'
 * import { nats } from 'fastify-typed-ws/nats'
 *
 * const connection = await connect({ servers: 'localhost:4222', maxReconnectAttempts: -1 })
 * await app.register(fastifyTypedWs, { broker: nats(connection) })
 */
export function nats (connection: NatsConnection, { prefix = 'typed-ws', replicas = 1 }: NatsBrokerOptions = {}): Broker {
  if (typeof (connection as Partial<NatsConnection> | undefined)?.flush !== 'function') {
    throw new TypeError('nats() takes a connection: write nats(await connect({ servers })) with connect of @nats-io/transport-node')
  }
  return new NatsBroker(connection, prefix, replicas)
}

class NatsBroker implements Broker {
  readonly name = 'nats'
  readonly history: NatsHistory
  readonly #connection: NatsConnection
  readonly #prefix: string
  readonly #subscriptions = new Map<string, NatsSubscription>()
  readonly #own: NatsSubscription[] = []
  readonly #roster = new Roster()
  #host: BrokerHost | undefined
  #flushed: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isReady = false

  constructor (connection: NatsConnection, prefix: string, replicas: number) {
    this.#connection = connection
    this.#prefix = prefix
    this.history = new NatsHistory(connection, prefix, replicas, () => this.#isReady)
  }

  start (host: BrokerHost): void {
    this.#host = host
    if (this.#connection.isClosed()) return this.#lose(new Error('the connection is closed'))
    this.#own.push(this.#hear(this.#subject('@nodes'), (message) => this.#meet(message.string())))
    this.#own.push(this.#hear(this.#subject('@ask'), (message) => this.#take(message.string())))
    void this.#watch()
    void this.#check()
  }

  async subscribe (topic: string): Promise<void> {
    if (!this.#subscriptions.has(topic)) {
      this.#refuseClosed()
      this.history.hear(topic)
      this.#subscriptions.set(topic, this.#hear(this.#subjectOf(topic), (message) => this.#heard(topic, message)))
    }
    this.#refuseAway()
    await this.#flush()
  }

  unsubscribe (topic: string): void {
    this.#subscriptions.get(topic)?.unsubscribe()
    this.#subscriptions.delete(topic)
    this.history.leave(topic)
  }

  publish (topic: string, message: string): Promise<void> {
    return this.#send(this.#subjectOf(topic), message)
  }

  // NATS does not say how many have heard something: each node is asked, and those that are known
  // to live are expected to answer.
  async ask (topic: string, message: string): Promise<number> {
    await this.#send(this.#subject('@ask'), `${encodeURIComponent(topic)}\n${message}`)
    return this.#roster.size
  }

  async close (): Promise<void> {
    const { node } = this.#host ?? {}
    this.#host = undefined
    clearTimeout(this.#timer)
    const wasReady = this.#isReady
    this.#isReady = false
    if (this.#connection.isClosed()) return
    if (wasReady) this.#connection.publish(this.#subject('@nodes'), `-${node}`)
    for (const subscription of [...this.#subscriptions.values(), ...this.#own]) subscription.unsubscribe()
    const flushed = wasReady ? this.#flush().catch(() => {}) : undefined
    await Promise.all([this.history.close(), flushed])
  }

  async #send (subject: string, text: string): Promise<void> {
    this.#refuseAway()
    try {
      this.#connection.publish(subject, text)
    } catch (error) {
      throw new BrokerError('UNAVAILABLE', `NATS: ${(error as Error).message}`, error)
    }
    await this.#flush()
  }

  // One round trip for everything that was written in one go.
  #flush (): Promise<void> {
    this.#flushed ??= Promise.resolve().then(() => {
      this.#flushed = undefined
      return within(this.#connection.flush(), TIMEOUT_MS, 'NATS')
    }).catch((error: unknown) => {
      throw error instanceof BrokerError ? error : new BrokerError('TIMEOUT', `NATS: ${(error as Error).message}`, error)
    })
    return this.#flushed
  }

  #hear (subject: string, take: (message: NatsMessage) => void): NatsSubscription {
    return this.#connection.subscribe(subject, { callback: (error, message) => { if (error === null) take(message) } })
  }

  // JetStream announces stored messages where plain ones are heard; those have no headers.
  #heard (topic: string, message: NatsMessage): void {
    const [text, { headers }] = [message.string(), message]
    const stored = headers && this.history.storedOf(topic, headers, text)
    if (stored === undefined) this.#host?.heard(topic, text)
    else if (stored !== 'marker') this.#host?.heardStored(topic, stored)
  }

  // A node that has just come knows the others as soon as they have told of themselves.
  #meet (text: string): void {
    if (this.#roster.note(text) && text.startsWith('+')) this.#tell()
  }

  #tell (): void {
    if (this.#isReady) this.#connection.publish(this.#subject('@nodes'), `+${this.#host!.node}`)
  }

  #take (text: string): void {
    const end = text.indexOf('\n')
    this.#host?.heard(decodeURIComponent(text.slice(0, end)), text.slice(end + 1))
  }

  async #watch (): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (this.#host === undefined) return
      if (type === 'disconnect' || type === 'staleConnection') this.#lose(new Error(`the connection tells of '${type}'`))
      if (type === 'reconnect') void this.#check()
    }
    this.#lose(new Error('the connection is closed'))
  }

  // The subscriptions travel on the same connection before it: what answers hears them.
  async #check (): Promise<void> {
    clearTimeout(this.#timer)
    try {
      await this.#flush()
      if (!this.#isReady) await this.history.check()
      this.#find()
    } catch (error) {
      this.#lose(error)
    }
    if (this.#host !== undefined && !this.#connection.isClosed()) {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => { void this.#check() }, this.#isReady ? TICK_MS : RETRY_MS * (1 + Math.random())).unref()
    }
  }

  #find (): void {
    const host = this.#host
    if (host === undefined) return
    const wasReady = this.#isReady
    this.#isReady = true
    this.#roster.note(`+${host.node}`)
    this.#tell()
    if (wasReady) return
    host.resumed()
    host.changed('ready')
  }

  #lose (reason: unknown): void {
    const wasReady = this.#isReady
    this.#isReady = false
    if (wasReady) this.#host?.interrupted()
    this.#host?.changed('away', reason)
  }

  #refuseAway (): void {
    if (!this.#isReady) throw new BrokerError('UNAVAILABLE', 'NATS is away')
  }

  #refuseClosed (): void {
    if (this.#connection.isClosed()) throw new BrokerError('UNAVAILABLE', 'the connection to NATS is closed')
  }

  #subject (name: string): string {
    return `${this.#prefix}.${name}`
  }

  #subjectOf (topic: string): string {
    return this.#subject(tokenOf(topic))
  }
}
