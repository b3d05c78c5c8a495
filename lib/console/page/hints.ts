import { isRecord } from '../../record.js'
import { listOf, type Data, type References } from './references.js'
import { boundsOf, branchesOf, isIdentifier, itemsOf, matches, propertiesOf, requiredOf, typeOf, typesOf } from './schema.js'

/** A reason for which a schema refuses a value. */
export interface Hint {
  /** Where, as in JavaScript: `people[0].name`; empty for the whole. */
  readonly path: string
  readonly text: string
}

const MAX_DEPTH = 24
const MAX_HINTS = 12
// A branch with another constant is another thing.
const CONST_COST = 20

/**
 * Says where a value breaks a schema. A value without hints may still be refused: keywords that are
 * not known here are not looked at.
 */
export function hintsFor (value: unknown, schema: unknown, references: References): Hint[] {
  return check(value, schema, '', 0).slice(0, MAX_HINTS).map(({ path, text }) => ({ path: path.replace(/^\./, ''), text }))

  function check (value: unknown, part: unknown, path: string, depth: number): Hint[] {
    const schema = references.resolve(part)
    const say = (text: string): Hint[] => [{ path, text: `must ${text}` }]
    if (schema === false) return say('not be there')
    if (!isRecord(schema) || depth > MAX_DEPTH) return []
    const values = 'const' in schema ? [schema['const']] : schema['enum']
    if (Array.isArray(values) && !values.some((one) => isSame(value, one))) {
      return say(`be ${values.map((one) => JSON.stringify(one)).join(' or ')}`)
    }
    const types = typesOf(schema)
    if (types.length > 0 && !types.some((type) => isOfType(value, type))) return say(`be ${types.map(withArticle).join(' or ')}`)
    return [
      // As some write the schema of no value.
      ...['{}', 'true'].includes(JSON.stringify(schema['not'])) ? say('not be there') : [],
      ...boundsOf(schema).flatMap(({ words, isBroken }) => isBroken(value) ? say(words) : []),
      ...Array.isArray(value) ? checkItems(value, schema, path, depth + 1) : [],
      ...isRecord(value) ? checkProperties(value, schema, path, depth + 1) : [],
      ...listOf(schema['allOf']).flatMap((part) => check(value, part, path, depth + 1)),
      // The hints of the nearest branch.
      ...branchesOf(schema)?.map((part) => check(value, part, path, depth + 1))
        .reduce((one, other) => costOf(other) < costOf(one) ? other : one) ?? []
    ]
  }

  function checkItems (value: readonly unknown[], schema: Data, path: string, depth: number): Hint[] {
    const [first, others] = itemsOf(schema)
    return value.flatMap((item, i) => check(item, i < first.length ? first[i] : others, `${path}[${i}]`, depth))
  }

  function checkProperties (value: Data, schema: Data, path: string, depth: number): Hint[] {
    const inner = (name: string): string => isIdentifier(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`
    const properties = propertiesOf(schema)
    return [
      ...requiredOf(schema).filter((name) => !Object.hasOwn(value, name)).map((name) => ({ path: inner(name), text: 'is required' })),
      ...Object.entries(value).flatMap(([name, item]) => {
        const matching = Object.entries(references.object(schema['patternProperties'])).filter(([pattern]) => matches(name, pattern))
        const parts = [...Object.hasOwn(properties, name) ? [properties[name]] : [], ...matching.map(([, part]) => part)]
        return (parts.length > 0 ? parts : [schema['additionalProperties']]).flatMap((part) => check(item, part, inner(name), depth))
      })
    ]
  }
}

function costOf (hints: readonly Hint[]): number {
  return hints.reduce((sum, { text }) => sum + (text.startsWith('must be "') ? CONST_COST : 1), 0)
}

function isOfType (value: unknown, type: string): boolean {
  return typeOf(value) === type || (type === 'integer' && Number.isInteger(value))
}

function withArticle (type: string): string {
  return type === 'null' ? type : `${/^[aio]/.test(type) ? 'an' : 'a'} ${type}`
}

// Necessary only: objects and lists are not looked into.
function isSame (one: unknown, other: unknown): boolean {
  return one === other || (typeOf(one) === typeOf(other) && /^(?:array|object)$/.test(typeOf(one)))
}
