// @ts-check
// All members of one recoverable topic come back at once, to nodes that have just started. How
// often is the engine asked?
import { Child, begin } from '../children.js'
import { median, note, printTable } from '../table.js'
import { Nodes } from './nodes.js'
import { CLUSTER_ROWS, NODE_COUNTS } from './rows.js'

/** @typedef {import('../../test/support/engine.js').Engine} Engine */
/**
 * @typedef {object} Result
 * @property {number} reads of messages, by all nodes
 * @property {number} tops reads of the position alone
 * @property {number} ms
 * @property {number} engineMs its CPU
 * @property {number} nodesMs their CPU
 * @property {number} deliveries
 * @property {number} lost members that were not told all that they missed
 */

const TOPIC = 'kept:herd'
const MISSED = 100
const TEXT = 'the quick brown fox jumps over the lazy dog, and then it does so once more because the dog was asleep all the time'
const TIMEOUT_MS = 120_000

/**
 * @param {'redis' | 'nats'} name
 * @param {Engine} engine
 * @param {number} members
 * @param {number} rounds
 */
export async function measureHerd (name, engine, members, rounds) {
  /** @type {string[][]} */
  const rows = []
  for (const count of NODE_COUNTS) {
    /** @type {Result[]} */
    const results = []
    for (let round = 0; round < rounds; round++) {
      note(`round ${round + 1} of ${rounds}, a herd for ${count} nodes`)
      await engine.forget()
      results.push(await measure(name, engine, count, members))
    }
    rows.push(cells(count, results))
  }
  note('')
  console.log(
    `\n${name}: ${members.toLocaleString('en')} members of one topic come back to new nodes, ` +
    `each has missed up to ${MISSED} events`
  )
  printTable(['nodes', 'history reads', 'position reads', 'deliveries', 'not recovered', 'ms', 'nodes CPU ms', 'engine CPU ms'], rows)
}

/**
 * @param {'redis' | 'nats'} name
 * @param {Engine} engine
 * @param {number} count
 * @param {number} members
 * @returns {Promise<Result>}
 */
async function measure (name, engine, count, members) {
  const row = /** @type {import('./rows.js').ClusterRow} */ (CLUSTER_ROWS[name].find(({ dialect }) => dialect === 'recovering'))
  const load = begin(new Child('cluster/load.js'))
  const before = new Nodes(row, 1, engine)
  await before.start()
  await load.ask({ name: 'watch', port: before.ports[0], topic: TOPIC })
  await before.ask({ name: 'publish', topic: TOPIC, text: TEXT, count: MISSED })
  await load.ask({ name: 'seen', missed: MISSED })
  await before.stop()
  const nodes = new Nodes(row, count, engine)
  try {
    await nodes.start()
    const idle = await nodes.readCpu()
    const { elapsedMs, deliveries, notRecovered } = await load.ask({ name: 'comeBack', ports: nodes.ports, members }, TIMEOUT_MS)
    const busy = await nodes.readCpu()
    const reads = await nodes.askAll({ name: 'reads' })
    return {
      reads: reads.reduce((sum, { messages }) => sum + messages, 0),
      tops: reads.reduce((sum, { tops }) => sum + tops, 0),
      ms: elapsedMs,
      engineMs: (busy.engine - idle.engine) / 1000,
      nodesMs: busy.nodes.reduce((sum, cpu, node) => sum + cpu - idle.nodes[node], 0) / 1000,
      deliveries,
      lost: notRecovered
    }
  } finally {
    await load.ask({ name: 'leave' }).catch(() => {})
    await Promise.all([load.stop(), nodes.stop()])
  }
}

/**
 * @param {number} count
 * @param {Result[]} results
 */
function cells (count, results) {
  const middle = (/** @type {keyof Result} */ name) => Math.round(median(results.map((result) => result[name]))).toLocaleString('en')
  const names = /** @type {const} */ (['reads', 'tops', 'deliveries', 'lost', 'ms', 'nodesMs', 'engineMs'])
  return [String(count), ...names.map(middle)]
}
