/** The keywords of JSON Schema, up to 2020-12, that hold other schemas. */

/** Keywords whose schemas hold for the same value as the schema that they stand in. */
export const IN_PLACE: readonly string[] = [
  'allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'dependentSchemas', 'dependencies'
]

/** Keywords whose schemas may declare members of the same value. */
export const DECLARING_IN_PLACE: readonly string[] = IN_PLACE.filter((keyword) => keyword !== 'not')

/** Keywords whose schemas hold for properties by their names. */
export const NAMED_PROPERTIES: readonly string[] = ['properties', 'patternProperties']

/** Keywords whose schema holds for all members that no other keyword names. */
export const OTHER_MEMBERS: readonly string[] = [
  'additionalProperties', 'unevaluatedProperties', 'items', 'additionalItems', 'unevaluatedItems'
]

// Keywords whose value is a schema, or a list of schemas.
const SUBSCHEMAS = new Set([
  'additionalItems', 'additionalProperties', 'allOf', 'anyOf', 'contains', 'else', 'if', 'items', 'not', 'oneOf',
  'prefixItems', 'propertyNames', 'then', 'unevaluatedItems', 'unevaluatedProperties'
])
// Keywords whose value holds schemas by name.
const NAMED_SUBSCHEMAS = new Set([
  '$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties', 'properties'
])

/** Tells whether a keyword's value is one schema, or a list of schemas. */
export function holdsSchema (keyword: string): boolean {
  return SUBSCHEMAS.has(keyword)
}

/** Tells whether a keyword's value is an object of schemas by name. */
export function holdsNamedSchemas (keyword: string): boolean {
  return NAMED_SUBSCHEMAS.has(keyword)
}
