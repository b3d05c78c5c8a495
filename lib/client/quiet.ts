/**
 * A promise that need not be awaited: that it rejects is no unhandled rejection, which would end a
 * program.
 */
export function quiet<T> (promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
