import { ServerResponse, validateHeaderName, validateHeaderValue, type OutgoingHttpHeaders } from 'node:http'
import { Writable, type Duplex } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { WebSocketServer, type WebSocket } from 'ws'
import type { AnyContract } from '../../../types/contract.js'
import { isPublic, REFUSAL } from '../../protocol.js'
import type { ConnectionLimit } from './connection-limit.js'
import { handshakeRefused } from '../diagnostics.js'
import * as errors from '../errors.js'
import { destroyAfter, type Upgrade, type UpgradeRequest } from './upgrade.js'
import type { OriginVerdict } from './origin.js'
import type { ServerWebSocket } from '../transport/websocket.js'
import { printable } from '../printable.js'
import { closingOf, type CloseRefusal } from './close-refusal.js'
import { kHandshake, kUpgrade } from '../symbols.js'

/** What a handshake asks of its route. */
export interface HandshakeRoute {
  /** The contract's name. */
  readonly subprotocol: string
  readonly rejectWith: 'http' | 'close'
  readonly timeoutMs: number
  readonly server: WebSocketServer
  readonly isHost: (request: FastifyRequest) => boolean
  readonly checkOrigin: (request: FastifyRequest) => OriginVerdict | Promise<OriginVerdict>
  readonly contract: AnyContract
  /** Another answer than a 101 is going out. */
  refused (statusCode: number): void
  /** The 101 is out. */
  connect (ws: ServerWebSocket, socket: Duplex, request: FastifyRequest): void
}

/** What all handshakes of an app share. */
export interface Admission {
  /** Those under way. */
  readonly handshakes: Set<Handshake>
  readonly capacity: ConnectionLimit
}

/** A raw request, which carries its handshake until the 101 is out. */
export type HandshakeRequest = UpgradeRequest & { [kHandshake]?: Handshake }

/**
 * `pending`: hooks run. `accepting`: the 101 goes through onSend. `refusing`: an answer over HTTP does. `over`: answered, or nobody is left to answer; what
 * a slow hook still writes then reaches nobody.
 */
type State = 'pending' | 'accepting' | 'refusing' | 'over'
type Lines = string[]
type Method = (this: ServerResponse, ...values: unknown[]) => unknown

// RFC 9110 §7.6.1, §8, RFC 6455 §4.2.2: hop by hop, or about a body, or ws's own.
const WITHHELD = /^(?:connection|upgrade|keep-alive|proxy-connection|te|trailer|transfer-encoding|content-(?:length|type|encoding)|sec-websocket-.+)$/i

const RETRY_AFTER_SECONDS = 1

// Node's own, beneath what we take over.
const http = ServerResponse.prototype as unknown as Readonly<Record<'writeHead' | 'write' | 'end', Method>>

// Closes what it opens: it compresses nothing, and what the peer says meanwhile goes nowhere.
const refusingServer = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: 65_536, handleProtocols: () => false })

/** One upgrade on its way through Fastify's lifecycle, until its 101 or its refusal. */
export class Handshake {
  readonly #route: HandshakeRoute
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #send: FastifyReply['send']
  readonly #upgrade: Upgrade
  readonly #pending: Set<Handshake>
  readonly #capacity: ConnectionLimit
  readonly #timer: NodeJS.Timeout
  #rejectWith: HandshakeRoute['rejectWith']
  #state: State = 'pending'
  #headers: OutgoingHttpHeaders = {}
  #fault: Error | undefined = undefined
  // What it is refused for, where that is known.
  #error: unknown = undefined
  // What `reply.send` was given last.
  #answer: unknown = undefined
  #releasePlace: () => void = () => {}

