import { AsyncResource } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import type { AnyContract } from '../../../types/contract.js'
import type { ReceivedMessage } from '../../../types/handler.js'
import type { CallOptions, Socket } from '../../../types/socket.js'
import { CloseCode } from '../../protocol.js'
import type { Failure } from '../failure.js'
import type { Answer } from '../messages/decode.js'
import { Inbound } from '../messages/inbound.js'
import type { InboundContext } from '../messages/owner.js'
import type { ConnectionStats } from '../stats.js'
import type { Hub, Joining } from '../topics/hub.js'
import { SubscriberTopics } from '../topics/subscriber-topics.js'
import type { Frame } from '../transport/frame.js'
import type { ServerWebSocket, ServerWebSocketOwner } from '../transport/websocket.js'
import { Activity } from './activity.js'
import { PendingCalls } from './calls.js'
import { closeFrameOf } from './close-frame.js'
import { reportError, type ErrorHandlerContext } from './error-handler.js'
import { Expiry } from './expiry.js'
import { keepAlive, type Entry, type Heartbeat, type HeartbeatMember } from './heartbeat.js'
import { Input } from './input.js'
import { Lifecycle, type LifecycleHandlers } from './lifecycle.js'
import { statsOf, type TransportStream } from './numbers.js'
import { outputOf, type SpokenVersion, type VersionRegistry } from './older-output.js'
import type { Output } from './output.js'
import type { PartOwner } from './owner.js'
import { ConnectionRecipient, type RecipientOwner } from './recipient.js'
import { TypedSocket, type SocketOwner } from './socket.js'

/** The parts that all connections of one route share. */
export interface RouteContext extends InboundContext, LifecycleHandlers, ErrorHandlerContext, SpokenVersion {
  readonly contract: AnyContract
  readonly registry: ConnectionRegistry
  readonly heartbeat: Heartbeat | undefined
}

/** The connections of one contract. */
export interface ConnectionRegistry extends VersionRegistry {
  readonly hub: Hub<Connection>
  /** The client of a connection has caught up. */
  drained (connection: Connection): void
  join (connection: Connection): void
  /** The connection has ended; work of the app may go on for it. */
  leave (connection: Connection): void
  /** The work of the app for it has ended, too. */
  forget (connection: Connection): void
}

const NO_TOPICS: ReadonlySet<string> = new Set()

/** One live connection: its parts put together. Handlers hold its `socket`. */
export class Connection implements SocketOwner, PartOwner, HeartbeatMember, ServerWebSocketOwner, RecipientOwner {
  readonly route: RouteContext
  readonly request: FastifyRequest
  readonly ws: ServerWebSocket
  readonly socket: Socket
  // The context of the handshake. Functions of the app run in it: work that begins in a turn of
  // another connection, or of a timer, enters it first.
  readonly context: AsyncResource = new AsyncResource('fastify-typed-ws')
  readonly input: Input
  readonly output: Output
  readonly #stream: TransportStream
  readonly #inbound: Inbound
  readonly activity: Activity
  readonly #lifecycle: Lifecycle
  readonly #heartbeatEntry: Entry | undefined
  readonly #openedMs: number = performance.now()
  // Parts that most connections never need.
  #topics: SubscriberTopics<Connection> | undefined = undefined
  #recipient: ConnectionRecipient | undefined = undefined
  #calls: PendingCalls | undefined = undefined
  #expiry: Expiry | undefined = undefined
  #abort: AbortController | undefined = undefined

