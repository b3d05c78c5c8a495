import { isRecord } from '../../record.js'
import { listOf, type Data } from './references.js'

/** A keyword that bounds values of a type. */
type Rule = readonly [type: string, keyword: string, words: string, isBroken: (value: never, bound: never) => boolean]

/** A bound of a schema: `be at least 5`. */
export interface Bound {
  readonly words: string
  readonly isBroken: (value: unknown) => boolean
}

// Necessary only: a server may be stricter.
const FORMATS: Data = {
  'date-time': /^\d{4}-\d\d-\d\d[t\s]\d\d:\d\d/i,
  date: /^\d{4}-\d\d-\d\d$/,
  email: /^[^@]+@./,
  uuid: /^(urn:uuid:)?[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i
}

const RULES: readonly Rule[] = [
  ...counted('string', 'Length', 'characters'),
  ['string', 'pattern', 'match #', (value: string, pattern: string) => !matches(value, pattern)],
  ['string', 'format', 'have the format #', (value: string, format: string) => {
    return Object.hasOwn(FORMATS, format) && !(FORMATS[format] as RegExp).test(value)
  }],
  ['number', 'minimum', 'be at least #', (value: number, bound: number) => value < bound],
  ['number', 'maximum', 'be at most #', (value: number, bound: number) => value > bound],
  ['number', 'exclusiveMinimum', 'be more than #', (value: number, bound: number) => value <= bound],
  ['number', 'exclusiveMaximum', 'be less than #', (value: number, bound: number) => value >= bound],
  ['number', 'multipleOf', 'be a multiple of #', (value: number, bound: number) => {
    // The quotient of decimals is seldom exact.
    return Math.abs(value / bound - Math.round(value / bound)) > 1e-6
  }],
  ...counted('array', 'Items', 'items'),
  ...counted('object', 'Properties', 'names')
]

function counted (type: string, keyword: string, units: string): Rule[] {
  const sizeOf = (value: object | string): number => (typeof value === 'string' ? Array.from(value) : Object.keys(value)).length
  return [
    [type, `min${keyword}`, `have at least # ${units}`, (value: string, bound: number) => sizeOf(value) < bound],
    [type, `max${keyword}`, `have at most # ${units}`, (value: string, bound: number) => sizeOf(value) > bound]
  ]
}

/** The bounds of a schema. */
export function boundsOf (schema: Data): Bound[] {
  return RULES.flatMap(([type, keyword, words, isBroken]) => {
    const bound = schema[keyword]
    return typeof bound === 'number' || typeof bound === 'string'
      ? [{
          words: (bound === 1 ? words.replace(/s$/, '') : words).replace('#', () => `${bound}`),
          isBroken: (value) => typeOf(value) === type && isBroken(value as never, bound as never)
        }]
      : []
  })
}

/** The type of a value, as a schema names it. */
export function typeOf (value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
}

/** The types that a schema names. */
export function typesOf (schema: Data): string[] {
  return [schema['type'] ?? []].flat() as string[]
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
  return isRecord(properties) ? properties : {}
}

/** The properties that are required. */
export function requiredOf ({ required }: Data): string[] {
  return [required ?? []].flat() as string[]
}

/** Tells a name that needs no quotes. */
export function isIdentifier (name: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(name)
}

/** Tells whether a text matches a pattern; one that cannot be read refuses nothing. */
export function matches (text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text)
  } catch {
    return true
  }
}