  constructor (route: HandshakeRoute, request: FastifyRequest, reply: FastifyReply, { handshakes: pending, capacity }: Admission) {
    const raw = request.raw as HandshakeRequest
    raw[kHandshake] = this
    this.#route = route
    this.#request = request
    this.#reply = reply
    this.#send = reply.send.bind(reply)
    this.#upgrade = raw[kUpgrade]!
    this.#pending = pending
    this.#capacity = capacity
    this.#rejectWith = route.rejectWith
    this.#timer = setTimeout(() => this.abort(new errors.HandshakeTimeout()), route.timeoutMs)
    pending.add(this)
    this.#addListeners()
    this.#intercept(reply)
  }

  /** Who asks, before any hook of the app. */
  async check (): Promise<void> {
    if (!this.#route.isHost(this.#request)) throw this.#refuseHost()
    const verdict = await this.#route.checkOrigin(this.#request)
    if (verdict !== 'admitted') throw this.#refuseOrigin(verdict)
    const { subprotocol } = this.#route
    if (this.#offered.length > 0 && !this.#offered.includes(subprotocol)) throw this.#withStatus(new errors.UnknownSubprotocol(subprotocol))
    this.#acquirePlace()
  }

  /** Answers with the 101, as a reply like any other: `onSend` and `onResponse` run, and the headers of the reply reach it. */
  accept (): void {
    // A hook answered and forgot to say so, or there was no time left: what was begun over HTTP stays so.
    if (this.#state !== 'pending') return
    this.#state = 'accepting'
    this.#reply.code(101)
    this.#send()
  }

  /** Ends a handshake whose hooks take too long, or for which there is no time left. */
  abort (error: InstanceType<typeof errors.HandshakeTimeout>): void {
    const { socket } = this.#upgrade
    try {
      if (!this.#reply.sent && !this.#reply.raw.headersSent) this.#reply.header('retry-after', RETRY_AFTER_SECONDS).send(this.#withStatus(error))
    } catch {
      // While an onError hook runs Fastify takes no other answer.
      socket.destroy()
    }
    // The hooks of this very answer may hang as well.
    destroyAfter(socket)
  }

  /** Notes what it is about to be refused for. */
  noteError (error: unknown): void {
    this.#error = error
  }

  get #offered (): string[] {
    const list = this.#request.headers['sec-websocket-protocol']
    return list === undefined ? [] : list.split(',').map((token) => token.trim())
  }

  // After the Origin, so that a stranger's page takes nobody's place.
  #acquirePlace (): void {
    // While the Origin was looked up time ran out, or the client left: no 'close' would give the place back.
    if (!this.#capacity.isLimited || this.#state !== 'pending') return
    try {
      this.#releasePlace = this.#capacity.acquire(this.#request.ip)
      this.#upgrade.socket.once('close', this.#releasePlace)
    } catch (error) {
      this.#reply.header('retry-after', RETRY_AFTER_SECONDS)
      throw this.#withStatus(error as Error & { statusCode: number })
    }
  }

  #refuseHost (): Error {
    const host = printable(String(this.#request.host))
    this.#request.log.info({ host }, `websocket handshake refused: to admit it, add '${host}' to the option host of the route or the plugin`)
    return this.#withStatus(new errors.HostRefused())
  }

  #refuseOrigin (verdict: 'missing' | 'refused'): Error {
    const { headers } = this.#request
    const [origin, host] = [headers.origin, headers.host].map((text) => text === undefined ? text : printable(String(text)))
    const option = verdict === 'missing' ? 'allowMissingOrigin: true' : `origin: ['${origin}']`
    this.#request.log.info({ origin, host }, `websocket handshake refused: to admit it, set the option ${option} of the route or the plugin`)
    return this.#withStatus(verdict === 'missing' ? new errors.OriginMissing() : new errors.OriginRefused())
  }

  // Also for an error handler that sets no status of its own.
  #withStatus<E extends { statusCode: number }> (error: E): E {
    this.#reply.code(error.statusCode)
    return error
  }

  // The client is gone, or will not hear.
  readonly #leave = (): void => {
    if (this.#reply.raw.writableEnded) return
    this.#state = 'over'
    this.#upgrade.socket.destroy()
  }

  readonly #finish = (): void => {
    this.#state = 'over'
    clearTimeout(this.#timer)
    this.#pending.delete(this)
    this.#removeListeners()
  }

  #addListeners (): void {
    this.#upgrade.socket.on('end', this.#leave)
    this.#upgrade.socket.on('close', this.#finish)
  }

  #removeListeners (): void {
    this.#upgrade.socket.removeListener('end', this.#leave)
    this.#upgrade.socket.removeListener('close', this.#finish)
  }

