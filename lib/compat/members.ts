import { isRecord } from '../record.js'
import type { Subschema } from '../schema/subschema.js'
import type { Case } from './difference.js'
import { expressionOf } from './scalars.js'

/** The members of objects and lists, as schemas declare them. */

/** The names of the properties that a schema declares. */
export function namesOf (part: Subschema): string[] {
  return Object.keys(part.get('properties') ?? {})
}

/** The patterns of the properties that a schema declares. */
export function patternsOf (part: Subschema): string[] {
  return Object.keys(part.get('patternProperties') ?? {})
}

/** The schemas that one schema has for a property of this name. */
export function propertyOf (part: Subschema, name: string): Subschema[] {
  const declared = [part.child('properties')?.child(name), ...matching(part, name)].filter((one) => one !== undefined)
  return declared.length > 0 ? declared : part.subschemas('additionalProperties')
}

function matching (part: Subschema, name: string): Subschema[] {
  const patterns = patternsOf(part).filter((pattern) => expressionOf(pattern)?.test(name) !== false)
  return patterns.map((pattern) => part.child('patternProperties')!.child(pattern)!)
}

/** A schema for properties whose names it does not know. */
export interface Others {
  /** The pattern of their names; `undefined` for all that no other keyword names. */
  readonly pattern: string | undefined
  readonly schemas: readonly Subschema[]
}

/**
 * The properties that a case says without knowing their names. An object that is only open says
 * none of them.
 */
export function othersOf (one: Case): Others[] {
  if (one.some((part) => part.get('additionalProperties') === false && patternsOf(part).length === 0)) return []
  const patterns = one.flatMap((part) => patternsOf(part).map((pattern) => {
    return { pattern, schemas: [part.child('patternProperties')!.child(pattern)!] }
  }))
  const rest = one.flatMap((part) => ['additionalProperties', 'unevaluatedProperties'].flatMap((keyword) => {
    return isRecord(part.get(keyword)) ? [{ pattern: undefined, schemas: part.subschemas(keyword) }] : []
  }))
  return [...patterns, ...rest]
}

/** Tells whether a case can have a property, by declaring it or by a pattern of its name. */
export function canSay (one: Case, name: string): boolean {
  const isDeclared = one.some((part) => namesOf(part).includes(name))
  const isMatched = othersOf(one).some(({ pattern }) => pattern === undefined || expressionOf(pattern)?.test(name) !== false)
  return (isDeclared || isMatched) && !one.some((part) => propertyOf(part, name).some(({ schema }) => schema === false))
}

export function isRequired (one: Case, name: string): boolean {
  return one.some((part) => [part.get('required')].flat().includes(name))
}

/** Tells whether a schema refuses properties that it does not declare. */
export function isClosed (part: Subschema): boolean {
  return part.get('additionalProperties') === false || part.get('unevaluatedProperties') === false
}

/** The schema of a list's item at a place: those of draft-07 and of 2020-12. */
export function itemOf (part: Subschema, index: number): Subschema[] {
  const first = tupleOf(part)
  return index < first.length ? [first[index]!] : restOf(part)
}

/** The schemas of a list's first items. */
export function tupleOf (part: Subschema): Subschema[] {
  if (part.get('prefixItems') !== undefined) return part.subschemas('prefixItems')
  return Array.isArray(part.get('items')) ? part.subschemas('items') : []
}

/** The schema of all items behind the first ones. */
export function restOf (part: Subschema): Subschema[] {
  const isOld = Array.isArray(part.get('items')) && part.get('prefixItems') === undefined
  return part.subschemas(isOld ? 'additionalItems' : 'items')
}
