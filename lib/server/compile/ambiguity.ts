import { Automaton, type State } from './automaton.js'
import { expressionOf } from './checks.js'

/**
 * Tells whether matching a text can take time that doubles with each letter. A matcher tries one
 * way after the other; the ways double when a state of the automaton has two ways back to itself
 * over the same text (exponential ambiguity; Weber and Seidl, 1991).
 *
 * @returns false for an invalid pattern, which the compiler of its schema explains.
 */
export function isExponential (pattern: string | RegExp): boolean {
  try {
    const automaton = new Automaton(expressionOf(pattern))
    return automaton.hasNullableCount || isAmbiguous(automaton)
  } catch {
    return false
  }
}

/** The letters that follow a letter, each with the number of ways to it: one, or more. */
type Follow = ReadonlyMap<number, number>

function isAmbiguous (automaton: Automaton): boolean {
  const follows = new Map<number, Follow>()
  automaton.states.forEach(({ letter }, state) => {
    if (letter !== undefined) follows.set(state, followOf(automaton.states, state))
  })
  const reached = new Map([...follows.keys()].map((state) => [state, reachedFrom(state, follows)]))
  const isCircle: IsCircle = (one, other) => reached.get(one)!.has(other) && reached.get(other)!.has(one)
  for (const [state, follow] of follows) {
    if ([...follow].some(([next, ways]) => ways > 1 && isCircle(state, next))) return true
  }
  return hasTwin(automaton, follows, isCircle)
}

function followOf (states: readonly State[], from: number): Follow {
  const follow = new Map<number, number>()
  const visits = new Map<number, number>()
  const path = new Set<number>()
  const visit = (state: number): void => {
    if (states[state]!.letter !== undefined) return void follow.set(state, (follow.get(state) ?? 0) + 1)
    const count = visits.get(state) ?? 0
    // A matcher makes no round that reads nothing (ECMA-262 §22.2.2.3.1).
    if (path.has(state) || count > 1) return
    visits.set(state, count + 1)
    path.add(state)
    states[state]!.next.forEach(visit)
    path.delete(state)
  }
  states[from]!.next.forEach(visit)
  return follow
}

function reachedFrom (state: number, follows: ReadonlyMap<number, Follow>): Set<number> {
  const reached = new Set(follows.get(state)!.keys())
  for (const one of reached) for (const next of follows.get(one)!.keys()) reached.add(next)
  return reached
}

type IsCircle = (one: number, other: number) => boolean

/** Tells whether two ways that part read the same text until they meet again, within one circle. */
function hasTwin ({ states, letters }: Automaton, follows: ReadonlyMap<number, Follow>, isCircle: IsCircle): boolean {
  const lettersOf = (state: number): ReadonlySet<number> => letters.get(states[state]!.letter!)!
  const seen = new Set<string>()
  const pairs = [...follows.keys()].filter((state) => isCircle(state, state)).map((state) => [state, state] as const)
  for (const [one, other] of pairs) {
    for (const [left, right] of nextPairs(follows.get(one)!, follows.get(other)!)) {
      if (!isCircle(one, left) || !isCircle(other, right)) continue
      if (seen.has(`${left} ${right}`) || !haveCommon(lettersOf(left), lettersOf(right))) continue
      if (left === right && one !== other) return true
      if (left === right) continue
      seen.add(`${left} ${right}`)
      pairs.push([left, right])
    }
  }
  return false
}

function * nextPairs (one: Follow, other: Follow): Generator<readonly [number, number]> {
  for (const left of one.keys()) for (const right of other.keys()) yield [left, right]
}

function haveCommon (one: ReadonlySet<number>, other: ReadonlySet<number>): boolean {
  for (const codePoint of one) if (other.has(codePoint)) return true
  return false
}
