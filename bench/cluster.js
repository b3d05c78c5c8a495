// @ts-check
// Topics across nodes: deliveries a second, and the CPU of each, beside others who do the same.
import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Child, begin } from './children.js'
import { startEngine, stopEngines } from './cluster/engines.js'
import { measureHerd } from './cluster/herd.js'
import { Nodes } from './cluster/nodes.js'
import { CLUSTER_ROWS, NODE_COUNTS, SHAPES } from './cluster/rows.js'
import { openFiles, parse, positive, refuse } from './options.js'
import { installPeers, versionOf } from './peers/install.js'
import { median, note, printTable, rotate } from './table.js'

/**
 * @typedef {import('./cluster/rows.js').ClusterRow} ClusterRow
 * @typedef {import('./cluster/rows.js').Shape} Shape
 * @typedef {{ rate: number, cpu: number, remote: number, engine: number, loadShare: number }} Run
 * CPU in µs of each delivery
 * @typedef {{ fast: Run, paced: Run }} Result
 */

const PEERS = ['socket.io', '@socket.io/redis-adapter', '@socket.io/redis-streams-adapter', 'crossws', 'ioredis']
const REST_MS = 200
const RUN_TIMEOUT_MS = 120_000
const HERD = 'herd'
const TITLES = { cpu: 'all', remote: 'remote' }

const options = readOptions()

export async function main () {
  try {
    const [load1] = loadavg()
    console.log(
      `Node ${process.version}; medians of ${options.rounds} rounds of ${options.seconds} s; ` +
      `load of the machine at the start ${load1.toFixed(1)}`
    )
    for (const engine of options.engines) await mainOf(engine)
  } finally {
    await stopEngines()
  }
}

function readOptions () {
  const values = parse({
    rounds: '3',
    seconds: '2',
    'run-in': '1',
    members: '10000',
    engine: 'redis,nats',
    only: undefined,
    rows: undefined
  })
  const names = [...SHAPES.map(({ name }) => name), HERD]
  const only = values.only?.split(',') ?? names
  const unknown = only.find((name) => !names.includes(name))
  if (unknown !== undefined) refuse(`--only takes some of ${names.join(',')}`)
  return {
    rounds: positive('rounds', Math.floor(Number(values.rounds))),
    seconds: positive('seconds', Number(values.seconds)),
    runIn: positive('run-in', Number(values['run-in'])),
    members: openFiles(positive('members', Math.floor(Number(values.members)))),
    engines: values.engine.split(',').map(engineName),
    shapes: SHAPES.filter(({ name }) => only.includes(name)),
    hasHerd: only.includes(HERD),
    rows: values.rows?.split(',')
  }
}

/**
 * @param {string} name
 * @returns {'redis' | 'nats'}
 */
function engineName (name) {
  return name === 'redis' || name === 'nats' ? name : refuse('--engine takes redis, nats, or both')
}

/** @param {'redis' | 'nats'} name */
async function mainOf (name) {
  const all = CLUSTER_ROWS[name]
  const rows = all.filter((row) => options.rows?.includes(row.name) ?? true)
  if (rows.length === 0) refuse(`--rows takes some of ${all.map(({ name }) => name).join(',')}`)
  const isPeer = (/** @type {ClusterRow} */ { start }) => start(0)[0].startsWith('peers/')
  if (options.shapes.length > 0 && rows.some(isPeer)) {
    installPeers()
    console.log(PEERS.map((peer) => `${peer} ${versionOf(peer)}`).join(', '))
  }
  const engine = await startEngine(name)
  for (const count of options.shapes.length > 0 ? NODE_COUNTS : []) {
    const results = await measureAll(engine, rows, count)
    for (const shape of options.shapes) print(name, rows, count, shape, results)
  }
  if (options.hasHerd) await measureHerd(name, engine, options.members, options.rounds)
  await stopEngines()
}

/**
 * @param {import('../test/support/engine.js').Engine} engine
 * @param {ClusterRow[]} rows
 * @param {number} count of nodes
 * @returns {Promise<Map<string, Result[]>>} by row and shape
 */
async function measureAll (engine, rows, count) {
  /** @type {Map<string, Result[]>} */
  const results = new Map()
  for (let round = 0; round < options.rounds; round++) {
    for (const row of rotate(rows, round)) {
      note(`round ${round + 1} of ${options.rounds}, ${count} nodes, ${row.title}`)
      await engine.forget()
      for (const [shape, result] of await measure(engine, row, count)) {
        const key = keyOf(row, shape)
        results.set(key, [...results.get(key) ?? [], result])
      }
    }
  }
  note('')
  return results
}

