import { attempt } from './attempt.js'
import { listOf } from './references.js'

/** A message that was written earlier. */
export interface Prepared {
  readonly name: string
  readonly message: string
  readonly text: string
}

/** The prepared messages under a key of the page's storage; none where a browser has it closed. */
export function readPrepared (open: () => Pick<Storage, 'getItem'>, key: string): Prepared[] {
  return attempt(() => listOf(JSON.parse(open().getItem(key)!)) as Prepared[], [])
}

/** The list with a message, or none, in the place of the one of a name. */
export function replaced (list: readonly Prepared[], name: string, ...prepared: readonly Prepared[]): Prepared[] {
  return [...list.filter((one) => one.name !== name), ...prepared]
}
