// @ts-check
// How long may one message take to check? Every format on hostile texts, and nasty schemas on
// hostile values.
import { Type as Legacy } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { Format } from 'typebox/format'
import { Ajv } from 'ajv'
import ajvFormats from 'ajv-formats'
import { defineContract } from '../dist/lib/contract.js'
import { compileContract } from '../dist/lib/server/compile/contract.js'
import { Decoder } from '../dist/lib/server/messages/decode.js'
import { loadTypeBox } from '../dist/lib/server/compile/typebox.js'
import { Vocabulary } from '../dist/lib/server/compile/vocabulary.js'
import { hostileTexts } from './hostile.js'
import { parse, positive } from './options.js'
import { note, printTable } from './table.js'

const LENGTH = 60_000
// The texts that cost most at a thirtieth of the length are tried at the whole.
const SAMPLE_LENGTH = 2_000
const SAMPLES = 20
const TRIES = 3

const typebox = await loadTypeBox()

export async function main () {
  const options = parse({ budget: '200' })
  const budget = positive('budget', Number(options.budget))
  const rows = [...formatRows(), ...schemaRows()]
  note('')
  printTable(['what is checked', 'worst', 'by'], rows.map(({ name, ms, by }) => [name, `${ms.toFixed(1)} ms`, by.slice(0, 50)]))
  const slow = rows.filter(({ ms }) => ms > budget)
  if (slow.length > 0) throw new Error(`past ${budget} ms: ${slow.map(({ name }) => name).join(', ')}`)
}

/** @typedef {{ name: string, ms: number, by: string }} Row */

/** @returns {Row[]} */
function formatRows () {
  const vocabulary = new Vocabulary(typebox.builds, {})
  const names = new Set([...Object.keys(ajvFormats.default(new Ajv()).formats), ...Format.Entries().map(([name]) => name)])
  const formats = [...names].map((name) => ({ name, ...vocabulary.formatOf(name) })).filter(({ type }) => type === 'string')
  return formats.map(({ name, check }) => worstText(`format ${name}`, /** @type {(text: string) => boolean} */ (check)))
}

/**
 * @param {string} name
 * @param {(text: string) => boolean} check
 * @returns {Row}
 */
function worstText (name, check) {
  note(name)
  const sampled = Array.from(hostileTexts(SAMPLE_LENGTH), ({ name, text }) => ({ name, ms: timeOf(() => check(text), 1) }))
  const worst = new Set(sampled.sort((a, b) => b.ms - a.ms).slice(0, SAMPLES).map(({ name }) => name))
  const rows = Array.from(hostileTexts(LENGTH, worst), ({ name: by, text }) => ({ name, by, ms: timeOf(() => check(text)) }))
  return rows.reduce((one, other) => one.ms > other.ms ? one : other)
}

/** @returns {Row[]} */
function schemaRows () {
  return nastySchemas().flatMap(({ name, schema, values }) => [
    worstValue(`TypeBox 0.34: ${name}`, Legacy.Object({ x: schema(Legacy) }), values),
    worstValue(`TypeBox 1.x: ${name}`, Current.Object({ x: schema(/** @type {any} */ (Current)) }), values),
    worstValue(`JSON Schema: ${name}`, JSON.parse(JSON.stringify(Legacy.Object({ x: schema(Legacy) }))), values)
  ])
}

/**
 * @param {string} name
 * @param {object} schema
 * @param {Record<string, unknown>} values
 * @returns {Row}
 */
function worstValue (name, schema, values) {
  note(name)
  const {
    incoming
  } = compileContract(defineContract({ name: 'nasty', clientToServer: { m: schema } }), { typebox, ajv: {}, sharedSchemas: {} })
  const decoder = new Decoder(incoming, 'type')
  const rows = Object.entries(values).map(([by, x]) => {
    const text = JSON.stringify({ type: 'm', x })
    if (text.length > LENGTH * 1.1) throw new Error(`${name}: ${by} has ${text.length} characters`)
    return { name, by, ms: timeOf(() => decoder.decode(text)) }
  })
  return rows.reduce((one, other) => one.ms > other.ms ? one : other)
}

/**
 * @returns {Array<{ name: string, schema: (T: typeof Legacy) =>
 * import('@sinclair/typebox').TSchema, values: Record<string, unknown> }>}
 */
