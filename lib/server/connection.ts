import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { AnyContract } from '../../types/contract.js'
import type { CloseEvent, ReceivedMessage } from '../../types/handler.js'
import type { Socket } from '../../types/socket.js'
import { CloseCode, type ErrorBody } from '../protocol.js'
import type { Incoming } from './compile.js'
import type { Decoder, Message, Refusal } from './decode.js'
import { dispatch, isThenable } from './dispatch.js'
import type { Encoder } from './encode.js'
import * as errors from './errors.js'
import { bodyOf, closeOf, cutReason, isClientError } from './failure.js'
import { frameOf, type Frame } from './frame.js'
import { checkTopic, type Hub } from './hub.js'
import type { Intake, Taker } from './intake.js'
import { Outbox } from './outbox.js'
import type { Peer } from './peer.js'

/** What all connections of one route share. */
export interface Wiring {
  readonly contract: AnyContract
  readonly decoder: Decoder<Entry>
  readonly encoder: Encoder
  readonly hub: Hub<Connection>
  readonly connections: Set<Connection>
  readonly open: ((socket: Connection) => unknown) | undefined
  readonly close: ((socket: Connection, event: CloseEvent) => unknown) | undefined
  readonly binary: BinaryEntry | undefined
  readonly errorHandler: ((error: unknown, socket: Connection, message: ReceivedMessage | undefined) => unknown) | undefined
  readonly maxPayloadBytes: number
  readonly maxQueuedMessages: number
  readonly highWaterMarkBytes: number
  readonly maxTopics: number
}

export type Handler = (payload: never, socket: Connection) => unknown

/** A client message, as the contract declares and the route handles it. */
export interface Entry extends Incoming {
  readonly handler: Handler
}

/** Binary frames have a handler, and neither name nor reply. */
export interface BinaryEntry {
  readonly handler: Handler
  readonly reply?: undefined
}

type Received = Message<Entry | BinaryEntry>
type State = 'opening' | 'open' | 'done'

/** How long the messages that arrived before the end may delay the `close` handler. */
const LAST_MESSAGES_MS = 5000
const NORMAL_CLOSURE = 1000
const ABNORMAL_CLOSURE = 1006

/** One live connection: the object handlers see as `socket`. */
export class Connection implements Socket<AnyContract, FastifyRequest>, Taker {
  readonly id: string = randomUUID()
  readonly request: FastifyRequest
  readonly raw: Peer
  readonly topics: Set<string> = new Set()
  readonly #wiring: Wiring
  readonly #outbox: Outbox
  readonly #intake: Intake | undefined
  #queue: Array<Received | Refusal> = []
  #state: State = 'opening'
  #isBusy = true
  #abort: AbortController | undefined = undefined
  #closed: CloseEvent | undefined = undefined
  #lastMessages: NodeJS.Timeout | undefined = undefined

