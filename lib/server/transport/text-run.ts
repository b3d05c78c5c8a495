import { FINAL_TEXT, LENGTH_16, MAX_LENGTH_16, writeTextFrame, type Bytes } from './frame.js'

/** The longest text that a run takes. */
export const MAX_RUN_TEXT: number = MAX_LENGTH_16
/** The most bytes that a letter of a run becomes, those of headers included. */
export const MAX_LETTER_BYTES = 3

const NON_ASCII = 0x80
const SHORT_HEADER = 2
const LONG_HEADER = 4
const SHORT_HEADERS = Array.from({ length: LENGTH_16 }, (_, length) => String.fromCharCode(FINAL_TEXT, length))

/**
 * The header of a text in a run. A run has the frames of many texts in one string, with the lengths
 * that they have if all are ASCII: one look tells that, where a look at each would copy each text.
 */
export function runHeader (text: string): string {
  const { length } = text
  return length < LENGTH_16 ? SHORT_HEADERS[length]! : String.fromCharCode(FINAL_TEXT, LENGTH_16, length >> 8, length & 0xff)
}

/** The number of letters that are not ASCII in a header, which a frame may follow. */
export function nonAsciiOf (header: string): number {
  if (header.charCodeAt(1) < LENGTH_16) return 1
  return 1 + Number(header.charCodeAt(2) >= NON_ASCII) + Number(header.charCodeAt(3) >= NON_ASCII)
}

/**
 * Makes the bytes of a run.
 * @param nonAscii - the number of letters that are not ASCII in all headers.
 */
export function bytesOfRun (run: string, nonAscii: number): Bytes {
  const length = Buffer.byteLength(run)
  return length === run.length + nonAscii ? run : encode(run, length)
}

// A header grows by two bytes at most, which 126 bytes of its text make, or by six: 65,536 bytes.
function encode (run: string, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length + (length >> 5))
  let at = 0
  for (let from = 0; from < run.length;) {
    const short = run.charCodeAt(from + 1)
    const start = from + (short < LENGTH_16 ? SHORT_HEADER : LONG_HEADER)
    const end = start + (short < LENGTH_16 ? short : run.charCodeAt(from + 2) << 8 | run.charCodeAt(from + 3))
    at += writeTextFrame(bytes, at, run.slice(start, end))
    from = end
  }
  return bytes.subarray(0, at)
}
