const MAX_LENGTH = 256
// Control characters, format characters (bidi marks among them), line separators, lone surrogates.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/** A foreign text for a log line: 256 characters at most, unprintable ones escaped. */
export function printable (text: string): string {
  const shown = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text
  return shown.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}
