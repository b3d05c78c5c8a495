/** An error of Ajv. */
export interface AjvError {
  readonly keyword: string
  readonly instancePath?: string
  readonly message?: string | undefined
}

const SUBJECT = 'message'
// A path is made of the peer's own names, and may be as long as its message.
const MAX_LENGTH = 256

/** What is said where no reason is known. */
export const UNEXPLAINED: string = `${SUBJECT} is invalid`

/**
 * Why a payload was refused, in the words Fastify uses for HTTP: `message/text must NOT have fewer than 1 characters`.
 *
 * @param errors - of an Ajv that stops at the first. A keyword stands behind the errors of the schemas it holds, so the last says what was asked for: a
 * union rather than one of its branches. Only `if` says nothing by itself.
 */
export function explain (errors: readonly AjvError[] | null | undefined): string {
  const error = errors?.findLast(({ keyword }) => keyword !== 'if')
  if (error === undefined) return UNEXPLAINED
  const text = `${SUBJECT}${error.instancePath ?? ''} ${error.message ?? 'is invalid'}`
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text
}
