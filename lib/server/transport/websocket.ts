import type { AsyncResource } from 'node:async_hooks'
import { WebSocket } from 'ws'
import { CloseCode } from '../../protocol.js'
import { noteArrival } from './arrival.js'
import { FrameReader, type FrameReaderOwner, type TextReceiver } from './frame-reader.js'
import type { Outbox } from './outbox.js'
import { WsReceiver, type PayloadLimits, type Receiver } from './ws-receiver.js'

// More pings that come at once have one pong, which answers the last of them.
const MAX_WAITING_PONGS = 16

const kFrameReader = Symbol('frame-reader')
const kContext = Symbol('context')
const kOutbox = Symbol('outbox')

/** The receiver of ws, with the reader in front of it. */
interface ReadThrough extends Receiver {
  [kFrameReader]?: FrameReader
  [kContext]?: AsyncResource
  [kOutbox]?: Outbox | undefined
}

/** A connection, as its WebSocket needs it. */
export interface ServerWebSocketOwner {
  /** A message that ws has read: its frame was in fragments, say, or compressed. */
  onMessage (data: Buffer, isBinary: boolean): void
  onClose (code: number, reason: Buffer): void
  /** It is not read any more, for now. */
  onPause (): void
  onError (error: Error): void
}

/**
 * The WebSocket of a typed route. Frames that ws writes by itself (the echo of a close frame, say)
 * and frames that a handler writes through `socket.raw` keep their place behind the frames in the
 * outbox: nothing may follow a close frame (RFC 6455 §5.5.1).
 */
export class ServerWebSocket extends WebSocket {
  outbox: Outbox | undefined = undefined
  /** It is told of all events, in front of their listeners. */
  owner: ServerWebSocketOwner | undefined = undefined
  /** The code by which ws closed after a fault in the frames it read. It reads no answer then. */
  faultCode: number | undefined = undefined
  #wsReceiver: WsReceiver | undefined = undefined
  #frameReader: FrameReader | undefined = undefined
  #ignoresInput = false
  #awaitedPongs = 0
  // The pongs that are not written yet, and the last ping that came meanwhile.
  #waitingPongs = 0
  #unanswered: Buffer | undefined = undefined

  /** True once every frame but a close frame is left out. */
  get ignoresInput (): boolean {
    return this.#ignoresInput
  }

  /**
   * Notes a pong.
   * @returns whether it answers a ping. Any other pong counts as load.
   */
  takePong (): boolean {
    if (this.#awaitedPongs === 0) return false
    this.#awaitedPongs--
    return true
  }

  // The owner is told without listeners: a list of them costs each connection 100 bytes.
  override emit (event: string | symbol, ...values: unknown[]): boolean {
    const { owner } = this
    if (owner === undefined) return super.emit(event, ...values)
    if (event === 'message') owner.onMessage(values[0] as Buffer, values[1] as boolean)
    else if (event === 'ping') this.answer(values[0] as Buffer)
    else if (event === 'close') owner.onClose(values[0] as number, values[1] as Buffer)
    else if (event === 'error') return this.#tellError(owner, values[0] as Error)
    return super.emit(event, ...values)
  }

  // An error without a listener would be thrown.
  #tellError (owner: ServerWebSocketOwner, error: Error): boolean {
    owner.onError(error)
    return this.listenerCount('error') === 0 || super.emit('error', error)
  }

