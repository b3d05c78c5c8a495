import { RegExpParser, type AST } from '@eslint-community/regexpp'

/** A letter to be read, or a place between letters, which leads on without reading. */
export interface State {
  readonly letter: string | undefined
  readonly next: number[]
}

type Repeated = AST.Quantifier['element']

// A finite repetition is written out while its ways can be counted; a longer one counts as endless.
const MAX_COPIES_OF_CHOICES = 8
const MAX_COPIES = 64
const MAX_WAYS = 32

/** A regular expression as an automaton, whose states lead on to states by their numbers. */
export class Automaton {
  readonly states: State[] = []
  /**
   * The letters that an expression for one letter takes, out of a choice that tells all expressions
   * apart.
   */
  readonly letters: Map<string, ReadonlySet<number>> = new Map()
  /**
   * A long finite repetition of something that may be empty, which takes exponential time by
   * itself.
   */
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
    const entries = alternatives.map(({ elements }) => {
      return elements.reduceRight((after, element) => this.#addElement(element, after, ways), next)
    })
    return this.#add(undefined, ...entries)
  }

  #addElement (element: AST.Element, next: number, ways: number): number {
    switch (element.type) {
      case 'Group':
      case 'CapturingGroup': return this.#addChoice(element.alternatives, next, ways)
      case 'Quantifier': return this.#addRepetition(element, next, ways)
      case 'Backreference': return this.#addLoop((loop) => this.#addLetter('[^]', loop), next)
      case 'Assertion': return this.#addAssertion(element, next, ways)
      case 'Character':
      case 'CharacterClass':
      case 'CharacterSet':
      case 'ExpressionCharacterClass': return this.#addLetter(element.raw, next)
    }
  }

  // An assertion reads by itself, and the expression goes on where the assertion began.
  #addAssertion (element: AST.Assertion, next: number, ways: number): number {
    if (element.kind === 'lookahead' || element.kind === 'lookbehind') {
      this.#addChoice(element.alternatives, this.#add(undefined), ways)
    }
    return next
  }

  #addLetter (raw: string, next: number): number {
    if (!this.letters.has(raw)) this.letters.set(raw, this.#lettersOf(raw))
    return this.#add(raw, next)
  }

  #lettersOf (raw: string): ReadonlySet<number> {
    const expression = new RegExp(`^(?:${raw})$`, this.#flags)
    return new Set([...this.#codePoints].filter((codePoint) => expression.test(String.fromCodePoint(codePoint))))
  }

  // The loop has one state to enter and one to go on, so that a round after one that has read
  // something differs from a round that has read nothing.
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

/** Tells whether a part of an expression reads a fixed number of letters, in one way. */
function isFixed (element: Repeated): boolean {
  if (element.type === 'Group' || element.type === 'CapturingGroup') {
    const [first, ...others] = element.alternatives
    return others.length === 0 && first!.elements.every((one) => one.type !== 'Quantifier' && isFixed(one as Repeated))
  }
  return element.type === 'Character' || element.type === 'CharacterSet' || element.type === 'CharacterClass'
}

function isNullable (element: AST.Element): boolean {
  if (element.type === 'Quantifier') return element.min === 0 || isNullable(element.element)
  if (element.type === 'Group' || element.type === 'CapturingGroup') {
    return element.alternatives.some(({ elements }) => elements.every(isNullable))
  }
  return element.type === 'Assertion' || element.type === 'Backreference'
}

// One letter of each script, marks, spaces, half a pair, and the letters that fold to ASCII.
const SCRIPTS = '\u00a0éαЖא٣अあ一😀\u0301\u2028\u3000\ufeffſK'

/** Letters on either side of every border that a class of the expression can have. */
function codePointsIn (source: string): ReadonlySet<number> {
  const escapes = [...source.matchAll(/\\u\{?([0-9a-f]+)\}?|\\x([0-9a-f]{2})/gi)]
  const named = escapes.map(([, long, short]) => Number.parseInt(long ?? short!, 16))
  const written = Array.from(source + SCRIPTS, (letter) => letter.codePointAt(0)!)
  const around = [...named, ...written, 0xd800].flatMap((codePoint) => [codePoint - 1, codePoint, codePoint + 1])
  const ascii = Array.from({ length: 128 }, (_, n) => n)
  return new Set([...ascii, ...around.filter((codePoint) => codePoint >= 0 && codePoint <= 0x10ffff)])
}
