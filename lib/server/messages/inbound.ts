import type { ReceivedMessage } from '../../../types/handler.js'
import { after } from '../../timer.js'
import { CloseCode, ErrorCode, REF, Reserved, type ErrorBody } from '../../protocol.js'
import type { Codec, Incoming } from '../compile/contract.js'
import { refuse, type Answer, type Decoded, type Decoder, type Fault, type Refusal } from './decode.js'
import { dispatch, type DispatchOwner } from './dispatch.js'
import type { Encoder } from './encode.js'
import { bodyOf, type Failure } from '../failure.js'
import { PONG } from '../transport/frame.js'
import type { FrameReaderOwner } from '../transport/frame-reader.js'
import type { Observer } from '../stats.js'
import { RateLimiter } from './rate-limit.js'
import { Message } from './message.js'
import type { RouteSettings } from '../options.js'
import { HandlerQueue, type HandlerQueueOwner } from './handler-queue.js'
import { Streams, type StreamsOwner } from './streams.js'

/** What is behind every message of a route. */
export interface InboundContext<S> {
  readonly decoder: Decoder<Entry<S>>
  readonly encoder: Encoder
  readonly settings: RouteSettings
  readonly observer: Observer
  /** Whether a client message overtakes the others. */
  readonly hasUrgent: boolean
  /** How binary frames are handled, where the contract allows them. */
  readonly binary: BinaryEntry<S> | undefined
}

export type Handler<S> = (payload: never, socket: S, message: ReceivedMessage) => unknown

/** A client message, as the contract declares and the route handles it. */
export interface Entry<S> extends Incoming {
  readonly handler: Handler<S>
  /** Tokens of the rate limit. */
  readonly cost: number
  readonly isUrgent: boolean
}

/** Binary frames have a handler, and neither name nor answer. */
export interface BinaryEntry<S> {
  readonly handler: Handler<S>
  readonly name?: undefined
  readonly reply?: undefined
  readonly cost?: undefined
  readonly isStream?: undefined
  readonly isUrgent?: undefined
}

/** What comes in asks this of its connection. None of these throws, but for `drained`. */
export interface InboundOwner<S> {
  /** The object that handlers hold. */
  readonly socket: S
  readonly isOpen: boolean
  readonly isSlow: boolean
  readonly hasMessageListener: boolean
  /** Whether calls of the server's wait for an answer. */
  readonly hasPendingCalls: boolean
  drained (): Promise<void>
  /** Sends what is owed to the peer. */
  sendReserved (text: string, type: string): void
  sendError (body: ErrorBody): void
  /** Takes the answer to a call. Returns whether one waits for it. */
  takeAnswer (answer: Answer): boolean
  /** Resolves to the error the peer is told of; never rejects. */
  report (error: unknown, message: ReceivedMessage | undefined): Failure | Promise<Failure>
  close (code: number, reason: string): void
  /** Whether nothing is to be heard any more, because either side said goodbye. */
  readonly ignoresInput: boolean
  /** Hears nothing any more but the peer's goodbye. */
  ignoreInput (): void
  /** The peer is gone, but not all it said has been read. */
  gone (): void
  terminate (): void
  /** Returns whether a pong that arrived answers a ping of ours. */
  takePong (): boolean
  /** Reads no more, until `resume`. */
  pause (): void
  resume (): void
  /** As `resume`, in a turn of zlib's. */
  inflated (): void
  /** There may be nothing left to do. */
  onIdle (): void
  /** A stream's source has ended. */
  sourceEnded (): void
}

type Received<S> = Message<Entry<S> | BinaryEntry<S>>
/** A refusal in its place among the messages. After the last one the connection is closed. */
type Denial = Refusal & { readonly ending?: readonly [code: number, reason: string], readonly bytes?: undefined }
type Item<S> = Received<S> | Denial

// While the answer to a call of ours may stand behind them, more messages are read than usual.
const CALLING_FACTOR = 8
// How long what came before may keep a peer from being told why it is sent away.
const ENDING_MS = 5000
const TOO_MANY_REQUESTS = { statusCode: 429, error: 'Too Many Requests' } as const

