import type { AsyncApiObject } from '../../types/asyncapi.js'
import { escaped } from '../pattern.js'
import { isRecord } from '../record.js'
import { IN_PLACE } from '../schema/keywords.js'
import { idOf, isObjectSubschema, type ObjectSubschema, type Subschema } from '../schema/subschema.js'
import type { Schema, SchemaWriter } from './schemas.js'

// Keywords that judge properties they do not name.
const CLOSING = [
  'additionalProperties', 'unevaluatedProperties', 'patternProperties', 'propertyNames', 'minProperties', 'maxProperties'
]
// Words of the message, which its schema need not repeat.
const WORDS = ['title', 'description', 'examples', 'default']
const ANY_NAME = /^\^(?:\(\.\*\)|\.\*)\$$/

/**
 * The schema of a message on the wire: its payload's, with the protocol's properties in the same
 * object.
 *
 * @param head - the schemas of the protocol's properties that each message has.
 * @param optional - those of the properties that some have.
 */
export function writePayload (writer: SchemaWriter, head: Schema, optional: Schema = {}): AsyncApiObject {
  return new WireSchema(writer, head, optional).message(writer.references.root)
}

class WireSchema {
  readonly #writer: SchemaWriter
  readonly #head: Schema
  readonly #names: readonly string[]
  readonly #required: readonly string[]

  constructor (writer: SchemaWriter, head: Schema, optional: Schema) {
    this.#writer = writer
    this.#head = { ...head, ...optional }
    this.#names = Object.keys(this.#head)
    this.#required = Object.keys(head)
  }

  message (part: Subschema): Schema {
    const isOpen = this.#isOpen(part)
    if (!isObjectSubschema(part) || (isOpen && isNamed(part))) return { allOf: [this.#writer.write(part), this.#headSchema()] }
    if (part.get('$ref') !== undefined) return { allOf: [this.#open(part, new Set()), this.#headSchema()] }
    const own = isOpen ? this.#writer.own(part) : this.#opened(part, new Set())
    const { properties = {}, required = [], type: _, ...rest } = omit(own, WORDS)
    const union = ['anyOf', 'oneOf'].find((keyword) => part.subschemas(keyword).length > 0)
    const isBare = part.get('properties') === undefined && part.get('type') === undefined
    if (isBare && union !== undefined && Object.keys(rest).length === 1) {
      return { ...rest, [union]: part.subschemas(union).map((branch) => this.message(branch)) }
    }
    if (isBare && Array.isArray(rest['allOf'])) return { ...rest, allOf: [...rest['allOf'], this.#headSchema()] }
    return {
      type: 'object',
      ...rest,
      properties: { ...this.#head, ...omit(properties as Schema, this.#names) },
      required: [...this.#required, ...required as string[]]
    }
  }

  #headSchema (): Schema {
    return { type: 'object', properties: this.#head, required: this.#required }
  }

  // Accepts a message when the schema accepts it without the protocol's properties.
  #open (part: Subschema, path: ReadonlySet<unknown>): unknown {
    if (!isObjectSubschema(part) || path.has(part.schema) || this.#isOpen(part)) return this.#writer.write(part)
    const opened = this.#opened(part, path)
    const targets = this.#writer.references.targetsOf(part).map((target) => this.#open(target, new Set([...path, part.schema])))
    return targets.length === 0 ? opened : { allOf: targets, ...opened }
  }

  #opened (part: ObjectSubschema, path: ReadonlySet<unknown>): Schema {
    const schema = this.#writer.own(part)
    const inner = new Set([...path, part.schema])
    for (const keyword of IN_PLACE.filter((keyword) => schema[keyword] !== undefined)) {
      schema[keyword] = this.#openedMembers(part, keyword, inner)
    }
    return this.#exempt(schema)
  }

  #openedMembers (part: ObjectSubschema, keyword: string, path: ReadonlySet<unknown>): unknown {
    const opened = part.subschemas(keyword).map((member) => this.#open(member, path))
    const value = part.schema[keyword]
    if (Array.isArray(value)) return opened
    const isOne = !keyword.startsWith('dependen')
    return isOne ? opened[0] : Object.fromEntries(Object.keys(value as object).map((name, i) => [name, opened[i]]))
  }

  #exempt (schema: Schema): Schema {
    if (!CLOSING.some((keyword) => keyword in schema)) return schema
    const { propertyNames, minProperties, maxProperties, patternProperties, ...rest } = schema
    return {
      ...rest,
      properties: { ...Object.fromEntries(this.#names.map((name) => [name, {}])), ...rest['properties'] as Schema },
      ...(propertyNames !== undefined && { propertyNames: { anyOf: [{ enum: this.#names }, propertyNames] } }),
      ...(minProperties !== undefined && { minProperties: Number(minProperties) + this.#required.length }),
      // Wide enough for the optional ones, also where there are none.
      ...(maxProperties !== undefined && { maxProperties: Number(maxProperties) + this.#names.length }),
      ...(isRecord(patternProperties) && this.#patterns(patternProperties, rest))
    }
  }

  // A record is an object with additional properties; other patterns leave out the protocol's
  // names.
  #patterns (patterns: Schema, { properties, additionalProperties }: Schema): Schema {
    const [[pattern, schema] = ['', {}], ...others] = Object.entries(patterns)
    if (ANY_NAME.test(pattern) && others.length === 0 && properties === undefined && additionalProperties === undefined) {
      return { additionalProperties: schema }
    }
    const names = this.#names.map(escaped).join('|')
    const except = (pattern: string): string => `^(?!(?:${names})$)[\\s\\S]*?(?:${pattern})`
    return { patternProperties: Object.fromEntries(Object.entries(patterns).map(([pattern, schema]) => [except(pattern), schema])) }
  }

  #isOpen (part: Subschema, seen: Set<unknown> = new Set()): boolean {
    if (!isObjectSubschema(part) || seen.has(part.schema)) return true
    seen.add(part.schema)
    if (CLOSING.some((keyword) => isClosing(part.get(keyword)))) return false
    const members = [...this.#writer.references.targetsOf(part), ...IN_PLACE.flatMap((keyword) => part.subschemas(keyword))]
    return members.every((member) => this.#isOpen(member, seen))
  }
}

function isNamed (part: Subschema): boolean {
  return idOf(part.schema) !== undefined || part.get('$ref') !== undefined
}

function isClosing (value: unknown): boolean {
  return value !== undefined && value !== true && !(isRecord(value) && Object.keys(value).length === 0)
}

function omit (schema: Schema, names: readonly string[]): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => !names.includes(name)))
}
