import type { Duplex } from 'node:stream'
import { CloseCode } from '../protocol.js'
import type { Connection } from './connection.js'
import * as errors from './errors.js'
import type { Handshake } from './handshake.js'

/** What ends when an app closes. */
export interface Ending {
  /** Under way: refused. */
  readonly handshakes: ReadonlySet<Handshake>
  /** Live: told to come back. */
  readonly connections: readonly Connection[]
  /** All there are, those of other routes' WebSockets included: cut when time is up. */
  readonly sockets: ReadonlySet<Duplex>
}

/** Says goodbye to every connection and waits for the answers, but not for longer than `timeoutMs`. */
export async function shutDown ({ handshakes, connections, sockets }: Ending, timeoutMs: number): Promise<void> {
  for (const handshake of handshakes) handshake.expire(new errors.Closing())
  const patience = setTimeout(() => { for (const socket of sockets) socket.destroy() }, timeoutMs)
  await Promise.all(connections.map(sayGoodbye))
  // Other routes' sockets have the rest of the time, but a process that has nothing else to do need not stay for them.
  patience.unref()
}

async function sayGoodbye (connection: Connection): Promise<void> {
  await new Promise((resolve) => {
    connection.raw.once('close', resolve)
    connection.close(CloseCode.serviceRestart, 'retry-after-ms=0')
  })
}
