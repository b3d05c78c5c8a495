import { hash } from 'node:crypto'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer, type ServerOptions } from 'ws'
import type { Upgrade } from './request.js'
import { offeredBy } from './subprotocol.js'

// RFC 9110 §7.6.1
const HOP_BY_HOP = /^(?:connection|upgrade|keep-alive|proxy-connection|te|trailer|transfer-encoding)$/i
// RFC 9110 §8, RFC 6455 §4.2.2: a 101 has no body, and the headers of the handshake are not the
// app's.
const OF_BODY_OR_HANDSHAKE = /^(?:content-(?:length|type|encoding)|sec-websocket-.+)$/i
const HEAD = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: '
// RFC 6455 §1.3
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** The options of `ws` with its defaults, as far as a WebSocket without extensions needs them. */
interface WsOptions {
  readonly WebSocket: new (address: null, protocols: undefined, options: object) => OpeningWebSocket
  readonly perMessageDeflate: object | boolean
  readonly handleProtocols: (offered: ReadonlySet<string>) => string | false
}

// upstream-private: ws WebSocket#setSocket, WebSocket#_protocol
/** A WebSocket of `ws` that has no stream yet. */
interface OpeningWebSocket extends WebSocket {
  _protocol: string
  setSocket: (stream: Duplex, head: Buffer, options: object) => void
}

/** Writes the 101 of one handshake after another, with further header lines in it. */
export class ProtocolSwitcher {
  readonly #server: WebSocketServer
  readonly #options: WsOptions
  #lines: readonly string[] = []
  #failure: Error | undefined = undefined

  constructor (options: ServerOptions & Pick<WsOptions, 'handleProtocols'>) {
    this.#server = new WebSocketServer({ ...options, noServer: true, clientTracking: false })
    this.#options = this.#server.options as unknown as WsOptions
    this.#server.on('headers', (headers: string[]) => void headers.push(...this.#lines))
    this.#server.on('wsClientError', (error: Error) => void (this.#failure = error))
  }

  /**
   * @param request - has a valid `Sec-WebSocket-Key` and a list of subprotocols, or none.
   * @returns why `ws` refuses the handshake: a bad offer of extensions, say. Undefined when the 101
   * is out, and when the client has left in this very turn.
   */
  switch (
    request: IncomingMessage,
    upgrade: Upgrade,
    lines: readonly string[],
    connected: (ws: WebSocket) => void
  ): Error | undefined {
    if (!this.#isPlain(request, upgrade.stream)) return this.#switchByWs(request, upgrade, lines, connected)
    connected(this.#open(request, upgrade, lines))
    return undefined
  }

  // Nothing to agree on but a subprotocol, on a stream that is whole and that nobody reads: what
  // `ws` would do is known, and done at half its cost.
  #isPlain ({ headers }: IncomingMessage, { readable, writable, readableFlowing }: Duplex): boolean {
    return readable && writable && readableFlowing === null && typeof (WebSocket.prototype as OpeningWebSocket).setSocket === 'function' &&
      (this.#options.perMessageDeflate === false || headers['sec-websocket-extensions'] === undefined)
  }

  #open (request: IncomingMessage, { stream, head }: Upgrade, lines: readonly string[]): WebSocket {
    const ws = new this.#options.WebSocket(null, undefined, this.#options)
    const offered = offeredBy(request)
    const subprotocol = offered.length > 0 && this.#options.handleProtocols(new Set(offered))
    let text = `${HEAD}${acceptOf(request)}\r\n`
    if (subprotocol !== false) {
      text += `Sec-WebSocket-Protocol: ${subprotocol}\r\n`
      ws._protocol = subprotocol
    }
    for (const line of lines) text += `${line}\r\n`
    stream.write(`${text}\r\n`)
    ws.setSocket(stream, head, this.#options)
    return ws
  }

  #switchByWs (
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

// RFC 6455 §4.2.2
function acceptOf ({ headers }: IncomingMessage): string {
  return hash('sha1', `${headers['sec-websocket-key']}${ACCEPT_GUID}`, 'base64')
}

/** The headers of a reply as lines of a 101, without those that are not the app's to set. */
export function headerLines (headers: OutgoingHttpHeaders): string[] {
  const sent = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.test(name) && !OF_BODY_OR_HANDSHAKE.test(name))
  return sent.flatMap(([name, value]) => [value].flat().map((item) => `${name}: ${item}`))
}
