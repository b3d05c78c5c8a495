import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import * as errors from '../errors.js'
import { frameBinary, frameWithBinary, type Bytes, type Frame } from './frame.js'
import { Unsent } from './unsent.js'
import { Waiters } from './waiters.js'
import { giveWay, isLong } from '../turn.js'

const OPEN = 1

/** The connection of an outbox. */
export interface OutboxOwner {
  /** More bytes wait than the high-water mark. */
  onSlow (): void
  /** No more than half of the high-water mark waits. */
  onDrain (): void
  /** A Blob cannot be read. Frames behind it have lost their place: ws ends the connection. */
  unreadable (error: unknown): void
}

// One `nextTick` for all connections that wrote in this turn of the event loop.
let scheduled: Outbox[] = []

function sendAll (): void {
  const outboxes = scheduled
  scheduled = []
  Unsent.endTurn()
  for (const outbox of outboxes) outbox.flush()
}

/**
 * The only writer to a connection's stream. The frames of one turn of the event loop leave in one
 * write, in their order, when the turn ends.
 */
export class Outbox {
  readonly #ws: WebSocket
  readonly #stream: Duplex
  readonly #highWaterMarkBytes: number
  readonly #owner: OutboxOwner
  // Frames that ws compresses, or sends behind a Blob, leave later: only ws keeps the order then.
  #isThroughWs: boolean
  #blobs = 0
  #isSlow = false
  #sent = 0
  #waiters: Waiters | undefined = undefined
  // Made with the first message: most connections of a service are silent.
  #unsent: Unsent | undefined = undefined
  #isScheduled = false
  // While a chunk of this connection is read.
  #isHolding = false
  #isCorked = false
  // False when nothing was left of the last write.
  #isBehind = false
  #callback: (() => void) | undefined = undefined

  constructor (ws: WebSocket, stream: Duplex, highWaterMarkBytes: number, owner: OutboxOwner) {
    this.#ws = ws
    this.#stream = stream
    this.#highWaterMarkBytes = highWaterMarkBytes
    this.#owner = owner
    this.#isThroughWs = ws.extensions !== ''
  }

