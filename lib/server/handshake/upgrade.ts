import { AsyncResource } from 'node:async_hooks'
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import { finished, type Duplex } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import * as errors from '../errors.js'
import { kUpgrade, kUpgrades } from '../symbols.js'
import { later } from '../turn.js'
import { countRequest, handBackToHttp } from './hand-back.js'
import { callListener, dispatcherOf, handOver, listenersOf, type UpgradeListener } from './hand-over.js'
import { faultOf, isInjected, isWebSocket, VERSION, type HandshakeFault, type Upgrade, type UpgradeRequest } from './request.js'
import { destroyAfter, CLOSE_AFTER_MS, responseOn } from './stream.js'

/** The plugin, as far as its upgrades need it. */
export interface UpgradeHost {
  readonly isClosing: boolean
  readonly log: FastifyBaseLogger
  readonly settings: { readonly handshakeTimeoutMs: number }
  /** Streams that were let through, until they are closed. */
  readonly streams: Set<Duplex>
}

/** A server whose upgrades are intercepted, and the listeners of them. */
interface Interception {
  readonly server: Server
  readonly host: UpgradeHost
  /** Routes an upgrade through Fastify. */
  readonly dispatcher: UpgradeListener
  /** Our own listener, which does nothing. */
  readonly placeholder: UpgradeListener
  /** Listens to the end of each stream. */
  readonly forget: (this: Duplex) => void
}

type Values = [request: UpgradeRequest, stream: Duplex, head: Buffer]
type Emit = (name: string | symbol, ...values: unknown[]) => boolean

// The time of handshakes after which no further one begins in a turn of the event loop. It is
// counted over all turns until then: a timer for each turn would cost more.
const HANDSHAKES_MS = 0.5
// The time of a later turn for those that wait, however much other work there is.
const WAITING_HANDSHAKES_MS = 0.25

const NOTHING = Buffer.alloc(0)
let takenMs = 0
let waiting = 0

/**
 * Takes the 'upgrade' events of a server before any listener, added before or later, gets them.
 * Refuses what cannot become a WebSocket. The rest goes to the app's WebSocket routes, or to the
 * other listeners when no route has its path.
 * @returns a function that ends the interception.
 * @throws FST_TYPED_WS_DUPLICATE_PLUGIN, FST_TYPED_WS_INVALID_OPTION
 */
export function interceptUpgrades (server: Server & { [kUpgrades]?: true }, host: UpgradeHost): () => void {
  if (server[kUpgrades] === true) throw new errors.DuplicatePlugin()
  const dispatcher = dispatcherOf(server)
  if (dispatcher === undefined) {
    const advice = 'makes it listen to another server than the app\'s own: leave it out'
    throw new errors.InvalidOption('server', `of the app's @fastify/websocket ${advice}`)
  }
  // Node lets upgrades through to listeners only, and @fastify/websocket removes its own before
  // the server has closed.
  const placeholder = (): void => {}
  const forget = function (this: Duplex): void { host.streams.delete(this) }
  const restore = replaceEmit(server, emitterOf({ server, host, dispatcher, placeholder, forget }))
  server[kUpgrades] = true
  server.on('upgrade', placeholder)
  return () => {
    delete server[kUpgrades]
    server.off('upgrade', placeholder)
    restore()
  }
}

function emitterOf (interception: Interception): (emit: Emit) => Emit {
  return (emit) => (name, ...values) => {
    if (name === 'upgrade') {
      onUpgrade(interception, ...values as Values)
      return true
    }
    if (name === 'request') countRequest(interception.server, ...values as [IncomingMessage, ServerResponse])
    return emit(name, ...values)
  }
}

// upstream-private: node Server#emit
// Fastify opens a further server for each address of `localhost` and binds it to this method for
// ever. An upgrade that comes that way after the interception has no listener.
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

function destroyed (stream: Duplex): true {
  stream.destroy()
  return true
}

function onUpgrade (interception: Interception, ...[request, stream, first]: Values): void {
  const { server, host } = interception
  // Even Node's empty Buffer keeps the text of the whole request in memory.
  const head = first.length === 0 ? NOTHING : first
  // The response to a request in front of this one would be mixed up with the handshake.
  if (responseOn(stream) != null) return void stream.destroy()
  if (!isWebSocket(request)) return handBackToHttp(server, request, stream, head)
  if (isInjected(request)) complete(request, stream)
  host.streams.add(stream)
  stream.on('close', interception.forget)
  inTurn(stream, () => {
    const fault = host.isClosing ? new errors.Closing() : faultOf(request)
    if (fault === undefined) dispatch(interception, request, stream, head)
    else refuse(stream, fault, host.log)
  })
}

