import { isRecord } from '../../record.js'
import { hintsFor } from './hints.js'
import type { Data, References } from './references.js'

const MAX_DEPTH = 12
// Below it, lists that may be empty are.
const DEEP = 4
const TEXTS: Readonly<Record<string, string>> = {
  'date-time': '2026-01-01T12:00:00Z',
  date: '2026-01-01',
  time: '12:00:00Z',
  email: 'ada@example.com',
  uuid: '7f0b6f0e-0000-4000-8000-000000000000',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  hostname: 'example.com'
}
// Tried against a pattern.
const WORDS = ['text', 'a', 'A', '1', 'abc', 'ABC', '123', 'a1', '#a', '-', '']

/** Makes a value that fits a schema, where that can be done without solving riddles. */
export function sampleOf (schema: unknown, references: References): unknown {
  return new Sampler(references).sample(schema, 0)
}

class Sampler {
  readonly #references: References

  constructor (references: References) {
    this.#references = references
  }

  sample (part: unknown, depth: number): unknown {
    const schema = this.#references.resolve(part)
    if (!isRecord(schema) || depth > MAX_DEPTH) return null
    let first: { value: unknown } | undefined
    for (const value of this.#candidates(schema, depth)) {
      if (hintsFor(value, schema, this.#references).length === 0) return value
      first ??= { value }
    }
    return first === undefined ? null : first.value
  }

  * #candidates (schema: Data, depth: number): Iterable<unknown> {
    const { const: fixed, enum: values, default: fallback, examples } = schema
    if (Array.isArray(examples)) yield * examples
    if (fallback !== undefined) yield fallback
    if (fixed !== undefined) yield fixed
    if (Array.isArray(values)) yield * values
    const { allOf, anyOf, oneOf, ...own } = schema
    const base = this.#merged([own, ...Array.isArray(allOf) ? allOf : []])
    const branches = [anyOf, oneOf].find(Array.isArray) as unknown[] | undefined
    if (branches === undefined && allOf === undefined) yield * this.#byType(schema, depth)
    else if (branches === undefined) yield this.sample(base, depth + 1)
    else for (const branch of branches) yield this.sample(this.#merged([base, branch]), depth + 1)
  }

  // The keywords of several schemas in one: the narrower bound, all that is required.
  #merged (parts: readonly unknown[]): Data {
    const merged: Record<string, unknown> = {}
    for (const part of parts.map((part) => this.#references.object(part))) {
      for (const [keyword, value] of Object.entries(part)) {
        merged[keyword] = keyword in merged ? narrower(keyword, merged[keyword], value) : value
      }
    }
    return merged
  }

  * #byType (schema: Data, depth: number): Iterable<unknown> {
    const types = schema['type'] === undefined ? [guessType(schema)] : [schema['type']].flat() as string[]
    for (const type of types) {
      if (type === 'string') yield * textsOf(schema)
      else if (type === 'number' || type === 'integer') yield * numbersOf(schema, type)
      else if (type === 'boolean') yield * [true, false]
      else if (type === 'array') yield this.#array(schema, depth)
      else if (type === 'object') yield this.#object(schema, depth)
      else yield null
    }
  }

  #array ({ items, prefixItems, additionalItems, minItems, maxItems }: Data, depth: number): unknown[] {
    const tuple = (Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : []) as unknown[]
    const rest = Array.isArray(items) ? additionalItems : items
    const usual = tuple.length || (depth > DEEP || rest === undefined ? 0 : 1)
    const count = Math.min(Math.max(usual, Number(minItems ?? 0)), Number(maxItems ?? 100))
    return Array.from({ length: count }, (_, i) => this.sample(i < tuple.length ? tuple[i] : rest, depth + 1))
  }

  #object (schema: Data, depth: number): Data {
    const properties = isRecord(schema['properties']) ? schema['properties'] : {}
    const required = [schema['required'] ?? []].flat() as string[]
    const names = [
      ...Object.keys(properties).filter((name) => required.includes(name)),
      ...required.filter((name) => !Object.hasOwn(properties, name))
    ]
    const others = [...Object.keys(properties), 'a', 'b', 'c', 'd'].filter((name) => !names.includes(name))
    while (names.length < Number(schema['minProperties'] ?? 0) && others.length > 0) names.push(others.shift()!)
    return Object.fromEntries(names.map((name) => {
      return [name, this.sample(Object.hasOwn(properties, name) ? properties[name] : schema['additionalProperties'], depth + 1)]
    }))
  }
}

function narrower (keyword: string, one: unknown, other: unknown): unknown {
  if (keyword === 'required') return [...new Set([one, other].flat())]
  if (keyword === 'properties') {
    const [left, right] = [one, other] as [Data, Data]
    const both = Object.keys(left).filter((name) => Object.hasOwn(right, name)).map((name) => [name, { allOf: [left[name], right[name]] }])
    return { ...left, ...right, ...Object.fromEntries(both) }
  }
  if (typeof one === 'number' && typeof other === 'number') {
    return /^(?:min|exclusiveMin)/.test(keyword) ? Math.max(one, other) : Math.min(one, other)
  }
  return other
}

function guessType (schema: Data): string {
  if ('properties' in schema || 'required' in schema) return 'object'
  if ('items' in schema || 'prefixItems' in schema) return 'array'
  if ('pattern' in schema || 'minLength' in schema || 'format' in schema) return 'string'
  return 'minimum' in schema || 'maximum' in schema ? 'number' : 'null'
}

function * textsOf ({ format, minLength = 0, maxLength = 10_000 }: Data): Iterable<string> {
  if (typeof format === 'string' && TEXTS[format] !== undefined) yield TEXTS[format]
  for (const word of WORDS) yield word.padEnd(Math.min(Number(minLength), 10_000), word || 'x').slice(0, Number(maxLength))
}

function * numbersOf ({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }: Data, type: string): Iterable<number> {
  const step = typeof multipleOf === 'number' ? multipleOf : type === 'integer' ? 1 : 0.5
  const low = Math.max(...[minimum, exclusiveMinimum].map((bound) => typeof bound === 'number' ? bound : -Infinity))
  const high = Math.min(...[maximum, exclusiveMaximum].map((bound) => typeof bound === 'number' ? bound : Infinity))
  yield * [0, 1]
  if (low > -Infinity) yield * [Math.ceil(low / step) * step, (Math.floor(low / step) + 1) * step]
  if (high < Infinity) yield * [Math.floor(high / step) * step, (Math.ceil(high / step) - 1) * step]
  if (low > -Infinity && high < Infinity) yield (low + high) / 2
}
