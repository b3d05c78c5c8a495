// @ts-check
// Where does the time of a server go? A CPU profile, and the memory it asks for, of one row in one
// scenario.
import { addBefore } from './against.js'
import { Child, Row, begin, blaming } from './children.js'
import { parse, positive, refuse, rowName } from './options.js'
import { SCENARIOS } from './scenarios.js'
import { printTable } from './table.js'

/**
 * @typedef {import('./scenarios.js').Scenario} Scenario
 * @typedef {import('node:inspector').Profiler.Profile} CpuProfile
 * @typedef {import('node:inspector').HeapProfiler.SamplingHeapProfileNode} HeapNode
 * @typedef {{ functionName: string, url: string, lineNumber: number }} Place
 * @typedef {Map<string, number>} Sums by name
 */

const WARM_UP_RUNS = 4
const TOP = 40
const IDLE = '(idle)'
const OURS = /\/dist\/lib\/|\/\.cache\/bench\/[^/]+\/(?:dist\/)?lib\//

/** @type {ReadonlyArray<readonly [RegExp, string]>} The first that fits a file gives its part. */
const PARTS = [
  [OURS, 'fastify-typed-ws'],
  [/\/node_modules\/ws\//, 'ws'],
  [/\/node_modules\/@fastify\/websocket\//, '@fastify/websocket'],
  [/\/node_modules\/@sinclair\/typebox\//, 'TypeBox'],
  [/\/node_modules\//, 'Fastify, and what it uses'],
  [/\/bench\//, 'the handlers of the bench'],
  [/^node:/, 'Node.js']
]

const { scenario, name, runs, seconds } = readOptions()

export async function main () {
  const load = begin(new Child('load.js'))
  const row = begin(new Row(name))
  await blaming(row, () => row.start())
  for (let n = 0; n < WARM_UP_RUNS; n++) await run(load, row)
  /** @type {Array<{ profile: CpuProfile, messages: number }>} */
  const cpu = []
  /** @type {Array<{ head: HeapNode, messages: number }>} */
  const heap = []
  for (let n = 0; n < runs; n++) {
    cpu.push(await profile(load, row, 'cpuProfile'))
    heap.push(await profile(load, row, 'heapProfile'))
  }
  console.log(`Node ${process.version}, ${row.title}; ${scenario.title}`)
  printCpu(cpu)
  printHeap(heap)
  await row.stop()
}

function readOptions () {
  const { runs, seconds, only, rows, against } = parse({ runs: '5', seconds: '1', only: 'handshake', rows: 'typed', against: undefined })
  if (against !== undefined) addBefore(against)
  const scenario = SCENARIOS.find(({ name, kind }) => name === only || kind === only)
  if (scenario === undefined) refuse(`--only takes one of ${SCENARIOS.map(({ name }) => name).join(', ')}`)
  return {
    scenario: /** @type {Scenario} */ (scenario),
    name: rowName(against === undefined ? String(rows) : 'before'),
    runs: positive('runs', Math.floor(Number(runs))),
    seconds: positive('seconds', Number(seconds))
  }
}

/**
 * @param {Child} load
 * @param {Row} row
 * @param {() => Promise<void>} begun called when the connections are open
 * @param {() => Promise<void>} ended called before they are closed
 * @returns {Promise<number>} the messages, or handshakes, that were counted
 */
async function run (load, row, begun = async () => {}, ended = async () => {}) {
  const work = { ...scenario, port: row.port }
  await load.ask({ ...work, name: 'open', connections: scenario.kind === 'handshake' ? 0 : scenario.connections })
  await begun()
  const { messages } = await load.ask({ name: 'run', work, seconds })
  await ended()
  await load.ask({ name: 'close' })
  return messages
}

/**
 * @param {Child} load
 * @param {Row} row
 * @param {'cpuProfile' | 'heapProfile'} kind
 * @returns {Promise<any>}
 */
async function profile (load, row, kind) {
  let result = {}
  const messages = await run(
    load,
    row,
    async () => { await row.ask({ name: 'startProfile', kind }) },
    async () => { result = await row.ask({ name: kind }) }
  )
  return { ...result, messages }
}

/** @param {Array<{ profile: CpuProfile, messages: number }>} profiles */
function printCpu (profiles) {
  const [parts, functions, inclusive] = [new Map(), new Map(), new Map()]
  let [sum, messages] = [0, 0]
  for (const { profile, messages: count } of profiles) {
    messages += count
    for (const [stack, us] of ownTimes(profile)) {
      const place = stack[0]
      if (place.functionName === IDLE) continue
      sum += us
      add(parts, partOf(place), us)
      add(functions, titleOf(place), us)
      // Once for each function, also where it calls itself.
      for (const title of new Set(stack.filter(({ url }) => OURS.test(url)).map(titleOf))) add(inclusive, title, us)
    }
  }
  console.log(`\ntime of the process, ${(sum / messages).toFixed(2)} µs for each ${scenario.unit}, the profile's own cost included`)
  printShares(parts, sum, messages, 'µs')
  console.log('\nthe functions that take most of it, themselves')
  printShares(functions, sum, messages, 'µs')
  console.log('\nour functions, with all that they call')
  printShares(inclusive, sum, messages, 'µs')
}

/** @param {Array<{ head: HeapNode, messages: number }>} profiles */
function printHeap (profiles) {
  const [parts, functions] = [new Map(), new Map()]
  let [sum, messages] = [0, 0]
  for (const { head, messages: count } of profiles) {
    messages += count
    for (const { callFrame, selfSize } of nodesOf(head)) {
      sum += selfSize
      add(parts, partOf(callFrame), selfSize)
      add(functions, titleOf(callFrame), selfSize)
    }
  }
  console.log(`\nmemory asked for, ${Math.round(sum / messages)} bytes for each ${scenario.unit}: what is collected again is counted too`)
  printShares(parts, sum, messages, 'bytes')
  console.log('\nthe functions that ask for most of it, themselves')
  printShares(functions, sum, messages, 'bytes')
}

/**
 * @param {Sums} sums
 * @param {number} all
 * @param {number} messages
 * @param {string} unit
 */
function printShares (sums, all, messages, unit) {
  const rows = [...sums].toSorted(([, a], [, b]) => b - a).slice(0, TOP)
  printTable(['', 'share', unit], rows.map(([name, value]) => [
    name,
    `${(value / all * 100).toFixed(1)} %`,
    unit === 'µs' ? (value / messages).toFixed(2) : String(Math.round(value / messages))
  ]))
}

/**
 * @param {CpuProfile} profile
 * @returns {Array<[Place[], number]>} each stack, the function that runs first, and its time in µs
 */
function ownTimes ({ nodes, samples = [], timeDeltas = [] }) {
  /** @type {Map<number, number>} */
  const times = new Map()
  for (const [n, id] of samples.entries()) times.set(id, (times.get(id) ?? 0) + Math.max(0, timeDeltas[n + 1] ?? 0))
  /** @type {Map<number, Place[]>} */
  const stacks = new Map()
  // A node stands in front of its children.
  for (const { id, callFrame, children = [] } of nodes) {
    const stack = [callFrame, ...stacks.get(id) ?? []]
    stacks.set(id, stack)
    for (const child of children) stacks.set(child, stack)
  }
  return [...times].map(([id, us]) => [(stacks.get(id)), us])
}

/**
 * @param {HeapNode} node
 * @returns {HeapNode[]}
 */
function nodesOf (node) {
  return [node, ...node.children.flatMap(nodesOf)]
}

/** @param {Place} place */
function partOf ({ functionName, url }) {
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (functionName === '(program)') return 'native code without a name, the kernel'
  return PARTS.find(([pattern]) => pattern.test(url))?.[1] ?? 'Node.js, native functions'
}

/** @param {Place} place */
function titleOf ({ functionName, url, lineNumber }) {
  const file = url.replace(/^file:\/\//, '').replace(/^.*\/node_modules\//, '').replace(/^.*\/dist\//, '').replace(/^.*\/bench\//, 'bench/')
  return `${functionName || '(anonymous)'}${file && ` ${file}:${lineNumber + 1}`}`
}

/**
 * @param {Sums} sums
 * @param {string} name
 * @param {number} value
 */
function add (sums, name, value) {
  sums.set(name, (sums.get(name) ?? 0) + value)
}
