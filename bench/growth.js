// @ts-check
// How does the cost grow, with connections, with messages in a contract, and with topics.
import { Child, Row, begin, blaming, rowOf } from './children.js'
import { run } from './measure.js'
import { openFiles, parse, positive } from './options.js'
import { median, note, printTitled, rotate } from './table.js'

/**
 * @typedef {'ws' | 'typed'} Name
 * @typedef {{ table: keyof typeof TABLES, size: number, name: Name, cpuUs: number, p50Ms: number,
 * p99Ms: number, bytes: number, bootMs: number, otherShare: number }} Found
 * @typedef {{ rounds: number, seconds: number, connections: number[] }} Plan
 */

const NAMES = /** @type {Name[]} */ (['ws', 'typed'])
const CONNECTIONS = [1000, 5000, 10_000, 20_000]
const MESSAGES = [10, 100, 1000]
const TOPICS_EACH = [1, 10, 100]
const MEMBERS = 1000
const MEMBERS_EACH = 10            // of every topic
const IN_FLIGHT = 100              // of all connections together
const STEP = 1000                  // connections: one question to the load process
const WARM_UP_CONNECTIONS = 1000   // what code, caches and pools cost is not the connections' own
const WARM_UP_SECONDS = 0.5
const KIB = 1024
const WHOLE = { maximumFractionDigits: 0 }
const TENTHS = { minimumFractionDigits: 1, maximumFractionDigits: 1 }
const FEW = { messages: 3, each: 1 }   // where they are not what is measured

const TABLES = {
  connections: {
    title: `connections: ${IN_FLIGHT} messages in flight on all of them together, which take turns`,
    head: 'connections',
    unit: 'message',
    bytes: 'KiB RSS a connection',
    isBooted: false
  },
  messages: {
    title: 'messages in a contract, each way: 50 connections, 32 in flight on each, of 96 types or of all there are',
    head: 'messages',
    unit: 'message',
    bytes: 'KiB RSS in all',
    isBooted: true
  },
  topics: {
    title: `topics: ${MEMBERS.toLocaleString('en')} connections, ${MEMBERS_EACH} members in each topic, 8 broadcasts in flight`,
    head: 'topics of each, and in all',
    unit: 'delivery',
    bytes: 'KiB RSS a connection',
    isBooted: false
  }
}

export async function main () {
  const values = parse({ rounds: '3', seconds: '1' })
  const rounds = positive('rounds', Math.floor(Number(values.rounds)))
  const seconds = positive('seconds', Number(values.seconds))
  const found = await grow({ rounds, seconds, connections: sizes() }, note)
  note('')
  console.log(`Node ${process.version}; medians of ${rounds} rounds of ${seconds} s`)
  for (const table of tablesOf(found)) printTitled(table)
}

/** As many connections as may be, in steps. */
export function sizes () {
  const most = openFiles(/** @type {number} */ (CONNECTIONS.at(-1)))
  return [...new Set(CONNECTIONS.map((count) => Math.min(count, most)))]
}

/**
 * @param {Plan} plan
 * @returns {number} seconds that it will take about
 */
export function estimateGrowth ({ rounds, seconds, connections }) {
  const ofConnections = NAMES.length * (4 + connections.length * (seconds + 2.5))
  const ofMessages = MESSAGES.length * (seconds + 4)
  const ofTopics = NAMES.length * TOPICS_EACH.length * (seconds + 4)
  return rounds * (ofConnections + ofMessages + ofTopics)
}

/**
 * @param {Plan} plan
 * @param {(step: string) => void} onStep
 * @returns {Promise<Found[]>}
 */
export async function grow ({ rounds, seconds, connections }, onStep) {
  /** @type {Found[]} */
  const found = []
  for (let round = 0; round < rounds; round++) {
    const step = (/** @type {string} */ text) => onStep(`round ${round + 1} of ${rounds}, ${text}`)
    for (const name of rotate(NAMES, round)) {
      step(`more connections, ${rowOf(name).title}`)
      found.push(...await withConnections(name, connections, seconds))
    }
    for (const count of rotate(MESSAGES, round)) {
      step(`a contract of ${count} messages`)
      found.push(await withMessages(count, seconds))
    }
    for (const each of rotate(TOPICS_EACH, round)) {
      for (const name of rotate(NAMES, round)) {
        step(`${each} topics for each connection, ${rowOf(name).title}`)
        found.push(await withTopics(name, each, seconds))
      }
    }
  }
  return found
}

/**
 * @param {Name} name
 * @param {number[]} sizes
 * @param {number} seconds
 */
function withConnections (name, sizes, seconds) {
  return beside(name, rowOf(name).file, [], async (load, row) => {
    const target = { port: row.port, path: '/echo', shape: 'small' }
    const work = { kind: 'rotating', connections: 0, window: IN_FLIGHT }
    await open(load, target, WARM_UP_CONNECTIONS)
    await load.ask({ name: 'run', work, seconds: WARM_UP_SECONDS })
    await load.ask({ name: 'close' })
    const { rss } = await row.ask({ name: 'memory' })
    /** @type {Found[]} */
    const found = []
    for (const size of sizes) {
      await open(load, target, size)
      const bytes = ((await row.ask({ name: 'memory' })).rss - rss) / size
      await load.ask({ name: 'run', work, seconds: WARM_UP_SECONDS })
      const sample = await run(load, row, work, seconds)
      found.push({ ...sample, table: 'connections', size, name, bytes, bootMs: 0 })
    }
    return found
  })
}

