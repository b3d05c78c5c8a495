import { toUSVString } from 'node:util'
import ajvFormats from 'ajv-formats'
import type { FormatCheck } from './builds.js'

/** A format as Ajv takes it. */
export type FormatDefinition = true | RegExp | FormatCheck | {
  readonly type?: 'string' | 'number'
  readonly validate: RegExp | FormatCheck
  readonly async?: boolean
}

type FormatName = Parameters<typeof ajvFormats.default.get>[0]

/** The definition of ajv-formats; `undefined` for a name that it does not know. */
export function ajvFormat (name: string): FormatDefinition | undefined {
  // A name such as `constructor` would be found in the prototype of its table.
  if (name in Object.prototype) return undefined
  try {
    return ajvFormats.default.get(name as FormatName) as FormatDefinition
  } catch {
    return undefined
  }
}

/**
 * A format check that TypeBox brings along, with the texts refused first for which it takes more
 * than linear time: none of them is of the format.
 */
export function boundCheck (name: string, check: FormatCheck): FormatCheck {
  return BOUNDS.get(name)?.(check) ?? check
}

const BOUNDS: ReadonlyMap<string, (check: FormatCheck) => FormatCheck> = new Map([
  ['iri', boundHost],
  ['iri-reference', boundHost],
  ['idn-email', boundMarks],
  ['idn-hostname', boundMarks]
])

// RFC 1035 §2.3.4. A name in Unicode is never longer than the same name in ASCII.
const MAX_HOST_LENGTH = 253
// The authority of the URL Standard that can be a domain: behind a special scheme, or none.
// Backslashes and control characters are no part of an IRI.
const AUTHORITY = /^(?:(?:https?|ftp|wss?):\/*|(?:file:)?\/{2})([^/?#]*)/i
// eslint-disable-next-line no-control-regex -- ASCII
const ENCODED = /[^\u0000-\u007f]|%/
// eslint-disable-next-line no-control-regex -- ASCII
const NON_ASCII = /[^\u0000-\u007f]+/g

// URL.canParse turns a domain in Unicode into Punycode, which takes quadratic time.
function boundHost (check: FormatCheck): FormatCheck {
  return (value) => {
    const authority = AUTHORITY.exec(value)?.[1] ?? ''
    const host = authority.slice(authority.lastIndexOf('@') + 1)
    return (host.length <= MAX_HOST_LENGTH || !ENCODED.test(host)) && check(inAscii(value))
  }
}

// Once it is compiled, URL.canParse of Node.js 20 and 22 takes a text in Latin-1 for broken UTF-8.
// A percent-encoded text is the same URL: hosts are decoded first (URL Standard §3.5).
function inAscii (value: string): string {
  return value.replace(NON_ASCII, (letters) => encodeURIComponent(toUSVString(letters)))
}

// UAX #15 §13, Stream-Safe Text Format: the longest run of combining marks.
const TOO_MANY_MARKS = /\p{M}{31}/u

// Normalizing sorts a run of combining marks, which takes quadratic time.
function boundMarks (check: FormatCheck): FormatCheck {
  return (value) => !TOO_MANY_MARKS.test(value) && check(value)
}

// Splitting a text into as many parts as it has letters takes more than linear time.
function boundSeparators (name: 'date-time' | 'iso-date-time'): FormatDefinition {
  const format = ajvFormat(name) as { validate: FormatCheck }
  return { ...format, validate: (value: string) => /^[^t\s]*[t\s][^t\s]*$/i.test(value) && format.validate(value) }
}

const SCHEME = /^(?:https?|ftp):\/\//iu
const PRIVATE = '(?:10|127)(?:\\.\\d{1,3}){3}|(?:169\\.254|192\\.168)(?:\\.\\d{1,3}){2}|172\\.(?:1[6-9]|2\\d|3[01])(?:\\.\\d{1,3}){2}'
const ADDRESS = '(?:[1-9]\\d?|1\\d\\d|2[01]\\d|22[0-3])(?:\\.(?:1?\\d{1,2}|2[0-4]\\d|25[0-5])){2}\\.(?:[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-4])'
const LABEL = '[a-z0-9\\u{a1}-\\u{ffff}]+(?:-[a-z0-9\\u{a1}-\\u{ffff}]+)*'
const NAME = `${LABEL}(?:\\.${LABEL})*\\.[a-z\\u{a1}-\\u{ffff}]{2,}`
/** A host and its port, up to the path or the end. */
const SERVER = new RegExp(`(?:(?!${PRIVATE})${ADDRESS}|${NAME})(?::\\d{2,5})?(?:/|$)`, 'iuy')

/**
 * Tells whether ajv-formats takes a text for a URL. Its regular expression looks for the end of the
 * user's name from each colon on. Here each `@` is looked at once, and only the text between it and
 * the next can be the server.
 */
function isUrl (value: string): boolean {
  const start = SCHEME.exec(value)?.[0].length
  if (start === undefined) return false
  const lastSpace = value.search(/\s\S*$/u)
  if (hasServerAt(value, start, lastSpace)) return true
  const end = value.search(/\s|$/u)
  for (let at = value.indexOf('@', start + 1); at !== -1 && at < end; at = value.indexOf('@', at + 1)) {
    if (hasServerAt(value, at + 1, lastSpace)) return true
  }
  return false
}

// No path has a space.
function hasServerAt (value: string, start: number, lastSpace: number): boolean {
  SERVER.lastIndex = start
  return SERVER.test(value) && SERVER.lastIndex > lastSpace
}

/**
 * The definitions of ajv-formats that take more than linear time, as ones that do not and that take
 * the same texts.
 */
export const linearFormats: ReadonlyMap<string, FormatDefinition> = new Map<string, FormatDefinition>([
  ['url', isUrl],
  ['date-time', boundSeparators('date-time')],
  ['iso-date-time', boundSeparators('iso-date-time')]
])
