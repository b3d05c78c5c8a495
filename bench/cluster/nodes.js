// @ts-check
import { Child, begin } from '../children.js'
import { cpuUsOf } from './engines.js'

/** A node of a service. */
class Node extends Child {
  port = 0

  async start () {
    this.port = await this.listen()
  }

  async readCpuUs () {
    const { user, system } = await this.ask({ name: 'cpu' })
    return user + system
  }
}

/** The nodes of one service, and their engine. */
export class Nodes {
  /** @type {Node[]} */
  #nodes
  #engine

  /**
   * @param {import('./rows.js').ClusterRow} row
   * @param {number} count
   * @param {{ port: number, pid: number | undefined }} engine
   */
  constructor (row, count, engine) {
    const [file, args] = row.start(engine.port)
    this.#engine = engine
    this.#nodes = Array.from({ length: count }, () => begin(new Node(file, [], args)))
  }

  get ports () {
    return this.#nodes.map(({ port }) => port)
  }

  async start () {
    await Promise.all(this.#nodes.map((node) => node.start()))
  }

  /** @param {object} question to the first one */
  ask (question) {
    return this.#nodes[0].ask(question)
  }

  /** @param {object} question @returns {Promise<any[]>} */
  askAll (question) {
    return Promise.all(this.#nodes.map((node) => node.ask(question)))
  }

  /** In µs, of each node, and of the engine. */
  async readCpu () {
    return { nodes: await Promise.all(this.#nodes.map((node) => node.readCpuUs())), engine: cpuUsOf(this.#engine.pid) }
  }

  async stop () {
    await Promise.all(this.#nodes.map((node) => node.stop()))
  }
}
