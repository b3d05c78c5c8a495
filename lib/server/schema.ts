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
export class Part {
  readonly schema: unknown
  /** The document's name and a JSON pointer (RFC 6901). */
  readonly uri: string
  /** Where a reference that begins with '#' starts: the nearest schema around it that has an `$id`. */
  readonly home: Part

  constructor (schema: unknown, uri: string, home?: Part) {
    this.schema = schema
    this.uri = uri
    this.home = home === undefined || idOf(schema) !== undefined ? this : home
  }

  /** What stands one step further down. */
  step (token: string): Part | undefined {
    const { schema } = this
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, token)) return undefined
    return new Part((schema as Schema)[token], `${this.uri}/${encodeToken(token)}`, this.home)
  }

  /** A keyword's value, where this is a schema that has it. */
  keyword (name: string): unknown {
    return isSchema(this.schema) && Object.hasOwn(this.schema, name) ? this.schema[name] : undefined
  }

  /** The schema, or the schemas, a keyword holds. */
  under (keyword: string): Part[] {
    const part = this.step(keyword)
    if (part === undefined) return []
    return Array.isArray(part.schema) || NAMED_SUBSCHEMAS.has(keyword) ? membersOf(part) : [part]
  }
}

function membersOf (part: Part): Part[] {
  return Object.keys(part.schema ?? {}).flatMap((token) => part.step(token) ?? [])
}

/** Every schema within a schema, itself first. */
export function * partsIn (part: Part, seen: Set<unknown> = new Set()): Generator<Part & { schema: Schema }> {
  if (!isSchema(part.schema) || seen.has(part.schema)) return
  seen.add(part.schema)
  yield part as Part & { schema: Schema }
  for (const keyword of Object.keys(part.schema)) {
    if (!SUBSCHEMAS.has(keyword) && !NAMED_SUBSCHEMAS.has(keyword)) continue
    for (const child of part.under(keyword)) yield * partsIn(child, seen)
  }
}

/** Every schema within a document, itself first. */
export function schemasIn (schema: unknown): Schema[] {
  return Array.from(partsIn(new Part(schema, '')), (part) => part.schema)
}

/** A message's schema, and where its references lead: into itself, or to what the app shares. */
export class References {
  readonly root: Part
  readonly #byId = new Map<string, Part>()

  constructor (schema: unknown, sharedSchemas: Readonly<Record<string, unknown>> = {}) {
    this.root = new Part(schema, `${idOf(schema) ?? ROOT_ID}#`)
    for (const [id, shared] of Object.entries(sharedSchemas)) this.#add(new Part(shared, `${withoutHash(id)}#`))
    this.#add(this.root)
  }

  /**
   * Where a schema's `$ref` leads.
   * @throws when that is nowhere.
   */
  resolve (part: Part): Part {
    const target = this.find(part)
    if (target === undefined) throw new Error(`its reference '${String(part.keyword('$ref'))}' leads nowhere: add a schema of that $id with app.addSchema`)
    return target
  }

  /** Where a schema's `$ref` leads, or `undefined` when that is nowhere: by `$id` and pointer, as everywhere in Fastify. */
  find (part: Part): Part | undefined {
    const [id = '', pointer = ''] = String(part.keyword('$ref')).split('#')
    const [anchor, ...tokens] = pointer.split('/')
    const home = id === '' ? part.home : this.#byId.get(id)
    return anchor === '' ? tokens.reduce<Part | undefined>((place, token) => place?.step(decodeToken(token)), home) : undefined
  }

  /** Every schema within the message's and within those it refers to. */
  reachable (): Schema[] {
    const seen = new Set<unknown>()
    const found = [...partsIn(this.root, seen)]
    for (const part of found) {
      const target = part.keyword('$ref') === undefined ? undefined : this.find(part)
      if (target !== undefined) found.push(...partsIn(target, seen))
    }
    return found.map(({ schema }) => schema)
  }

  #add (document: Part): void {
    for (const part of partsIn(document)) {
      const id = idOf(part.schema)
      if (id !== undefined) this.#byId.set(id, part)
    }
  }
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
export function referrersIn (document: Part): Part[] {
  return Array.from(partsIn(document)).filter(({ schema }) => typeof schema['$ref'] === 'string')
}

/** Whether a schema refers to one that it does not bring along. */
export function hasForeignReference (schema: Schema): boolean {
  const references = new References(schema)
  return referrersIn(references.root).some((part) => references.find(part) === undefined)
}

/** The formats a schema asks for. */
export function formatsIn (schema: Schema): string[] {
  return schemasIn(schema).map((part) => part['format']).filter((format) => typeof format === 'string')
}

/** Whether a regular expression could meet a text of any length, here or where a reference leads. */
export function hasUnboundedPattern (schema: Schema, sharedSchemas: Readonly<Record<string, unknown>> = {}): boolean {
  return new References(schema, sharedSchemas).reachable().some((part) => (part['pattern'] !== undefined && typeof part['maxLength'] !== 'number') || hasUnboundedNames(part))
}

// A property's name can be as long as the message.
function hasUnboundedNames (part: Schema): boolean {
  const names = part['propertyNames']
  if (isSchema(names) && typeof names['maxLength'] === 'number') return false
  return Object.keys(part['patternProperties'] ?? {}).some((pattern) => !LINEAR_PATTERNS.has(pattern))
}

// How TypeBox says string, number and integer of a record's keys; none of them goes back over a text.
const LINEAR_PATTERNS = new Set([
  '^(.*)$', '^.*$', '^(0|[1-9][0-9]*)$', '^-?(?:0|[1-9][0-9]*)$', '^-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?$'
])

/** Why values of a schema cannot travel as JSON, or `undefined`. */
export function explainUnfit (schema: Schema): string | undefined {
  for (const { schema: part, uri } of partsIn(new Part(schema, ''))) {
    const foreign = [part['type']].flat().filter((type) => typeof type === 'string').find((type) => !JSON_TYPES.has(type))
    if (foreign !== undefined) return `type '${foreign}'${at(uri)} cannot travel as JSON: ${INSTEAD[foreign] ?? 'write what stands for it on the wire'}`
    if (CODEC_KEYS.some((key) => key in part)) return `a codec${at(uri)} would not be run: declare the type on the wire and convert it in the handler`
    const inherited = Object.keys(part['properties'] ?? {}).find((key) => INHERITED.has(key) && ![part['required']].flat().includes(key))
    if (inherited !== undefined) return `property '${inherited}'${at(uri)} is never absent from a JavaScript object: make it required, or give it another name`
  }
  return undefined
}

function at (uri: string): string {
  return uri === '' ? '' : ` at ${uri}`
}

/** What every object has though nobody gave it. */
export const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype))

const JSON_TYPES: ReadonlySet<string> = new Set(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'])
// Type.Transform of @sinclair/typebox, Type.Codec of typebox
const CODEC_KEYS = [Symbol.for('TypeBox.Transform'), '~codec']
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
