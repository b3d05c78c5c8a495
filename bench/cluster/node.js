// @ts-check
// Ours, as one node of a service: node.js <redis or nats> <its port>.
import { connect } from '@nats-io/transport-node'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import typedWs from 'fastify-typed-ws'
import { defineContract } from 'fastify-typed-ws/contract'
import { nats } from 'fastify-typed-ws/nats'
import { redis } from 'fastify-typed-ws/redis'
import { report } from '../row.js'

const [engine, enginePort] = process.argv.slice(2)

const contract = defineContract({
  name: 'cluster.v1',
  clientToServer: { say: Type.Object({ topic: Type.String(), text: Type.String() }) },
  serverToClient: { ready: Type.Object({}), event: Type.Object({ text: Type.String() }) },
  topics: { kept: { recover: true } }
})

const broker = engine === 'nats'
  ? nats(await connect({ servers: `127.0.0.1:${enginePort}`, maxReconnectAttempts: -1 }))
  : redis(new Redis({ port: Number(enginePort), host: '127.0.0.1' }))
const reads = countReads(/** @type {import('fastify-typed-ws').BrokerHistory} */ (broker.history))

const app = Fastify()
await app.register(typedWs, { broker, origin: '*', allowMissingOrigin: true, perMessageDeflate: false, rateLimit: { max: 1e9 } })

const on = {
  /**
   * @param {{ topic: string, text: string }} payload
   * @param {import('fastify-typed-ws').Socket<typeof contract>} socket
   */
  say ({ topic, text }, socket) { socket.publish(topic, 'event', { text }) }
}

app.ws('/publisher', { contract, on })

app.ws('/member/:topic', {
  contract,
  on,
  open: async (socket) => {
    await socket.subscribe(/** @type {{ topic: string }} */ (socket.request.params).topic)
    socket.send('ready', {})
  }
})

/**
 * Counts how often this node asks the engine for history: for its top alone, or for messages.
 *
 * @param {import('fastify-typed-ws').BrokerHistory} history
 */
function countReads (history) {
  const counts = { tops: 0, messages: 0 }
  const read = history.read.bind(history)
  history.read = (topic, since, limit, bounds) => {
    counts[limit === 0 ? 'tops' : 'messages']++
    return read(topic, since, limit, bounds)
  }
  return counts
}

/** @param {{ topic: string, text: string, count: number }} question */
async function publish ({ topic, text, count }) {
  for (let n = 0; n < count; n++) await app.channel(contract).publish(topic, 'event', { text })
}

const address = await app.listen({ host: '127.0.0.1', port: 0 })
report(Number(new URL(address).port), { publish, reads: () => reads })
