import type { FastifyRequest } from 'fastify'
import type { BrokerState } from './broker.js'
import type { AnyContract } from './contract.js'
import type { ReceivedMessage } from './handler.js'
import type { RecoveryReason, Socket } from './socket.js'

/**
 * The run of one message's handler, published on the channels of
 * `tracing:fastify-typed-ws.message`: each of them gets the same object.
 */
export interface MessageTrace {
  readonly socket: Socket
  readonly message: ReceivedMessage
  /**
   * `true` if the message was not handled when its handler returned: `asyncStart` and `asyncEnd`
   * follow.
   */
  readonly async: boolean
  /** The error with which the handler, or its stream, failed. */
  readonly error?: unknown
}

/**
 * The messages of the channels of `node:diagnostics_channel`, by the channel's name. Nothing is
 * allocated for a channel without subscribers. A subscriber is called synchronously and must not
 * throw.
 *
 * @example
 * import { subscribe } from 'node:diagnostics_channel'
 * import type { Diagnostics } from 'fastify-typed-ws'
 *
 * subscribe('fastify-typed-ws.connection.close', (message) => {
 *   const { code, durationMs } = message as Diagnostics['fastify-typed-ws.connection.close']
 *   durations.observe({ code }, durationMs)
 * })
 */
export interface Diagnostics {
  /** The 101 is out; `open` has not run yet. */
  'fastify-typed-ws.connection.open': { readonly socket: Socket }
  /** The connection ended with this `code` (RFC 6455 §7.4). */
  'fastify-typed-ws.connection.close': {
    readonly socket: Socket
    readonly code: number
    readonly reason: string
    readonly durationMs: number
  }
  /**
   * A handshake got another answer than a 101. `error` is the cause, unless a hook answered by
   * itself.
   */
  'fastify-typed-ws.handshake.refused': {
    readonly request: FastifyRequest
    readonly contract: AnyContract
    readonly statusCode: number
    readonly error: unknown
  }
  /**
   * The handler of a checked message, or of a binary frame, is about to run: in the stores bound to
   * this channel (`channel.bindStore`).
   */
  'fastify-typed-ws.message.received': { readonly socket: Socket, readonly message: ReceivedMessage }
  /** The same message was handled: answered, or its stream done, or failed with `error`. */
  'fastify-typed-ws.message.handled': { readonly socket: Socket, readonly message: ReceivedMessage, readonly error: unknown }
  /**
   * A message is sent: `type` is the name of an event or a call, `$reply`, `$next`, …, or
   * `undefined` for a binary frame.
   */
  'fastify-typed-ws.message.sent': { readonly socket: Socket, readonly type: string | undefined }
  /** An `$error` is sent: `error` is its body. */
  'fastify-typed-ws.message.refused': {
    readonly socket: Socket
    readonly error: { readonly statusCode: number, readonly code?: string, readonly received?: string }
  }
  /** A function of the app threw or rejected: a handler, `open`, `close` or `errorHandler`. */
  'fastify-typed-ws.error': { readonly socket: Socket, readonly error: unknown, readonly message: ReceivedMessage | undefined }
  /** More than `highWaterMarkBytes` wait for the client. */
  'fastify-typed-ws.slow': { readonly socket: Socket, readonly bufferedAmount: number }
  /** An event was left out, because the client is slow. */
  'fastify-typed-ws.dropped': { readonly socket: Socket, readonly type: string | undefined }
  /** The broker's engine has become reachable, or has gone for a `reason`. */
  'fastify-typed-ws.broker': { readonly name: string, readonly state: BrokerState, readonly reason: unknown }
  /**
   * Messages that other nodes published to a topic between `from` and `to` may not have reached its
   * members on this node.
   */
  'fastify-typed-ws.topic.gap': { readonly contract: AnyContract, readonly topic: string, readonly from: Date, readonly to: Date }
  /**
   * A client returned to a recoverable topic and was given the events that it `missed`; or they
   * cannot be told, for a `reason`.
   */
  'fastify-typed-ws.topic.recovered': {
    readonly socket: Socket
    readonly topic: string
    readonly recovered: boolean
    readonly missed: number
    readonly reason: RecoveryReason | undefined
  }
  /** An event did not reach the other nodes, or perhaps not: `error` tells. */
  'fastify-typed-ws.publish.failed': { readonly contract: AnyContract, readonly topic: string, readonly error: unknown }
  /** A handler is about to run: in the stores bound to this channel. */
  'tracing:fastify-typed-ws.message:start': MessageTrace
  /** The handler returned or threw. */
  'tracing:fastify-typed-ws.message:end': MessageTrace
  /** A message whose trace is `async` was handled. */
  'tracing:fastify-typed-ws.message:asyncStart': MessageTrace
  /** The same, at once after `asyncStart`: nothing more follows. */
  'tracing:fastify-typed-ws.message:asyncEnd': MessageTrace
  /**
   * The handler failed: `error` tells how. Published before `asyncStart`, or before `end` if it
   * failed synchronously.
   */
  'tracing:fastify-typed-ws.message:error': MessageTrace
}
