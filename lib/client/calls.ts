import type { Validate } from '../../types/client.js'
import { CANCEL, DONE, ERROR, NEXT, REF } from '../protocol.js'
import { after } from '../timer.js'
import { ClientError, errorOf } from './errors.js'
import type { SendQueue, Unsent } from './send-queue.js'

/** The receiver of a call's answers. After `complete` or `error` nothing more comes. */
export interface Sink {
  item? (data: unknown): void
  complete (data?: unknown): void
  error (error: unknown): void
}

/** Sends calls. */
export interface MessageSender {
  textOf (type: string, payload: object): string
  /** @throws FST_TYPED_WS_QUEUE_FULL, FST_TYPED_WS_CLIENT_CLOSED */
  put (message: Unsent): void
  /** Sends a message now, or never. */
  sendReserved (type: string, body: object): void
  /** The error of an answer that breaks its schema. */
  check (...received: Parameters<Validate>): Error | undefined
}

interface PendingCall extends Unsent {
  readonly type: string
  readonly sink: Sink
  /** Ends the wait. Returns whether the call was still pending. */
  readonly end: () => boolean
  /** Ends the wait with an error, and tells the server so. */
  readonly giveUp: (reason: unknown) => void
  readonly fail: (error: unknown) => void
}

/** Calls and streams that are not answered yet, by their `ref`. */
export class PendingCalls {
  readonly #sender: MessageSender
  readonly #queue: SendQueue
  readonly #pending: Map<number, PendingCall> = new Map()
  #lastRef = 0

  constructor (sender: MessageSender, queue: SendQueue) {
    this.#sender = sender
    this.#queue = queue
  }

  /**
   * Asks the server.
   * @returns a function that stops asking: the sink gets nothing more.
   * @throws as the sender does, and the signal's reason.
   */
  ask (type: string, payload: object, sink: Sink, signal?: AbortSignal, timeoutMs?: number): () => void {
    if (signal?.aborted) throw signal.reason
    const ref = ++this.#lastRef
    const data = this.#sender.textOf(type, { ...payload, [REF]: ref })
    const end = (): boolean => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      return this.#pending.delete(ref)
    }
    const withdraw = (): void => {
      if (end() && !this.#queue.delete(call)) this.#sender.sendReserved(CANCEL, { ref })
    }
    const fail = (error: unknown): void => {
      end()
      sink.error(error)
    }
    const giveUp = (reason: unknown): void => {
      withdraw()
      fail(reason)
    }
    const abort = (): void => giveUp(signal!.reason)
    const call: PendingCall = { type, data, sink, end, giveUp, fail }
    // This may throw, and then nothing has begun.
    this.#sender.put(call)
    this.#pending.set(ref, call)
    signal?.addEventListener('abort', abort)
    const timer = timeoutMs === undefined
      ? undefined
      : after(timeoutMs, () => giveUp(new ClientError('FST_TYPED_WS_CALL_TIMEOUT', `No answer to '${type}' within ${timeoutMs} ms`)))
    return withdraw
  }

  /** Takes an answer. An answer without a call here belongs to one that was withdrawn meanwhile. */
  take (kind: string, ref: number, payload: Readonly<Record<string, unknown>>): void {
    const call = this.#pending.get(ref)
    if (!call) return
    const { type, sink, end, giveUp, fail } = call
    if (kind === ERROR) return fail(errorOf(payload))
    const { data } = payload
    const isItem = kind === NEXT
    const refusal = kind === DONE ? undefined : this.#sender.check(isItem ? 'item' : 'reply', type, data)
    if (refusal) return giveUp(refusal)
    if (isItem) return sink.item?.(data)
    end()
    sink.complete(data)
  }

  /** Fails the calls that were sent: the server may have acted on them, so none is sent again. */
  disconnect (error: Error): void {
    for (const call of this.#pending.values()) if (!this.#queue.has(call)) call.fail(error)
  }
}
