import { GUARD, KIND, REFINE } from '../../schema/equality.js'
import { at, type ObjectSubschema } from '../../schema/subschema.js'
import { refuseAsync } from './asynchrony.js'
import type { Vocabulary } from './vocabulary.js'

/** A check of the app's own in a schema, with its text for a value that it refuses. */
export interface OwnCheck {
  readonly check: (value: unknown) => boolean
  readonly explain: (value: unknown) => string
}

/**
 * The app's own checks in a schema: a kind of 0.34, refinements and guards of 1.x.
 * @throws when one of them is asynchronous.
 */
export function ownChecksOf (part: ObjectSubschema, vocabulary: Vocabulary): OwnCheck[] {
  const { schema } = part
  const kind = vocabulary.kindOf(part)
  const name = (schema as Readonly<Record<symbol, string>>)[KIND]
  return [
    ...kind === undefined ? [] : [{ check: (value: unknown) => kind(schema, value), explain: () => `must be ${name}` }],
    ...Object.hasOwn(schema, GUARD) ? [guardOf(schema[GUARD] as Guard, at(part))] : [],
    ...(schema[REFINE] as readonly Refinement[] | undefined ?? []).map((refinement) => refinementOf(refinement, at(part)))
  ]
}

interface Guard { readonly check: (value: unknown) => boolean }
/** A refinement, with the names of its parts before TypeBox 1.1.31 and since. */
type Refinement = { readonly refine: (value: unknown) => boolean, readonly message: unknown } | (Guard & { readonly error: unknown })

function guardOf (guard: Guard, where: string): OwnCheck {
  refuseAsync(`the guard${where}`, guard.check)
  return { check: (value) => guard.check(value), explain: () => 'is invalid' }
}

function refinementOf (refinement: Refinement, where: string): OwnCheck {
  refuseAsync(`the refinement${where}`, 'refine' in refinement ? refinement.refine : refinement.check)
  if ('refine' in refinement) return { check: (value) => refinement.refine(value), explain: () => String(refinement.message) }
  const { error } = refinement
  return { check: (value) => refinement.check(value), explain: (value) => String(typeof error === 'function' ? error(value) : error) }
}

interface TextKeywords {
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string | RegExp
  readonly format?: string
}

/**
 * Checks a text's length, pattern and format, in this order; `undefined` when a schema asks for
 * none.
 */
export function textCheckOf (part: ObjectSubschema, vocabulary: Vocabulary): ((value: string) => boolean) | undefined {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = part.schema as TextKeywords
  const checks: Array<(value: string) => boolean> = []
  if (minLength > 0 || maxLength < Number.POSITIVE_INFINITY) checks.push((value) => hasLength(value, minLength, maxLength))
  if (pattern !== undefined) {
    const expression = expressionOf(pattern)
    checks.push((value) => expression.test(value))
  }
  const { type, check } = format === undefined ? NO_FORMAT : vocabulary.formatOf(format)
  if (type === 'string') checks.push(check as (value: string) => boolean)
  return all(checks)
}

const NO_FORMAT = { type: undefined, check: undefined }

/** Checks the keywords that TypeBox 1.x reads in another way than JSON Schema says. */
export function looseCheckOf (part: ObjectSubschema, vocabulary: Vocabulary): ((value: unknown) => boolean) | undefined {
  const { multipleOf, uniqueItems, format } = part.schema as { multipleOf?: number, uniqueItems?: boolean, format?: string }
  const text = textCheckOf(part, vocabulary)
  const checks: Array<(value: unknown) => boolean> = []
  if (text !== undefined) checks.push((value) => typeof value !== 'string' || text(value))
  if (multipleOf !== undefined) checks.push((value) => typeof value !== 'number' || isMultipleOf(value, multipleOf))
  if (uniqueItems === true) checks.push((value) => !Array.isArray(value) || hasUniqueItems(value))
  if (format !== undefined && vocabulary.formatOf(format).type === 'number') {
    const check = vocabulary.formatOf(format).check as (value: number) => boolean
    checks.push((value) => typeof value !== 'number' || check(value))
  }
  return all(checks)
}

/** The keywords of `looseCheckOf`. */
export const LOOSE_KEYWORDS = ['minLength', 'maxLength', 'pattern', 'format', 'multipleOf', 'uniqueItems'] as const

function all<T> (checks: ReadonlyArray<(value: T) => boolean>): ((value: T) => boolean) | undefined {
  const [first, second] = checks
  if (first === undefined || second === undefined) return first
  if (checks.length === 2) return (value) => first(value) && second(value)
  return (value) => checks.every((check) => check(value))
}

// Characters are Unicode code points (RFC 8259 §7): a text has at most one for each unit, and at
// least one for each two.
function hasLength (value: string, min: number, max: number): boolean {
  const { length } = value
  if (length < min || length > 2 * max) return false
  if (length <= max && length >= 2 * min - 1) return true
  const count = countCharacters(value)
  return count >= min && count <= max
}

function countCharacters (value: string): number {
  let count = 0
  for (let n = 0; n < value.length; n++, count++) {
    if ((value.charCodeAt(n) & 0xfc00) === 0xd800 && (value.charCodeAt(n + 1) & 0xfc00) === 0xdc00) n++
  }
  return count
}

/**
 * Tells whether a division has no remainder beyond the rounding of floating point: 0.3 is a
 * multiple of 0.1.
 */
export function isMultipleOf (value: number, divisor: number): boolean {
  if (value % divisor === 0) return true
  if (Number.isInteger(divisor)) return false
  const quotient = value / divisor
  return Math.abs(quotient - Math.round(quotient)) <= 4 * Number.EPSILON * Math.max(1, Math.abs(quotient))
}

export function hasUniqueItems (items: readonly unknown[]): boolean {
  return new Set(items.map(canonical)).size === items.length
}

/** A text that is the same for equal values only, whatever the order of their keys. */
export function canonical (value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? String(value)
  const members = Object.entries(value).map(([key, child]) => `${JSON.stringify(key)}:${canonical(child)}`)
  return `{${members.sort().join()}}`
}

/**
 * A pattern with the flag `u`, as JSON Schema wants it, or without when it is invalid with it. A
 * RegExp keeps its flags but those that remember a place.
 */
export function expressionOf (pattern: string | RegExp): RegExp {
  if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  try {
    return new RegExp(pattern, 'u')
  } catch {
    return new RegExp(pattern)
  }
}
