// @ts-check
// Ours, with an echo for those who read, and two rooms for those who stopped: one for each policy.
import { setImmediate as turn } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import typedWs from 'fastify-typed-ws'
import { defineContract } from 'fastify-typed-ws/contract'
import { MAX_PAYLOAD_BYTES, incoming, outgoing } from '../messages.js'
import { report } from '../row.js'

const SAMPLE_MS = 20

const echo = defineContract({ name: 'bench.v1', clientToServer: incoming, serverToClient: outgoing })
const rooms = /** @type {const} */ (['close', 'drop']).map((slowConsumer) => ({
  slowConsumer,
  contract: defineContract({ name: `${slowConsumer}.v1`, serverToClient: { block: Type.Object({ text: Type.String() }) } })
}))

const app = Fastify()
await app.register(typedWs, {
  origin: '*',
  allowMissingOrigin: true,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  rateLimit: { max: 1e9 },
  // A client that does not read answers no ping either: they would be gone before they are offered
  // anything.
  heartbeat: false
})

app.ws('/echo', {
  contract: echo,
  on: {
    say: ({ room, text, date }, socket) => { socket.send('said', { room, text, date }) },
    move: ({ unit, x, y, last, note }, socket) => { socket.send('moved', { unit, x, y, last, note }) },
    vote: ({ poll, choice, why = '' }, socket) => { socket.send('voted', { poll, choice, why }) }
  }
})
for (const { slowConsumer, contract } of rooms) {
  app.ws(`/${slowConsumer}`, { contract, slowConsumer, open: (socket) => socket.subscribe('all') })
}

/**
 * Offers every member of a room as many blocks, one in a turn of the event loop, for as long as
 * there is time.
 *
 * @param {{ room: 'close' | 'drop', blocks: number, blockBytes: number, seconds: number }} question
 */
async function flood ({ room, blocks, blockBytes, seconds }) {
  const channel = app.channel(/** @type {any} */ (rooms.find(({ slowConsumer }) => slowConsumer === room)).contract)
  const members = channel.size()
  const startedMs = performance.now()
  let peak = process.memoryUsage.rss()
  const sampling = setInterval(() => { peak = Math.max(peak, process.memoryUsage.rss()) }, SAMPLE_MS)
  let offered = 0
  while (offered < blocks && performance.now() - startedMs < seconds * 1000) {
    offered++
    await channel.publish('all', 'block', { text: String(offered % 10).repeat(blockBytes) })
    await turn()
  }
  clearInterval(sampling)
  const elapsedMs = performance.now() - startedMs
  const left = [...channel.sockets()].filter(({ readyState }) => readyState === 1).length
  return { offered, peak, elapsedMs, ended: members - left, dropped: channel.stats.dropped }
}

const address = await app.listen({ host: '127.0.0.1', port: 0 })
report(Number(new URL(address).port), { flood })
