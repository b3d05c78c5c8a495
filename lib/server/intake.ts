import { isUtf8 } from 'node:buffer'
import { FINAL_TEXT, LENGTH_16, LENGTH_64 } from './frame.js'

/** What an intake asks of a connection. */
export interface Taker {
  /** Takes the text of one message. */
  takeText (text: string): void
  /** Whether it can take no more for now. */
  readonly isFull: boolean
  /** Whether somebody else wants to hear every message from ws. */
  readonly isOverheard: boolean
}

/** What ws reads with: a Writable, of which these are enough. */
export interface Reader {
  /** @returns false when it wants no more for now. */
  write (bytes: Buffer): boolean
  /** False once it has read its last frame, or found a broken one. */
  readonly writable: boolean
}

const FINAL = 0x80
const OPCODE = 0x0f
const FIRST_CONTROL_OPCODE = 0x08
const MASKED = 0x80
const LENGTH = 0x7f
const MASK_BYTES = 4
const NON_ASCII = 0x80
const MAX_HEADER_BYTES = 14
const NOTHING = Buffer.alloc(0)
const WAIT = -1

/**
 * Reads the frames nearly all messages come in, in front of ws: complete, final, masked text (RFC 6455 §5.2). Everything else, and every fault, is left
 * to ws, which gets whole frames in their order and never learns of the others.
 */
export class Intake {
  readonly #taker: Taker
  readonly #reader: Reader
  readonly #maxPayloadBytes: number
  // Of a frame that ws has begun to read.
  #owedBytes = 0
  // Between the first and the last frame of a message every frame is ws's.
  #isFragmented = false
  // The incomplete header of such a frame, which ws has already.
  #begun: Buffer = NOTHING
  // What waits: for the rest of a plain header, or while the taker is full.
  #rest: Buffer = NOTHING

  constructor (taker: Taker, reader: Reader, maxPayloadBytes: number) {
    this.#taker = taker
    this.#reader = reader
    this.#maxPayloadBytes = maxPayloadBytes
  }

  write (chunk: Buffer): boolean {
    return this.#read(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]))
  }

  /** Goes on with what had to wait. */
  resume (): void {
    if (this.#rest.length > 0) this.#read(this.#rest)
  }

  #read (bytes: Buffer): boolean {
    this.#rest = NOTHING
    let isWanted = true
    let at = 0
    while (at < bytes.length && !this.#taker.isFull && this.#reader.writable) {
      const taken = this.#isOwed ? 0 : this.#take(bytes, at)
      if (taken === WAIT) break
      const left = taken > 0 ? 0 : this.#owe(bytes, at)
      if (left > 0) isWanted = this.#reader.write(bytes.subarray(at, at + left)) && isWanted
      at += taken + left
    }
    if (at < bytes.length && this.#reader.writable) this.#rest = bytes.subarray(at)
    return isWanted
  }

  get #isOwed (): boolean {
    return this.#owedBytes > 0 || this.#begun.length > 0
  }

  // Takes a whole plain frame and returns its length; 0 when there is none here, WAIT when there may be one once more has arrived.
  #take (bytes: Buffer, at: number): number {
    if (bytes[at] !== FINAL_TEXT || this.#isFragmented || this.#taker.isOverheard) return 0
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
      this.#taker.takeText(bytes.toString('latin1', start, end))
      return true
    }
    if (isUtf8(bytes.subarray(start, end))) {
      this.#taker.takeText(bytes.toString('utf8', start, end))
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
    if ((first & OPCODE) < FIRST_CONTROL_OPCODE) this.#isFragmented = (first & FINAL) === 0
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
