import { isRecord } from '../record.js'
import { holdsNamedSchemas, holdsSchema } from './keywords.js'

/** A JSON Schema: of TypeBox, either line, or plain. */
export type Schema = Readonly<Record<string, unknown>>

/** The name of a message's schema that has no `$id` of its own. */
const ROOT_ID = '__message'

/** A place in a document: most often a schema, and always something that a reference can name. */
export class Subschema {
  readonly schema: unknown
  /** The document's name and a JSON pointer (RFC 6901). */
  readonly uri: string
  /**
   * The start of a reference that begins with '#': the nearest schema around it that has an `$id`.
   */
  readonly resource: Subschema

  constructor (schema: unknown, uri: string, resource?: Subschema) {
    this.schema = schema
    this.uri = uri
    this.resource = resource === undefined || idOf(schema) !== undefined ? this : resource
  }

  /** The place one step further down. */
  child (token: string): Subschema | undefined {
    const { schema } = this
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, token)) return undefined
    return new Subschema((schema as Schema)[token], `${this.uri}/${encodeToken(token)}`, this.resource)
  }

  /** A keyword's value; `undefined` when this is no schema, or one without the keyword. */
  get (name: string): unknown {
    return isRecord(this.schema) && Object.hasOwn(this.schema, name) ? this.schema[name] : undefined
  }

  /** The schema, or the schemas, that a keyword holds. */
  subschemas (keyword: string): Subschema[] {
    const place = this.child(keyword)
    if (place === undefined) return []
    return Array.isArray(place.schema) || holdsNamedSchemas(keyword) ? membersOf(place) : [place]
  }
}

/** A place that is a schema, and no boolean. */
export type ObjectSubschema = Subschema & { readonly schema: Schema }

/** The place of a message's own schema. */
export function rootOf (schema: unknown): Subschema {
  return new Subschema(schema, `${idOf(schema) ?? ROOT_ID}#`)
}

export function isObjectSubschema (part: Subschema): part is ObjectSubschema {
  return isRecord(part.schema)
}

function membersOf (place: Subschema): Subschema[] {
  return Object.keys(place.schema ?? {}).flatMap((token) => place.child(token) ?? [])
}

/** Every schema within a schema, itself first. */
export function * subschemasIn (part: Subschema, seen: Set<unknown> = new Set()): Generator<ObjectSubschema> {
  if (!isObjectSubschema(part) || seen.has(part.schema)) return
  seen.add(part.schema)
  yield part
  for (const child of childrenOf(part)) yield * subschemasIn(child, seen)
}

/** The schemas one level below a schema. */
export function childrenOf (part: ObjectSubschema): Subschema[] {
  return Object.keys(part.schema).filter(holdsSchemas).flatMap((keyword) => part.subschemas(keyword))
}

function holdsSchemas (keyword: string): boolean {
  return holdsSchema(keyword) || holdsNamedSchemas(keyword)
}

type Rewrite = (copy: Record<PropertyKey, unknown>, part: ObjectSubschema) => unknown

/**
 * Copies a document, each of its schemas by `rewrite`. A copy has everything that the schema has,
 * symbols and hidden keys too.
 *
 * @param rewrite - is given a copy of a schema, whose own schemas are copied already, and its
 * place.
 */
export function rewriteSchemas (part: Subschema, rewrite: Rewrite): unknown {
  if (!isObjectSubschema(part)) return part.schema
  const copy = copyOf(part.schema)
  for (const keyword of Object.keys(part.schema).filter(holdsSchemas)) {
    const place = part.child(keyword)!
    const isOne = holdsSchema(keyword) && !Array.isArray(place.schema)
    copy[keyword] = isOne ? rewriteSchemas(place, rewrite) : rewriteMembers(place, rewrite)
  }
  return rewrite(copy, part)
}

// Every property becomes writable, and hidden ones stay hidden.
function copyOf (schema: Readonly<Record<PropertyKey, unknown>>): Record<PropertyKey, unknown> {
  const copy: Record<PropertyKey, unknown> = {}
  for (const key of Reflect.ownKeys(schema)) {
    const { enumerable } = Object.getOwnPropertyDescriptor(schema, key)!
    Object.defineProperty(copy, key, { value: schema[key], enumerable: enumerable!, writable: true, configurable: true })
  }
  return copy
}

function rewriteMembers (place: Subschema, rewrite: Rewrite): unknown {
  const { schema } = place
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return membersOf(place).map((member) => rewriteSchemas(member, rewrite))
  return Object.fromEntries(Object.keys(schema).map((token) => [token, rewriteSchemas(place.child(token)!, rewrite)]))
}

/** The name by which a reference finds a schema. */
export function idOf (schema: unknown): string | undefined {
  const id = isRecord(schema) ? schema['$id'] : undefined
  return typeof id === 'string' ? withoutHash(id) : undefined
}

export function withoutHash (id: string): string {
  return id.replace(/#$/, '')
}

/** The place of a schema as a part of a sentence: nothing for the message's own. */
export function at ({ uri }: Subschema): string {
  const hash = uri.lastIndexOf('#')
  const [id, pointer] = [uri.slice(0, hash), uri.slice(hash + 1)]
  if (id !== ROOT_ID) return ` at ${id}#${pointer}`
  return pointer === '' ? '' : ` at ${pointer}`
}

// RFC 6901 §6
function encodeToken (token: string): string {
  return encodeURIComponent(token.replaceAll('~', '~0').replaceAll('/', '~1'))
}
