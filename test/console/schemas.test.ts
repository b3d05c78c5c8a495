// The things that the console makes of a schema: a sample, hints, a type.
import t from 'tap'
import fc from 'fast-check'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import ts from 'typescript'
import { hintsFor } from '../../lib/console/page/hints.js'
import { refName, resolverOf } from '../../lib/console/page/references.js'
import { sampleOf } from '../../lib/console/page/sample.js'
import { typeTextOf } from '../../lib/console/page/typescript.js'
import { schema, shared, type Schema } from './schemas.js'

const resolve = resolverOf(shared)
const none = resolverOf({})

// A property that every object inherits is none of the data's.
function compile (schema: Schema): ValidateFunction {
  const ajv = new Ajv({ strict: false, validateSchema: false, ownProperties: true })
  ;(addFormats as unknown as (ajv: Ajv) => void)(ajv)
  return ajv.compile({ ...shared, allOf: [schema] })
}

const hints = (value: unknown, schema: unknown): string[] => hintsFor(value, schema, none).map(({ path, text }) => `${path} ${text}`)

t.test('the sample of a random schema is valid by Ajv', async (t) => {
  let made = 0
  fc.assert(fc.property(schema, (schema) => {
    const sample = sampleOf(schema, resolve)
    // Where none was found the page says so itself, by a hint.
    if (hintsFor(sample, schema, resolve).length > 0) return
    made++
    const validate = compile(schema)
    if (!validate(sample)) throw new Error(`${JSON.stringify(sample)}: ${JSON.stringify(validate.errors)}`)
  }))
  t.ok(made > 60, `${made} of 100 have a sample`)
})

t.test('a value that Ajv takes has no hint', async () => {
  fc.assert(fc.property(schema, fc.jsonValue(), (schema, value) => {
    if (compile(schema)(value) && hintsFor(value, schema, resolve).length > 0) {
      throw new Error(JSON.stringify(hintsFor(value, schema, resolve)))
    }
  }))
})

t.test('the type of a random schema has no fault in its syntax', async () => {
  fc.assert(fc.property(schema, (schema) => {
    const text = typeTextOf('message', schema, resolve)
    const { parseDiagnostics } = ts.createSourceFile('m.ts', text, ts.ScriptTarget.Latest) as unknown as { parseDiagnostics: unknown[] }
    if (parseDiagnostics.length > 0) throw new Error(text)
  }))
})

t.test('a hint says where, and what is expected', async (t) => {
  const one = { type: 'object', properties: { text: { type: 'string', minLength: 1 }, 'x-y': { type: 'integer' } }, required: ['text'] }
  t.same(hints({ text: '' }, one), ['text must have minLength 1'])
  t.same(hints({ 'x-y': 1.5 }, one), ['text is required', '["x-y"] must be integer'])
  t.same(hints('a', one), [' must be object'])
  t.same(hints({ list: [1, 'a'] }, { properties: { list: { items: { type: 'number' } } } }), ['list[1] must be number'])
  t.same(
    hints({ a: { b: null } }, { properties: { a: { properties: { b: { type: ['string', 'boolean'] } } } } }),
    ['a.b must be string or boolean']
  )
  t.same(hints([], { type: ['null'] }), [' must be null'])
  t.same(hints({ extra: 1 }, { additionalProperties: false }), ['extra must not be there'])
  t.same(hints(1, { not: {} }), [' must not be there'])
  t.same(hints(1, { not: { type: 'string' } }), [], 'of what is not known nothing is said')
})

t.test('every bound has its hint', async (t) => {
  t.same(hints('abc', { maxLength: 2 }), [' must have maxLength 2'])
  t.same(hints('😀', { maxLength: 1 }), [], 'a sign is one character')
  t.same(hints('a', { pattern: '^b' }), [' must have pattern ^b'])
  t.same(hints('a', { pattern: '(' }), [], 'a pattern that is none refuses nothing')
  t.same(hints('a', { format: 'uuid' }), [' must have format uuid'])
  t.same(hints('a', { format: 'toString' }), [])
  t.same(hints(5, { minimum: 6, maximum: 4, exclusiveMinimum: 5, exclusiveMaximum: 5, multipleOf: 2 }), [
    ' must have minimum 6', ' must have maximum 4',
    ' must have exclusiveMinimum 5', ' must have exclusiveMaximum 5', ' must have multipleOf 2'
  ])
  t.same(hints(0.3, { multipleOf: 0.1 }), [])
  t.same(hints([1, 1], { minItems: 3, maxItems: 1 }), [' must have minItems 3', ' must have maxItems 1'])
  t.same(hints({}, { minProperties: 2 }), [' must have minProperties 2'])
  t.same(hints(5, { const: { a: 2 } }), [' must be {"a":2}'])
  t.same(hints({ a: 1 }, { const: { a: 2 } }), [], 'objects are not looked into')
  t.same(hints('c', { enum: ['a', 'b'] }), [' must be "a" or "b"'])
  t.same(hints(1, { exclusiveMinimum: true }), [], 'a bound of another draft is none')
})

