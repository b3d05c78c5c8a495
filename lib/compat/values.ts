import { isRecord } from '../record.js'
import { Subschema } from '../schema/subschema.js'
import type { Case } from './difference.js'

/** The types of JSON, with a number either whole or not. */
export type Type = 'null' | 'boolean' | 'integer' | 'fraction' | 'string' | 'array' | 'object'

const TYPES: readonly Type[] = ['null', 'boolean', 'integer', 'fraction', 'string', 'array', 'object']

const known = new WeakMap<Case, ReadonlySet<Type>>()

/** The types that values of a case may have. */
export function typesOf (one: Case): ReadonlySet<Type> {
  const types = known.get(one) ?? findTypes(one)
  known.set(one, types)
  return types
}

function findTypes (one: Case): ReadonlySet<Type> {
  const declared = one.reduce((types, part) => allowed(part, types), TYPES)
  const listed = listedIn(one)?.map(typeOf)
  return new Set(listed === undefined ? declared : declared.filter((type) => listed.includes(type)))
}

/** The types among some that a schema allows. */
function allowed (part: Subschema, types: readonly Type[]): readonly Type[] {
  const { schema } = part
  if (schema === false || isNever(part)) return []
  if (!isRecord(schema)) return types
  const names = schema['type'] === undefined ? TYPES : namesIn(schema)
  const isWhole = Number.isInteger(schema['multipleOf'])
  return types.filter((type) => names.includes(type) && !(isWhole && type === 'fraction'))
}

function namesIn ({ type, nullable }: Readonly<Record<string, unknown>>): readonly unknown[] {
  const names: unknown[] = [type].flat()
  return [...names, ...names.includes('number') ? ['integer', 'fraction'] : [], ...nullable === true ? ['null'] : []]
}

// TypeBox 0.34 writes Type.Never as { not: {} }.
function isNever (part: Subschema): boolean {
  const not = part.get('not')
  return not === true || (isRecord(not) && Object.keys(not).length === 0)
}

/** The only values of a case, if they are few; `undefined` when there are more. */
export function valuesOf (one: Case): unknown[] | undefined {
  const types = typesOf(one)
  const listed = listedIn(one) ?? ([...types].every((type) => LISTED.includes(type)) ? [null, false, true] : undefined)
  return listed?.filter((value) => types.has(typeOf(value)))
}

const LISTED: readonly Type[] = ['null', 'boolean']

/** The values that every `const` and `enum` of a case lists. */
function listedIn (one: Case): unknown[] | undefined {
  const lists = one.map(listOf).filter((list) => list !== undefined)
  const [shortest, ...others] = lists.toSorted((list, other) => list.length - other.length)
  const values = new Map(shortest?.map((value) => [textOf(value), value]))
  return shortest && [...values.values()].filter((value) => others.every((list) => includes(list, value)))
}

/** The values that a schema lists; `undefined` when it lists none. */
export function listOf (part: Subschema): unknown[] | undefined {
  const list = part.get('enum')
  const values = Array.isArray(list) ? list as unknown[] : undefined
  if (!Object.hasOwn(Object(part.schema), 'const')) return values
  const only = part.get('const')
  return values === undefined || includes(values, only) ? [only] : []
}

const texts = new WeakMap<readonly unknown[], ReadonlySet<string>>()

/** Tells whether a list has a value, by its contents. */
export function includes (list: readonly unknown[], value: unknown): boolean {
  const known = texts.get(list) ?? new Set(list.map(textOf))
  texts.set(list, known)
  return known.has(textOf(value))
}

/** The text of a JSON value, the same for objects whose properties have another order. */
export function textOf (value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    return isRecord(inner) ? Object.fromEntries(Object.keys(inner).toSorted().map((name) => [name, inner[name]])) : inner
  })
}

export function typeOf (value: unknown): Type {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'fraction'
  return typeof value as Type
}

/** A schema that has one value, and says of it all that the rules read. */
export function literal (value: unknown): Subschema {
  return new Subschema(literalSchema(value), `=${textOf(value)}`)
}

function literalSchema (value: unknown): object {
  if (typeof value === 'number') return { const: value, minimum: value, maximum: value }
  if (typeof value === 'string') return { const: value, minLength: lengthOf(value), maxLength: lengthOf(value) }
  if (Array.isArray(value)) {
    const size = { minItems: value.length, maxItems: value.length }
    return { const: value, ...size, prefixItems: value.map(literalSchema), items: false }
  }
  if (!isRecord(value)) return { const: value }
  const properties = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, literalSchema(inner)]))
  return { const: value, properties, required: Object.keys(value), additionalProperties: false }
}

// JSON Schema counts characters.
function lengthOf (text: string): number {
  return Array.from(text).length
}

/** A schema of some types, for a case that is looked at type by type. */
export function typed (types: ReadonlySet<Type>): Subschema {
  const names = [...types].filter((type) => type !== 'fraction')
  const type = types.has('fraction') ? [...names.filter((name) => name !== 'integer'), 'number'] : names
  return new Subschema({ type }, `type=${type.join()}`)
}

/** Types as a schema would write them. */
export function typeNames (types: ReadonlySet<Type>): string {
  const names = [typed(types).get('type')].flat() as string[]
  return names.length === TYPES.length - 1 ? 'any' : names.join(' | ')
}
