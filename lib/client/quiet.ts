/** Marks a promise as handled: its rejection, when the app does not await it, ends no process. */
export function quiet<T> (promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
