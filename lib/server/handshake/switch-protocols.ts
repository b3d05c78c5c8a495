import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import type { Upgrade } from './request.js'

// RFC 9110 §7.6.1
const HOP_BY_HOP = /^(?:connection|upgrade|keep-alive|proxy-connection|te|trailer|transfer-encoding)$/i
// RFC 9110 §8, RFC 6455 §4.2.2: a 101 has no body, and ws writes the headers of the handshake.
const OF_BODY_OR_WS = /^(?:content-(?:length|type|encoding)|sec-websocket-.+)$/i

/** Lets `ws` write the 101 of one handshake after another, with further header lines in it. */
export class ProtocolSwitcher {
  readonly #server: WebSocketServer
  #lines: readonly string[] = []
  #failure: Error | undefined = undefined

  constructor (options: ServerOptions) {
    this.#server = new WebSocketServer({ ...options, noServer: true, clientTracking: false })
    this.#server.on('headers', (headers: string[]) => void headers.push(...this.#lines))
    this.#server.on('wsClientError', (error: Error) => void (this.#failure = error))
  }

  /**
   * @returns why `ws` refuses the handshake: a bad offer of extensions, say. Undefined when the 101
   * is out, and when the client has left in this very turn.
   */
  switch (
    request: IncomingMessage,
    { stream, head }: Upgrade,
    lines: readonly string[],
    connected: (ws: WebSocket) => void
  ): Error | undefined {
    this.#lines = lines
    this.#failure = undefined
    // The failure is that of this handshake: one whose 101 is out may have begun another.
    let isSwitched = false
    this.#server.handleUpgrade(request, stream, head, (ws) => {
      isSwitched = true
      connected(ws)
    })
    return isSwitched ? undefined : this.#failure
  }
}

/** The headers of a reply as lines of a 101, without those that are not the app's to set. */
export function headerLines (headers: OutgoingHttpHeaders): string[] {
  const sent = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.test(name) && !OF_BODY_OR_WS.test(name))
  return sent.flatMap(([name, value]) => [value].flat().map((item) => `${name}: ${item}`))
}
