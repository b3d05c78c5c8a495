import { isRecord } from '../../record.js'
import { listOf, refName, type Data, type References } from './references.js'
import { boundsOf, branchesOf, isIdentifier, itemsOf, propertiesOf, requiredOf, typesOf } from './schema.js'

const MAX_DEPTH = 24

/** Shows a schema as a type of TypeScript, with the types that it refers to below it. */
export function typeTextOf (name: string, schema: unknown, references: References): string {
  const names = new Map<string, string>()
  const lines = [`type ${identifier(name)} = ${typeOf(references.resolve(schema), '\n', 0)}`]
  // A type that is written may name further ones.
  for (const [$ref, name] of names) lines.push(`type ${name} = ${typeOf(references.resolve({ $ref }), '\n', 0)}`)
  return lines.join('\n\n')

  // Each line begins with a line break and its indent.
  function typeOf (schema: unknown, line: string, depth: number): string {
    if (schema === false) return 'never'
    if (!isRecord(schema) || depth > MAX_DEPTH) return 'unknown'
    const ref = schema['$ref']
    if (typeof ref === 'string') return nameOf(ref)
    const values = 'const' in schema ? [schema['const']] : schema['enum']
    if (Array.isArray(values)) return union(values.map(literal))
    const types = typesOf(schema)
    const own = types.length === 0 && 'properties' in schema ? ['object'] : types
    const branches = branchesOf(schema)?.map((branch) => typeOf(branch, line, depth + 1))
    const parts = [
      ...own.length > 0 ? [union(own.map((type) => ownType(type, schema, line, depth + 1)))] : [],
      ...listOf(schema['allOf']).map((part) => typeOf(part, line, depth + 1)),
      ...branches === undefined ? [] : [union(branches)]
    ]
    return parts.length > 1 ? parts.map((part) => part.includes(' | ') ? `(${part})` : part).join(' & ') : parts[0] ?? 'unknown'
  }

  function nameOf (ref: string): string {
    const known = names.get(ref)
    if (known !== undefined) return known
    const wanted = identifier(refName(ref))
    let name = wanted
    for (let n = 2; [...names.values()].includes(name); n++) name = `${wanted}${n}`
    names.set(ref, name)
    return name
  }

  function ownType (type: string, schema: Data, line: string, depth: number): string {
    if (type === 'object') return object(schema, line, depth)
    if (type !== 'array') return type === 'integer' ? 'number' : type
    const [first, others] = itemsOf(schema)
    if (first.length > 0) return `[${first.map((item) => typeOf(item, line, depth)).join(', ')}]`
    const item = typeOf(others, line, depth)
    return isIdentifier(item) ? `${item}[]` : `Array<${item}>`
  }

  function object (schema: Data, line: string, depth: number): string {
    const inner = `${line}  `
    const rest = schema['additionalProperties'] ?? Object.values(references.object(schema['patternProperties']))[0]
    const lines = Object.entries(propertiesOf(schema)).map(([name, part]) => {
      const mark = requiredOf(schema).includes(name) ? '' : '?'
      return `${isIdentifier(name) ? name : JSON.stringify(name)}${mark}: ${typeOf(part, inner, depth)}${noteOf(part)}`
    })
    if (isRecord(rest)) lines.push(`[name: string]: ${typeOf(rest, inner, depth)}`)
    return lines.length === 0 ? '{}' : `{${lines.map((text) => inner + text).join('')}${line}}`
  }
}

// A comment to the end of its line.
function noteOf (part: unknown): string {
  const schema = isRecord(part) ? part : {}
  const { description, deprecated, type } = schema
  const notes = [
    ...typeof description === 'string' ? [description] : [],
    ...deprecated === true ? ['deprecated'] : [],
    ...type === 'integer' ? ['an integer'] : [],
    // `be at least 5`: without the verb.
    ...boundsOf(schema).map(({ words }) => words.slice(words.indexOf(' ') + 1))
  ]
  return notes.length === 0 ? '' : ` // ${notes.map((note) => note.replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '')).join('; ')}`
}

function literal (value: unknown): string {
  return isRecord(value) || Array.isArray(value) ? 'unknown' : JSON.stringify(value)
}

function union (types: readonly string[]): string {
  return [...new Set(types)].join(' | ') || 'never'
}

function identifier (text: string): string {
  const name = text.replaceAll(/[^\w$]+(\w?)/g, (_, letter: string) => letter.toUpperCase())
  return isIdentifier(name) ? name.charAt(0).toUpperCase() + name.slice(1) : `_${name}`
}
