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
/** The opcode of the answer to a ping (RFC 6455 §5.5.3). */
export const PONG = 0x0a
/** The short length before a length of 16 bits. */
export const LENGTH_16 = 126
/** The short length before a length of 64 bits. */
export const LENGTH_64 = 127
const MAX_LENGTH_16 = 0xffff

export function frameText (text: string): Bytes {
  const length = Buffer.byteLength(text)
  if (length === text.length) return header(FINAL_TEXT, length) + text
  return join(FINAL_TEXT, Buffer.from(text))
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
