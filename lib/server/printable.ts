const MAX_LENGTH = 256
// Control characters of both sets, format characters (bidi marks are some), separators of lines,
// lone surrogates.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/** A text from outside, as a log line shows it: 256 characters at most, unprintable ones escaped. */
export function printable (text: string): string {
  const shown = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text
  return shown.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}
