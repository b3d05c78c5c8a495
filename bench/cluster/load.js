// @ts-check
// The load process: members of topics on all nodes, and a publisher on the first one. Told by the
// runner what to do, one thing at a time.
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { DIALECTS, eventText } from './dialects.js'
import { Herd } from './herd-clients.js'
import { Member, maskedFrame } from './member.js'

/**
 * @typedef {import('./dialects.js').DialectName} DialectName
 * @typedef {{ dialect: DialectName, ports: number[], topics: string[], members: number }} Crowd
 * `members`: of each topic on each node
 * @typedef {{ deliveries: number[], elapsedMs: number, cpuUs: number }} Counted deliveries of each
 * node
 */

const OPEN_AT_ONCE = 50
const SETTLE_MS = 100
const TIMEOUT_MS = 60_000

/** @type {(error: Error) => void} */
let fail = () => {}
const onError = (/** @type {Error} */ error) => fail(error)

/** @type {Topics | undefined} */
let topics
/** @type {Herd | undefined} */
let herd

/** All members, and the publisher. */
class Topics {
  /** @type {Member[]} */
  #members = []
  /** @type {Member | undefined} */
  #publisher
  /** @type {Uint8Array[]} */
  #frames
  #dialect
  #missing                         // deliveries of each topic until its next event has arrived
  #perEvent
  #next = 0
  #clients = 0
  #inFlight = 0
  #left = 0                        // events that are to be sent at a pace
  /** @type {number[]} */
  #deliveries
  #untilMs = 0
  #onEnd = () => {}

  /** @param {Crowd} crowd */
  constructor ({ dialect, ports, topics, members }) {
    this.#dialect = DIALECTS[dialect]
    this.ports = ports
    this.topics = topics
    this.members = members
    this.#perEvent = ports.length * members
    this.#missing = topics.map(() => this.#perEvent)
    this.#deliveries = ports.map(() => 0)
    this.#frames = topics.map((topic) => maskedFrame(eventText(this.#dialect, topic)))
  }

  async open () {
    const places = this.topics.flatMap((_, topic) => {
      return this.ports.flatMap((_, node) => Array.from({ length: this.members }, () => ({ node, topic })))
    })
    while (places.length > 0) {
      this.#members.push(...await Promise.all(places.splice(0, OPEN_AT_ONCE).map(({ node, topic }) => this.#join(node, topic))))
    }
    this.#publisher = await this.#connectPublisher()
    await delay(SETTLE_MS)
  }

