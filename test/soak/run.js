// @ts-check
// Whether a server that lived through a crowd is what it was before: SOAK_SECONDS of coming,
// talking and going, in rounds.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'

/**
 * @typedef {{ [name: string]: number }} Gauges
 * @typedef {{ gauges: Gauges, opened: number, messagesReceived: number, messagesSent: number,
 * strays: number, heapUsed: number, rss: number, external: number }} Report
 * @typedef {(ws: WebSocket) => void} Leave
 */

const ROUNDS = 10
const WARM_UP_ROUNDS = 4
const PEERS = 40
const MESSAGES = 40
const REFUSED_ONE_IN = 6
const MAX_GROWTH = 0.05
const MAX_GROWTH_BYTES = 512 * 1024
const SETTLE_MS = 60_000
const ANSWER_MS = 30_000

const secondsPerRound = Number(process.env['SOAK_SECONDS'] ?? 60) / ROUNDS
const server = fork(fileURLToPath(new URL('server.js', import.meta.url)), { execArgv: ['--expose-gc'] })
let isOver = false
server.once('exit', (code, signal) => {
  if (isOver) return
  console.error(`the server ended with ${signal ?? `code ${code}`}`)
  process.exit(1)
})
const [{ port }] = await once(server, 'message')

/** @type {Leave[]} */
const ways = [
  (ws) => ws.close(1000, 'done'),
  (ws) => ws.close(4000),
  (ws) => ws.terminate(),
  (ws) => tcpOf(ws).resetAndDestroy(),
  (ws) => tcpOf(ws).end(),
  (ws) => tcpOf(ws).write(Buffer.from([0xff, 0xff, 0xff]))
]

let visits = 0

/** @param {WebSocket} ws @returns {import('node:net').Socket} */
function tcpOf (ws) {
  return /** @type {any} */ (ws)._socket
}

/** @param {number} n */
async function visit (n) {
  if (n % REFUSED_ONE_IN === 0) return await knock(n)
  const isDeflated = process.env['SOAK_DEFLATE'] !== '0' && n % 2 === 0
  const ws = new WebSocket(
      `ws://127.0.0.1:${port}/${isDeflated ? 'deflated' : 'plain'}`,
      { origin: `http://127.0.0.1:${port}`, perMessageDeflate: isDeflated }
  )
  ws.on('error', () => {})
  const closed = new Promise((resolve) => ws.once('close', resolve))
  await once(ws, 'open')
  ws.on('message', (data, isBinary) => isBinary || answer(ws, JSON.parse(/** @type {Buffer} */ (data).toString()), n))
  for (let i = 1; i <= MESSAGES; i++) say(ws, n + i, i)
  // Some wait for what they asked, some do not.
  if (n % 3 !== 0) {
    ws.ping()
    await Promise.race([once(ws, 'pong').catch(() => {}), closed, delay(ANSWER_MS, undefined, { ref: false })])
  }
  const leave = ways[n % ways.length]
  leave?.(ws)
  await closed
}

/** @param {WebSocket} ws @param {{ type: string, ref: number }} message @param {number} n */
function answer (ws, { type, ref }, n) {
  if (type !== 'confirm' || n % 4 === 0) return
  ws.send(JSON.stringify(n % 4 === 1 ? { type: '$error', ref, message: 'no' } : { type: '$reply', ref, data: n % 4 === 2 || 'no boolean' }))
}

/** @param {WebSocket} ws @param {number} kind @param {number} ref */
function say (ws, kind, ref) {
  const messages = [
    () => ({ type: 'note', text: 'x'.repeat(kind % 500) }),
    () => ({ type: 'add', ref, a: 1, b: ref }),
    () => ({ type: 'count', ref, to: 20 }),
    () => ({ type: 'count', ref }),
    () => ({ type: '$cancel', ref: ref - 1 }),
    () => ({ type: 'add', ref, a: 'one' }),
    () => ({ type: 'fail', ref }),
    () => ({ type: kind % 5 === 0 ? 'ask' : 'add', ref, a: 0, b: 0 }),
    () => Buffer.alloc(kind % 3000, 1)
  ]
  const message = messages[kind % messages.length]?.()
  ws.send(Buffer.isBuffer(message) ? message : JSON.stringify(message))
}

// A handshake that is refused, or given up.
/** @param {number} n */
async function knock (n) {
  const socket = connect(port, '127.0.0.1').on('error', () => {}).resume()
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const origin = n % 4 === 0 ? 'http://elsewhere.example' : `http://127.0.0.1:${port}`
  const text = [
    'GET /plain HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Connection: Upgrade', 'Upgrade: websocket', `Origin: ${origin}`,
    `Sec-WebSocket-Version: ${n % 4 === 2 ? 7 : 13}`, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '\r\n'
  ].join('\r\n')
  socket.write(n % 8 === 4 ? text.slice(0, 40) : text)
  await delay(5)
  if (n % 12 === 0) socket.resetAndDestroy()
  else socket.end()
  await closed
}

/** @returns {Promise<Report>} */
async function ask () {
  const answered = once(server, 'message')
  server.send('report')
  return (await answered)[0]
}

/** The memory that is left once everybody has gone. */
async function settled () {
  const deadline = performance.now() + SETTLE_MS
  let report = await ask()
  while (remainsOf(report) > 0 && performance.now() < deadline) {
    await delay(100)
    report = await ask()
  }
  return report
}

/** @param {Report} report */
function remainsOf ({ gauges }) {
  return Object.values(gauges).reduce((sum, gauge) => sum + Math.abs(gauge), 0)
}

/** @param {number} bytes */
function mebibytes (bytes) {
  return Number((bytes / 2 ** 20).toFixed(2))
}

/** @type {Report[]} */
const reports = []
const rows = []
for (let round = 1; round <= ROUNDS; round++) {
  const until = performance.now() + secondsPerRound * 1000
  await Promise.all(Array.from({ length: PEERS }, async () => {
    while (performance.now() < until) await visit(++visits)
  }))
  const report = await settled()
  reports.push(report)
  const { opened, messagesReceived, messagesSent, heapUsed, rss, external } = report
  rows.push({
    round,
    visits,
    opened,
    received: messagesReceived,
    sent: messagesSent,
    'heap MiB': mebibytes(heapUsed),
    'rss MiB': mebibytes(rss),
    'external MiB': mebibytes(external),
    left: remainsOf(report)
  })
}
console.table(rows)

const before = reports[WARM_UP_ROUNDS - 1]
const after = /** @type {Report} */ (reports.at(-1))
const limit = before.heapUsed * (1 + MAX_GROWTH) + MAX_GROWTH_BYTES
const faults = [
  ...reports.flatMap((report, i) => remainsOf(report) > 0 ? [`round ${i + 1} left ${JSON.stringify(report.gauges)}`] : []),
  ...after.strays > 0 ? [`${after.strays} errors nobody caught, or warnings`] : [],
  ...after.heapUsed > limit
    ? [
      `the heap grew from ${mebibytes(before.heapUsed)} to ${mebibytes(after.heapUsed)} MiB; ${mebibytes(limit)} would do`
      ]
    : []
]
isOver = true
server.disconnect()
for (const fault of faults) console.error(fault)
console.log(faults.length === 0 ? `nothing left, heap ${mebibytes(before.heapUsed)} → ${mebibytes(after.heapUsed)} MiB` : 'failed')
process.exitCode = faults.length === 0 ? 0 : 1
