import { isUtf8 } from 'node:buffer'
import { FINAL_TEXT, LENGTH_16, LENGTH_64 } from './frame.js'

/** What an intake asks of a connection. */
export interface FrameReaderOwner {
  /** Takes the text of one message, which came in so many bytes. */
  takeText (text: string, bytes: number): void
  /** Takes note of a frame that ends no message: a ping, a pong, a fragment. Returns whether it may be read now. */
  admitsFrame (opcode: number): boolean
  /** Whether it can take no more for now; when that has changed, `readOn` is to be called. */
  readonly isFull: boolean
  /** Whether somebody else wants to hear every message from ws. */
  readonly hasMessageListener: boolean
  /** Is to read no more from the socket for now. */
  pause (): void
  /** Has room again: ws has done with a frame. */
  resume (): void
  /** Nothing more will arrive, but something that has waits to be read. */
  gone (): void
  /** Far too much has arrived that nobody is to hear. */
  terminate (): void
}

/** What ws reads with: a Writable, of which these are enough. */
export interface Reader {
  /**
   * @param written - called when ws has done with these bytes
   * @returns false when it wants no more for now.
   */
  write (bytes: Buffer, written?: () => void): boolean
  /** False once it has read its last frame, or found a broken one. */
  readonly writable: boolean
  /** Whether ws still works on what was written: it inflates beside the main thread. */
  readonly isBusy: boolean
  /** Nothing more will be written. */
  end (): void
}

const FINAL = 0x80
const OPCODE = 0x0f
const CLOSE = 0x08
const MASKED = 0x80
const LENGTH = 0x7f
const MASK_BYTES = 4
const NON_ASCII = 0x80
const MAX_HEADER_BYTES = 14
const NOTHING = Buffer.alloc(0)
const WAIT = -1
// More than the buffers of both systems hold: a client that goes on after that has read the close frame, or never will.
const MAX_IGNORED_BYTES = 16 * 1024 * 1024

/**
 * Reads the frames nearly all messages come in, in front of ws: complete, final, masked text (RFC 6455 §5.2). Everything else, and every fault, is left
 * to ws, which gets frames in their order, one at a time, and never learns of the others. Nothing is read while the taker is full or ws is busy; the end
 * of the stream waits behind what does.
 */
export class FrameReader {
  readonly #taker: FrameReaderOwner
  readonly #reader: Reader
  readonly #maxPayloadBytes: number
  readonly #written: (() => void) | undefined
  // Of a frame that ws has begun to read.
  #owedBytes = 0
  // Between the first and the last frame of a message every frame is ws's.
  #isFragmented = false
  // The incomplete header of such a frame, which ws has already.
  #begun: Buffer = NOTHING
  // What waits: for the rest of a plain header, or while the taker is full or ws busy.
  #rest: Buffer = NOTHING
  #isReading = false
  #isBusy = false
  #isEnding = false
  #isIgnoring = false
  // Of a frame that is left out, and of all of them.
  #ignoredBytes = 0
  #ignoredInAll = 0

  /** @param inflates - whether ws may work on a frame for longer than a call takes. */
  constructor (taker: FrameReaderOwner, reader: Reader, maxPayloadBytes: number, inflates: boolean = false) {
    this.#taker = taker
    this.#reader = reader
    this.#maxPayloadBytes = maxPayloadBytes
    this.#written = inflates ? () => this.#goOn() : undefined
  }

