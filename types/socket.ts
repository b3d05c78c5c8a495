import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import type { AnyContract, EventNames, Payload } from './contract.js'

/** One live connection: the same object in every handler, so it can be the key of a `Map`. */
export interface Socket<C extends AnyContract = AnyContract, Request = FastifyRequest> {
  /** Unique in this process and beyond: a UUID. */
  readonly id: string
  /** The request of the handshake, with its params, querystring, headers and decorations. */
  readonly request: Request
  /** The request's logger. */
  readonly log: FastifyBaseLogger
  readonly contract: C
  /** The negotiated subprotocol: the contract's name, or `''` when the client offered none. */
  readonly protocol: string
  /** As in the WebSocket API: 1 open, 2 closing, 3 closed. */
  readonly readyState: 0 | 1 | 2 | 3
  /** The `ws` WebSocket below. What is written to it keeps its place among what is sent here. */
  readonly raw: WebSocket
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal
  /** Bytes sent and not yet handed to the operating system. */
  readonly bufferedAmount: number
  /** The topics this connection is subscribed to. */
  readonly topics: ReadonlySet<string>

  /**
   * Sends one event to this peer.
   * @returns `false` when more than `highWaterMarkBytes` wait for this peer, or when the connection has ended: it never throws because the peer left.
   * @throws `FST_TYPED_WS_OUTGOING_INVALID` when the payload breaks its schema; `FST_TYPED_WS_OUTGOING_UNKNOWN` when the contract has no such event.
   */
  send<K extends EventNames<C['serverToClient']>> (type: K, payload: Payload<C['serverToClient'][K]>): boolean

  /**
   * Sends a binary frame.
   * @returns as `send` does.
   * @throws `FST_TYPED_WS_OUTGOING_BINARY` when the contract has no `binary.serverToClient`.
   */
  sendBinary (data: C['binary']['serverToClient'] extends true ? ArrayBufferView | ArrayBuffer : never): boolean

  /**
   * Joins a topic: a name of 1 to 255 bytes, shared by all routes of the same contract.
   * @throws `FST_TYPED_WS_TOPIC_NAME`, `FST_TYPED_WS_TOO_MANY_TOPICS`.
   */
  subscribe (topic: string): Promise<void>
  /** Leaves a topic. */
  unsubscribe (topic: string): void
  /**
   * Sends one event to every other member of a topic. It need not be a member itself.
   * @throws as `send` does.
   */
  publish<K extends EventNames<C['serverToClient']>> (topic: string, type: K, payload: Payload<C['serverToClient'][K]>): void

  /** Sends what waits, then starts the closing handshake. The reason is cut at 123 bytes of UTF-8. Default code: 1000. */
  close (code?: number, reason?: string): void
  /** Ends the connection at once, without a closing handshake. */
  terminate (): void
}

/** A contract seen from anywhere in the service. */
export interface Channel<C extends AnyContract = AnyContract> {
  readonly contract: C
  /**
   * Sends one event to every member of a topic.
   * @throws as `Socket.send` does, by rejecting.
   */
  publish<K extends EventNames<C['serverToClient']>> (topic: string, type: K, payload: Payload<C['serverToClient'][K]>): Promise<void>
  /** How many members a topic has in this process, or how many connections the contract has. */
  size (topic?: string): number
  /** The live connections of the contract in this process. */
  sockets (): IterableIterator<Socket<C>>
  /**
   * Closes the connections for which `where` is true.
   * @param code - default 4503: final, a well-behaved client does not come back.
   * @returns how many were closed.
   */
  disconnect (where: (socket: Socket<C>) => boolean, code?: number, reason?: string): Promise<number>
}
