import type { Subschema } from '../schema/subschema.js'
import { below, opaque, REFUSED, rankOf, refused, type Case, type Difference, type Walk } from './difference.js'
import { itemOf, restOf, tupleOf } from './members.js'
import { isSame } from './sameness.js'
import { strictest } from './scalars.js'
import { textOf, typesOf, valuesOf } from './values.js'

/** Differences in what lists may be. */
export function listDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  if (!typesOf(said).has('array')) return []
  return [
    ...sizeDifferences(said, taken),
    ...itemDifferences(said, taken, walk),
    ...uniqueDifferences(said, taken),
    ...containsDifferences(said, taken, walk)
  ]
}

function sizeDifferences (said: Case, taken: Subschema): Difference[] {
  const [min, max] = [taken.get('minItems'), taken.get('maxItems')]
  const [least, most] = [strictest(said, 'minItems', true) ?? 0, mostOf(said)]
  return [
    ...typeof min === 'number' && least < min ? [refused('minItems', least, min)] : [],
    ...typeof max === 'number' && most > max ? [refused('maxItems', finite(most), max)] : []
  ]
}

function finite (most: number): number | undefined {
  return Number.isFinite(most) ? most : undefined
}

/** The number of items that a case can have at most. */
function mostOf (one: Case): number {
  const ends = one.map((part) => {
    const end = [...tupleOf(part), ...restOf(part)].findIndex(({ schema }) => schema === false)
    return end < 0 ? Number.POSITIVE_INFINITY : end
  })
  return Math.min(strictest(one, 'maxItems', false) ?? Number.POSITIVE_INFINITY, ...ends)
}

function itemDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  const [most, length] = [mostOf(said), Math.max(...[...said, taken].map((part) => tupleOf(part).length))]
  const places = Array.from({ length: Math.min(length, most) }, (_, index) => index)
  const differences = places.flatMap((index) => below(`[${index}]`, memberDifferences(said, taken, index, walk)))
  return most > length ? [...differences, ...below('[]', memberDifferences(said, taken, length, walk))] : differences
}

function memberDifferences (said: Case, taken: Subschema, index: number, walk: Walk): Difference[] {
  const parts = said.flatMap((part) => itemOf(part, index))
  return itemOf(taken, index).flatMap((item) => walk.within(parts, item))
}

function uniqueDifferences (said: Case, taken: Subschema): Difference[] {
  if (taken.get('uniqueItems') !== true || mostOf(said) < 2 || said.some((part) => part.get('uniqueItems') === true)) return []
  return valuesOf(said)?.every(isUnique) ? [] : [refused('uniqueItems', undefined, true)]
}

function isUnique (list: unknown): boolean {
  return new Set((list as unknown[]).map(textOf)).size === (list as unknown[]).length
}

const CONTAINS = ['contains', 'minContains', 'maxContains']

function containsDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  if (taken.get('contains') === undefined || said.some((part) => isSame(part, taken, CONTAINS, walk))) return []
  const least = taken.get('minContains') ?? 1
  const isBounded = taken.get('maxContains') !== undefined
  if (least === 0 && !isBounded) return []
  const areAll = !isBounded && (strictest(said, 'minItems', true) ?? 0) >= Number(least) && everyItemFits(said, taken, walk)
  return areAll ? [] : [opaque('contains')]
}

function everyItemFits (said: Case, taken: Subschema, walk: Walk): boolean {
  const contains = taken.subschemas('contains')[0]!
  const length = Math.max(...said.map((part) => tupleOf(part).length))
  const items = Array.from({ length: length + 1 }, (_, index) => said.flatMap((part) => itemOf(part, index)))
  return items.every((parts) => rankOf(walk.within(parts, contains)) < REFUSED)
}
