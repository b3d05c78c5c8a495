import type { CallOptions } from '../../../types/socket.js'
import { MAX_TIMEOUT_MS } from '../../timer.js'
import type { WrittenCall } from '../messages/encode.js'
import * as errors from '../errors.js'
import { causedBy, textOf } from '../failure.js'
import { giveWay } from '../turn.js'
import type { Checker } from '../compile/checker.js'

/** What the calls of a connection ask of it. */
export interface CallsOwner {
  readonly isOpen: boolean
  /** Whether the peer reads too slowly for more. */
  readonly isSlow: boolean
  sendCall (text: string, type: string): void
  /** Tells the peer that nobody waits for this answer any more. */
  sendCancel (ref: number): void
  /** Tells the peer that its reply was none. */
  refuseReply (reason: string): void
  /** Tells the peer that its reply could not be checked. */
  failReply (): void
}

interface Pending {
  readonly type: string
  readonly reply: Checker
  readonly resolve: (data: unknown) => void
  readonly reject: (error: unknown) => void
}

const DEFAULT_TIMEOUT_MS = 10_000
// A client's reason is quoted in an error, and so in a log line.
const MAX_REASON_LENGTH = 256

/** The server's own calls to one peer that are not answered yet. */
export class PendingCalls {
  readonly #sink: CallsOwner
  readonly #max: number
  readonly #pending: Map<number | undefined, Pending> = new Map()
  #lastRef = 0
  // Those that went out past the high-water mark: answered or not, they wait to be read.
  #unread = 0

  constructor (sink: CallsOwner, max: number) {
    this.#sink = sink
    this.#max = max
  }

  get size (): number {
    return this.#pending.size
  }

  /**
   * Sends a call and waits for its answer.
   * @throws FST_TYPED_WS_CONNECTION_CLOSED, FST_TYPED_WS_TOO_MANY_CALLS, FST_TYPED_WS_CALL_TIMEOUT, FST_TYPED_WS_CALL_REFUSED, FST_TYPED_WS_CALL_INVALID, FST_TYPED_WS_INVALID_OPTION, or the reason of the signal
   */
  async make (type: string, { reply, textFor }: WrittenCall, { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: CallOptions): Promise<unknown> {
    if (!(timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS)) throw new errors.InvalidOption('timeoutMs', `write milliseconds, 1 to ${MAX_TIMEOUT_MS}`)
    signal?.throwIfAborted()
    if (!this.#sink.isOpen) await this.#refuseEnded()
    if (Math.max(this.#pending.size, this.#unread) >= this.#max) throw new errors.TooManyCalls(this.#max)
    if (this.#sink.isSlow) this.#unread++
    const ref = ++this.#lastRef
    const timer = setTimeout(() => this.#giveUp(ref, new errors.CallTimeout(type, timeoutMs)), timeoutMs)
    const abort = (): void => this.#giveUp(ref, signal?.reason)
    signal?.addEventListener('abort', abort)
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(ref, { type, reply, resolve, reject })
        this.#sink.sendCall(textFor(ref), type)
      })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Takes what the peer replied. Returns false when nobody waits for it. */
  resolve (ref: number | undefined, data: unknown): boolean {
    const call = this.#take(ref)
    if (call === undefined) return false
    try {
      if (call.reply.check(data)) call.resolve(data)
      else this.#refuse(call, call.reply.explain(data))
    } catch (error) {
      this.#sink.failReply()
      call.reject(causedBy(new errors.CheckFailed(call.type, textOf(error)), error))
    }
    return true
  }

  /** Takes the error the peer answered with. Returns false when nobody waits for it. */
  reject (ref: number | undefined, body: unknown): boolean {
    const call = this.#take(ref)
    if (call === undefined) return false
    call.reject(Object.assign(new errors.CallRefused(call.type, reasonOf(body as { message?: unknown })), { body }))
    return true
  }

  /** What waited to be read has been. */
  onDrain (): void {
    this.#unread = 0
  }

  /** Nobody will answer any more. */
  end (): void {
    for (const ref of this.#pending.keys()) this.#take(ref)?.reject(new errors.ConnectionClosed())
  }

  // In a later turn if this one is long: a loop that calls once more would stop the process.
  async #refuseEnded (): Promise<never> {
    await giveWay()
    throw new errors.ConnectionClosed()
  }

  #refuse ({ type, reject }: Pending, reason: string): void {
    this.#sink.refuseReply(reason)
    reject(new errors.CallInvalid(type, reason))
  }

  #giveUp (ref: number, reason: unknown): void {
    const call = this.#take(ref)
    if (call === undefined) return
    this.#sink.sendCancel(ref)
    call.reject(reason)
  }

  #take (ref: number | undefined): Pending | undefined {
    const call = this.#pending.get(ref)
    this.#pending.delete(ref)
    return call
  }
}

// Only what is text: to make text of anything else may throw.
function reasonOf ({ message }: { readonly message?: unknown }): string {
  if (typeof message !== 'string' || message === '') return 'it gave no reason'
  return message.length > MAX_REASON_LENGTH ? `${message.slice(0, MAX_REASON_LENGTH)}…` : message
}
