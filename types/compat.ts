/**
 * The meaning of a change for clients that still have the old contract, from harmless to harmful:
 *
 * - `safe`: they do not notice.
 * - `unknown`: it cannot be compared, since JSON does not hold it: a function, or a schema of
 *   `app.addSchema`.
 * - `dangerous`: it breaks some of them: those that check what they receive, or that send more
 *   than their types say.
 * - `breaking`: they may send what the server refuses, or receive what they do not know.
 */
export type Impact = 'safe' | 'unknown' | 'dangerous' | 'breaking'

/** One change between two contracts. */
export interface Change {
  readonly impact: Impact
  /**
   * Its place: direction, message, and the way to the part: `clientToServer.message.text`,
   * `clientToServer.history.reply[].date`.
   */
  readonly where: string
  /** The change, and the reason of its impact: one line. */
  readonly text: string
}

/** Options of `assertCompatible`. */
export interface CompatibilityOptions {
  /**
   * Places whose changes are meant, with everything below them. A place at which nothing has
   * changed is an error: it would allow a change that comes later.
   *
   * @example
   * allow: ['serverToClient.message.text', 'clientToServer.history']
   */
  readonly allow?: readonly string[]
  /** The least impact that fails. Default `'dangerous'`. */
  readonly failOn?: Exclude<Impact, 'safe'>
}
