// A contract with everything that a document can tell of, and its route.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { asyncapi, type AsyncApiOptions } from '../../lib/asyncapi/index.js'
import { defineContract } from '../../lib/contract.js'
import { createApp, type Teardown } from '../support/helper.js'

const date = Type.Number({ description: 'Milliseconds since 1970.' })

const Person = Type.Object({
  id: Type.String(),
  name: Type.String({ maxLength: 30 })
}, { $id: 'Person', description: 'A member of the room.' })

const stamp = { id: Type.String(), from: Type.String({ description: 'The speaker\'s id.' }), name: Type.String(), date }

const Message = Type.Object({ ...stamp, text: Type.String() }, { $id: 'Message' })

const ImageType = Type.Unsafe<string>({ $id: 'ImageType', type: 'string', enum: ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] })

const Image = Type.Object({
  ...stamp, mime: ImageType, size: Type.Integer({ description: 'In bytes.' })
}, { $id: 'Image' })

const lunch = { id: 'm1', from: '7f0b6f0e', name: 'Ada', date: 1795804000000, text: 'Lunch?' }
const text = Type.String({ minLength: 1, maxLength: 2000 })

export const study = defineContract({
  name: 'chat.v1',
  title: 'A room',
  description: 'Opened with the subprotocol `chat.v1`, or none.',
  clientToServer: {
    message: Type.Object({
      text,
      id: Type.Optional(Type.String({ maxLength: 100, deprecated: true, description: 'The server chooses its own.' })),
      date
    }, { title: 'Says something to all in the room.', examples: [{ text: 'Hello', date: 1795804800000 }] }),
    whisper: Type.Object({
      to: Type.String({ maxLength: 100 }),
      text
    }, { title: 'Open a room for two instead.', deprecated: true, examples: [{ to: '7f0b6f0e', text: 'psst' }] }),
    history: {
      summary: 'Asks for the messages of the room; answered once, oldest first.',
      request: Type.Object({ since: Type.Optional(Type.Number({ description: 'Only younger ones. Milliseconds since 1970.' })) }),
      reply: Type.Array(Type.Union([Message, Image])),
      examples: [{ name: 'empty', summary: 'A room without messages', request: { since: 1795804000000 }, reply: [] }]
    },
    search: {
      summary: 'Looks through the history; answered by one $next for each message found, then by $done.',
      description: 'The words are *not* a pattern.',
      request: Type.Object({ words: Type.String({ minLength: 1, maxLength: 100 }) }),
      stream: Message,
      examples: [{ request: { words: 'lunch' }, stream: [lunch] }]
    }
  },
  serverToClient: {
    message: Message,
    image: Image,
    present: Type.Object({
      you: Person, people: Type.Array(Person), lastVisit: Type.Optional(date)
    }, {
      title: 'Once, at the start.',
      examples: [{ you: { id: '7f0b6f0e', name: 'Ada' }, people: [{ id: '7f0b6f0e', name: 'Ada' }] }]
    }),
    joined: Person,
    left: Person,
    confirm: {
      summary: 'The server asks the person; the client answers once.',
      request: Type.Object({ question: Type.String() }),
      reply: Type.Boolean(),
      examples: [{ request: { question: 'Leave the room?' }, reply: true }]
    }
  },
  binary: { clientToServer: true, serverToClient: true },
  closeCodes: { 4001: 'The room is full', 4510: 'Banned' }
})

export const options: AsyncApiOptions = {
  info: { title: 'Chat', version: '1.0.0', description: 'Rooms in which people talk.', license: { name: 'MIT' } },
  tags: [{ name: 'chat', description: 'Talking in a room.' }],
  externalDocs: { url: 'https://example.com/docs' },
  servers: { production: { host: 'chat.example.com', pathname: '/api', protocol: 'wss', description: 'Production' } },
  securitySchemes: {
    session: { type: 'httpApiKey', in: 'cookie', name: 'person', description: 'Set by `POST /sign-in`.' },
    token: { type: 'httpApiKey', in: 'header', name: 'Sec-WebSocket-Protocol', description: '`bearer.<token>`, offered beside `chat.v1`.' }
  }
}

/** An app whose only typed route is that of the contract. */
export async function createStudy (t: Teardown, more: Partial<AsyncApiOptions> = {}): Promise<FastifyInstance> {
  const app = await createApp(t)
  await app.register(asyncapi, { ...options, ...more })
  app.ws('/chat/:room', {
    contract: study,
    schema: {
      tags: ['chat'],
      summary: 'A room: its members hear all that is said in it.',
      security: [{ session: [] }, { token: [] }],
      params: Type.Object({ room: Type.String({ maxLength: 64, description: 'Name of the room.', examples: ['lobby'] }) }),
      querystring: Type.Object({ lang: Type.Optional(Type.Union([Type.Literal('en'), Type.Literal('de')], { default: 'en' })) })
    },
    on: { message () {}, whisper () {}, history: () => [], async * search () {} },
    binary () {}
  })
  return app
}
