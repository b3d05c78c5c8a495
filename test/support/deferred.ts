/**
 * A promise and what settles it: a test waits for an event of the app, or holds a handler until it
 * lets it go on.
 */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

/** As `Promise.withResolvers`, which Node 20 does not have. */
export function deferred<T = void> (): Deferred<T> {
  let resolve!: Deferred<T>['resolve']
  let reject!: Deferred<T>['reject']
  const promise = new Promise<T>((...settle) => { [resolve, reject] = settle })
  return { promise, resolve, reject }
}
