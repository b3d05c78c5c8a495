import { isRecord } from '../../record.js'
import { hintsFor, type Hint } from './hints.js'
import { parsed, withRef } from './frames.js'
import type { Answer, Message, Route } from './document.js'
import type { References } from './references.js'
import { sampleOf } from './sample.js'

/** The answer to a call of the server's that is being written. */
export interface Answering {
  readonly type: string
  readonly ref: number
  readonly answer: Answer
}

export type Subject = Message | Answering | undefined

const REF = 1

/** The schema by which a text is judged. */
export function schemaOf (subject: Subject): unknown {
  return subject === undefined ? true : 'answer' in subject ? subject.answer.schema : subject.schema
}

/** A first text for a message: the document's example, or one made from the schema. */
export function draftOf (subject: Subject, references: References): string {
  if (subject === undefined) return '{}'
  const { schema, examples } = 'answer' in subject ? subject.answer : subject
  const value = examples[0] ?? sampleOf(schema, references)
  if (!isRecord(value)) return pretty(value)
  if ('answer' in subject) return pretty(JSON.parse(withRef(JSON.stringify(value), subject.ref)))
  const { ref: _, ...rest } = value
  return pretty(isQuestion(subject) ? rest : value)
}

/** A call or a stream, which has a `ref`. */
export function isQuestion (subject: Subject): boolean {
  return subject !== undefined && 'kind' in subject && (subject.kind === 'call' || subject.kind === 'stream')
}

/**
 * The text as it is sent: a question without a `ref` gets one, all others stay as they are written.
 */
export function finished (text: string, subject: Subject, { isTyped }: Pick<Route, 'isTyped'>, takeRef: () => number): string {
  const message = parsed(text)
  if (message === undefined) return text
  return isTyped && isQuestion(subject) && !('ref' in message) ? withRef(text, takeRef()) : text
}

/** Hints about a text; none of them keeps it from being sent. */
export function hintsAbout (text: string, subject: Subject, route: Pick<Route, 'isTyped'>, references: References): Hint[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return [{ path: '', text: `is no JSON, and is sent as it is: ${(error as Error).message}` }]
  }
  const sent = parsed(finished(JSON.stringify(value), subject, route, () => REF)) ?? value
  return hintsFor(sent, schemaOf(subject), references)
}

function pretty (value: unknown): string {
  return JSON.stringify(value, null, 2)
}
