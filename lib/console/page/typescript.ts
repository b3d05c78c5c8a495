import { isRecord } from '../../record.js'
import { listOf, recordOf, refName, type Data, type Resolve } from './references.js'
import { boundsOf, branchesOf, isIdentifier, itemsOf, propertiesOf, requiredOf, typesOf, valuesOf } from './schema.js'
import { joined, textOf } from './text.js'

const MAX_DEPTH = 24

/** Shows a schema as a type of TypeScript, with the types that it refers to below it. */
export function typeTextOf (name: string, schema: unknown, resolve: Resolve): string {
  const names = new Map<string, string>()
  const define = (name: string, schema: unknown): string => `type ${name} = ${typeOf(resolve(schema), 0)}`
  const lines = [define(identifier(name), schema)]
  // A type that is written may name further ones.
  for (const [$ref, name] of names) lines.push(define(name, { $ref }))
  return lines.join('\n\n')

  function typeOf (schema: unknown, depth: number): string {
    if (schema === false) return 'never'
    if (!isRecord(schema) || depth > MAX_DEPTH) return 'unknown'
    if (typeof schema['$ref'] === 'string') return nameOf(schema['$ref'])
    const inner = (part: unknown): string => typeOf(part, depth + 1)
    const values = valuesOf(schema)
    if (values) return union(values.map(literal))
    const types = typesOf(schema, 'properties' in schema ? ['object'] : [])
    const parts = [
      types.length > 0 && union(types.map((type) => ownType(type, schema, inner))),
      ...listOf(schema['allOf']).map(inner),
      branchesOf(schema) && union(branchesOf(schema)!.map(inner))
    ].filter((part) => typeof part === 'string')
    return parts.length > 1 ? parts.map((part) => part.includes(' | ') ? `(${part})` : part).join(' & ') : parts[0] ?? 'unknown'
  }

  function nameOf (ref: string): string {
    const wanted = identifier(refName(ref))
    let name = names.get(ref) ?? wanted
    for (let n = 2; !names.has(ref) && [...names.values()].includes(name); n++) name = wanted + n
    names.set(ref, name)
    return name
  }
}

type Inner = (part: unknown) => string

function ownType (type: string, schema: Data, inner: Inner): string {
  if (type === 'object') return objectType(schema, inner)
  if (type !== 'array') return type === 'integer' ? 'number' : type
  const [first, others] = itemsOf(schema)
  if (first.length > 0) return `[${first.map(inner).join(', ')}]`
  const item = inner(others)
  return isIdentifier(item) ? `${item}[]` : `Array<${item}>`
}

function objectType (schema: Data, inner: Inner): string {
  const rest = schema['additionalProperties'] ?? Object.values(recordOf(schema['patternProperties']))[0]
  const lines = Object.entries(propertiesOf(schema)).map(([name, part]) => {
    const mark = requiredOf(schema).includes(name) ? '' : '?'
    return `${isIdentifier(name) ? name : JSON.stringify(name)}${mark}: ${inner(part)}${noteOf(recordOf(part))}`
  })
  if (isRecord(rest)) lines.push(`[name: string]: ${inner(rest)}`)
  // Each line within is one level deeper.
  return lines.length > 0 ? `{${lines.map((line) => `\n${line}`).join('').replaceAll('\n', '\n  ')}\n}` : '{}'
}

// A comment to the end of its line.
function noteOf (schema: Data): string {
  const note = joined('; ', ...[
    textOf(schema['description']),
    schema['deprecated'] === true && 'deprecated',
    schema['type'] === 'integer' && 'integer',
    ...boundsOf(schema)
  ].map((text) => text && text.replaceAll(/\s+/g, ' ').replace(/\.? ?$/, '')))
  return note && ` // ${note}`
}

function literal (value: unknown): string {
  return value instanceof Object ? 'unknown' : JSON.stringify(value)
}

function union (types: readonly string[]): string {
  return [...new Set(types)].join(' | ') || 'never'
}

function identifier (text: string): string {
  const name = text.replaceAll(/[^\w$]+(\w?)/g, (_, letter: string) => letter.toUpperCase())
  return isIdentifier(name) ? name.charAt(0).toUpperCase() + name.slice(1) : `_${name}`
}
