import type { Validate } from '../../types/client.js'
import { CANCEL, DONE, ERROR, NEXT, REF } from '../protocol.js'
import { after } from '../timer.js'
import { ClientError, errorOf } from './errors.js'
import type { SendQueue, Unsent } from './send-queue.js'

/** Who waits for answers. After `done` or `failed` nothing more comes. */
export interface Sink {
  item? (data: unknown): void
  complete (data?: unknown): void
  error (error: unknown): void
}

/** How questions go out. */
export interface MessageSender {
  textOf (type: string, payload: object): string
  /** @throws FST_TYPED_WS_QUEUE_FULL, FST_TYPED_WS_CLIENT_CLOSED */
  put (question: Unsent): void
  /** Says it now or never. */
  say (type: string, body: object): void
  /** What is wrong with an answer. */
  check (...received: Parameters<Validate>): Error | undefined
}

interface Question extends Unsent {
  readonly type: string
  readonly asker: Sink
  /** Stops its clock. Returns whether it was still open. */
  readonly settle: () => boolean
  /** Nobody waits for its answer any more. */
  readonly giveUp: (reason: unknown) => void
  readonly fail: (error: unknown) => void
}

/** Calls and streams that are not answered yet, by their `ref`. */
export class PendingCalls {
  readonly #line: MessageSender
  readonly #queue: SendQueue
  readonly #pending: Map<number, Question> = new Map()
  #lastRef = 0

  constructor (line: MessageSender, queue: SendQueue) {
    this.#line = line
    this.#queue = queue
  }

  /**
   * Asks.
   * @returns how to stop asking: the asker hears nothing more.
   * @throws as the line does, and the signal's reason.
   */
  ask (type: string, payload: object, asker: Sink, signal?: AbortSignal, timeoutMs?: number): () => void {
    if (signal?.aborted) throw signal.reason
    const ref = ++this.#lastRef
    const data = this.#line.textOf(type, { ...payload, [REF]: ref })
    const settle = (): boolean => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      return this.#pending.delete(ref)
    }
    const withdraw = (): void => {
      if (settle() && !this.#queue.delete(question)) this.#line.say(CANCEL, { ref })
    }
    const fail = (error: unknown): void => {
      settle()
      asker.error(error)
    }
    const giveUp = (reason: unknown): void => {
      withdraw()
      fail(reason)
    }
    const abort = (): void => giveUp(signal!.reason)
    const question: Question = { type, data, asker, settle, giveUp, fail }
    // May throw, and then nothing has begun.
    this.#line.put(question)
    this.#pending.set(ref, question)
    signal?.addEventListener('abort', abort)
    const timer = timeoutMs === undefined
      ? undefined
      : after(timeoutMs, () => giveUp(new ClientError('FST_TYPED_WS_CALL_TIMEOUT', `No answer to '${type}' within ${timeoutMs} ms`)))
    return withdraw
  }

  /** Takes an answer. What nobody waits for any more was withdrawn meanwhile. */
  take (kind: string, ref: number, payload: Readonly<Record<string, unknown>>): void {
    const question = this.#pending.get(ref)
    if (!question) return
    const { type, asker, settle, giveUp, fail } = question
    if (kind === ERROR) return fail(errorOf(payload))
    const { data } = payload
    const isItem = kind === NEXT
    const refusal = kind === DONE ? undefined : this.#line.check(isItem ? 'item' : 'reply', type, data)
    if (refusal) return giveUp(refusal)
    if (isItem) return asker.item?.(data)
    settle()
    asker.complete(data)
  }

  /** The connection is lost: what was asked has been done or has not, so it is not asked again. */
  disconnect (error: Error): void {
    for (const question of this.#pending.values()) if (!this.#queue.has(question)) question.fail(error)
  }
}
