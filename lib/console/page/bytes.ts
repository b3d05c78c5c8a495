/** Bytes as people write and read them. */

const ROW = 16

/** Reads hex digits, with or without spaces. @throws where a digit is none, or one is missing. */
export function bytesOf (hex: string): Uint8Array<ArrayBuffer> {
  const digits = hex.replaceAll(/\s|0x|[,:]/g, '')
  const wrong = /[^\da-f]/i.exec(digits)
  if (wrong !== null) throw new Error(`${wrong[0]} is no hex digit.`)
  if (digits.length % 2 !== 0) throw new Error('A byte has two hex digits.')
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** The first bytes in rows of 16: offset, hex digits, letters. */
export function hexOf (bytes: Uint8Array, maxBytes: number): string {
  const lines: string[] = []
  for (let at = 0; at < Math.min(bytes.length, maxBytes); at += ROW) {
    const row = [...bytes.subarray(at, Math.min(at + ROW, maxBytes))]
    const hex = row.map(digitsOf).join(' ')
    const letters = row.map((byte) => byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.').join('')
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(3 * ROW)} ${letters}`)
  }
  return bytes.length > maxBytes ? `${lines.join('\n')}\n… ${bytes.length - maxBytes} more bytes` : lines.join('\n')
}

/** The two hex digits of a byte. */
export function digitsOf (byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

/** `12 B`, `3.4 kB`. */
export function sizeText (bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}

/** `3 ms`, `1.25 s`. */
export function durationText (ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`
}
