import { show } from '../show.js'
import { AT, HAS_BINARY, REF } from '../protocol.js'
import { DECLARING_IN_PLACE } from './keywords.js'
import type { References } from './references.js'
import type { Subschema } from './subschema.js'

/**
 * The reason why a schema cannot be a payload's; `undefined` when it can. A payload shares one JSON
 * object with the message's name and `ref`.
 *
 * @param references - `defineContract` has none of the app's schemas: a reference to one of them is
 * taken for good there, and looked at when a route is compiled.
 */
export function explainNoPayload (references: References, discriminator: string): string | undefined {
  const { root } = references
  if (!isObjectOnly(root, references)) {
    const shown = show(root.get('type') ?? root.schema)
    return 'a payload shares one JSON object with its type, so its schema must be an object: ' +
      `write Type.Object({ value: <schema> }) instead of ${shown}`
  }
  const declared = inPlaceOf(root, references).flatMap((part) => Object.keys(part.get('properties') ?? {}))
  const reserved = [discriminator, REF, AT, HAS_BINARY].find((name) => declared.includes(name))
  if (reserved === undefined) return undefined
  return `'${reserved}' is the protocol's own property of every message: give the payload's property another name`
}

/** Tells whether nothing but an object can match a schema. */
function isObjectOnly (part: Subschema, references: References, path: readonly string[] = []): boolean {
  if (path.includes(part.uri)) return false
  const isIn = (member: Subschema): boolean => isObjectOnly(member, references, [...path, part.uri])
  if (part.get('type') === 'object') return true
  if (typeof part.get('$ref') === 'string') return references.targetsOf(part).every(isIn)
  const unions = ['anyOf', 'oneOf'].map((keyword) => part.subschemas(keyword)).filter((branches) => branches.length > 0)
  return part.subschemas('allOf').some(isIn) || unions.some((branches) => branches.every(isIn))
}

/** Every schema that may hold for one and the same value, and say what is in it. */
function inPlaceOf (part: Subschema, references: References, seen: Set<string> = new Set()): Subschema[] {
  if (seen.has(part.uri)) return []
  seen.add(part.uri)
  const members = DECLARING_IN_PLACE.flatMap((keyword) => part.subschemas(keyword))
  return [part, ...[...references.targetsOf(part), ...members].flatMap((member) => inPlaceOf(member, references, seen))]
}