/** The messages of one connection: decoded, admitted, put in order, handled and answered. */
export class Inbound<S> implements FrameReaderOwner, HandlerQueueOwner<Item<S>>, DispatchOwner<Received<S>>, StreamsOwner<Received<S>> {
  readonly #inlet: InboundContext<S>
  readonly #socket: InboundOwner<S>
  readonly #queue: HandlerQueue<Item<S>>
  readonly #urgent: HandlerQueue<Item<S>> | undefined
  #streams: Streams<Received<S>> | undefined = undefined
  #limit: RateLimiter | undefined = undefined
  #isStarted = false
  // Until there is a token again.
  #throttle: NodeJS.Timeout | undefined = undefined
  #ending: NodeJS.Timeout | undefined = undefined
  #isEnded = false
  #hasOvertaken = false
  #received = 0
  #invalid = 0

  constructor (inlet: InboundContext<S>, socket: InboundOwner<S>) {
    this.#inlet = inlet
    this.#socket = socket
    this.#queue = new HandlerQueue(this, inlet.settings.concurrency)
    this.#urgent = inlet.hasUrgent ? new HandlerQueue(urgent(this), 1) : undefined
  }

  get received (): number {
    return this.#received
  }

  get queued (): number {
    return this.#queue.length + (this.#urgent?.length ?? 0)
  }

  get running (): number {
    return this.#queue.running.size + (this.#urgent?.running.size ?? 0)
  }

  get streams (): number {
    return this.#streams?.size ?? 0
  }

  /** Whether every message has been handled; streams go on beside. */
  get isIdle (): boolean {
    return this.queued === 0 && this.running === 0
  }

