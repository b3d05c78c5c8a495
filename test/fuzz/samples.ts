import type { Random } from './random.js'
import type { Draft } from './schemas.js'

/**
 * Draws values that a schema may mean: objects have declared properties only. A value may still
 * break it: the caller asks Ajv.
 */
export class Sampler {
  readonly #document: Draft
  readonly #random: Random
  readonly #texts: string[]
  readonly #numbers: number[]

  /** @param others - schemas whose limits and literals are worth trying, too. */
  constructor (document: Draft, others: readonly Draft[], random: Random) {
    this.#document = document
    this.#random = random
    const atoms = [document, ...others].flatMap(atomsOf)
    const numbers = atoms.filter((atom) => typeof atom === 'number')
    const near = numbers.flatMap((number) => [number - 1, number, number + 0.5, number + 1, number * 2])
    this.#numbers = [...new Set([0, 1, 2.5, ...near])]
    const lengths = [...new Set(numbers.filter((number) => Number.isInteger(number) && number >= 0 && number < 8))]
    const texts = atoms.filter((atom) => typeof atom === 'string')
    this.#texts = [...new Set([
      '', 'a', 'ab', 'zb', 'Z', 'x1', '2020-01-01', 'a@b.cd', ...texts,
      ...lengths.flatMap((length) => ['a'.repeat(length), 'Z'.repeat(length), 'a'.repeat(length + 1), 'b'.repeat(length + 1)])
    ])]
  }

  draw (): unknown {
    return this.#value([this.#document], 6)
  }

  #value (schemas: readonly unknown[], depth: number): unknown {
    const random = this.#random
    const parts = schemas.flatMap((schema) => this.#partsOf(schema, 8))
    const lists = parts.flatMap(listsOf)
    if (lists.length > 0) return random.pick(lists[0] as unknown[])
    const types = this.#typesOf(parts)
    switch (random.pick(types)) {
      case 'null': return null
      case 'boolean': return random.chance(0.5)
      case 'integer': return Math.round(random.pick(this.#numbers))
      case 'number': return random.pick(this.#numbers)
      case 'string': return random.pick(this.#texts)
      case 'array': return this.#list(parts, depth)
      default: return this.#object(parts, depth)
    }
  }

  #typesOf (parts: readonly Draft[]): string[] {
    const all = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object']
    const lists = parts.filter((part) => part['type'] !== undefined)
      .map((part) => [...[part['type']].flat() as string[], ...part['nullable'] === true ? ['null'] : []])
      .map((types) => types.includes('number') ? [...types, 'integer'] : types)
    const types = all.filter((type) => lists.every((list) => list.includes(type)))
    return types.length > 0 ? types : ['null']
  }

  /** The schemas that hold together, by one branch of each union. */
  #partsOf (schema: unknown, left: number): Draft[] {
    if (typeof schema !== 'object' || schema === null || left === 0) return []
    const part = schema as Draft
    const inside = [
      ...part['allOf'] as Draft[] ?? [],
      ...part['anyOf'] === undefined ? [] : [this.#random.pick(part['anyOf'] as Draft[])],
      ...part['oneOf'] === undefined ? [] : [this.#random.pick(part['oneOf'] as Draft[])],
      ...part['$ref'] === undefined ? [] : [this.#document['$defs'][(part['$ref'] as string).split('/').at(-1)!]]
    ]
    return [part, ...inside.flatMap((inner) => this.#partsOf(inner, left - 1))]
  }

  #list (parts: readonly Draft[], depth: number): unknown[] {
    const sizes = [0, 1, 2, 3, ...parts.flatMap((part) => [part['minItems'], part['maxItems']]).filter((size) => size !== undefined)]
    const length = depth <= 0 ? 0 : this.#random.pick(sizes) as number
    return Array.from({ length }, (_, index) => this.#value(parts.map((part) => itemOf(part, index)), depth - 1))
  }

  #object (parts: readonly Draft[], depth: number): Draft {
    const random = this.#random
    const declared = [...new Set(parts.flatMap((part) => Object.keys(part['properties'] ?? {})))]
    const names = new Set([
      ...declared.filter((name) => parts.some((part) => part['required']?.includes(name)) || (depth > 0 && random.chance(0.6))),
      ...this.#othersOf(parts).filter(() => depth > 0 && random.chance(0.4))
    ])
    return Object.fromEntries([...names].map((name) => [name, this.#value(parts.flatMap((part) => propertyOf(part, name)), depth - 1)]))
  }

  /** Names that a record has: declared by no name, but by a schema. */
  #othersOf (parts: readonly Draft[]): string[] {
    const isRecord = parts.some((part) => typeof part['additionalProperties'] === 'object')
    const patterns = parts.flatMap((part) => Object.keys(part['patternProperties'] ?? {}))
    const names = ['a', 'b', 'c', 'kind', 'x-y', 'xx', 'other']
    return names.filter((name) => isRecord || patterns.some((pattern) => new RegExp(pattern, 'u').test(name)))
  }
}

function itemOf (part: Draft, index: number): unknown {
  const first = (part['prefixItems'] ?? (Array.isArray(part['items']) ? part['items'] : [])) as unknown[]
  if (index < first.length) return first[index]
  return Array.isArray(part['items']) ? part['additionalItems'] : part['items']
}

function propertyOf (part: Draft, name: string): unknown[] {
  const patterns = Object.entries(part['patternProperties'] ?? {})
  const matching = patterns.filter(([pattern]) => new RegExp(pattern, 'u').test(name)).map(([, schema]) => schema)
  const own = Object.hasOwn(part['properties'] ?? {}, name) ? [part['properties'][name]] : []
  return own.length + matching.length > 0 ? [...own, ...matching] : [part['additionalProperties']]
}

function listsOf (part: Draft): unknown[][] {
  if (Object.hasOwn(part, 'const')) return [[part['const']]]
  return part['enum'] === undefined ? [] : [part['enum']]
}

/** The numbers and texts in a schema. */
function atomsOf (schema: unknown): unknown[] {
  return typeof schema === 'object' && schema !== null ? Object.values(schema).flatMap(atomsOf) : [schema]
}
