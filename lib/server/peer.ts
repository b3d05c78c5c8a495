import type { AsyncResource } from 'node:async_hooks'
import { Writable } from 'node:stream'
import { WebSocket } from 'ws'
import { CloseCode } from '../protocol.js'
import { Intake, type Reader, type Taker } from './intake.js'

/** Whoever holds frames back until the turn of the event loop ends. */
export interface Settling {
  settle (): void
  /** Whether more waits than may. */
  readonly isFull: boolean
}

const kIntake = Symbol('intake')
const kContext = Symbol('context')
// ws's reader has no other.
const writable = Writable.prototype as unknown as { readonly write: (this: Reader, bytes: Buffer) => boolean }

/** What ws reads a socket with, under a name that is not public. */
interface Receiver extends Reader {
  [kIntake]?: Intake
  [kContext]?: AsyncResource
  _write (chunk: Buffer, encoding: string, done: () => void): void
  readonly _errored: boolean
}

/** ws's reader, behind an intake. */
class Behind implements Reader {
  readonly #receiver: Receiver

  constructor (receiver: Receiver) {
    this.#receiver = receiver
  }

  get writable (): boolean {
    return this.#receiver.writable
  }

  write (bytes: Buffer): boolean {
    return writable.write.call(this.#receiver, bytes)
  }
}

/**
 * The WebSocket of a typed route. What ws writes by itself (a pong, the echo of a close frame) and what a user writes through `socket.raw` keeps
 * its place behind what the outbox holds: nothing may follow a close frame (RFC 6455 §5.5.1).
 */
export class Peer extends WebSocket {
  outbox: Settling | undefined = undefined
  /** The code that ws closed with by itself, because of what it read; then it reads no answer. */
  faultCode: number | undefined = undefined
  #maxPayloadBytes = 0

  /**
   * Puts an intake in front of ws's own reader, which takes every chunk in this context.
   * @returns nothing where frames may be compressed, which ws reads alone, or where a later ws keeps its reader elsewhere.
   */
  readBy (taker: Taker, maxPayloadBytes: number, context: AsyncResource): Intake | undefined {
    const receiver = this.#receiver
    this.#maxPayloadBytes = maxPayloadBytes
    if (receiver == null) return undefined
    if (this.extensions !== '') {
      guard(receiver)
      return undefined
    }
    const intake = new Intake(taker, new Behind(receiver), maxPayloadBytes)
    receiver[kIntake] = intake
    receiver[kContext] = context
    receiver.write = writeToIntake
    return intake
  }

  // Only ws closes without a reason because its reader has found a fault.
  override close (code?: number, reason?: string | Buffer): void {
    this.outbox?.settle()
    if (reason !== undefined || this.#receiver?._errored !== true) return super.close(code, reason)
    this.faultCode = code
    super.close(code, code === CloseCode.messageTooBig ? `message larger than maxPayloadBytes ${this.#maxPayloadBytes}` : undefined)
  }

  get #receiver (): Receiver | null | undefined {
    return (this as unknown as { readonly _receiver?: Receiver | null })._receiver
  }

  override ping (...args: unknown[]): void {
    this.outbox?.settle()
    super.ping(...args as Parameters<WebSocket['ping']>)
  }

  // RFC 6455 §5.5.3 lets pongs be left out but for the last: who does not read could pile them up.
  override pong (...args: unknown[]): void {
    if (this.outbox?.isFull === true) return skip(args.at(-1))
    this.outbox?.settle()
    super.pong(...args as Parameters<WebSocket['pong']>)
  }

  override send (...args: unknown[]): void {
    this.outbox?.settle()
    super.send(...args as Parameters<WebSocket['send']>)
  }
}

// ws counts the pongs it waits for.
function skip (sent: unknown): void {
  if (typeof sent === 'function') sent()
}

// One for all receivers. A chunk belongs to one connection: its context is entered once, not once per message.
function writeToIntake (this: Receiver, bytes: Buffer): boolean {
  return this[kContext]!.runInAsyncScope(write, undefined, this[kIntake]!, bytes)
}

function write (intake: Intake, bytes: Buffer): boolean {
  return intake.write(bytes)
}

// After a fault in a compressed message ws 8.23 would still read what follows it, and could throw.
function guard (receiver: Receiver): void {
  const write = receiver._write.bind(receiver)
  receiver._write = (chunk, encoding, done) => receiver._errored ? done() : write(chunk, encoding, done)
}
