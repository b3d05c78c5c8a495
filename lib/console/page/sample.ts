import { isRecord } from '../../record.js'
import { hintsFor } from './hints.js'
import { listOf, type Data, type References } from './references.js'
import { branchesOf, itemsOf, propertiesOf, requiredOf, typesOf } from './schema.js'

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
  ipv6: '2001:db8::1'
}
// Tried against a pattern.
const WORDS = ['text', 'a', 'A', '1', 'abc', 'ABC', '123', 'a1', '#a', '-', '']
// The type of a schema that names none, by its keywords.
const GUESSES: ReadonlyArray<readonly [type: string, keywords: RegExp]> = [
  ['object', /^required|ropert/], ['array', /tems$/], ['string', /pattern|Length|format/], ['number', /imum|multiple/i]
]

/** Makes a value that fits a schema, where that can be done without solving riddles. */
export function sampleOf (schema: unknown, references: References): unknown {
  return sample(schema, 0)

  function sample (part: unknown, depth: number): unknown {
    const schema = references.resolve(part)
    if (!isRecord(schema) || depth > MAX_DEPTH) return null
    let first: { value: unknown } | undefined
    for (const value of candidates(schema, depth)) {
      if (hintsFor(value, schema, references).length === 0) return value
      first ??= { value }
    }
    return first?.value ?? null
  }

  function * candidates (schema: Data, depth: number): Iterable<unknown> {
    const { const: fixed, enum: values, default: fallback, examples, allOf, anyOf, oneOf, ...own } = schema
    yield * [...listOf(examples), ...[fallback, fixed].filter((one) => one !== undefined), ...listOf(values)]
    if ((allOf ?? anyOf ?? oneOf) === undefined) yield * byType(schema, depth)
    else {
      const branches = branchesOf(schema)?.map((branch) => [branch]) ?? [[]]
      for (const branch of branches) yield * together([own, ...listOf(allOf), ...branch], depth + 1)
    }
  }

  // The samples of the parts as one object, or each of them.
  function * together (parts: readonly unknown[], depth: number): Iterable<unknown> {
    const samples = parts.map((part) => sample(part, depth)).reverse()
    if (samples.some(isRecord)) yield Object.assign({}, ...samples.filter(isRecord).reverse())
    yield * samples
  }

  function * byType (schema: Data, depth: number): Iterable<unknown> {
    const types = typesOf(schema)
    for (const type of types.length > 0 || 'type' in schema ? types : [guessType(schema)]) {
      if (type === 'string') yield * textsOf(schema)
      else if (type === 'number' || type === 'integer') yield * numbersOf(schema, type)
      else if (type === 'boolean') yield * [true, false]
      else if (type === 'array') yield arrayOf(schema, depth + 1)
      else if (type === 'object') yield objectOf(schema, depth + 1)
      else yield null
    }
  }

  function arrayOf (schema: Data, depth: number): unknown[] {
    const [first, others] = itemsOf(schema)
    const { minItems, maxItems } = schema
    const usual = first.length || (depth > DEEP || others === undefined ? 0 : 1)
    const count = Math.min(Math.max(usual, Number(minItems ?? 0)), Number(maxItems ?? 100))
    return Array.from({ length: count }, (_, i) => sample(i < first.length ? first[i] : others, depth))
  }

  function objectOf (schema: Data, depth: number): Data {
    const properties = propertiesOf(schema)
    const required = requiredOf(schema)
    const names = [...Object.keys(properties).filter((name) => required.includes(name)), ...required]
    const others = [...Object.keys(properties), 'a', 'b', 'c', 'd'].filter((name) => !required.includes(name))
    const all = new Set([...names, ...others.slice(0, Math.max(0, Number(schema['minProperties'] ?? 0) - new Set(required).size))])
    return Object.fromEntries([...all].map((name) => {
      return [name, sample(Object.hasOwn(properties, name) ? properties[name] : schema['additionalProperties'], depth)]
    }))
  }
}

function guessType (schema: Data): string {
  return GUESSES.find(([, keywords]) => Object.keys(schema).some((keyword) => keywords.test(keyword)))?.[0] ?? 'null'
}

function * textsOf ({ format, minLength = 0, maxLength = 10_000 }: Data): Iterable<string> {
  if (typeof format === 'string' && Object.hasOwn(TEXTS, format)) yield TEXTS[format]!
  for (const word of WORDS) yield word.padEnd(Math.min(Number(minLength), 10_000), word || 'x').slice(0, Number(maxLength))
}

function numbersOf ({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }: Data, type: string): number[] {
  const step = typeof multipleOf === 'number' ? multipleOf : type === 'integer' ? 1 : 0.5
  const bounds = [minimum, exclusiveMinimum, maximum, exclusiveMaximum].filter((bound) => typeof bound === 'number')
  // At each bound, beside it, and between them.
  const near = bounds.map((bound) => Math.round(bound / step)).flatMap((count) => [0, 1, -1].map((more) => (count + more) * step))
  return [0, 1, ...near, bounds.reduce((sum, bound) => sum + bound / bounds.length, 0)]
}
