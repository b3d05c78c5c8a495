import { RegExpParser, type AST } from '@eslint-community/regexpp'
import { expressionOf } from './checks.js'

/**
 * Regular expressions whose matcher, which tries one way after the other, has twice as many ways with every letter. As an automaton, such an expression has a
 * state from which two ways lead back to it over the same text (exponential ambiguity; Weber and Seidl, 1991).
 */

/** A letter to be read, or a place between letters, which leads on without reading. */
interface State {
  readonly letter: string | undefined
  readonly next: number[]
}

type Repeated = AST.Quantifier['element']

// A finite repetition is written out as far as its ways can be counted on; a longer one is judged as if it had no end.
const MAX_COPIES_OF_CHOICES = 8
const MAX_COPIES = 64
const MAX_WAYS = 32

/** Whether matching a text can take time that doubles with its length. An invalid pattern is left to a schema's compiler, which says what is wrong with it. */
export function isExponential (pattern: string | RegExp): boolean {
  try {
    const automaton = new Automaton(expressionOf(pattern))
    return automaton.hasNullableCount || isAmbiguous(automaton)
  } catch {
    return false
  }
}

class Automaton {
  readonly states: State[] = []
  /** Which letters an expression for one letter takes, out of a choice that tells all of them apart. */
  readonly letters = new Map<string, ReadonlySet<number>>()
  hasNullableCount = false
  readonly #flags: string
  readonly #codePoints: ReadonlySet<number>

  constructor (expression: RegExp) {
    this.#flags = expression.flags
    const { pattern } = new RegExpParser().parseLiteral(`/${expression.source}/${this.#flags}`)
    this.#codePoints = codePointsIn(expression.source)
    this.#addChoice(pattern.alternatives, this.#add(undefined), MAX_WAYS)
  }

  #add (letter: string | undefined, ...next: number[]): number {
    return this.states.push({ letter, next }) - 1
  }

  #addChoice (alternatives: readonly AST.Alternative[], next: number, ways: number): number {
    return this.#add(undefined, ...alternatives.map(({ elements }) => elements.reduceRight((after, element) => this.#addElement(element, after, ways), next)))
  }

  #addElement (element: AST.Element, next: number, ways: number): number {
    switch (element.type) {
      case 'Group':
      case 'CapturingGroup': return this.#addChoice(element.alternatives, next, ways)
      case 'Quantifier': return this.#addRepetition(element, next, ways)
      case 'Backreference': return this.#addLoop((loop) => this.#addLetter('[^]', loop), next)
      case 'Assertion': {
        // It reads on its own, and leads on from where it began.
        if (element.kind === 'lookahead' || element.kind === 'lookbehind') this.#addChoice(element.alternatives, this.#add(undefined), ways)
        return next
      }
      case 'Character':
      case 'CharacterClass':
      case 'CharacterSet':
      case 'ExpressionCharacterClass': return this.#addLetter(element.raw, next)
    }
  }

  #addLetter (raw: string, next: number): number {
    if (!this.letters.has(raw)) this.letters.set(raw, this.#lettersOf(raw))
    return this.#add(raw, next)
  }

  #lettersOf (raw: string): ReadonlySet<number> {
    const expression = new RegExp(`^(?:${raw})$`, this.#flags)
    return new Set([...this.#codePoints].filter((codePoint) => expression.test(String.fromCodePoint(codePoint))))
  }

  // It is entered and gone on with at two places, so that the round after one that has read something is not taken for one that has read nothing.
  #addLoop (addBody: (loop: number) => number, next: number): number {
    const loop = this.#add(undefined)
    const body = addBody(loop)
    this.states[loop]!.next.push(body, next)
    return this.#add(undefined, body, next)
  }

  #addRepetition ({ element, min, max }: AST.Quantifier, next: number, ways: number): number {
    const copies = max === Infinity ? min : max
    const isSimple = isFixed(element)
    const isWritten = copies <= 1 || (isSimple ? copies <= MAX_COPIES : copies <= Math.min(MAX_COPIES_OF_CHOICES, ways))
    const left = isSimple || copies <= 1 ? ways : Math.floor(ways / copies)
    if (!isWritten && max !== Infinity && isNullable(element)) this.hasNullableCount = true
    const isEndless = max === Infinity || !isWritten
    let entry = isEndless ? this.#addLoop((loop) => this.#addElement(element, loop, ways), next) : next
    for (let n = isWritten ? copies : 0; n > 0; n--) {
      const body = this.#addElement(element, entry, left)
      entry = n > min ? this.#add(undefined, body, next) : body
    }
    return entry
  }
}

