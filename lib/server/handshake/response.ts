import { ServerResponse, validateHeaderName, validateHeaderValue, type OutgoingHttpHeaders } from 'node:http'
import { Writable, type Duplex } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { isRecord } from '../../record.js'
import * as errors from '../errors.js'
import { printable } from '../printable.js'

/**
 * The states of a handshake. `#enter` is the only method that changes them.
 *
 * | state       | meanwhile                              | left when                            |
 * | ----------- | -------------------------------------- | ------------------------------------ |
 * | `pending`   | hooks of the app run                   | the handler accepts; another answer  |
 * | `accepting` | the reply with 101 passes `onSend`     | the 101 is out; another answer       |
 * | `refusing`  | another answer goes out over HTTP      | it is written                        |
 * | `over`      | nothing: answered, or the client left  | never; what a slow hook still writes |
 * |             |                                        | is dropped                           |
 */
type State = 'pending' | 'accepting' | 'refusing' | 'over'

const NEXT: Readonly<Record<State, readonly State[]>> = {
  pending: ['accepting', 'refusing', 'over'],
  accepting: ['refusing', 'over'],
  refusing: ['refusing', 'over'],
  over: []
}

/** The handshake, as far as its response needs it. */
export interface ResponseOwner {
  /** The reply with 101 has passed `onSend`; these are its headers. */
  switchProtocols (headers: OutgoingHttpHeaders): void
  /** The head of another answer is written. */
  onRefused (statusCode: number): void
  /** As `onRefused`, where the refusal is a close: takes the stream, and ends the response. */
  onRefusedByClose (statusCode: number, headers: OutgoingHttpHeaders): void
}

type Method = (this: ServerResponse, ...values: unknown[]) => unknown

const kResponse = Symbol('handshake-response')

// Node's methods, beneath the ones that are put on a response.
const http = ServerResponse.prototype as unknown as Readonly<Record<'writeHead' | 'write' | 'end', Method>>

/**
 * The response of a handshake. Fastify writes its reply by the methods `writeHead`, `write` and
 * `end` of the raw response. They are replaced once: the headers of a 101 go to its owner, not to
 * the stream, and after another answer there is no 101.
 */
export class HandshakeResponse {
  readonly #reply: FastifyReply
  readonly #send: FastifyReply['send']
  readonly #owner: ResponseOwner
  #isByClose: boolean
  #state: State = 'pending'
  #headers: OutgoingHttpHeaders = {}
  #headerFault: Error | undefined = undefined
  #payload: unknown = undefined

  /** @param isByClose - refuses by a close, where a page can read the reason. */
  constructor (reply: FastifyReply, isByClose: boolean, owner: ResponseOwner) {
    this.#reply = reply
    this.#send = reply.send.bind(reply)
    this.#owner = owner
    this.#isByClose = isByClose
    replaceMethods(reply, this, isByClose)
  }

  get isPending (): boolean {
    return this.#state === 'pending'
  }

  /** True once all of the answer has been given to Node. */
  get isEnded (): boolean {
    return this.#reply.raw.writableEnded
  }

  /** The last payload of `reply.send`: an error where Fastify made the body. */
  get payload (): unknown {
    return this.#payload
  }

