import * as errors from '../errors.js'

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** The callers that wait until a slow client has caught up. */
export class Waiters {
  #waiters: Waiter[] = []

  /** @throws FST_TYPED_WS_CONNECTION_CLOSED, by rejecting */
  wait (): Promise<void> {
    return new Promise((resolve, reject) => { this.#waiters.push({ resolve, reject }) })
  }

  /** The client has caught up. */
  resolve (): void {
    for (const { resolve } of this.#take()) resolve()
  }

  /** Nothing leaves any more. */
  reject (): void {
    for (const { reject } of this.#take()) reject(new errors.ConnectionClosed())
  }

  #take (): Waiter[] {
    const waiters = this.#waiters
    this.#waiters = []
    return waiters
  }
}
