// @ts-check
// One client that behaves, beside some that do not. How much longer does it wait for its answers?
import { setTimeout as delay } from 'node:timers/promises'
import { Child, Row, begin, blaming } from './children.js'
import { parse, positive } from './options.js'
import { median, note, printTable } from './table.js'

const COUNTS = [1, 3, 10]
const RUN_IN_MS = 500
const WORK = { kind: 'roundtrip', connections: 1, window: 1 }
const MIB = 2 ** 20

const { rounds, seconds, only } = readOptions()

export async function main () {
  console.log(
    `Node ${process.version}; one client sends a message and waits for its answer, for ${seconds} s, beside others; ` +
    `medians of ${rounds} rounds`
  )
  const bad = begin(new Child('bad.js'))
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
  printTable(['others send', 'p99 alone', ...COUNTS.flatMap((count) => [`beside ${count}`, '×']), 'closed', 'RSS at most'], rows)
}

function readOptions () {
  const values = parse({ rounds: '3', seconds: '2', only: undefined })
  return {
    rounds: positive('rounds', Math.floor(Number(values.rounds))),
    seconds: positive('seconds', Number(values.seconds)),
    only: values.only
  }
}

/**
 * A server of its own for each kind: what one leaves behind is not the next one's.
 *
 * @param {Child} bad
 * @param {string} kind
 */
async function measure (bad, kind) {
  const load = begin(new Child('load.js'))
  const row = begin(new Row('typed', [], 'servers/neighbours.js'))
  const result = await blaming(row, async () => {
    await row.start()
    await load.ask({ name: 'open', port: row.port, path: '/echo', connections: 1 })
    await run(load, seconds)
    const alone = await run(load, seconds)
    const beside = []
    let closed = 0
    let peak = 0
    for (const count of COUNTS) {
      await bad.ask({ name: 'begin', port: row.port, kind, count })
      await delay(RUN_IN_MS)
      beside.push((await run(load, seconds)).p99Ms)
      peak = Math.max(peak, (await row.ask({ name: 'usage' })).rss)
      closed += (await bad.ask({ name: 'end' })).closed
      await delay(RUN_IN_MS)
    }
    return { alone: alone.p99Ms, beside, closed, peak }
  })
  await Promise.all([row.stop(), load.stop()])
  return result
}

/**
 * @param {Child} load
 * @param {number} seconds
 */
function run (load, seconds) {
  return load.ask({ name: 'run', work: WORK, seconds }, seconds * 1000 + 60_000)
}

/**
 * @param {string} kind
 * @param {{ alone: number, beside: number[], closed: number, peak: number }[]} results
 */
function cells (kind, results) {
  const of = (/** @type {(result: typeof results[0]) => number} */ read) => median(results.map(read))
  return [
    kind,
    `${of(({ alone }) => alone).toFixed(2)} ms`,
    ...COUNTS.flatMap((_, i) => [
    `${of(({ beside }) => beside[i]).toFixed(2)} ms`,
    of(({ alone, beside }) => beside[i] / alone).toFixed(1)
    ]),
    of(({ closed }) => closed).toLocaleString('en'),
    `${(of(({ peak }) => peak) / MIB).toFixed(0)} MiB`
  ]
}
