// Two versions of one contract, and a route that speaks both.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, older, type PluginOptions, type WebSocketRouteOptions } from '../../lib/index.js'
import { createApp, listen, Log, type Teardown } from './helper.js'

const Body = Type.Object({ text: Type.String({ maxLength: 20 }), format: Type.String() })

export const v1 = defineContract({
  name: 'chat.v1',
  discriminator: 'op',
  clientToServer: {
    message: Type.Object({ text: Type.String() }),
    say: Type.Object({ words: Type.String() }),
    poke: Type.Object({ who: Type.String() }),
    same: Type.Object({ a: Type.Number() }),
    image: { payload: Type.Object({ mime: Type.String() }), binary: true },
    ask: { request: Type.Object({ n: Type.Number() }), reply: Type.Number() },
    query: { request: Type.Object({ n: Type.Number() }), reply: Type.Object({ n: Type.Number() }) },
    lost: { request: Type.Object({}), reply: Type.Null() },
    forgotten: { request: Type.Object({}), stream: Type.Null() },
    count: { request: Type.Object({ to: Type.Number() }), stream: Type.Number() }
  },
  serverToClient: {
    message: Type.Object({ text: Type.String() }),
    left: Type.Object({ name: Type.String() }),
    image: { payload: Type.Object({ mime: Type.String() }), binary: true },
    confirm: { request: Type.Object({ question: Type.String({ maxLength: 10 }) }), reply: Type.Boolean() }
  }
})

export const v2 = defineContract({
  name: 'chat.v2',
  discriminator: 'kind',
  clientToServer: {
    message: Type.Object({ body: Body }),
    same: Type.Object({ a: Type.Number({ maximum: 9 }) }),
    image: { payload: Type.Object({ type: Type.String() }), binary: true },
    ask: { request: Type.Object({ n: Type.Number() }), reply: Type.Object({ answer: Type.Number() }) },
    count: { request: Type.Object({ to: Type.Number() }), stream: Type.Object({ n: Type.Number() }) }
  },
  serverToClient: {
    message: Type.Object({ body: Body, by: Type.Optional(Type.String()) }),
    exited: Type.Object({ name: Type.String(), secret: Type.String() }),
    typing: Type.Object({}),
    image: { payload: Type.Object({ type: Type.String() }), binary: true },
    confirm: {
      request: Type.Object({ question: Type.String(), why: Type.String() }),
      reply: Type.Object({ sure: Type.Literal(true) })
    },
    choose: { request: Type.Object({}), reply: Type.Null() }
  },
  topics: {
    room: { recover: true },
    lounge: { recover: true, presence: Type.Object({ name: Type.String({ maxLength: 20 }) }) }
  }
})

/** The translations, and how often each of the ones that count was called. */
export const calls = { down: 0 }

export const version1 = older(v2, {
  contract: v1,
  clientToServer: {
    message: { up: ({ text }) => ({ body: { text, format: 'plain' } }) },
    say: {
      as: 'message',
      up ({ words }) {
        if (words === 'throw') throw Object.assign(new Error('no words'), { statusCode: 403 })
        return { body: { text: words, format: 'said' } }
      }
    },
    poke: { drop: true },
    image: { up: ({ mime }) => ({ type: mime }) },
    ask: { down: ({ answer }) => answer === 13 ? 'unlucky' as never : answer },
    query: { as: 'ask', up: ({ n }) => ({ n: n * 100 }), down: ({ answer }) => ({ n: answer }) },
    lost: { drop: true },
    forgotten: { drop: true },
    count: { down: ({ n }) => n === 2 ? undefined : n }
  },
  serverToClient: {
    message: {
      down ({ body }) {
        calls.down++
        if (body.text === 'throw') throw new Error('no down')
        return body.text === 'hidden' ? undefined : { text: body.text }
      }
    },
    exited: { as: 'left' },
    image: { down: ({ type }) => ({ mime: type }) },
    confirm: {
      down: ({ question }) => question === 'never' ? undefined : { question },
      up: (sure) => ({ sure: sure as true })
    }
  }
})

export interface House {
  readonly app: FastifyInstance
  readonly url: string
  readonly log: Log
  /** The messages that handlers were given. */
  readonly seen: unknown[]
}

type Options = Partial<WebSocketRouteOptions<typeof v2>>

export async function start (t: Teardown, route: Options = {}, options: PluginOptions = {}): Promise<House> {
  const seen: unknown[] = []
  const log = new Log()
  const app = await createApp(t, options, { logger: log.options })
  app.ws('/', {
    contract: v2,
    versions: [version1],
    open: (socket) => void socket.subscribe('all'),
    on: {
      message: (payload, _socket, { type }) => void seen.push({ type, ...payload }),
      same: (payload) => void seen.push(payload),
      image: (payload, _socket, { binary }) => void seen.push({ ...payload, bytes: binary.toString() }),
      ask: ({ n }, _socket, { type }) => {
        seen.push({ type, n })
        if (n < 0) throw Object.assign(new Error('too small'), { statusCode: 400 })
        return { answer: n, secret: 1 }
      },
      async * count ({ to }) {
        for (let n = 1; n <= to; n++) yield { n }
      }
    },
    ...route
  })
  return { app, url: await listen(app), log, seen }
}
