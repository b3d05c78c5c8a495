import { AsyncResource } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { Socket as TcpSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { AnyContract } from '../../../types/contract.js'
import type { CloseEvent, ReceivedMessage } from '../../../types/handler.js'
import type { CallOptions, Socket } from '../../../types/socket.js'
import { CloseCode, ErrorCode, Reserved, type ErrorBody } from '../../protocol.js'
import { after } from '../../timer.js'
import { PendingCalls, type CallsOwner } from './calls.js'
import { closeFrameOf } from './close-frame.js'
import { refuse, type Answer } from '../messages/decode.js'
import { isThenable } from '../messages/dispatch.js'
import * as errors from '../errors.js'
import { Expiry } from './expiry.js'
import { bodyOf, chosen, closeOf, isAbort, logIgnored, type Failure } from '../failure.js'
import { bytesOf, frameOf, type Frame } from '../transport/frame.js'
import type { Entry, Heartbeat, HeartbeatMember } from './heartbeat.js'
import { checkTopic, type Hub } from '../topics/hub.js'
import { attempt, ignorable } from '../ignorable.js'
import { Inbound, type InboundOwner, type InboundContext } from '../messages/inbound.js'
import type { FrameReader } from '../transport/frame-reader.js'
import type { ConnectionStats } from '../stats.js'
import { Outbox, type OutboxOwner } from '../transport/outbox.js'
import { TypedSocket, type SocketOwner } from './socket.js'
import type { ServerWebSocket } from '../transport/websocket.js'

/** What all connections of one route share. */
export interface RouteContext extends InboundContext<Socket> {
  readonly contract: AnyContract
  readonly home: ConnectionRegistry
  readonly heartbeat: Heartbeat | undefined
  readonly open: ((socket: Socket) => unknown) | undefined
  readonly close: ((socket: Socket, event: CloseEvent) => unknown) | undefined
  readonly errorHandler: ((error: unknown, socket: Socket, message: ReceivedMessage | undefined) => unknown) | undefined
}

/** Where the connections of one contract are known. */
export interface ConnectionRegistry {
  readonly hub: Hub<Connection>
  join (connection: Connection): void
  /** It is gone; something of the app's may still run for it. */
  leave (connection: Connection): void
  /** Nothing runs for it any more. */
  forget (connection: Connection): void
}

/** What of the app's still runs for a connection, by its kind. */
export interface Unsettled {
  readonly open: number
  readonly handlers: number
  readonly queued: number
  readonly streams: number
  readonly errorHandlers: number
  readonly close: number
}

/** `opening`: `open` runs. `failing`: it failed, and `errorHandler` runs. `closing`: `close` runs. `done`: none of them will run again. */
type State = 'opening' | 'open' | 'failing' | 'closing' | 'done'
/** A socket of the system's; an injected one counts nothing. */
type TransportSocket = Duplex & Partial<Pick<TcpSocket, 'bytesRead' | 'bytesWritten' | 'setKeepAlive'>>

/** How long the messages that arrived before the end may delay the `close` handler. */
const LAST_MESSAGES_MS = 5000
/** How long a peer that was told goodbye because it does not read may take to answer. */
const DEAF_GOODBYE_MS = 1000
const NO_TOPICS: ReadonlySet<string> = new Set()

/** One live connection: its parts put together. Handlers hold its `socket`. */
export class Connection implements SocketOwner, InboundOwner<Socket>, OutboxOwner, CallsOwner, HeartbeatMember {
  readonly socket: Socket = new TypedSocket(this)
  readonly request: FastifyRequest
  readonly raw: ServerWebSocket
  readonly #wiring: RouteContext
  readonly #wire: TransportSocket
  readonly #outbox: Outbox
  readonly #inbound: Inbound<Socket>
  readonly #intake: FrameReader | undefined
  // The context of the handshake. Everything of the app's runs in it: what begins in a turn of somebody else's, or of nobody's, enters it first.
  readonly #context: AsyncResource = new AsyncResource('fastify-typed-ws')
  readonly #openedMs: number = performance.now()
  readonly #heartbeatEntry: Entry | undefined
  #id: string | undefined = undefined
  #topics: Set<string> | undefined = undefined
  #calls: PendingCalls | undefined = undefined
  #expiry: Expiry | undefined = undefined
  #abort: AbortController | undefined = undefined
  #closed: CloseEvent | undefined = undefined
  #patience: NodeJS.Timeout | undefined = undefined
  #lastMessages: NodeJS.Timeout | undefined = undefined
  #isPeerGone = false
  #isLate = false
  #whenIdle: (() => void) | undefined = undefined
  #whenSettled: (() => void) | undefined = undefined
  #state: State = 'opening'
  #lastMessagesMs = LAST_MESSAGES_MS
  #reporting = 0

  constructor (wiring: RouteContext, raw: ServerWebSocket, socket: Duplex, request: FastifyRequest) {
    const { settings, heartbeat } = wiring
    this.#wiring = wiring
    this.#wire = socket
    this.request = request
    this.raw = raw
    this.#outbox = new Outbox(raw, socket, settings.highWaterMarkBytes, this)
    this.#inbound = new Inbound<Socket>(wiring, this)
    raw.outbox = this.#outbox
    this.#intake = raw.readThrough(this.#inbound, settings.maxPayloadBytes, this.#context)
    raw.on('message', (data: Buffer, isBinary) => this.#context.runInAsyncScope(() => this.#take(data, isBinary)))
    raw.on('close', (code, reason) => this.#context.runInAsyncScope(() => this.#end(raw.faultCode ?? code, reason.toString())))
    raw.on('error', (error) => this.log.debug({ err: error }, 'websocket error'))
    wiring.home.join(this)
    this.#heartbeatEntry = heartbeat?.join(this)
    // What is not read because it has too much to do shows no sign of life: the system watches it.
    if (settings.heartbeat !== false) this.#wire.setKeepAlive?.(true, settings.heartbeat.intervalMs)
    wiring.observer.connectionOpened(this.socket)
  }

  // Made when somebody asks: Node puts it together from 15 strings and keeps them all.
  get id (): string {
    this.#id ??= randomUUID()
    return this.#id
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

  get isOpen (): boolean {
    return this.raw.readyState === this.raw.OPEN
  }

  get bufferedAmount (): number {
    return this.#outbox.bufferedAmount
  }

  get topics (): ReadonlySet<string> {
    return this.#topics ?? NO_TOPICS
  }

  get signal (): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#isPeerGone) this.#abort.abort()
    return this.#abort.signal
  }

  get expiresAt (): Date | undefined {
    return this.#expiry?.at
  }

  set expiresAt (at: Date | undefined) {
    if (this.#isPeerGone) return
    this.#expiry ??= new Expiry(() => this.close(CloseCode.expired, 'credentials expired'))
    this.#expiry.move(at)
  }

  send (type: string, payload: unknown): boolean {
    if (!this.isOpen) return false
    const text = this.#wiring.encoder.event(type, payload)
    return this.#hasRoom(type) && this.#outbox.sendText(text)
  }

  sendBinary (data: ArrayBufferView | ArrayBufferLike | Blob): boolean {
    if (!this.contract.binary.serverToClient) throw new errors.OutgoingBinary(this.contract.name)
    const bytes = bytesOf(data)
    if (!this.#hasRoom(undefined)) return false
    return bytes instanceof Uint8Array ? this.#outbox.sendBinary(bytes) : this.#outbox.sendBlob(bytes)
  }

  drained (): Promise<void> {
    const drained = this.#outbox.drained()
    // That the connection has ended is known without it.
    drained.catch(() => {})
    return drained
  }

  call (type: string, payload: unknown, options: CallOptions = {}): Promise<unknown> {
    return ignorable(this.#call(type, payload, options), (error) => logIgnored(this.log, error, options.signal !== undefined && isAbort(error, options.signal)))
  }

  async #call (type: string, payload: unknown, options: CallOptions): Promise<unknown> {
    const call = this.#wiring.encoder.call(type, payload)
    this.#calls ??= new PendingCalls(this, this.#wiring.settings.maxPendingCalls)
    const answer = this.#calls.make(type, call, options)
    // A peer whose messages wait to be read cannot answer.
    if (!this.#inbound.isFull) this.#context.runInAsyncScope(() => this.resume())
    try {
      return await answer
    } finally {
      // With the answer the usual limit holds again.
      if (this.#inbound.isFull) this.pause()
    }
  }

  // A promise for the day a topic lives on several nodes.
  subscribe (topic: string): Promise<void> {
    return attempt(() => this.#subscribe(topic), (error) => logIgnored(this.log, error))
  }

  #subscribe (topic: string): void {
    checkTopic(topic)
    if (this.#closed !== undefined || this.topics.has(topic)) return
    const { maxTopics } = this.#wiring.settings
    if (this.topics.size >= maxTopics) throw new errors.TooManyTopics(maxTopics)
    this.#topics ??= new Set()
    this.#topics.add(topic)
    this.#wiring.home.hub.subscribe(topic, this)
  }

  unsubscribe (topic: string): void {
    if (this.#topics?.delete(topic) === true) this.#wiring.home.hub.unsubscribe(topic, this)
  }

  publish (topic: string, type: string, payload: unknown): void {
    checkTopic(topic)
    this.#wiring.home.hub.publish(topic, frameOf(type, this.#wiring.encoder.event(type, payload)), this)
  }

  close (code: number = CloseCode.normal, reason: string | Uint8Array = ''): void {
    this.raw.close(...closeFrameOf(code, reason))
  }

  terminate (): void {
    this.raw.terminate()
  }

  /** Takes a published frame. */
  deliver (frame: Frame): void {
    if (this.#hasRoom(frame.type)) this.#outbox.sendFrame(frame)
  }

  /** Runs the route's `open`; messages wait meanwhile. */
  start (): void {
    try {
      const opening = this.#wiring.open?.(this.socket)
      if (isThenable(opening)) void this.#awaitOpening(opening)
      else this.#opened()
    } catch (error) {
      void this.#failOpening(error)
    }
  }

  /** Whether it has opened and every message that arrived has been handled; streams may go on. */
  get isIdle (): boolean {
    return this.#closed !== undefined || (this.#state !== 'opening' && this.#inbound.isIdle)
  }

  /** Resolves once it is idle. */
  async idle (): Promise<void> {
    if (!this.isIdle) await new Promise<void>((resolve) => { this.#whenIdle = resolve })
  }

  /** Whether it is gone, and nothing of the app's runs for it any more. */
  get isSettled (): boolean {
    return this.#closed !== undefined && this.#state === 'done' && this.#inbound.isIdle && this.#inbound.streams === 0 && this.#reporting === 0
  }

  /** Resolves once it is settled. */
  async settled (): Promise<void> {
    if (!this.isSettled) await new Promise<void>((resolve) => { this.#whenSettled = resolve })
  }

  get unsettled (): Unsettled {
    return {
      open: Number(this.#state === 'opening'),
      handlers: this.#inbound.running,
      queued: this.#inbound.queued,
      streams: this.#inbound.streams,
      errorHandlers: this.#reporting,
      close: Number(this.#state === 'open' || this.#state === 'closing')
    }
  }

  /** From now on its `close` handler waits no longer than this for the last messages. */
  hurry (lastMessagesMs: number): void {
    this.#lastMessagesMs = lastMessagesMs
    if (this.#isPeerGone && this.#state === 'open') this.#startCloseTimeout()
  }

  /** No message that waits is handled any more. */
  giveUp (): void {
    this.#inbound.refuse()
  }

  get stats (): ConnectionStats {
    return {
      queued: this.#inbound.queued,
      running: this.#inbound.running,
      streams: this.#inbound.streams,
      pendingCalls: this.#calls?.size ?? 0,
      bufferedBytes: this.bufferedAmount,
      messagesReceived: this.#inbound.received,
      messagesSent: this.#outbox.sent,
      bytesReceived: this.#wire.bytesRead ?? 0,
      bytesSent: this.#wire.bytesWritten ?? 0
    }
  }

  // What comes in.

  get isSlow (): boolean {
    return this.#outbox.isSlow
  }

  get hasMessageListener (): boolean {
    return this.raw.listenerCount('message') > 1
  }

  get hasPendingCalls (): boolean {
    return this.#calls !== undefined && this.#calls.size > 0
  }

  sendReserved (text: string, type: string): void {
    if (this.isOpen) this.#wiring.observer.messageSent(this.socket, type)
    this.#outbox.sendText(text)
  }

  sendError (body: ErrorBody): void {
    if (!this.isOpen) return
    this.#wiring.observer.errorSent(this.socket, body)
    this.sendReserved(this.#wiring.encoder.error(body), Reserved.error)
  }

  takeAnswer ({ kind, ref, data }: Answer): boolean {
    if (this.#calls === undefined) return false
    return kind === 'reply' ? this.#calls.resolve(ref, data) : this.#calls.reject(ref, data)
  }

  get ignoresInput (): boolean {
    return this.raw.ignoresInput
  }

  ignoreInput (): void {
    this.raw.ignoreInput()
  }

  takePong (): boolean {
    return this.raw.takePong()
  }

  pause (): void {
    this.raw.pause()
  }

  // What waits in front of the socket comes first.
  resume (): void {
    if (this.#intake?.readOn() !== false && this.raw.isPaused) this.raw.resume()
  }

  inflated (): void {
    this.#context.runInAsyncScope(() => this.resume())
  }

  // No answer arrives or leaves any more: whatever waits for one is told, or what stands behind it would wait too.
  gone (): void {
    if (this.#isPeerGone) return
    this.#isPeerGone = true
    if (this.#heartbeatEntry !== undefined) this.#wiring.heartbeat?.leave(this.#heartbeatEntry)
    this.#expiry?.stop()
    this.#outbox.end()
    this.#calls?.end()
    this.#abort?.abort()
    if (this.#state === 'open') this.#startCloseTimeout()
    this.#inbound.end()
  }

  onIdle (): void {
    if (!this.#inbound.isIdle) return
    this.#whenIdle?.()
    if (this.#closed !== undefined) this.#finish(this.#closed)
    this.#settle()
  }

  sourceEnded (): void {
    this.#settle()
  }

  /** Never throws and never rejects: resolves to the error the peer is told of. */
  report (error: unknown, message: ReceivedMessage | undefined): Failure | Promise<Failure> {
    const { errorHandler, observer } = this.#wiring
    observer.failed(this.socket, error, message, errorHandler !== undefined)
    if (errorHandler === undefined) return { error }
    try {
      const other = errorHandler(error, this.socket, message)
      if (isThenable(other)) return this.#awaitReport(other, error)
      return chosen(other, error)
    } catch (thrown) {
      return { error: thrown }
    }
  }

  // What goes out.

  onSlow (): void {
    const { slowConsumer, slowTimeoutMs } = this.#wiring.settings
    this.#wiring.observer.slow(this.socket)
    if (slowConsumer === 'close') this.#patience = setTimeout(() => this.#leaveSlow(), slowTimeoutMs).unref()
  }

  onDrain (): void {
    clearTimeout(this.#patience)
    this.#calls?.onDrain()
    this.#context.runInAsyncScope(() => this.#inbound.next())
  }

  unreadable (error: unknown): void {
    void this.report(error, undefined)
  }

  // Calls of our own.

  sendCall (text: string, type: string): void {
    this.sendReserved(text, type)
  }

  sendCancel (ref: number): void {
    this.sendReserved(this.#wiring.encoder.cancel(ref), Reserved.cancel)
  }

  refuseReply (reason: string): void {
    this.sendError(refuse(ErrorCode.validation, reason, Reserved.reply).error)
  }

  failReply (): void {
    this.sendError(bodyOf(undefined, { type: Reserved.reply, ref: undefined }))
  }

  // Signs of life.

  get bytesRead (): number {
    return this.#wire.bytesRead ?? Number.NaN
  }

  // A socket that is paused is read on until its own buffer is full: until then a pong still arrives.
  get isRead (): boolean {
    return !this.#wire.isPaused() || this.#wire.readableLength < this.#wire.readableHighWaterMark
  }

  get begun (): number {
    return this.#inbound.received - this.#inbound.queued
  }

  ping (): void {
    if (this.isOpen) this.raw.ping()
  }

  onDead (): void {
    this.log.debug('websocket peer shows no sign of life')
    this.terminate()
  }

  #take (data: Buffer, isBinary: boolean): void {
    if (isBinary) this.#inbound.takeBinary(data)
    else this.#inbound.takeText(data, data.length)
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
    if (this.#isPeerGone) this.#startCloseTimeout()
    this.#inbound.start()
  }

  async #failOpening (error: unknown): Promise<void> {
    this.#state = 'failing'
    // The peer's goodbye comes behind what waited.
    this.#inbound.refuse()
    const { code, reason } = closeOf((await this.report(error, undefined)).error)
    this.#state = 'done'
    this.close(code, reason)
    this.#settle()
  }

  async #awaitReport (other: PromiseLike<unknown>, error: unknown): Promise<Failure> {
    this.#reporting++
    const failure = await Promise.resolve(other).then((value) => chosen(value, error), (thrown: unknown) => ({ error: thrown }))
    this.#reporting--
    this.#settle()
    return failure
  }

  // An event that finds no room is counted where that was asked for; else the peer would not know what it missed.
  #hasRoom (type: string | undefined): boolean {
    if (!this.isOpen) return false
    if (this.isSlow) {
      if (this.#wiring.settings.slowConsumer === 'close') this.#sayTooSlow()
      else this.#wiring.observer.dropped(this.socket, type)
      return false
    }
    this.#wiring.observer.messageSent(this.socket, type)
    return true
  }

  #sayTooSlow (): void {
    this.close(CloseCode.slowConsumer, 'too slow to read what was sent')
  }

  // It had its time; now it is told, and then cut off.
  #leaveSlow (): void {
    if (!this.isOpen) return this.terminate()
    this.#sayTooSlow()
    this.#patience = setTimeout(() => this.terminate(), DEAF_GOODBYE_MS).unref()
  }

  #end (code: number, reason: string): void {
    this.#closed = { code, reason, wasClean: code !== CloseCode.abnormal && this.raw.faultCode === undefined }
    for (const topic of this.topics) this.unsubscribe(topic)
    clearTimeout(this.#patience)
    this.#wiring.home.leave(this)
    this.#wiring.observer.connectionClosed(this.socket, this.#closed, Math.round(performance.now() - this.#openedMs), this.stats)
    this.gone()
    if (this.#isLate) this.#finish(this.#closed)
    this.onIdle()
    this.#whenIdle?.()
    this.#settle()
  }

  // A handler that never settles does not keep `close` from running.
  #startCloseTimeout (): void {
    clearTimeout(this.#patience)
    this.#lastMessages = after(this.#lastMessagesMs, () => this.#context.runInAsyncScope(() => this.#beLate()), this.#lastMessages)
  }

  // Of what is left unread the close frame alone matters now.
  #beLate (): void {
    this.#isLate = true
    if (this.#closed === undefined) this.terminate()
    else this.#finish(this.#closed)
  }

  #finish (event: CloseEvent): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    clearTimeout(this.#lastMessages)
    this.#inbound.refuse()
    void this.#runClose(event)
  }

  async #runClose (event: CloseEvent): Promise<void> {
    try {
      await this.#wiring.close?.(this.socket, event)
    } catch (error) {
      await this.report(error, undefined)
    }
    this.#state = 'done'
    this.#settle()
  }

  // What is gone stays known until nothing of the app's runs for it any more.
  #settle (): void {
    if (!this.isSettled) return
    this.#wiring.home.forget(this)
    this.#whenSettled?.()
  }
}
