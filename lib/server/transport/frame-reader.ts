import { isUtf8 } from 'node:buffer'
import { later } from '../turn.js'
import { CLOSE, FINAL_TEXT, MASKED, MASK_BYTES, OPCODE, headerBytesAt, payloadBytesAt, unmask, wordsBelow } from './frame.js'
import { IgnoredFrames, WAIT } from './ignored-frames.js'
import { ReadingTime } from './reading-time.js'

/** The next part of the line: it takes the messages that a frame reader has read. */
export interface TextReceiver {
  /** @param bytes - the length of the text as it was sent. */
  takeText (text: string, bytes: number): void
  /**
   * Notes a frame that ends no message: a ping, a pong, a fragment.
   * @returns whether it may be read now.
   */
  admitsFrame (opcode: number): boolean
  /** True while it takes no more. Once it does, the owner calls `readOn`. */
  readonly isFull: boolean
}

/** A connection, as its frame reader needs it. */
export interface FrameReaderOwner {
  /** True while a listener of the app's wants every message from ws. */
  readonly hasMessageListener: boolean
  /** Stops reading from the stream. */
  pause (): void
  /** Reads from the stream again, in the context of the connection: ws has finished a frame. */
  resumeInContext (): void
  /** The stream has ended, and bytes that have arrived wait to be read. */
  gone (): void
  /** Far too many bytes have arrived that are left out. */
  terminate (): void
}

/** The receiver of ws: a Writable, of which these members are enough. */
export interface FrameReceiver {
  /**
   * @param written - called when ws has finished these bytes.
   * @returns false when it takes no more for now.
   */
  write (bytes: Buffer, written?: () => void): boolean
  /** Notes the first frame of a message, before its first byte is written. */
  beginMessage (isBinary: boolean): void
  /** False once ws has read its last frame, or an invalid one. */
  readonly writable: boolean
  /** True while ws works on bytes it was given: it inflates beside the main thread. */
  readonly isBusy: boolean
  end (): void
}

const FINAL = 0x80
const BINARY = 0x02
const MAX_HEADER_BYTES = 14
const NOTHING = Buffer.alloc(0)
// Takes the place of a fault when UTF-8 is decoded. It may have been sent as such.
const REPLACEMENT = '\ufffd'
// The frames, and the bytes of one frame, that are read before a look at the time.
const FRAMES_PER_LOOK = 8
const BYTES_PER_LOOK = 1024
// The bytes that are worth a view of four at a time.
const BYTES_PER_VIEW = 256
// Between two chunks of a client that floods on after a close frame: TCP slows it down.
const IGNORED_PAUSE_MS = 10

/**
 * Reads the frames in which nearly all messages come: complete, final, masked text (RFC 6455 §5.2).
 * All other frames, and every fault, are left to ws, which gets them in their order, one at a time.
 * Nothing is read while the next part is full or ws is busy; the end of the stream waits behind the
 * bytes that wait. A connection that takes much time is read a part in a turn of the event loop,
 * one such connection after another, while all others are read at once.
 */
export class FrameReader {
  readonly #next: TextReceiver
  readonly #owner: FrameReaderOwner
  readonly #receiver: FrameReceiver
  readonly #maxTextBytes: number
  readonly #written: (() => void) | undefined
  // The rest of a frame that ws has begun to read.
  #owedBytes = 0
  // Between the first and the last frame of a message every frame goes to ws.
  #isFragmented = false
  // The incomplete header of a frame for ws, which has these bytes already.
  #begun: Buffer = NOTHING
  // Bytes that wait: for the rest of a header, for a later turn, or while the next part is full or
  // ws is busy.
  #rest: Buffer = NOTHING
  // The bytes that are read, four at a time.
  #words: Int32Array | undefined = undefined
  // Made with the first long chunk.
  #time: ReadingTime | undefined = undefined
  #isResting = false
  #isInTurn = false
  #isReading = false
  #isBusy = false
  #isEnding = false
  #ignored: IgnoredFrames | undefined = undefined

