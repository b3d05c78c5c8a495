/** A promise that knows whether anything awaits it. */
class Ignorable<T> extends Promise<T> {
  isAwaited = false

  // `then` returns an ordinary promise.
  static override get [Symbol.species] (): PromiseConstructor {
    return Promise
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a promise has it already
  override then<A = T, B = never> (
    done?: ((value: T) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null
  ): Promise<A | B> {
    this.isAwaited = true
    return super.then(done, failed)
  }

  /**
   * Calls back when it is rejected and nothing awaits it then; for the engine that is no unhandled
   * rejection.
   */
  watch (ignored: (error: unknown) => void): void {
    super.then(undefined, (error: unknown) => setTimeout(() => { if (!this.isAwaited) ignored(error) }))
  }
}

/**
 * Gives a promise that need not be awaited: to await it rejects as ever, not to await it ends no
 * process.
 * @param ignored - is told of a rejection that nothing awaits. It must not throw.
 */
export function ignorable<T> (promise: Promise<T>, ignored: (error: unknown) => void): Promise<T> {
  const own = new Ignorable<T>((resolve, reject) => { promise.then(resolve, reject) })
  own.watch(ignored)
  return own
}

/**
 * Does something now, and promises that it is done: a throw is a rejection that need not be
 * awaited.
 */
export function attempt<T> (work: () => T | Promise<T>, ignored: (error: unknown) => void): Promise<T> {
  try {
    return Promise.resolve(work())
  } catch (error) {
    return ignorable(Promise.reject<T>(error), ignored)
  }
}
