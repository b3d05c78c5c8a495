import { isRecord } from '../../record.js'
import type { Data, References } from './references.js'

/** A reason for which a schema refuses a value. */
export interface Hint {
  /** Where, as in JavaScript: `people[0].name`; empty for the whole. */
  readonly path: string
  readonly text: string
}

const MAX_DEPTH = 24
const MAX_HINTS = 12
// Necessary only: a server may be stricter.
const FORMATS = new Map([
  ['date-time', /^\d{4}-\d\d-\d\d[t\s]\d\d:\d\d/i],
  ['date', /^\d{4}-\d\d-\d\d$/],
  ['email', /^[^@]+@./],
  ['uuid', /^(urn:uuid:)?[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i]
])
// A branch with another constant is another thing.
const CONST_COST = 20

/**
 * Says where a value breaks a schema. A value without hints may still be refused: keywords that are
 * not known here are not looked at.
 */
export function hintsFor (value: unknown, schema: unknown, references: References): Hint[] {
  return new Checker(references).check(value, schema, '', 0).slice(0, MAX_HINTS)
}

class Checker {
  readonly #references: References

  constructor (references: References) {
    this.#references = references
  }

  check (value: unknown, part: unknown, path: string, depth: number): Hint[] {
    const schema = this.#references.resolve(part)
    if (schema === false) return [{ path, text: 'must not be there' }]
    if (!isRecord(schema) || depth > MAX_DEPTH) return []
    const say = (text: string): Hint[] => [{ path, text }]
    if ('const' in schema && !isEqual(value, schema['const'])) return say(`must be ${JSON.stringify(schema['const'])}`)
    const values = schema['enum']
    if (Array.isArray(values) && !values.some((one) => isEqual(value, one))) {
      return say(`must be one of ${values.map((one) => JSON.stringify(one)).join(', ')}`)
    }
    const types = [schema['type'] ?? []].flat() as string[]
    if (types.length > 0 && !types.some((type) => isOfType(value, type))) return say(`must be ${types.map(withArticle).join(' or ')}`)
    const not = schema['not']
    const own = not === true || (isRecord(not) && Object.keys(not).length === 0) ? say('must not be there') : []
    return [...own, ...this.#byType(value, schema, path, depth), ...this.#combined(value, schema, path, depth)]
  }

  #byType (value: unknown, schema: Data, path: string, depth: number): Hint[] {
    if (typeof value === 'string') return hintsOfText(value, schema).map((text) => ({ path, text }))
    if (typeof value === 'number') return hintsOfNumber(value, schema).map((text) => ({ path, text }))
    if (Array.isArray(value)) return this.#array(value, schema, path, depth)
    return isRecord(value) ? this.#object(value, schema, path, depth) : []
  }

  #array (value: readonly unknown[], schema: Data, path: string, depth: number): Hint[] {
    const { items, prefixItems, additionalItems, uniqueItems } = schema
    const tuple = (Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : []) as unknown[]
    const rest = Array.isArray(items) ? additionalItems : items
    const repeated = uniqueItems === true && value.some((one, i) => value.slice(0, i).some((other) => isEqual(one, other)))
    return [
      ...boundsOf(value.length, schema, 'Items', 'item').map((text) => ({ path, text })),
      ...repeated ? [{ path, text: 'must not have the same item twice' }] : [],
      ...value.flatMap((item, i) => this.check(item, i < tuple.length ? tuple[i] : rest, `${path}[${i}]`, depth + 1))
    ]
  }

  #object (value: Data, schema: Data, path: string, depth: number): Hint[] {
    const inner = (name: string): string => {
      return /^[A-Za-z_$][\w$]*$/.test(name) ? `${path && `${path}.`}${name}` : `${path}[${JSON.stringify(name)}]`
    }
    const properties = isRecord(schema['properties']) ? schema['properties'] : {}
    const patterns = Object.entries(isRecord(schema['patternProperties']) ? schema['patternProperties'] : {})
    const missing = ([schema['required'] ?? []].flat() as string[]).filter((name) => !Object.hasOwn(value, name))
    return [
      ...missing.map((name) => ({ path: inner(name), text: 'is required' })),
      ...boundsOf(Object.keys(value).length, schema, 'Properties', 'property').map((text) => ({ path, text })),
      ...Object.entries(value).flatMap(([name, item]) => {
        const named = Object.hasOwn(properties, name) ? [properties[name]] : []
        const matching = patterns.filter(([pattern]) => matches(name, pattern)).map(([, part]) => part)
        const parts = named.length + matching.length > 0 ? [...named, ...matching] : [schema['additionalProperties']]
        return parts.flatMap((part) => this.check(item, part, inner(name), depth + 1))
      })
    ]
  }

  #combined (value: unknown, schema: Data, path: string, depth: number): Hint[] {
    const listOf = (keyword: string): unknown[] => Array.isArray(schema[keyword]) ? schema[keyword] as unknown[] : []
    const all = listOf('allOf').flatMap((part) => this.check(value, part, path, depth + 1))
    const unions = ['anyOf', 'oneOf'].map(listOf).filter((parts) => parts.length > 0)
    // The hints of the nearest branch.
    const any = unions.flatMap((parts) => {
      return parts.map((part) => this.check(value, part, path, depth + 1)).reduce((one, other) => costOf(other) < costOf(one) ? other : one)
    })
    return [...all, ...any]
  }
}

