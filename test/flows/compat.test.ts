// Random pairs of schemas, judged by Ajv: nothing is called safe for which it has a counterexample.
// The same pairs each time; others with SEED, and more of them with FUZZ_PAIRS.
import { Ajv2019 } from 'ajv/dist/2019.js'
import ajvFormats from 'ajv-formats'
import fc from 'fast-check'
import t from 'tap'
import { compareSchemas, type Receiver } from '../../lib/compat/schemas.js'
import { Random } from '../fuzz/random.js'
import { Sampler } from '../fuzz/samples.js'
import { drawDocument, mutate, type Draft } from '../fuzz/schemas.js'

const PAIRS = Number(process.env['FUZZ_PAIRS'] ?? 1000)
const SAMPLES = 60
const seed = process.env['SEED'] === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(process.env['SEED'] ?? 20261128)

const ajv = new Ajv2019({ strict: false, validateSchema: false, code: { optimize: false } })
ajvFormats.default(ajv)

function checkOf (schema: Draft): (value: unknown) => boolean {
  const translated = translate(schema) as object
  const check = ajv.compile(translated)
  ajv.removeSchema(translated)
  return check as (value: unknown) => boolean
}

/** Writes tuples of 2020-12 as this Ajv reads them. */
function translate (schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(translate)
  if (typeof schema !== 'object' || schema === null) return schema
  const { prefixItems, items, ...others } = schema as Draft
  const tuple = prefixItems === undefined ? { items } : { items: prefixItems, additionalItems: items }
  const lists = Object.entries(tuple).filter(([, value]) => value !== undefined)
  return Object.fromEntries([...Object.entries(others), ...lists].map(([keyword, value]) => [keyword, translate(value)]))
}

/** Removes what a client of ours does not look at: it ignores what it does not know. */
function opened (schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(opened)
  if (typeof schema !== 'object' || schema === null) return schema
  const isClosing = ([keyword, value]: [string, unknown]): boolean => {
    return value === false && /^(?:additional|unevaluated)Properties$/.test(keyword)
  }
  const kept = Object.entries(schema).filter((entry) => !isClosing(entry))
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, opened(value)]))
}

/** Members of a schema that are schemas of the same value. */
const IN_PLACE: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'then', 'else', 'dependentSchemas'])
const NAMED: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependentSchemas', '$defs'])
const KEPT: ReadonlySet<string> = new Set(['not', 'if', 'contains', 'const', 'enum', 'propertyNames', 'dependentRequired'])

/** Closes each object: an open one means the properties that it declares, and no others. */
function declared (schema: unknown, isInPlace = false): unknown {
  if (Array.isArray(schema)) return schema.map((inner) => declared(inner, isInPlace))
  if (typeof schema !== 'object' || schema === null) return schema
  const members = Object.entries(schema).map(([keyword, inner]: [string, unknown]) => {
    if (KEPT.has(keyword)) return [keyword, inner]
    const within = (member: unknown): unknown => declared(member, IN_PLACE.has(keyword) || keyword === '$defs')
    if (!NAMED.has(keyword)) return [keyword, within(inner)]
    return [keyword, Object.fromEntries(Object.entries(inner as Draft).map(([name, member]) => [name, within(member)]))]
  })
  return { ...isInPlace ? {} : { unevaluatedProperties: false }, ...Object.fromEntries(members) }
}

/** A value that the sender may mean and the receiver refuses; `undefined` when none was found. */
function counterexample (said: Draft, taken: Draft, random: Random): { value: unknown } | undefined {
  const [says, takes] = [checkOf(said), checkOf(taken)]
  let meant: ((value: unknown) => boolean) | undefined
  const means = (value: unknown): boolean => (meant ??= checkOf(declared(said) as Draft))(value)
  const sampler = new Sampler(said, [taken], random)
  for (let left = SAMPLES; left > 0; left--) {
    const value = sampler.draw()
    if (says(value) && !takes(value) && means(value)) return { value }
  }
  return undefined
}

t.test('of random pairs of schemas none is called safe that Ajv proves otherwise', async (t) => {
  const count = { safe: 0, dangerous: 0, breaking: 0, proved: 0 }
  const judged = fc.property(fc.noBias(fc.integer()), (number) => {
    const random = new Random(number)
    const old = drawDocument(random)
    const next = random.chance(0.95) ? mutate(old, random) : drawDocument(random)
    const receiver: Receiver = random.chance(0.5) ? 'server' : 'client'
    const [said, taken] = receiver === 'server' ? [old, next] : [next, old]
    const impacts = compareSchemas(old, next, 'message', receiver).map(({ impact }) => impact)
    const found = counterexample(said, taken, random)
    if (impacts.includes('breaking')) {
      count.breaking++
      if (found !== undefined) count.proved++
      return
    }
    const isDangerous = impacts.includes('dangerous')
    count[isDangerous ? 'dangerous' : 'safe']++
    const wrong = isDangerous && found !== undefined ? counterexample(said, opened(taken) as Draft, random) : found
    if (wrong !== undefined) throw new Error(`called safe, ${receiver}: ${JSON.stringify({ old, next, value: wrong.value })}`)
  })
  fc.assert(judged, { seed, numRuns: PAIRS, endOnFailure: true })
  const share = (count.proved / count.breaking * 100).toFixed(1)
  const verdicts = `${count.safe} safe, ${count.dangerous} dangerous, ${count.breaking} breaking`
  t.comment(`seed ${seed}: ${verdicts}, of which ${count.proved} (${share} %) have a counterexample`)
  t.ok(count.safe > PAIRS / 10 && count.breaking > PAIRS / 10, 'both verdicts are frequent')
})
