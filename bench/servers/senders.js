// @ts-check
// Ours, with an echo for those who are measured, and a route whose handlers take their time.
import { setTimeout as delay } from 'node:timers/promises'
import Fastify from 'fastify'
import typedWs from 'fastify-typed-ws'
import { defineContract } from 'fastify-typed-ws/contract'
import { MAX_PAYLOAD_BYTES, incoming, outgoing } from '../messages.js'
import { report } from '../row.js'

const SAMPLE_MS = 50
const TAKES_MS = 50

const echo = defineContract({ name: 'bench.v1', clientToServer: incoming, serverToClient: outgoing })
const slow = defineContract({ name: 'slow.v1', clientToServer: incoming, serverToClient: outgoing })

const app = Fastify()
await app.register(typedWs, {
  origin: '*',
  allowMissingOrigin: true,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  // It would be the rate limit that stops them, not backpressure.
  rateLimit: false,
  // They answer no ping: before they may send they would be gone.
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

let handled = 0

app.ws('/slow', {
  contract: slow,
  on: {
    async say ({ room, text, date }, socket) {
      await takeTime()
      socket.send('said', { room, text, date })
    },
    async move ({ unit, x, y, last, note }, socket) {
      await takeTime()
      socket.send('moved', { unit, x, y, last, note })
    },
    async vote ({ poll, choice, why = '' }, socket) {
      await takeTime()
      socket.send('voted', { poll, choice, why })
    }
  }
})

async function takeTime () {
  await delay(TAKES_MS)
  handled++
}

/**
 * The fate and the cost of the messages sent meanwhile.
 *
 * @param {{ seconds: number }} question
 */
async function watch ({ seconds }) {
  const channel = app.channel(slow)
  const [handledBefore, bytesBefore] = [handled, readBytes()]
  let [peak, queued] = [process.memoryUsage.rss(), 0]
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
    queued = Math.max(queued, channel.stats.queued)
  }, SAMPLE_MS)
  await delay(seconds * 1000)
  clearInterval(sampling)
  return { peak, queued, handled: handled - handledBefore, read: readBytes() - bytesBefore }
}

/** The bytes that the system handed over, handshakes included. */
function readBytes () {
  return [...app.channel(slow).sockets()].reduce((sum, socket) => sum + socket.request.socket.bytesRead, 0)
}

const address = await app.listen({ host: '127.0.0.1', port: 0 })
report(Number(new URL(address).port), { watch })
