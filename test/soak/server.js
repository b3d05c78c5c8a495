// @ts-check
// The server of the soak. Says its port, then answers every message by what it holds, after a
// collection of garbage.
import { setImmediate as turn } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import typedWs, { defineContract } from '../../dist/lib/index.js'

const soak = defineContract({
  name: 'soak.v1',
  clientToServer: {
    note: Type.Object({ text: Type.String({ maxLength: 1000 }) }),
    add: { request: Type.Object({ a: Type.Number(), b: Type.Number() }), reply: Type.Number() },
    fail: { request: Type.Object({}), reply: Type.Null() },
    count: { request: Type.Object({ to: Type.Optional(Type.Integer()) }), stream: Type.Integer() },
    ask: { request: Type.Object({}), reply: Type.Boolean() }
  },
  serverToClient: {
    note: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({}), reply: Type.Boolean() }
  },
  binary: { clientToServer: true, serverToClient: true }
})

const COLLECTIONS = 4

let generators = 0
let opened = 0
let closed = 0
let strays = 0

process.on('uncaughtException', (error) => { strays++; console.error(error) })
process.on('unhandledRejection', (error) => { strays++; console.error(error) })
process.on('warning', () => { strays++ })

const app = Fastify()
await app.register(typedWs, { rateLimit: false, heartbeat: { intervalMs: 500, timeoutMs: 30_000 } })
for (const perMessageDeflate of [false, true]) {
  app.ws(perMessageDeflate ? '/deflated' : '/plain', {
    contract: soak,
    perMessageDeflate,
    async open (socket) {
      opened++
      socket.expiresAt = new Date(Date.now() + 3_600_000)
      await socket.subscribe(`room-${opened % 5}`)
      await socket.subscribe(`own-${socket.id}`)
    },
    close () { closed++ },
    binary: (data, socket) => { socket.sendBinary(data) },
    on: {
      note ({ text }, socket) {
        for (const topic of socket.topics) socket.publish(topic, 'note', { text })
      },
      add: async ({ a, b }) => {
        await turn()
        return a + b
      },
      fail () { throw Object.assign(new Error('not today'), { statusCode: 409, code: 'NOT_TODAY' }) },
      count: ({ to = Number.POSITIVE_INFINITY }) => generate(to),
      ask: async (_, socket) => await socket.call('confirm', {}, { timeoutMs: 200, signal: socket.signal })
    }
  })
}

/** @param {number} to */
async function * generate (to) {
  generators++
  try {
    for (let n = 1; n <= to; n++) {
      if (n % 8 === 0) await turn()
      yield n
    }
  } finally {
    generators--
  }
}

/** @returns {Promise<number>} */
function countSockets () {
  return new Promise((resolve) => app.server.getConnections((_, count) => resolve(count)))
}

process.on('message', () => { void report() })

async function report () {
  for (let i = 0; i < COLLECTIONS; i++) {
    await turn()
    global.gc?.()
  }
  const {
    connections, queued, running, streams, pendingCalls, topics, bufferedBytes, messagesReceived, messagesSent
  } = app.channel(soak).stats
  const { heapUsed, rss, external } = process.memoryUsage()
  const gauges = {
    connections,
    queued,
    running,
    streams,
    pendingCalls,
    topics,
    bufferedBytes,
    generators,
    unclosed: opened - closed,
    sockets: await countSockets()
  }
  process.send?.({ gauges, opened, messagesReceived, messagesSent, strays, heapUsed, rss, external })
}

process.on('disconnect', () => process.exit())

await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