  /** Whether as much waits as may, or nothing is taken for want of tokens. */
  get isFull (): boolean {
    if (this.#throttle !== undefined) return true
    return this.queued > 0 && this.#fill >= 1
  }

  get hasMessageListener (): boolean {
    return this.#socket.hasMessageListener
  }

  // While the peer does not read, nothing is handled: no answers pile up, and no longer than this the queue.
  get isReady (): boolean {
    return this.#isStarted && (!this.#socket.isSlow || this.#isEnded)
  }

  get isSlow (): boolean {
    return this.#socket.isSlow
  }

  drained (): Promise<void> {
    return this.#socket.drained()
  }

  /** Handles messages from now on. */
  start (): void {
    this.#isStarted = true
    this.next()
  }

  /** Handles no message at all. */
  refuse (): void {
    this.#queue.clear()
    this.#urgent?.clear()
    this.#socket.ignoreInput()
  }

  pause (): void {
    this.#socket.pause()
  }

  resume (): void {
    this.#socket.inflated()
  }

  gone (): void {
    this.#socket.gone()
  }

  terminate (): void {
    this.#socket.terminate()
  }

  /** The peer is gone. What it said before is handled, but nobody waits for an answer. */
  end (): void {
    this.#isEnded = true
    clearTimeout(this.#throttle)
    clearTimeout(this.#ending)
    this.#throttle = undefined
    for (const item of [...this.#queue.running, ...this.#urgent?.running ?? []]) if (item.kind === 'message') item.abort()
    this.#streams?.end()
    this.next()
  }

  /** Whether the next urgent message may begin: while the peer does not read one may and no more, since its answer has no room. */
  get mayOvertake (): boolean {
    return this.#isStarted && (!this.#hasOvertaken || this.isReady)
  }

  /** Runs an urgent message. */
  overtake (item: Item<S>): Promise<void> | undefined {
    this.#hasOvertaken = this.#socket.isSlow
    return this.run(item)
  }

  /** Begins what may begin now: it has just opened, caught up or ended. */
  next (): void {
    this.#hasOvertaken = false
    this.#urgent?.next()
    this.#queue.next()
    this.onProgress()
  }

  takeText (text: string | Buffer, bytes: number): void {
    this.#receive(text, false, bytes)
  }

  takeBinary (data: Buffer): void {
    this.#receive(data, true, data.length)
  }

  admitsFrame (opcode: number): boolean {
    if (opcode === PONG && this.#socket.takePong()) return true
    if (this.#isEnded || this.#admits(1)) return true
    if (this.#limit?.isFlood === true) {
      this.#deny()
      return true
    }
    this.#wait()
    return false
  }

  run (item: Item<S>): Promise<void> | undefined {
    if (item.kind === 'refusal') return this.#refuse(item)
    if (this.#isEnded) item.abort()
    const { entry } = item
    if (entry.isStream === true) {
      const refusal = this.#refusalOf(item)
      if (refusal !== undefined) return this.#refuse(refusal)
      this.#streams ??= new Streams(this)
      this.#streams.admit(item)
    }
    const { observer } = this.#inlet
    const { socket } = this.#socket
    if (!observer.isTracing) return dispatch<S, Received<S>>(item, socket, this)
    return observer.trace(socket as never, item, () => dispatch<S, Received<S>>(item, socket, this))
  }

  onProgress (): void {
    if (this.#fill <= 0.5) this.#socket.resume()
    this.#socket.onIdle()
  }

  answer (message: Received<S>, result: unknown): Promise<void> | undefined {
    const { entry } = message
    if (entry.isStream === true) return this.#streams!.open(message, result)
    if (entry.reply !== undefined && !message.isOver && this.#socket.isOpen) {
      this.#socket.sendReserved(this.#inlet.encoder.reply(entry.name, entry.reply, message.ref, result), Reserved.reply)
    }
    this.#inlet.observer.messageHandled(this.#socket.socket as never, message)
    return undefined
  }

  sendItem (message: Received<S>, item: unknown): void {
    const { name, reply } = message.entry as Entry<S>
    this.#socket.sendReserved(this.#inlet.encoder.next(name, reply as Codec, message.ref!, item), Reserved.next)
  }

  sendDone (message: Received<S>): void {
    this.#socket.sendReserved(this.#inlet.encoder.done(message.ref!), Reserved.done)
    this.#inlet.observer.messageHandled(this.#socket.socket as never, message)
  }

  sourceEnded (): void {
    this.#socket.sourceEnded()
  }

  cancelled (message: Received<S>): void {
    this.#inlet.observer.messageHandled(this.#socket.socket as never, message)
  }

  fail (error: unknown, message: Received<S>): Promise<void> | undefined {
    const shown = this.report(error, message)
    if (shown instanceof Promise) return shown.then((failure) => this.#failed(error, failure, message))
    this.#failed(error, shown, message)
    return undefined
  }

  report (error: unknown, message: Received<S>): Failure | Promise<Failure> {
    return this.#socket.report(error, message)
  }

  #failed (error: unknown, failure: Failure, message: Received<S>): void {
    if (!message.isOver) this.#socket.sendError(bodyOf(failure.error, message))
    this.#streams?.drop(message)
    this.#inlet.observer.messageFailed(this.#socket.socket as never, message, error)
  }

  get #queuedBytes (): number {
    return this.#queue.bytes + (this.#urgent?.bytes ?? 0)
  }

  // How full the queue is, by number or by bytes: 1 is as much as may wait.
  get #fill (): number {
    const { maxQueuedMessages, maxQueuedBytes } = this.#inlet.settings
    const factor = this.#socket.hasPendingCalls ? CALLING_FACTOR : 1
    return Math.max(this.queued / maxQueuedMessages, this.#queuedBytes / maxQueuedBytes) / factor
  }

  // The one way in. A throw from here would leave by the socket's 'data' event, and end the process.
  #receive (data: string | Buffer, isBinary: boolean, bytes: number): void {
    if (this.#socket.ignoresInput) return
    this.#received++
    try {
      if (isBinary) this.#takeFrame(data as Buffer)
      else this.#take(this.#inlet.decoder.decode(typeof data === 'string' ? data : data.toString()), bytes)
    } catch (error) {
      void this.fail(error, failing(error))
    }
  }

  #take (decoded: Decoded<Entry<S>>, bytes: number): void {
    switch (decoded.kind) {
      case 'message': return this.#takeMessage(decoded, bytes)
      case 'refusal': return this.#takeRefusal(decoded)
      case 'fault': return this.#takeMessage(failing(decoded.error, decoded), bytes)
      case 'ping': return this.#takePing()
      case 'cancel': return this.#cancel(decoded.ref) ? undefined : this.#charge(Reserved.cancel, decoded.ref)
      case 'reply':
      case 'error': return this.#socket.takeAnswer(decoded) ? undefined : this.#charge(`$${decoded.kind}`, decoded.ref)
    }
  }

  #takeFrame (data: Buffer): void {
    const { binary } = this.#inlet
    if (binary === undefined) this.#socket.close(CloseCode.unsupportedData, 'no binary frames here')
    else this.#takeMessage(new Message(binary, undefined, undefined, data), data.length)
  }

  #takeMessage (message: Received<S>, bytes: number): void {
    const { entry } = message
    if (!this.#admits(entry.cost ?? 1)) return this.#deny(message.type, message.ref)
    this.#invalid = 0
    message.bytes = bytes
    this.#enqueue(message, entry.isUrgent === true ? this.#urgent : this.#queue)
  }

  #takeRefusal (refusal: Refusal): void {
    const { ref, received } = refusal.error
    this.#invalid++
    if (this.#invalid >= this.#inlet.settings.maxInvalidMessages) this.#endWith(refusal, CloseCode.policyViolation, 'too many invalid messages')
    else if (this.#admits(1)) this.#enqueue(refusal)
    else this.#deny(received, ref)
  }

  // A peer that does not read needs no pong, and could pile them up.
  #takePing (): void {
    if (!this.#admits(1)) this.#deny(Reserved.ping)
    else if (!this.isSlow) this.#socket.sendReserved(this.#inlet.encoder.pong(), Reserved.pong)
  }

  // What nobody waits for costs as much as a message.
  #charge (type: string, ref: number | undefined): void {
    if (!this.#admits(1)) this.#deny(type, ref)
  }

  #admits (cost: number): boolean {
    const { rateLimit } = this.#inlet.settings
    if (rateLimit === false) return true
    const nowMs = performance.now()
    this.#limit ??= new RateLimiter(rateLimit, nowMs)
    return this.#limit.take(cost, nowMs)
  }

  // To refuse costs as much as to serve: it is done once, and then nothing is read until there is a token.
  #deny (received?: string, ref?: number): void {
    const denial = refuse(ErrorCode.rateLimited, 'too many messages', received, ref, TOO_MANY_REQUESTS)
    if (this.#limit?.isFlood === true) return this.#endWith(denial, CloseCode.rateLimited, 'too many messages')
    this.#wait()
    this.#enqueue(denial)
  }

  // What a peer said before it was gone is all there is: it is admitted or refused, at once.
  #wait (): void {
    if (this.#isEnded) return
    this.#throttle = after(this.#limit!.waitMs(performance.now()), () => this.#goOn(), this.#throttle).unref()
    this.#socket.pause()
  }

  #goOn (): void {
    this.#throttle = undefined
    if (this.#limit!.waitMs(performance.now()) > 0) this.#wait()
    else this.onProgress()
  }

  // In its place, but not behind a handler that hangs; meanwhile nothing is heard.
  #endWith (refusal: Refusal, code: number, reason: string): void {
    const denial: Denial = { ...refusal, ending: [code, reason] }
    this.#ending = after(ENDING_MS, () => this.#refuse(denial)).unref()
    this.#enqueue(denial)
    this.#socket.ignoreInput()
  }

  #enqueue (item: Item<S>, queue: HandlerQueue<Item<S>> = this.#queue): void {
    queue.push(item)
    if (this.isFull) this.#socket.pause()
  }

  #refuse ({ error, ending }: Denial): undefined {
    this.#socket.sendError(error)
    if (ending === undefined) return
    clearTimeout(this.#ending)
    this.#socket.close(...ending)
  }

  #refusalOf ({ type, ref }: Received<S>): Refusal | undefined {
    const streams = this.#streams
    // An error with this `ref` would be the end of the other one.
    if (streams?.has(ref!) === true) return refuse(ErrorCode.validation, `message/${REF} ${ref} is that of a stream that goes on`, type)
    if (this.streams < this.#inlet.settings.maxStreams) return undefined
    return refuse(ErrorCode.tooManyStreams, 'too many streams at once', type, ref, TOO_MANY_REQUESTS)
  }

  // The caller waits no longer: what waits is not begun, and what runs is told.
  #cancel (ref: number): boolean {
    if (this.#streams?.cancel(ref) === true) return true
    const isMeant = (item: Item<S>): boolean => item.kind === 'message' && item.ref === ref
    const removed = this.#queue.remove(isMeant) ?? this.#urgent?.remove(isMeant)
    if (removed !== undefined) this.onProgress()
    const meant = removed ?? [...this.#queue.running, ...this.#urgent?.running ?? []].find(isMeant)
    // Free only once: to cancel what is cancelled already meets nothing.
    if (meant?.kind !== 'message' || meant.isOver) return false
    meant.abort()
    return true
  }
}

// A message that fails in its place among the others, as if its handler had thrown.
function failing<S> (error: unknown, { type, ref, payload }: Partial<Fault> = {}): Message<BinaryEntry<S>> {
  return new Message({ handler: () => { throw error } }, type, ref, payload)
}

// What overtakes the others does so one by one.
function urgent<S> (inbound: Inbound<S>): HandlerQueueOwner<Item<S>> {
  return {
    get isReady () { return inbound.mayOvertake },
    run: (item) => inbound.overtake(item),
    onProgress: () => inbound.onProgress()
  }
}
