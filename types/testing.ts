import type { FastifyRequest, SocketData } from 'fastify'
import type { AnyContract, BinaryEventNames, CallNames, EventNames, Messages, Payload, Reply } from './contract.js'
import type { ReceivedMessage } from './handler.js'
import type { Socket } from './socket.js'

/** The values of a fake socket that its handlers read. */
export interface FakeSocketOptions<Request = FastifyRequest> {
  /** Properties of the request of the handshake: params, decorations. Others are not there. */
  readonly request?: Partial<Request>
  /** Properties of `socket.data`. */
  readonly data?: SocketData
  /** Default: a UUID. */
  readonly id?: string
}

/** An event as it was given to `send`, or to `sendBinary` with its bytes. */
export type SentEvent<C extends AnyContract = AnyContract> = PlainEvent<C['serverToClient']> | BinaryEvent<C['serverToClient']>

/** An event as it was given to `publish`. */
export type PublishedEvent<C extends AnyContract = AnyContract> = PlainEvent<C['serverToClient']> & { readonly topic: string }

type PlainEvent<M extends Messages> = MessageOf<M, EventNames<M>>
type BinaryEvent<M extends Messages> = MessageOf<M, BinaryEventNames<M>> & { readonly binary: Uint8Array | Blob }

/** A call of the server's. */
export type SentCall<C extends AnyContract = AnyContract> = MessageOf<C['serverToClient'], CallNames<C['serverToClient']>>

type MessageOf<M extends Messages, Names extends string> = {
  [K in Names]: { readonly type: K, readonly payload: Payload<M[K]> }
}[Names]

/**
 * A socket without a connection, for a unit test of a handler: it records what the handler does.
 * Payloads are recorded as they were given, not checked and not copied.
 */
export interface FakeSocket<C extends AnyContract = AnyContract, Request = FastifyRequest> extends Socket<C, Request> {
  /** The events that were sent, those with a binary frame too. */
  readonly sent: ReadonlyArray<SentEvent<C>>
  /** The events that were published. */
  readonly published: ReadonlyArray<PublishedEvent<C>>
  /** The calls that were made, whether or not they were answered. */
  readonly called: ReadonlyArray<SentCall<C>>
  /**
   * The binary frames that were sent without an event: bytes are copied, a Blob is the one that was
   * given.
   */
  readonly sentBinary: ReadonlyArray<Uint8Array | Blob>
  /** The way in which it was closed; a `terminate` is a 1006. `undefined` while it is open. */
  readonly closed: { readonly code: number, readonly reason: string } | undefined
  /**
   * Answers a call, as the client's `handle` does. A call that has no handler, or whose handler
   * throws, rejects with `FST_TYPED_WS_CALL_REFUSED`.
   *
   * @example
   * socket.handle('confirm', ({ question }) => question !== 'Delete it?')
   */
  handle<K extends CallNames<C['serverToClient']>> (
    type: K,
    handler: (payload: Payload<C['serverToClient'][K]>) => Reply<C['serverToClient'][K]> | Promise<Reply<C['serverToClient'][K]>>
  ): void
}

/** The third argument of a handler. */
export interface FakeMessage<Name extends string = string> extends ReceivedMessage<Name> {
  /** Aborts the signal, as a client does that cancels. */
  abort (): void
}

/** The third argument of the handler of an event that has a binary frame. */
export interface FakeBinaryMessage<Name extends string = string> extends FakeMessage<Name> {
  readonly binary: Buffer
}
