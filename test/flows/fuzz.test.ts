// Everything a server may be sent, by a seed: what it was can be had again with SEED, and more of
// it with FUZZ_FRAMES.
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { Attacker, type Deeds } from '../fuzz/attacker.js'
import { LastWords } from '../fuzz/last-words.js'
import { Random } from '../fuzz/random.js'
import { fuzz, MAX_PAYLOAD_BYTES, startServer, type Tally } from '../fuzz/server.js'
import { connect, countSockets, type Client } from '../support/helper.js'
import { collectGarbage } from '../support/gc.js'

const DEFAULT_SEED = 20_260_801
const seed = process.env['SEED'] === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(process.env['SEED'] ?? DEFAULT_SEED)
const frames = Number(process.env['FUZZ_FRAMES'] ?? 40_000)

const ATTACKERS = 24
const ROUNDS = 4
const SETTLE_MS = 60_000
const MAX_GROWTH_BYTES = 48 * 1024 * 1024

t.comment(`SEED=${seed} FUZZ_FRAMES=${frames}`)

const strays: string[] = []
process.on('uncaughtExceptionMonitor', (error, origin) => strays.push(`${origin}: ${String(error)}`))
process.on('warning', (warning) => strays.push(String(warning)))

/** A well-behaved client beside the attackers. */
class Canary {
  readonly #client: Client
  #ref = 0
  answers = 0

  constructor (client: Client) {
    this.#client = client
  }

  /** Calls, streams and pings, and returns what was answered wrongly. */
  async sing (): Promise<unknown[]> {
    const ref = ++this.#ref
    for (const message of [
      { type: 'add', ref, a: ref, b: 1 },
      { type: 'later', ref, text: `é${ref}` },
      { type: 'count', ref, to: 3, how: 'plain' },
      { type: 'nothing', ref }
    ]) this.#client.send(message)
    const wanted = [
      { type: '$reply', ref, data: ref + 1 },
      { type: '$reply', ref, data: `é${ref}` },
      ...[1, 2, 3].map((data) => ({ type: '$next', ref, data })),
      { type: '$done', ref },
      { type: '$error', ref, code: 'FST_TYPED_WS_UNKNOWN_TYPE' }
    ]
    const got = new Map<string, unknown>()
    for (let i = 0; i < wanted.length; i++) {
      const { type, ref, data, code } = await this.#client.next()
      got.set(JSON.stringify({ type, ref, data, code }), true)
    }
    this.answers += wanted.length
    return wanted.map((answer) => JSON.stringify(answer)).filter((answer) => !got.has(answer))
  }

  async leave (): Promise<number> {
    await this.#client.close()
    return this.#client.unread
  }
}

// The outcomes of the server's calls, whose clients answer in every way.
const outcomes = new Set<string>()
const CALL_OUTCOMES = [
  'answered',
  'FST_TYPED_WS_CALL_REFUSED',
  'FST_TYPED_WS_CALL_INVALID',
  'FST_TYPED_WS_CHECK_FAILED',
  'FST_TYPED_WS_CALL_TIMEOUT',
  'FST_TYPED_WS_CONNECTION_CLOSED'
]

const ways = [false, true]

for (const isDeflated of ways) {
  t.test(`a server stays up, correct and empty, whatever it is sent ${isDeflated ? 'with' : 'without'} permessage-deflate`, async (t) => {
    const { app, tally } = await startServer(t, isDeflated)
    const last = new LastWords(tally.faults)
    last.declare(app)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const canary = new Canary(await connect(t, `${url}/canary`, { perMessageDeflate: isDeflated }))
    const deeds: Deeds = { connections: 0, handshakes: 0, frames: 0, bytes: 0, answers: 0, stuck: [] }
    const wrong: unknown[] = []
    const heaps: number[] = []
    let index = 0

    // Attacks side by side until there were so many frames.
    const attackUntil = async (total: number): Promise<void> => {
      while (deeds.frames < total) {
        const name = `SEED=${seed} ${index}`
        const random = new Random(seed, Number(isDeflated), index++)
        await new Attacker(random, port, { isDeflated, maxPayloadBytes: MAX_PAYLOAD_BYTES }, deeds, last).attack(name)
      }
    }

    for (let round = 1; round <= ROUNDS; round++) {
      let isOver = false
      const singing = (async () => {
        while (!isOver) {
          wrong.push(...await canary.sing())
          await delay(20)
        }
      })()
      await Promise.all(Array.from({ length: ATTACKERS }, () => attackUntil(frames / ways.length * round / ROUNDS)))
      isOver = true
      await singing
      await settle(app, tally, last, 1)
      wrong.push(...last.judge())
      heaps.push(heapBytes())
    }
    wrong.push(...await canary.sing())
    t.equal(await canary.leave(), 0, 'nobody else\'s answer reached the canary')
    await settle(app, tally, last, 0)

    const { stats } = app.channel(fuzz)
    t.comment(JSON.stringify({ ...deeds, canary: canary.answers, heapsMb: heaps.map((bytes) => Math.round(bytes / 1e5) / 10) }))
    t.comment(JSON.stringify({ ...stats, calls: tally.calls, lastWords: last.spoken }))
    t.same(wrong, [], 'every answer the canary got was right, and all that was read before an end was handled')
    t.same([...tally.faults], [], 'no limit was passed')
    for (const outcome of Object.keys(tally.calls)) outcomes.add(outcome)
    t.same(deeds.stuck, [], 'nobody was held on to')
    t.same(await remains(app, tally, last), { ...NOTHING, sockets: 0 }, 'nothing is left')
    t.equal(tally.closed, tally.open, 'close was called as often as open')
    t.ok(heaps.at(-1)! - heaps[0]! < MAX_GROWTH_BYTES, 'the heap did not grow')
    t.ok(stats.messagesReceived > frames / 10, 'what was sent was read')
    t.equal(({} as { isAdmin?: boolean }).isAdmin, undefined, 'no prototype was reached')
    await app.close()
  })
}

t.test('the server\'s calls met every outcome', async (t) => {
  for (const outcome of CALL_OUTCOMES) t.ok(outcomes.has(outcome), outcome)
})

t.test('the process saw no uncaught error and no warning', async (t) => {
  t.same(strays, [])
})

const NOTHING = {
  connections: 0,
  queued: 0,
  running: 0,
  streams: 0,
  pendingCalls: 0,
  topics: 0,
  bufferedBytes: 0,
  handlers: 0,
  generators: 0
}

async function remains (app: FastifyInstance, tally: Tally, last: LastWords): Promise<typeof NOTHING & { sockets: number }> {
  const [one, other] = [app.channel(fuzz).stats, last.remains(app)]
  const { streams, pendingCalls, topics, bufferedBytes } = one
  const [connections, queued, running] = [one.connections + other.connections, one.queued + other.queued, one.running + other.running]
  const sockets = await countSockets(app)
  return {
    connections,
    queued,
    running,
    streams,
    pendingCalls,
    topics,
    bufferedBytes,
    handlers: tally.running,
    generators: tally.generators,
    sockets
  }
}

// Until nobody is left but these; what is left after so long is found by the assertions.
async function settle (app: FastifyInstance, tally: Tally, last: LastWords, connections: number): Promise<void> {
  const deadline = performance.now() + SETTLE_MS
  const wanted = JSON.stringify({ ...NOTHING, connections, sockets: connections })
  const isSettled = async (): Promise<boolean> => JSON.stringify(await remains(app, tally, last)) === wanted &&
tally.open - tally.closed === connections
  while (!await isSettled() && performance.now() < deadline) await delay(20)
}

function heapBytes (): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