  /** Answers with 101, as a reply like any other: `onSend` and `onResponse` run. */
  accept (): void {
    // A hook answered without saying so, or there was no time left: its answer stays.
    if (!this.#enter('accepting')) return
    this.#reply.code(101)
    this.#send()
  }

  /** Drops everything that is written from now on. */
  end (): void {
    this.#enter('over')
  }

  /** Lets the stream of an accepted handshake go, for `ws` to take it. */
  detach (stream: Duplex): void {
    // upstream-private: node ServerResponse#detachSocket
    this.#reply.raw.detachSocket(stream as never)
  }

  /** Refuses over HTTP a handshake that `ws` did not take: it gets no 101, to be closed, either. */
  refuseOverHttp (stream: Duplex, error: Error): void {
    // upstream-private: node ServerResponse#assignSocket
    this.#reply.raw.assignSocket(stream as never)
    this.#isByClose = false
    this.#reply.send(error)
  }

  /** Notes the 101 that is written, so that `onResponse` and the log have its status. */
  finish (): void {
    const { raw } = this.#reply
    http.writeHead.call(raw, 101)
    // upstream-private: node ServerResponse#_headerSent
    ;(raw as ServerResponse & { _headerSent: boolean })._headerSent = true
    http.end.call(raw)
  }

  /** Finishes without a stream, so that `onResponse` runs and the log has its line. */
  finishDetached (): void {
    const { raw } = this.#reply
    // upstream-private: node ServerResponse#assignSocket
    raw.assignSocket(new Writable({ write: (_chunk, _encoding, done) => done() }) as never)
    http.end.call(raw)
  }

  /** As `finishDetached`, for an answer with a body: it has no reader, and its source ends. */
  discard (): void {
    const { raw } = this.#reply
    raw.once('finish', () => raw.destroy())
    this.finishDetached()
  }

  // The methods that Fastify and hooks of the app call on the reply and the raw response.

  send (payload?: unknown): FastifyReply {
    this.#refuse()
    this.#payload = payload
    return this.#send(payload)
  }

  writeHead (statusCode: number, rest: unknown[]): void {
    if (this.#isOver) return
    const { raw } = this.#reply
    const headers = (rest.find(isRecord) ?? {}) as OutgoingHttpHeaders
    this.#dropInvalid(headers)
    if (this.#state === 'accepting' && statusCode === 101) {
      this.#headers = withHeadersOf(raw, headers)
      return
    }
    this.#refuse()
    http.writeHead.call(raw, statusCode, ...rest)
    if (this.#isByClose) this.#owner.onRefusedByClose(statusCode, withHeadersOf(raw, headers))
    else this.#owner.onRefused(statusCode)
  }

  write (rest: unknown[]): boolean {
    this.#writeHeadFirst()
    return this.#isOver || Boolean(http.write.call(this.#reply.raw, ...rest))
  }

  endWith (rest: unknown[]): void {
    if (this.#isOver) return
    if (this.#state === 'accepting') return this.#switchProtocols()
    this.#writeHeadFirst()
    if (this.#isOver) return
    http.end.call(this.#reply.raw, ...rest)
    this.#enter('over')
  }

  #enter (state: State): boolean {
    const isNext = NEXT[this.#state].includes(state)
    if (isNext) this.#state = state
    return isNext
  }

  #refuse (): void {
    if (this.#enter('refusing') && this.#reply.statusCode === 101) this.#reply.code(500)
  }

  // A getter, so that a compiler does not take the state after a call for the one before it.
  get #isOver (): boolean {
    return this.#state === 'over'
  }

  // Before a body without a head: Node would write the head by itself, in the midst of the body.
  #writeHeadFirst (): void {
    const { raw } = this.#reply
    if (this.#isByClose && !raw.headersSent) raw.writeHead(raw.statusCode)
  }

  // RFC 9110 §5.5: a value with CR or LF would go on as another header.
  #dropInvalid (headers: OutgoingHttpHeaders): void {
    for (const name of Object.keys(headers)) {
      if (isValid(name, headers[name])) continue
      delete headers[name]
      this.#headerFault = new errors.InvalidHeader(printable(name))
      this.#reply.request.log.error({ err: this.#headerFault }, 'websocket handshake failed')
    }
  }

  #switchProtocols (): void {
    if (this.#headerFault === undefined) this.#owner.switchProtocols(this.#headers)
    else this.#reply.send(this.#headerFault)
  }
}

type Replaced = ServerResponse & { [kResponse]?: HandshakeResponse }

// upstream-private: fastify reply.send, reply.raw.writeHead, reply.raw.write, reply.raw.end
function replaceMethods (reply: FastifyReply, response: HandshakeResponse, isByClose: boolean): void {
  const raw: Replaced = reply.raw
  raw[kResponse] = response
  reply.send = send
  raw.writeHead = writeHead
  raw.end = end
  if (isByClose) raw.write = write
}

// One function each for all handshakes, and no closures for every one.

function send (this: FastifyReply, payload?: unknown): FastifyReply {
  return (this.raw as Replaced)[kResponse]!.send(payload)
}

function writeHead (this: Replaced, statusCode: number, ...rest: unknown[]): ServerResponse {
  this[kResponse]!.writeHead(statusCode, rest)
  return this
}

function write (this: Replaced, ...rest: unknown[]): boolean {
  return this[kResponse]!.write(rest)
}

function end (this: Replaced, ...rest: unknown[]): ServerResponse {
  this[kResponse]!.endWith(rest)
  return this
}

// Headers that were set on the response itself are rare.
function withHeadersOf (raw: ServerResponse, headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return raw.getHeaderNames().length === 0 ? headers : { ...raw.getHeaders(), ...headers }
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
