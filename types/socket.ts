import type { FastifyBaseLogger, FastifyRequest, SocketData } from 'fastify'
import type { WebSocket } from 'ws'
import type { AnyContract, BinaryEventNames, CallNames, CloseCodeOf, EventNames, Payload, Reply, TopicInfo } from './contract.js'

/** How a topic is joined. */
export interface SubscribeOptions {
  /**
   * `false`: a recoverable topic begins now, also for a client that returns. Default `true`: it
   * begins where the client was.
   */
  readonly recover?: boolean
}

/** A member of a topic whose kind has presence. */
export interface MemberOptions<Info = unknown> {
  /** The member as others see it, by the schema of the topic's kind. */
  readonly info: Info
  /**
   * Connections with the same key are one member, on all nodes: the id of a user, say. A string of
   * 1 to 255 bytes of UTF-8. Default: the id of the connection.
   */
  readonly key?: string
}

/** The options of `subscribe`, by the topic's kind. */
export type SubscribeArguments<C extends AnyContract, Topic extends string> =
  string extends Topic | keyof C['topics'] ? [options?: SubscribeOptions & Partial<MemberOptions>]
    : [TopicInfo<C, Topic>] extends [never] ? [options?: SubscribeOptions]
        : [options: SubscribeOptions & MemberOptions<TopicInfo<C, Topic>>]

/**
 * The reason why events that a client missed cannot be told. `expired`: the history has them no
 * more. `lost`: the history itself was lost. `limit`: they are more than the option `recovery`
 * admits. `slow`: the client did not read. `unavailable`: the broker did not answer in time.
 */
export type RecoveryReason = 'expired' | 'lost' | 'limit' | 'slow' | 'unavailable'

/** The bytes of a binary frame. */
export type BinaryData = ArrayBufferView | ArrayBufferLike | Blob

/** How long a call may take. */
export interface CallOptions {
  /** Default 10 000. */
  readonly timeoutMs?: number
  /** Aborting it ends the wait and tells the client so. */
  readonly signal?: AbortSignal
}

/** One live connection: the same object in every handler, so it can be the key of a `Map`. */
export interface Socket<C extends AnyContract = AnyContract, Request = FastifyRequest> {
  /** Unique in this process and beyond: a UUID. */
  readonly id: string
  /** The request of the handshake, with its params, querystring, headers and decorations. */
  readonly request: Request
  /**
   * Values of the app's own for this connection: an empty object at first. Declare its properties
   * on `SocketData` of the module `fastify`, as decorators of a request are declared.
   *
   * @example
   * declare module 'fastify' {
   *   interface SocketData { person?: Person }
   * }
   * app.ws('/', {
   *   contract,
   *   open: async (socket) => { socket.data.person = await find(socket.request) },
   *   on
   * })
   */
  readonly data: SocketData
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
   * The time at which the client's credentials end: the connection is closed with 4401 then, unless
   * this is moved. Default `undefined`: never.
   * @throws `FST_TYPED_WS_INVALID_EXPIRES_AT` when set to anything but a valid date.
   */
  expiresAt: Date | undefined

  /**
   * Sends one event to this client.
   * @returns `false` when more than `highWaterMarkBytes` wait for this client now: wait for
   * `drained` before the next one, or `slowConsumer` decides about it. Also `false` when so much
   * was sent in a turn of the event loop that lasts too long: `drained` then resolves in the next
   * one. Also `false` when the connection has ended: it never throws because the client left.
   * @throws `FST_TYPED_WS_OUTGOING_INVALID` when the payload breaks its schema;
   * `FST_TYPED_WS_OUTGOING_UNKNOWN` when the contract has no such event;
   * `FST_TYPED_WS_OUTGOING_BINARY` when the event has a binary frame.
   */
  send<K extends EventNames<C['serverToClient']>> (type: K, payload: Payload<C['serverToClient'][K]>): boolean

  /**
   * Resolves when the client has caught up: at once, unless `send` was false. In a later turn of
   * the event loop when this one has lasted more than 10 ms.
   * @throws `FST_TYPED_WS_CONNECTION_CLOSED`, by rejecting, when the connection has ended, so that
   * a loop around `send` ends too.
   *
   * @example
   * for (const row of rows) {
   *   if (!socket.send('row', row)) await socket.drained()
   * }
   */
  drained (): Promise<void>