  /**
   * Puts a frame reader in front of the receiver of ws.
   * @param next - the next part of the line, which takes the messages.
   * @param context - the context in which every chunk is read.
   * @returns undefined where a later ws keeps its receiver elsewhere.
   */
  readThrough (next: TextReceiver, owner: FrameReaderOwner, limits: PayloadLimits, context: AsyncResource): FrameReader | undefined {
    const receiver = this.#receiver
    if (receiver == null) return undefined
    const isCompressed = this.extensions !== ''
    if (isCompressed) guard(receiver)
    this.#wsReceiver = new WsReceiver(receiver, limits)
    const frameReader = new FrameReader(next, owner, this.#wsReceiver, limits.maxPayloadBytes, isCompressed)
    receiver[kFrameReader] = frameReader
    receiver[kContext] = context
    receiver[kOutbox] = this.outbox
    // upstream-private: ws Receiver#write, Receiver#end
    receiver.write = writeToFrameReader
    receiver.end = endFrameReader
    this.#frameReader = frameReader
    return frameReader
  }

  /** Leaves out every frame but a close frame from now on, and reads on to find one. */
  ignoreInput (): void {
    if (this.#ignoresInput) return
    this.#ignoresInput = true
    if (this.#frameReader?.ignore() !== false && this.isPaused) this.resume()
  }

  override pause (): void {
    super.pause()
    this.owner?.onPause()
  }

  // upstream-private: ws WebSocket#close
  // ws closes by this method too: without a reason after a fault that its receiver has found.
  override close (code?: number, reason?: string | Buffer): void {
    this.outbox?.flushBefore()
    super.close(code, this.#noteFault(code, reason))
    this.ignoreInput()
  }

  override terminate (): void {
    super.terminate()
    this.ignoreInput()
  }

  #noteFault (code?: number, reason?: string | Buffer): string | Buffer | undefined {
    if (reason !== undefined || this.#receiver?.errored == null) return reason
    this.faultCode = code
    return code === CloseCode.messageTooBig ? `message larger than ${this.#wsReceiver!.limit}` : undefined
  }

  get #receiver (): ReadThrough | null | undefined {
    // upstream-private: ws WebSocket#_receiver
    return (this as unknown as { readonly _receiver?: ReadThrough | null })._receiver
  }

  override ping (...args: unknown[]): void {
    this.#awaitedPongs++
    this.outbox?.flushBefore()
    super.ping(...args as Parameters<WebSocket['ping']>)
  }

  override pong (...args: unknown[]): void {
    this.outbox?.flushBefore()
    super.pong(...args as Parameters<WebSocket['pong']>)
  }

  /**
   * Answers a ping. RFC 6455 §5.5.3 asks for a pong to the last one only: the pongs to a client
   * that does not read, or that sends a thousand pings at once, would pile up.
   */
  answer (ping: Buffer): void {
    if (this.readyState !== this.OPEN || this.outbox?.isFull === true) return
    if (this.#waitingPongs === MAX_WAITING_PONGS) {
      this.#unanswered = ping
      return
    }
    this.#waitingPongs++
    this.pong(ping, undefined, () => this.#answerLast())
  }

  #answerLast (): void {
    this.#waitingPongs--
    const ping = this.#unanswered
    if (ping === undefined) return
    this.#unanswered = undefined
    this.answer(ping)
  }

  override send (...args: unknown[]): void {
    this.outbox?.flushBefore()
    if (args[0] instanceof Blob) this.#sendBlob(args[0], ...args.slice(1))
    else super.send(...args as Parameters<WebSocket['send']>)
  }

  #sendBlob (blob: unknown, ...rest: unknown[]): void {
    const release = this.outbox?.hold()
    const sent = rest.at(-1)
    const options = typeof rest[0] === 'object' ? rest[0] : {}
    super.send(blob as never, options as {}, (error) => {
      release?.()
      if (typeof sent === 'function') sent(error)
    })
  }
}

// One function for all receivers. A chunk belongs to one connection, whose context is entered once
// for the chunk and not once for each message.
function writeToFrameReader (this: ReadThrough, bytes: Buffer): boolean {
  return this[kContext]!.runInAsyncScope(write, undefined, this, bytes)
}

// Handlers that await nothing have answered when the chunk is read: their answers need no turn of
// the queue of `nextTick`.
function write (receiver: ReadThrough, bytes: Buffer): boolean {
  noteArrival()
  const outbox = receiver[kOutbox]
  outbox?.beginRead()
  try {
    return receiver[kFrameReader]!.write(bytes)
  } finally {
    outbox?.endRead()
  }
}

function endFrameReader (this: ReadThrough): void {
  this[kContext]!.runInAsyncScope(end, undefined, this[kFrameReader]!)
}

function end (frameReader: FrameReader): void {
  frameReader.end()
}

// After a fault in a compressed message ws 8.23 would still read the bytes behind it, and could
// throw.
function guard (receiver: Receiver): void {
  // upstream-private: ws Receiver#_write, Receiver#_errored
  const write = receiver._write.bind(receiver)
  receiver._write = (chunk, encoding, done) => receiver._errored ? done() : write(chunk, encoding, done)
}
