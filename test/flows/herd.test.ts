// Everybody at once: what a server that restarts sees of the clients it had.
import type { AddressInfo } from 'node:net'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { createClient } from '../../lib/client/index.js'
import { restartReason } from '../../lib/server/shutdown.js'
import { createApp, listen, until } from '../support/helper.js'
import { fakeTime, Network, talk, turn, type TalkClient } from '../client/fake.js'

const on = { say: () => {}, twice: ({ n }: { n: number }) => 2 * n, async * ticks () { yield 1 } }

/** How many there are in each stretch of time. */
function bins (timesMs: number[], binMs: number): number[] {
  const counts = Array.from({ length: Math.floor(Math.max(...timesMs) / binMs) + 1 }, () => 0)
  for (const ms of timesMs) counts[Math.floor(ms / binMs)]!++
  return counts
}

function comment (t: { comment (text: string): void }, counts: number[], binMs: number): void {
  const widest = Math.max(...counts)
  t.comment(counts.map((count, i) =>
    `${String(i * binMs).padStart(6)} ms ${String(count).padStart(5)} ${'#'.repeat(Math.ceil(count / widest * 40))}`).join('\n'))
}

/** Clients that have been connected for a minute, in fake time. */
async function openHerd (t: Test, count: number): Promise<{ network: Network, clients: Array<{ close (): void }> }> {
  fakeTime(t)
  const network = new Network()
  const options = { WebSocket: network.WebSocket, heartbeat: false } as const
  const clients = Array.from({ length: count }, (_, n) => createClient<typeof talk>(`ws://server/${n}`, options))
  for (const client of clients) client.onError(() => {}) // each would tell the console
  await turn()
  for (const socket of network.sockets) socket.open()
  mock.timers.tick(60_000)
  return { network, clients }
}

t.test('two thousand clients of a server that restarts come back spread over the time it gives them', async (t) => {
  const CLIENTS = 2000
  const SPREAD_MS = 10_000
  const DOWN_MS = 2000
  const BIN_MS = 500
  const STEP_MS = 20
  const { network, clients } = await openHerd(t, CLIENTS)
  const restartMs = Date.now()
  for (const socket of network.sockets.splice(0)) socket.end(1012, restartReason(SPREAD_MS))
  const attempts: number[] = []
  const admitted: number[] = []
  const refused = new Set<string>()
  const asked: number[] = []
  while (admitted.length < CLIENTS && Date.now() < restartMs + 60_000) {
    mock.timers.tick(STEP_MS)
    await turn()
    for (const socket of network.sockets.splice(0)) {
      const atMs = Date.now() - restartMs
      attempts.push(atMs)
      if (atMs < DOWN_MS) {
        socket.end(1006)
        refused.add(socket.url)
      } else {
        socket.open()
        admitted.push(atMs)
        if (!refused.has(socket.url)) asked.push(atMs)
      }
    }
  }
  comment(t, bins(attempts, BIN_MS), BIN_MS)
  t.equal(admitted.length, CLIENTS, 'all are back')
  const spread = bins(attempts.filter((ms) => ms < SPREAD_MS), BIN_MS)
  const mean = spread.reduce((sum, count) => sum + count) / spread.length
  const peak = Math.max(...bins(attempts, BIN_MS))
  t.ok(peak <= 2 * mean, `at most ${peak} in ${BIN_MS} ms, where ${mean} are the mean`)
  t.ok(Math.max(...asked) <= SPREAD_MS + STEP_MS, 'no client that finds the server is later than it was asked to be')
  for (const client of clients) client.close()
})

t.test('two thousand clients of a server that dies come back neither at once nor in step', async (t) => {
  const CLIENTS = 2000
  const DOWN_MS = 30_000
  const BIN_MS = 1000
  const STEP_MS = 50
  const { network, clients } = await openHerd(t, CLIENTS)
  const deathMs = Date.now()
  for (const socket of network.sockets.splice(0)) socket.end(1006)
  const attempts: number[] = []
  let admitted = 0
  while (admitted < CLIENTS && Date.now() < deathMs + 120_000) {
    mock.timers.tick(STEP_MS)
    await turn()
    for (const socket of network.sockets.splice(0)) {
      const atMs = Date.now() - deathMs
      attempts.push(atMs)
      if (atMs < DOWN_MS) {
        socket.end(1006)
      } else {
        socket.open()
        admitted++
      }
    }
  }
  comment(t, bins(attempts, BIN_MS), BIN_MS)
  t.equal(admitted, CLIENTS)
  const late = bins(attempts, BIN_MS).slice(10)
  t.ok(Math.max(...late) < CLIENTS / 5, 'once it is known to take longer, no second has a fifth of them')
  for (const client of clients) client.close()
})

t.test('four hundred real clients of a real server come back to it, spread as it asked them to', async (t) => {
  const CLIENTS = 400
  const SPREAD_MS = 3000
  const BIN_MS = 250
  // A machine that stands still for a while is not what this is about.
  const patience = { openTimeoutMs: 60_000, callTimeoutMs: 60_000, heartbeat: false } as const
  const options = { shutdown: { spreadMs: SPREAD_MS, timeoutMs: 10_000 }, handshakeTimeoutMs: 60_000, allowMissingOrigin: true }
  const first = await createApp(t, options)
  first.ws('/', { contract: talk, on, binary () {} })
  const url = await listen(first)
  const { port } = first.server.address() as AddressInfo
  const visits: Visit[] = []
  t.teardown(() => { for (const { client } of visits) client.close() })
  for (let i = 0; i < CLIENTS; i += 100) {
    const some = Array.from(
      { length: 100 },
      () => new Visit(createClient<typeof talk>(url, { WebSocket, protocol: 'talk.v1', ...patience }))
    )
    await Promise.all(some.map(async ({ client }) => await client.opened))
    visits.push(...some)
  }
  await first.close()
  // A client that has not heard it yet would take its old connection for a new one.
  await until(() => visits.every(({ retryInMs }) => retryInMs > 0))

  const second = await createApp(t, options)
  second.ws('/', { contract: talk, on, binary () {} })
  await second.listen({ port, host: '127.0.0.1' })
  await Promise.all(visits.map(async ({ client }) => await client.opened))
  const lostMs = Math.min(...visits.map(({ lostMs }) => lostMs))
  comment(t, bins(visits.map(({ backMs }) => backMs - lostMs), BIN_MS), BIN_MS)
  t.equal(second.channel(talk).size(), CLIENTS)
  t.ok(visits.every(({ retryInMs }) => retryInMs > 0 && retryInMs <= SPREAD_MS))
  const planned = bins(visits.map(({ retryInMs }) => retryInMs), BIN_MS)
  t.ok(Math.max(...planned) <= 2 * CLIENTS / (SPREAD_MS / BIN_MS), `spread by the server: ${planned.join(' ')}`)
  t.same(await Promise.all(visits.map(async ({ client }) => await client.call('twice', { n: 21 }))), visits.map(() => 42))
})

/** When a client was told to come back, and when it did. */
class Visit {
  readonly client: TalkClient
  lostMs = 0
  retryInMs = 0
  backMs = 0

  constructor (client: TalkClient) {
    this.client = client
    client.onState(({ state, code, retryInMs }) => {
      if (state === 'waiting' && code === 1012) [this.lostMs, this.retryInMs] = [Date.now(), retryInMs!]
      if (state === 'open') this.backMs = Date.now()
    })
  }
}
