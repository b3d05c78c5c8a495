// @ts-check
// The load process. Told by the runner what to do, one thing at a time: open connections, run,
// close them.
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { LoadClient } from './load-client.js'
import { Script } from './wire.js'

/**
 * @typedef {'roundtrip' | 'paced' | 'rotating' | 'fanout' | 'topics' | 'handshake'} Kind
 * @typedef {{ kind: Kind, connections: number, window: number, rate?: number, members?: number }}
 * Work `rate`: messages a second of paced load; `members`: of each topic
 * @typedef {import('./messages.js').Exchange & { port: number, dialect?:
 * import('./dialects.js').DialectName }} Target
 * @typedef {{ messages: number, elapsedMs: number, p50Ms: number, p99Ms: number, p999Ms: number,
 * lateMs: number, cpuUs: number }} Counted `lateMs`: p99 of how late paced load was sent
 */

const OPEN_AT_ONCE = 50            // stays below every listen backlog
const SETTLE_MS = 50               // subscriptions made after the 101 are in place by then
const OPEN_TIMEOUT_MS = 10_000
const DRAIN_TIMEOUT_MS = 10_000

class Histogram {
  static #STEPS_PER_MS = 100
  static #STEPS = 200_000

  #counts = new Uint32Array(Histogram.#STEPS)
  #total = 0

