import type { FastifyBaseLogger } from 'fastify'
import type { AnyContract } from '../../types/contract.js'
import type { Channel, ChannelStats, Socket } from '../../types/socket.js'
import { CloseCode } from '../protocol.js'
import { closeFrameOf } from './connection/close-frame.js'
import type { Connection, ConnectionRegistry } from './connection/connection.js'
import type { Encoder } from './messages/encode.js'
import { logIgnored } from './failure.js'
import { frameOf } from './transport/frame.js'
import { checkTopic, Hub } from './topics/hub.js'
import { attempt } from './ignorable.js'
import { Observer } from './stats.js'
import { giveWay } from './turn.js'

/**
 * A contract as seen from anywhere in the service: its topics and its connections, of all its
 * routes.
 */
export class ContractChannel implements Channel<AnyContract>, ConnectionRegistry {
  readonly contract: AnyContract
  readonly hub: Hub<Connection> = new Hub()
  readonly connections: Set<Connection> = new Set()
  /** Connections that are gone, for which something of the app's still runs. */
  readonly unsettled: Set<Connection> = new Set()
  readonly observer: Observer
  readonly #encoder: () => Encoder
  readonly #ignored: (error: unknown) => void
  /** @param encoder - called once the app's schemas are known. */
  constructor (contract: AnyContract, encoder: () => Encoder, log: FastifyBaseLogger) {
    this.contract = contract
    this.observer = new Observer(contract)
    this.#encoder = encoder
    this.#ignored = (error) => logIgnored(log, error)
  }

  get stats (): ChannelStats {
    return this.observer.statsOf(this.connections, this.unsettled, this.hub.topics)
  }

  join (connection: Connection): void {
    this.connections.add(connection)
  }

  leave (connection: Connection): void {
    this.connections.delete(connection)
    this.unsettled.add(connection)
  }

  forget (connection: Connection): void {
    this.unsettled.delete(connection)
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
      const chosen = [...this.connections].filter((connection) => connection.isOpen && where(connection.socket))
      for (const connection of chosen) connection.close(code, reason)
      return chosen.length
    }, this.#ignored)
  }
}
