import type { Validate } from '../../types/client.js'
import { Reserved } from '../protocol.js'
import { after } from '../timer.js'
import { callTimeout, disconnected, errorOf, invalidMessage } from './errors.js'
import type { Unsent } from './queue.js'

/** Who waits for answers. After `done` or `failed` nothing more comes. */
export interface Asker {
  item? (data: unknown): void
  done (data?: unknown): void
  failed (error: unknown): void
}

/** How questions go out. */
export interface Line {
  /** @throws FST_TYPED_WS_QUEUE_FULL, FST_TYPED_WS_CLIENT_CLOSED */
  put (question: Unsent): void
  /** Whether it still waits for a connection. */
  isUnsent (question: Unsent): boolean
  /** Nobody waits for its answer any more. */
  withdraw (question: Unsent & { readonly ref: number }): void
}

interface Question extends Unsent {
  readonly type: string
  readonly ref: number
  readonly asker: Asker
  /** Stops the clock. */
  rest (): void
}

/** Calls and streams that are not answered yet, by their `ref`. */
export class Questions {
  readonly #line: Line
  readonly #validate: Validate | undefined
  readonly #pending: Map<number, Question> = new Map()
  #lastRef = 0

  constructor (line: Line, validate: Validate | undefined) {
    this.#line = line
    this.#validate = validate
  }

  /**
   * Asks.
   * @param textOf - the message, for the `ref` it is given.
   * @returns how to stop asking: the asker hears nothing more.
   * @throws as the line does, and the signal's reason.
   */
  ask (type: string, textOf: (ref: number) => string, asker: Asker, signal?: AbortSignal, timeoutMs?: number): () => void {
    signal?.throwIfAborted()
    const ref = ++this.#lastRef
    const data = textOf(ref)
    const abort = (): void => this.#giveUp(question, signal?.reason)
    const timer = timeoutMs === undefined ? undefined : after(timeoutMs, () => this.#giveUp(question, callTimeout(type, timeoutMs)))
    const rest = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    const question: Question = { type, ref, asker, rest, data, fail: (error) => this.#fail(question, error) }
    signal?.addEventListener('abort', abort)
    this.#pending.set(ref, question)
    try {
      this.#line.put(question)
    } catch (error) {
      this.#settle(question)
      throw error
    }
    return () => { if (this.#settle(question)) this.#line.withdraw(question) }
  }

  /** Takes an answer. What nobody waits for any more was withdrawn meanwhile. */
  take (kind: string, ref: number, payload: Readonly<Record<string, unknown>>): void {
    const question = this.#pending.get(ref)
    if (question === undefined) return
    if (kind === Reserved.error) return this.#fail(question, errorOf(payload))
    if (kind === Reserved.done) return this.#done(question)
    const { data } = payload
    const isItem = kind === Reserved.next
    const reason = this.#validate?.(isItem ? 'item' : 'reply', question.type, data)
    if (reason !== undefined) this.#giveUp(question, invalidMessage(reason))
    else if (isItem) question.asker.item?.(data)
    else this.#done(question, data)
  }

  /** The connection is lost: what was asked has been done or has not, so it is not asked again. */
  disconnect (): void {
    for (const question of this.#pending.values()) {
      if (!this.#line.isUnsent(question)) this.#fail(question, disconnected())
    }
  }

  /** Nobody will answer any more. */
  end (error: Error): void {
    for (const question of this.#pending.values()) this.#fail(question, error)
  }

  #done (question: Question, data?: unknown): void {
    this.#settle(question)
    question.asker.done(data)
  }

  #giveUp (question: Question, reason: unknown): void {
    this.#line.withdraw(question)
    this.#fail(question, reason)
  }

  #fail (question: Question, error: unknown): void {
    this.#settle(question)
    question.asker.failed(error)
  }

  // Whether it was still open; its clock and its signal are quiet from now on.
  #settle (question: Question): boolean {
    question.rest()
    return this.#pending.delete(question.ref)
  }
}
