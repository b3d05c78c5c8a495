import type { WebSocket } from 'ws'
import { Connection } from './connection.js'
import { Fault, Inbox } from './inbox.js'

/** The parts of the protocol: a client that has not all of them leaves out their cases. */
export type Group =
  | 'events' | 'calls' | 'streams' | 'server-calls' | 'binary' | 'reconnecting' | 'refusals' | 'heartbeat' | 'recovery'

/** The answer to a handshake: a subprotocol that is chosen, or the status of a refusal. */
export type HandshakeAnswer = 'conformance.v1' | 'typed-ws.refusal' | 503

/** One case: what the server does, what a right client does, and how that is judged. */
export interface Case {
  readonly name: string
  readonly group: Group
  readonly server: string
  readonly client: string
  readonly judged: string
  /** Plays it; throws a `Fault` where the client is wrong. */
  readonly play: (trial: Trial) => Promise<void>
  /** @param n - 0 for the first handshake. Default: the contract's name. */
  readonly handshake?: (n: number) => HandshakeAnswer
}

export interface Verdict {
  readonly verdict: 'passed' | 'failed'
  readonly reason?: string
}

// The clocks of two machines, and timers that round.
const TOLERANCE_MS = 10
const MAX_REASON_BYTES = 123

/** A fault as the reason of a close, which has no room for more. */
function reasonOf (fault = ''): string {
  let reason = fault
  while (Buffer.byteLength(reason) > MAX_REASON_BYTES) reason = reason.slice(0, -1)
  return reason
}

/** One client in one case, over all its connections. */
export class Trial {
  readonly #case: Case
  readonly #limitMs: number
  readonly #connections = new Inbox<Connection>()
  readonly #over: Promise<void>
  #handshakes = 0
  #last: Connection | undefined
  #awaited = ''
  #isOver = false
  #fault: string | undefined

  constructor (case_: Case, limitMs: number) {
    this.#case = case_
    this.#limitMs = limitMs
    this.#over = this.#play()
  }

  /** The answer to the next handshake of the client. */
  handshake (): HandshakeAnswer {
    return this.#case.handshake?.(this.#handshakes++) ?? 'conformance.v1'
  }

  /** Takes a connection that has opened. */
  take (ws: WebSocket, offered: readonly string[], askedMs: number): void {
    const connection = new Connection(ws, offered, askedMs, (what, promise) => this.#within(what, promise))
    if (this.#isOver) {
      this.#fault ??= 'the client came back, where it had to stay closed'
      return connection.close(1000, reasonOf(this.#fault))
    }
    this.#last = connection
    this.#connections.push(connection)
  }

  /** The first connection. */
  async connects (): Promise<Connection> {
    const connection = await this.#within('a connection', this.#connections.next())
    if (!connection.offered.includes('conformance.v1')) {
      throw new Fault(`wanted the subprotocol conformance.v1, was offered ${connection.offered.join() || 'none'}`)
    }
    return connection
  }

  /** The next connection, after one that has ended. */
  async comesBack (ended: Connection, noSoonerThanMs = 0): Promise<Connection> {
    const connection = await this.#within('the client to come back', this.#connections.next())
    const waitedMs = connection.askedMs - ended.endedMs
    if (waitedMs < noSoonerThanMs - TOLERANCE_MS) {
      throw new Fault(`the client came back after ${Math.round(waitedMs)} ms, not after ${noSoonerThanMs}`)
    }
    return connection
  }

  /** @returns the verdict; while the client is still connected, once it is found. */
  async verdict (): Promise<Verdict> {
    if (this.#last?.isGone === false) await this.#over
    if (!this.#isOver) return { verdict: 'failed', reason: `waited for ${this.#awaited}` }
    return this.#fault === undefined ? { verdict: 'passed' } : { verdict: 'failed', reason: this.#fault }
  }

  async #play (): Promise<void> {
    try {
      await this.#case.play(this)
      if (this.#last?.isOpen === true) await this.#last.settle()
    } catch (error) {
      this.#fault = (error as Error).message
    }
    this.#isOver = true
    if (this.#last?.isOpen === true) this.#last.close(1000, reasonOf(this.#fault))
  }

  async #within<T> (what: string, promise: Promise<T>): Promise<T> {
    this.#awaited = what
    let timer: NodeJS.Timeout | undefined
    const expired = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Fault(`waited ${this.#limitMs} ms for ${what}`)), this.#limitMs)
      // A client that does not come any more is no reason to stay.
      timer.unref()
    })
    return await Promise.race([promise, expired]).finally(() => clearTimeout(timer))
  }
}
