import { isRecord } from '../record.js'
import type { References } from '../schema/references.js'
import type { Subschema } from '../schema/subschema.js'
import { casesOf } from './cases.js'
import { conditionDifferences } from './conditions.js'
import { rankOf, REFUSED, opaque, refused, type Case, type Difference, type Walk } from './difference.js'
import { listDifferences } from './lists.js'
import { ignoredDifferences, objectDifferences } from './objects.js'
import { scalarDifferences } from './scalars.js'
import { unionDifferences } from './unions.js'
import { includes, listOf, literal, typed, typeNames, typesOf, valuesOf, type Type } from './values.js'

// Schemas that are written to be unfolded without end: the rest counts as not compared.
const MAX_STEPS = 10_000
// A list of differences that stands behind many references would be told as often.
const MAX_DIFFERENCES = 50

/**
 * Proves that every value of one schema is taken by another, or finds the differences for which it
 * cannot. A pair of schemas that leads back to itself holds unless something else in it does not.
 */
export class Inclusion implements Walk {
  readonly said: References
  readonly taken: References
  readonly #known = new Map<string, readonly Difference[]>()
  // Pairs that hold only if those do in which they were met.
  readonly #assumed: string[] = []
  // Pairs that are being compared, and the level of the value at which they were met: one that is
  // met again at the same level leads nowhere.
  readonly #open = new Map<string, number>()
  #level = 0
  #steps = 0

  constructor (said: References, taken: References) {
    this.said = said
    this.taken = taken
  }

  differences (): readonly Difference[] {
    return this.within([this.said.root], this.taken.root)
  }

  within (said: readonly Subschema[], taken: Subschema): readonly Difference[] {
    if (isAnything(taken)) return []
    return this.#once(`${keyOf(said)} < ${taken.uri}`, () => this.#oneLevelDown(() => {
      const [cases, others] = [casesOf(said, this.said), casesOf([taken], this.taken)]
      const fitting = new Set(others.flatMap((one) => [...typesOf(one)]))
      const types = typeDifferences(cases, fitting)
      const found = cases.flatMap((one) => this.#caseOf(one, fitting)).flatMap((one) => this.caseWithin(one, taken))
      return withNotes(merged([...types, ...found]), ignoredDifferences(cases, others))
    }))
  }

  // Types that are refused have been told of.
  #caseOf (one: Case, fitting: ReadonlySet<Type>): Case[] {
    const types = typesOf(one)
    const left = new Set([...types].filter((type) => fitting.has(type)))
    if (left.size === types.size) return [one]
    return left.size === 0 ? [] : [[...one, typed(left)]]
  }

  caseWithin (said: Case, taken: Subschema): readonly Difference[] {
    if (isAnything(taken) || typesOf(said).size === 0) return []
    return this.#once(`${keyOf(said)} << ${taken.uri}`, () => {
      const values = valuesOf(said)
      if (values === undefined || (values.length === 1 && said.some(({ uri }) => uri.startsWith('=')))) return this.#rules(said, taken)
      return values.flatMap((value) => valueDifference(value, this.caseWithin([...said, literal(value)], taken)))
    })
  }

  #rules (said: Case, taken: Subschema): Difference[] {
    const types = typeDifferences([said], typesOf([taken]))
    if (types.length > 0) return types
    return [
      ...listedDifferences(said, taken),
      ...scalarDifferences(said, taken),
      ...objectDifferences(said, taken, this),
      ...listDifferences(said, taken, this),
      ...unionDifferences(said, taken, this),
      ...conditionDifferences(said, taken, this),
      ...[...this.taken.targetsOf(taken), ...taken.subschemas('allOf')].flatMap((part) => this.caseWithin(said, part))
    ]
  }

  #once (key: string, find: () => readonly Difference[]): readonly Difference[] {
    const known = this.#open.get(key) === this.#level ? [opaque('size')] : this.#known.get(key)
    if (known !== undefined) return known
    if (this.#steps++ > MAX_STEPS) return [opaque('size')]
    const mark = this.#assumed.push(key) - 1
    this.#known.set(key, [])
    this.#open.set(key, this.#level)
    const found = find().slice(0, MAX_DIFFERENCES)
    this.#open.delete(key)
    if (rankOf(found) > 0) this.#forget(mark)
    if (rankOf(found) > 0 && rankOf(found) < REFUSED) this.#assumed.push(key)
    this.#known.set(key, found)
    return found
  }

  #oneLevelDown <T> (find: () => T): T {
    this.#level++
    const found = find()
    this.#level--
    return found
  }

  // They were found on the assumption that this one holds.
  #forget (mark: number): void {
    for (const key of this.#assumed.splice(mark)) this.#known.delete(key)
  }
}

function keyOf (parts: readonly Subschema[]): string {
  return parts.map(({ uri }) => uri).toSorted().join(' & ')
}

function isAnything ({ schema }: Subschema): boolean {
  return schema === true || (isRecord(schema) && Object.keys(schema).length === 0)
}

function typeDifferences (said: readonly Case[], taken: ReadonlySet<Type>): Difference[] {
  const types = new Set(said.flatMap((one) => [...typesOf(one)]))
  return [...types].every((type) => taken.has(type)) ? [] : [refused('type', typeNames(types), typeNames(taken))]
}

function valueDifference (value: unknown, found: readonly Difference[]): readonly Difference[] {
  return isWhole(found) ? [{ path: '', aspect: 'values', kind: 'values', grade: 'refused', said: [value] }] : found
}

// A value that was not compared is not refused.
function isWhole (found: readonly Difference[]): boolean {
  return rankOf(found) === REFUSED && found.some(({ path, aspect }) => path === '' && aspect !== 'size')
}

function listedDifferences (said: Case, taken: Subschema): Difference[] {
  const list = listOf(taken)
  if (list === undefined) return []
  const values = valuesOf(said)
  if (values?.every((value) => includes(list, value))) return []
  return [refused(taken.get('enum') === undefined ? 'const' : 'enum', values, list)]
}

/** Each difference once, and the values of one place together. */
function merged (differences: readonly Difference[]): Difference[] {
  const found = new Map<string, Difference>()
  for (const difference of differences) {
    const { grade, aspect, path, kind } = difference
    const key = `${grade} ${aspect} ${path} ${kind === 'branch' ? String(difference.said) : ''}`
    const { said } = found.get(key) ?? {}
    const isList = kind === 'values' && Array.isArray(said)
    found.set(key, isList ? { ...difference, said: [...said, ...difference.said as unknown[]] } : difference)
  }
  return [...found.values()]
}

// A branch that is told of as a whole has its properties with it.
function withNotes (found: Difference[], notes: readonly Difference[]): Difference[] {
  if (found.some(({ kind, path }) => kind === 'branch' && path === '')) return found
  return [...found, ...notes.filter(({ path }) => !found.some((one) => one.path === path))]
}
