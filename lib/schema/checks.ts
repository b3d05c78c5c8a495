import { isRecord } from '../record.js'
import { CODECS } from './equality.js'
import type { References } from './references.js'
import { explainForeign } from './standard-schema.js'
import { at, childrenOf, type ObjectSubschema, type Schema } from './subschema.js'

/**
 * Tells whether a regular expression could meet a text of any length, here or behind a reference.
 */
export function hasUnboundedPattern (references: References): boolean {
  return references.reachable().some(({ schema: part }) => {
    return (part['pattern'] !== undefined && typeof part['maxLength'] !== 'number') || hasUnboundedNames(part)
  })
}

/**
 * Every regular expression that a text or a property's name could meet, here or behind a reference.
 */
export function patternsIn (references: References): Array<string | RegExp> {
  const found = references.reachable().flatMap(({ schema: part }) => [part['pattern'], ...Object.keys(part['patternProperties'] ?? {})])
  return found.filter((pattern) => typeof pattern === 'string' || pattern instanceof RegExp)
}

// A property's name can be as long as the message.
function hasUnboundedNames (part: Schema): boolean {
  const names = part['propertyNames']
  if (isRecord(names) && typeof names['maxLength'] === 'number') return false
  return Object.keys(part['patternProperties'] ?? {}).some((pattern) => !LINEAR_PATTERNS.has(pattern))
}

/**
 * The patterns by which TypeBox says string, number and integer of a record's keys; none
 * backtracks.
 */
export const LINEAR_PATTERNS: ReadonlySet<string> = new Set([
  '^(.*)$', '^.*$', '^(0|[1-9][0-9]*)$', '^-?(?:0|[1-9][0-9]*)$', '^-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?$'
])

/**
 * The reason why values of a schema cannot travel as JSON, here or behind a reference; `undefined`
 * when they can.
 */
export function explainUnfit (references: References): string | undefined {
  for (const part of references.reachable()) {
    const reason = explainUnfitPart(part)
    if (reason !== undefined) return reason
  }
  return undefined
}

function explainUnfitPart (part: ObjectSubschema): string | undefined {
  return explainForeignPart(part) ?? explainUnfitType(part) ?? explainKeyword(part) ?? explainInherited(part)
}

function explainForeignPart (part: ObjectSubschema): string | undefined {
  for (const one of [part, ...childrenOf(part)]) {
    const library = explainForeign(one.schema)
    if (library !== undefined) return `${library} (${at(one).trim() || 'the whole'})`
  }
  return undefined
}

function explainUnfitType (part: ObjectSubschema): string | undefined {
  const types = [part.schema['type']].flat().filter((type) => typeof type === 'string')
  const unfit = types.find((type) => !JSON_TYPES.has(type))
  if (unfit === undefined) return undefined
  return `type '${unfit}'${at(part)} cannot travel as JSON: ${INSTEAD[unfit] ?? 'write what stands for it on the wire'}`
}

function explainKeyword (part: ObjectSubschema): string | undefined {
  const { schema } = part
  if (CODECS.some((key) => key in schema)) {
    return `a codec${at(part)} would not be run: declare the type on the wire and convert it in the handler`
  }
  const dynamic = DYNAMIC_KEYWORDS.find((keyword) => keyword in schema)
  return dynamic && `keyword '${dynamic}'${at(part)} is not followed: write $ref`
}

function explainInherited (part: ObjectSubschema): string | undefined {
  const required = [part.schema['required']].flat()
  const optional = Object.keys(part.schema['properties'] ?? {}).filter((key) => !required.includes(key))
  const inherited = optional.find((key) => INHERITED.has(key))
  if (inherited === undefined) return undefined
  return `property '${inherited}'${at(part)} is never absent from a JavaScript object: make it required, or give it another name`
}

/** The properties that every object inherits. */
export const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype))

const JSON_TYPES: ReadonlySet<string> = new Set(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'])
const DYNAMIC_KEYWORDS = ['$dynamicRef', '$recursiveRef']
const INSTEAD: Readonly<Record<string, string>> = {
  Date: 'write Type.String({ format: \'date-time\' })',
  RegExp: 'write Type.String({ pattern: \'…\', maxLength: … })',
  Uint8Array: 'write Type.String({ contentEncoding: \'base64\' }), or send it as a binary frame',
  bigint: 'write Type.String(), or Type.Integer() where 53 bits are enough',
  undefined: 'write Type.Null(), or Type.Optional(…) around the property',
  void: 'write Type.Null()'
}
