import { explainForeign } from '../standard-schema.js'
import { CODECS, isCopy, isSame } from './equality.js'

/** A JSON Schema: TypeBox's of either line, or plain. */
export type Schema = Readonly<Record<string, unknown>>

/** What a message's schema is called where it has no `$id` of its own. */
const ROOT_ID = '__message'

// Keywords whose value is a schema, or a list of them.
const SUBSCHEMAS = new Set([
  'additionalItems', 'additionalProperties', 'allOf', 'anyOf', 'contains', 'else', 'if', 'items', 'not', 'oneOf', 'prefixItems', 'propertyNames', 'then',
  'unevaluatedItems', 'unevaluatedProperties'
])
// Keywords whose value holds schemas by name.
const NAMED_SUBSCHEMAS = new Set(['$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties', 'properties'])

/** A place in a document: most often a schema, and always what a reference could name. */
export class Subschema {
  readonly schema: unknown
  /** The document's name and a JSON pointer (RFC 6901). */
  readonly uri: string
  /** Where a reference that begins with '#' starts: the nearest schema around it that has an `$id`. */
  readonly home: Subschema

  constructor (schema: unknown, uri: string, home?: Subschema) {
    this.schema = schema
    this.uri = uri
    this.home = home === undefined || idOf(schema) !== undefined ? this : home
  }

  /** What stands one step further down. */
  child (token: string): Subschema | undefined {
    const { schema } = this
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, token)) return undefined
    return new Subschema((schema as Schema)[token], `${this.uri}/${encodeToken(token)}`, this.home)
  }

  /** A keyword's value, where this is a schema that has it. */
  get (name: string): unknown {
    return isSchema(this.schema) && Object.hasOwn(this.schema, name) ? this.schema[name] : undefined
  }

  /** The schema, or the schemas, a keyword holds. */
  subschemas (keyword: string): Subschema[] {
    const part = this.child(keyword)
    if (part === undefined) return []
    return Array.isArray(part.schema) || NAMED_SUBSCHEMAS.has(keyword) ? membersOf(part) : [part]
  }
}

/** A place that is a schema. */
export type SchemaPart = Subschema & { readonly schema: Schema }

function membersOf (part: Subschema): Subschema[] {
  return Object.keys(part.schema ?? {}).flatMap((token) => part.child(token) ?? [])
}

/** Every schema within a schema, itself first. */
export function * partsIn (part: Subschema, seen: Set<unknown> = new Set()): Generator<SchemaPart> {
  if (!isSchema(part.schema) || seen.has(part.schema)) return
  seen.add(part.schema)
  yield part as SchemaPart
  for (const child of childrenOf(part as SchemaPart)) yield * partsIn(child, seen)
}

function childrenOf (part: SchemaPart): Subschema[] {
  const keywords = Object.keys(part.schema).filter((keyword) => SUBSCHEMAS.has(keyword) || NAMED_SUBSCHEMAS.has(keyword))
  return keywords.flatMap((keyword) => part.subschemas(keyword))
}

/**
 * Copies a document, each of its schemas by `rewrite`, which is given the schema's place, and a copy of it whose own schemas are copied already. A copy has
 * all that the schema has, symbols and hidden keys too.
 */
export function rewriteSchemas (part: Subschema, rewrite: (copy: Record<PropertyKey, unknown>, part: SchemaPart) => unknown): unknown {
  const { schema } = part
  if (!isSchema(schema)) return schema
  const copy: Record<PropertyKey, unknown> = {}
  for (const key of Reflect.ownKeys(schema)) {
    const { enumerable } = Object.getOwnPropertyDescriptor(schema, key)!
    Object.defineProperty(copy, key, { value: (schema as Record<PropertyKey, unknown>)[key], enumerable: enumerable!, writable: true, configurable: true })
  }
  for (const keyword of Object.keys(schema)) {
    const place = SUBSCHEMAS.has(keyword) || NAMED_SUBSCHEMAS.has(keyword) ? part.child(keyword) : undefined
    if (place === undefined) continue
    const isOne = SUBSCHEMAS.has(keyword) && !Array.isArray(place.schema)
    copy[keyword] = isOne ? rewriteSchemas(place, rewrite) : rewriteMembers(place, rewrite)
  }
  return rewrite(copy, part as SchemaPart)
}