/**
 * @param {number} size
 * @param {number} seconds
 */
function withMessages (size, seconds) {
  return beside('typed', 'servers/growth.js', [size, FEW.each], async (load, row) => {
    const target = { port: row.port, path: '/echo', shape: 'numbered', count: size }
    const work = { kind: 'roundtrip', connections: 50, window: 32 }
    const bytes = (await row.ask({ name: 'memory' })).rss
    await open(load, target, work.connections)
    await load.ask({ name: 'run', work, seconds: WARM_UP_SECONDS })
    const sample = await run(load, row, work, seconds)
    return /** @type {Found} */ ({ ...sample, table: 'messages', size, name: 'typed', bytes, bootMs: await row.ask({ name: 'boot' }) })
  })
}

/**
 * @param {Name} name
 * @param {number} size topics of each connection
 * @param {number} seconds
 */
function withTopics (name, size, seconds) {
  const file = name === 'ws' ? 'servers/growth-ws.js' : 'servers/growth.js'
  return beside(name, file, [FEW.messages, size], async (load, row) => {
    const target = { port: row.port, shape: 'post', count: size * MEMBERS / MEMBERS_EACH }
    const work = { kind: 'topics', connections: 0, window: 8, members: MEMBERS_EACH }
    const { rss } = await row.ask({ name: 'memory' })
    await open(load, { ...target, path: '/post' }, 1)
    await open(load, { ...target, path: '/topics' }, 1 + MEMBERS)
    await row.ask({ name: 'subscribed', count: MEMBERS })
    const bytes = ((await row.ask({ name: 'memory' })).rss - rss) / MEMBERS
    await load.ask({ name: 'run', work, seconds: WARM_UP_SECONDS })
    const sample = await run(load, row, work, seconds)
    return /** @type {Found} */ ({ ...sample, table: 'topics', size, name, bytes, bootMs: 0 })
  })
}

/**
 * Server and clients are new each time: what is left of a size would be counted with the next one.
 *
 * @template T
 * @param {Name} name
 * @param {string} file
 * @param {number[]} args
 * @param {(load: Child, row: Row) => Promise<T>} step
 * @returns {Promise<T>}
 */
async function beside (name, file, args, step) {
  const load = begin(new Child('load.js'))
  const row = begin(new Row(name, ['--expose-gc'], file, args.map(String)))
  const result = await blaming(row, async () => {
    await row.start()
    return await step(load, row)
  })
  await Promise.all([row.stop(), load.stop()])
  return result
}

/**
 * @param {Child} load
 * @param {object} target
 * @param {number} count
 */
async function open (load, target, count) {
  for (let open = 0; open < count; open += STEP) {
    await load.ask({ ...target, name: 'open', connections: Math.min(open + STEP, count) })
  }
}

/**
 * @param {Found[]} found
 * @returns {import('./table.js').Table[]}
 */
export function tablesOf (found) {
  return /** @type {Array<keyof typeof TABLES>} */ (Object.keys(TABLES)).map((name) => {
    const { title, head, unit, bytes, isBooted } = TABLES[name]
    const own = found.filter(({ table }) => table === name)
    const sizes = [...new Set(own.map(({ size }) => size))].toSorted((a, b) => a - b)
    return {
      title,
      head: [head, '', `CPU µs/${unit}`, '× the first', bytes, ...isBooted ? ['boot ms'] : ['p50 ms', 'p99 ms']],
      rows: sizes.flatMap((size) => NAMES.filter((row) => own.some((one) => one.name === row)).map((row) => {
        const of = (/** @type {number} */ size, /** @type {keyof Found} */ key) => median(
          own.filter((one) => one.size === size && one.name === row).map((one) => Number(one[key]))
        )
        const inAll = name === 'topics' ? `, ${(size * MEMBERS / MEMBERS_EACH).toLocaleString('en')}` : ''
        return [
          `${size.toLocaleString('en')}${inAll}`,
          rowOf(row).title,
          of(size, 'cpuUs').toFixed(2),
          `${(of(size, 'cpuUs') / of(sizes[0], 'cpuUs')).toFixed(2)}×`,
          // The warm-up took the memory of the first connections.
          name === 'connections' && size <= WARM_UP_CONNECTIONS
            ? '–'
            : (of(size, 'bytes') / KIB).toLocaleString('en', name === 'messages' ? WHOLE : TENTHS),
          ...isBooted ? [of(size, 'bootMs').toFixed(0)] : [of(size, 'p50Ms').toFixed(2), of(size, 'p99Ms').toFixed(2)]
        ]
      }))
    }
  })
}
