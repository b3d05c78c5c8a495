import { show } from '../show.js'
import { Subschema } from '../schema/subschema.js'
import { casesOf } from './cases.js'
import { isApart } from './disjoint.js'
import { opaque, rankOf, REFUSED, type Case, type Difference, type Walk } from './difference.js'
import { isRequired, namesOf, propertyOf } from './members.js'
import { isSame } from './sameness.js'
import { literal, textOf, typed, typeNames, typesOf, valuesOf } from './values.js'

type Keyword = 'anyOf' | 'oneOf'

/** Differences between a case and unions: some branch of each has to take it. */
export function unionDifferences (said: Case, taken: Subschema, walk: Walk): Difference[] {
  return (['anyOf', 'oneOf'] as const).flatMap((keyword) => {
    if (!Array.isArray(taken.get(keyword)) || said.some((part) => isSame(part, taken, [keyword], walk))) return []
    return new Union(taken, keyword, walk).differences(said)
  })
}

class Union {
  readonly #branches: readonly Subschema[]
  readonly #keyword: Keyword
  readonly #walk: Walk

  constructor (taken: Subschema, keyword: Keyword, walk: Walk) {
    this.#branches = taken.subschemas(keyword)
    this.#keyword = keyword
    this.#walk = walk
  }

  /** By one branch for all of a case, else by one for each type and literal in it. */
  differences (said: Case): readonly Difference[] {
    const whole = this.#best(said)
    if (rankOf(whole) < REFUSED) return whole
    const smaller = this.#split(said)
    return smaller.length > 1 ? smaller.flatMap((one) => this.differences(one)) : whole
  }

  #best (said: Case): readonly Difference[] {
    const near = this.#branches.filter((branch) => !isApart(said, branch, this.#walk))
    const found = near.map((branch) => this.#walk.caseWithin(said, branch))
    const best = found.toSorted((one, other) => rankOf(one) - rankOf(other))[0]
    if (best === undefined) return [branchOf(said)]
    if (rankOf(best) < REFUSED) return this.#keyword === 'oneOf' && near.length > 1 ? [opaque('oneOf')] : best
    return near.length === 1 ? best : [branchOf(said)]
  }

  #split (said: Case): Case[] {
    const types = [...typesOf(said)]
    if (types.length > 1 && !isNumber(types)) return kindsOf(types).map((kind) => [...said, typed(new Set(kind))])
    return this.#splitByLiteral(said)
  }

  // A property that is a literal in the branches tells which of them are meant.
  #splitByLiteral (said: Case): Case[] {
    const { said: from } = this.#walk
    for (const name of new Set(said.flatMap(namesOf))) {
      if (!isRequired(said, name) || !this.#isTag(name)) continue
      const cases = casesOf(said.flatMap((part) => propertyOf(part, name)), from)
      const values = cases.map(valuesOf)
      const all = values.includes(undefined) ? [] : new Map(values.flatMap((list) => list!.map((value) => [textOf(value), value]))).values()
      const several = [...all]
      if (several.length > 1) return several.map((value) => [...said, tagged(name, value)])
    }
    return []
  }

  #isTag (name: string): boolean {
    const { taken: to } = this.#walk
    return this.#branches.some((branch) => casesOf([branch], to).some((one) => {
      return casesOf(one.flatMap((part) => propertyOf(part, name)), to).some((inner) => valuesOf(inner) !== undefined)
    }))
  }
}

function isNumber (types: readonly string[]): boolean {
  return types.every((type) => type === 'integer' || type === 'fraction')
}

/** Types one by one, whole numbers together with the others. */
function kindsOf <T extends string> (types: readonly T[]): T[][] {
  const numbers = types.filter((type) => isNumber([type]))
  const others = types.filter((type) => !isNumber([type])).map((type) => [type])
  return numbers.length > 0 ? [numbers, ...others] : others
}

function tagged (name: string, value: unknown): Subschema {
  return new Subschema({ properties: { [name]: literal(value).schema } }, `tag=${name}${textOf(value)}`)
}

function branchOf (said: Case): Difference {
  return { path: '', aspect: 'branch', kind: 'branch', grade: 'refused', said: outlineOf(said) }
}

/** A branch in a few words: its names, and the literals by which it is known. */
function outlineOf (said: Case): string {
  const types = typesOf(said)
  if (!types.has('object')) return typeNames(types)
  const properties = [...new Set(said.flatMap(namesOf))].map((name) => {
    const values = valuesOf(said.flatMap((part) => propertyOf(part, name))) ?? []
    return values.length === 1 ? `${name}: ${show(values[0])}` : name
  })
  return `{ ${properties.join(', ')} }`
}
