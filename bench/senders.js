// @ts-check
// Senders that send far more than their handlers can take. What does it cost the server, and the
// others?
import { Child, Row, begin, blaming } from './children.js'
import { openFiles, parse, positive, refuse } from './options.js'
import { MESSAGE_BYTES } from './messages.js'
import { median, note, printTable } from './table.js'

const OTHERS = 50
const MIB = 2 ** 20
const FRAME_BYTES = 6 + MESSAGE_BYTES
const WARM_UP_SECONDS = 2
/**
 * Senders that wait for each answer, beside those that do not: so many handlers cost the others
 * something in any case.
 */
const CASES = [
  { file: 'load.js', command: 'run', title: 'one at a time' },
  { file: 'flooding.js', command: 'flood', title: 'as fast as TCP takes it' }
]

const { rounds, senders, seconds } = readOptions()

export async function main () {
  console.log(
    `Node ${process.version}; ${senders} connections send to handlers that take 50 ms, for ${seconds} s; ` +
    `${OTHERS} others send messages to another route; medians of ${rounds} rounds`
  )
  /** @type {any[][]} */
  const found = CASES.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, one] of CASES.entries()) {
      note(`round ${round + 1} of ${rounds}, ${one.title}`)
      found[i].push(await measure(one))
    }
  }
  note('')
  printTable(
    [
      'sent', 'RSS before', 'at most', 'handled', 'queued at most', 'TCP took', 'read', 'closed', 'p50 of others', 'then',
      'p99 of others', 'then', '×'
    ],
    CASES.map(({ title }, i) => cells(title, found[i]))
  )
}

function readOptions () {
  const values = parse({ rounds: '3', senders: '1000', seconds: '15' })
  const senders = positive('senders', Math.floor(Number(values.senders)))
  if (openFiles(senders) < senders) refuse('too few files may be open for as many')
  return { rounds: positive('rounds', Math.floor(Number(values.rounds))), senders, seconds: positive('seconds', Number(values.seconds)) }
}

/** @param {{ file: string, command: string }} one */
async function measure ({ file, command }) {
  const [load, sending] = [begin(new Child('load.js')), begin(new Child(file))]
  const row = begin(new Row('typed', ['--expose-gc'], 'servers/senders.js'))
  const result = await blaming(row, async () => {
    await row.start()
    await load.ask({ name: 'open', port: row.port, path: '/echo', connections: OTHERS })
    await sending.ask({ name: 'open', port: row.port, path: '/slow', connections: senders })
    await run(load, WARM_UP_SECONDS)
    const calm = await run(load, seconds)
    const { rss } = await row.ask({ name: 'memory' })
    const send = { name: command, work: workOf(senders), seconds }
    const [sent, pressed, watched] = await Promise.all([
      sending.ask(send, timeoutMs()),
      run(load, seconds),
      row.ask({ name: 'watch', seconds }, timeoutMs())
    ])
    // load.js counts messages, and stops at the first connection that closes.
    return { calm, pressed, rss, taken: sent.messages * FRAME_BYTES, closed: 0, ...sent, ...watched }
  })
  await Promise.all([row.stop(), load.stop(), sending.stop()])
  return result
}

/**
 * @param {Child} load
 * @param {number} seconds
 */
function run (load, seconds) {
  return load.ask({ name: 'run', work: workOf(OTHERS), seconds, maySleep: true }, timeoutMs())
}

/** @param {number} connections */
function workOf (connections) {
  return { kind: 'roundtrip', connections, window: 1 }
}

// A busy server answers the runner late, too.
function timeoutMs () {
  return seconds * 1000 + 30_000
}

/**
 * @param {string} title
 * @param {any[]} results
 */
function cells (title, results) {
  const of = (/** @type {(result: any) => number} */ read) => median(results.map(read))
  const mib = (/** @type {number} */ bytes) => `${(bytes / MIB).toFixed(0)} MiB`
  const ms = (/** @type {number} */ value) => `${value.toFixed(2)} ms`
  return [
    title,
    mib(of(({ rss }) => rss)),
    mib(of(({ peak }) => peak)),
    of(({ handled }) => handled).toLocaleString('en'),
    of(({ queued }) => queued).toLocaleString('en'),
    mib(of(({ taken }) => taken)),
    mib(of(({ read }) => read)),
    of(({ closed }) => closed).toLocaleString('en'),
    ms(of(({ calm }) => calm.p50Ms)),
    ms(of(({ pressed }) => pressed.p50Ms)),
    ms(of(({ calm }) => calm.p99Ms)),
    ms(of(({ pressed }) => pressed.p99Ms)),
    of(({ calm, pressed }) => pressed.p99Ms / calm.p99Ms).toFixed(2)
  ]
}
