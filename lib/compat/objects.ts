import { isRecord } from '../record.js'
import { Subschema } from '../schema/subschema.js'
import { casesOf } from './cases.js'
import { below, opaque, rankOf, refused, REFUSED, stepTo, type Case, type Difference, type Walk } from './difference.js'
import { canSay, isClosed, isRequired, namesOf, othersOf, patternsOf, propertyOf, type Others } from './members.js'
import { isSame } from './sameness.js'
import { strictest } from './scalars.js'
import { literal, typesOf } from './values.js'

/**
 * Differences in what objects may be. Properties are judged by their names: an open object says
 * those that it declares, and no others.
 */
export function objectDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  if (!typesOf(said).has('object')) return []
  return [
    ...requiredDifferences(said, taken),
    ...propertyDifferences(said, taken, walk),
    ...othersOf(said).flatMap((others) => otherDifferences(others, taken, walk)),
    ...openDifferences(said, taken),
    ...sizeDifferences(said, taken),
    ...nameDifferences(said, taken, walk),
    ...dependentDifferences(said, taken, walk)
  ]
}

function requiredDifferences (said: Case, taken: Subschema): Difference[] {
  const names = ([taken.get('required') ?? []].flat() as string[]).filter((name) => !isRequired(said, name))
  return names.map((name) => {
    const kind = said.some((part) => namesOf(part).includes(name)) ? 'missing' : 'undeclared'
    return { path: stepTo(name), aspect: 'presence', kind, grade: 'refused' }
  })
}

function propertyDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  const names = new Set([...said, taken].flatMap(namesOf))
  return [...names].filter((name) => canSay(said, name)).flatMap((name) => {
    const parts = said.flatMap((part) => propertyOf(part, name))
    const limits = [...propertyOf(taken, name), ...unevaluated(taken, name, walk)]
    return below(stepTo(name), limits.flatMap((limit) => memberDifferences(parts, limit, walk)))
  })
}

function memberDifferences (parts: readonly Subschema[], limit: Subschema, walk: Walk): readonly Difference[] {
  const isUndeclared = limit.schema === false && /\/(?:additional|unevaluated)Properties$/.test(limit.uri)
  return isUndeclared ? [EXTRA] : walk.within(parts, limit)
}

const EXTRA: Difference = { path: '', aspect: 'presence', kind: 'extra', grade: 'closed' }

/** The schema of `unevaluatedProperties`, for a property that nothing beside it declares. */
function unevaluated (taken: Subschema, name: string, walk: Walk): Subschema[] {
  const rest = taken.subschemas('unevaluatedProperties')
  const isDeclared = (part: Subschema): boolean => propertyOf(part, name).length > 0
  return rest.length > 0 && casesOf([taken], walk.taken).every((one) => one.some(isDeclared)) ? [] : rest
}

function otherDifferences ({ pattern, schemas }: Others, taken: Subschema, walk: Walk): Difference[] {
  const patterns = patternsOf(taken)
  const isCovered = patterns.some((other) => other === pattern || UNIVERSAL.has(other))
  const limits = [
    ...patterns.map((other) => taken.child('patternProperties')!.child(other)!),
    ...isCovered ? [] : [...taken.subschemas('additionalProperties'), ...taken.subschemas('unevaluatedProperties')]
  ]
  return below('[*]', limits.flatMap((limit) => memberDifferences(schemas, limit, walk)))
}

/** Patterns of every name. */
const UNIVERSAL: ReadonlySet<string> = new Set(['', '.*', '^.*$', '^(.*)$'])

function openDifferences (said: Case, taken: Subschema): Difference[] {
  const isNarrow = isClosed(taken) || ['additionalProperties', 'unevaluatedProperties'].some((keyword) => isNarrowing(taken.get(keyword)))
  const isOpen = !said.some(isClosed) && !othersOf(said).some(({ pattern }) => pattern === undefined || UNIVERSAL.has(pattern))
  return isNarrow && isOpen ? [{ path: '', aspect: 'closed', kind: 'open', grade: 'unlikely' }] : []
}

function isNarrowing (schema: unknown): boolean {
  return isRecord(schema) && Object.keys(schema).length > 0
}

function sizeDifferences (said: Case, taken: Subschema): Difference[] {
  const [min, max] = [taken.get('minProperties'), taken.get('maxProperties')]
  const names = [...new Set(said.flatMap(namesOf))]
  const least = Math.max(strictest(said, 'minProperties', true) ?? 0, names.filter((name) => isRequired(said, name)).length)
  const declared = othersOf(said).length > 0 ? Number.POSITIVE_INFINITY : names.length
  const most = Math.min(strictest(said, 'maxProperties', false) ?? Number.POSITIVE_INFINITY, declared)
  return [
    ...typeof min === 'number' && least < min ? [refused('minProperties', least, min)] : [],
    ...typeof max === 'number' && most > max ? [refused('maxProperties', Number.isFinite(most) ? most : undefined, max)] : []
  ]
}

function nameDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  const [limit] = taken.subschemas('propertyNames')
  if (limit === undefined || said.some((part) => isSame(part, taken, ['propertyNames'], walk))) return []
  const own = said.flatMap((part) => part.subschemas('propertyNames'))
  const names = new Set(said.flatMap(namesOf).filter((name) => canSay(said, name)))
  const known = [...names].map((name) => [literal(name)])
  const others = othersOf(said).map(({ pattern }) => [new Subschema({ type: 'string', pattern }, `names=${pattern}`), ...own])
  return [...known, ...others].some((parts) => rankOf(walk.within(parts, limit)) === REFUSED) ? [opaque('propertyNames')] : []
}

const DEPENDENT = ['dependentRequired', 'dependentSchemas', 'dependencies']

function dependentDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  return DEPENDENT.flatMap((keyword) => {
    const place = taken.child(keyword)
    if (place === undefined || said.some((part) => isSame(part, taken, [keyword], walk))) return []
    const triggers = Object.keys(place.schema as object).filter((name) => canSay(said, name))
    return triggers.flatMap((name) => dependencyDifferences(keyword, [...said, requiring(name)], place.child(name)!, walk))
  })
}

function dependencyDifferences (keyword: string, said: Case, needed: Subschema, walk: Walk): readonly Difference[] {
  if (!Array.isArray(needed.schema)) return walk.caseWithin(said, needed)
  return needed.schema.every((name) => isRequired(said, name as string)) ? [] : [opaque(keyword)]
}

function requiring (name: string): Subschema {
  return new Subschema({ required: [name] }, `required=${name}`)
}

/**
 * Properties that cases say and that no case of the receiver declares or refuses: it does not look
 * at them.
 */
export function ignoredDifferences (said: readonly Case[], taken: readonly Case[]): Difference[] {
  if (!taken.some((one) => typesOf(one).has('object'))) return []
  const isKnown = (name: string): boolean => taken.some((one) => one.some((part) => propertyOf(part, name).length > 0))
  const names = new Set(said.flatMap((one) => one.flatMap(namesOf).filter((name) => canSay(one, name))))
  return [...names].filter((name) => !isKnown(name)).map((name) => ({ ...EXTRA, path: stepTo(name), grade: 'ignored' }))
}