  get bufferedAmount (): number {
    return (this.#unsent?.bytes ?? 0) + this.#ws.bufferedAmount
  }

  /** The number of messages it has taken. */
  get sent (): number {
    return this.#sent
  }

  /** True from the high-water mark until no more than half of it waits. */
  get isSlow (): boolean {
    return this.#isSlow
  }

  /** True while more bytes wait than the high-water mark, bytes of ws included. */
  get isFull (): boolean {
    const mostBytes = (this.#unsent?.mostBytes ?? 0) + this.#ws.bufferedAmount
    return mostBytes > this.#highWaterMarkBytes && this.bufferedAmount > this.#highWaterMarkBytes
  }

  /**
   * Resolves once no more than half of the high-water mark waits; in a later turn when this one is
   * long.
   * @throws FST_TYPED_WS_CONNECTION_CLOSED, by rejecting
   */
  async drained (): Promise<void> {
    if (this.#ws.readyState === OPEN && this.#isSlow) await (this.#waiters ??= new Waiters()).wait()
    await giveWay()
    if (this.#ws.readyState !== OPEN) throw new errors.ConnectionClosed()
  }

  /** Rejects all that wait: nothing leaves any more. */
  end (): void {
    this.#isSlow = false
    this.#waiters?.reject()
  }

  /**
   * @returns false when more bytes than the high-water mark wait after it, when it was sent in a
   * turn that is long, or when the connection is no longer open.
   */
  sendText (text: string): boolean {
    if (this.#ws.readyState !== OPEN) return false
    if (this.#isThroughWs) return this.#sendThroughWs(text)
    this.#waiting.addText(text)
    return this.#note()
  }

  /** Sends a frame that other connections get too. */
  sendFrame (frame: Frame): boolean {
    if (this.#ws.readyState !== OPEN) return false
    if (this.#isThroughWs) return this.#sendThroughWs(frame.text)
    this.#waiting.addFrame(frame)
    return this.#note()
  }

  /** @param event - the text of the event in front of it: nothing parts the two. */
  sendBinary (data: Uint8Array, event?: string): boolean {
    if (this.#ws.readyState !== OPEN) return false
    // Copied, as a frame is: ws sends it later, and the caller may use its memory again.
    if (this.#isThroughWs) return this.#sendThroughWs(Buffer.from(data), event)
    this.#waiting.add(event === undefined ? frameBinary(data) : frameWithBinary(event, data))
    return this.#note()
  }

  /**
   * Sends a Blob in its place. Everything sent after it is buffered until the Blob is read.
   * @param event - as for `sendBinary`.
   */
  sendBlob (blob: Blob, event?: string): boolean {
    if (this.#ws.readyState !== OPEN) return false
    return this.#sendThroughWs(blob as never, event, (error) => {
      if (error != null && !this.#stream.destroyed) this.#owner.unreadable(error)
      this.#onWritten()
    })
  }

  /**
   * Sends through ws from now on: called before ws begins to read a Blob.
   * @returns a function to call once the Blob is written.
   */
  hold (): () => void {
    this.#blobs++
    this.#isThroughWs = true
    return () => {
      if (--this.#blobs === 0) this.#isThroughWs = this.#ws.extensions !== ''
    }
  }

  /** Writes the waiting frames before one that ws writes by itself. Both leave with the turn. */
  flushBefore (): void {
    if (!this.#isWaiting) return
    this.#cork()
    this.#write()
  }

  /** Keeps frames until `endRead`: those that answer one chunk leave behind it. */
  beginRead (): void {
    this.#isHolding = true
  }

  /** Writes the frames that came since `beginRead`; in a turn that has others, with them. */
  endRead (): void {
    this.#isHolding = false
    if (!this.#isScheduled) this.flush()
  }

  /** Hands all frames to the stream. */
  flush (): void {
    this.#isScheduled = false
    if (this.#isWaiting) this.#write()
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#stream.uncork()
  }

  get #waiting (): Unsent {
    this.#unsent ??= new Unsent()
    return this.#unsent
  }

  // Notes a message.
  #note (): boolean {
    this.#sent++
    this.#schedule()
    const hasRoom = !this.#isBehind && this.#unsent!.mostBytes <= this.#highWaterMarkBytes
    return hasRoom || !this.isFull || this.#relieve()
  }

  #sendThroughWs (data: string | Buffer, event?: string, written: (error?: Error) => void = this.#written): boolean {
    this.#sent++
    this.#cork()
    this.#schedule()
    if (event !== undefined) this.#ws.send(event)
    this.#ws.send(data, written)
    return !this.isFull || this.#relieve()
  }

  // Writes before the turn ends: bytes that the system takes at once do not wait. The sender waits
  // in a long turn all the same: else no other connection would be served.
  #relieve (): boolean {
    if (this.#isSlow) return false
    this.#isSlow = true
    this.flush()
    this.#isSlow = this.isFull
    if (this.#isSlow) this.#owner.onSlow()
    return !this.#isSlow && !isLong()
  }

  // Made for the first write that needs it: most connections are never slow.
  get #written (): () => void {
    this.#callback ??= () => this.#onWritten()
    return this.#callback
  }

  // Called after every kind of write. A destroyed stream has nothing left to write.
  #onWritten (): void {
    if (this.#stream.destroyed || !this.#isSlow || this.bufferedAmount > this.#highWaterMarkBytes / 2) return
    this.#isSlow = false
    this.#owner.onDrain()
    this.#waiters?.resolve()
  }

  #cork (): void {
    if (!this.#isCorked) this.#stream.cork()
    this.#isCorked = true
  }

  #schedule (): void {
    if (this.#isScheduled || this.#isHolding) return
    this.#isScheduled = true
    if (scheduled.push(this) === 1) process.nextTick(sendAll)
  }

  get #isWaiting (): boolean {
    return this.#unsent?.isEmpty === false
  }

  #write (): void {
    const unsent = this.#unsent!
    const written = this.#isSlow ? this.#written : undefined
    if (unsent.isRun) this.#writeOne(unsent.takeRun(), written)
    else this.#writeAll(unsent.takeAll(), written)
    this.#isBehind = this.#ws.bufferedAmount > 0
  }

  #writeAll (chunks: readonly Bytes[], written: (() => void) | undefined): void {
    this.#stream.cork()
    for (const chunk of chunks) this.#writeOne(chunk, written)
    this.#stream.uncork()
  }

  // A stream that ended or broke in this very turn takes nothing more.
  #writeOne (bytes: Bytes, written: (() => void) | undefined): void {
    if (this.#stream.writable) this.#stream.write(bytes, 'latin1', written)
  }
}