  /** @param {number} ms */
  add (ms) {
    const step = Math.min(ms * Histogram.#STEPS_PER_MS | 0, Histogram.#STEPS - 1)
    this.#counts[step]++
    this.#total++
  }

  /** @param {number} share of all, 0 to 1 */
  percentileMs (share) {
    if (this.#total === 0) return 0
    let left = Math.ceil(this.#total * share)
    const step = this.#counts.findIndex((count) => (left -= count) <= 0)
    return (step + 0.5) / Histogram.#STEPS_PER_MS
  }
}

/**
 * The part that both kinds of run share: a deadline, then a drain, so that the server is idle at
 * both ends of the count.
 */
class Run {
  histogram = new Histogram()
  late = new Histogram()
  messages = 0
  inFlight = 0
  startedAt = performance.now()
  #cpuBefore = process.cpuUsage()

  /**
   * @param {number} seconds
   * @param {(counted: Counted) => void} resolve
   */
  constructor (seconds, resolve) {
    this.until = this.startedAt + seconds * 1000
    this.resolve = resolve
  }

  /** @param {number} now */
  finish (now) {
    const { user, system } = process.cpuUsage(this.#cpuBefore)
    this.resolve({
      messages: this.messages,
      elapsedMs: now - this.startedAt,
      p50Ms: this.histogram.percentileMs(0.5),
      p99Ms: this.histogram.percentileMs(0.99),
      p999Ms: this.histogram.percentileMs(0.999),
      lateMs: this.late.percentileMs(0.99),
      cpuUs: user + system
    })
  }
}

/** Every connection keeps `window` messages in flight and counts the replies to its own. */
class RoundTrip extends Run {
  /**
   * @param {LoadClient[]} clients
   * @param {Work} work
   * @param {number} seconds
   * @param {(counted: Counted) => void} resolve
   */
  constructor (clients, { window }, seconds, resolve) {
    super(seconds, resolve)
    this.inFlight = clients.length * window
    for (const [i, client] of clients.entries()) {
      client.startAt(i)
      client.onReplies = (replies, client) => this.#onReplies(replies, client)
      client.send(window, performance.now())
    }
  }

  /**
   * @param {number} replies
   * @param {LoadClient} client
   */
  #onReplies (replies, client) {
    const now = performance.now()
    for (let i = 0; i < replies; i++) this.histogram.add(now - client.takeSentAt())
    this.messages += replies
    if (now < this.until) return client.send(replies, now)
    this.inFlight -= replies
    if (this.inFlight === 0) this.finish(now)
  }
}

/**
 * Messages leave at times that are fixed beforehand, `rate` a second, in turn on all connections,
 * however slowly they are answered. The latency of one begins at its time, not when this process
 * got to send it, so a stall is in the latency of every message that it holds up.
 */
class Paced extends Run {
  #sent = 0

  /**
   * @param {LoadClient[]} clients
   * @param {Work} work
   * @param {number} seconds
   * @param {(counted: Counted) => void} resolve
   */
  constructor (clients, { rate = 1 }, seconds, resolve) {
    super(seconds, resolve)
    this.clients = clients
    this.total = Math.max(1, Math.round(rate * seconds))
    this.everyMs = 1000 / rate
    for (const [i, client] of clients.entries()) {
      client.startAt(i)
      client.onReplies = (replies, client) => this.#onReplies(replies, client)
    }
    this.#sendDue()
  }

  // Without a timer, whose steps of a millisecond would make bursts.
  #sendDue () {
    const now = performance.now()
    for (; this.#sent < this.total; this.#sent++) {
      const due = this.startedAt + this.#sent * this.everyMs
      if (due > now) break
      this.late.add(now - due)
      this.clients[this.#sent % this.clients.length].send(1, due)
    }
    if (this.#sent < this.total) setImmediate(() => this.#sendDue())
  }

  /**
   * @param {number} replies
   * @param {LoadClient} client
   */
  #onReplies (replies, client) {
    const now = performance.now()
    for (let i = 0; i < replies; i++) this.histogram.add(now - client.takeSentAt())
    this.messages += replies
    if (this.messages === this.total) this.finish(now)
  }
}

/** `window` messages are in flight on all connections together, which take turns. */
class Rotating extends Run {
  #turn = 0

  /**
   * @param {LoadClient[]} clients
   * @param {Work} work
   * @param {number} seconds
   * @param {(counted: Counted) => void} resolve
   */
  constructor (clients, { window }, seconds, resolve) {
    super(seconds, resolve)
    this.clients = clients
    this.inFlight = window
    for (const [i, client] of clients.entries()) {
      client.startAt(i)
      client.onReplies = (replies, client) => this.#onReplies(replies, client)
    }
    this.#send(window, performance.now())
  }

  /**
   * @param {number} count
   * @param {number} now
   */
  #send (count, now) {
    for (let i = 0; i < count; i++) {
      this.clients[this.#turn].send(1, now)
      this.#turn = (this.#turn + 1) % this.clients.length
    }
  }

  /**
   * @param {number} replies
   * @param {LoadClient} client
   */
  #onReplies (replies, client) {
    const now = performance.now()
    for (let i = 0; i < replies; i++) this.histogram.add(now - client.takeSentAt())
    this.messages += replies
    if (now < this.until) return this.#send(replies, now)
    this.inFlight -= replies
    if (this.inFlight === 0) this.finish(now)
  }
}

/**
 * The first connection keeps `window` broadcasts in flight, each to a topic of its own, which has
 * `members`. Deliveries are counted, and not told apart by topic.
 */
class Topics extends Run {
  #arrived = 0

  /**
   * @param {LoadClient[]} clients
   * @param {Work} work
   * @param {number} seconds
   * @param {(counted: Counted) => void} resolve
   */
  constructor ([sender, ...members], { window, members: each = 1 }, seconds, resolve) {
    super(seconds, resolve)
    this.inFlight = window
    this.sender = sender
    this.each = each
    for (const member of members) member.onReplies = (deliveries) => this.#onDeliveries(deliveries)
    sender.send(window, performance.now())
  }

  /** @param {number} deliveries */
  #onDeliveries (deliveries) {
    this.messages += deliveries
    if (this.messages < (this.#arrived + 1) * this.each) return
    const now = performance.now()
    const arrived = Math.floor(this.messages / this.each) - this.#arrived
    this.#arrived += arrived
    for (let i = 0; i < arrived; i++) this.histogram.add(now - this.sender.takeSentAt())
    if (now < this.until) return this.sender.send(arrived, now)
    this.inFlight -= arrived
    if (this.inFlight === 0) this.finish(now)
  }
}

/**
 * The first connection keeps `window` broadcasts in flight; one has arrived when every other
 * connection has it.
 */
class FanOut extends Run {
  #oldest = 0        // place in the ring of the broadcast that arrives next

  /**
   * @param {LoadClient[]} clients
   * @param {Work} work
   * @param {number} seconds
   * @param {(counted: Counted) => void} resolve
   */
  constructor ([sender, ...members], { window }, seconds, resolve) {
    super(seconds, resolve)
    this.inFlight = window
    this.sender = sender
    this.memberCount = members.length
    this.missing = new Uint32Array(window).fill(members.length)   // a ring: members each broadcast has yet to reach
    this.seen = new Uint32Array(members.length)                   // place in the ring of each member's next delivery
    sender.onReplies = () => { throw new Error('the sender got its own broadcast') }
    for (const [i, member] of members.entries()) {
      member.onReplies = (deliveries) => this.#onDeliveries(deliveries, i)
    }
    sender.send(window, performance.now())
  }

  /**
   * @param {number} deliveries
   * @param {number} member
   */
  #onDeliveries (deliveries, member) {
    this.messages += deliveries
    for (let left = deliveries; left > 0; left--) {
      this.missing[this.seen[member]]--
      this.seen[member] = (this.seen[member] + 1) % this.missing.length
    }
    if (this.missing[this.#oldest] === 0) this.#onArrived(performance.now())
  }

  /** @param {number} now */
  #onArrived (now) {
    const arrived = this.#takeArrived(now)
    if (now < this.until) return this.sender.send(arrived, now)
    this.inFlight -= arrived
    if (this.inFlight === 0) this.finish(now)
  }

  /**
   * @param {number} now
   * @returns {number} broadcasts that have reached everyone
   */
  #takeArrived (now) {
    let arrived = 0
    while (arrived < this.inFlight && this.missing[this.#oldest] === 0) {
      this.histogram.add(now - this.sender.takeSentAt())
      this.missing[this.#oldest] = this.memberCount
      this.#oldest = (this.#oldest + 1) % this.missing.length
      arrived++
    }
    return arrived
  }
}

/** Opens `connections`, `window` at once. They stay open, and are closed with all others. */
class Handshakes extends Run {
  /**
   * @param {LoadClient[]} clients gets those that are opened
   * @param {Work & Target} work
   * @param {number} seconds
   * @param {(counted: Counted) => void} resolve
   */
  constructor (clients, work, seconds, resolve) {
    super(seconds, resolve)
    this.clients = clients
    this.work = work
    this.left = work.connections
    for (let n = 0; n < work.window; n++) void this.#open()
  }

  /** @returns {Promise<void>} */
  async #open () {
    this.left--
    const startedAt = performance.now()
    this.clients.push(await openClient(this.work))
    const now = performance.now()
    this.histogram.add(now - startedAt)
    this.messages++
    if (this.left > 0) return this.#open()
    if (this.messages === this.work.connections) this.finish(now)
  }
}

const kinds = { roundtrip: RoundTrip, paced: Paced, rotating: Rotating, fanout: FanOut, topics: Topics, handshake: Handshakes }

/** @type {LoadClient[]} */
let clients = []

/** @type {(error: Error) => void} */
let fail = () => {}

const commands = {
  /** @param {Target & { connections: number }} command */
  async open ({ connections, ...target }) {
    while (clients.length < connections) {
      const count = Math.min(OPEN_AT_ONCE, connections - clients.length)
      clients.push(...await Promise.all(Array.from({ length: count }, () => openClient(target))))
    }
    await delay(SETTLE_MS)
  },

  /**
   * @param {{ work: Work & Target, seconds: number, maySleep?: boolean }} command `maySleep`: where
   * more processes than this one and the server need the two cores
   */
  async run ({ work, seconds, maySleep = false }) {
    isAwake = !maySleep
    stayAwake()
    const counted = await new Promise((resolve) => new kinds[work.kind](clients, work, seconds, resolve))
    isAwake = false
    return counted
  },

  async close () {
    const closing = clients
    clients = []
    await Promise.all(closing.map((client) => client.close()))
  }
}

let isAwake = false

// The write to a process that sleeps wakes it up, and the server is charged for that: most for the
// server whose writes come one by one.
function stayAwake () {
  if (isAwake) setImmediate(stayAwake)
}

/** @type {Map<string, Script>} */
const scripts = new Map()

/** @param {Target} target */
function scriptOf ({ dialect = 'plain', shape = 'small', path, count }) {
  const key = [dialect, shape, path, count].join()
  const script = scripts.get(key) ?? new Script(dialect, { shape, path, count })
  scripts.set(key, script)
  return script
}

/**
 * @param {Target} target
 * @returns {Promise<LoadClient>}
 */
function openClient (target) {
  return new Promise((resolve) => {
    const client = new LoadClient(target.port, scriptOf(target), { onOpen: () => resolve(client), onError: (error) => fail(error) })
  })
}

/** @param {{ name: keyof typeof commands, seconds?: number }} command */
function timeoutMs ({ name, seconds = 0 }) {
  return name === 'run' ? seconds * 1000 + DRAIN_TIMEOUT_MS : OPEN_TIMEOUT_MS
}

/** @param {any} command */
async function obey (command) {
  const abort = new AbortController()
  const failed = new Promise((_resolve, reject) => { fail = reject })
  const late = delay(timeoutMs(command), undefined, { signal: abort.signal })
    .then(() => { throw new Error(`'${command.name}' took more than ${timeoutMs(command)} ms, so something is still missing`) })
  try {
    return { result: await Promise.race([commands[/** @type {'run'} */ (command.name)](command), failed, late]) }
  } catch (error) {
    return { error: /** @type {Error} */ (error).message }
  } finally {
    late.catch(() => {})
    abort.abort()
  }
}

process.on('message', async (command) => process.send?.(await obey(command)))
process.on('disconnect', () => process.exit())
