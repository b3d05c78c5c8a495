import { expressionOf } from './checks.js'
import { generateArray, generateObject, quote, scalar, whole, type Expression, type Property, type Rest, type Serializer } from './codegen.js'
import type { Subschema, References } from '../../schema/schema.js'

export type { Serializer } from './codegen.js'

/** How a payload becomes a message: both are one JSON object. */
export interface Envelope {
  /** The message's beginning, without a comma. */
  readonly opening: string
  /** Names that no property of a payload may have. */
  readonly reserved: readonly string[]
}

/** Makes a check of values against a part of the schema. */
export type Matcher = (part: Subschema) => (value: unknown) => boolean

type Kind = 'object' | 'array'

/** What holds for the values of one kind: parts that always do, and those found by looking at the value. */
interface Rules {
  readonly id: number
  readonly parts: readonly Subschema[]
  readonly choices: readonly Choice[]
}

type Choice = (value: object) => readonly Subschema[]

const CONTAINERS = ['$ref', 'allOf', 'anyOf', 'oneOf', 'if', 'dependentSchemas', 'dependencies']
const DECLARATIONS: Readonly<Record<Kind, readonly string[]>> = {
  object: ['type', 'properties', 'patternProperties', 'additionalProperties', 'unevaluatedProperties'],
  array: ['type', 'items', 'prefixItems']
}
const SCALARS: ReadonlyMap<unknown, string> = new Map([['string', 'text'], ['number', 'number'], ['integer', 'number'], ['boolean', 'boolean']])

/**
 * Compiles a schema to a serializer. A property is declared where any schema that holds for the value declares it: every member of an intersection, and of a
 * union every branch that matches.
 *
 * @throws when a reference leads nowhere.
 */
export function compileSerializer (references: References, matcher: Matcher, envelope?: Envelope): Serializer {
  const { root } = references
  const compiler = new Compiler(references, matcher)
  return envelope === undefined ? compiler.compile([root]) : compiler.compileObject([root], refuseOther, envelope)
}

class Compiler {
  readonly #references: References
  readonly #matcher: Matcher
  readonly #serializers: Serializer[] = []
  readonly #numbers = new Map<string, number>()
  readonly #rules = new Map<string, Rules>()

  constructor (references: References, matcher: Matcher) {
    this.#references = references
    this.#matcher = matcher
  }

  /** A serializer for a value that several schemas hold for. */
  compile (parts: readonly Subschema[]): Serializer {
    if (parts.length > 0 && parts.every(isOpen)) return whole
    return this.compileObject(parts, this.#compileArray(parts, scalar))
  }

  compileObject (parts: readonly Subschema[], other: Serializer, envelope?: Envelope): Serializer {
    const rules = this.#rulesOf(parts, 'object')
    if (rules.parts.length === 0) return other
    const write = (chosen: readonly Subschema[]): Serializer => this.#objectSerializer(chosen, other, envelope)
    return rules.choices.length === 0 ? write(rules.parts) : this.#chooser(rules, 'object', write, other)
  }

  #compileArray (parts: readonly Subschema[], other: Serializer): Serializer {
    const rules = this.#rulesOf(parts, 'array')
    if (rules.parts.length === 0) return other
    const write = (chosen: readonly Subschema[]): Serializer => this.#arraySerializer(chosen, other)
    return rules.choices.length === 0 ? write(rules.parts) : this.#chooser(rules, 'array', write, other)
  }

