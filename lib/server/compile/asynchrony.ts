import { types } from 'node:util'

/**
 * Refuses a check that returns a promise: every promise counts as true, so nothing would be
 * refused.
 *
 * @param isAsync - the word of the check's own definition.
 * @throws for an asynchronous function.
 */
export function refuseAsync (what: string, check: unknown, isAsync: unknown = false): void {
  if (isAsync !== true && !types.isAsyncFunction(check)) return
  throw new Error(`${what} is asynchronous, and a message is checked at once: make it a function that returns true or false`)
}
