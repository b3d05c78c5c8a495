import type { AsyncResource } from 'node:async_hooks'
import { Writable } from 'node:stream'
import { WebSocket } from 'ws'
import { CloseCode } from '../../protocol.js'
import { FrameReader, type Reader, type FrameReaderOwner } from './frame-reader.js'

/** Whoever holds frames back until the turn of the event loop ends. */
export interface FrameHolder {
  flushBefore (): void
  /** What is sent from now on keeps its place behind a Blob. Returns how to end that. */
  hold (): () => void
  /** Whether more waits than may. */
  readonly isFull: boolean
}

const kFrameReader = Symbol('intake')
const kContext = Symbol('context')
// ws's reader has no other.
const writable = Writable.prototype as unknown as {
  readonly write: (this: Receiver, bytes: Buffer, written?: () => void) => boolean
  readonly end: (this: Receiver) => void
}

/** What ws reads a socket with, under a name that is not public. */
interface Receiver {
  [kFrameReader]?: FrameReader
  [kContext]?: AsyncResource
  write (bytes: Buffer): boolean
  end (): void
  readonly writable: boolean
  readonly writableLength: number
  _write (chunk: Buffer, encoding: string, done: () => void): void
  readonly _errored: boolean
}

/** ws's reader, behind an intake. */
class WsReceiver implements Reader {
  readonly #receiver: Receiver

  constructor (receiver: Receiver) {
    this.#receiver = receiver
  }

  get writable (): boolean {
    return this.#receiver.writable
  }

  get isBusy (): boolean {
    return this.#receiver.writableLength > 0
  }

  write (bytes: Buffer, written?: () => void): boolean {
    return writable.write.call(this.#receiver, bytes, written)
  }

  end (): void {
    writable.end.call(this.#receiver)
  }
}

/**
 * The WebSocket of a typed route. What ws writes by itself (a pong, the echo of a close frame) and what a user writes through `socket.raw` keeps
 * its place behind what the outbox holds: nothing may follow a close frame (RFC 6455 §5.5.1).
 */
export class ServerWebSocket extends WebSocket {
  outbox: FrameHolder | undefined = undefined
  /** The code that ws closed with by itself, because of what it read; then it reads no answer. */
  faultCode: number | undefined = undefined
  #maxPayloadBytes = 0
  #intake: FrameReader | undefined = undefined
  #ignoresInput = false
  #awaitedPongs = 0

  /** Whether nothing but a close frame is heard any more. */
  get ignoresInput (): boolean {
    return this.#ignoresInput
  }

  /** Takes note of a pong. Returns whether it answers a ping: others are nothing but load. */
  takePong (): boolean {
    if (this.#awaitedPongs === 0) return false
    this.#awaitedPongs--
    return true
  }

  /**
   * Puts an intake in front of ws's own reader, which takes every chunk in this context.
   * @returns nothing where a later ws keeps its reader elsewhere.
   */
  readThrough (taker: FrameReaderOwner, maxPayloadBytes: number, context: AsyncResource): FrameReader | undefined {
    const receiver = this.#receiver
    this.#maxPayloadBytes = maxPayloadBytes
    if (receiver == null) return undefined
    const isCompressed = this.extensions !== ''
    if (isCompressed) guard(receiver)
    const intake = new FrameReader(taker, new WsReceiver(receiver), maxPayloadBytes, isCompressed)
    receiver[kFrameReader] = intake
    receiver[kContext] = context
    receiver.write = writeToFrameReader
    receiver.end = endIntake
    this.#intake = intake
    return intake
  }

  /** Hears nothing but a close frame from now on; for that, it is read whatever waits. */
  ignoreInput (): void {
    if (this.#ignoresInput) return
    this.#ignoresInput = true
    if (this.#intake?.ignore() !== false && this.isPaused) this.resume()
  }

  // Only ws closes without a reason because its reader has found a fault.
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
    if (reason !== undefined || this.#receiver?._errored !== true) return reason
    this.faultCode = code
    return code === CloseCode.messageTooBig ? `message larger than maxPayloadBytes ${this.#maxPayloadBytes}` : undefined
  }

  get #receiver (): Receiver | null | undefined {
    return (this as unknown as { readonly _receiver?: Receiver | null })._receiver
  }

  override ping (...args: unknown[]): void {
    this.#awaitedPongs++
    this.outbox?.flushBefore()
    super.ping(...args as Parameters<WebSocket['ping']>)
  }

  // RFC 6455 §5.5.3 lets pongs be left out but for the last: who does not read could pile them up.
  override pong (...args: unknown[]): void {
    if (this.outbox?.isFull === true) return skip(args.at(-1))
    this.outbox?.flushBefore()
    super.pong(...args as Parameters<WebSocket['pong']>)
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

// ws counts the pongs it waits for.
function skip (sent: unknown): void {
  if (typeof sent === 'function') sent()
}

// One for all receivers. A chunk belongs to one connection: its context is entered once, not once per message.
function writeToFrameReader (this: Receiver, bytes: Buffer): boolean {
  return this[kContext]!.runInAsyncScope(write, undefined, this[kFrameReader]!, bytes)
}

function write (intake: FrameReader, bytes: Buffer): boolean {
  return intake.write(bytes)
}

function endIntake (this: Receiver): void {
  this[kContext]!.runInAsyncScope(end, undefined, this[kFrameReader]!)
}

function end (intake: FrameReader): void {
  intake.end()
}

// After a fault in a compressed message ws 8.23 would still read what follows it, and could throw.
function guard (receiver: Receiver): void {
  const write = receiver._write.bind(receiver)
  receiver._write = (chunk, encoding, done) => receiver._errored ? done() : write(chunk, encoding, done)
}
