import { channel } from 'node:diagnostics_channel'
import type { Diagnostics } from '../../types/diagnostics.js'

type Named<K extends string> = keyof Diagnostics & `fastify-typed-ws.${K}`

/** One channel: ask `hasSubscribers` before making what is published. */
export interface Publisher<K extends keyof Diagnostics> {
  readonly hasSubscribers: boolean
  publish (message: Diagnostics[K]): void
  /** Publishes, and runs what follows in the stores that are bound to the channel. */
  runStores<R> (message: Diagnostics[K], run: () => R): R
}

/** Every channel, made once: what a subscriber of `node:diagnostics_channel` may hear. */
export const connectionOpen: Publisher<Named<'connection.open'>> = open('fastify-typed-ws.connection.open')
export const connectionClose: Publisher<Named<'connection.close'>> = open('fastify-typed-ws.connection.close')
export const handshakeRefused: Publisher<Named<'handshake.refused'>> = open('fastify-typed-ws.handshake.refused')
export const messageReceived: Publisher<Named<'message.received'>> = open('fastify-typed-ws.message.received')
export const messageHandled: Publisher<Named<'message.handled'>> = open('fastify-typed-ws.message.handled')
export const messageSent: Publisher<Named<'message.sent'>> = open('fastify-typed-ws.message.sent')
export const messageRefused: Publisher<Named<'message.refused'>> = open('fastify-typed-ws.message.refused')
export const failed: Publisher<Named<'error'>> = open('fastify-typed-ws.error')
export const slow: Publisher<Named<'slow'>> = open('fastify-typed-ws.slow')
export const dropped: Publisher<Named<'dropped'>> = open('fastify-typed-ws.dropped')

function open<K extends keyof Diagnostics> (name: K): Publisher<K> {
  return channel(name) as Publisher<K>
}