  constructor (route: RouteContext, ws: ServerWebSocket, stream: Duplex, request: FastifyRequest) {
    this.route = route
    this.request = request
    this.ws = ws
    this.socket = new TypedSocket(this)
    this.#stream = stream
    this.output = outputOf(route, ws, stream, this)
    this.#inbound = new Inbound(route, this)
    this.#lifecycle = new Lifecycle(route, this)
    this.activity = new Activity(this.#lifecycle, this.#inbound, this)
    this.input = new Input(ws, this.#inbound.receiver, route.settings, this)
    ws.owner = this
    route.registry.join(this)
    this.#heartbeatEntry = route.heartbeat?.join(this)
    route.observer.connectionOpened(this.socket)
  }

  /** Runs the route's `open`; messages wait meanwhile. */
  start (): void {
    this.#lifecycle.start()
  }

  get isOpen (): boolean {
    return this.ws.readyState === this.ws.OPEN
  }

  get isGone (): boolean {
    return this.#lifecycle.isGone
  }

  close (code: number = CloseCode.normal, reason: string | Uint8Array = ''): void {
    this.ws.close(...closeFrameOf(code, reason))
  }

  terminate (): void {
    this.ws.terminate()
  }

  get signal (): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#lifecycle.isGone) this.#abort.abort()
    return this.#abort.signal
  }

  get expiresAt (): Date | undefined {
    return this.#expiry?.at
  }

  set expiresAt (at: Date | undefined) {
    if (this.#lifecycle.isGone) return
    this.#expiry ??= new Expiry(() => this.close(CloseCode.expired, 'credentials expired'))
    this.#expiry.move(at)
  }

  get topics (): ReadonlySet<string> {
    return this.#topics?.names ?? NO_TOPICS
  }

  get recipient (): ConnectionRecipient {
    this.#recipient ??= new ConnectionRecipient(this)
    return this.#recipient
  }

  takePositions (positions: Readonly<Record<string, unknown>>): boolean | string {
    return this.recipient.asks && (this.recipient.takePositions(positions) ?? true)
  }

  subscribe (topic: string, joining: Joining): boolean | Promise<boolean> {
    if (this.#lifecycle.hasEnded) return false
    const { registry: { hub }, settings: { maxTopics } } = this.route
    this.#topics ??= new SubscriberTopics<Connection>(hub, this, maxTopics)
    return this.#topics.add(topic, joining)
  }

  unsubscribe (topic: string): void {
    this.#topics?.remove(topic)
  }

  deliver (frame: Frame): void {
    this.output.sendFrame(frame)
  }

  // The client has caught up: calls and messages that waited for it go on.
  onDrain (): void {
    this.#calls?.onDrain()
    if (this.#recipient !== undefined) this.route.registry.drained(this)
    this.context.runInAsyncScope(() => this.#inbound.scheduler.next())
  }

  // Calls of the server's.

  call (type: string, payload: unknown, options: CallOptions): Promise<unknown> {
    const { encoder, settings } = this.route
    this.#calls ??= new PendingCalls(this, encoder, settings.maxPendingCalls)
    return this.#calls.call(type, payload, options)
  }

  get hasPendingCalls (): boolean {
    return this.#calls !== undefined && this.#calls.size > 0
  }

  takeAnswer (answer: Answer): boolean {
    return this.#calls?.take(answer) === true
  }

  // Work of the app.

  onIdle (): void {
    this.activity.progress()
  }

  sourceEnded (): void {
    this.activity.settle()
  }

  report (error: unknown, message: ReceivedMessage | undefined): Failure | Promise<Failure> {
    const failure = reportError(this.route, error, this.socket, message)
    return failure instanceof Promise ? this.activity.awaitErrorHandler(failure) : failure
  }

  // The end.

  // No answer arrives or leaves any more: each wait for one ends now, with all that stands behind
  // it.
  gone (): void {
    if (!this.#lifecycle.goAway()) return
    if (this.#heartbeatEntry !== undefined) this.route.heartbeat!.leave(this.#heartbeatEntry)
    this.#expiry?.stop()
    this.#recipient?.end()
    this.output.end()
    this.#calls?.end()
    this.#abort?.abort()
    this.#inbound.end()
  }

  handleMessages (): void {
    this.#inbound.scheduler.start()
  }

  dropMessages (): void {
    this.#inbound.scheduler.stop()
  }

  onCloseTimeoutStart (): void {
    this.output.stopSlowTimers()
  }

  onSettle (): void {
    this.activity.settle()
  }

  // A connection stays known until it is settled.
  onSettled (): void {
    this.route.registry.forget(this)
  }

  // Shutdown.

  /** Gives the last messages another time until `close` runs. */
  hurry (closeTimeoutMs: number): void {
    this.#lifecycle.hurry(closeTimeoutMs)
  }

  /** Stops handling messages: those that wait are dropped. */
  giveUp (): void {
    this.#inbound.scheduler.stop()
  }

  get stats (): ConnectionStats {
    return statsOf(this.#inbound, this.output, this.#calls?.size ?? 0, this.#stream)
  }

  // Signs of life.

  get bytesRead (): number {
    return this.#stream.bytesRead ?? Number.NaN
  }

  // A paused stream is read until its own buffer is full: until then a pong still arrives.
  get isRead (): boolean {
    return !this.#stream.isPaused() || this.#stream.readableLength < this.#stream.readableHighWaterMark
  }

  get begun (): number {
    return this.#inbound.receiver.received - this.#inbound.scheduler.queued
  }

  ping (): void {
    if (this.isOpen) this.ws.ping()
  }

  onPause (): void {
    keepAlive(this.#stream, this.route.settings.heartbeat)
  }

  onDead (): void {
    this.request.log.debug('websocket client shows no sign of life')
    this.terminate()
  }

  onMessage (data: Buffer, isBinary: boolean): void {
    this.context.runInAsyncScope(() => this.input.receive(data, isBinary))
  }

  onClose (code: number, reason: Buffer): void {
    this.context.runInAsyncScope(() => this.#end(this.ws.faultCode ?? code, reason.toString()))
  }

  onError (error: Error): void {
    this.request.log.debug({ err: error }, 'websocket error')
  }

  #end (code: number, reason: string): void {
    const { registry, observer } = this.route
    const event = { code, reason, wasClean: code !== CloseCode.abnormal && this.ws.faultCode === undefined }
    this.#lifecycle.end(event)
    this.#topics?.clear()
    this.output.stopSlowTimers()
    registry.leave(this)
    observer.connectionClosed(this.socket, event, Math.round(performance.now() - this.#openedMs), this.stats)
    this.gone()
    this.activity.end()
  }
}
