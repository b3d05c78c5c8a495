/** Bytes as people write and read them. */

const ROW = 16

/** Reads hex digits, with or without spaces. @throws where a digit is none, or one is missing. */
export function bytesOf (hex: string): Uint8Array<ArrayBuffer> {
  const digits = hex.replaceAll(/0x|[\s,:]/g, '')
  if (!/^([\da-f]{2})*$/i.test(digits)) throw new Error('A byte has two hex digits.')
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** The first bytes in rows of 16: offset, hex digits, letters. */
export function hexOf (bytes: Uint8Array, maxBytes: number): string {
  const lines: string[] = []
  for (let at = 0; at < Math.min(bytes.length, maxBytes); at += ROW) {
    const row = bytes.subarray(at, Math.min(at + ROW, maxBytes))
    const letters = String.fromCharCode(...row).replaceAll(/[^ -~]/g, '.')
    lines.push(`${digitsOf(at, 6)}  ${Array.from(row, (byte) => digitsOf(byte)).join(' ').padEnd(3 * ROW)} ${letters}`)
  }
  if (bytes.length > maxBytes) lines.push(`… ${bytes.length - maxBytes} more bytes`)
  return lines.join('\n')
}

/** The hex digits of a number. */
export function digitsOf (number: number, count = 2): string {
  return number.toString(16).padStart(count, '0')
}

/** `12 B`, `3.4 kB`. */
export function sizeText (bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`
}

/** `3 ms`, `1.25 s`. */
export function durationText (ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`
}
