import { ClientError } from './errors.js'
import type { Sink } from './calls.js'
import { quiet } from './quiet.js'

type Step = IteratorResult<unknown, undefined>
type Ask = (sink: Sink) => () => void

const END: Step = { done: true, value: undefined }

/**
 * The items of a stream. The server is asked when the loop begins, and told when the loop ends
 * early.
 */
export class Stream implements AsyncIterableIterator<unknown>, Sink {
  readonly #type: string
  readonly #ask: Ask
  readonly #max: number
  // Items that came before the end are given before it; an error is given once, and then the end.
  readonly #steps: Array<Promise<Step>> = []
  readonly #waiting: Array<(step: Step | Promise<Step>) => void> = []
  #withdraw: (() => void) | undefined
  #isOver = false

  constructor (type: string, ask: Ask, maxBufferedItems: number = 10_000) {
    this.#type = type
    this.#ask = ask
    this.#max = maxBufferedItems
  }

  [Symbol.asyncIterator] (): this {
    return this
  }

  next (): Promise<Step> {
    try {
      if (!this.#isOver) this.#withdraw ??= this.#ask(this)
    } catch (error) {
      this.error(error)
    }
    return this.#steps.shift() ?? quiet(new Promise((resolve) => {
      if (this.#isOver) resolve(END)
      else this.#waiting.push(resolve)
    }))
  }

  /** Ends a loop that is left early: the items that wait are dropped. */
  async return (): Promise<Step> {
    this.#withdraw?.()
    this.#steps.length = 0
    this.complete()
    return END
  }

  item (value: unknown): void {
    this.#put(Promise.resolve({ done: false, value }))
    if (this.#steps.length > this.#max) {
      this.#withdraw?.()
      this.error(new ClientError('FST_TYPED_WS_STREAM_OVERFLOW', `Too many items of '${this.#type}' wait`))
    }
  }

  complete (): void {
    this.#isOver = true
    for (const resolve of this.#waiting.splice(0)) resolve(END)
  }

  error (error: unknown): void {
    this.#put(quiet(Promise.reject(error)))
    this.complete()
  }

  #put (step: Promise<Step>): void {
    const resolve = this.#waiting.shift()
    if (resolve) resolve(step)
    else this.#steps.push(step)
  }
}
