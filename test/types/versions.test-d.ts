// Translations between versions: required where the types differ, and typed without annotations.
import { expectTypeOf } from 'expect-type'
import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, older, type OlderVersion } from '../../lib/index.js'

declare const app: FastifyInstance

const v1 = defineContract({
  name: 'chat.v1',
  clientToServer: {
    message: Type.Object({ text: Type.String() }),
    say: Type.Object({ words: Type.String() }),
    poke: Type.Object({}),
    image: { payload: Type.Object({ mime: Type.String() }), binary: true },
    history: { request: Type.Object({ before: Type.Number() }), reply: Type.Array(Type.String()) },
    find: { request: Type.Object({ word: Type.String() }), reply: Type.Object({ found: Type.Number() }) },
    watch: { request: Type.Object({}), stream: Type.Object({ n: Type.Number() }) }
  },
  serverToClient: {
    message: Type.Object({ text: Type.String() }),
    left: Type.Object({ name: Type.String() }),
    gone: Type.Object({}),
    confirm: { request: Type.Object({ question: Type.String() }), reply: Type.Boolean() }
  }
})
const v2 = defineContract({
  name: 'chat.v2',
  clientToServer: {
    message: Type.Object({ body: Type.Object({ text: Type.String() }) }),
    image: { payload: Type.Object({ mime: Type.String(), alt: Type.Optional(Type.String()) }), binary: true },
    history: { request: Type.Object({ before: Type.Number() }), reply: Type.Object({ messages: Type.Array(Type.String()) }) },
    find: {
      request: Type.Object({ word: Type.String(), limit: Type.Optional(Type.Number()) }),
      reply: Type.Object({ found: Type.Number(), took: Type.Number() })
    },
    watch: { request: Type.Object({}), stream: Type.Object({ count: Type.Number() }) }
  },
  serverToClient: {
    message: Type.Object({ body: Type.Object({ text: Type.String() }) }),
    exited: Type.Object({ name: Type.String(), why: Type.String() }),
    typing: Type.Object({ name: Type.String() }),
    confirm: { request: Type.Object({ question: Type.String() }), reply: Type.Object({ sure: Type.Boolean() }) }
  }
})

const translations = older(v2, {
  contract: v1,
  clientToServer: {
    message: {
      up (payload) {
        expectTypeOf(payload).toEqualTypeOf<{ text: string }>()
        return { body: { text: payload.text } }
      }
    },
    say: {
      as: 'message',
      up (payload) {
        expectTypeOf(payload).toEqualTypeOf<{ words: string }>()
        return { body: { text: payload.words } }
      }
    },
    poke: { drop: true },
    history: {
      down (reply) {
        expectTypeOf(reply).toEqualTypeOf<{ messages: string[] }>()
        return reply.messages
      }
    },
    watch: { down: ({ count }) => count < 0 ? undefined : { n: count } }
  },
  serverToClient: {
    message: {
      down (payload) {
        expectTypeOf(payload).toEqualTypeOf<{ body: { text: string } }>()
        return payload.body.text === '' ? undefined : { text: payload.body.text }
      }
    },
    exited: { as: 'left' },
    confirm: {
      up (reply) {
        expectTypeOf(reply).toEqualTypeOf<boolean>()
        return { sure: reply }
      }
    }
  }
})
expectTypeOf(translations).toEqualTypeOf<OlderVersion<typeof v2>>()

const body = { text: '' }
const up = ({ text }: { text: string }): { body: { text: string } } => ({ body: { text } })
const say = { as: 'message', up: ({ words }: { words: string }) => ({ body: { text: words } }) } as const
const down = ({ body }: { body: { text: string } }): { text: string } => body
const clientToServer = {
  message: { up },
  say,
  poke: { drop: true },
  history: { down: ({ messages }: { messages: string[] }) => messages },
  watch: { down: ({ count }: { count: number }) => ({ n: count }) }
} as const
const serverToClient = { message: { down }, confirm: { up: (sure: boolean) => ({ sure }) } } as const
older(v2, { contract: v1, clientToServer, serverToClient })

