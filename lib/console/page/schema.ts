import { attempt } from './attempt.js'
import { listOf, recordOf, type Data } from './references.js'

/** The type of the values that a keyword bounds, and its test. */
type Rule = readonly [type: string, isBroken: (value: never, bound: never) => boolean]

// Necessary only: a server may be stricter.
const FORMATS: Data = {
  'date-time': /^\d{4}-\d\d-\d\d[t\s]\d\d:/i,
  date: /^\d{4}-\d\d-\d\d$/,
  time: /^\d\d:/,
  email: /.@./,
  uuid: /[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i,
  uri: /^[a-z].*:/i,
  ipv4: /^\d+(\.\d+){3}$/,
  ipv6: /^[\da-f]*:/i
}

const RULES: Readonly<Record<string, Rule>> = {
  ...range('string', 'Length'),
  ...range('number', 'imum'),
  ...range('array', 'Items'),
  ...range('object', 'Properties'),
  pattern: ['string', (value: string, pattern: string) => !matches(value, pattern)],
  format: ['string', (value: string, format: string) => Object.hasOwn(FORMATS, format) && !(FORMATS[format] as RegExp).test(value)],
  exclusiveMinimum: ['number', (value: number, bound: number) => value <= bound],
  exclusiveMaximum: ['number', (value: number, bound: number) => value >= bound],
  // The quotient of decimals is seldom exact.
  multipleOf: ['number', (value: number, bound: number) => Math.abs(value / bound - Math.round(value / bound)) > 1e-6]
}

function range (type: string, keyword: string): Record<string, Rule> {
  return {
    [`min${keyword}`]: [type, (value, bound: number) => sizeOf(value) < bound],
    [`max${keyword}`]: [type, (value, bound: number) => sizeOf(value) > bound]
  }
}

function sizeOf (value: number | string | object): number {
  return typeof value === 'number' ? value : Object.keys(typeof value === 'string' ? Array.from(value) : value).length
}

/** The bounds of a schema, `minimum 5`: all of them, or those that a value breaks. */
export function boundsOf (schema: Data, ...values: readonly unknown[]): string[] {
  return Object.entries(RULES).flatMap(([keyword, [type, isBroken]]) => {
    const bound = schema[keyword]
    const isBound = /^(number|string)$/.test(typeof bound)
    return isBound && values.every((value) => typeOf(value) === type && isBroken(value as never, bound as never))
      ? [`${keyword} ${bound as string}`]
      : []
  })
}

/** The type of a value, as a schema names it. */
export function typeOf (value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
}

/** The types that a schema names, or others where it names none. */
export function typesOf ({ type }: Data, otherwise: readonly string[] = []): string[] {
  return [type ?? otherwise].flat() as string[]
}

/** The values that a schema names, if it does. */
export function valuesOf (schema: Data): unknown[] | undefined {
  return 'const' in schema ? [schema['const']] : [schema['enum']].find(Array.isArray)
}

/** The branches of a union, if there is one. */
export function branchesOf ({ anyOf, oneOf }: Data): unknown[] | undefined {
  return [anyOf, oneOf].find(Array.isArray)
}

/** The schemas of the first items, and that of those behind them. */
export function itemsOf ({ items, prefixItems, additionalItems }: Data): readonly [first: unknown[], others: unknown] {
  return Array.isArray(items) ? [items, additionalItems] : [listOf(prefixItems), items]
}

/** The properties of an object's schema. */
export function propertiesOf ({ properties }: Data): Data {
  return recordOf(properties)
}

/** The properties that are required. */
export function requiredOf ({ required }: Data): string[] {
  return listOf(required) as string[]
}

/** Tells a name that needs no quotes. */
export function isIdentifier (name: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(name)
}

/** Tells whether a text matches a pattern; one that cannot be read refuses nothing. */
export function matches (text: string, pattern: string): boolean {
  return attempt(() => new RegExp(pattern, 'u').test(text), true)
}
