// The types of a live connection: streams, calls of the server's, costs, renewal.
import { expectTypeOf } from 'expect-type'
import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type ChannelStats, type Diagnostics, type ReceivedMessage, type Socket } from '../../lib/index.js'

declare const app: FastifyInstance

const live = defineContract({
  name: 'live',
  clientToServer: {
    renew: Type.Object({ token: Type.String() }),
    find: { request: Type.Object({ name: Type.String() }), reply: Type.Boolean() },
    ticks: { request: Type.Object({ everyMs: Type.Integer() }), stream: Type.Object({ n: Type.Number() }) }
  },
  serverToClient: {
    said: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({ question: Type.String() }), reply: Type.Boolean() }
  }
})
const live1 = defineContract({
  name: 'live1',
  clientToServer: { ticks: { request: Type1.Object({}), stream: Type1.Number() } },
  serverToClient: { confirm: { request: Type1.Object({ question: Type1.String() }), reply: Type1.Boolean() } }
})

const renew = (): void => {}
const find = (): boolean => true
async function * ticks (): AsyncGenerator<{ n: number }> { yield { n: 1 } }

app.ws('/live', {
  contract: live,
  refresh: 'renew',
  async open (socket) {
    socket.expiresAt = new Date()
    socket.expiresAt = undefined
    await socket.drained()
  },
  on: {
    renew (payload, _socket, message) {
      expectTypeOf(payload).toEqualTypeOf<{ token: string }>()
      expectTypeOf(message).toEqualTypeOf<ReceivedMessage>()
      expectTypeOf(message.signal).toEqualTypeOf<AbortSignal>()
    },
    find: {
      cost: 5,
      async handler ({ name }, socket) {
        expectTypeOf(name).toEqualTypeOf<string>()
        const answer = await socket.call('confirm', { question: name }, { timeoutMs: 1000 })
        expectTypeOf(answer).toEqualTypeOf<boolean>()
        return answer
      }
    },
    async * ticks ({ everyMs }, { request }) {
      expectTypeOf(everyMs).toEqualTypeOf<number>()
      expectTypeOf(request.url).toEqualTypeOf<string>()
      yield { n: everyMs }
    }
  }
})

declare module 'fastify' {
  interface SocketData { visits?: number }
}

app.ws('/live1', {
  contract: live1,
  async open (socket) { expectTypeOf(await socket.call('confirm', { question: '' })).toEqualTypeOf<boolean>() },
  on: { async * ticks () { yield 1 } }
})

// @ts-expect-error -- an item of another type
app.ws('/', { contract: live, on: { renew, find, async * ticks () { yield { n: 'one' } } } })
// @ts-expect-error -- a stream is no single answer
app.ws('/', { contract: live, on: { renew, find, ticks: () => ({ n: 1 }) } })
// @ts-expect-error -- a price needs a handler
app.ws('/', { contract: live, on: { renew, find: { cost: 5 }, ticks } })
// @ts-expect-error -- and the handler the right answer
app.ws('/', { contract: live, on: { renew, find: { cost: 5, handler: () => 'yes' }, ticks } })
// @ts-expect-error -- no message of that name
app.ws('/', { contract: live, on: { renew, find, ticks }, refresh: 'token' })

declare const socket: Socket<typeof live>
expectTypeOf(socket.data.visits).toEqualTypeOf<number | undefined>()
// @ts-expect-error -- data that is not declared
void socket.data.visit
// @ts-expect-error -- an event is no call
void socket.call('said', { text: '' })
// @ts-expect-error -- a call is no event
socket.send('confirm', { question: '' })
// @ts-expect-error -- a payload of another type
void socket.call('confirm', { question: 5 })
// @ts-expect-error -- not a date
socket.expiresAt = 5

expectTypeOf(app.channel(live).stats).toEqualTypeOf<ChannelStats>()
expectTypeOf<Diagnostics['fastify-typed-ws.connection.close']['durationMs']>().toEqualTypeOf<number>()
