import type { MembersChange, Stored } from '../../types/broker.js'

// Begins what is no plain message: no text of ours has this character in front.
const MARK = '\u0001'
const CHANGE = '+'
const CHANGE_HEAD = /([\w-]+) (\d{1,16}) (\d{1,16})\n/y
const HEAD = /([\w-]+) (\d{1,16}) (\d{1,16}) [^\n]*\n/y

/** A plain message, as it travels: one that begins with the mark is given another. */
export function plainText (message: string): string {
  return message.startsWith(MARK) ? MARK + message : message
}

/** A text that has come: a plain message, a stored one, or a change of members. */
export function parseText (text: string): string | Stored | MembersChange {
  if (!text.startsWith(MARK)) return text
  if (text.startsWith(MARK, 1)) return text.slice(1)
  return (text.startsWith(CHANGE, 1) ? parseChange(text) : parseEntry(text)) ?? text
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

/**
 * A change of members, as Redis announces it: the mark and a plus, then `epoch offset previous`, a
 * line break, and a list in which each member is followed by its text, or by `false`.
 * @returns undefined for any other text.
 */
function parseChange (text: string): MembersChange | undefined {
  CHANGE_HEAD.lastIndex = MARK.length + CHANGE.length
  const head = CHANGE_HEAD.exec(text)
  const list = head === null ? undefined : listOf(text.slice(CHANGE_HEAD.lastIndex))
  if (list === undefined) return undefined
  const [, epoch, offset, previous] = head as unknown as [string, string, string, string]
  const members = new Map<string, string | undefined>()
  for (let n = 0; n < list.length; n += 2) members.set(String(list[n]), list[n + 1] === false ? undefined : String(list[n + 1]))
  return { epoch, offset: Number(offset), previous: Number(previous), members }
}

function listOf (json: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** An `id` as it stands in an entry: it has no line break there. */
export function idText (id: string | undefined): string {
  return id === undefined ? '' : JSON.stringify(id)
}