t.test('tuples, patterns of names and unknown names are judged by their own schemas', async (t) => {
  t.same(hints(['a', 'b', 3], { prefixItems: [{ type: 'string' }, { type: 'number' }], items: { type: 'string' } }), [
    '[1] must be number', '[2] must be string'
  ])
  t.same(hints(['a', 'b'], { items: [{ type: 'string' }], additionalItems: { type: 'number' } }), ['[1] must be number'])
  t.same(hints({ x1: 'a', y: 1 }, { patternProperties: { '^x': { type: 'number' } }, additionalProperties: { type: 'string' } }), [
    'x1 must be number', 'y must be string'
  ])
})

t.test('of a union the nearest branch is explained', async (t) => {
  const branch = (type: string, more: object) => ({ type: 'object', properties: { type: { const: type }, ...more }, required: ['type'] })
  const union = { anyOf: [branch('a', { n: { type: 'number' } }), branch('b', { s: { type: 'string' } })] }
  t.same(hints({ type: 'b', s: 5 }, union), ['s must be string'])
  t.same(hints({ type: 'a', n: 'x' }, union), ['n must be number'])
  t.same(hints({ type: 'a', n: 1 }, { oneOf: union.anyOf, allOf: [{ required: ['m'] }] }), ['m is required'])
})

t.test('a long list of faults is cut, and endless depth ends', async (t) => {
  t.equal(hints(Array.from({ length: 50 }, () => 1), { items: { type: 'string' } }).length, 12)
  let deep: unknown = 5
  for (let i = 0; i < 40; i++) deep = { next: deep }
  t.same(hintsFor(deep, { $ref: '#' }, resolverOf({ type: 'object', properties: { next: { $ref: '#' } } })), [])
})

t.test('a sample prefers the words of the schema', async (t) => {
  const sample = (schema: unknown) => sampleOf(schema, resolve)
  t.equal(sample({ type: 'string', examples: ['e'], default: 'd' }), 'e')
  t.equal(sample({ type: 'string', examples: [5], default: 'd' }), 'd', 'but not an example that is none')
  t.equal(sample({ type: 'string', minLength: 6 }), 'texttext'.slice(0, 6))
  t.equal(sample({ type: 'string', pattern: '^\\d+$' }), '1')
  t.equal(sample({ type: 'number', minimum: 3 }), 3)
  t.equal(sample({ type: 'integer', minimum: 2.5 }), 3)
  t.equal(sample({ type: 'integer', minimum: 3, multipleOf: 5 }), 5)
  t.equal(sample({ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 0.2 }), 0.1)
  t.same(sample({ items: { type: 'boolean' } }), [true])
  t.same(sample({ type: 'array' }), [])
  t.same(sample({ type: 'object', required: ['a'], minProperties: 2 }), { a: null, b: null })
  t.equal(sample(true), null)
  t.same(sample({ prefixItems: [{ const: 1 }] }), [1])
  t.same(sample({ items: [{ const: 1 }], additionalItems: { const: 2 }, minItems: 2 }), [1, 2])
  t.same(sample({ properties: { a: true } }), {})
  t.equal(sample({ type: 'string', format: 'email' }), 'ada@example.com')
})

t.test('schemas that are put together are sampled together', async (t) => {
  const sample = (schema: unknown) => sampleOf(schema, resolve)
  t.same(sample({
    allOf: [
      { type: 'object', properties: { a: { type: 'string' }, n: { type: 'number', minimum: 2 } }, required: ['a'] },
      { type: 'object', properties: { n: { type: 'number', minimum: 4, maximum: 9 } }, required: ['n'], additionalProperties: false }
    ]
  }), { a: 'text', n: 4 })
  t.same(sample({ allOf: [{ type: 'number', minimum: 2, maximum: 9 }, { type: 'number', minimum: 4, maximum: 5 }] }), 4)
  t.same(sample({ properties: { type: { const: 'a' } }, required: ['type'], oneOf: [{ required: ['n'] }] }), { type: 'a', n: null })
})

