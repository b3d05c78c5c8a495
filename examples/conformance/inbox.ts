/** The right that a client did not do: the reason why its case fails. */
export class Fault extends Error {}

/** Keeps what comes, in its order, for the one that asks. */
export class Inbox<T> {
  readonly #items: T[] = []
  #waiting: { readonly resolve: (item: T) => void, readonly reject: (error: Error) => void } | undefined
  #end: Error | undefined

  push (item: T): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#items.push(item)
    else waiting.resolve(item)
  }

  /** Nothing more comes: the reason is told to the one that asks for more. */
  end (error: Error): void {
    this.#end = error
    this.#waiting?.reject(error)
  }

  next (): Promise<T> {
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve(item)
    if (this.#end !== undefined) return Promise.reject(this.#end)
    return new Promise((resolve, reject) => { this.#waiting = { resolve, reject } })
  }
}