/**
 * Nodes and clients are new for each row and round: V8 may compile the same source differently.
 *
 * @param {import('../test/support/engine.js').Engine} engine
 * @param {ClusterRow} row
 * @param {number} count
 */
async function measure (engine, row, count) {
  const load = begin(new Child('cluster/load.js'))
  const nodes = new Nodes(row, count, engine)
  try {
    await nodes.start()
    /** @type {Array<[Shape, Result]>} */
    const results = []
    for (const shape of options.shapes) results.push([shape, await measureShape(nodes, load, row, shape)])
    return results
  } catch (error) {
    throw new Error(`row '${row.name}': ${/** @type {Error} */ (error).message}`)
  } finally {
    await Promise.all([load.stop(), nodes.stop()])
  }
}

/**
 * As fast as it goes, and then at a pace.
 *
 * @param {Nodes} nodes
 * @param {Child} load
 * @param {ClusterRow} row
 * @param {Shape} shape
 * @returns {Promise<Result>}
 */
async function measureShape (nodes, load, { dialect, kind }, { name, topics, members, window, rate }) {
  const names = Array.from({ length: topics }, (_, n) => `${kind}:${name}${n}`)
  await load.ask({ name: 'open', crowd: { dialect, ports: nodes.ports, topics: names, members } }, RUN_TIMEOUT_MS)
  await load.ask({ name: 'run', seconds: options.runIn, window }, RUN_TIMEOUT_MS)
  const fast = await measureRun(nodes, load, { name: 'run', window })
  const paced = await measureRun(nodes, load, { name: 'runPaced', rate })
  await load.ask({ name: 'close' })
  return { fast, paced }
}

/**
 * @param {Nodes} nodes
 * @param {Child} load
 * @param {object} question to the load
 * @returns {Promise<Run>}
 */
async function measureRun (nodes, load, question) {
  await delay(REST_MS)
  const before = await nodes.readCpu()
  /** @type {import('./cluster/load.js').Counted} */
  const { deliveries, elapsedMs, cpuUs } = await load.ask({ ...question, seconds: options.seconds }, RUN_TIMEOUT_MS)
  const after = await nodes.readCpu()
  const cpu = after.nodes.map((us, node) => us - before.nodes[node])
  const all = sum(deliveries)
  return {
    rate: all / elapsedMs * 1000,
    cpu: sum(cpu) / all,
    remote: sum(cpu.slice(1)) / sum(deliveries.slice(1)),
    engine: (after.engine - before.engine) / all,
    loadShare: cpuUs / elapsedMs / 1000
  }
}

/**
 * @param {string} engine
 * @param {ClusterRow[]} rows
 * @param {number} count
 * @param {Shape} shape
 * @param {Map<string, Result[]>} results
 */
function print (engine, rows, count, shape, results) {
  const base = /** @type {Result[]} */ (results.get(keyOf(rows[0], shape)))
  const names = /** @type {Array<'cpu' | 'remote'>} */ (count > 1 ? ['cpu', 'remote'] : ['cpu'])
  const runs = /** @type {const} */ (['fast', 'paced'])
  const heads = names.flatMap((name) => [TITLES[name], '×', 'range'])
  console.log(`\n${engine}, ${count === 1 ? '1 node' : `${count} nodes`}: ${shape.title}`)
  printTable(
    ['CPU in µs', 'deliveries/s', ...heads, 'engine', ...heads.map((head) => `paced ${head}`), 'paced engine', 'load CPU'],
    rows.map((row) => {
      const own = /** @type {Result[]} */ (results.get(keyOf(row, shape)))
      const of = (/** @type {'fast' | 'paced'} */ run, /** @type {keyof Run} */ name) => median(own.map((result) => result[run][name]))
      const cells = (/** @type {'fast' | 'paced'} */ run) => [
        ...names.flatMap((name) => {
          return [of(run, name).toFixed(1), ...timesOf(own.map((result, round) => result[run][name] / base[round][run][name]))]
        }),
        of(run, 'engine').toFixed(1)
      ]
      const rate = Math.round(of('fast', 'rate')).toLocaleString('en')
      return [row.title, rate, ...runs.flatMap(cells), `${Math.round(of('fast', 'loadShare') * 100)} %`]
    })
  )
}

/**
 * How much more it takes than the base: the median of the rounds, and their range.
 *
 * @param {number[]} values
 */
function timesOf (values) {
  return [`${median(values).toFixed(2)}×`, `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`]
}

/** @param {ClusterRow} row @param {Shape} shape */
function keyOf (row, shape) {
  return `${row.name} ${shape.name}`
}

/** @param {number[]} values */
function sum (values) {
  return values.reduce((total, value) => total + value, 0)
}
