import { isRecord } from '../../record.js'
import { refName, type Data, type References } from './references.js'

const MAX_DEPTH = 24
const NOTES: ReadonlyArray<readonly [keyword: string, words: string]> = [
  ['minLength', 'at least # characters'], ['maxLength', 'at most # characters'],
  ['minimum', 'at least #'], ['maximum', 'at most #'], ['exclusiveMinimum', 'more than #'], ['exclusiveMaximum', 'less than #'],
  ['multipleOf', 'a multiple of #'], ['pattern', '#'], ['format', '#'],
  ['minItems', 'at least # items'], ['maxItems', 'at most # items']
]

/** Shows a schema as a type of TypeScript, with the types that it refers to below it. */
export function typeTextOf (name: string, schema: unknown, references: References): string {
  return new TypeWriter(references).declarations(name, schema)
}

class TypeWriter {
  readonly #references: References
  readonly #names = new Map<string, string>()

  constructor (references: References) {
    this.#references = references
  }

  declarations (name: string, schema: unknown): string {
    const top = identifier(name)
    const lines = [`type ${top} = ${this.#type(this.#references.resolve(schema), '', 0)}`]
    // A type that is written may name further ones.
    for (const [ref, name] of this.#names) lines.push(`type ${name} = ${this.#type(this.#references.resolve({ $ref: ref }), '', 0)}`)
    return lines.join('\n\n')
  }

  #type (schema: unknown, indent: string, depth: number): string {
    if (schema === false) return 'never'
    if (!isRecord(schema) || depth > MAX_DEPTH) return 'unknown'
    const ref = schema['$ref']
    if (typeof ref === 'string') return this.#name(ref)
    const { const: fixed, enum: values, allOf } = schema
    if (fixed !== undefined) return literal(fixed)
    if (Array.isArray(values)) return union(values.map(literal))
    const branches = [schema['anyOf'], schema['oneOf']].find(Array.isArray) as unknown[] | undefined
    const all = (Array.isArray(allOf) ? allOf : []) as unknown[]
    const own = this.#own(schema, indent, depth)
    const parts = [
      ...own === 'unknown' && (branches !== undefined || all.length > 0) ? [] : [own],
      ...all.map((part) => this.#type(part, indent, depth + 1)),
      ...branches === undefined ? [] : [union(branches.map((branch) => this.#type(branch, indent, depth + 1)))]
    ]
    return parts.length === 1 ? parts[0]! : parts.map(grouped).join(' & ')
  }

  #name (ref: string): string {
    const known = this.#names.get(ref)
    if (known !== undefined) return known
    const wanted = identifier(refName(ref))
    let name = wanted
    for (let n = 2; [...this.#names.values()].includes(name); n++) name = `${wanted}${n}`
    this.#names.set(ref, name)
    return name
  }

  #own (schema: Data, indent: string, depth: number): string {
    const types = [schema['type'] ?? ('properties' in schema ? 'object' : [])].flat() as string[]
    return types.length === 0
      ? 'unknown'
      : union(types.map((type) => {
        if (type === 'object') return this.#object(schema, indent, depth)
        if (type === 'array') return this.#array(schema, indent, depth)
        return type === 'integer' ? 'number' : type
      }))
  }

  #array ({ items, prefixItems }: Data, indent: string, depth: number): string {
    const tuple = [prefixItems, items].find(Array.isArray) as unknown[] | undefined
    if (tuple !== undefined) return `[${tuple.map((item) => this.#type(item, indent, depth + 1)).join(', ')}]`
    return `${grouped(this.#type(items, indent, depth + 1))}[]`
  }

  #object (schema: Data, indent: string, depth: number): string {
    const properties = isRecord(schema['properties']) ? Object.entries(schema['properties']) : []
    const required = [schema['required'] ?? []].flat()
    const rest =
      schema['additionalProperties'] ?? (isRecord(schema['patternProperties']) ? Object.values(schema['patternProperties'])[0] : undefined)
    const others = isRecord(rest) ? [`[name: string]: ${this.#type(rest, `${indent}  `, depth + 1)}`] : []
    const lines = properties.map(([name, part]) => {
      const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
      const mark = required.includes(name) ? '' : '?'
      return `${key}${mark}: ${this.#type(part, `${indent}  `, depth + 1)}${noteOf(this.#note(part))}`
    })
    const all = [...lines, ...others]
    return all.length === 0 ? '{}' : `{\n${all.map((line) => `${indent}  ${line}\n`).join('')}${indent}}`
  }

  #note (part: unknown): string[] {
    const schema = isRecord(part) ? part : {}
    const type = schema['type'] === 'integer' ? ['an integer'] : []
    const bounds = NOTES.flatMap(([keyword, words]) => {
      const value = schema[keyword]
      return value === undefined || typeof value === 'object'
        ? []
        : [words.replace('#', () => typeof value === 'string' ? value : JSON.stringify(value)).replace(/\b1 (character|item)s$/, '1 $1')]
    })
    const description = schema['description']
    return [
      ...typeof description === 'string' ? [description] : [],
      ...schema['deprecated'] === true ? ['deprecated'] : [],
      ...type,
      ...bounds
    ]
  }
}

// A comment to the end of its line.
function noteOf (notes: readonly string[]): string {
  return notes.length === 0 ? '' : ` // ${notes.map((note) => note.replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '')).join('; ')}`
}

function union (types: readonly string[]): string {
  const distinct = [...new Set(types)]
  return distinct.length === 0 ? 'never' : distinct.join(' | ')
}

// In parentheses, where a sign of another type stands outside of all braces.
function grouped (type: string): string {
  let outer = type.replaceAll(/"(?:[^"\\]|\\.)*"/g, '')
  for (let inner = ''; inner !== outer;) [inner, outer] = [outer, outer.replaceAll(/\{[^{}]*\}|\[[^[\]]*\]/g, '')]
  return /[|&]/.test(outer) ? `(${type})` : type
}

function literal (value: unknown): string {
  return isRecord(value) || Array.isArray(value) ? 'unknown' : JSON.stringify(value)
}

function identifier (text: string): string {
  const name = text.replaceAll(/[^\w$]+(\w?)/g, (_, letter: string) => letter.toUpperCase())
  return /^[A-Za-z_$]/.test(name) ? name.charAt(0).toUpperCase() + name.slice(1) : `_${name}`
}
