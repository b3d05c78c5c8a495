// @ts-check
// Everything, beside the libraries of bench/peers; the pages get their figures and their picture.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { check } from './check.js'
import { OWN_ROWS, PEERS, Row, begin, rowOf } from './children.js'
import { estimateGrowth, grow, sizes, tablesOf } from './growth.js'
import { compare, estimate, machine, otherShareOf, tableOf, warnOfOthers } from './measure.js'
import { parse, positive } from './options.js'
import { installPeers, versionOf } from './peers/install.js'
import { pictureOf, readmeOf, tablesOfRun, withFigures } from './report.js'
import { SCENARIOS } from './scenarios.js'
import { note, printTitled } from './table.js'

/** @typedef {import('./children.js').RowName} RowName */

const ROUNDS = 3
const SECONDS = 1
const GROWTH_ROUNDS = 2
const LIBRARIES = ['crossws', 'socket.io', '@trpc/server', 'elysia', '@elysiajs/node', 'bun', 'zod']
const root = new URL('../', import.meta.url)
const aside = new URL('../.cache/bench/full/', import.meta.url)

export async function main () {
  const values = parse({ rounds: String(ROUNDS), seconds: String(SECONDS) })
  const rounds = positive('rounds', Math.floor(Number(values.rounds)))
  const seconds = positive('seconds', Number(values.seconds))
  const [average] = loadavg()
  const date = new Date().toISOString()
  installPeers()
  const { names, missing } = await rowsThatStart()
  const plan = { rounds, seconds, names, scenarios: SCENARIOS, base: /** @type {RowName} */ ('ws') }
  const growthPlan = { rounds: Math.min(rounds, GROWTH_ROUNDS), seconds, connections: sizes() }
  const { node, ws, cores, cpu } = machine()
  console.log(`Node ${node}, ws ${ws}, ${cores} cores (${cpu}), load ${average.toFixed(2)}; ${rounds} rounds of ${seconds} s`)
  console.log(`It takes about ${Math.ceil((estimate(plan) + estimateGrowth(growthPlan)) / 60)} minutes.`)
  const speed = await compare(plan, progress)
  const growth = await grow(growthPlan, progress)
  note('')
  for (const comparison of speed) printTitled(tableOf(comparison, 'ws'))
  for (const table of tablesOf(growth)) printTitled(table)
  const otherShare = otherShareOf(speed)
  warnOfOthers(otherShare)
  const versions = Object.fromEntries(LIBRARIES.map((name) => [name, versionOf(name)]))
  write({ date, machine: machine(), load: { average, otherShare }, versions, missing, rounds, seconds, speed, growth })
}

const startedMs = performance.now()
let last = ''

/**
 * A line for each step, in a log too.
 *
 * @param {string} step
 */
function progress (step) {
  if (step === last) return
  last = step
  const seconds = Math.round((performance.now() - startedMs) / 1000)
  console.error(`${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}  ${step}`)
}

/** A library that does not start here, or does not do the work, is left out with its reason. */
async function rowsThatStart () {
  /** @type {RowName[]} */
  const names = [...OWN_ROWS, 'net']
  const missing = []
  for (const name of PEERS) {
    const row = begin(new Row(name))
    try {
      await row.start()
      await check(row)
      names.push(name)
    } catch (error) {
      const reason = (row.fate ?? /** @type {Error} */ (error).message).split('\n')[0]
      console.log(`${row.title} is left out: ${reason}`)
      missing.push({ title: rowOf(name).title, reason })
    }
    await row.stop()
  }
  return { names, missing }
}

/**
 * A run that is shorter than a full one changes no page.
 *
 * @param {import('./report.js').Results} results
 */
function write (results) {
  const isFull = results.rounds >= ROUNDS && results.seconds >= SECONDS
  const json = `${JSON.stringify(results, undefined, 2)}\n`
  if (!isFull) {
    mkdirSync(aside, { recursive: true })
    writeFileSync(new URL('results.json', aside), json)
    writeFileSync(new URL('speed.svg', aside), pictureOf(results))
    writeFileSync(new URL('README.md', aside), `${readmeOf(results)}\n\n${tablesOfRun(results)}\n`)
    console.log('\nA shorter run changes no page: .cache/bench/full has results.json, speed.svg and README.md.')
    return
  }
  writeFileSync(new URL('bench/results.json', root), json)
  writeFileSync(new URL('docs/speed.svg', root), pictureOf(results))
  writePage('README.md', readmeOf(results))
  writePage('bench/README.md', tablesOfRun(results))
  console.log('\nWritten: bench/results.json, docs/speed.svg, and the figures in README.md and bench/README.md.')
}

/**
 * @param {string} name
 * @param {string} block
 */
function writePage (name, block) {
  const page = new URL(name, root)
  writeFileSync(page, withFigures(readFileSync(page, 'utf8'), block))
}
