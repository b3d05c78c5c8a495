import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Infer } from './infer.js'
import type { AnyContract, Payload } from './contract.js'
import type { Socket } from './socket.js'

/** A message of the client, as hooks, its handler and the error handler see it. */
export interface ReceivedMessage<Name extends string = string> {
  /** Its name in the contract, or `undefined` for a binary frame that belongs to no event. */
  readonly type: Name | undefined
  /** The `ref` the caller chose, when it is a call and has one. */
  readonly ref: number | undefined
  /**
   * The checked payload, or the bytes of a binary frame that belongs to no event. Not checked where
   * the check itself threw.
   */
  readonly payload: unknown
  /** The bytes of an event that the contract declares with `binary: true`. */
  readonly binary?: Buffer | undefined
  /** Aborted when the caller cancels, or when the connection ends. */
  readonly signal: AbortSignal
}

/** An event that the contract declares with `binary: true`, as its handler sees it. */
export interface ReceivedBinaryEvent<Name extends string = string> extends ReceivedMessage<Name> {
  readonly binary: Buffer
}

/** How a connection ended. */
export interface CloseEvent {
  /** RFC 6455 §7.4; 1006 when the connection broke, 1005 when it gave none. */
  readonly code: number
  readonly reason: string
  /** True when the closing handshake was completed. */
  readonly wasClean: boolean
}

/**
 * The handler of one client message: what it returns answers a call, each item of it a stream; what
 * an event's handler returns is ignored. The items of a stream are pulled no faster than the client
 * reads them, and a generator gets its `return()` when the client cancels or leaves.
 *
 * @example
 * type Room = FastifyRequest<{ Params: { room: string } }>
 *
 * export const history: MessageHandler<Chat['clientToServer']['history'], Chat, Room> =
 *   async ({ before }, { request }) => await db.before(request.params.room, before)
 */
export type MessageHandler<M, C extends AnyContract, Request = FastifyRequest> =
  HandlerOf<M, Socket<C, Request>>

/** The handler of a client message with this payload: an error shows these, not their schemas. */
export type Handler<Payload, Answer, S> = (payload: Payload, socket: S, message: ReceivedMessage) => Answer | Promise<Answer>

/** The handler of an event that has a binary frame. */
export type BinaryEventHandler<Payload, S> = (payload: Payload, socket: S, message: ReceivedBinaryEvent) => unknown

type HandlerOf<M, S> = M extends { payload: object, binary: true }
  ? BinaryEventHandler<Payload<M>, S>
  : Handler<Payload<M>, Answer<M>, S>

type OptionOf<M, S> = M extends { payload: object, binary: true }
  ? BinaryEventHandler<Payload<M>, S> | HandlerWithCost<BinaryEventHandler<Payload<M>, S>>
  : HandlerOption<Payload<M>, Answer<M>, S>

type Answer<M> =
  M extends { request: object, reply: infer Answer extends object } ? Infer<Answer>
    : M extends { request: object, stream: infer Item extends object } ? AsyncIterable<Infer<Item>>
      : unknown

/** A handler whose messages cost more, or less, than one token of the `rateLimit`. */
export interface HandlerWithCost<Handler> {
  /** Tokens; 0 for a message that is free. */
  readonly cost: number
  readonly handler: Handler
}

/** A handler, or one with its cost. */
export type HandlerOption<Payload, Answer, S> = Handler<Payload, Answer, S> | HandlerWithCost<Handler<Payload, Answer, S>>

/**
 * One handler for every client message of a contract, for handlers in a file of their own. Each is
 * a function, which a test may call; with `true` as `WithCost` it may be a `HandlerWithCost`, too.
 *
 * @example
 * type Room = FastifyRequest<{ Params: { room: string } }>
 *
 * export const on: MessageHandlers<Chat, Room> = {
 *   message ({ text }, socket) {
 *     socket.publish(socket.request.params.room, 'message', { text })
 *   }
 * }
 */
export type MessageHandlers<C extends AnyContract, Request = FastifyRequest, WithCost extends boolean = false> = {
  readonly [K in keyof C['clientToServer']]: WithCost extends true
    ? OptionOf<C['clientToServer'][K], Socket<C, Request>>
    : HandlerOf<C['clientToServer'][K], Socket<C, Request>>
}

/**
 * Runs before the handler of every client message whose payload was checked: events, calls, streams
 * and binary frames. A list runs in order, each when the one before it has settled. A hook that
 * throws or rejects rejects the message, as its handler would: the client gets an `$error` with
 * the status of the error, or a 500. The value it returns is ignored. `this` is the instance on
 * which the route was declared.
 *
 * @example
 * const roles: Record<string, string> = { ban: 'moderator' }
 *
 * app.addMessageHook((payload, { request }, { type }) => {
 *   const role = roles[type ?? 'binary']
 *   if (role !== undefined && request.person.role !== role) throw new createError.Forbidden()
 * })
 */
export type MessageHook<C extends AnyContract = AnyContract, Request = FastifyRequest> = {
  // A method: TypeScript 5.9 lets a hook for every contract stand for that of one.
  hook (
    this: FastifyInstance,
    payload: unknown,
    socket: Socket<C, Request>,
    message: ReceivedMessage<keyof C['clientToServer'] & string>
  ): unknown
}['hook']

/** Handles a binary frame that belongs to no event. */
export type BinaryHandler<C extends AnyContract, Request = FastifyRequest> = (data: Buffer, socket: Socket<C, Request>) => unknown
/** Runs after the 101; messages wait, in order, until what it returns has settled. */
export type OpenHandler<C extends AnyContract, Request = FastifyRequest> = (socket: Socket<C, Request>) => unknown
/** Runs once for every connection whose `open` succeeded. */
export type CloseHandler<C extends AnyContract, Request = FastifyRequest> = (socket: Socket<C, Request>, event: CloseEvent) => unknown

/**
 * Runs for every error thrown by `open`, `close`, `binary` or a message handler, in place of the
 * log line. The client gets its `$error` all the same: for the error given, or for another one that
 * this handler returns or throws.
 */
export type ErrorHandler<C extends AnyContract = AnyContract, Request = FastifyRequest> =
  (error: unknown, socket: Socket<C, Request>, message: ReceivedMessage | undefined) => unknown
