// An app whose route has all that a console can talk to, and the console.
import { once } from 'node:events'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { asyncapi } from '../../lib/asyncapi/index.js'
import { console as consolePlugin, type ConsoleOptions } from '../../lib/console/index.js'
import { defineContract } from '../../lib/contract.js'
import { createApp, listen, type Teardown } from '../support/helper.js'

export const room = defineContract({
  name: 'room.v1',
  title: 'A room',
  clientToServer: {
    message: Type.Object({
      text: Type.String({ minLength: 1, maxLength: 200, description: 'Is read by all.' }), to: Type.Optional(Type.String())
    }, { title: 'Says something to all.', examples: [{ text: 'Hello' }] }),
    whisper: Type.Object({ text: Type.String() }, { deprecated: true }),
    history: {
      summary: 'Asks for the last messages.',
      request: Type.Object({ limit: Type.Integer({ minimum: 1, maximum: 50 }) }),
      reply: Type.Array(Type.Object({ text: Type.String() }))
    },
    ticks: { summary: 'Counts.', request: Type.Object({ count: Type.Integer({ minimum: 0 }) }), stream: Type.Integer() },
    flood: Type.Object({ count: Type.Integer() }),
    question: Type.Object({}),
    leave: Type.Object({ code: Type.Integer({ default: 4001 }) }),
    picture: { payload: Type.Object({ title: Type.String() }), binary: true }
  },
  serverToClient: {
    message: Type.Object({ text: Type.String() }),
    picture: { payload: Type.Object({ title: Type.String() }), binary: true },
    confirm: { summary: 'Asks the person.', request: Type.Object({ question: Type.String() }), reply: Type.Object({ yes: Type.Boolean() }) }
  },
  binary: { clientToServer: true, serverToClient: true },
  closeCodes: { 4001: 'The room is full', 4510: 'Banned' }
})

export interface Room {
  readonly app: FastifyInstance
  readonly url: string
  /** The connections that are open. */
  readonly sockets: Set<unknown>
  /** The handshakes' URLs and subprotocols. */
  readonly handshakes: Array<{ url: string, protocols: string | undefined }>
  /** The answers to `confirm`. */
  readonly confirmed: unknown[]
  /** The codes by which clients have closed. */
  readonly codes: number[]
}

export async function startRoom (t: Teardown, options: Partial<ConsoleOptions> = {}): Promise<Room> {
  const app = await createApp(t)
  const handshakes: Room['handshakes'] = []
  const confirmed: unknown[] = []
  const codes: number[] = []
  const sockets: Room['sockets'] = new Set()
  await app.register(asyncapi, { info: { title: 'Rooms', version: '1.2.0' }, routePrefix: '/asyncapi' })
  await app.register(consolePlugin, { prefix: '/console', ...options })
  app.ws('/rooms/:room', {
    contract: room,
    schema: {
      summary: 'Its members hear all that is said in it.',
      params: Type.Object({ room: Type.String({ maxLength: 20, description: 'Name of the room.', examples: ['lobby'] }) }),
      querystring: Type.Object({ lang: Type.Optional(Type.Union([Type.Literal('en'), Type.Literal('de')])) })
    },
    preValidation: async (request, reply) => {
      handshakes.push({ url: request.url, protocols: request.headers['sec-websocket-protocol'] })
      if (request.url.includes('secret')) {
        return await reply.code(403).send({ statusCode: 403, error: 'Forbidden', message: 'Members only' })
      }
    },
    on: {
      message: ({ text }, socket) => socket.send('message', { text }),
      whisper: () => {},
      history: ({ limit }) => Array.from({ length: limit }, (_, i) => ({ text: `message ${i}` })),
      async * ticks ({ count }, _socket, { signal }) {
        for (let i = 0; i < count; i++) yield i
        // Over when it is cancelled.
        if (count === 0) await once(signal, 'abort')
      },
      flood ({ count }, socket) {
        for (let i = 0; i < count; i++) socket.send('message', { text: `flood ${i}` })
      },
      question: async (_payload, socket) => { confirmed.push(await socket.call('confirm', { question: 'Really?' })) },
      leave: ({ code }, socket) => socket.close(code as 4001, 'see you'),
      picture: ({ title }, socket, { binary }) => socket.sendBinary('picture', { title }, binary)
    },
    binary: (data, socket) => socket.sendBinary(data),
    open: (socket) => { sockets.add(socket) },
    close: (socket, { code }) => {
      sockets.delete(socket)
      codes.push(code)
    }
  })
  app.ws('/plain', { contract: defineContract({ name: 'plain.v1', clientToServer: { hello: Type.Object({}) } }), on: { hello () {} } })
  return { app, url: await listen(app), sockets, handshakes, confirmed, codes }
}
