import { IncomingMessage, STATUS_CODES, type Server, type ServerResponse } from 'node:http'
import { finished, type Duplex } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import * as errors from '../errors.js'
import { dispatcherOf, give, handOver, listenersOf, type UpgradeListener } from './hand-over.js'
import { countRequest } from './request-count.js'
import { kUpgrades, kUpgrade } from '../symbols.js'

/** What the gate asks of the plugin. */
export interface UpgradeHost {
  readonly isClosing: boolean
  readonly log: FastifyBaseLogger
  readonly settings: { readonly handshakeTimeoutMs: number }
  /** Where the gate notes every socket it let through, until it is closed. */
  readonly sockets: Set<Duplex>
}

/** An upgrade that may become a WebSocket: its socket, and the bytes that came with the handshake. */
export interface Upgrade {
  readonly socket: Duplex
  readonly head: Buffer
  /** Gives it to the other listeners of the server; false when there is none. */
  handOver (): boolean
}

/** A raw request, which carries its upgrade once the gate let it through. */
export type UpgradeRequest = IncomingMessage & { [kUpgrade]?: Upgrade }

/** A socket of Node's HTTP, which knows the response that is being written to it. */
type HttpSocket = Duplex & { _httpMessage?: ServerResponse | null }
type Values = [request: UpgradeRequest, socket: HttpSocket, head: Buffer]
type Emit = (name: string | symbol, ...values: unknown[]) => boolean
type Refusal = InstanceType<typeof errors.InvalidHandshake>

/** How long a refused client may take to read why. */
const LINGER_MS = 1000
const VERSION = '13'
// RFC 6455 §4.2.1: 16 bytes in base64.
const KEY = /^[+/0-9A-Za-z]{22}==$/
// RFC 6455 §4.1: one or more RFC 9110 tokens, each once.
const TOKEN_LIST = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*$/
// RFC 9110 §7.8, RFC 7540 §3.2.1: what asks for another protocol, hop by hop.
const UPGRADE_HEADERS = new Set(['upgrade', 'http2-settings'])
// Node's own, where a server has no maxHeadersCount.
const MAX_HEADERS = 1000
const NOTHING = Buffer.alloc(0)

/** A server with a gate, and what stands behind it. */
interface Gate {
  readonly server: Server
  readonly keeper: UpgradeHost
  /** Routes an upgrade through Fastify. */
  readonly dispatcher: UpgradeListener
  /** Our own listener, which does nothing. */
  readonly placeholder: UpgradeListener
}

/**
 * Stands in front of a server's 'upgrade' event, whoever listens to it now or later. Decides what
 * may become a WebSocket at all, and whose it is: a WebSocket route's of the app, else the other
 * listeners', when there are some.
 * @returns what takes the gate away.
 * @throws FST_TYPED_WS_DUPLICATE_PLUGIN, FST_TYPED_WS_INVALID_OPTION
 */
export function interceptUpgrades (server: Server & { [kUpgrades]?: true }, keeper: UpgradeHost): () => void {
  if (server[kUpgrades] === true) throw new errors.DuplicatePlugin()
  const dispatcher = dispatcherOf(server)
  if (dispatcher === undefined) {
    throw new errors.InvalidOption('server', 'of the app\'s @fastify/websocket makes it listen to another server than the app\'s own: leave it out')
  }
  // Node lets upgrades through only to listeners; @fastify/websocket stops before the server does.
  const placeholder = (): void => {}
  const gate: Gate = { server, keeper, dispatcher, placeholder }
  const restore = replaceEmit(server, (emit) => (name, ...values) => {
    if (name === 'upgrade') {
      onUpgrade(gate, ...values as Values)
      return true
    }
    if (name === 'request') countRequest(server, ...values as [IncomingMessage, ServerResponse])
    return emit(name, ...values)
  })
  server[kUpgrades] = true
  server.on('upgrade', placeholder)
  return () => {
    delete server[kUpgrades]
    server.off('upgrade', placeholder)
    restore()
  }
}

// upstream-private: Fastify 5 opens a further server for each address of `localhost` beside the
// first, and binds it to this method for ever. An upgrade that comes that way once the gate is gone
// has no listener.
function replaceEmit (server: Server, replace: (emit: Emit) => Emit): () => void {
  const own = Object.getOwnPropertyDescriptor(server, 'emit')
  const original: Emit = server.emit.bind(server)
  let current = replace(original)
  const emit = (...values: Parameters<Emit>): boolean => current(...values)
  server.emit = emit
  return () => {
    current = (name, ...values) => original(name, ...values) || (name === 'upgrade' && destroyed(values[1] as Duplex))
    if (server.emit !== emit) return
    if (own === undefined) delete (server as Partial<Server>).emit
    else Object.defineProperty(server, 'emit', own)
  }
}

function destroyed (socket: Duplex): true {
  socket.destroy()
  return true
}

function onUpgrade (gate: Gate, ...[request, socket, first]: Values): void {
  const { server, keeper, dispatcher } = gate
  // Even Node's empty one keeps the text of the whole request.
  const head = first.length === 0 ? NOTHING : first
  if (isAnswering(socket)) return void socket.destroy()
  if (!isWebSocket(request)) return handBackToHttp(server, request, socket, head)
  const refusal = keeper.isClosing ? new errors.Closing() : faultOf(request)
  if (refusal !== undefined) return refuse(socket, refusal, keeper.log)
  if (isInjected(request)) complete(request, socket)
  keeper.sockets.add(socket)
  socket.once('close', () => keeper.sockets.delete(socket))
  request[kUpgrade] = { socket, head, handOver: () => handOverFrom(gate, request, socket, head) }
  void give(server, dispatcher, [request, socket, head], keeper.log)
  closeAfterAnswer(request, socket)
}

