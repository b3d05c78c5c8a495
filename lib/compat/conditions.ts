import type { Subschema } from '../schema/subschema.js'
import { casesOf } from './cases.js'
import { isApart } from './disjoint.js'
import { opaque, rankOf, REFUSED, type Case, type Difference, type Walk } from './difference.js'
import { isAnnotation, isSame } from './sameness.js'

/** Differences in the keywords that are proved by equality, or by little more. */
export function conditionDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  return [
    ...notDifferences(said, taken, walk),
    ...ifDifferences(said, taken, walk),
    ...unevaluatedDifferences(said, taken, walk),
    ...lostDifferences(said, taken, walk),
    ...unknownDifferences(said, taken, walk)
  ]
}

function notDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  const [not] = taken.subschemas('not')
  if (not === undefined || said.some((part) => isSame(part, taken, ['not'], walk))) return []
  return isApart(said, not, walk) ? [] : [opaque('not')]
}

const CONDITION = ['if', 'then', 'else']

// A value that both branches take is taken whatever the condition.
function ifDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  if (taken.get('if') === undefined || said.some((part) => isSame(part, taken, CONDITION, walk))) return []
  const branches = ['then', 'else'].flatMap((keyword) => taken.subschemas(keyword))
  return branches.some((branch) => rankOf(walk.caseWithin(said, branch)) === REFUSED) ? [opaque('if')] : []
}

// A condition may decide which members are evaluated: such a schema is compared for equality.
function unevaluatedDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  const keyword = UNEVALUATED.find((name) => taken.get(name) !== undefined)
  if (keyword === undefined || (keyword === 'unevaluatedProperties' && !dependsOnValue(taken, walk))) return []
  return said.some((part) => isSame(part, taken, keywordsOf(part, taken), walk)) ? [] : [opaque(keyword)]
}

const UNEVALUATED = ['unevaluatedItems', 'unevaluatedProperties']
const DEPENDING = ['if', 'dependencies', 'dependentSchemas']

function dependsOnValue (taken: Subschema, walk: Walk): boolean {
  return casesOf([taken], walk.taken).some((one) => one.some((part) => DEPENDING.some((name) => part.get(name) !== undefined)))
}

function keywordsOf (...parts: readonly Subschema[]): string[] {
  return parts.flatMap(({ schema }) => Object.keys(schema as object)).filter((keyword) => !isAnnotation(keyword))
}

function lostDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  const reference = taken.get('$ref')
  if (reference === undefined || walk.taken.find(taken) !== undefined) return []
  const isShared = said.some((part) => part.get('$ref') === reference && walk.said.find(part) === undefined)
  return [{ ...opaque('$ref'), taken: reference, grade: isShared ? 'unknown' : 'refused' }]
}

function unknownDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  const others = Object.keys(taken.schema as object).filter((keyword) => !KEYWORDS.has(keyword) && !isAnnotation(keyword))
  return others.filter((keyword) => !said.some((part) => isSame(part, taken, [keyword], walk)))
    .map((keyword) => ({ ...opaque(keyword), grade: 'unknown' }))
}

/** The keywords that the rules of this folder read. */
const KEYWORDS: ReadonlySet<string> = new Set([
  '$ref', 'additionalItems', 'additionalProperties', 'allOf', 'anyOf', 'const', 'contains', 'dependencies', 'dependentRequired',
  'dependentSchemas', 'else', 'enum', 'exclusiveMaximum', 'exclusiveMinimum', 'format', 'formatExclusiveMaximum',
  'formatExclusiveMinimum', 'formatMaximum', 'formatMinimum', 'if', 'items', 'maxContains', 'maxItems', 'maxLength', 'maxProperties',
  'maximum', 'minContains', 'minItems', 'minLength', 'minProperties', 'minimum', 'multipleOf', 'not', 'nullable', 'oneOf', 'pattern',
  'patternProperties', 'prefixItems', 'properties', 'propertyNames', 'required', 'then', 'type', 'unevaluatedItems',
  'unevaluatedProperties', 'uniqueItems'
])
