// @ts-check
// Clients that come back together, each with a position of its own in one recoverable topic.
import { performance } from 'node:perf_hooks'
import { DIALECTS } from './dialects.js'
import { Member, maskedFrame } from './member.js'

/** @typedef {[epoch: string, offset: number]} Place */

const OPEN_AT_ONCE = 200

const { path, protocols } = DIALECTS.recovering

export class Herd {
  #topic
  #onError
  /** @type {Member[]} */
  #members = []
  /** @type {Place[]} the first one is in front of all events */
  #places = []
  #onEvent = () => {}
  #epoch = ''

  /**
   * @param {string} topic
   * @param {(error: Error) => void} onError
   */
  constructor (topic, onError) {
    this.#topic = topic
    this.#onError = onError
  }

  /**
   * One member, which notes all positions.
   *
   * @param {number} port
   */
  watch (port) {
    return new Promise((resolve) => {
      this.#connect(port, {}, {
        onEvents: () => {},
        onEvent: (text) => {
          this.#places.push([this.#epoch, JSON.parse(text).$at[1]])
          this.#onEvent()
        },
        onText: (text) => {
          const message = JSON.parse(text)
          if (message.type !== '$topic') return
          this.#epoch = message.epoch
          this.#places.push([message.epoch, message.offset])
          resolve(undefined)
        }
      })
    })
  }

  /**
   * Waits until it has seen as many events, and leaves.
   *
   * @param {number} missed
   */
  async seen (missed) {
    await new Promise((resolve) => {
      this.#onEvent = () => this.#places.length > missed && resolve(undefined)
      this.#onEvent()
    })
    await this.close()
  }

  /**
   * Opens all members, spread over the nodes, and waits until each has all that it missed.
   *
   * @param {number[]} ports
   * @param {number} count
   */
  async comeBack (ports, count) {
    const startedMs = performance.now()
    const cpuBefore = process.cpuUsage()
    let [next, deliveries, notRecovered] = [0, 0, 0]
    const openNext = async () => {
      while (next < count) {
        const n = next++
        const missed = n % this.#places.length
        const isRecovered = await this.#return(ports[n % ports.length], missed)
        deliveries += missed
        if (!isRecovered) notRecovered++
      }
    }
    await Promise.all(Array.from({ length: OPEN_AT_ONCE }, openNext))
    const { user, system } = process.cpuUsage(cpuBefore)
    return { elapsedMs: performance.now() - startedMs, cpuUs: user + system, deliveries, notRecovered }
  }

  async close () {
    const members = this.#members
    this.#members = []
    await Promise.all(members.map((member) => member.close()))
  }

  /**
   * @param {number} port
   * @param {number} missed events
   * @returns {Promise<boolean>} once it has them: were they what it missed?
   */
  #return (port, missed) {
    const place = this.#places[this.#places.length - 1 - missed]
    return new Promise((resolve) => {
      let left = missed
      let isTold = false
      this.#connect(port, { [this.#topic]: place }, {
        onEvents: (count) => {
          left -= count
          if (left === 0 && isTold) resolve(true)
        },
        onText: (text) => {
          const message = JSON.parse(text)
          if (message.type !== '$topic') return
          isTold = true
          if (message.recovered !== true || message.missed !== missed) resolve(false)
          if (left === 0) resolve(true)
        }
      })
    })
  }

  /**
   * @param {number} port
   * @param {Record<string, Place>} topics
   * @param {Omit<ConstructorParameters<typeof Member>[1], 'onError' | 'onOpen'>} listener
   */
  #connect (port, topics, listener) {
    const hello = JSON.stringify({ type: '$recover', client: `herd-of-the-bench-${this.#members.length}`, topics })
    const member = new Member({ port, path: path(this.#topic), protocols }, {
      ...listener,
      onError: this.#onError,
      onOpen: () => member.send(maskedFrame(hello))
    })
    this.#members.push(member)
  }
}
