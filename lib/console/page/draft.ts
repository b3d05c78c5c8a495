import { hintsFor, type Hint } from './hints.js'
import { parsed, withRef, type Question } from './frames.js'
import type { Message, Route } from './document.js'
import { recordOf, type Resolve } from './references.js'
import { REPLY } from '../../protocol.js'
import { sampleOf } from './sample.js'

/** Anything that is written: a message, an answer to a call of the server's, or neither. */
export interface Subject extends Pick<Message, 'name' | 'schema' | 'examples'>, Partial<Pick<Message, 'hasBinary' | 'words'>> {
  readonly key: string
  readonly kind: Message['kind'] | 'answer' | 'text'
  /** The call that it answers. */
  readonly question?: Question
}

/** A text and bytes of no message. */
export const ANY_TEXT: Subject = { key: 'text', name: 'any text', kind: 'text', schema: true, examples: [{}] }
export const ANY_BYTES: Subject = { ...ANY_TEXT, key: 'binary', name: 'binary frame', kind: 'binary' }

const REF = 1

/** The answer to a call of the server's. */
export function answerTo (question: Question, { messages }: Route): Subject {
  const { answers = [] } = messages.find(({ isSent, name }) => !isSent && name === question.type) ?? {}
  return {
    ...ANY_TEXT,
    ...answers.find(({ name }) => name === REPLY) ?? answers[0],
    key: 'answer',
    name: `Answer to ${question.type}`,
    kind: 'answer',
    question
  }
}

/** A first text for a message: the document's example, or one made from the schema. */
export function draftOf (subject: Subject, resolve: Resolve): string {
  const { schema, examples, question } = subject
  const text = JSON.stringify(examples[0] ?? sampleOf(schema, resolve))
  // A question of ours gets its `ref` when it is sent.
  return pretty(question || isQuestion(subject) ? withRef(text, question?.ref) : text)
}

/** A call or a stream, which has a `ref`. */
export function isQuestion ({ kind }: Pick<Subject, 'kind'>): boolean {
  return kind === 'call' || kind === 'stream'
}

/**
 * The text as it is sent: a question without a `ref` gets one, all others stay as they are written.
 */
export function finished (text: string, subject: Subject, { isTyped }: Pick<Route, 'isTyped'>, ref: number): string {
  return isTyped && isQuestion(subject) && recordOf(parsed(text))['ref'] === undefined ? withRef(text, ref) : text
}

/** Hints about a text; none of them keeps it from being sent. */
export function hintsAbout (text: string, subject: Subject, route: Pick<Route, 'isTyped'>, resolve: Resolve): Hint[] {
  try {
    return hintsFor(JSON.parse(finished(text, subject, route, REF)), subject.schema, resolve)
  } catch (error) {
    return [{ path: '', text: `is no JSON, and is sent as it is: ${(error as Error).message}` }]
  }
}

/** A text in JSON, with a line for each of its values. */
export function pretty (text: string): string {
  const value = parsed(text)
  return value === undefined ? text : JSON.stringify(value, null, 2)
}
