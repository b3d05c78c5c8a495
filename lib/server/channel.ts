import type { AnyContract } from '../../types/contract.js'
import type { Channel } from '../../types/socket.js'
import type { Connection } from './connection.js'
import type { Encoder } from './encode.js'
import { frameOf } from './frame.js'
import { checkTopic, Hub } from './hub.js'

// A client stays away (see the close-code table in docs/PROTOCOL.md).
const FORBIDDEN = 4503
const OPEN = 1

/** A contract as seen from anywhere in the service: its topics and its connections, of all its routes. */
export class ContractChannel implements Channel<AnyContract> {
  readonly contract: AnyContract
  readonly hub: Hub<Connection> = new Hub()
  readonly connections: Set<Connection> = new Set()
  readonly #encoder: () => Encoder

  /** @param encoder - called once the app's schemas are known. */
  constructor (contract: AnyContract, encoder: () => Encoder) {
    this.contract = contract
    this.#encoder = encoder
  }

  // Asynchronous for the day a topic lives on several nodes.
  async publish (topic: string, type: string, payload: unknown): Promise<void> {
    checkTopic(topic)
    this.hub.publish(topic, frameOf(this.#encoder().event(type, payload)))
  }

  size (topic?: string): number {
    return topic === undefined ? this.connections.size : this.hub.size(topic)
  }

  sockets (): IterableIterator<Connection> {
    return this.connections.values()
  }

  async disconnect (where: (socket: Connection) => boolean, code: number = FORBIDDEN, reason: string = ''): Promise<number> {
    const chosen = [...this.connections].filter((connection) => connection.readyState === OPEN && where(connection))
    for (const connection of chosen) connection.close(code, reason)
    return chosen.length
  }
}
