import type { References } from '../schema/references.js'
import type { Subschema } from '../schema/subschema.js'
import { casesOf } from './cases.js'
import type { Case, Walk } from './difference.js'
import { canSay, isRequired, namesOf, propertyOf } from './members.js'
import { strictest } from './scalars.js'
import { includes, typesOf, valuesOf } from './values.js'

// A literal that tells branches apart stands near: as deep as this it is looked for.
const MAX_DEPTH = 3

/** Schemas of one side, and the document of their references. */
interface Side {
  readonly parts: readonly Subschema[]
  readonly references: References
}

/** Tells whether no value fits both a case and a schema; `false` where that is not known. */
export function isApart (said: Case, taken: Subschema, walk: Walk): boolean {
  return casesOf([taken], walk.taken).every((other) => areCasesDisjoint(said, other, { one: walk.said, other: walk.taken, depth: 0 }))
}

function areDisjoint (one: Side, other: Side, depth: number): boolean {
  if (depth > MAX_DEPTH) return false
  const [some, others] = [one, other].map(({ parts, references }) => casesOf(parts, references))
  const inside = { one: one.references, other: other.references, depth }
  return some!.every((left) => others!.every((right) => areCasesDisjoint(left, right, inside)))
}

interface Inside {
  readonly one: References
  readonly other: References
  readonly depth: number
}

function areCasesDisjoint (one: Case, other: Case, inside: Inside): boolean {
  const types = typesOf(other)
  const shared = [...typesOf(one)].filter((type) => types.has(type))
  if (shared.length === 0) return true
  const [some, others] = [valuesOf(one), valuesOf(other)]
  if (some !== undefined && others !== undefined) return !some.some((value) => includes(others, value))
  if (shared.every((type) => type === 'integer' || type === 'fraction')) return areRangesDisjoint(one, other)
  return shared.every((type) => type === 'object') && areObjectsDisjoint(one, other, inside)
}

function areRangesDisjoint (one: Case, other: Case): boolean {
  const endsBefore = (low: Case, high: Case): boolean => {
    return (strictest(low, 'maximum', false) ?? Number.POSITIVE_INFINITY) < (strictest(high, 'minimum', true) ?? Number.NEGATIVE_INFINITY)
  }
  return endsBefore(one, other) || endsBefore(other, one)
}

function areObjectsDisjoint (one: Case, other: Case, inside: Inside): boolean {
  const names = [...new Set([...one, ...other].flatMap(namesOf))]
  return names.filter((name) => isRequired(one, name) || isRequired(other, name)).some((name) => {
    if (isRequired(one, name) && isRefused(other, name)) return true
    if (isRequired(other, name) && isRefused(one, name)) return true
    return arePropertiesDisjoint(one, other, name, inside)
  })
}

function arePropertiesDisjoint (one: Case, other: Case, name: string, { one: left, other: right, depth }: Inside): boolean {
  const [some, others] = [one, other].map((parts) => parts.flatMap((part) => propertyOf(part, name)))
  return areDisjoint({ parts: some!, references: left }, { parts: others!, references: right }, depth + 1)
}

function isRefused (one: Case, name: string): boolean {
  return !canSay(one, name) && one.some((part) => propertyOf(part, name).some(({ schema }) => schema === false))
}