  write (chunk: Buffer): boolean {
    const isWanted = this.#read(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]))
    if (this.#isIgnoring) this.#giveWay()
    return isWanted
  }

  /**
   * Goes on with what had to wait.
   * @returns whether it can take more than that.
   */
  readOn (): boolean {
    if (this.#isReading) return !this.#isHeld
    if (this.#rest.length > 0 && !this.#isHeld) this.#read(this.#rest)
    if (this.#isEnding && !this.#isWaiting) this.#finish()
    return !this.#isHeld
  }

  /** Nothing more will arrive; what has arrived is read first. */
  end (): void {
    // ws has read a close frame: what follows it is nothing.
    if (this.#isReading) return this.#reader.end()
    const isFirst = !this.#isEnding
    this.#isEnding = true
    if (isFirst && this.#isWaiting) this.#taker.gone()
    if (!this.#isWaiting) this.#finish()
  }

  /**
   * Looks for a close frame alone from now on: nobody is to hear anything else.
   * @returns as `readOn`
   */
  ignore (): boolean {
    this.#isIgnoring = true
    return this.readOn()
  }

  #read (bytes: Buffer): boolean {
    this.#rest = NOTHING
    this.#isReading = true
    let isWanted = true
    let at = 0
    while (at < bytes.length && !this.#isHeld && this.#reader.writable) {
      const taken = this.#isOwed ? 0 : this.#isIgnoring ? this.#leaveOut(bytes, at) : this.#take(bytes, at)
      if (taken === WAIT || (taken === 0 && !this.#admits(bytes[at]!))) break
      const left = taken > 0 ? 0 : this.#owe(bytes, at)
      if (left > 0) isWanted = this.#hand(bytes.subarray(at, at + left)) && isWanted
      at += taken + left
    }
    this.#isReading = false
    if (at < bytes.length && this.#reader.writable) this.#rest = bytes.subarray(at)
    if (this.#isHeld) this.#taker.pause()
    return isWanted
  }

  get #isHeld (): boolean {
    return this.#isBusy || (!this.#isIgnoring && this.#taker.isFull)
  }

  // An incomplete header does not wait: it will never be more.
  get #isWaiting (): boolean {
    return this.#isBusy || (this.#rest.length > 0 && this.#isHeld)
  }

  // libuv reads up to 32 chunks of one socket in a turn: too many for what nobody is to hear.
  #giveWay (): void {
    this.#taker.pause()
    setImmediate(() => this.#taker.resume())
  }

  #hand (bytes: Buffer): boolean {
    const isWanted = this.#reader.write(bytes, this.#written)
    this.#isBusy = this.#reader.isBusy
    return isWanted
  }

  #goOn (): void {
    if (!this.#isBusy || this.#reader.isBusy) return
    this.#isBusy = false
    this.#taker.resume()
  }

  #finish (): void {
    if (this.#rest.length > 0 && !this.#isIgnoring) this.#reader.write(this.#rest)
    this.#rest = NOTHING
    this.#reader.end()
  }

  // A frame that ends a message is paid for as the message; a close frame is free.
  #admits (first: number): boolean {
    const opcode = first & OPCODE
    if (this.#isOwed || opcode === CLOSE || (opcode < CLOSE && (first & FINAL) !== 0)) return true
    return this.#taker.admitsFrame(opcode)
  }

  // Passes over a frame, or as much of it as there is; returns 0 at a close frame.
  #leaveOut (bytes: Buffer, at: number): number {
    if (this.#ignoredBytes === 0) {
      if (at + 1 === bytes.length || at + headerBytesAt(bytes, at) > bytes.length) return WAIT
      if ((bytes[at]! & OPCODE) === CLOSE) return 0
      this.#ignoredBytes = headerBytesAt(bytes, at) + payloadBytesAt(bytes, at)
    }
    const left = Math.min(this.#ignoredBytes, bytes.length - at)
    this.#ignoredBytes -= left
    this.#ignoredInAll += left
    if (this.#ignoredInAll > MAX_IGNORED_BYTES) this.#taker.terminate()
    return left
  }

  get #isOwed (): boolean {
    return this.#owedBytes > 0 || this.#begun.length > 0
  }

  // Takes a whole plain frame and returns its length; 0 when there is none here, WAIT when there may be one once more has arrived.
  #take (bytes: Buffer, at: number): number {
    if (bytes[at] !== FINAL_TEXT || this.#isFragmented || this.#taker.hasMessageListener) return 0
    if (at + 1 === bytes.length) return WAIT
    if ((bytes[at + 1]! & MASKED) === 0) return 0
    const header = headerBytesAt(bytes, at)
    if (at + header > bytes.length) return WAIT
    const payload = payloadBytesAt(bytes, at)
    const end = at + header + payload
    if (payload > this.#maxPayloadBytes || end > bytes.length) return 0
    return this.#takeText(bytes, at + header, end) ? header + payload : 0
  }

  #takeText (bytes: Buffer, start: number, end: number): boolean {
    if (unmask(bytes, start, end)) {
      this.#taker.takeText(bytes.toString('latin1', start, end), end - start)
      return true
    }
    if (isUtf8(bytes.subarray(start, end))) {
      this.#taker.takeText(bytes.toString('utf8', start, end), end - start)
      return true
    }
    // ws is to find the fault: masking twice is masking not at all.
    unmask(bytes, start, end)
    return false
  }

  // How many of these bytes belong to a frame of ws's, which gets them as they come: it may find a fault before the header is complete.
  #owe (bytes: Buffer, at: number): number {
    if (this.#owedBytes === 0) this.#begin(bytes, at)
    const left = this.#owedBytes === 0 ? bytes.length - at : Math.min(this.#owedBytes, bytes.length - at)
    if (this.#owedBytes > 0) this.#owedBytes -= left
    return left
  }

  #begin (bytes: Buffer, at: number): void {
    const known = this.#begun.length
    const header = Buffer.concat([this.#begun, bytes.subarray(at, at + MAX_HEADER_BYTES - known)])
    const isComplete = header.length > 1 && header.length >= headerBytesAt(header, 0)
    this.#begun = isComplete ? NOTHING : header
    if (isComplete) this.#owedBytes = headerBytesAt(header, 0) + payloadBytesAt(header, 0) - known
    const first = header[0]!
    if ((first & OPCODE) < CLOSE) this.#isFragmented = (first & FINAL) === 0
  }
}

function headerBytesAt (bytes: Buffer, at: number): number {
  const second = bytes[at + 1]!
  const length = second & LENGTH
  return 2 + (length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0) + ((second & MASKED) === 0 ? 0 : MASK_BYTES)
}

function payloadBytesAt (bytes: Buffer, at: number): number {
  const length = bytes[at + 1]! & LENGTH
  if (length < LENGTH_16) return length
  if (length === LENGTH_16) return bytes.readUInt16BE(at + 2)
  return bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6)
}

// RFC 6455 §5.3, in place. Returns whether the payload is ASCII.
function unmask (bytes: Buffer, start: number, end: number): boolean {
  const a = bytes[start - 4]!
  const b = bytes[start - 3]!
  const c = bytes[start - 2]!
  const d = bytes[start - 1]!
  let seen = 0
  let at = start
  for (const last = end - 3; at < last; at += 4) {
    seen |= (bytes[at]! ^= a) | (bytes[at + 1]! ^= b) | (bytes[at + 2]! ^= c) | (bytes[at + 3]! ^= d)
  }
  for (let i = 0; at < end; at++, i++) seen |= (bytes[at]! ^= bytes[start - 4 + i]!)
  return (seen & NON_ASCII) === 0
}