  /** @param inflates - true where ws may still work on a frame after the call. */
  constructor (next: TextReceiver, owner: FrameReaderOwner, receiver: FrameReceiver, maxTextBytes: number, inflates: boolean = false) {
    this.#next = next
    this.#owner = owner
    this.#receiver = receiver
    this.#maxTextBytes = maxTextBytes
    this.#written = inflates ? () => this.#goOn() : undefined
  }

  write (chunk: Buffer): boolean {
    if (this.#isHeavy) this.#giveWay()
    return this.#read(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]))
  }

  /**
   * Reads the bytes that had to wait.
   * @returns whether more bytes may come.
   */
  readOn (): boolean {
    if (this.#isReading) return !this.#isHeld
    if (this.#rest.length > 0 && !this.#isHeld) this.#readRest()
    if (this.#isEnding && !this.#isWaiting) this.#finish()
    return !this.#isHeld
  }

  /** Ends the receiver, behind all bytes that have arrived. */
  end (): void {
    // ws has read a close frame: the bytes behind it have no meaning.
    if (this.#isReading) return this.#receiver.end()
    const isFirst = !this.#isEnding
    this.#isEnding = true
    if (this.#ignored !== undefined) this.#isResting = false
    // The owner has room before it says so: what fits in is read, and no more.
    if (this.#rest.length > 0 && !this.#isHeld) this.#readRest()
    if (isFirst && this.#isWaiting) this.#owner.gone()
    if (!this.#isWaiting) this.#finish()
  }

  /**
   * Leaves out every frame but a close frame from now on.
   * @returns as `readOn`
   */
  ignore (): boolean {
    this.#ignored ??= new IgnoredFrames()
    return this.readOn()
  }

  #readRest (): void {
    if (this.#isHeavy) this.#giveWay()
    else this.#read(this.#rest)
  }

  #read (bytes: Buffer): boolean {
    this.#rest = NOTHING
    this.#isReading = true
    if (bytes.length > BYTES_PER_LOOK) this.#look()
    if (bytes.length > BYTES_PER_VIEW) this.#words = wordsBelow(bytes)
    let isWanted = true
    let frames = 0
    let at = 0
    while (at < bytes.length && !this.#isHeld && this.#receiver.writable) {
      const taken = this.#isOwed ? 0 : this.#ignored ? this.#leaveOut(bytes, at, this.#ignored) : this.#take(bytes, at)
      if (taken === WAIT || (taken === 0 && !this.#admits(bytes[at]!))) break
      const left = taken > 0 ? 0 : this.#owe(bytes, at)
      if (left > 0) isWanted = this.#hand(bytes.subarray(at, at + left)) && isWanted
      at += taken + left
      frames++
      if (frames % FRAMES_PER_LOOK === 0 || taken + left > BYTES_PER_LOOK) this.#look()
    }
    this.#isReading = false
    this.#words = undefined
    if (at < bytes.length && this.#receiver.writable) this.#rest = bytes.subarray(at)
    if (this.#isHeld) this.#owner.pause()
    return isWanted
  }

  get #isHeld (): boolean {
    return this.#isBusy || this.#isResting || (this.#ignored === undefined && this.#next.isFull)
  }

  // An incomplete header does not wait: its rest will never come.
  get #isWaiting (): boolean {
    return this.#isBusy || (this.#rest.length > 0 && this.#isHeld)
  }

  // The rest waits once this connection has had its time in this turn. A chunk that is left out
  // takes little.
  #look (): void {
    if (this.#ignored !== undefined) return
    this.#time ??= new ReadingTime()
    if (this.#time.isOver()) this.#giveWay()
  }

  // True while bytes wait for their turn before they are read: always for those that are left out,
  // since libuv reads up to 32 chunks of one stream in a turn. Behind the last ones none follow.
  get #isHeavy (): boolean {
    if (this.#isInTurn) return false
    return this.#ignored !== undefined ? !this.#isEnding : this.#time?.isHeavy === true
  }

  #giveWay (): void {
    if (this.#isResting) return
    this.#isResting = true
    this.#owner.pause()
    if (this.#ignored?.areMany === true) setTimeout(() => later(() => this.#takeTurn()), IGNORED_PAUSE_MS)
    else later(() => this.#takeTurn())
  }

  #takeTurn (): void {
    this.#isResting = false
    this.#isInTurn = true
    this.#owner.resumeInContext()
    this.#isInTurn = false
  }

  #hand (bytes: Buffer): boolean {
    const isWanted = this.#receiver.write(bytes, this.#written)
    this.#isBusy = this.#receiver.isBusy
    return isWanted
  }

  #goOn (): void {
    if (!this.#isBusy || this.#receiver.isBusy) return
    this.#isBusy = false
    this.#owner.resumeInContext()
  }

  // Once: to end a Writable again makes an error with a stack.
  #finish (): void {
    if (!this.#receiver.writable) return
    if (this.#rest.length > 0 && this.#ignored === undefined) this.#receiver.write(this.#rest)
    this.#rest = NOTHING
    this.#receiver.end()
  }

  // A frame that ends a message is admitted as the message. A close frame is always admitted.
  #admits (first: number): boolean {
    const opcode = first & OPCODE
    if (this.#isOwed || opcode === CLOSE || (opcode < CLOSE && (first & FINAL) !== 0)) return true
    return this.#next.admitsFrame(opcode)
  }

  #leaveOut (bytes: Buffer, at: number, ignored: IgnoredFrames): number {
    const length = ignored.take(bytes, at)
    if (ignored.areTooMany) this.#owner.terminate()
    return length
  }

  get #isOwed (): boolean {
    return this.#owedBytes > 0 || this.#begun.length > 0
  }

  // Takes a whole plain frame and returns its length; 0 when the frame is for ws, WAIT when more of
  // its header must come.
  #take (bytes: Buffer, at: number): number {
    if (bytes[at] !== FINAL_TEXT || this.#isFragmented || this.#owner.hasMessageListener) return 0
    if (at + 1 === bytes.length) return WAIT
    if ((bytes[at + 1]! & MASKED) === 0) return 0
    const header = headerBytesAt(bytes, at)
    if (at + header - MASK_BYTES > bytes.length) return WAIT
    // ws reports a length that is too big before the mask has come.
    const payload = payloadBytesAt(bytes, at)
    if (payload > this.#maxTextBytes) return 0
    if (at + header > bytes.length) return WAIT
    const end = at + header + payload
    return end <= bytes.length && this.#takeText(bytes, at + header, end) ? header + payload : 0
  }

  #takeText (bytes: Buffer, start: number, end: number): boolean {
    if (unmask(bytes, start, end, this.#words)) {
      this.#next.takeText(bytes.toString('latin1', start, end), end - start)
      return true
    }
    const text = bytes.toString('utf8', start, end)
    if (!text.includes(REPLACEMENT) || isUtf8(bytes.subarray(start, end))) {
      this.#next.takeText(text, end - start)
      return true
    }
    // Masks again, as the bytes were sent: ws finds and reports the fault.
    unmask(bytes, start, end, this.#words)
    return false
  }

  // The number of these bytes that belong to a frame for ws. It gets them as they come: it may find
  // a fault before the header is complete.
  #owe (bytes: Buffer, at: number): number {
    if (this.#owedBytes === 0) this.#begin(bytes, at)
    const left = this.#owedBytes === 0 ? bytes.length - at : Math.min(this.#owedBytes, bytes.length - at)
    if (this.#owedBytes > 0) this.#owedBytes -= left
    return left
  }

  #begin (bytes: Buffer, at: number): void {
    const known = this.#begun.length
    const opcode = bytes[at]! & OPCODE
    if (known === 0 && opcode > 0 && opcode < CLOSE) this.#receiver.beginMessage(opcode === BINARY)
    const header = Buffer.concat([this.#begun, bytes.subarray(at, at + MAX_HEADER_BYTES - known)])
    const isComplete = header.length > 1 && header.length >= headerBytesAt(header, 0)
    this.#begun = isComplete ? NOTHING : header
    if (isComplete) this.#owedBytes = headerBytesAt(header, 0) + payloadBytesAt(header, 0) - known
    const first = header[0]!
    if ((first & OPCODE) < CLOSE) this.#isFragmented = (first & FINAL) === 0
  }
}
