import { isRecord } from '../record.js'
import { holdsNamedSchemas, holdsSchema } from '../schema/keywords.js'
import type { References } from '../schema/references.js'
import { idOf, isObjectSubschema, type ObjectSubschema, type Subschema } from '../schema/subschema.js'
import type { Components } from './components.js'

export type Schema = Record<string, unknown>

const LEFT_OUT = ['$id', '$schema', '$ref', '$defs', 'definitions', 'nullable']

/** Writes the schemas of one message, or of one part of a handshake, for a document. */
export class SchemaWriter {
  readonly references: References
  readonly #components: Components
  readonly #prefix: string

  /** @param prefix - of a name that another schema has. */
  constructor (components: Components, references: References, prefix: string) {
    this.#components = components
    this.references = references
    this.#prefix = prefix
  }

  /** A schema: a reference where it has a name, otherwise as it is. */
  write (part: Subschema): unknown {
    return idOf(part.schema) === undefined ? this.body(part) : this.#share(part)
  }

  /** A schema itself, also where it has a name. */
  body (part: Subschema): unknown {
    if (!isObjectSubschema(part)) return part.schema
    const own = this.own(part)
    if (part.get('$ref') === undefined) return own
    const targets = this.references.targetsOf(part).map((target) => this.#share(target))
    // A reference has nothing beside it in draft-07, which AsyncAPI follows.
    return Object.keys(own).length === 0 && targets.length === 1 ? targets[0] : { allOf: targets, ...own }
  }

  /** The keywords of a schema beside its reference. */
  own (part: ObjectSubschema): Schema {
    const keywords = Object.keys(part.schema).filter((keyword) => !LEFT_OUT.includes(keyword) && !keyword.startsWith('~'))
    const schema = asEnum(Object.fromEntries(keywords.map((keyword) => [keyword, this.#keyword(part, keyword)])))
    return part.schema['nullable'] === true ? nullable(schema) : schema
  }

  #share (part: Subschema): unknown {
    return this.#components.share(part, this.references, this.#prefix, () => this.body(part))
  }

  #keyword (part: ObjectSubschema, keyword: string): unknown {
    const value = part.schema[keyword]
    const schemas = (): unknown[] => part.subschemas(keyword).map((child) => this.write(child))
    if (holdsSchema(keyword)) return Array.isArray(value) ? schemas() : schemas()[0]
    if (!holdsNamedSchemas(keyword) || !isRecord(value)) return value
    return Object.fromEntries(part.subschemas(keyword).map((child, i) => [Object.keys(value)[i], this.write(child)]))
  }
}

// A union of literal texts is an enum for generators of code.
function asEnum (schema: Schema): Schema {
  const { anyOf, ...rest } = schema
  if (!Array.isArray(anyOf) || anyOf.length === 0 || 'type' in rest || 'enum' in rest || !anyOf.every(isLiteralText)) return schema
  return { ...rest, type: 'string', enum: [...new Set(anyOf.map(({ const: value }) => value))] }
}

function isLiteralText (schema: unknown): schema is { const: string } {
  return isRecord(schema) && typeof schema['const'] === 'string' && Object.keys(schema).every((key) => key === 'const' || key === 'type')
}

// OpenAPI's keyword, which AsyncAPI has not.
function nullable ({ type, ...rest }: Schema): Schema {
  return { type: [type, 'null'].flat(), ...rest }
}
