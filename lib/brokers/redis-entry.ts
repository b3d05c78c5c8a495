import type { Stored } from '../../types/broker.js'

// Begins what is no plain message: no text of ours has this character in front.
const MARK = '\u0001'
const HEAD = /([\w-]+) (\d{1,16}) (\d{1,16}) [^\n]*\n/y

/** A plain message, as it travels: one that begins with the mark is given another. */
export function plainText (message: string): string {
  return message.startsWith(MARK) ? MARK + message : message
}

/** A text that has come: a plain message, or a stored one. */
export function parseText (text: string): string | Stored {
  if (!text.startsWith(MARK)) return text
  if (text.startsWith(MARK, 1)) return text.slice(1)
  return parseEntry(text) ?? text
}

/**
 * A stored message, as Redis keeps and announces it: the mark, then `epoch offset previous id`, a
 * line break, and the message.
 * @returns undefined for any other text.
 */
export function parseEntry (text: string): Stored | undefined {
  HEAD.lastIndex = MARK.length
  const head = HEAD.exec(text)
  if (head === null) return undefined
  const [, epoch, offset, previous] = head as unknown as [string, string, string, string]
  return { epoch, offset: Number(offset), previous: Number(previous), message: text.slice(HEAD.lastIndex) }
}

/** An `id` as it stands in an entry: it has no line break there. */
export function idText (id: string | undefined): string {
  return id === undefined ? '' : JSON.stringify(id)
}
