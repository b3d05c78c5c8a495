import { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { InvalidHandshake, UnsupportedVersion } from '../errors.js'
import type { kUpgrade } from '../symbols.js'
import { isSubprotocolList } from './subprotocol.js'

/** An upgrade that may become a WebSocket: its stream, and the bytes behind the handshake. */
export interface Upgrade {
  readonly stream: Duplex
  readonly head: Buffer
  /** Gives the stream to the other listeners of the server; false when there is none. */
  handOver (): boolean
}

/** A raw request. It carries its upgrade once `interceptUpgrades` has let it through. */
export type UpgradeRequest = IncomingMessage & { [kUpgrade]?: Upgrade }

export type HandshakeFault = InstanceType<typeof InvalidHandshake>

export const VERSION = '13'
// RFC 6455 §4.2.1: 16 bytes in base64.
const KEY = /^[+/0-9A-Za-z]{22}==$/

/** RFC 6455 §4.1: a GET with `Upgrade: websocket`. Any other upgrade is for another protocol. */
export function isWebSocket (request: IncomingMessage): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket'
}

/** True for the plain object that `injectWS` of `@fastify/websocket` makes. */
export function isInjected (request: object): boolean {
  // upstream-private: @fastify/websocket injectWS
  return !(request instanceof IncomingMessage)
}

/** The fault of a handshake by RFC 6455 §4.2.1, or undefined. */
export function faultOf (request: IncomingMessage): HandshakeFault | undefined {
  return connectionFaultOf(request) ?? headerFaultOf(request)
}

function connectionFaultOf (request: IncomingMessage): HandshakeFault | undefined {
  if (isInjected(request)) return undefined
  if (request.httpVersion !== '1.1') return new InvalidHandshake('it takes HTTP/1.1')
  if (countOf('host', request) !== 1) return new InvalidHandshake('it takes one Host')
  return undefined
}

function headerFaultOf (request: IncomingMessage): HandshakeFault | undefined {
  const { headers } = request
  // The bytes of a body would be taken for frames.
  if (hasBody(request)) return new InvalidHandshake('it has no body')
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return new InvalidHandshake('it takes one Sec-WebSocket-Key of 16 bytes in base64')
  if (String(headers['sec-websocket-version']) !== VERSION) return new UnsupportedVersion()
  const offer = headers['sec-websocket-protocol']
  if (offer === undefined || isSubprotocolList(offer)) return undefined
  return new InvalidHandshake('Sec-WebSocket-Protocol is a list of different tokens')
}

// RFC 9112 §6.3
function hasBody ({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
}

function countOf (name: string, { rawHeaders }: IncomingMessage): number {
  let count = 0
  for (let n = 0; n < rawHeaders.length; n += 2) if (isNamed(rawHeaders[n]!, name)) count++
  return count
}

/** True for the name of a header, in any case, by a name in small letters. */
export function isNamed (sent: string, name: string): boolean {
  return sent.length === name.length && sent.toLowerCase() === name
}

/** The headers of a request as they were sent. */
export function headerPairs ({ rawHeaders }: IncomingMessage): Array<[name: string, value: string]> {
  return Array.from({ length: rawHeaders.length / 2 }, (_, index) => [rawHeaders[2 * index]!, rawHeaders[2 * index + 1]!])
}