  /**
   * As fast as it goes: the next event leaves when one has reached all members.
   *
   * @param {number} window events in flight
   * @param {number} seconds
   */
  run (window, seconds) {
    return this.#count(() => {
      this.#untilMs = performance.now() + seconds * 1000
      for (let n = 0; n < window; n++) this.#publish()
    })
  }

  /**
   * At a pace, as if by many publishers. What is late leaves at once.
   *
   * @param {number} rate events a second
   * @param {number} seconds
   */
  runPaced (rate, seconds) {
    return this.#count(() => {
      this.#untilMs = 0
      const all = Math.ceil(rate * seconds)
      this.#left = all
      const startedMs = performance.now()
      const timer = setInterval(() => {
        const rest = Math.max(0, all - Math.floor((performance.now() - startedMs) * rate / 1000))
        for (; this.#left > rest; this.#left--) this.#publish()
        if (this.#left === 0) clearInterval(timer)
      }, 1)
    })
  }

  /**
   * @param {() => void} start
   * @returns {Promise<Counted>}
   */
  async #count (start) {
    this.#deliveries.fill(0)
    const cpuBefore = process.cpuUsage()
    const startedMs = performance.now()
    const ended = new Promise((resolve) => { this.#onEnd = () => resolve(undefined) })
    start()
    await ended
    const { user, system } = process.cpuUsage(cpuBefore)
    return { deliveries: [...this.#deliveries], elapsedMs: performance.now() - startedMs, cpuUs: user + system }
  }

  async close () {
    await Promise.all([...this.#members, ...this.#publisher === undefined ? [] : [this.#publisher]].map((member) => member.close()))
  }

  #publish () {
    this.#inFlight++
    this.#publisher?.send(this.#frames[this.#next])
    this.#next = (this.#next + 1) % this.#frames.length
  }

  /**
   * @param {number} count
   * @param {number} node
   * @param {number} topic
   */
  #onEvents (count, node, topic) {
    this.#deliveries[node] += count
    this.#missing[topic] -= count
    while (this.#missing[topic] <= 0) {
      this.#missing[topic] += this.#perEvent
      this.#onArrived()
    }
  }

  #onArrived () {
    this.#inFlight--
    if (performance.now() < this.#untilMs) return this.#publish()
    if (this.#inFlight === 0 && this.#left === 0) this.#onEnd()
  }

  /**
   * @param {number} node
   * @param {number} topic
   * @returns {Promise<Member>} once the server has made it a member
   */
  #join (node, topic) {
    const { path, ready } = this.#dialect
    return new Promise((resolve) => {
      const member = this.#connect(node, path(this.topics[topic]), (count) => this.#onEvents(count, node, topic), (text) => {
        if (text.startsWith(ready)) resolve(member)
      })
    })
  }

  /** @returns {Promise<Member>} */
  #connectPublisher () {
    const { publisherPath, publisherReady } = this.#dialect
    return new Promise((resolve) => {
      const onEvents = () => onError(new Error('the publisher got an event'))
      const onText = (/** @type {string} */ text) => {
        if (publisherReady !== undefined && text.startsWith(publisherReady)) resolve(publisher)
      }
      const publisher = this.#connect(0, publisherPath, onEvents, onText, () => { if (publisherReady === undefined) resolve(publisher) })
    })
  }

  /**
   * @param {number} node
   * @param {string} path
   * @param {(count: number) => void} onEvents
   * @param {(text: string) => void} onText
   * @param {() => void} [onOpen]
   */
  #connect (node, path, onEvents, onText, onOpen = () => {}) {
    const { protocols, helloAfter, answers = {} } = this.#dialect
    const hello = this.#dialect.hello?.(this.#clients++)
    const member = new Member({ port: this.ports[node], path, protocols }, {
      onError,
      onEvents,
      onOpen () {
        if (hello !== undefined && helloAfter === undefined) member.send(maskedFrame(hello))
        onOpen()
      },
      onText (text) {
        if (hello !== undefined && helloAfter !== undefined && text.startsWith(helloAfter)) member.send(maskedFrame(hello))
        if (answers[text] !== undefined) member.send(maskedFrame(answers[text]))
        onText(text)
      }
    })
    return member
  }
}

const commands = {
  /** @param {{ crowd: Crowd }} command */
  async open ({ crowd }) {
    topics = new Topics(crowd)
    await topics.open()
  },

  /** @param {{ seconds: number, window: number }} command */
  run: ({ seconds, window }) => topics?.run(window, seconds),

  /** @param {{ seconds: number, rate: number }} command */
  runPaced: ({ seconds, rate }) => topics?.runPaced(rate, seconds),

  async close () {
    await topics?.close()
    topics = undefined
  },

  /** @param {{ port: number, topic: string }} command */
  async watch ({ port, topic }) {
    herd = new Herd(topic, onError)
    await herd.watch(port)
  },

  /** @param {{ missed: number }} command */
  seen: ({ missed }) => herd?.seen(missed),

  /** @param {{ ports: number[], members: number }} command */
  comeBack: ({ ports, members }) => herd?.comeBack(ports, members),

  async leave () {
    await herd?.close()
    herd = undefined
  }
}

/** @param {any} command */
async function obey (command) {
  const abort = new AbortController()
  const failed = new Promise((_resolve, reject) => { fail = reject })
  const timeoutMs = (command.seconds ?? 0) * 1000 + TIMEOUT_MS
  const late = delay(timeoutMs, undefined, { signal: abort.signal })
    .then(() => { throw new Error(`'${command.name}' took more than ${timeoutMs} ms, so something is still missing`) })
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
