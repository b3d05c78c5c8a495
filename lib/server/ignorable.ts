/** A promise that knows whether anything awaits it. */
class Ignorable<T> extends Promise<T> {
  isAwaited = false

  // A promise that `then` returns is an ordinary one.
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
   * Calls `ignored` when it is rejected and nothing awaits it; the engine sees no unhandled
   * rejection.
   */
  watch (ignored: (error: unknown) => void): void {
    super.then(undefined, (error: unknown) => setTimeout(() => { if (!this.isAwaited) ignored(error) }))
  }
}

/**
 * Makes a promise that need not be awaited: a rejection that nothing awaits does not end the
 * process.
 * @param ignored - called with a rejection that nothing awaits. It must not throw.
 */
export function ignorable<T> (promise: Promise<T>, ignored: (error: unknown) => void): Promise<T> {
  const own = new Ignorable<T>((resolve, reject) => { promise.then(resolve, reject) })
  own.watch(ignored)
  return own
}

/**
 * Calls `work` at once and returns a promise of its result: a throw becomes a rejection that need
 * not be awaited.
 */
export function attempt<T> (work: () => T | Promise<T>, ignored: (error: unknown) => void): Promise<T> {
  try {
    const done = work()
    // As it is: what adopts an ignorable promise is none.
    return done instanceof Promise ? done : Promise.resolve(done)
  } catch (error) {
    return ignorable(Promise.reject<T>(error), ignored)
  }
}
