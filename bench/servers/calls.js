// @ts-check
// Ours, with a call that takes its time, and an end on SIGTERM.
import { setTimeout as delay } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import typedWs from 'fastify-typed-ws'
import { defineContract } from 'fastify-typed-ws/contract'
import { report } from '../row.js'

const contract = defineContract({
  name: 'calls.v1',
  clientToServer: { double: { request: Type.Object({ n: Type.Number(), takesMs: Type.Number() }), reply: Type.Number() } }
})

const app = Fastify()
await app.register(typedWs, { origin: '*', allowMissingOrigin: true, shutdown: { timeoutMs: 5000, spreadMs: 10_000 } })
app.ws('/', {
  contract,
  on: {
    double: async ({ n, takesMs }) => {
      await delay(takesMs)
      return 2 * n
    }
  }
})

process.once('SIGTERM', async () => {
  await app.close()
  process.exit()
})
const address = await app.listen({ host: '127.0.0.1', port: 0 })
report(Number(new URL(address).port), { running: () => app.channel(contract).stats.running })
