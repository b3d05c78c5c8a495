import type { ClientOptions, WebSocketLike } from '../../types/client.js'
import { PING, REFUSAL } from '../protocol.js'
import { after, type Timer } from '../timer.js'

/** What one connection tells of itself. Once it is down it says nothing more. */
export interface ConnectionOwner {
  /** Says it now or never. */
  say (type: string): void
  up (): void
  /** @param code - default 1006: nobody said. */
  down (code?: number, reason?: string): void
  received (data: string | ArrayBuffer): void
  /** An attempt failed for a reason that no close code says. */
  failed (error: unknown): void
}

/**
 * One WebSocket from its first attempt to its end, whether that is a close, a refusal or silence.
 */
export interface Connection {
  readonly ws: WebSocketLike
  /** Asks for a sign of life, unless it was asked already. */
  probe (): void
  /** Ends it without another word to its owner. */
  close (code?: number, reason?: string): void
}

export function linkOf (ws: WebSocketLike, owner: ConnectionOwner, heartbeat: ClientOptions['heartbeat'] = {}): Connection {
  const { intervalMs = 10_000, timeoutMs = 5000 } = heartbeat || { intervalMs: Infinity }
  let timer: Timer | undefined
  let lastMs = 0
  let isAsked = false

  // One timer, set anew when it fires and not for each message. A clock that was set back tells
  // nothing: better ask.
  const rest = (): void => {
    const leftMs = intervalMs - (Date.now() - lastMs)
    if (leftMs > 0 && leftMs <= intervalMs) timer = after(leftMs, rest, timer)
    else ask()
  }

  const ask = (isAgain = false): void => {
    const askedMs = Date.now()
    isAsked = true
    // Answered at once by whoever lives.
    owner.say(PING)
    timer = after(timeoutMs, () => {
      if (!isAsked) rest()
      // Fired late: the page was asleep, and what has arrived since is not read yet.
      else if (!isAgain && Date.now() - askedMs > 2 * timeoutMs) ask(true)
      // Taken for dead. A closing handshake with nobody would take minutes.
      else owner.down()
    }, timer)
  }

  ws.binaryType = 'arraybuffer'
  ws.onopen = () => {
    // Its close says why.
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
  // Deno says 0 of a connection that broke.
  ws.onclose = ({ code, reason }: { readonly code: number, readonly reason: string }) => owner.down(code || undefined, reason)
  // A browser says no more than the close does; `ws` and other programs say why.
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
      ws.onopen = ws.onmessage = ws.onclose = null
      // Without a listener Node takes an error for a fault.
      ws.onerror = () => {}
    }
  }
}
