import { channel, tracingChannel } from 'node:diagnostics_channel'
import type { Diagnostics, MessageTrace } from '../../types/diagnostics.js'

type Named<K extends string> = keyof Diagnostics & `fastify-typed-ws.${K}`

/** One channel: read `hasSubscribers` before making a message for `publish`. */
export interface Publisher<Message> {
  readonly hasSubscribers: boolean
  publish (message: Message): void
  /** Publishes, and calls `run` in the stores that are bound to the channel. */
  runStores<R> (message: Message, run: () => R): R
}

/**
 * The channels of a tracing channel: `start` and `end` around a call, `asyncStart` and `asyncEnd`
 * around the outcome of a promise.
 */
export interface TracePublisher<Trace> extends Readonly<Record<'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error', Publisher<Trace>>> {
  readonly hasSubscribers: boolean
}

/** Every channel, made once: see docs/observing.md. */
export const connectionOpen: Channel<'connection.open'> = open('fastify-typed-ws.connection.open')
export const connectionClose: Channel<'connection.close'> = open('fastify-typed-ws.connection.close')
export const handshakeRefused: Channel<'handshake.refused'> = open('fastify-typed-ws.handshake.refused')
export const messageReceived: Channel<'message.received'> = open('fastify-typed-ws.message.received')
export const messageHandled: Channel<'message.handled'> = open('fastify-typed-ws.message.handled')
export const messageSent: Channel<'message.sent'> = open('fastify-typed-ws.message.sent')
export const messageRefused: Channel<'message.refused'> = open('fastify-typed-ws.message.refused')
export const failed: Channel<'error'> = open('fastify-typed-ws.error')
export const slow: Channel<'slow'> = open('fastify-typed-ws.slow')
export const dropped: Channel<'dropped'> = open('fastify-typed-ws.dropped')
export const broker: Channel<'broker'> = open('fastify-typed-ws.broker')
export const topicGap: Channel<'topic.gap'> = open('fastify-typed-ws.topic.gap')
export const topicRecovered: Channel<'topic.recovered'> = open('fastify-typed-ws.topic.recovered')
export const publishFailed: Channel<'publish.failed'> = open('fastify-typed-ws.publish.failed')
export const handlerRun: TracePublisher<MessageTrace> = tracingChannel<MessageTrace>('fastify-typed-ws.message')

type Channel<K extends string> = Publisher<Diagnostics[Named<K>]>

function open<K extends keyof Diagnostics> (name: K): Publisher<Diagnostics[K]> {
  return channel(name) as Publisher<Diagnostics[K]>
}