function nastySchemas () {
  const lists = {
    numbers: list(9_000, (n) => n),
    'numbers, the last twice': [...list(9_000, (n) => n), 0],
    'objects that differ at the end': list(2_000, (n) => ({ a: { b: { c: 1 } }, d: n })),
    'empty objects': list(19_000, () => ({})),
    'nested lists': nested((value) => [value, [value === null]], 60),
    texts: list(6_000, (n) => `t${n}`)
  }
  const records = { 'many names': Object.fromEntries(list(3_600, (n) => [`name${n}`, n])), 'a long name': { ['a'.repeat(50_000)]: 1 } }
  const trees = {
    'a chain, right': nested((child) => ({ child, kind: 'or' }), 60),
    'a chain, wrong at the end': nested((child) => ({ child, kind: child === null ? 'nope' : 'or' }), 60),
    'a short text': { child: { child: { child: null, kind: 'nope' }, kind: 'and' }, kind: 'and' }
  }
  const self = { $ref: 'Node' }
  /** @param {any} schema */
  const anywhere = (schema) => (/** @type {any} */ T) => T.Unsafe(schema)
  return [
    { name: 'uniqueItems', schema: (T) => T.Array(T.Any(), { uniqueItems: true }), values: lists },
    { name: 'contains', schema: (T) => T.Array(T.Any(), { contains: T.Object({ no: T.Number() }) }), values: lists },
    { name: 'multipleOf', schema: (T) => T.Array(T.Number({ multipleOf: 0.1 })), values: lists },
    { name: 'maxProperties', schema: (T) => T.Object({}, { maxProperties: 5_000, minProperties: 3_600 }), values: records },
    {
      name: 'record',
      schema: (T) => T.Record(
        T.String({ pattern: '^[a-z]+[0-9]+$' }),
        T.Number(),
        { additionalProperties: false, propertyNames: { maxLength: 20 } }
      ),
      values: records
    },
    {
      name: 'unevaluatedProperties',
      schema: (T) => T.Intersect([T.Object({ name1: T.Number() }), T.Record(T.String(), T.Number())], { unevaluatedProperties: false }),
      values: records
    },
    { name: 'not', schema: anywhere({ not: { type: 'array', items: { type: ['number', 'object'] } } }), values: lists },
    {
      name: 'a union of a hundred',
      schema: (T) => T.Array(T.Union(list(100, (n) => T.Object({ kind: T.Literal(`k${n}`) })))),
      values: { 'the last': list(3_000, () => ({ kind: 'k99' })), none: list(3_000, () => ({ kind: 'k' })) }
    },
    {
      name: 'a recursion told apart late',
      schema: anywhere({
        $id: 'Node',
        anyOf: [
          { type: 'null' },
          ...['and', 'or'].map((kind) => {
            return { type: 'object', properties: { child: self, kind: { const: kind } }, required: ['child', 'kind'] }
          })
        ]
      }),
      values: trees
    },
    {
      name: 'a recursion within allOf',
      schema: anywhere({
        $id: 'Node',
        anyOf: [
          { type: 'null' },
          { allOf: [{ properties: { child: self } }, { properties: { child: self } }, { properties: { kind: { enum: ['and', 'or'] } } }] }
        ]
      }),
      values: trees
    },
    {
      name: 'JSON',
      schema: (T) => T.Unsafe({
        $id: 'Node',
        anyOf: [
          { type: ['string', 'number', 'boolean', 'null'] },
          { type: 'array', items: self },
          { type: 'object', additionalProperties: self }
        ]
      }),
      values: { ...lists, ...records, ...trees }
    }
  ]
}

/**
 * @template T
 * @param {number} length
 * @param {(n: number) => T} of
 */
function list (length, of) {
  return Array.from({ length }, (_, n) => of(n))
}

/**
 * @param {(value: any) => unknown} wrap
 * @param {number} depth
 */
function nested (wrap, depth) {
  let value = wrap(null)
  for (let level = 1; level < depth; level++) value = wrap(value)
  return value
}

/** @param {() => unknown} run */
function timeOf (run, tries = TRIES) {
  return Math.min(...list(tries, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  }))
}