// Clients that all come back at once, after a restart, must not hold up the messages of those that
// are here: only some handshakes begin in one turn of the event loop.
function inTurn (stream: Duplex, begin: () => void): void {
  if (waiting === 0 && takenMs < HANDSHAKES_MS) return beginTimed(begin)
  waiting++
  const destroy = (): void => { stream.destroy() }
  stream.on('error', destroy)
  const context = new AsyncResource('fastify-typed-ws')
  later(() => {
    waiting--
    stream.off('error', destroy)
    if (!stream.destroyed) context.runInAsyncScope(beginTimed, undefined, begin)
  }, WAITING_HANDSHAKES_MS)
}

function beginTimed (begin: () => void): void {
  const beganMs = performance.now()
  begin()
  const isShort = takenMs < HANDSHAKES_MS
  takenMs += performance.now() - beganMs
  if (isShort && takenMs >= HANDSHAKES_MS) setImmediate(endTurn)
}

function endTurn (): void {
  takenMs = 0
}

function dispatch (interception: Interception, ...[request, stream, head]: Values): void {
  const { server, host, dispatcher } = interception
  request[kUpgrade] = new InterceptedUpgrade(interception, request, stream, head)
  callListener(server, dispatcher, [request, stream, head], host.log)
  closeAfterAnswer(request, stream)
}

// An object without a closure: it lives as long as the request, which a connection keeps.
class InterceptedUpgrade implements Upgrade {
  readonly #interception: Interception
  readonly #request: UpgradeRequest
  readonly stream: Duplex
  readonly head: Buffer

  constructor (interception: Interception, request: UpgradeRequest, stream: Duplex, head: Buffer) {
    this.#interception = interception
    this.#request = request
    this.stream = stream
    this.head = head
  }

  handOver (): boolean {
    const { server, host: { log, settings }, dispatcher, placeholder } = this.#interception
    const others = listenersOf(server).filter((listener) => listener !== dispatcher && listener !== placeholder)
    if (others.length === 0) return false
    const request = this.#request
    delete request[kUpgrade]
    handOver(server, others, [request, this.stream, this.head], { log, timeoutMs: settings.handshakeTimeoutMs })
    return true
  }
}

// An injected request has no stream of its own, and the one it comes with would not close by
// itself when both sides have ended.
function complete (request: { socket?: Duplex }, stream: Duplex): void {
  request.socket ??= stream
  finished(stream, () => stream.destroy())
}

// Answers before Fastify has seen the request: it is not one that a route could answer.
function refuse (stream: Duplex, fault: HandshakeFault, log: FastifyBaseLogger): void {
  log.info({ err: fault }, 'websocket handshake refused')
  const body = bodyOf(fault)
  stream.on('error', () => stream.destroy())
  stream.end(`${[...headOf(fault), `Content-Length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`)
  closeSoon(stream)
}

function bodyOf ({ statusCode, code, message }: HandshakeFault): string {
  return JSON.stringify({ statusCode, code, error: STATUS_CODES[statusCode], message })
}

function headOf ({ statusCode }: HandshakeFault): string[] {
  const lines = [`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`, 'Content-Type: application/json; charset=utf-8']
  // RFC 9110 §7.8: a message with Upgrade names it in Connection.
  if (statusCode === 426) lines.push('Connection: close, upgrade', 'Upgrade: websocket', `Sec-WebSocket-Version: ${VERSION}`)
  else lines.push('Connection: close')
  if (statusCode === 503) lines.push('Retry-After: 1')
  return lines
}

// Node's HTTP parser no longer reads this stream: bytes after the handshake are no second request.
function closeAfterAnswer (request: UpgradeRequest, stream: Duplex): void {
  const response = request[kUpgrade] && responseOn(stream)
  response?.once('finish', () => {
    // After a 101 the stream no longer belongs to the response.
    if (response.socket !== stream) return
    stream.end()
    closeSoon(stream)
  })
}

// Reads on for a while: to close at once while data arrives could cost the client its answer.
function closeSoon (stream: Duplex): void {
  destroyAfter(stream, CLOSE_AFTER_MS)
  stream.resume()
}
