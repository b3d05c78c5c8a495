import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import * as errors from '../errors.js'
import { frameBinary, frameText, type Bytes, type Frame } from './frame.js'
import { giveWay, isLong } from '../turn.js'

const OPEN = 1

/** What an outbox tells its connection. */
export interface OutboxOwner {
  /** More waits than may. */
  onSlow (): void
  /** No more than half of that waits. */
  onDrain (): void
  /** A Blob could not be read. What is behind it has lost its place, so ws ends the connection. */
  unreadable (error: unknown): void
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

// One tick for all connections that wrote something in this turn of the event loop.
let unsent: Outbox[] = []

function sendAll (): void {
  const outboxes = unsent
  unsent = []
  for (const outbox of outboxes) outbox.flush()
}

/**
 * The only writer to a connection's socket. What is written in one turn of the event loop leaves in one write, in order, when the turn ends.
 */
export class Outbox {
  readonly #ws: WebSocket
  readonly #socket: Duplex
  readonly #highWaterMarkBytes: number
  readonly #owner: OutboxOwner
  // What ws compresses, or sends behind a Blob, cannot be framed here: ws alone keeps the order then.
  #isThroughWs: boolean
  #blobs = 0
  #isSlow = false
  #sent = 0
  #waiters: Waiter[] = []
  // ASCII frames that follow each other are one string; other frames cut it.
  #text = ''
  #chunks: Bytes[] = []
  #waitingBytes = 0
  #isScheduled = false
  #isCorked = false

  constructor (ws: WebSocket, socket: Duplex, highWaterMarkBytes: number, owner: OutboxOwner) {
    this.#ws = ws
    this.#socket = socket
    this.#highWaterMarkBytes = highWaterMarkBytes
    this.#owner = owner
    this.#isThroughWs = ws.extensions !== ''
  }

  get bufferedAmount (): number {
    return this.#waitingBytes + this.#ws.bufferedAmount
  }

  /** Messages it took. */
  get sent (): number {
    return this.#sent
  }

  /** Whether the peer has not yet taken enough of what went beyond the high-water mark. */
  get isSlow (): boolean {
    return this.#isSlow
  }

  /** Whether more waits than may, whoever wrote it. */
  get isFull (): boolean {
    return this.bufferedAmount > this.#highWaterMarkBytes
  }

  /**
   * Resolves once no more than half of the high-water mark waits; in a later turn when this one is long.
   * @throws FST_TYPED_WS_CONNECTION_CLOSED, by rejecting
   */
  async drained (): Promise<void> {
    if (this.#ws.readyState === OPEN && this.#isSlow) await new Promise<void>((resolve, reject) => { this.#waiters.push({ resolve, reject }) })
    await giveWay()
    if (this.#ws.readyState !== OPEN) throw new errors.ConnectionClosed()
  }

  /** Nothing will leave any more. */
  end (): void {
    this.#isSlow = false
    for (const { reject } of this.#takeWaiters()) reject(new errors.ConnectionClosed())
  }

  /** @returns false when too much waits after it, when so much was sent in a turn that is long, or when the connection is no longer open. */
  sendText (text: string): boolean {
    if (this.#ws.readyState !== OPEN) return false
    return this.#isThroughWs ? this.#sendThroughWs(text) : this.#append(frameText(text))
  }

  /** Sends what others get too. */
  sendFrame (frame: Frame): boolean {
    if (this.#ws.readyState !== OPEN) return false
    return this.#isThroughWs ? this.#sendThroughWs(frame.text) : this.#append(frame.bytes)
  }

  sendBinary (data: Uint8Array): boolean {
    if (this.#ws.readyState !== OPEN) return false
    // ws sends it later and keeps no copy: take one, as the frame does, so that the caller may use its memory again.
    return this.#isThroughWs ? this.#sendThroughWs(Buffer.from(data)) : this.#append(frameBinary(data))
  }

  /** Sends a Blob in its place: what is sent after it waits until it is read, and all of that is buffered. */
  sendBlob (blob: Blob): boolean {
    if (this.#ws.readyState !== OPEN) return false
    return this.#sendThroughWs(blob as never, (error) => {
      if (error != null && !this.#socket.destroyed) this.#owner.unreadable(error)
      this.#written()
    })
  }

  /** Called before ws begins to read a Blob. Returns what is to be called once it is written. */
  hold (): () => void {
    this.#blobs++
    this.#isThroughWs = true
    return () => {
      if (--this.#blobs === 0) this.#isThroughWs = this.#ws.extensions !== ''
    }
  }

  /** Writes what waits, in front of a frame that ws is about to write by itself; both leave when the turn ends. */
  flushBefore (): void {
    if (this.#waitingBytes === 0) return
    this.#cork()
    this.#write()
  }

  /** Hands everything to the socket. */
  flush (): void {
    this.#isScheduled = false
    if (this.#waitingBytes > 0) this.#write()
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#socket.uncork()
  }

  #append (bytes: Bytes): boolean {
    this.#sent++
    if (typeof bytes === 'string') {
      this.#text += bytes
    } else {
      this.#cut()
      this.#chunks.push(bytes)
    }
    this.#waitingBytes += bytes.length
    this.#schedule()
    return !this.isFull || this.#relieve()
  }

  #sendThroughWs (data: string | Buffer, written: (error?: Error) => void = this.#written): boolean {
    this.#sent++
    this.#cork()
    this.#schedule()
    this.#ws.send(data, written)
    return !this.isFull || this.#relieve()
  }

  // The turn need not end first: what the system takes at once does not wait. But a sender that is never told to wait would let nobody else be served.
  #relieve (): boolean {
    if (this.#isSlow) return false
    this.#isSlow = true
    this.flush()
    this.#isSlow = this.isFull
    if (this.#isSlow) this.#owner.onSlow()
    return !this.#isSlow && !isLong()
  }

  // Whatever a write was, less waits after it; in a socket that was cut nothing does.
  readonly #written = (): void => {
    if (this.#socket.destroyed || !this.#isSlow || this.bufferedAmount > this.#highWaterMarkBytes / 2) return
    this.#isSlow = false
    this.#owner.onDrain()
    for (const { resolve } of this.#takeWaiters()) resolve()
  }

  #takeWaiters (): Waiter[] {
    const waiters = this.#waiters
    this.#waiters = []
    return waiters
  }

  #cut (): void {
    if (this.#text === '') return
    this.#chunks.push(this.#text)
    this.#text = ''
  }

  #cork (): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#socket.cork()
  }

  #schedule (): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    if (unsent.push(this) === 1) process.nextTick(sendAll)
  }

  #write (): void {
    this.#waitingBytes = 0
    // A socket that ended or broke in this very turn takes nothing more.
    if (!this.#socket.writable) return
    const written = this.#isSlow ? this.#written : undefined
    if (this.#chunks.length === 0) {
      this.#socket.write(this.#text, 'latin1', written)
      this.#text = ''
      return
    }
    this.#cut()
    this.#socket.cork()
    for (const chunk of this.#chunks) this.#socket.write(chunk, 'latin1', written)
    this.#chunks = []
    this.#socket.uncork()
  }
}
