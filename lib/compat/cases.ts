import type { References } from '../schema/references.js'
import type { Subschema } from '../schema/subschema.js'
import type { Case } from './difference.js'
import { typesOf } from './values.js'

// Cases of several unions that hold together are multiplied: above this number a union is left out,
// and a case stands for more values than there are.
const MAX_CASES = 256

/**
 * The ways in which a value can fit schemas that hold together: their disjunctive normal form. What
 * a schema says by `$ref` and `allOf` stands beside it; a case that no value fits is left out.
 */
export function casesOf (parts: readonly Subschema[], references: References): Case[] {
  const found = parts.map((part) => expand(part, references, [])).reduce(multiply, [[]])
  return found.map((one) => unique(one)).filter((one) => typesOf(one).size > 0)
}

function expand (part: Subschema, references: References, path: readonly string[]): Case[] {
  // A branch that is the union itself adds no case.
  if (path.includes(part.uri)) return []
  const inside = (member: Subschema): Case[] => expand(member, references, [...path, part.uri])
  const together = [...references.targetsOf(part), ...part.subschemas('allOf')].map(inside)
  const unions = ['anyOf', 'oneOf'].filter((keyword) => Array.isArray(part.get(keyword)))
    .map((keyword) => part.subschemas(keyword).flatMap(inside))
  return [...together, ...unions].reduce(multiply, [[part]])
}

function multiply (some: Case[], others: Case[]): Case[] {
  if (some.length > 1 && others.length > 1 && some.length * others.length > MAX_CASES) return some
  return some.flatMap((one) => others.map((other) => [...one, ...other]))
}

function unique (parts: Case): Case {
  return [...new Map(parts.map((part) => [part.uri, part])).values()]
}
