import { hintsFor, type Hint } from './hints.js'
import { parsed, withRef, type Question } from './frames.js'
import type { Answer, Message, Route } from './document.js'
import type { References } from './references.js'
import { sampleOf } from './sample.js'

/** Anything that is written: a message, or the answer to a call of the server's. */
export interface Subject extends Answer {
  readonly kind?: Message['kind']
  /** The call that it answers. */
  readonly question?: Question
}

/** A text of no message. */
export const ANY_TEXT: Subject = { name: '', schema: true, examples: [{}] }

const REF = 1

/** A first text for a message: the document's example, or one made from the schema. */
export function draftOf (subject: Subject, references: References): string {
  const { schema, examples, question } = subject
  const text = JSON.stringify(examples[0] ?? sampleOf(schema, references))
  // A question of ours gets its `ref` when it is sent.
  const draft = question !== undefined || isQuestion(subject) ? withRef(text, question?.ref) : text
  return JSON.stringify(JSON.parse(draft), null, 2)
}

/** A call or a stream, which has a `ref`. */
export function isQuestion ({ kind }: Subject): boolean {
  return kind === 'call' || kind === 'stream'
}

/**
 * The text as it is sent: a question without a `ref` gets one, all others stay as they are written.
 */
export function finished (text: string, subject: Subject, { isTyped }: Pick<Route, 'isTyped'>, takeRef: () => number): string {
  return isTyped && isQuestion(subject) && parsed(text)?.['ref'] === undefined ? withRef(text, takeRef()) : text
}

/** Hints about a text; none of them keeps it from being sent. */
export function hintsAbout (text: string, subject: Subject, route: Pick<Route, 'isTyped'>, references: References): Hint[] {
  let value: unknown
  try {
    value = JSON.parse(finished(text, subject, route, () => REF))
  } catch (error) {
    return [{ path: '', text: `is no JSON, and is sent as it is: ${(error as Error).message}` }]
  }
  return hintsFor(value, subject.schema, references)
}
