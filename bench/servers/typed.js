// @ts-check
// Ours: a typed route with everything on that is on by default, validation both ways included.
import Fastify from 'fastify'
import typedWs from 'fastify-typed-ws'
import { defineContract } from 'fastify-typed-ws/contract'
import { PLUGIN_OPTIONS, calls, incoming, outgoing } from '../messages.js'
import { report } from '../row.js'

const contract = defineContract({ name: 'bench.v1', clientToServer: incoming, serverToClient: outgoing })

const questions = defineContract({ name: 'bench-calls.v1', clientToServer: calls })

const app = Fastify()
await app.register(typedWs, PLUGIN_OPTIONS)

for (const path of ['/echo', '/limited']) {
  app.ws(path, {
    contract,
    on: {
      say: ({ room, text, date }, socket) => { socket.send('said', { room, text, date }) },
      move: ({ unit, x, y, last, note }, socket) => { socket.send('moved', { unit, x, y, last, note }) },
      vote: ({ poll, choice, why = '' }, socket) => { socket.send('voted', { poll, choice, why }) }
    }
  })
}

app.ws('/call', {
  contract: questions,
  on: {
    say: ({ room, text, date }) => ({ room, text, date }),
    move: ({ unit, x, y, last, note }) => ({ unit, x, y, last, note }),
    vote: ({ poll, choice, why = '' }) => ({ poll, choice, why })
  }
})

app.ws('/later', {
  contract,
  on: {
    async say ({ room, text, date }, socket) {
      await undefined
      socket.send('said', { room, text, date })
    },
    async move ({ unit, x, y, last, note }, socket) {
      await undefined
      socket.send('moved', { unit, x, y, last, note })
    },
    async vote ({ poll, choice, why = '' }, socket) {
      await undefined
      socket.send('voted', { poll, choice, why })
    }
  }
})

app.ws('/room', {
  contract,
  open: (socket) => socket.subscribe('room'),
  on: {
    say: ({ room, text, date }, socket) => { socket.publish('room', 'said', { room, text, date }) },
    move: ({ unit, x, y, last, note }, socket) => { socket.publish('room', 'moved', { unit, x, y, last, note }) },
    vote: ({ poll, choice, why = '' }, socket) => { socket.publish('room', 'voted', { poll, choice, why }) }
  }
})

const address = await app.listen({ host: '127.0.0.1', port: 0 })
report(Number(new URL(address).port))
