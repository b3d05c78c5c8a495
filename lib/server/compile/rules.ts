import type { References } from '../../schema/references.js'
import type { Subschema } from '../../schema/subschema.js'
import type { Matcher } from './checker.js'
import { kindOf, type Kind } from './declarations.js'

/**
 * The schemas that hold for the values of one kind: some always, the others by a look at the value.
 */
export interface Rules {
  readonly id: number
  readonly parts: readonly Subschema[]
  readonly choices: readonly Choice[]
}

type Choice = (value: object) => readonly Subschema[]

/**
 * Finds the schemas that hold for a value: every member of an intersection, and every branch of a
 * union that matches.
 */
export class RuleBook {
  readonly #references: References
  readonly #matcher: Matcher
  readonly #rules = new Map<string, Rules>()

  constructor (references: References, matcher: Matcher) {
    this.#references = references
    this.#matcher = matcher
  }

  /**
   * The rules that hold for a value. Rules may lead to rules, so the list grows while it is read.
   */
  choose (rules: Rules, kind: Kind, value: object): readonly Rules[] {
    const chosen = [rules]
    for (const { choices } of chosen) {
      for (const choice of choices) {
        const more = choice(value).map((part) => this.rulesOf([part], kind))
        chosen.push(...more.filter((other) => !chosen.includes(other)))
      }
    }
    return chosen
  }

  /** The rules for values that all of these schemas hold for. */
  rulesOf (parts: readonly Subschema[], kind: Kind): Rules {
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
    choices.push(...['dependentSchemas', 'dependencies'].flatMap((keyword) => dependentsOf(part, keyword)))
    return choices
  }

  /** Tells whether a schema, by its types, can hold for a value of a kind. */
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
}

function dependentsOf (part: Subschema, keyword: string): Choice[] {
  const dependents = Object.keys(part.get(keyword) ?? {})
  if (dependents.length === 0) return []
  return [(value) => dependents.filter((key) => Object.hasOwn(value, key)).map((key) => part.child(keyword)!.child(key)!)]
}

/** A text that is the same for the same schemas. */
export function keyOf (parts: readonly Subschema[]): string {
  return parts.map(({ uri }) => uri).join(' ')
}
