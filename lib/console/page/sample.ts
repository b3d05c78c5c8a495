import { isRecord } from '../../record.js'
import { hintsFor } from './hints.js'
import { listOf, type Data, type Resolve } from './references.js'
import { branchesOf, itemsOf, propertiesOf, requiredOf, valuesOf } from './schema.js'

const MAX_DEPTH = 12
// Below it, lists that may be empty are.
const DEEP = 4
const MAX_LENGTH = 10_000
// Tried against patterns and formats.
const WORDS = [
  'text', 'a', 'A', '1', 'abc', 'ABC', '123', 'a1', '#a', '-', '', 'ada@example.com', 'https://example.com/', '2001:db8::1', '192.0.2.1',
  '2026-01-01', '2026-01-01T12:00:00Z', '12:00:00Z', '7f0b6f0e-0000-4000-8000-000000000000'
]

/** Makes a value that fits a schema, where that can be done without solving riddles. */
export function sampleOf (schema: unknown, resolve: Resolve): unknown {
  return sample(schema, 0)

  function sample (part: unknown, depth: number): unknown {
    const schema = resolve(part)
    if (!isRecord(schema) || depth > MAX_DEPTH) return null
    let first: unknown
    for (const value of candidates(schema, depth + 1)) {
      if (value === undefined) continue
      if (hintsFor(value, schema, resolve).length === 0) return value
      first ??= value
    }
    return first
  }

  function * candidates (schema: Data, depth: number): Iterable<unknown> {
    const { const: _, enum: __, examples, allOf, anyOf, oneOf, ...own } = schema
    yield * [...listOf(examples), schema['default'], ...valuesOf(schema) ?? []]
    if (allOf ?? anyOf ?? oneOf) {
      for (const branch of branchesOf(schema) ?? [{}]) yield * together([own, ...listOf(allOf), branch], depth)
    } else {
      // Without a type the keywords tell it.
      if (schema['items'] ?? schema['prefixItems']) yield arrayOf(schema, depth)
      if (schema['properties'] ?? schema['required']) yield objectOf(schema, depth)
      yield * [...textsOf(schema), ...numbersOf(schema), true, arrayOf(schema, depth), objectOf(schema, depth), null]
    }
  }

  // The samples of the parts as one object, or each of them.
  function * together (parts: readonly unknown[], depth: number): Iterable<unknown> {
    const samples = parts.map((part) => sample(part, depth))
    if (samples.some(isRecord)) yield Object.assign({}, ...samples.filter(isRecord))
    yield * samples.reverse()
  }

  function arrayOf (schema: Data, depth: number): unknown[] {
    const [first, others] = itemsOf(schema)
    const usual = first.length || (others && depth <= DEEP ? 1 : 0)
    const length = Math.min(Math.max(usual, Number(schema['minItems'] ?? 0)), MAX_LENGTH)
    return Array.from({ length }, (_, i) => sample(i < first.length ? first[i] : others, depth))
  }

  function objectOf (schema: Data, depth: number): Data {
    const properties = propertiesOf(schema)
    const more = [...Object.keys(properties), 'a', 'b', 'c'].slice(0, Number(schema['minProperties'] ?? 0))
    return Object.fromEntries([...requiredOf(schema), ...more].map((name) => {
      return [name, sample(Object.hasOwn(properties, name) ? properties[name] : schema['additionalProperties'], depth)]
    }))
  }
}

function textsOf ({ minLength = 0, maxLength = MAX_LENGTH }: Data): string[] {
  return WORDS.map((word) => word.padEnd(Math.min(Number(minLength), MAX_LENGTH), word || 'x').slice(0, Number(maxLength)))
}

function numbersOf ({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf = 1 }: Data): number[] {
  const step = Number(multipleOf)
  const bounds = [minimum, exclusiveMinimum, maximum, exclusiveMaximum].filter((bound) => typeof bound === 'number')
  // At each bound, beside it, and between them.
  const near = bounds.flatMap((bound) => [0, 1, -1].map((more) => (Math.round(bound / step) + more) * step))
  return [0, 1, ...near, bounds.reduce((sum, bound) => sum + bound, 0) / (bounds.length || 1)]
}