  // One serializer for every combination of branches that is met.
  #chooser (rules: Rules, kind: Kind, write: (parts: readonly Subschema[]) => Serializer, other: Serializer): Serializer {
    const serializers = new Map<string, Serializer>()
    return (value) => {
      if (kindOf(value) !== kind) return other(value)
      const chosen = this.#choose(rules, kind, value as object)
      const key = chosen.map(({ id }) => id).join()
      const serializer = serializers.get(key) ?? write(chosen.flatMap(({ parts }) => parts))
      serializers.set(key, serializer)
      return serializer(value)
    }
  }

  // Rules may lead to rules, so the list grows while it is read.
  #choose (rules: Rules, kind: Kind, value: object): readonly Rules[] {
    const chosen = [rules]
    for (const { choices } of chosen) {
      for (const choice of choices) {
        const more = choice(value).map((part) => this.#rulesOf([part], kind))
        chosen.push(...more.filter((other) => !chosen.includes(other)))
      }
    }
    return chosen
  }

  #rulesOf (parts: readonly Subschema[], kind: Kind): Rules {
    const key = `${kind} ${keyOf(parts)}`
    const known = this.#rules.get(key)
    if (known !== undefined) return known
    const found = new Map<string, Subschema>()
    const choices: Choice[] = []
    for (const part of parts) this.#collect(part, kind, found, choices)
    const rules = { id: this.#rules.size, parts: [...found.values()], choices }
    this.#rules.set(key, rules)
    return rules
  }

  #collect (part: Subschema, kind: Kind, found: Map<string, Subschema>, choices: Choice[]): void {
    if (found.has(part.uri) || !this.#canBe(part, kind)) return
    found.set(part.uri, part)
    for (const member of [...this.#targetOf(part), ...part.subschemas('allOf')]) this.#collect(member, kind, found, choices)
    for (const union of ['anyOf', 'oneOf']) {
      const branches = part.subschemas(union).filter((branch) => this.#canBe(branch, kind))
      if (branches.length > 1) choices.push(this.#branchesOf(branches))
      else for (const branch of branches) this.#collect(branch, kind, found, choices)
    }
    choices.push(...this.#conditionsOf(part))
  }

  #branchesOf (branches: readonly Subschema[]): Choice {
    const tests = branches.map((branch) => ({ branch, matches: this.#matcher(branch) }))
    return (value) => {
      const matching = tests.filter(({ matches }) => matches(value)).map(({ branch }) => branch)
      if (matching.length === 0) throw new TypeError('must match a schema in anyOf')
      return matching
    }
  }

  #conditionsOf (part: Subschema): Choice[] {
    const choices: Choice[] = []
    const [condition] = part.subschemas('if')
    if (condition !== undefined) {
      const matches = this.#matcher(condition)
      choices.push((value) => matches(value) ? [condition, ...part.subschemas('then')] : part.subschemas('else'))
    }
    for (const keyword of ['dependentSchemas', 'dependencies']) {
      const dependents = Object.keys(part.get(keyword) ?? {})
      if (dependents.length > 0) choices.push((value) => dependents.filter((key) => Object.hasOwn(value, key)).map((key) => part.child(keyword)!.child(key)!))
    }
    return choices
  }

  // Whether a schema, by what it says of types, can hold for a value of a kind.
  #canBe (part: Subschema, kind: Kind, seen: Set<string> = new Set()): boolean {
    if (seen.has(part.uri)) return true
    seen.add(part.uri)
    const can = (other: Subschema): boolean => this.#canBe(other, kind, seen)
    const type = part.get('type')
    const values = [part.get('enum') ?? [], 'const' in Object(part.schema) ? [part.get('const')] : []].flat()
    if (part.schema === false || Array.isArray(part.schema)) return false
    if (type !== undefined && ![type].flat().includes(kind)) return false
    if (values.length > 0 && !values.some((value) => kindOf(value) === kind)) return false
    return [...this.#targetOf(part), ...part.subschemas('allOf')].every(can) &&
      ['anyOf', 'oneOf'].every((union) => part.get(union) === undefined || part.subschemas(union).some(can))
  }

  #targetOf (part: Subschema): Subschema[] {
    return part.get('$ref') === undefined ? [] : [this.#references.resolve(part)]
  }

  #objectSerializer (parts: readonly Subschema[], other: Serializer, envelope: Envelope | undefined): Serializer {
    const declaring = parts.filter((part) => isDeclaring(part, 'object'))
    if (declaring.length === 0 && parts.some(isOpen)) return wholeIf('object', other)
    const keys = [...new Set(declaring.flatMap((part) => Object.keys(part.get('properties') ?? {})))]
    const properties = keys.map((key): Property => ({
      key,
      isRequired: declaring.some((part) => [part.get('required') ?? []].flat().includes(key)),
      write: this.#expression(declaring.flatMap((part) => propertyParts(part, key)))
    }))
    const rest = declaring.some(hasRest) ? this.#rest(declaring, new Set(keys), envelope?.reserved ?? []) : undefined
    return generateObject(properties, envelope?.opening, { serializers: this.#serializers, other, rest })
  }

  // Properties whose names the schema does not know.
  #rest (parts: readonly Subschema[], known: ReadonlySet<string>, reserved: readonly string[]): Rest {
    const patterns = parts.flatMap(patternsOf).map(({ expression }) => expression)
    const serializers = new Map<string, Serializer | undefined>()
    const serializerOf = (key: string): Serializer | undefined => {
      const matching = patterns.map((pattern) => pattern.test(key)).join()
      if (!serializers.has(matching)) serializers.set(matching, this.#restSerializer(parts, key))
      return serializers.get(matching)
    }
    return (value, isFirst) => {
      let text = ''
      for (const [key, member] of Object.entries(value)) {
        if (member === undefined || known.has(key)) continue
        const serializer = serializerOf(key)
        if (serializer === undefined) continue
        if (reserved.includes(key)) throw new TypeError(`must NOT have property '${key}', which is the protocol's own`)
        text += `${isFirst && text === '' ? '' : ','}${quote(key)}:${serializer(member)}`
      }
      return text
    }
  }

  #restSerializer (parts: readonly Subschema[], key: string): Serializer | undefined {
    const declared = parts.flatMap((part) => propertyParts(part, key))
    const found = declared.length > 0 ? declared : parts.flatMap((part) => allowed(part.subschemas('unevaluatedProperties')))
    return found.length > 0 ? this.compile(found) : undefined
  }

  #arraySerializer (parts: readonly Subschema[], other: Serializer): Serializer {
    const declaring = parts.filter((part) => isDeclaring(part, 'array'))
    const lists = declaring.map(itemsOf).filter((items) => items !== undefined)
    if (lists.length === 0 && (declaring.length > 0 || parts.some(isOpen))) return wholeIf('array', other)
    const length = Math.max(0, ...lists.map(({ first }) => first.length))
    const first = Array.from({ length }, (_, n) => this.#expression(lists.flatMap((items) => items.first[n] ?? items.rest)))
    const rest = lists.flatMap((items) => items.rest)
    return generateArray(first, rest.length > 0 ? this.#expression(rest) : undefined, { serializers: this.#serializers, other })
  }

  // A call in generated code.
  #expression (parts: readonly Subschema[]): Expression {
    const [scalar, ...others] = new Set(parts.map((part) => SCALARS.get(part.get('type'))))
    if (scalar !== undefined && others.length === 0) return (value) => `${scalar}(${value})`
    const number = this.#numberOf(parts)
    return (value) => `serializers[${number}](${value})`
  }

  #numberOf (parts: readonly Subschema[]): number {
    const key = keyOf(parts)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#serializers.push(refuseOther) - 1
    // Known before it is made, because a schema may refer to itself.
    this.#numbers.set(key, number)
    this.#serializers[number] = this.compile(parts)
    return number
  }
}

function keyOf (parts: readonly Subschema[]): string {
  return parts.map(({ uri }) => uri).join(' ')
}

function isDeclaring (part: Subschema, kind: Kind): boolean {
  return DECLARATIONS[kind].some((keyword) => part.get(keyword) !== undefined)
}

// What says nothing of an inside, like Type.Any(), declares all of it where nobody else says more.
function isOpen (part: Subschema): boolean {
  return !isDeclaring(part, 'object') && !isDeclaring(part, 'array') && CONTAINERS.every((keyword) => part.get(keyword) === undefined)
}

function hasRest (part: Subschema): boolean {
  return part.get('patternProperties') !== undefined || allowed([...part.subschemas('additionalProperties'), ...part.subschemas('unevaluatedProperties')]).length > 0
}

function propertyParts (part: Subschema, key: string): Subschema[] {
  const named = part.child('properties')?.child(key)
  const matching = patternsOf(part).filter(({ expression }) => expression.test(key)).map(({ member }) => member)
  if (named !== undefined) return [named, ...matching]
  return matching.length > 0 ? matching : allowed(part.subschemas('additionalProperties'))
}

function patternsOf (part: Subschema): Array<{ expression: RegExp, member: Subschema }> {
  const patterns = Object.keys(part.get('patternProperties') ?? {})
  return patterns.map((pattern) => ({ expression: expressionOf(pattern), member: part.child('patternProperties')!.child(pattern)! }))
}

function itemsOf (part: Subschema): { first: Subschema[], rest: Subschema[] } | undefined {
  const isTuple = Array.isArray(part.get('items'))
  if (part.get('prefixItems') !== undefined) return { first: part.subschemas('prefixItems'), rest: allowed(part.subschemas('items')) }
  if (isTuple) return { first: part.subschemas('items'), rest: allowed(part.subschemas('additionalItems')) }
  return part.get('items') === undefined ? undefined : { first: [], rest: allowed(part.subschemas('items')) }
}

function allowed (parts: readonly Subschema[]): Subschema[] {
  return parts.filter(({ schema }) => schema !== false)
}

function wholeIf (kind: Kind, other: Serializer): Serializer {
  return (value) => kindOf(value) === kind ? whole(value) : other(value)
}

function kindOf (value: unknown): Kind | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return Array.isArray(value) ? 'array' : 'object'
}

function refuseOther (value: unknown): string {
  throw new TypeError(`must be object, not ${value === null ? 'null' : typeof value}`)
}