function rewriteMembers (place: Subschema, rewrite: Parameters<typeof rewriteSchemas>[1]): unknown {
  if (typeof place.schema !== 'object' || place.schema === null) return place.schema
  if (Array.isArray(place.schema)) return membersOf(place).map((member) => rewriteSchemas(member, rewrite))
  return Object.fromEntries(Object.keys(place.schema).map((token) => [token, rewriteSchemas(place.child(token)!, rewrite)]))
}

/** A message's schema, and where its references lead: into itself, or to what the app shares. */
export class References {
  readonly root: Subschema
  readonly #byId = new Map<string, Subschema>()
  readonly #documents = new Map<string, Subschema>()
  #twin: string | undefined = undefined

  constructor (schema: unknown, sharedSchemas: Readonly<Record<string, unknown>> = {}) {
    this.root = new Subschema(schema, `${idOf(schema) ?? ROOT_ID}#`)
    for (const [id, shared] of Object.entries(sharedSchemas)) this.#add(new Subschema(shared, `${withoutHash(id)}#`))
    this.#add(this.root)
  }

  /**
   * Where a schema's `$ref` leads.
   * @throws when that is nowhere.
   */
  resolve (part: Subschema): Subschema {
    const target = this.find(part)
    if (target === undefined) throw new Error(`its reference '${String(part.get('$ref'))}' leads nowhere: add a schema of that $id with app.addSchema`)
    return target
  }

  /** Where a schema's `$ref` leads, or `undefined` when that is nowhere: by `$id` and pointer, as everywhere in Fastify. */
  find (part: Subschema): Subschema | undefined {
    const [id = '', pointer = ''] = String(part.get('$ref')).split('#')
    const [anchor, ...tokens] = pointer.split('/')
    const home = id === '' ? part.home : this.#byId.get(id)
    return anchor === '' ? tokens.reduce<Subschema | undefined>((place, token) => place?.child(decodeToken(token)), home) : undefined
  }

  /** Every schema within the message's and within those it refers to. */
  reachable (): SchemaPart[] {
    const seen = new Set<unknown>()
    const found = [...partsIn(this.root, seen)]
    for (const part of found) {
      const target = part.get('$ref') === undefined ? undefined : this.find(part)
      if (target !== undefined) found.push(...partsIn(target, seen))
    }
    return found
  }