/** Whether a part of an expression reads one text's length in one way: letters, one after the other. */
function isFixed (element: Repeated): boolean {
  if (element.type === 'Group' || element.type === 'CapturingGroup') return element.alternatives.length === 1 && element.alternatives[0]!.elements.every((one) => one.type !== 'Quantifier' && isFixed(one as Repeated))
  return element.type === 'Character' || element.type === 'CharacterSet' || element.type === 'CharacterClass'
}

function isNullable (element: AST.Element): boolean {
  if (element.type === 'Quantifier') return element.min === 0 || isNullable(element.element)
  if (element.type === 'Group' || element.type === 'CapturingGroup') return element.alternatives.some(({ elements }) => elements.every(isNullable))
  return element.type === 'Assertion' || element.type === 'Backreference'
}

// Of each script one letter, marks, spaces, half a pair, and what case folding makes of ASCII.
const SCRIPTS = '\u00a0éαЖא٣अあ一😀\u0301\u2028\u3000\ufeffſK'

/** Letters of which some stand on either side of every border that a class of the expression can have. */
function codePointsIn (source: string): ReadonlySet<number> {
  const named = [...source.matchAll(/\\u\{?([0-9a-f]+)\}?|\\x([0-9a-f]{2})/gi)].map(([, long, short]) => Number.parseInt(long ?? short!, 16))
  const written = Array.from(source + SCRIPTS, (letter) => letter.codePointAt(0)!)
  const around = [...named, ...written, 0xd800].flatMap((codePoint) => [codePoint - 1, codePoint, codePoint + 1])
  return new Set([...Array.from({ length: 128 }, (_, n) => n), ...around.filter((codePoint) => codePoint >= 0 && codePoint <= 0x10ffff)])
}

/** The letters that follow a letter, with in how many ways: one, or more. */
type Follow = ReadonlyMap<number, number>

function isAmbiguous (automaton: Automaton): boolean {
  const follows = new Map<number, Follow>()
  automaton.states.forEach(({ letter }, state) => { if (letter !== undefined) follows.set(state, followOf(automaton.states, state)) })
  const reached = new Map([...follows.keys()].map((state) => [state, reachedFrom(state, follows)]))
  const isCircle = (one: number, other: number): boolean => reached.get(one)!.has(other) && reached.get(other)!.has(one)
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
    // A round that reads nothing is not made (ECMA-262 §22.2.2.3.1).
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

/** Whether two ways that part read the same text until they meet again, within one circle. */
function hasTwin ({ states, letters }: Automaton, follows: ReadonlyMap<number, Follow>, isCircle: (one: number, other: number) => boolean): boolean {
  const canMeet = (one: number, other: number): boolean => {
    const [less, more] = [letters.get(states[one]!.letter!)!, letters.get(states[other]!.letter!)!]
    for (const codePoint of less) if (more.has(codePoint)) return true
    return false
  }
  const seen = new Set<string>()
  const pairs = [...follows.keys()].filter((state) => isCircle(state, state)).map((state) => [state, state] as const)
  for (const [one, other] of pairs) {
    for (const left of follows.get(one)!.keys()) {
      for (const right of follows.get(other)!.keys()) {
        if (!isCircle(one, left) || !isCircle(other, right) || seen.has(`${left} ${right}`) || !canMeet(left, right)) continue
        if (left === right) {
          if (one !== other) return true
          continue
        }
        seen.add(`${left} ${right}`)
        pairs.push([left, right])
      }
    }
  }
  return false
}
