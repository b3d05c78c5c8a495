/** Writes a value as JSON, with everything that its schema declares and nothing else. */
export type Serializer = (value: unknown) => string

const SHORT = 42
const LONG = 5000
const MAX_INT32 = 0x7fffffff
const BILLION = 1e9
// Below it the quotient of an integer and a billion is never rounded up to another integer.
const MAX_JOINED = 1e15
// eslint-disable-next-line no-control-regex -- RFC 8259 §7
const ESCAPED = /[\u0000-\u001f\ud800-\udfff]/

/** A text as JSON. */
export function quote (value: string): string {
  return isPlain(value) ? `"${value}"` : JSON.stringify(value)
}

/** A text as JSON, without its quotation marks. */
export function letters (value: string): string {
  return isPlain(value) ? value : JSON.stringify(value).slice(1, -1)
}

// Copying is cheaper than JSON.stringify when no letter needs an escape.
function isPlain (value: string): boolean {
  return value.length < SHORT ? isPlainShort(value) : value.length < LONG && isPlainLong(value)
}

function isPlainShort (value: string): boolean {
  for (let n = 0; n < value.length; n++) {
    const code = value.charCodeAt(n)
    if (code < 0x20 || code === 0x22 || code === 0x5c || code >= 0xd800) return false
  }
  return true
}

// A search for one letter compares many at once; a class of letters of two ranges is tested faster
// than one of four.
function isPlainLong (value: string): boolean {
  return !value.includes('"') && !value.includes('\\') && !ESCAPED.test(value)
}

export function text (value: unknown): string {
  return typeof value === 'string' ? quote(value) : scalar(value)
}

export function number (value: unknown): string {
  if (!Number.isFinite(value)) return scalar(value)
  const finite = value as number
  return finite > MAX_INT32 && finite < MAX_JOINED && Number.isInteger(finite) ? joined(finite) : `${finite}`
}

// An integer of more than 31 bits, a time in ms for one. As any other number it would be written by
// a search for the shortest text that is read as the same number.
function joined (value: number): string {
  const high = Math.floor(value / BILLION)
  return `${high}${`${value - high * BILLION + BILLION}`.slice(1)}`
}

export function boolean (value: unknown): string {
  return typeof value === 'boolean' ? `${value}` : scalar(value)
}

/**
 * Any value that JSON can say without a brace. A serializer does not check types; it lets no object
 * out that is not declared.
 *
 * @throws for anything else.
 */
export function scalar (value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Number.isFinite(value) || typeof value === 'boolean' || value === null) return `${value as number}`
  throw new TypeError(`${typeof value === 'number' ? value : typeof value} is not what its schema declares`)
}

/**
 * A value as it is. A value that JSON cannot say is null, as in an array that JSON.stringify is
 * given.
 */
export function whole (value: unknown): string {
  return JSON.stringify(value) ?? 'null'
}
