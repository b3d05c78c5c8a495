// @ts-check
// One client that behaves, beside some that do not. How much longer does it wait for its answers?
import { setTimeout as delay } from 'node:timers/promises'
import { Child, Row, begin, blaming } from './children.js'
import { parse, positive } from './options.js'
import { CLIENT_CORE, HAS_CORES, SERVER_CORE, place } from './placing.js'
import { median, note, printTable } from './table.js'

/**
 * @typedef {{ alone: number, machine: number[], beside: number[], closed: number, peak: number }}
 * Result times are p99 in ms; `machine`: the others at a server of their own
 */

const COUNTS = [1, 3, 10]
const WORK = { kind: 'roundtrip', connections: 1, window: 1 }
const MIB = 2 ** 20
const LEAVE_MS = 500

const { rounds, seconds, runIn, only, realTime } = readOptions()

export async function main () {
  console.log(
    `Node ${process.version}; p99 of a client that waits for each answer, for ${seconds} s, beside others; ` +
    `medians of ${rounds} rounds`
  )
  if (!HAS_CORES) console.log('One core, or no taskset: the clients compete with the server, and with each other.')
  const bad = begin(new Child('bad.js'))
  place(bad, { core: CLIENT_CORE, nice: 10 })
  const kinds = (/** @type {string[]} */ (await bad.ask({ name: 'kinds' }))).filter((kind) => only === undefined || kind === only)
  /** @type {string[][]} */
  const rows = []
  for (const kind of kinds) {
    const results = []
    for (let round = 0; round < rounds; round++) {
      note(`round ${round + 1} of ${rounds}, ${kind}`)
      results.push(await measure(bad, kind))
    }
    rows.push(cells(kind, results))
  }
  note('')
  printTable(['others send', 'alone', ...COUNTS.flatMap((count) => [`beside ${count}`, '×', 'machine']), 'closed', 'RSS at most'], rows)
}

function readOptions () {
  const values = parse({ rounds: '3', seconds: '2', 'run-in': '0.5', only: undefined, 'real-time': 'no' })
  return {
    rounds: positive('rounds', Math.floor(Number(values.rounds))),
    seconds: positive('seconds', Number(values.seconds)),
    runIn: positive('run-in', Number(values['run-in'])),
    only: values.only,
    realTime: values['real-time'] === 'yes'
  }
}

/**
 * Servers of their own for each kind: what one leaves behind is not the next one's.
 *
 * @param {Child} bad
 * @param {string} kind
 * @returns {Promise<Result>}
 */
async function measure (bad, kind) {
  const good = begin(new Child('load.js'))
  const row = begin(new Row('typed', [], 'servers/neighbours.js'))
  const other = begin(new Row('typed', [], 'servers/neighbours.js'))
  const result = await blaming(row, async () => {
    await Promise.all([row.start(), other.start()])
    place(good, { core: CLIENT_CORE, nice: -10, realTime })
    place(row, { core: SERVER_CORE, realTime })
    place(other, { core: SERVER_CORE, nice: 19 })
    await good.ask({ name: 'open', port: row.port, path: '/echo', connections: 1 })
    await run(good, seconds)
    const alone = (await run(good, seconds)).p99Ms
    const machine = await besideEach(bad, kind, other, good)
    const beside = await besideEach(bad, kind, row, good)
    return { alone, machine: machine.p99Ms, beside: beside.p99Ms, closed: beside.closed, peak: beside.peak }
  })
  await Promise.all([row.stop(), other.stop(), good.stop()])
  return result
}

/**
 * @param {Child} bad
 * @param {string} kind
 * @param {Row} victim the server that the others send to
 * @param {Child} good
 */
async function besideEach (bad, kind, victim, good) {
  const p99Ms = []
  let closed = 0
  let peak = 0
  for (const count of COUNTS) {
    await bad.ask({ name: 'begin', port: victim.port, kind, count })
    await delay(runIn * 1000)
    p99Ms.push((await run(good, seconds)).p99Ms)
    peak = Math.max(peak, (await victim.ask({ name: 'usage' })).rss)
    closed += (await bad.ask({ name: 'end' })).closed
    await delay(LEAVE_MS)
  }
  return { p99Ms, closed, peak }
}

/**
 * @param {Child} load
 * @param {number} seconds
 */
function run (load, seconds) {
  return load.ask({ name: 'run', work: WORK, seconds, maySleep: true }, seconds * 1000 + 60_000)
}

/**
 * @param {string} kind
 * @param {Result[]} results
 */
function cells (kind, results) {
  const of = (/** @type {(result: Result) => number} */ read) => median(results.map(read))
  const ms = (/** @type {(result: Result) => number} */ read) => `${of(read).toFixed(2)} ms`
  return [
    kind,
    ms(({ alone }) => alone),
    ...COUNTS.flatMap((_, i) => [
      ms(({ beside }) => beside[i]),
      of(({ alone, beside }) => beside[i] / alone).toFixed(1),
      ms(({ machine }) => machine[i])
    ]),
    of(({ closed }) => closed).toLocaleString('en'),
    `${(of(({ peak }) => peak) / MIB).toFixed(0)} MiB`
  ]
}
