import { isCopy, isSame } from './equality.js'
import {
  at, idOf, rootOf, Subschema, subschemasIn, withoutHash, type ObjectSubschema
} from './subschema.js'

/** The app's shared schemas, by `$id`. */
export type SharedSchemas = Readonly<Record<string, unknown>>

/**
 * The schema of a message, and the targets of its references: in itself, or among the app's shared
 * schemas.
 */
export class References {
  readonly root: Subschema
  readonly #byId = new Map<string, Subschema>()
  readonly #documents = new Map<string, Subschema>()
  #twin: string | undefined

  constructor (schema: unknown, sharedSchemas: SharedSchemas = {}) {
    this.root = rootOf(schema)
    for (const [id, shared] of Object.entries(sharedSchemas)) this.#add(new Subschema(shared, `${withoutHash(id)}#`))
    this.#add(this.root)
  }

  /**
   * The target of a schema's `$ref`.
   * @throws when there is none.
   */
  resolve (part: Subschema): Subschema {
    const target = this.find(part)
    if (target !== undefined) return target
    throw new Error(`its reference '${String(part.get('$ref'))}' leads nowhere: add a schema of that $id with app.addSchema`)
  }

  /**
   * The target of a schema's `$ref`, by `$id` and pointer as in Fastify; `undefined` when there is
   * none.
   */
  find (part: Subschema): Subschema | undefined {
    const [id = '', pointer = ''] = String(part.get('$ref')).split('#')
    const [anchor, ...tokens] = pointer.split('/')
    const resource = id === '' ? part.resource : this.#byId.get(id)
    if (anchor !== '') return undefined
    return tokens.reduce<Subschema | undefined>((place, token) => place?.child(decodeToken(token)), resource)
  }

  /**
   * The target of a schema's `$ref`; none for a schema that has no reference, or one that leads
   * nowhere.
   */
  targetsOf (part: Subschema): Subschema[] {
    return part.get('$ref') === undefined ? [] : [this.find(part)].filter((target) => target !== undefined)
  }

  /** Every schema within the message's, and within those that it refers to. */
  reachable (): ObjectSubschema[] {
    const seen = new Set<unknown>()
    const found = [...subschemasIn(this.root, seen)]
    for (const part of found) {
      for (const target of this.targetsOf(part)) found.push(...subschemasIn(target, seen))
    }
    return found
  }

  /**
   * The documents that a message is checked with, by the beginning of their parts' URIs: its own,
   * and those of the app's that it refers to.
   */
  documents (): Map<string, Subschema> {
    const reached = new Set(this.reachable().map(documentOf))
    return new Map([...this.#documents].filter(([name]) => reached.has(name)))
  }

  /**
   * @throws when two different schemas have one `$id`: in the message, or in it and among the
   * app's.
   */
  refuseTwins (): void {
    if (this.#twin !== undefined) throw new Error(this.#twin)
  }

  /** @throws when a reference leads nowhere. */
  refuseLost (): void {
    for (const part of this.reachable()) if (part.get('$ref') !== undefined) this.resolve(part)
  }

  #add (document: Subschema): void {
    const own = new Set<string>()
    this.#documents.set(documentOf(document), document)
    for (const part of subschemasIn(document)) {
      const id = idOf(part.schema)
      if (id === undefined) continue
      const known = this.#byId.get(id)
      if (document === this.root && known !== undefined) this.#twin ??= explainTwin(id, known, part, own.has(id))
      own.add(id)
      this.#byId.set(id, part)
    }
  }
}

function explainTwin (id: string, known: Subschema, part: Subschema, isOwn: boolean): string | undefined {
  if (isOwn) {
    if (isSame(known.schema, part.schema)) return undefined
    return `$id '${id}' is that of two different schemas,${at(known)} and${at(part)}: give one of them another $id`
  }
  if (isCopy(part.schema, known.schema)) return undefined
  return `its $id '${id}' is that of another schema, which the app shares: give it another one`
}

function documentOf ({ uri }: Subschema): string {
  return uri.slice(0, uri.lastIndexOf('#') + 1)
}

/** Every schema within a document that refers to another, be it within itself. */
export function referrersIn (document: Subschema): Subschema[] {
  return Array.from(subschemasIn(document)).filter(({ schema }) => typeof schema['$ref'] === 'string')
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
