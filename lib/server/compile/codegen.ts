import { INHERITED } from '../../schema/checks.js'
import { boolean, letters, number, text, type Serializer } from './json.js'

/** The code of a call, by the code of its argument. */
export type Expression = (value: string) => string

/** A property that an object's schema knows by name. */
export interface Property {
  readonly key: string
  readonly isRequired: boolean
  /** True where only a string is valid. */
  readonly isText: boolean
  readonly write: Expression
}

/** Writes the other properties of an object. */
export type Rest = (value: object, isFirst: boolean) => string

/** Functions that generated code calls. */
export interface Runtime {
  /** Serializers that expressions name by number. */
  readonly serializers: readonly Serializer[]
  /** Writes a value of another kind. */
  readonly other: Serializer
  readonly rest?: Rest | undefined
}

/**
 * Makes the serializer of an object.
 * A name reaches the code by JSON.stringify only, and JSON is a part of JavaScript (ES2019).
 *
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
  const isCommaDue = (n: number): boolean => opening !== undefined || (certain !== -1 && n > certain)
  const isUsual = !hasRest && (opening !== undefined || certain === 0)
  return `return function (v) {
    if (typeof v !== 'object' || v === null || Array.isArray(v)) return other(v)
    ${properties.map(({ key }, n) => `const m${n} = ${readSource(key)}`).join('\n')}
    ${isUsual ? usualSource(properties, opening) : ''}
    let s = ${JSON.stringify(opening ?? '{')}
    ${properties.map((property, n) => propertySource(property, `m${n}`, isCommaDue(n))).join('\n')}
    return s ${hasRest ? '+ rest(v, s === "{") ' : ''}+ '}'
  }`
}

function readSource (key: string): string {
  const name = JSON.stringify(key)
  return INHERITED.has(key) ? `own(v, ${name})` : `v[${name}]`
}

// An object with all that is required, and strings where these are: its text has fewer pieces when
// quotation marks belong to what stands around them.
function usualSource (properties: readonly Property[], opening: string | undefined): string {
  const conditions = properties.flatMap(({ isRequired, isText }, n) => {
    return isRequired ? [isText ? `typeof m${n} === 'string'` : `m${n} !== undefined`] : []
  })
  const members = properties.map((property, n) => usualMember(property, `m${n}`, opening === undefined && n === 0 ? '' : ','))
  return `if (${conditions.join(' && ') || 'true'}) return \`${templateOf(opening ?? '{')}${members.join('')}}\``
}

function usualMember ({ key, isRequired, isText, write }: Property, value: string, comma: string): string {
  const lead = `${comma}${JSON.stringify(key)}:`
  if (!isRequired) return `\${${value} === undefined ? '' : ${JSON.stringify(lead)} + ${write(value)}}`
  return templateOf(lead) + (isText ? `"\${letters(${value})}"` : `\${${write(value)}}`)
}

// A text as a part of a template.
function templateOf (text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll(/`|\$\{/g, '\\$&')
}

function propertySource ({ key, isRequired, write }: Property, value: string, isCommaDue: boolean): string {
  const name = JSON.stringify(key)
  const lead = isCommaDue ? JSON.stringify(`,${name}:`) : `(s === '{' ? '' : ',') + ${JSON.stringify(`${name}:`)}`
  return `if (${value} !== undefined) s += ${lead} + ${write(value)}${isRequired ? `; else missing(${name})` : ''}`
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
  const names = ['serializers', 'other', 'rest', 'text', 'letters', 'number', 'boolean', 'own', 'missing']
  // oxlint-disable-next-line no-implied-eval -- code made of a schema, never of a message
  const make = new Function(...names, source) as (...runtime: unknown[]) => Serializer // eslint-disable-line no-new-func -- as above
  return make(serializers, other, rest, text, letters, number, boolean, own, missing)
}

// Every object inherits a `constructor`.
function own (value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined
}

function missing (key: string): never {
  throw new TypeError(`must have required property '${key}'`)
}