function costOf (hints: readonly Hint[]): number {
  return hints.reduce((sum, { text }) => sum + (text.startsWith('must be "') ? CONST_COST : 1), 0)
}

function hintsOfText (value: string, schema: Data): string[] {
  const { pattern, format } = schema
  return [
    ...boundsOf(Array.from(value).length, schema, 'Length', 'character'),
    ...typeof pattern === 'string' && !matches(value, pattern) ? [`must match ${pattern}`] : [],
    ...typeof format === 'string' && FORMATS.get(format)?.test(value) === false ? [`must be of the format ${format}`] : []
  ]
}

function hintsOfNumber (value: number, schema: Data): string[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  const is = (bound: unknown, isBroken: (bound: number) => boolean, words: string): string[] => {
    return typeof bound === 'number' && isBroken(bound) ? [`must be ${words} ${bound}`] : []
  }
  return [
    ...is(minimum, (bound) => value < bound, 'at least'),
    ...is(maximum, (bound) => value > bound, 'at most'),
    ...is(exclusiveMinimum, (bound) => value <= bound, 'greater than'),
    ...is(exclusiveMaximum, (bound) => value >= bound, 'less than'),
    // The quotient of decimals is seldom exact.
    ...is(multipleOf, (bound) => Math.abs(value / bound - Math.round(value / bound)) > 1e-6, 'a multiple of')
  ]
}

function boundsOf (count: number, schema: Data, keyword: string, unit: string): string[] {
  const [min, max] = [schema[`min${keyword}`], schema[`max${keyword}`]]
  const units = (bound: number): string => `${bound} ${bound === 1 ? unit : unit.replace(/y$/, 'ie') + 's'}`
  return [
    ...typeof min === 'number' && count < min ? [`must have at least ${units(min)}`] : [],
    ...typeof max === 'number' && count > max ? [`must have at most ${units(max)}`] : []
  ]
}

function matches (value: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value)
  } catch {
    return true
  }
}

function isOfType (value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isRecord(value)
  if (type === 'integer') return Number.isInteger(value)
  const own: string = typeof value
  return !['string', 'number', 'boolean'].includes(type) || own === type
}

function withArticle (type: string): string {
  return type === 'null' ? type : `${/^[aio]/.test(type) ? 'an' : 'a'} ${type}`
}

/** Compares JSON data; the order of properties does not count. */
export function isEqual (one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) return one.length === other.length && one.every((item, i) => isEqual(item, other[i]))
  if (!isRecord(one) || !isRecord(other)) return one === other
  const names = Object.keys(one)
  return names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name) && isEqual(one[name], other[name]))
}
