import type { References } from '../../schema/references.js'
import type { Subschema } from '../../schema/subschema.js'
import type { Matcher } from './checker.js'
import { generateArray, generateObject, type Expression, type Property, type Rest } from './codegen.js'
import { allowed, hasRest, isDeclaring, isOpen, itemsOf, kindOf, patternsOf, propertyParts, type Kind } from './declarations.js'
import { quote, scalar, whole, type Serializer } from './json.js'
import { keyOf, RuleBook, type Rules } from './rules.js'

/** The frame that makes a message of a payload: both are one JSON object. */
export interface Envelope {
  /** The message's beginning, without a comma. */
  readonly opening: string
  /** Names that no property of a payload may have. */
  readonly reserved: readonly string[]
}

const SCALARS: ReadonlyMap<unknown, string> = new Map([
  ['string', 'text'], ['number', 'number'], ['integer', 'number'], ['boolean', 'boolean']
])

/**
 * Compiles a schema to a serializer. A property is declared when any schema that holds for the
 * value declares it: every member of an intersection, and every branch of a union that matches.
 *
 * @throws when a reference leads nowhere.
 */
export function compileSerializer (references: References, matcher: Matcher, envelope?: Envelope): Serializer {
  const { root } = references
  const compiler = new Compiler(references, matcher)
  return envelope === undefined ? compiler.compile([root]) : compiler.compileObject([root], refuseOther, envelope)
}

class Compiler {
  readonly #serializers: Serializer[] = []
  readonly #numbers = new Map<string, number>()
  readonly #ruleBook: RuleBook

  constructor (references: References, matcher: Matcher) {
    this.#ruleBook = new RuleBook(references, matcher)
  }

  /** A serializer for a value that several schemas hold for. */
  compile (parts: readonly Subschema[]): Serializer {
    if (parts.length > 0 && parts.every(isOpen)) return whole
    return this.compileObject(parts, this.#compileArray(parts, scalar))
  }

  compileObject (parts: readonly Subschema[], other: Serializer, envelope?: Envelope): Serializer {
    const rules = this.#ruleBook.rulesOf(parts, 'object')
    if (rules.parts.length === 0) return other
    const write = (chosen: readonly Subschema[]): Serializer => this.#objectSerializer(chosen, other, envelope)
    return rules.choices.length === 0 ? write(rules.parts) : this.#chooser(rules, 'object', write, other)
  }

  #compileArray (parts: readonly Subschema[], other: Serializer): Serializer {
    const rules = this.#ruleBook.rulesOf(parts, 'array')
    if (rules.parts.length === 0) return other
    const write = (chosen: readonly Subschema[]): Serializer => this.#arraySerializer(chosen, other)
    return rules.choices.length === 0 ? write(rules.parts) : this.#chooser(rules, 'array', write, other)
  }

  // Each combination of branches has a serializer, made when a value first meets it.
  #chooser (rules: Rules, kind: Kind, write: (parts: readonly Subschema[]) => Serializer, other: Serializer): Serializer {
    const serializers = new Map<string, Serializer>()
    return (value) => {
      if (kindOf(value) !== kind) return other(value)
      const chosen = this.#ruleBook.choose(rules, kind, value as object)
      const key = chosen.map(({ id }) => id).join()
      const serializer = serializers.get(key) ?? write(chosen.flatMap(({ parts }) => parts))
      serializers.set(key, serializer)
      return serializer(value)
    }
  }

  #objectSerializer (parts: readonly Subschema[], other: Serializer, envelope: Envelope | undefined): Serializer {
    const declaring = parts.filter((part) => isDeclaring(part, 'object'))
    if (declaring.length === 0 && parts.some(isOpen)) return wholeIf('object', other)
    const keys = [...new Set(declaring.flatMap((part) => Object.keys(part.get('properties') ?? {})))]
    const properties = keys.map((key) => this.#property(declaring, key))
    const rest = declaring.some(hasRest) ? this.#rest(declaring, new Set(keys), envelope?.reserved ?? []) : undefined
    return generateObject(properties, envelope?.opening, { serializers: this.#serializers, other, rest })
  }

  #property (declaring: readonly Subschema[], key: string): Property {
    const isRequired = declaring.some((part) => [part.get('required') ?? []].flat().includes(key))
    const values = declaring.flatMap((part) => propertyParts(part, key))
    return { key, isRequired, isText: scalarOf(values) === 'text', write: this.#expression(values) }
  }

  /** Writes the properties whose names no schema knows. */
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

  /** The code of a value's serializer call. */
  #expression (parts: readonly Subschema[]): Expression {
    const scalar = scalarOf(parts)
    if (scalar !== undefined) return (value) => `${scalar}(${value})`
    const number = this.#numberOf(parts)
    return (value) => `serializers[${number}](${value})`
  }

  #numberOf (parts: readonly Subschema[]): number {
    const key = keyOf(parts)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#serializers.push(refuseOther) - 1
    // The number is known before the serializer is made, because a schema may refer to itself.
    this.#numbers.set(key, number)
    this.#serializers[number] = this.compile(parts)
    return number
  }
}

/** The function that writes a value of the only type that these schemas allow. */
function scalarOf (parts: readonly Subschema[]): string | undefined {
  const [scalar, ...others] = new Set(parts.map((part) => SCALARS.get(part.get('type'))))
  return others.length === 0 ? scalar : undefined
}

function wholeIf (kind: Kind, other: Serializer): Serializer {
  return (value) => kindOf(value) === kind ? whole(value) : other(value)
}

function refuseOther (value: unknown): string {
  throw new TypeError(`must be object, not ${value === null ? 'null' : typeof value}`)
}
