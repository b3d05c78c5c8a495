import type { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { CloseCode } from '../protocol.js'
import type { Connection } from './connection.js'
import * as errors from './errors.js'
import type { Handshake } from './handshake.js'
import type { ShutdownSettings } from './options.js'

/** What ends when an app closes. */
export interface Ending {
  /** Under way: refused. */
  readonly handshakes: ReadonlySet<Handshake>
  /** Live: told to come back. */
  readonly connections: readonly Connection[]
  /** All there are, those of other routes' WebSockets included: cut when time is up. */
  readonly sockets: ReadonlySet<Duplex>
}

// What is kept of the time for the goodbyes of those whose handlers do not end.
const GOODBYE_PART = 5
const MAX_GOODBYE_MS = 1000

/** Lets handlers finish, says goodbye to every connection and waits for the answers, but not for longer than `timeoutMs`. */
export async function shutDown ({ handshakes, connections, sockets }: Ending, { timeoutMs, spreadMs }: ShutdownSettings): Promise<void> {
  for (const handshake of handshakes) handshake.expire(new errors.Closing())
  const goodbyes = connections.map((connection) => new Goodbye(connection, spreadMs))
  const hurry = setTimeout(() => { for (const goodbye of goodbyes) goodbye.say() }, timeoutMs - Math.min(timeoutMs / GOODBYE_PART, MAX_GOODBYE_MS))
  const patience = setTimeout(() => { for (const socket of sockets) socket.destroy() }, timeoutMs)
  await Promise.all(goodbyes.map((goodbye) => goodbye.said))
  clearTimeout(hurry)
  // Other routes' sockets have the rest of the time, but a process that has nothing else to do need not stay for them.
  patience.unref()
}

/** What one peer is told, once everything it said has been handled or there is no more time for that. */
class Goodbye {
  /** Resolves when the connection has ended. */
  readonly said: Promise<void>
  readonly #connection: Connection
  readonly #reason: string
  #isSaid = false

  constructor (connection: Connection, spreadMs: number) {
    this.#connection = connection
    // Never 0 where there is a spread: to a client that says nothing.
    this.#reason = `retry-after-ms=${Math.ceil(Math.random() * spreadMs)}`
    this.said = new Promise((resolve) => { connection.raw.once('close', resolve) })
    void this.#sayWhenIdle()
  }

  say (): void {
    if (this.#isSaid) return
    this.#isSaid = true
    this.#connection.close(CloseCode.serviceRestart, this.#reason)
  }

  // What had arrived already, but was not read, is read within a turn.
  async #sayWhenIdle (): Promise<void> {
    do {
      await turn()
      await this.#connection.idle()
      await turn()
    } while (!this.#connection.isIdle)
    this.say()
  }
}
