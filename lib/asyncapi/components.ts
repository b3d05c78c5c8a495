import type { AsyncApiObject } from '../../types/asyncapi.js'
import type { References } from '../schema/references.js'
import { idOf, subschemasIn, type Subschema } from '../schema/subschema.js'
import { Names, pascalCase } from './names.js'

/** The parts of a document that have a name, and are written once. */
export class Components {
  readonly schemas: Record<string, unknown> = {}
  readonly messages: Record<string, AsyncApiObject> = {}
  readonly #schemaNames: Names = new Names()
  readonly #messageNames: Names = new Names()
  readonly #known = new Map<string, string>()
  readonly #made = new Map<string, AsyncApiObject>()

  /** Adds a schema under a name of its own. */
  addSchema (wanted: string, schema: unknown): AsyncApiObject {
    const name = this.#schemaNames.take(wanted)
    this.schemas[name] = schema
    return schemaRef(name)
  }

  addMessage (wanted: string, message: AsyncApiObject): AsyncApiObject {
    const name = this.#messageNames.take(wanted)
    this.messages[name] = message
    return { $ref: `#/components/messages/${name}` }
  }

  /** The reference that was made for a key, or makes it. */
  once (key: string, make: () => AsyncApiObject): AsyncApiObject {
    const ref = this.#made.get(key) ?? make()
    this.#made.set(key, ref)
    return ref
  }

  /**
   * Shares a schema of the app's under its own name. The same one is written once; another of the
   * same name has that of its contract in front.
   */
  share (part: Subschema, references: References, prefix: string, write: () => unknown): AsyncApiObject {
    const wanted = nameOf(part)
    const signature = `${wanted} ${meaningOf(part, references)}`
    const known = this.#known.get(signature)
    if (known !== undefined) return schemaRef(known)
    const name = this.#schemaNames.take(this.#schemaNames.has(wanted) ? `${prefix}${wanted}` : wanted)
    this.#known.set(signature, name)
    // Its place is in front of those that it refers to.
    this.schemas[name] = {}
    this.schemas[name] = write()
    return schemaRef(name)
  }
}

function schemaRef (name: string): AsyncApiObject {
  return { $ref: `#/components/schemas/${name}` }
}

// The last part of an `$id` or a pointer: 'https://example.com/person.json#' is a Person.
function nameOf (part: Subschema): string {
  const named = idOf(part.schema) ?? part.uri.replace(/#$/, '')
  const last = named.split(/[/#]/).findLast((token) => token !== '') ?? ''
  return pascalCase(last.replace(/\.json$/, '')) || 'Schema'
}

// Of a schema and of all that it refers to.
function meaningOf (part: Subschema, references: References): string {
  const documents = new Set<unknown>([part.schema])
  const targets: Subschema[] = [part]
  for (const target of targets) {
    for (const inner of subschemasIn(target)) {
      for (const next of references.targetsOf(inner)) {
        if (documents.has(next.schema)) continue
        documents.add(next.schema)
        targets.push(next)
      }
    }
  }
  return JSON.stringify([...documents], plain)
}

/** A replacer of `JSON.stringify` for schemas: a regular expression is its source. */
export function plain (_key: string, value: unknown): unknown {
  return value instanceof RegExp ? value.source : value
}