// A message that needs no translation may have one, and may be left out.
older(v2, {
  contract: v1,
  clientToServer: { ...clientToServer, find: { up: ({ word }) => ({ word, limit: 5 }), down: ({ found }) => ({ found }) } },
  serverToClient: { ...serverToClient, typing: { drop: true } }
})
// @ts-expect-error -- translations are missing
older(v2, { contract: v1 })
// @ts-expect-error -- one side is missing
older(v2, { contract: v1, clientToServer })
// @ts-expect-error -- a message that was renamed is missing
older(v2, { contract: v1, clientToServer: { ...clientToServer, say: undefined }, serverToClient })
// @ts-expect-error -- an empty translation
older(v2, { contract: v1, clientToServer: { ...clientToServer, message: {} }, serverToClient })
// @ts-expect-error -- a wrong result
older(v2, { contract: v1, clientToServer: { ...clientToServer, message: { up: ({ text }) => ({ text }) } }, serverToClient })
// @ts-expect-error -- a name that the newest version has not
older(v2, { contract: v1, clientToServer: { ...clientToServer, poke: { as: 'poked', up: () => ({}) } }, serverToClient })
// @ts-expect-error -- a call does not become an event
older(v2, { contract: v1, clientToServer: { ...clientToServer, history: { as: 'message', up: () => ({ body }) } }, serverToClient })
// @ts-expect-error -- the answer of a call is missing
older(v2, { contract: v1, clientToServer: { ...clientToServer, history: { up: ({ before }) => ({ before }) } }, serverToClient })
// @ts-expect-error -- an event has no answer
older(v2, { contract: v1, clientToServer: { ...clientToServer, message: { up, down: () => ({}) } }, serverToClient })
// @ts-expect-error -- a wrong event for old clients
older(v2, { contract: v1, clientToServer, serverToClient: { ...serverToClient, message: { down: ({ body }) => body.text } } })
// @ts-expect-error -- a reply cannot be left out
older(v2, { contract: v1, clientToServer: { ...clientToServer, history: { down: () => undefined } }, serverToClient })
// @ts-expect-error -- what is dropped has no translation
older(v2, { contract: v1, clientToServer: { ...clientToServer, poke: { drop: true, up: () => ({}) } }, serverToClient })
// @ts-expect-error -- an old contract
older(v2, {})

// Compatible versions.
const more1 = defineContract({
  name: 'more.v1',
  clientToServer: { say: Type1.Object({ text: Type1.String() }) },
  serverToClient: { said: Type1.Object({ text: Type1.String() }) }
})
const more2 = defineContract({
  name: 'more.v2',
  clientToServer: { say: Type1.Object({ text: Type1.String(), loud: Type1.Optional(Type1.Boolean()) }), wave: Type1.Object({}) },
  serverToClient: { said: Type1.Object({ text: Type1.String(), id: Type1.String() }), waved: Type1.Object({}) }
})
const compatible = older(more2, { contract: more1 })
const plain1 = defineContract({ name: 'plain.v1', clientToServer: { say: { type: 'object', properties: { a: { type: 'string' } } } } })
const plain2 = defineContract({ name: 'plain.v2', clientToServer: { say: { type: 'object', properties: { b: { type: 'string' } } } } })
older(plain2, { contract: plain1 })
older(plain2, { contract: plain1, clientToServer: { say: { up: (payload) => { expectTypeOf(payload).toEqualTypeOf<unknown>() } } } })

app.ws('/more', {
  contract: more2,
  versions: [compatible],
  defaultVersion: 'more.v1',
  on: {
    say (payload, socket) {
      expectTypeOf(payload).toEqualTypeOf<{ text: string, loud?: boolean }>()
      expectTypeOf(socket.contract.name).toEqualTypeOf<'more.v2'>()
    },
    wave () {}
  }
})
// @ts-expect-error -- a version of another contract
app.ws('/more', { contract: more2, versions: [translations], on: { say () {}, wave () {} } })
// @ts-expect-error -- a contract is no version
app.ws('/more', { contract: more2, versions: [more1], on: { say () {}, wave () {} } })
