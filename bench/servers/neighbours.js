// @ts-check
// Ours, with an echo for those who behave, and a route with its defaults, and compression, for
// those who do not.
import { setImmediate as turn } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import typedWs from 'fastify-typed-ws'
import { defineContract } from 'fastify-typed-ws/contract'
import { MAX_PAYLOAD_BYTES, incoming, outgoing } from '../messages.js'
import { report } from '../row.js'

const REPLY = 'x'.repeat(60_000)

const echo = defineContract({ name: 'bench.v1', clientToServer: incoming, serverToClient: outgoing })
const open = defineContract({
  name: 'open.v1',
  clientToServer: {
    note: Type.Object({ value: Type.Unknown() }),
    ask: { request: Type.Object({}), reply: Type.String() },
    wait: { request: Type.Object({}), reply: Type.Null() },
    count: { request: Type.Object({}), stream: Type.Number() }
  }
})

const app = Fastify()
await app.register(typedWs, { origin: '*', allowMissingOrigin: true, maxPayloadBytes: MAX_PAYLOAD_BYTES })

app.ws('/echo', {
  contract: echo,
  rateLimit: false,
  on: {
    say: ({ room, text, date }, socket) => { socket.send('said', { room, text, date }) },
    move: ({ unit, x, y, last, note }, socket) => { socket.send('moved', { unit, x, y, last, note }) },
    vote: ({ poll, choice, why = '' }, socket) => { socket.send('voted', { poll, choice, why }) }
  }
})

app.ws('/open', {
  contract: open,
  perMessageDeflate: true,
  on: {
    note () {},
    ask: () => REPLY,
    wait: async (_, __, { signal }) => await new Promise((resolve) => { signal.addEventListener('abort', () => resolve(null)) }),
    async * count () {
      for (let n = 0; ; n++) {
        await turn()
        yield n
      }
    }
  }
})

const address = await app.listen({ host: '127.0.0.1', port: 0 })
report(Number(new URL(address).port))
