import type { ClientOptions, WebSocketLike } from '../../types/client.js'
import { PING, REFUSAL } from '../protocol.js'
import { after, type Timer } from '../timer.js'

/** Receives the events of one connection. After `down` there is none. */
export interface ConnectionOwner {
  /** Sends a message now, or never. */
  sendReserved (type: string): void
  up (): void
  /** @param code - default 1006: the connection broke. */
  down (code?: number, reason?: string): void
  received (data: string | ArrayBuffer): void
  /** An attempt failed for a reason that no close code says. */
  failed (error: unknown): void
}

/** One WebSocket from its attempt to its end: a close, a refusal or silence. */
export interface Connection {
  readonly ws: WebSocketLike
  /** Asks the server for a sign of life, unless it was asked already. */
  probe (): void
  /** Closes the connection, without an event for its owner. */
  close (code?: number, reason?: string): void
}

export function openConnection (ws: WebSocketLike, owner: ConnectionOwner, heartbeat: ClientOptions['heartbeat'] = {}): Connection {
  const { intervalMs = 10_000, timeoutMs = 5000 } = heartbeat || { intervalMs: Infinity }
  let timer: Timer | undefined
  let lastMs = 0
  let isAsked = false

  // One timer, set anew when it fires and not for each message. A clock that was set back cannot
  // tell how long the server was silent: then the server is asked.
  const rest = (): void => {
    const leftMs = intervalMs - (Date.now() - lastMs)
    if (leftMs > 0 && leftMs <= intervalMs) timer = after(leftMs, rest, timer)
    else ask()
  }

  const ask = (isAgain = false): void => {
    const askedMs = Date.now()
    isAsked = true
    // A server that lives answers at once.
    owner.sendReserved(PING)
    timer = after(timeoutMs, () => {
      if (!isAsked) rest()
      // The timer is late: the page was asleep, and messages that have arrived since are not read
      // yet.
      else if (!isAgain && Date.now() - askedMs > 2 * timeoutMs) ask(true)
      // The server is taken for dead: a closing handshake without an answer would take minutes.
      else owner.down()
    }, timer)
  }

  ws.binaryType = 'arraybuffer'
  ws.onopen = () => {
    // The close that follows says why.
    if (ws.protocol === REFUSAL) return
    lastMs = Date.now()
    rest()
    owner.up()
  }
  ws.onmessage = ({ data }: { readonly data: string | ArrayBuffer }) => {
    lastMs = Date.now()
    isAsked = false
    owner.received(data)
  }
  // Deno has code 0 for a connection that broke.
  ws.onclose = ({ code, reason }: { readonly code: number, readonly reason: string }) => owner.down(code || undefined, reason)
  // The error of a browser says no more than its close; that of `ws` and other programs gives a
  // cause.
  ws.onerror = ({ error, message }: { readonly error?: unknown, readonly message?: string }) => {
    if (error ?? message) owner.failed(error ?? new Error(message))
  }

  return {
    ws,
    probe () {
      if (heartbeat && !isAsked) ask()
    },
    close (code, reason) {
      ws.close(code, reason)
      clearTimeout(timer)
      // Without a listener an error of `ws` would end the process.
      ws.onopen = ws.onmessage = ws.onclose = ws.onerror = () => {}
    }
  }
}
