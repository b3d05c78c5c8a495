// @ts-check
// One node of the service that run.js brings into trouble: node.js <redis or nats> <port>.
import { Type } from '@sinclair/typebox'
import { connect } from '@nats-io/transport-node'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import typedWs, { defineContract } from '../../dist/lib/index.js'
import { nats } from '../../dist/lib/brokers/nats.js'
import { redis } from '../../dist/lib/brokers/redis.js'

const [engine, enginePort] = process.argv.slice(2)

const chaos = defineContract({
  name: 'chaos.v1',
  serverToClient: { number: Type.Object({ number: Type.Integer() }) },
  topics: { room: { recover: { maxMessages: 1000, maxAgeMs: 3_600_000 } } }
})

const broker = engine === 'nats'
  ? nats(await connect({ servers: `127.0.0.1:${enginePort}`, maxReconnectAttempts: -1, reconnectTimeWait: 100, waitOnFirstConnect: true }))
  : redis(new Redis({ port: Number(enginePort), host: '127.0.0.1' }).on('error', () => {}))
const app = Fastify()
await app.register(typedWs, { broker, allowMissingOrigin: true })
app.ws('/:room', {
  contract: chaos,
  open: async (socket) => { await socket.subscribe(`room:${/** @type {{ room: string }} */ (socket.request.params).room}`) }
})

process.on('message', (/** @type {{ room: number, number: number }} */ { room, number }) => {
  const tell = (/** @type {boolean} */ isStored) => { process.send?.({ room, number, isStored }) }
  app.channel(chaos).publish(`room:${room}`, 'number', { number }, { id: String(number) }).then(() => tell(true), () => tell(false))
})
process.on('disconnect', () => process.exit())

await app.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ port: app.addresses()[0]?.port })
