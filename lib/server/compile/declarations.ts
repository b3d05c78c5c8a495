import type { Subschema } from '../../schema/subschema.js'
import { expressionOf } from './checks.js'

/**
 * The parts of a value that one schema declares by itself, without the schemas that hold beside it.
 */

export type Kind = 'object' | 'array'

/** The schemas of a list's items. */
export interface Items {
  readonly first: readonly Subschema[]
  readonly rest: readonly Subschema[]
}

const CONTAINERS = ['$ref', 'allOf', 'anyOf', 'oneOf', 'if', 'dependentSchemas', 'dependencies']
const DECLARATIONS: Readonly<Record<Kind, readonly string[]>> = {
  object: ['type', 'properties', 'patternProperties', 'additionalProperties', 'unevaluatedProperties'],
  array: ['type', 'items', 'prefixItems']
}

export function isDeclaring (part: Subschema, kind: Kind): boolean {
  return DECLARATIONS[kind].some((keyword) => part.get(keyword) !== undefined)
}

/**
 * Tells whether a schema says nothing of a value's inside: it declares all of it, when no schema
 * beside it says more.
 */
export function isOpen (part: Subschema): boolean {
  if (isDeclaring(part, 'object') || isDeclaring(part, 'array')) return false
  return CONTAINERS.every((keyword) => part.get(keyword) === undefined)
}

/** Tells whether a schema declares properties whose names it does not know. */
export function hasRest (part: Subschema): boolean {
  if (part.get('patternProperties') !== undefined) return true
  return allowed([...part.subschemas('additionalProperties'), ...part.subschemas('unevaluatedProperties')]).length > 0
}

/** The schemas of a property. */
export function propertyParts (part: Subschema, key: string): Subschema[] {
  const named = part.child('properties')?.child(key)
  const matching = patternsOf(part).filter(({ expression }) => expression.test(key)).map(({ member }) => member)
  if (named !== undefined) return [named, ...matching]
  return matching.length > 0 ? matching : allowed(part.subschemas('additionalProperties'))
}

/** The patterns of property names, and their schemas. */
export function patternsOf (part: Subschema): Array<{ expression: RegExp, member: Subschema }> {
  const place = part.child('patternProperties')
  const patterns = Object.keys(part.get('patternProperties') ?? {})
  return patterns.map((pattern) => ({ expression: expressionOf(pattern), member: place!.child(pattern)! }))
}

/** The schemas of a list's items, in the words of draft-07 and of 2020-12; `undefined` for none. */
export function itemsOf (part: Subschema): Items | undefined {
  const items = part.get('items')
  if (part.get('prefixItems') !== undefined) return { first: part.subschemas('prefixItems'), rest: allowed(part.subschemas('items')) }
  if (Array.isArray(items)) return { first: part.subschemas('items'), rest: allowed(part.subschemas('additionalItems')) }
  return items === undefined ? undefined : { first: [], rest: allowed(part.subschemas('items')) }
}

export function allowed (parts: readonly Subschema[]): Subschema[] {
  return parts.filter(({ schema }) => schema !== false)
}

export function kindOf (value: unknown): Kind | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return Array.isArray(value) ? 'array' : 'object'
}
