// @ts-check
// Nodes are killed and stopped, the engine is killed and stopped, clients are cut off; and of a
// recoverable topic no event is lost, doubled or swapped, or the client was told that some may be.
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startJetStream, startRedis } from '../support/engine.js'
import { Listener } from './listener.js'
import { Nodes } from './nodes.js'

const OUTAGE_MS = 500
const STOP_MS = 3000
const STEP_MS = 5
// A node asks for what a quiet topic has lost within 28 s.
const LAST_MS = 120_000
const MAX_LINES = 20

const { engine: name, seed, nodes: nodeCount, rooms, clients, messages, faults, reconnects } = readOptions()
const pick = randomBy(seed)
/** @type {Array<() => unknown>} */
const ends = []
let published = 0

try {
  process.exitCode = await run() ? 0 : 1
} finally {
  for (const end of ends.reverse()) await end()
}
process.exit()

async function run () {
  const t = { teardown: (/** @type {() => unknown} */ end) => { ends.push(end) } }
  const engine = name === 'nats' ? await startJetStream(t) : await startRedis(t, '--appendonly', 'yes', '--appendfsync', 'always')
  const nodes = new Nodes([name, String(engine.port)], pick)
  ends.push(() => nodes.kill())
  await nodes.start(nodeCount)
  const listeners = Array.from({ length: clients }, (_, n) => new Listener(n % rooms, () => nodes.originOfAny()))
  ends.push(() => listeners.forEach((listener) => listener.close()))
  while (!listeners.every(({ isOpen }) => isOpen)) await pause(STEP_MS)
  const [made] = await Promise.all([makeFaults(engine, nodes), cutOff(listeners), publishAll(nodes)])
  const last = messages / rooms - 1
  const isMissing = () => listeners.some((listener) => !listener.hasAll(last))
  for (const endMs = Date.now() + LAST_MS; isMissing() && Date.now() < endMs;) await pause(STEP_MS)
  return report(listeners, last, made)
}

/** @param {Nodes} nodes */
function publishAll (nodes) {
  return Promise.all(Array.from({ length: rooms }, async (_, room) => {
    for (let number = 0; number < messages / rooms; number++) {
      while (!await nodes.publish(room, number));
      published++
    }
  }))
}

/**
 * @param {import('../support/engine.js').Engine} engine
 * @param {Nodes} nodes
 */
async function makeFaults (engine, nodes) {
  /** @type {Record<string, () => Promise<void>>} */
  const kinds = {
    'a node is killed': () => nodes.killAny(),
    'a node stands still': () => nodes.stopAny(pick(STOP_MS)),
    'the engine is killed': async () => {
      await engine.kill()
      await pause(pick(OUTAGE_MS))
      await engine.start()
    },
    'the engine stands still': async () => {
      engine.hang()
      await pause(pick(STOP_MS))
      engine.goOn()
    }
  }
  /** @type {Record<string, number>} */
  const made = {}
  for (let n = 0; n < faults; n++) {
    await share((n + 1) / (faults + 1))
    const [kind, make] = /** @type {[string, () => Promise<void>]} */ (Object.entries(kinds)[pick(Object.keys(kinds).length)])
    made[kind] = (made[kind] ?? 0) + 1
    await make()
  }
  return made
}

/** @param {readonly Listener[]} listeners */
async function cutOff (listeners) {
  for (let n = 0; n < reconnects; n++) {
    await share(n / reconnects)
    listeners[pick(listeners.length)]?.cut()
  }
}

/**
 * Waits until a share of all messages is published.
 *
 * @param {number} part
 */
async function share (part) {
  while (published < messages * part) await pause(STEP_MS)
}

/**
 * @param {readonly Listener[]} listeners
 * @param {number} last
 * @param {Record<string, number>} made
 */
function report (listeners, last, made) {
  const found = listeners.flatMap((listener, n) => {
    const { room } = listener
    const rest = listener.hasAll(last) ? [] : [`${listener.last + 1} to ${last} did not come`]
    return [...listener.faults, ...rest].map((fault) => `client ${n} in room ${room}: ${fault}`)
  })
  const told = listeners.reduce((sum, listener) => sum + listener.told, 0)
  console.log(`engine ${name}, seed ${seed}: ${published} events to ${clients} clients, ${reconnects} times cut off; ` +
    `${Object.entries(made).map(([kind, count]) => `${kind} ${count} times`).join(', ')}; ` +
    `${found.length} lost, doubled or swapped; ${told} times told that some may be missing`)
  for (const line of found.slice(0, MAX_LINES)) console.log(line)
  return found.length === 0
}

function readOptions () {
  const number = (/** @type {number} */ value) => ({ type: /** @type {const} */ ('string'), default: String(value) })
  const { values } = parseArgs({
    options: {
      engine: { type: 'string', default: 'redis' },
      seed: number(Date.now() % 100_000),
      nodes: number(3),
      rooms: number(5),
      clients: number(40),
      messages: number(5000),
      faults: number(12),
      reconnects: number(400)
    }
  })
  const { engine, ...numbers } = values
  const read = /** @type {Record<keyof typeof numbers, number>} */ (
    Object.fromEntries(Object.entries(numbers).map(([option, value]) => [option, Number(value)]))
  )
  return { engine, ...read }
}

/**
 * Mulberry32.
 *
 * @param {number} seed
 * @returns {(count: number) => number}
 */
function randomBy (seed) {
  let state = seed >>> 0
  return (count) => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return Math.floor(((x ^ (x >>> 14)) >>> 0) / 2 ** 32 * count)
  }
}
