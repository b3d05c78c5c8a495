import { printable } from '../printable.js'

/** An error of Ajv. */
export interface AjvError {
  readonly keyword: string
  readonly instancePath?: string
  readonly message?: string | undefined
}

const SUBJECT = 'message'

/** The explanation of a refusal whose reason is not known. */
export const UNEXPLAINED: string = `${SUBJECT} is invalid`

/**
 * The reason why a payload was refused, in the words of Fastify for HTTP:
 * `message/text must NOT have fewer than 1 characters`.
 *
 * @param errors - of an Ajv that stops at the first error. A keyword stands behind the errors of
 * the schemas that it holds, so the last error says most: a union rather than one of its branches.
 * Only `if` says nothing by itself.
 */
export function explain (errors: readonly AjvError[] | null | undefined): string {
  const error = errors?.findLast(({ keyword }) => keyword !== 'if')
  if (error === undefined) return UNEXPLAINED
  // A path has names that the client chose, and may be as long as its message.
  return printable(`${SUBJECT}${error.instancePath ?? ''} ${error.message ?? 'is invalid'}`)
}