  // Fastify sends by these. They are taken over once: for a 101 the raw response is not the place, and after another answer there is no 101.
  #intercept (reply: FastifyReply): void {
    const { raw } = reply
    reply.send = (payload?: unknown) => {
      this.#refuse()
      this.#answer = payload
      return this.#send(payload)
    }
    raw.writeHead = (statusCode: number, ...rest: unknown[]) => {
      this.#writeHead(statusCode, rest)
      return raw
    }
    raw.end = (...rest: unknown[]) => {
      this.#end(rest)
      return raw
    }
    if (this.#rejectWith === 'close') raw.write = (...rest: unknown[]) => this.#write(rest)
  }

  #refuse (): void {
    if (this.#state === 'over') return
    this.#state = 'refusing'
    if (this.#reply.statusCode === 101) this.#reply.code(500)
  }

  #writeHead (statusCode: number, rest: unknown[]): void {
    if (this.#state === 'over') return
    const { raw } = this.#reply
    const headers = rest.find(isHeaders) ?? {}
    this.#dropFaulty(headers)
    if (this.#state === 'accepting' && statusCode === 101) {
      this.#headers = { ...raw.getHeaders(), ...headers }
      return
    }
    this.#refuse()
    http.writeHead.call(raw, statusCode, ...rest)
    this.#reportRefusal(statusCode)
    if (this.#rejectWith === 'close') this.#refuseByClose(statusCode, { ...raw.getHeaders(), ...headers })
  }

  #reportRefusal (statusCode: number): void {
    const request = this.#request
    this.#releasePlace()
    this.#route.refused(statusCode)
    if (handshakeRefused.hasSubscribers) handshakeRefused.publish({ request, contract: this.#route.contract, statusCode, error: this.#error })
  }

  #write (rest: unknown[]): boolean {
    this.#beginClose()
    return this.#isOver || Boolean(http.write.call(this.#reply.raw, ...rest))
  }

  #end (rest: unknown[]): void {
    if (this.#isOver) return
    if (this.#state === 'accepting') return this.#switchProtocols()
    this.#beginClose()
    if (this.#isOver) return
    http.end.call(this.#reply.raw, ...rest)
    this.#state = 'over'
  }

  get #isOver (): boolean {
    return this.#state === 'over'
  }

  // A body without a head: Node would write the head in the midst of it.
  #beginClose (): void {
    const { raw } = this.#reply
    if (this.#rejectWith === 'close' && !raw.headersSent) raw.writeHead(raw.statusCode)
  }

  // RFC 9110 §5.5: what has CR or LF would go on as another header.
  #dropFaulty (headers: OutgoingHttpHeaders): void {
    for (const name of Object.keys(headers)) {
      if (isValid(name, headers[name])) continue
      delete headers[name]
      this.#fault = new errors.InvalidHeader(printable(name))
      this.#request.log.error({ err: this.#fault }, 'websocket handshake failed')
    }
  }

  #switchProtocols (): void {
    if (this.#fault !== undefined) return void this.#reply.send(this.#fault)
    const { socket } = this.#upgrade
    const { raw } = this.#reply
    raw.detachSocket(socket as never)
    // Before ws comes: a third listener makes a list with room for 19.
    this.#removeListeners()
    const failure = this.#shake()
    // Connected, or the client left in this very turn and ws let go of it.
    if (failure === undefined) return this.#finish()
    this.#addListeners()
    raw.assignSocket(socket as never)
    // What is no handshake gets no 101 either.
    this.#rejectWith = 'http'
    this.#reply.send(this.#withStatus(new errors.InvalidHandshake(failure.message)))
  }

  // A fault in accepting would leave a client without an answer: a hook may have upgraded the
  // socket by itself.
  #shake (): Error | undefined {
    const { socket, head } = this.#upgrade
    try {
      return completeUpgrade(this.#route.server, this.#request.raw, socket, head, linesOf(this.#headers), (ws) => {
        this.#complete()
        this.#route.connect(ws as ServerWebSocket, socket, this.#request)
      })
    } catch (error) {
      this.#request.log.error({ err: error }, 'websocket handshake failed')
      socket.destroy()
      return undefined
    }
  }

  #complete (): void {
    this.#finish()
    delete (this.#request.raw as HandshakeRequest)[kHandshake]
    http.writeHead.call(this.#reply.raw, 101)
    endDetached(this.#reply.raw)
  }

  // A 101 that is closed at once. The body of the refusal has no reader: its source ends with the response.
  #refuseByClose (statusCode: number, headers: OutgoingHttpHeaders): void {
    const { socket, head } = this.#upgrade
    const { raw } = this.#reply
    const closing = closingOf({ statusCode, answer: this.#answer, retryAfter: retryAfterOf(headers) })
    this.#finish()
    raw.detachSocket(socket as never)
    completeUpgrade(refusingServer, this.#request.raw, socket, head, [...linesOf(headers), ...this.#protocolLines()], (ws) => closeAtOnce(ws, closing))
    destroyAfter(socket)
    raw.once('finish', () => raw.destroy())
    endDetached(raw)
  }

  // A browser that offered some takes none for a failure, and would hide the close from its page.
  // Here nothing is spoken: any will do that is no secret.
  #protocolLines (): Lines {
    const offered = this.#offered
    const chosen = [REFUSAL, this.#route.subprotocol].find((name) => offered.includes(name)) ?? offered.find(isPublic)
    return chosen === undefined ? [] : [`Sec-WebSocket-Protocol: ${chosen}`]
  }
}

// Lets a response finish without its socket, so that onResponse runs and the log has its line.
function endDetached (raw: ServerResponse): void {
  raw.assignSocket(new Writable({ write: (_chunk, _encoding, done) => done() }) as never)
  http.end.call(raw)
}

function closeAtOnce (ws: WebSocket, { code, reason }: CloseRefusal): void {
  // Whatever the peer still says, it was told.
  ws.on('error', () => {})
  ws.close(code, reason)
}

// ws reports a bad offer of extensions by an event, and writes what is pushed to `headers`.
function completeUpgrade (server: WebSocketServer, request: FastifyRequest['raw'], socket: Duplex, head: Buffer, lines: Lines, connected: (ws: WebSocket) => void): Error | undefined {
  let failure: Error | undefined
  const addLines = (headers: string[]): void => void headers.push(...lines)
  const setFailure = (error: Error): void => void (failure = error)
  server.once('headers', addLines)
  server.once('wsClientError', setFailure)
  try {
    server.handleUpgrade(request, socket, head, connected)
  } finally {
    server.removeListener('headers', addLines)
    server.removeListener('wsClientError', setFailure)
  }
  return failure
}

function linesOf (headers: OutgoingHttpHeaders): Lines {
  return Object.entries(headers).flatMap(([name, value]) => WITHHELD.test(name) ? [] : [value].flat().map((item) => `${name}: ${item}`))
}

function retryAfterOf (headers: OutgoingHttpHeaders): unknown {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === 'retry-after')?.[1]
}

function isHeaders (value: unknown): value is OutgoingHttpHeaders {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isValid (name: string, value: OutgoingHttpHeaders[string]): boolean {
  try {
    validateHeaderName(name)
    for (const item of [value].flat()) validateHeaderValue(name, item as string)
    return true
  } catch {
    return false
  }
}
