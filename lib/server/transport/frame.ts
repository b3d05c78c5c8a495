import { types } from 'node:util'
import * as errors from '../errors.js'

/**
 * One unfragmented, unmasked frame (RFC 6455 §5.2), header and payload in one piece. Where the
 * payload is ASCII it is a latin1 string, which costs least to join and to write; else a Buffer.
 */
export type Bytes = string | Buffer

/** A text message for any number of connections: framed once, with its text for ws to compress. */
export interface Frame {
  /** The event's name. */
  readonly type: string
  readonly text: string
  readonly bytes: Bytes
}

/** The first byte of a whole text message. */
export const FINAL_TEXT = 0x81
const FINAL_BINARY = 0x82
/** The bits of a frame's first byte that tell what it is. */
export const OPCODE = 0x0f
/** The opcode of a close frame (RFC 6455 §5.5.1). */
export const CLOSE = 0x08
/** The opcode of the answer to a ping (RFC 6455 §5.5.3). */
export const PONG = 0x0a
// The short length before a length of 16 bits, or of 64.
export const LENGTH_16 = 126
const LENGTH_64 = 127
export const MAX_LENGTH_16 = 0xffff
/** The bit of a header's second byte that says that the payload is masked. */
export const MASKED = 0x80
const LENGTH = 0x7f
/** The mask stands at the end of a header. */
export const MASK_BYTES = 4
// The high bits of the four bytes of a word.
const NON_ASCII = 0x80808080
// The shortest payload that is unmasked by words.
const LONG = 48
// Four bytes, as a word in the order of the machine.
const maskWord = new Int32Array(1)
const maskBytes = new Uint8Array(maskWord.buffer)

export function frameText (text: string): Bytes {
  const length = Buffer.byteLength(text)
  if (length === text.length) return header(FINAL_TEXT, length) + text
  return join(FINAL_TEXT, Buffer.from(text))
}

/**
 * Writes a text's frame where there is room for it.
 * @returns its length.
 */
export function writeTextFrame (bytes: Buffer, at: number, text: string): number {
  const expected = text.length < LENGTH_16 ? 2 : 4
  const length = bytes.write(text, at + expected)
  const head = header(FINAL_TEXT, length)
  if (head.length !== expected) bytes.copyWithin(at + head.length, at + expected, at + expected + length)
  bytes.write(head, at, 'latin1')
  return head.length + length
}

/** Makes a frame for any number of connections. */
export function frameOf (type: string, text: string): Frame {
  return { type, text, bytes: frameText(text) }
}

/**
 * The bytes of a binary message, not copied. A Blob must be read first.
 * @throws FST_TYPED_WS_INVALID_BINARY
 */
export function bytesOf (data: unknown): Uint8Array | Blob {
  if (data instanceof Blob) return data
  try {
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    // `instanceof` does not know an ArrayBuffer of another realm.
    if (types.isAnyArrayBuffer(data)) return new Uint8Array(data)
  } catch {
    throw new errors.InvalidBinary('memory that was transferred to another owner')
  }
  throw new errors.InvalidBinary(data === null ? 'null' : `a value of type ${typeof data}`)
}

export function frameBinary (data: Uint8Array): Buffer {
  return join(FINAL_BINARY, data)
}

/** A text message and the binary message that follows it, in one piece: no frame parts the two. */
export function frameWithBinary (text: string, data: Uint8Array): Buffer {
  const event = Buffer.from(text)
  return Buffer.concat([
    Buffer.from(header(FINAL_TEXT, event.length), 'latin1'), event, Buffer.from(header(FINAL_BINARY, data.length), 'latin1'), data
  ])
}

function join (first: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(header(first, payload.length), 'latin1'), payload])
}

function header (first: number, length: number): string {
  if (length < LENGTH_16) return String.fromCharCode(first, length)
  if (length <= MAX_LENGTH_16) return String.fromCharCode(first, LENGTH_16, length >> 8, length & 0xff)
  const bytes = Buffer.alloc(10)
  bytes[0] = first
  bytes[1] = LENGTH_64
  bytes.writeUIntBE(length, 4, 6)
  return bytes.toString('latin1')
}

/** The length of the header that begins here; its first two bytes must be there. */
export function headerBytesAt (bytes: Buffer, at: number): number {
  const second = bytes[at + 1]!
  const length = second & LENGTH
  return 2 + (length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0) + ((second & MASKED) === 0 ? 0 : MASK_BYTES)
}

/** The length of the payload, by a whole header. */
export function payloadBytesAt (bytes: Buffer, at: number): number {
  const length = bytes[at + 1]! & LENGTH
  if (length < LENGTH_16) return length
  if (length === LENGTH_16) return bytes.readUInt16BE(at + 2)
  return bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6)
}

/** The memory below some bytes, four at a time. */
export function wordsBelow (bytes: Buffer): Int32Array {
  return new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2)
}

/**
 * Unmasks a payload in place, or masks it again (RFC 6455 §5.3). Its mask stands in front of it.
 * @param words - of these bytes: worth their making for many frames, or for long ones.
 * @returns true for an ASCII payload.
 */
export function unmask (bytes: Buffer, start: number, end: number, words?: Int32Array): boolean {
  const seen = words === undefined || end - start < LONG ? unmaskBytes(bytes, start, end) : unmaskWords(bytes, start, end, words)
  return (seen & NON_ASCII) === 0
}

// Both return the bits of all bytes.

function unmaskBytes (bytes: Buffer, start: number, end: number): number {
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
  return seen
}

function unmaskWords (bytes: Buffer, start: number, end: number, words: Int32Array): number {
  const key = start - MASK_BYTES
  const offset = bytes.byteOffset
  // The place in the payload of the first whole word.
  const skip = -(offset + start) & 3
  for (let n = 0; n < MASK_BYTES; n++) maskBytes[n] = maskByte(bytes, key, skip + n)
  const mask = maskWord[0]!
  const last = (offset + end) >> 2
  let seen = 0
  for (let at = (offset + start + skip) >> 2; at < last; at++) seen |= (words[at]! ^= mask)
  for (let i = 0; i < skip; i++) seen |= (bytes[start + i]! ^= bytes[key + i]!)
  for (let at = last * 4 - offset; at < end; at++) seen |= (bytes[at]! ^= maskByte(bytes, key, at - start))
  return seen
}

function maskByte (bytes: Buffer, key: number, n: number): number {
  return bytes[key + (n & 3)]!
}
