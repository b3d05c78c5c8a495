import type { Duplex } from 'node:stream'
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { CloseCode, writeRetryAfter } from '../protocol.js'
import type { Unsettled } from './connection/activity.js'
import type { Connection } from './connection/connection.js'
import * as errors from './errors.js'
import type { Handshake } from './handshake/handshake.js'
import type { ShutdownSettings } from './options.js'

/** The parts that end when an app closes. */
export interface Ending {
  /** Under way: refused. */
  readonly handshakes: ReadonlySet<Handshake>
  /** Live: told to come back. */
  readonly connections: readonly Connection[]
  /** Gone, with something of the app's that still runs for them: waited for. */
  readonly unsettled: readonly Connection[]
  /** All there are, those of other routes' WebSockets included: cut when time is up. */
  readonly streams: ReadonlySet<Duplex>
  readonly log: FastifyBaseLogger
}

// The part of the time that is reserved for the close frames of connections whose handlers hang.
const CLOSING_PART = 5
const MAX_CLOSING_MS = 1000

/**
 * Lets handlers finish, closes every connection and waits until nothing of the app's runs
 * for any of them, but not for longer than `timeoutMs`. Only `close` handlers have a moment more:
 * those of connections that had to be cut run then.
 */
export async function shutDown (
  { handshakes, connections, unsettled, streams, log }: Ending,
  { timeoutMs, spreadMs }: ShutdownSettings
): Promise<void> {
  for (const handshake of handshakes) handshake.abort(new errors.Closing())
  const all = [...connections, ...unsettled]
  const closes = connections.map((connection) => new RestartClose(connection, spreadMs))
  const closingMs = Math.min(timeoutMs / CLOSING_PART, MAX_CLOSING_MS)
  const hurry = setTimeout(() => {
    for (const restart of closes) restart.send()
    for (const connection of all) connection.hurry(closingMs / 2)
  }, timeoutMs - closingMs)
  // Other routes' sockets have the rest of the time, but a process that has nothing else to do need
  // not stay for them.
  setTimeout(() => { for (const stream of streams) stream.destroy() }, timeoutMs).unref()
  const settled = Promise.all(all.map(async (connection) => await connection.activity.settled()))
  if (!await isWithin(timeoutMs, settled) && all.some(({ activity }) => activity.unsettled.close > 0)) {
    for (const connection of all) connection.hurry(0)
    await isWithin(closingMs, settled)
  }
  clearTimeout(hurry)
  reportUnsettled(all.filter(({ activity }) => !activity.isSettled), log)
}

async function isWithin (ms: number, settled: Promise<unknown>): Promise<boolean> {
  const controller = new AbortController()
  const late = delay(ms, false, { signal: controller.signal }).catch(() => false)
  const isSettled = await Promise.race([settled.then(() => true), late])
  controller.abort()
  return isSettled
}

// Work that still runs now goes on beside the end of the app: it is counted, and nothing more
// begins.
function reportUnsettled (connections: readonly Connection[], log: FastifyBaseLogger): void {
  if (connections.length === 0) return
  const counts: Record<keyof Unsettled, number> = { open: 0, handlers: 0, queued: 0, streams: 0, errorHandlers: 0, close: 0 }
  for (const connection of connections) {
    for (const [kind, count] of Object.entries(connection.activity.unsettled)) counts[kind as keyof Unsettled] += count as number
    connection.giveUp()
  }
  log.warn({ connections: connections.length, ...counts }, 'websocket shutdown: shutdown.timeoutMs is over, and this still runs')
}

/**
 * The reason of a close that spreads clients over the time after a restart. It is never 0 where
 * there is a spread: a client would take 0 for no advice.
 */
export function restartReason (spreadMs: number): string {
  return writeRetryAfter(Math.ceil(Math.random() * spreadMs))
}

/** The close of one connection: once its messages have been handled, or the time is over. */
class RestartClose {
  readonly #connection: Connection
  readonly #reason: string
  #isSent = false

  constructor (connection: Connection, spreadMs: number) {
    this.#connection = connection
    this.#reason = restartReason(spreadMs)
    void this.#sendWhenIdle()
  }

  send (): void {
    if (this.#isSent) return
    this.#isSent = true
    this.#connection.close(CloseCode.serviceRestart, this.#reason)
  }

  // Bytes that have arrived, but were not read, are read within a turn.
  async #sendWhenIdle (): Promise<void> {
    do {
      await turn()
      await this.#connection.activity.idle()
      await turn()
    } while (!this.#connection.activity.isIdle)
    this.send()
  }
}