t.test('a schema without any value has a sample all the same', async (t) => {
  t.equal(sampleOf({ type: 'string', pattern: '^z{9}$' }, none), 'text')
  t.equal(sampleOf({ type: 'x' }, none), 'text')
  t.equal(sampleOf({ enum: [] }, none), 'text')
  t.equal(sampleOf({ type: [] }, none), 'text')
})

t.test('a type is written as in a source', async (t) => {
  t.equal(typeTextOf('chat message', {
    type: 'object',
    properties: {
      type: { const: 'message' },
      text: { type: 'string', minLength: 1, maxLength: 1, description: 'Is read\nby all.' },
      'x-y': { type: 'integer', deprecated: true },
      who: { anyOf: [{ $ref: '#/components/schemas/Tree' }, { type: 'null' }] },
      list: { type: 'array', items: { anyOf: [{ type: 'string' }, { enum: [1, 'a'] }] } },
      pair: { type: 'array', items: [{ type: 'string' }, {}] },
      both: { allOf: [{ type: 'object', properties: { a: {} } }], type: 'object', properties: { b: false } },
      all: { type: 'array', items: { allOf: [{ properties: { a: { type: 'null' } } }, { properties: { b: { type: 'boolean' } } }] } },
      map: { type: 'object', additionalProperties: { type: 'number' } },
      other: { type: 'object', patternProperties: { '^a': { type: 'string' } } },
      fixed: { const: { a: 1 } },
      nothing: { const: null },
      mixed: { allOf: [{ type: ['string', 'null'] }, { enum: ['a'] }] },
      some: { description: 'Anything.' },
      empty: { enum: [] }
    },
    required: ['type', 'text']
  }, resolve), `type ChatMessage = {
  type: "message"
  text: string // Is read by all; minLength 1; maxLength 1
  "x-y"?: number // deprecated; integer
  who?: Tree | null
  list?: Array<string | 1 | "a">
  pair?: [string, unknown]
  both?: {
    b?: never
  } & {
    a?: unknown
  }
  all?: Array<{
    a?: null
  } & {
    b?: boolean
  }>
  map?: {
    [name: string]: number
  }
  other?: {
    [name: string]: string
  }
  fixed?: unknown
  nothing?: null
  mixed?: (string | null) & "a"
  some?: unknown // Anything
  empty?: never
}

type Tree = {
  children: Tree[]
  next?: Tree
}`)
  t.equal(typeTextOf('1', {}, none), 'type _1 = unknown')
})

t.test('two schemas of one name have two names in a type', async (t) => {
  const two = resolverOf({ a: { Person: { type: 'string' } }, b: { Person: { type: 'number' } } })
  const text = typeTextOf('m', { anyOf: [{ $ref: '#/a/Person' }, { $ref: '#/b/Person' }] }, two)
  t.equal(text, 'type M = Person | Person2\n\ntype Person = string\n\ntype Person2 = number')
})

t.test('a type has a pattern as it is, and no property where there is none', async (t) => {
  t.equal(typeTextOf('a', { type: 'object', properties: {}, additionalProperties: false }, none), 'type A = {}')
  t.match(typeTextOf('a', { type: 'object', properties: { a: { type: 'string', pattern: '^$&$' } } }, none), '^$&$')
})

t.test('a type without an end ends', async (t) => {
  let deep: object = { type: 'string' }
  for (let i = 0; i < 40; i++) deep = { type: 'array', items: deep }
  t.match(typeTextOf('deep', deep, none), /unknown\[\]/)
})

t.test('references are followed within their document only', async (t) => {
  const found = resolverOf({ 'a/b': { '~c d': 5 }, loop: { $ref: '#/loop' }, list: [{ x: 1 }], none: null })
  t.equal(found({ $ref: '#/a~1b/~0c%20d' }), 5)
  t.same(found({ $ref: '#/list/0' }), { x: 1 })
  t.same(found({ $ref: '#/loop' }), {})
  t.same(found({ $ref: 'https://example.com/#/list' }), {})
  t.same(found({ $ref: '#/toString' }), {})
  t.same(found({ $ref: '#/none/inside' }), {}, 'there is nothing in null')
  t.equal(refName('#/a/100%'), '100%')
})
