import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { frameBinary, frameText, type Bytes, type Frame } from './frame.js'

const OPEN = 1

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
  readonly #isCompressed: boolean
  // ASCII frames that follow each other are one string; other frames cut it.
  #text = ''
  #chunks: Bytes[] = []
  #waitingBytes = 0
  #isScheduled = false
  #isCorked = false

  constructor (ws: WebSocket, socket: Duplex, highWaterMarkBytes: number) {
    this.#ws = ws
    this.#socket = socket
    this.#highWaterMarkBytes = highWaterMarkBytes
    this.#isCompressed = ws.extensions !== ''
  }

  get bufferedAmount (): number {
    return this.#waitingBytes + this.#ws.bufferedAmount
  }

  /** @returns false above the high-water mark, or when the connection is no longer open. */
  sendText (text: string): boolean {
    if (this.#ws.readyState !== OPEN) return false
    return this.#isCompressed ? this.#compress(text) : this.#append(frameText(text))
  }

  /** Sends what others get too. */
  sendFrame (frame: Frame): boolean {
    if (this.#ws.readyState !== OPEN) return false
    return this.#isCompressed ? this.#compress(frame.text) : this.#append(frame.bytes)
  }

  sendBinary (data: Uint8Array): boolean {
    if (this.#ws.readyState !== OPEN) return false
    // ws compresses later and keeps no copy: take one, as the frame does, so that the caller may use its memory again.
    return this.#isCompressed ? this.#compress(Buffer.from(data)) : this.#append(frameBinary(data))
  }

  /** Writes what waits, in front of a frame that ws is about to write by itself; both leave when the turn ends. */
  settle (): void {
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
    if (typeof bytes === 'string') {
      this.#text += bytes
    } else {
      this.#cut()
      this.#chunks.push(bytes)
    }
    this.#waitingBytes += bytes.length
    this.#schedule()
    return this.bufferedAmount <= this.#highWaterMarkBytes
  }

  #compress (data: string | Buffer): boolean {
    this.#cork()
    this.#schedule()
    this.#ws.send(data)
    return this.bufferedAmount <= this.#highWaterMarkBytes
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
    if (this.#chunks.length === 0) {
      this.#socket.write(this.#text, 'latin1')
      this.#text = ''
      return
    }
    this.#cut()
    this.#socket.cork()
    for (const chunk of this.#chunks) this.#socket.write(chunk, 'latin1')
    this.#chunks = []
    this.#socket.uncork()
  }
}