  /** The documents a message is checked with, by the beginning of their parts' URIs: its own, and those of the app's that it refers to. */
  documents (): Map<string, Subschema> {
    const reached = new Set(this.reachable().map(documentOf))
    return new Map([...this.#documents].filter(([name]) => reached.has(name)))
  }

  /** @throws when the message has two different schemas of one `$id`, or one that the app shares under another meaning. */
  refuseTwins (): void {
    if (this.#twin !== undefined) throw new Error(this.#twin)
  }

  #add (document: Subschema): void {
    const own = new Set<string>()
    this.#documents.set(documentOf(document), document)
    for (const part of partsIn(document)) {
      const id = idOf(part.schema)
      if (id === undefined) continue
      const known = this.#byId.get(id)
      if (document === this.root && known !== undefined) this.#twin ??= own.has(id) ? explainTwin(id, known, part) : explainForeignTwin(id, known, part)
      own.add(id)
      this.#byId.set(id, part)
    }
  }
}

function explainTwin (id: string, known: Subschema, part: Subschema): string | undefined {
  return isSame(known.schema, part.schema) ? undefined : `$id '${id}' is that of two different schemas,${at(known)} and${at(part)}: give one of them another $id`
}

function explainForeignTwin (id: string, known: Subschema, part: Subschema): string | undefined {
  return isCopy(part.schema, known.schema) ? undefined : `its $id '${id}' is that of another schema, which the app shares: give it another one`
}

function documentOf ({ uri }: Subschema): string {
  return uri.slice(0, uri.lastIndexOf('#') + 1)
}

/** The name under which a schema can be referred to. */
export function idOf (schema: unknown): string | undefined {
  const id = isSchema(schema) ? schema['$id'] : undefined
  return typeof id === 'string' ? withoutHash(id) : undefined
}

function withoutHash (id: string): string {
  return id.replace(/#$/, '')
}

/** Every schema within a document that refers to another, be it within itself. */
export function referrersIn (document: Subschema): Subschema[] {
  return Array.from(partsIn(document)).filter(({ schema }) => typeof schema['$ref'] === 'string')
}

/** Whether a regular expression could meet a text of any length, here or where a reference leads. */
export function hasUnboundedPattern (schema: Schema, sharedSchemas: Readonly<Record<string, unknown>> = {}): boolean {
  return new References(schema, sharedSchemas).reachable().some(({ schema: part }) => (part['pattern'] !== undefined && typeof part['maxLength'] !== 'number') || hasUnboundedNames(part))
}

/** Every regular expression that a text or a property's name could meet, here or where a reference leads. */
export function patternsIn (schema: Schema, sharedSchemas: Readonly<Record<string, unknown>> = {}): Array<string | RegExp> {
  const found = new References(schema, sharedSchemas).reachable().flatMap(({ schema: part }) => [part['pattern'], ...Object.keys(part['patternProperties'] ?? {})])
  return found.filter((pattern) => typeof pattern === 'string' || pattern instanceof RegExp)
}

// A property's name can be as long as the message.
function hasUnboundedNames (part: Schema): boolean {
  const names = part['propertyNames']
  if (isSchema(names) && typeof names['maxLength'] === 'number') return false
  return Object.keys(part['patternProperties'] ?? {}).some((pattern) => !LINEAR_PATTERNS.has(pattern))
}

// How TypeBox says string, number and integer of a record's keys; none of them goes back over a text.
export const LINEAR_PATTERNS: ReadonlySet<string> = new Set([
  '^(.*)$', '^.*$', '^(0|[1-9][0-9]*)$', '^-?(?:0|[1-9][0-9]*)$', '^-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?$'
])

/** Why values of a schema cannot travel as JSON, here or where a reference leads, or `undefined`. */
export function explainUnfit (schema: Schema, sharedSchemas: Readonly<Record<string, unknown>> = {}): string | undefined {
  for (const part of new References(schema, sharedSchemas).reachable()) {
    const reason = explainUnfitPart(part)
    if (reason !== undefined) return reason
  }
  return undefined
}

function explainUnfitPart (part: SchemaPart): string | undefined {
  const { schema } = part
  for (const one of [part, ...childrenOf(part)]) {
    const library = explainForeign(one.schema)
    if (library !== undefined) return `${library} (${at(one).trim() || 'the whole'})`
  }
  const foreign = [schema['type']].flat().filter((type) => typeof type === 'string').find((type) => !JSON_TYPES.has(type))
  if (foreign !== undefined) return `type '${foreign}'${at(part)} cannot travel as JSON: ${INSTEAD[foreign] ?? 'write what stands for it on the wire'}`
  if (CODECS.some((key) => key in schema)) return `a codec${at(part)} would not be run: declare the type on the wire and convert it in the handler`
  const dynamic = DYNAMIC_KEYWORDS.find((keyword) => keyword in schema)
  if (dynamic !== undefined) return `keyword '${dynamic}'${at(part)} is not followed: write $ref`
  const inherited = Object.keys(schema['properties'] ?? {}).find((key) => INHERITED.has(key) && ![schema['required']].flat().includes(key))
  if (inherited !== undefined) return `property '${inherited}'${at(part)} is never absent from a JavaScript object: make it required, or give it another name`
  return undefined
}

/** Where a schema stands, as a part of a sentence: nothing for the message's own. */
export function at ({ uri }: Subschema): string {
  const [id, pointer] = [uri.slice(0, uri.lastIndexOf('#')), uri.slice(uri.lastIndexOf('#') + 1)]
  if (id !== ROOT_ID) return ` at ${id}#${pointer}`
  return pointer === '' ? '' : ` at ${pointer}`
}

/** What every object has though nobody gave it. */
export const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype))

const JSON_TYPES: ReadonlySet<string> = new Set(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'])
// Type.Transform of @sinclair/typebox, Type.Codec of typebox
const DYNAMIC_KEYWORDS = ['$dynamicRef', '$recursiveRef']
const INSTEAD: Readonly<Record<string, string>> = {
  Date: 'write Type.String({ format: \'date-time\' })',
  RegExp: 'write Type.String({ pattern: \'…\', maxLength: … })',
  Uint8Array: 'write Type.String({ contentEncoding: \'base64\' }), or send it as a binary frame',
  bigint: 'write Type.String(), or Type.Integer() where 53 bits are enough',
  undefined: 'write Type.Null(), or Type.Optional(…) around the property',
  void: 'write Type.Null()'
}

// RFC 6901 §6
function encodeToken (token: string): string {
  return encodeURIComponent(token.replaceAll('~', '~0').replaceAll('/', '~1'))
}

function decodeToken (token: string): string {
  return decodeUri(token).replaceAll('~1', '/').replaceAll('~0', '~')
}

function decodeUri (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function isSchema (value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
