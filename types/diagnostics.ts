import type { FastifyRequest } from 'fastify'
import type { AnyContract } from './contract.js'
import type { ReceivedMessage } from './handler.js'
import type { Socket } from './socket.js'

/**
 * What is published on the channels of `node:diagnostics_channel`, by the channel's name. Nothing is made for a channel nobody subscribed to. A subscriber
 * is called at once and must not throw.
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
  /** The connection ended, by RFC 6455 §7.4's `code`. */
  'fastify-typed-ws.connection.close': { readonly socket: Socket, readonly code: number, readonly reason: string, readonly durationMs: number }
  /** A handshake got another answer than a 101. `error` is what it was refused with, unless a hook answered by itself. */
  'fastify-typed-ws.handshake.refused': { readonly request: FastifyRequest, readonly contract: AnyContract, readonly statusCode: number, readonly error: unknown }
  /** A checked message, or a binary frame, is about to be handled. What runs then, runs in the stores bound to this channel (`channel.bindStore`). */
  'fastify-typed-ws.message.received': { readonly socket: Socket, readonly message: ReceivedMessage }
  /** The same message was handled: answered, or its stream done, or failed with `error`. */
  'fastify-typed-ws.message.handled': { readonly socket: Socket, readonly message: ReceivedMessage, readonly error: unknown }
  /** A message is on its way out: an event's or call's name, `$reply`, `$next`, …, or `undefined` for a binary frame. */
  'fastify-typed-ws.message.sent': { readonly socket: Socket, readonly type: string | undefined }
  /** The peer was told of an error: `error` is the `$error`'s body. */
  'fastify-typed-ws.message.refused': { readonly socket: Socket, readonly error: { readonly statusCode: number, readonly code?: string, readonly received?: string } }
  /** A function of the app's threw or rejected: a handler, `open`, `close` or `errorHandler`. */
  'fastify-typed-ws.error': { readonly socket: Socket, readonly error: unknown, readonly message: ReceivedMessage | undefined }
  /** More than `highWaterMarkBytes` wait for the peer. */
  'fastify-typed-ws.slow': { readonly socket: Socket, readonly bufferedAmount: number }
  /** An event was left out, because the peer is slow. */
  'fastify-typed-ws.dropped': { readonly socket: Socket, readonly type: string | undefined }
}
