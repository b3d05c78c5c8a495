import { INHERITED } from '../../schema/schema.js'

/** Writes a value as JSON, with what its schema declares and nothing else. */
export type Serializer = (value: unknown) => string

/** A call in generated code, by the code of what it is given. */
export type Expression = (value: string) => string

/** A property an object's schema knows by name. */
export interface Property {
  readonly key: string
  readonly isRequired: boolean
  readonly write: Expression
}

/** Writes the other properties of an object. */
export type Rest = (value: object, isFirst: boolean) => string

/** What generated code calls. */
export interface Runtime {
  /** Expressions name them by number. */
  readonly serializers: readonly Serializer[]
  /** Writes what is of another kind. */
  readonly other: Serializer
  readonly rest?: Rest | undefined
}

// Names reach the code by JSON.stringify only, and JSON is a part of JavaScript (ES2019).

/**
 * Makes the serializer of an object.
 * @param opening - the text to begin with, which has members already. Default: a brace.
 */
export function generateObject (properties: readonly Property[], opening: string | undefined, runtime: Runtime): Serializer {
  return generate(objectSource(properties, opening, runtime.rest !== undefined), runtime)
}

/**
 * Makes the serializer of an array.
 * @param first - one for each of the first items.
 * @param rest - for all others; without it they are left out.
 */
export function generateArray (first: readonly Expression[], rest: Expression | undefined, runtime: Runtime): Serializer {
  return generate(arraySource(first, rest), runtime)
}

function objectSource (properties: readonly Property[], opening: string | undefined, hasRest: boolean): string {
  // Once a member is there for certain, a comma is due before the next.
  const certain = opening === undefined ? properties.findIndex(({ isRequired }) => isRequired) : -1
  const lines = properties.map(({ key, isRequired, write }, n) => {
    const name = JSON.stringify(key)
    const value = INHERITED.has(key) ? `own(v, ${name})` : `v[${name}]`
    const isCommaDue = opening !== undefined || (certain !== -1 && n > certain)
    const lead = isCommaDue ? JSON.stringify(`,${name}:`) : `(s === '{' ? '' : ',') + ${JSON.stringify(`${name}:`)}`
    return `m = ${value}; if (m !== undefined) s += ${lead} + ${write('m')}${isRequired ? `; else missing(${name})` : ''}`
  })
  return `return function (v) {
    if (typeof v !== 'object' || v === null || Array.isArray(v)) return other(v)
    let m, s = ${JSON.stringify(opening ?? '{')}
    ${lines.join('\n')}
    return s ${hasRest ? '+ rest(v, s === "{") ' : ''}+ '}'
  }`
}

function arraySource (first: readonly Expression[], rest: Expression | undefined): string {
  const lines = first.map((write, n) => `if (v.length > ${n}) s += ${n === 0 ? '' : '\',\' + '}${write(`v[${n}]`)}`)
  const others = rest && `for (let n = ${first.length}; n < v.length; n++) s += (n === 0 ? '' : ',') + ${rest('v[n]')}`
  return `return function (v) {
    if (!Array.isArray(v)) return other(v)
    let s = '['
    ${[...lines, others].join('\n')}
    return s + ']'
  }`
}

function generate (source: string, { serializers, other, rest }: Runtime): Serializer {
  const names = ['serializers', 'other', 'rest', 'text', 'number', 'boolean', 'own', 'missing']
  // oxlint-disable-next-line no-implied-eval -- as TypeBox and Ajv do for their checks; made of a schema, never of a message
  const make = new Function(...names, source) as (...runtime: unknown[]) => Serializer // eslint-disable-line no-new-func -- as above
  return make(serializers, other, rest, text, number, boolean, own, missing)
}

function text (value: unknown): string {
  return typeof value === 'string' ? quote(value) : scalar(value)
}

function number (value: unknown): string {
  return Number.isFinite(value) ? `${value as number}` : scalar(value)
}

function boolean (value: unknown): string {
  return typeof value === 'boolean' ? `${value}` : scalar(value)
}

/**
 * Anything JSON can say without a brace: to check types is not this file's work, to let no object out that is not declared is.
 * @throws for anything else.
 */
export function scalar (value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Number.isFinite(value) || typeof value === 'boolean' || value === null) return `${value as number}`
  throw new TypeError(`${typeof value === 'number' ? value : typeof value} is not what its schema declares`)
}

const SHORT = 42
const LONG = 5000
// eslint-disable-next-line no-control-regex -- RFC 8259 §7
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/

/** A text as JSON. Copying is cheaper than JSON.stringify where nothing needs an escape. */
export function quote (value: string): string {
  if (value.length < SHORT) return isPlain(value) ? `"${value}"` : JSON.stringify(value)
  return value.length < LONG && !ESCAPED.test(value) ? `"${value}"` : JSON.stringify(value)
}

function isPlain (value: string): boolean {
  for (let n = 0; n < value.length; n++) {
    const code = value.charCodeAt(n)
    if (code < 0x20 || code === 0x22 || code === 0x5c || code >= 0xd800) return false
  }
  return true
}

// Every object has a `constructor` that nobody gave it.
function own (value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined
}

function missing (key: string): never {
  throw new TypeError(`must have required property '${key}'`)
}

/** A value as it is. What JSON cannot say is null, as in an array that JSON.stringify is given. */
export function whole (value: unknown): string {
  return JSON.stringify(value) ?? 'null'
}