function handOverFrom ({ server, keeper: { log, settings }, dispatcher, placeholder }: Gate, ...[request, socket, head]: Values): boolean {
  const others = listenersOf(server).filter((listener) => listener !== dispatcher && listener !== placeholder)
  if (others.length === 0) return false
  delete request[kUpgrade]
  handOver(server, others, [request, socket, head], { log, timeoutMs: settings.handshakeTimeoutMs })
  return true
}

// A request in front of this one still waits for its response on the same socket, and would be mixed up with the handshake.
function isAnswering (socket: HttpSocket): boolean {
  return socket._httpMessage != null
}

// injectWS makes a plain object.
function isInjected (request: object): boolean {
  return !(request instanceof IncomingMessage)
}

// It has no socket of its own, and the one it comes with would not close by itself once both sides have ended.
function complete (request: { socket?: Duplex }, socket: Duplex): void {
  request.socket ??= socket
  finished(socket, () => socket.destroy())
}

// RFC 6455 §4.1: a GET; anything else is not meant for us.
function isWebSocket (request: IncomingMessage): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket'
}

/** RFC 6455 §4.2.1 */
function faultOf (request: IncomingMessage): Refusal | undefined {
  const { headers } = request
  if (!isInjected(request)) {
    if (request.httpVersion !== '1.1') return new errors.InvalidHandshake('it takes HTTP/1.1')
    if (countOf('host', request) !== 1) return new errors.InvalidHandshake('it takes one Host')
  }
  // What follows would be taken for frames.
  if (hasBody(request)) return new errors.InvalidHandshake('it has no body')
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return new errors.InvalidHandshake('it takes one Sec-WebSocket-Key of 16 bytes in base64')
  if (String(headers['sec-websocket-version']) !== VERSION) return new errors.UnsupportedVersion()
  const protocols = headers['sec-websocket-protocol']
  if (protocols !== undefined && !isTokenList(protocols)) return new errors.InvalidHandshake('Sec-WebSocket-Protocol is a list of different tokens')
  return undefined
}

// RFC 9112 §6.3
function hasBody ({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
}

function isTokenList (value: string): boolean {
  if (!TOKEN_LIST.test(value)) return false
  const tokens = value.split(',').map((token) => token.trim())
  return new Set(tokens).size === tokens.length
}

function countOf (name: string, request: IncomingMessage): number {
  return headerPairs(request).filter(([key]) => key.toLowerCase() === name).length
}

function headerPairs ({ rawHeaders }: IncomingMessage): Array<[string, string]> {
  return Array.from({ length: rawHeaders.length / 2 }, (_, index) => [rawHeaders[2 * index]!, rawHeaders[2 * index + 1]!])
}

/**
 * RFC 9110 §7.8: a server may ignore Upgrade. Node's HTTP parser has let go of the socket by now; it gets the request again, without what asked for
 * another protocol.
 */
function handBackToHttp (server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const pairs = headerPairs(request)
  // Node drops the headers above its limit, one of which may say where the body ends.
  if (pairs.length >= (server.maxHeadersCount || MAX_HEADERS)) return void socket.destroy()
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`, ...pairs.flatMap(lineWithoutUpgrade)]
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
}

function lineWithoutUpgrade ([name, value]: [string, string]): string[] {
  const isForUpgrade = (word: string): boolean => UPGRADE_HEADERS.has(word.toLowerCase())
  if (isForUpgrade(name)) return []
  if (name.toLowerCase() !== 'connection') return [`${name}: ${value}`]
  const options = value.split(',').map((option) => option.trim()).filter((option) => !isForUpgrade(option))
  return options.length === 0 ? [] : [`${name}: ${options.join(', ')}`]
}

function refuse (socket: Duplex, error: Refusal, log: FastifyBaseLogger): void {
  log.info({ err: error }, 'websocket handshake refused')
  const { statusCode, code, message } = error
  const body = JSON.stringify({ statusCode, code, error: STATUS_CODES[statusCode], message })
  const headers = [
    `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`
  ]
  // RFC 9110 §7.8: whoever sends Upgrade says so in Connection.
  if (statusCode === 426) headers.push('Connection: close, upgrade', 'Upgrade: websocket', `Sec-WebSocket-Version: ${VERSION}`)
  else headers.push('Connection: close')
  if (statusCode === 503) headers.push('Retry-After: 1')
  socket.on('error', () => socket.destroy())
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`)
  linger(socket)
}

// Node's HTTP parser no longer reads from this socket: what follows on it is not a second request.
function closeAfterAnswer (request: UpgradeRequest, socket: HttpSocket): void {
  const response = request[kUpgrade] && socket._httpMessage
  response?.once('finish', () => {
    // After a 101 the response is no longer the socket's.
    if (response.socket !== socket) return
    socket.end()
    linger(socket)
  })
}

// Lets a client read its refusal, whatever it has sent meanwhile: closing at once could cost it the answer.
function linger (socket: Duplex): void {
  destroyAfter(socket)
  socket.resume()
}

/** Frees a socket, whatever its client does. */
export function destroyAfter (socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}
