import type { FastifyBaseLogger } from 'fastify'
import type { AnyContract } from '../../types/contract.js'
import type { Channel, ChannelStats, Socket } from '../../types/socket.js'
import { CloseCode, type ErrorBody } from '../protocol.js'
import { closeFrameOf } from './connection/close-frame.js'
import type { Connection, ConnectionRegistry, ConnectionStats } from './connection/connection.js'
import type { Encoder } from './messages/encode.js'
import { logIgnored } from './failure.js'
import { frameOf } from './transport/frame.js'
import { checkTopic, Hub } from './topics/hub.js'
import { attempt } from './ignorable.js'
import { giveWay } from './turn.js'

const OPEN = 1

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const IDLE: ConnectionStats = {
  queued: 0, running: 0, streams: 0, pendingCalls: 0, bufferedBytes: 0, messagesReceived: 0, messagesSent: 0, bytesReceived: 0, bytesSent: 0, dropped: 0
}
const LOADS = Object.keys(IDLE) as ReadonlyArray<keyof ConnectionStats>
// What stays of a connection that is gone.
const LASTING: ReadonlyArray<keyof ConnectionStats> = ['messagesReceived', 'messagesSent', 'bytesReceived', 'bytesSent', 'dropped']
// What goes on although its connection is gone.
const UNSETTLED: ReadonlyArray<keyof ConnectionStats> = ['queued', 'running', 'streams']

/** A contract as seen from anywhere in the service: its topics and its connections, of all its routes. */
export class ContractChannel implements Channel<AnyContract>, ConnectionRegistry {
  readonly contract: AnyContract
  readonly hub: Hub<Connection> = new Hub()
  readonly connections: Set<Connection> = new Set()
  /** Connections that are gone, for which something of the app's still runs. */
  readonly unsettled: Set<Connection> = new Set()
  readonly #encoder: () => Encoder
  readonly #ignored: (error: unknown) => void
  readonly #errors: Record<string, number> = Object.create(null) as Record<string, number>
  readonly #handshakesRefused: Record<number, number> = {}
  // What those did that are gone.
  readonly #past: Mutable<ConnectionStats> = { ...IDLE }
  #opened = 0
  #slowed = 0

  /** @param encoder - called once the app's schemas are known. */
  constructor (contract: AnyContract, encoder: () => Encoder, log: FastifyBaseLogger) {
    this.contract = contract
    this.#encoder = encoder
    this.#ignored = (error) => logIgnored(log, error)
  }

  get stats (): ChannelStats {
    const load = { ...this.#past }
    for (const connection of this.connections) add(load, connection.stats, LOADS)
    for (const connection of this.unsettled) add(load, connection.stats, UNSETTLED)
    return {
      connections: this.connections.size,
      ...load,
      topics: this.hub.topics,
      opened: this.#opened,
      slowed: this.#slowed,
      errors: { ...this.#errors },
      handshakesRefused: { ...this.#handshakesRefused }
    }
  }

  join (connection: Connection): void {
    this.connections.add(connection)
    this.#opened++
  }

  leave (connection: Connection): void {
    this.connections.delete(connection)
    this.unsettled.add(connection)
    add(this.#past, connection.stats, LASTING)
  }

  forget (connection: Connection): void {
    this.unsettled.delete(connection)
  }

  countError ({ code, statusCode }: ErrorBody): void {
    count(this.#errors, code ?? statusCode)
  }

  countSlow (): void {
    this.#slowed++
  }

  /** A handshake got another answer than a 101. */
  refused (statusCode: number): void {
    count(this.#handshakesRefused, statusCode)
  }

  // A promise for the day a topic lives on several nodes.
  publish (topic: string, type: string, payload: unknown): Promise<void> {
    return attempt(() => {
      checkTopic(topic)
      this.hub.publish(topic, frameOf(type, this.#encoder().event(type, payload)))
      return giveWay()
    }, this.#ignored)
  }

  size (topic?: string): number {
    return topic === undefined ? this.connections.size : this.hub.size(topic)
  }

  * sockets (): IterableIterator<Socket> {
    for (const { socket } of this.connections) yield socket
  }

  disconnect (where: (socket: Socket) => boolean, code: number = CloseCode.forbidden, reason: string | Uint8Array = ''): Promise<number> {
    return attempt(() => {
      // A mistake is one also where nobody is there to be closed.
      closeFrameOf(code, reason)
      const chosen = [...this.connections].filter((connection) => connection.readyState === OPEN && where(connection.socket))
      for (const connection of chosen) connection.close(code, reason)
      return chosen.length
    }, this.#ignored)
  }
}

function add (to: Mutable<ConnectionStats>, load: ConnectionStats, names: ReadonlyArray<keyof ConnectionStats>): void {
  for (const name of names) to[name] += load[name]
}

function count (counts: Record<string | number, number>, key: string | number): void {
  counts[key] = (counts[key] ?? 0) + 1
}