  constructor (wiring: Wiring, raw: Peer, socket: Duplex, request: FastifyRequest) {
    this.#wiring = wiring
    this.request = request
    this.raw = raw
    this.#outbox = new Outbox(raw, socket, wiring.highWaterMarkBytes)
    raw.outbox = this.#outbox
    wiring.connections.add(this)
    this.#intake = raw.readBy(this, wiring.maxPayloadBytes)
    raw.on('message', (data: Buffer, isBinary) => isBinary ? this.#receiveBinary(data) : this.takeText(data.toString()))
    raw.on('close', (code, reason) => this.#end(code, reason.toString()))
    raw.on('error', (error) => this.log.debug({ err: error }, 'websocket error'))
  }

  get log (): FastifyBaseLogger {
    return this.request.log
  }

  get contract (): AnyContract {
    return this.#wiring.contract
  }

  get protocol (): string {
    return this.raw.protocol
  }

  get readyState (): 0 | 1 | 2 | 3 {
    return this.raw.readyState
  }

  get bufferedAmount (): number {
    return this.#outbox.bufferedAmount
  }

  get signal (): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#closed !== undefined) this.#abort.abort()
    return this.#abort.signal
  }

  send (type: string, payload: unknown): boolean {
    if (this.readyState !== this.raw.OPEN) return false
    return this.#outbox.sendText(this.#wiring.encoder.event(type, payload))
  }

  sendBinary (data: ArrayBufferView | ArrayBuffer): boolean {
    if (!this.contract.binary.serverToClient) throw new errors.OutgoingBinary(this.contract.name)
    return this.#outbox.sendBinary(ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data))
  }

  // Asynchronous for the day a topic lives on several nodes.
  async subscribe (topic: string): Promise<void> {
    checkTopic(topic)
    if (this.#closed !== undefined || this.topics.has(topic)) return
    if (this.topics.size >= this.#wiring.maxTopics) throw new errors.TooManyTopics(this.#wiring.maxTopics)
    this.topics.add(topic)
    this.#wiring.hub.subscribe(topic, this)
  }

  unsubscribe (topic: string): void {
    if (this.topics.delete(topic)) this.#wiring.hub.unsubscribe(topic, this)
  }

  publish (topic: string, type: string, payload: unknown): void {
    checkTopic(topic)
    this.#wiring.hub.publish(topic, frameOf(this.#wiring.encoder.event(type, payload)), this)
  }

  close (code: number = NORMAL_CLOSURE, reason: string = ''): void {
    this.raw.close(code, cutReason(reason))
  }

  terminate (): void {
    this.raw.terminate()
  }

  /** Takes a published frame. */
  deliver (frame: Frame): void {
    this.#outbox.sendFrame(frame)
  }

  /** Takes the text of one message from the peer. */
  takeText (text: string): void {
    const decoded = this.#wiring.decoder.decode(text)
    if (decoded.kind === 'ping') this.#outbox.sendText(this.#wiring.encoder.pong())
    else this.#receive(decoded)
  }

  /** Whether as many messages wait as may. */
  get isFull (): boolean {
    return this.#queue.length >= this.#wiring.maxQueuedMessages
  }

  /** Whether a listener of the user's hears messages from `raw`. */
  get isOverheard (): boolean {
    return this.raw.listenerCount('message') > 1
  }

  /** Runs the route's `open`; messages wait meanwhile. */
  start (): void {
    try {
      const opening = this.#wiring.open?.(this)
      if (isThenable(opening)) void this.#awaitOpening(opening)
      else this.#opened()
    } catch (error) {
      void this.#failOpening(error)
    }
  }

  answer (message: Received, result: unknown): void {
    const { reply } = message.entry
    if (reply === undefined || this.readyState !== this.raw.OPEN) return
    this.#outbox.sendText(this.#wiring.encoder.reply(message.entry.name, reply, message.ref, result))
  }

  fail (error: unknown, message: Received): Promise<void> | undefined {
    const shown = this.#report(error, message)
    if (isThenable(shown)) return Promise.resolve(shown).then((settled) => this.#sendError(bodyOf(settled, message)))
    this.#sendError(bodyOf(shown, message))
    return undefined
  }

  async #awaitOpening (opening: PromiseLike<unknown>): Promise<void> {
    try {
      await opening
    } catch (error) {
      return await this.#failOpening(error)
    }
    this.#opened()
  }

  #opened (): void {
    this.#state = 'open'
    if (this.#closed !== undefined) this.#expectFinish(this.#closed)
    this.#next()
  }

  async #failOpening (error: unknown): Promise<void> {
    this.#state = 'done'
    this.#queue = []
    // The peer's goodbye comes behind what waited.
    if (this.raw.isPaused) this.#readOn()
    const { code, reason } = closeOf(await this.#report(error, undefined))
    this.close(code, reason)
  }

  #receiveBinary (data: Buffer): void {
    const entry = this.#wiring.binary
    if (entry === undefined) this.close(CloseCode.unsupportedData, 'no binary frames here')
    else this.#receive({ kind: 'message', entry, type: undefined, ref: undefined, payload: data })
  }

  #receive (message: Received | Refusal): void {
    if (this.#state === 'done') return
    if (!this.#isBusy) return this.#run(message)
    this.#queue.push(message)
    if (this.isFull) this.raw.pause()
  }

  #run (message: Received | Refusal): void {
    if (message.kind === 'refusal') return this.#sendError(message.error)
    const pending = dispatch(message.entry.handler, message, this)
    if (pending === undefined) return
    this.#isBusy = true
    void pending.then(() => this.#next())
  }

  // One after the other, in the order of arrival.
  #next (): void {
    this.#isBusy = false
    while (!this.#isBusy) {
      const message = this.#queue.shift()
      if (message === undefined) break
      this.#run(message)
    }
    if (this.raw.isPaused && this.#queue.length <= this.#wiring.maxQueuedMessages / 2) this.#readOn()
    if (this.#closed !== undefined && !this.#isBusy) this.#finish(this.#closed)
  }

  #readOn (): void {
    this.raw.resume()
    this.#intake?.resume()
  }

  // Never throws and never rejects: resolves to the error the peer is told of.
  #report (error: unknown, message: ReceivedMessage | undefined): unknown {
    const { errorHandler } = this.#wiring
    if (errorHandler === undefined) return this.#logged(error, message)
    try {
      const other = errorHandler(error, this, message)
      if (isThenable(other)) return Promise.resolve(other).then((value) => value instanceof Error ? value : error, (thrown: unknown) => thrown)
      return other instanceof Error ? other : error
    } catch (thrown) {
      return thrown
    }
  }

  #logged (error: unknown, message: ReceivedMessage | undefined): unknown {
    const level = isClientError(error) ? 'info' : 'error'
    this.log[level]({ err: error, received: message?.type }, 'websocket handler failed')
    return error
  }

  #sendError (body: ErrorBody): void {
    this.#outbox.sendText(this.#wiring.encoder.error(body))
  }

  #end (code: number, reason: string): void {
    this.#closed = { code, reason, wasClean: code !== ABNORMAL_CLOSURE }
    this.#wiring.connections.delete(this)
    for (const topic of this.topics) this.unsubscribe(topic)
    this.#abort?.abort()
    if (this.#state !== 'open') return
    if (this.#isBusy) this.#expectFinish(this.#closed)
    else this.#finish(this.#closed)
  }

  // A handler that never settles does not keep `close` from running.
  #expectFinish (event: CloseEvent): void {
    this.#lastMessages = setTimeout(() => this.#finish(event), LAST_MESSAGES_MS)
  }

  #finish (event: CloseEvent): void {
    if (this.#state !== 'open') return
    this.#state = 'done'
    clearTimeout(this.#lastMessages)
    this.#queue = []
    try {
      const closing = this.#wiring.close?.(this, event)
      if (isThenable(closing)) void Promise.resolve(closing).catch((error: unknown) => this.#report(error, undefined))
    } catch (error) {
      this.#report(error, undefined)
    }
  }
}
