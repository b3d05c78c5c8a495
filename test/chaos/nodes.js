// @ts-check
// The nodes of a service. They are killed and stopped; each publishes for whoever asks it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('node.js', import.meta.url))
const PATIENCE_MS = 3000
const RETRY_MS = 10

/**
 * @typedef {import('node:child_process').ChildProcess} Child
 * @typedef {{ child: Child, port: number | undefined }} Node
 */

export class Nodes {
  /** @type {Node[]} */
  #nodes = []
  /** @type {Map<string, (isStored: boolean) => void>} */
  #answers = new Map()
  #args
  #pick

  /**
   * @param {string[]} args
   * @param {(count: number) => number} pick - a random number below another one
   */
  constructor (args, pick) {
    this.#args = args
    this.#pick = pick
  }

  /** @param {number} count */
  async start (count) {
    await Promise.all(Array.from({ length: count }, (_, n) => this.#start(n)))
  }

  /** The origin of some node; one that answers nothing while none is up. */
  originOfAny () {
    const ports = this.#nodes.flatMap(({ port }) => port ?? [])
    return `ws://127.0.0.1:${ports[this.#pick(ports.length)] ?? 1}`
  }

  /**
   * Publishes by some node; false when it was not stored, as far as is known.
   *
   * @param {number} room
   * @param {number} number
   */
  async publish (room, number) {
    const { child, port } = this.#any()
    if (port === undefined || !child.connected) return pause(RETRY_MS, false)
    const key = `${room} ${number}`
    /** @type {Promise<boolean>} */
    const answered = new Promise((resolve) => this.#answers.set(key, resolve))
    child.send({ room, number }, () => {})
    const isStored = await Promise.race([answered, pause(PATIENCE_MS, false)])
    this.#answers.delete(key)
    return isStored
  }

  async killAny () {
    const node = this.#any()
    const n = this.#nodes.indexOf(node)
    if (node.port === undefined) return
    const ended = once(node.child, 'exit')
    node.port = undefined
    node.child.kill('SIGKILL')
    await ended
    await this.#start(n)
  }

  /** @param {number} ms */
  async stopAny (ms) {
    const { child } = this.#any()
    child.kill('SIGSTOP')
    await pause(ms)
    child.kill('SIGCONT')
  }

  kill () {
    for (const { child } of this.#nodes) child.kill('SIGKILL')
  }

  #any () {
    return this.#nodes[this.#pick(this.#nodes.length)]
  }

  /** @param {number} n */
  async #start (n) {
    const child = fork(script, this.#args, { execArgv: [] })
    this.#nodes[n] = { child, port: undefined }
    const [{ port }] = await once(child, 'message')
    this.#nodes[n] = { child, port }
    child.on('message', (/** @type {{ room: number, number: number, isStored: boolean }} */ { room, number, isStored }) => {
      this.#answers.get(`${room} ${number}`)?.(isStored)
    })
  }
}