  /**
   * Calls the client and waits for its answer. It may be awaited in a handler: answers do not wait
   * behind messages.
   * @returns the client's reply, checked by its schema.
   * @throws by rejecting: `FST_TYPED_WS_CALL_TIMEOUT`, `FST_TYPED_WS_CALL_REFUSED` (with the
   * client's `body`, unchecked), `FST_TYPED_WS_CALL_INVALID` when the reply breaks its schema,
   * `FST_TYPED_WS_CHECK_FAILED` when a check of the app's own threw on it,
   * `FST_TYPED_WS_TOO_MANY_CALLS` past `maxPendingCalls`, `FST_TYPED_WS_CONNECTION_CLOSED`,
   * `FST_TYPED_WS_INVALID_OPTION`, the signal's reason, and as `send` does.
   *
   * @example
   * const isSure = await socket.call('confirm', { question: 'Delete it?' }, { timeoutMs: 60_000 })
   * if (isSure) await remove(id)
   */
  call<K extends CallNames<C['serverToClient']>> (
    type: K, payload: Payload<C['serverToClient'][K]>, options?: CallOptions
  ): Promise<Reply<C['serverToClient'][K]>>

  /**
   * Sends a binary frame: the bytes of an ArrayBuffer, of shared memory or of a view, copied at
   * once, or a Blob (also a `File`). A Blob keeps its place: messages sent after it wait until it
   * is read. Meanwhile `bufferedAmount` counts its `size` and all that waits behind it. One that
   * cannot be read (its file has changed) goes to `errorHandler` and ends the connection with 1006.
   * @returns as `send` does; `false` after a Blob larger than `highWaterMarkBytes`.
   * @throws `FST_TYPED_WS_INVALID_BINARY`, a `TypeError`, when it is anything else: a string, say.
   * `FST_TYPED_WS_OUTGOING_BINARY` when the contract has no `binary.serverToClient`.
   */
  sendBinary (data: C['binary']['serverToClient'] extends true ? BinaryData : never): boolean
  /**
   * Sends an event that the contract declares with `binary: true`, and its bytes: two frames, with
   * no other between them. Both are sent, or neither.
   * @returns as `send` does.
   * @throws as `send` does; `FST_TYPED_WS_INVALID_BINARY`; `FST_TYPED_WS_OUTGOING_BINARY` when the
   * event has no binary frame.
   *
   * @example
   * socket.sendBinary('image', { mime: 'image/png', by: 'Ada' }, data)
   */
  sendBinary<K extends BinaryEventNames<C['serverToClient']>> (
    type: K, payload: Payload<C['serverToClient'][K]>, data: BinaryData
  ): boolean

  /**
   * Joins a topic: a name of 1 to 255 bytes of UTF-8, shared by all routes of the same contract,
   * and by all nodes that share a broker.
   * @returns whether everything published from now on reaches this connection: `false`, after 1 s
   *   at most, when the broker's engine is away; the topic is heard from other nodes as soon as it
   *   is back. Also `false` when the connection has ended.
   * @throws `FST_TYPED_WS_INVALID_TOPIC_NAME`, `FST_TYPED_WS_TOO_MANY_TOPICS`;
   *   `FST_TYPED_WS_OUTGOING_INVALID` when `info` breaks its schema,
   *   `FST_TYPED_WS_INVALID_MEMBER_KEY`, and `FST_TYPED_WS_TOPIC_WITHOUT_PRESENCE` for an `info` or
   *   a `key` in a topic whose kind has no presence.
   *
   * @example
   * await socket.subscribe('room:42', { info: { name: person.name }, key: person.id })
   */
  subscribe<const Topic extends string> (topic: Topic, ...options: SubscribeArguments<C, Topic>): Promise<boolean>
  /** Leaves a topic, at once: no reload is awaited. */
  unsubscribe (topic: string): void
  /**
   * Sends one event to every other member of a topic, on every node. It need not be a member
   * itself. Members on this node have it at once; a broker that fails is counted
   * (`stats.publishFailed`). In a recoverable topic everybody has it once the broker has stored it.
   * @throws as `send` does.
   */
  publish<K extends EventNames<C['serverToClient']>> (topic: string, type: K, payload: Payload<C['serverToClient'][K]>): void

  /**
   * Sends what waits, then starts the closing handshake (RFC 6455 §7.4).
   *
   * @param code - 1000 (default) to 1003, 1007 to 1014, or 3000 to 4999, those of the contract's
   * `closeCodes` among them. With 1005, 1006 or 1015,
   * which only a close event has, it closes without a code: the end of another connection can be
   * passed on as it is.
   * @param reason - cut at 123 bytes of UTF-8. It may be bytes, as the close event of `ws` has it.
   * @throws `FST_TYPED_WS_INVALID_CLOSE` for any other code or reason.
   */
  close (code?: CloseCodeOf<C>, reason?: string | Uint8Array): void
  /** Ends the connection at once, without a closing handshake. */
  terminate (): void
}
