// @ts-check
// What does a connection cost that says nothing? Memory of the server process, with and without
// them.
import { addBefore } from './against.js'
import { Child, Row, begin, blaming, rowOf, shortTitleOf } from './children.js'
import { openFiles, parse, positive, rowNames } from './options.js'
import { median, note, printTable, rotate } from './table.js'

/**
 * @typedef {import('./children.js').RowName} RowName
 * @typedef {{ rss: number, heapUsed: number, external: number }} Memory
 */

const PATH = '/echo'
const WARM_UP_CONNECTIONS = 1000   // what code, caches and pools cost is not the connections' own
const STEP = 1000                  // one question to the load process
const CONTROLS = /** @type {RowName[]} */ (['ws', 'fastify', 'before'])

const { rounds, connections, names } = readOptions()

export async function main () {
  /** @type {Map<RowName, Memory[]>} */
  const samples = new Map(names.map((name) => [name, []]))
  console.log(`Node ${process.version}; ${connections.toLocaleString('en')} idle connections, medians of ${rounds} rounds`)
  for (let round = 0; round < rounds; round++) {
    for (const name of rotate(names, round)) {
      note(`round ${round + 1} of ${rounds}, ${name}`)
      samples.get(name)?.push(await measure(name))
    }
  }
  note('')
  print(samples)
}

function readOptions () {
  const values = parse({ rounds: '3', connections: '10000', rows: undefined, against: undefined })
  if (values.against !== undefined) addBefore(values.against)
  return {
    rounds: positive('rounds', Math.floor(Number(values.rounds))),
    connections: openFiles(positive('connections', Math.floor(Number(values.connections)))),
    names: rowNames(values.rows)
  }
}

/**
 * Server and clients are new each time: what is left of the row before would be counted too.
 *
 * @param {RowName} name
 */
async function measure (name) {
  const load = begin(new Child('load.js'))
  const row = begin(new Row(name, ['--expose-gc']))
  const memory = await blaming(row, async () => {
    await row.start()
    await open(load, row, Math.min(WARM_UP_CONNECTIONS, connections))
    await load.ask({ name: 'close' })
    const before = await row.ask({ name: 'memory' })
    await open(load, row, connections)
    return perConnection(before, await row.ask({ name: 'memory' }))
  })
  await Promise.all([row.stop(), load.stop()])
  return memory
}

/**
 * @param {Child} load
 * @param {Row} row
 * @param {number} count
 */
async function open (load, { port }, count) {
  for (let open = 0; open < count; open += STEP) {
    await load.ask({ name: 'open', port, path: PATH, connections: Math.min(open + STEP, count) })
  }
}

/**
 * @param {NodeJS.MemoryUsage} before
 * @param {NodeJS.MemoryUsage} after
 * @returns {Memory}
 */
function perConnection (before, after) {
  const of = (/** @type {keyof Memory} */ key) => (after[key] - before[key]) / connections
  return { rss: of('rss'), heapUsed: of('heapUsed'), external: of('external') }
}

/** @param {Map<RowName, Memory[]>} samples */
function print (samples) {
  const controls = CONTROLS.filter((name) => names.includes(name))
  console.log('\nbytes per idle connection, beyond the empty server')
  const ratios = controls.flatMap((name) => ['RSS', 'heap'].map((memory) => `${memory} × ${shortTitleOf(name)}`))
  printTable(
    ['', 'heap used', 'external', 'RSS', '(range)', ...ratios],
    names.map((name) => cells(name, samples, controls))
  )
}

/**
 * @param {RowName} name
 * @param {Map<RowName, Memory[]>} samples
 * @param {RowName[]} controls
 */
function cells (name, samples, controls) {
  const own = samples.get(name) ?? []
  const rss = own.map((memory) => memory.rss)
  return [
    rowOf(name).title,
    bytes(middle(own, 'heapUsed')),
    bytes(middle(own, 'external')),
    bytes(middle(own, 'rss')),
    `${bytes(Math.min(...rss))}–${bytes(Math.max(...rss))}`,
    ...controls.flatMap((control) => {
      const base = samples.get(control) ?? []
      return [ratio(middle(own, 'rss'), middle(base, 'rss')), ratio(middle(own, 'heapUsed'), middle(base, 'heapUsed'))]
    })
  ]
}

/**
 * @param {Memory[]} memories
 * @param {keyof Memory} key
 */
function middle (memories, key) {
  return median(memories.map((memory) => memory[key]))
}

/** @param {number} count */
function bytes (count) {
  return Math.round(count).toLocaleString('en')
}

/**
 * @param {number} own
 * @param {number} base
 */
function ratio (own, base) {
  return `${(own / base).toFixed(2)}×`
}
