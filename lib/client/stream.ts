import { streamOverflow } from './errors.js'
import type { Asker } from './questions.js'

type Step = IteratorResult<unknown, undefined>
interface Waiting { resolve (step: Step): void, reject (error: unknown): void }
type Ask = (asker: Asker) => () => void

const END: Step = { done: true, value: undefined }

/** The items of a stream, asked for when the first is wanted, and no longer than they are. */
export class Stream implements AsyncIterableIterator<unknown>, Asker {
  readonly #type: string
  readonly #ask: Ask
  readonly #max: number
  readonly #items: unknown[] = []
  readonly #waiting: Waiting[] = []
  #withdraw: (() => void) | undefined
  #isOver = false
  #failure: { readonly error: unknown } | undefined

  constructor (type: string, ask: Ask, maxBufferedItems: number = 10_000) {
    this.#type = type
    this.#ask = ask
    this.#max = maxBufferedItems
  }

  [Symbol.asyncIterator] (): this {
    return this
  }

  next (): Promise<Step> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      try {
        if (!this.#isOver) this.#withdraw ??= this.#ask(this)
      } catch (error) {
        this.failed(error)
      }
      this.#serve()
    })
  }

  /** Leaving the loop early: nobody wants what is left. */
  async return (): Promise<Step> {
    this.#withdraw?.()
    this.#items.length = 0
    this.#failure = undefined
    this.done()
    return END
  }

  item (data: unknown): void {
    this.#items.push(data)
    this.#serve()
    if (this.#items.length <= this.#max) return
    this.#withdraw?.()
    this.failed(streamOverflow(this.#type))
  }

  done (): void {
    this.#isOver = true
    this.#serve()
  }

  failed (error: unknown): void {
    this.#failure = { error }
    this.done()
  }

  // What came before the end is had before the end; a failure once, and then nothing.
  #serve (): void {
    for (;;) {
      const waiting = this.#waiting[0]
      if (waiting === undefined || (this.#items.length === 0 && !this.#isOver)) return
      this.#waiting.shift()
      if (this.#items.length > 0) {
        waiting.resolve({ done: false, value: this.#items.shift() })
      } else if (this.#failure === undefined) {
        waiting.resolve(END)
      } else {
        waiting.reject(this.#failure.error)
        this.#failure = undefined
      }
    }
  }
}
