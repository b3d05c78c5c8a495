import { isRecord } from '../../record.js'
import { listOf, recordOf, type Data, type Resolve } from './references.js'
import { boundsOf, branchesOf, isIdentifier, itemsOf, matches, propertiesOf, requiredOf, typeOf, typesOf, valuesOf } from './schema.js'

/** A reason for which a schema refuses a value. */
export interface Hint {
  /** Where, as in JavaScript: `people[0].name`; empty for the whole. */
  readonly path: string
  readonly text: string
}

type Child = readonly [value: unknown, schema: unknown, path: string]

const MAX_DEPTH = 24
const MAX_HINTS = 12
// A branch with another constant is another thing.
const CONST_COST = 20

/**
 * Says where a value breaks a schema. A value without hints may still be refused: keywords that are
 * not known here are not looked at.
 */
export function hintsFor (value: unknown, schema: unknown, resolve: Resolve): Hint[] {
  return check(value, schema, '', 0).slice(0, MAX_HINTS).map(({ path, text }) => ({ path: path.replace(/^\./, ''), text }))

  function check (value: unknown, part: unknown, path: string, depth: number): Hint[] {
    const schema = resolve(part)
    const say = (text: string): Hint[] => [{ path, text: `must ${text}` }]
    // Also as some write the schema of no value.
    if (schema === false || (isRecord(schema) && JSON.stringify(schema['not']) === '{}')) return say('not be there')
    if (!isRecord(schema) || depth > MAX_DEPTH) return []
    const values = valuesOf(schema)
    if (values?.every((one) => !isSame(value, one))) return say(`be ${values.map((one) => JSON.stringify(one)).join(' or ')}`)
    const types = typesOf(schema)
    if (types.length > 0 && !types.some((type) => isOfType(value, type))) return say(`be ${types.join(' or ')}`)
    const checkAgain = ([value, part, path]: Child): Hint[] => check(value, part, path, depth + 1)
    const checkSame = (part: unknown): Hint[] => checkAgain([value, part, path])
    const missing = isRecord(value) ? requiredOf(schema).filter((name) => !Object.hasOwn(value, name)) : []
    return [
      ...boundsOf(schema, value).flatMap((bound) => say(`have ${bound}`)),
      ...missing.map((name) => ({ path: inside(path, name), text: 'is required' })),
      ...childrenOf(value, schema, path).flatMap(checkAgain),
      ...listOf(schema['allOf']).flatMap(checkSame),
      // The hints of the nearest branch.
      ...branchesOf(schema)?.map(checkSame).reduce((one, other) => costOf(other) < costOf(one) ? other : one) ?? []
    ]
  }
}

function childrenOf (value: unknown, schema: Data, path: string): Child[] {
  const [first, others] = itemsOf(schema)
  if (Array.isArray(value)) return value.map((item, i) => [item, i < first.length ? first[i] : others, `${path}[${i}]`])
  const patterns = Object.entries(recordOf(schema['patternProperties']))
  return Object.entries(recordOf(value)).flatMap(([name, item]) => {
    const properties = propertiesOf(schema)
    const parts = patterns.flatMap(([pattern, part]) => matches(name, pattern) ? [part] : [])
    if (Object.hasOwn(properties, name)) parts.push(properties[name])
    return (parts.length > 0 ? parts : [schema['additionalProperties']]).map((part): Child => [item, part, inside(path, name)])
  })
}

function inside (path: string, name: string): string {
  return isIdentifier(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`
}

function costOf (hints: readonly Hint[]): number {
  return hints.reduce((sum, { text }) => sum + (text.startsWith('must be "') ? CONST_COST : 1), 0)
}

function isOfType (value: unknown, type: string): boolean {
  return typeOf(value) === type || (type === 'integer' && Number.isInteger(value))
}

// Necessary only: objects and lists are not looked into.
function isSame (one: unknown, other: unknown): boolean {
  return one === other || (typeof one === 'object' && typeOf(one) === typeOf(other))
}
