// @ts-check
import { fork } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {'ws' | 'fastify' | 'typed' | 'net' | 'crossws' | 'socketio' | 'trpc' | 'elysia' |
 * 'elysiaBun' | 'before'} RowName
 * @typedef {{ file: string, title: string, isValidated: boolean, dialect?:
 * import('./dialects.js').DialectName, scenarios?: string[], runtime?: 'bun' }} RowOptions
 * `scenarios`: those that a row takes part in. Default: all
 */

const NET_DOES = ['one', 'four', 'many', 'kib', 'fanout1', 'fanout8', 'handshake']
const PEERS_DO = ['one', 'four', 'many', 'kib', 'calls', 'fanout1', 'fanout8', 'handshake']

/**
 * The servers compared. Each is a file that ends with `report(port)`. `before` is there with
 * `--against`.
 *
 * @type {Record<Exclude<RowName, 'before'>, RowOptions> & { before?: RowOptions }}
 */
export const ROWS = {
  ws: { file: 'servers/ws.js', title: 'bare ws, no validation', isValidated: false },
  fastify: { file: 'servers/fastify.js', title: '@fastify/websocket, checked by hand', isValidated: true },
  typed: { file: 'servers/typed.js', title: 'fastify-typed-ws', isValidated: true },
  net: { file: 'servers/net.js', title: 'the ceiling, by hand on sockets', isValidated: true, scenarios: NET_DOES },
  crossws: { file: 'peers/crossws.js', title: 'crossws, TypeBox by hand', isValidated: true, scenarios: PEERS_DO },
  socketio: { file: 'peers/socketio.js', title: 'socket.io, Zod by hand', isValidated: true, dialect: 'socketio', scenarios: PEERS_DO },
  trpc: { file: 'peers/trpc.js', title: 'tRPC, its own checks by Zod', isValidated: true, dialect: 'trpc', scenarios: PEERS_DO },
  elysia: { file: 'peers/elysia.js', title: 'Elysia on Node, its own checks', isValidated: true, scenarios: PEERS_DO },
  elysiaBun: { file: 'peers/elysia.js', title: 'Elysia on Bun, its own checks', isValidated: true, scenarios: PEERS_DO, runtime: 'bun' }
}

export const PEERS = /** @type {const} */ (['crossws', 'socketio', 'trpc', 'elysia', 'elysiaBun'])
export const OWN_ROWS = /** @type {const} */ (['ws', 'fastify', 'typed'])

/** @param {RowName} name */
export function rowOf (name) {
  return /** @type {RowOptions} */ (ROWS[name])
}

const BUN = fileURLToPath(new URL('peers/node_modules/.bin/bun', import.meta.url))
const GOODBYE_MS = 1000
const DEFAULT_ANSWER_TIMEOUT_MS = 30_000

/** @type {Set<Child>} */
const children = new Set()

/**
 * @template {Child} C
 * @param {C} child
 */
export function begin (child) {
  children.add(child)
  return child
}

export async function stopAll () {
  await Promise.all(Array.from(children, (child) => child.stop()))
}

/**
 * A process of ours that answers one question at a time, and leaves when told or when this process
 * does.
 */
export class Child {
  #process
  /** @type {string | undefined} */
  fate
  /**
   * @param {string} file
   * @param {string[]} [flags] of Node's
   * @param {string[]} [args]
   * @param {'bun'} [runtime] instead of Node
   */
  constructor (file, flags = [], args = [], runtime) {
    this.file = file
    this.#process = fork(
      fileURLToPath(new URL(file, import.meta.url)),
      args,
      { execArgv: flags, stdio: ['ignore', 'inherit', 'inherit', 'ipc'], ...runtime === 'bun' && { execPath: BUN } }
    )
    this.#process.once('exit', (code, signal) => { this.fate = `${file} ended with ${signal ?? `code ${code}`}` })
    this.#process.on('error', () => {})      // writing to a process that has just ended: 'exit' tells of it
  }

  get pid () {
    return /** @type {number} */ (this.#process.pid)
  }

  /**
   * @param {object} question
   * @param {number} [timeoutMs]
   */
  ask (question, timeoutMs) {
    const answer = this.listen(timeoutMs)
    if (!this.fate) this.#process.send(question, () => {})
    return answer
  }

  /**
   * @param {number} [timeoutMs] the load process gives up earlier and says why
   * @returns {Promise<any>}
   */
  listen (timeoutMs = DEFAULT_ANSWER_TIMEOUT_MS) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(reject, new Error(`${this.file} does not answer`)), timeoutMs)
      const onMessage = (/** @type {any} */ { result, error }) => settle(error ? reject : resolve, error ? new Error(error) : result)
      const onExit = () => settle(reject, new Error(this.fate))
      const settle = (/** @type {(value: any) => void} */ how, /** @type {unknown} */ value) => {
        clearTimeout(timer)
        this.#process.off('message', onMessage)
        this.#process.off('exit', onExit)
        how(value)
      }
      this.#process.once('message', onMessage)
      this.#process.once('exit', onExit)
      if (this.fate) onExit()
    })
  }

  /** @param {NodeJS.Signals} signal */
  kill (signal) {
    this.#process.kill(signal)
  }

  /** @returns {Promise<string>} */
  async gone () {
    if (!this.fate) await new Promise((resolve) => this.#process.once('exit', resolve))
    return /** @type {string} */ (this.fate)
  }

  async stop () {
    if (this.fate) return
    const gone = this.gone()
    if (this.#process.connected) this.#process.disconnect()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), GOODBYE_MS)
    await gone
    clearTimeout(timer)
  }
}

/**
 * A title for the head of a column.
 *
 * @param {RowName} name
 */
export function shortTitleOf (name) {
  return rowOf(name).title.replace(/,.*/, '')
}

/**
 * @param {RowName} name
 * @param {{ name: string }} scenario
 */
export function takesPart (name, scenario) {
  return rowOf(name).scenarios?.includes(scenario.name) ?? true
}

export class Row extends Child {
  port = 0

  /**
   * @param {RowName} name
   * @param {string[]} [flags] of Node's
   * @param {string} [file]
   * @param {string[]} [args]
   */
  constructor (name, flags = [], file = rowOf(name).file, args = []) {
    super(file, flags, args, rowOf(name).runtime)
    this.name = name
    this.title = rowOf(name).title
    this.isValidated = rowOf(name).isValidated
    this.dialect = rowOf(name).dialect ?? 'plain'
  }

  async start () {
    this.port = await this.listen()
  }

  async readCpuUs () {
    const { user, system } = await this.ask({ name: 'cpu' })
    return user + system
  }
}

/**
 * @template T
 * @param {Row} row
 * @param {() => Promise<T>} step
 * @returns {Promise<T>}
 */
export async function blaming (row, step) {
  try {
    return await step()
  } catch (error) {
    await delay(200)        // a row that died is first noticed by its connections; let its exit code arrive
    throw new Error(`row '${row.name}': ${row.fate ?? /** @type {Error} */ (error).message}`)
  }
}
