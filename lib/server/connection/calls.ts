import type { CallOptions } from '../../../types/socket.js'
import { ErrorCode, Reserved } from '../../protocol.js'
import { MAX_TIMEOUT_MS } from '../../timer.js'
import type { Checker } from '../compile/checker.js'
import * as errors from '../errors.js'
import { bodyOf, causedBy, textOf } from '../failure.js'
import type { Answer } from '../messages/decode.js'
import type { MessageEncoder, WrittenCall } from '../messages/encode.js'
import { rejectionOf } from '../messages/rejection.js'
import { printable } from '../printable.js'
import { giveWay } from '../turn.js'
import type { PartOwner } from './owner.js'

interface PendingCall {
  readonly type: string
  readonly reply: Checker
  readonly up: WrittenCall['up']
  readonly resolve: (data: unknown) => void
  readonly reject: (error: unknown) => void
}

const DEFAULT_TIMEOUT_MS = 10_000

/** The server's own calls of one client that are not answered yet. */
export class PendingCalls {
  readonly #owner: PartOwner
  readonly #encoder: MessageEncoder
  readonly #max: number
  readonly #pending: Map<number | undefined, PendingCall> = new Map()
  #lastRef = 0
  // Calls sent past the high-water mark: answered or not, they wait to be read.
  #unread = 0

  constructor (owner: PartOwner, encoder: MessageEncoder, max: number) {
    this.#owner = owner
    this.#encoder = encoder
    this.#max = max
  }

  get size (): number {
    return this.#pending.size
  }

  /**
   * Sends a call and waits for its answer.
   * @throws FST_TYPED_WS_OUTGOING_UNKNOWN, FST_TYPED_WS_OUTGOING_INVALID,
   * FST_TYPED_WS_CONNECTION_CLOSED, FST_TYPED_WS_TOO_MANY_CALLS, FST_TYPED_WS_CALL_TIMEOUT,
   * FST_TYPED_WS_CALL_REFUSED, FST_TYPED_WS_CALL_INVALID, FST_TYPED_WS_CHECK_FAILED,
   * FST_TYPED_WS_INVALID_OPTION, or the reason of the signal
   */
  async call (type: string, payload: unknown, options: CallOptions): Promise<unknown> {
    const answer = this.#send(type, this.#encoder.call(type, payload), options)
    // A client whose messages wait to be read cannot answer.
    this.#owner.input.resumeForAnswer()
    try {
      return await answer
    } finally {
      // With the answer the usual limit holds again.
      this.#owner.input.pauseIfFull()
    }
  }

  /** Takes an answer of the client. Returns false if no call waits for it. */
  take ({ kind, ref, data }: Answer): boolean {
    const call = this.#remove(ref)
    if (call === undefined) return false
    if (kind === 'reply') this.#resolve(call, data)
    else call.reject(Object.assign(new errors.CallRefused(call.type, reasonOf(data as { message?: unknown })), { body: data }))
    return true
  }

  /** Notes that the client has caught up with the messages sent to it. */
  onDrain (): void {
    this.#unread = 0
  }

  /** Rejects every call: no answer will arrive. */
  end (): void {
    for (const ref of this.#pending.keys()) this.#remove(ref)?.reject(new errors.ConnectionClosed())
  }

  async #send (type: string, written: WrittenCall, { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: CallOptions): Promise<unknown> {
    const { reply, textFor, up } = written
    checkTimeout(timeoutMs)
    signal?.throwIfAborted()
    if (!this.#owner.isOpen) await this.#refuseEnded()
    if (Math.max(this.#pending.size, this.#unread) >= this.#max) throw new errors.TooManyCalls(this.#max)
    if (this.#owner.output.isSlow) this.#unread++
    const ref = ++this.#lastRef
    const timer = setTimeout(() => this.#cancel(ref, new errors.CallTimeout(type, timeoutMs)), timeoutMs)
    const abort = (): void => this.#cancel(ref, signal?.reason)
    signal?.addEventListener('abort', abort)
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(ref, { type, reply, up, resolve, reject })
        this.#owner.output.sendReserved(textFor(ref), type)
      })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  // In a later turn if this one is long: a loop that calls once more would stop the process.
  async #refuseEnded (): Promise<never> {
    await giveWay()
    throw new errors.ConnectionClosed()
  }

  #resolve (call: PendingCall, data: unknown): void {
    try {
      if (!call.reply.check(data)) return this.#rejectReply(call, call.reply.explain(data))
      call.resolve(call.up === undefined ? data : call.up(data))
    } catch (error) {
      this.#owner.output.sendError(bodyOf(undefined, { type: Reserved.reply, ref: undefined }))
      call.reject(error instanceof errors.InvalidTranslation ? error : checkFailed(call, error))
    }
  }

  #rejectReply ({ type, reject }: PendingCall, reason: string): void {
    this.#owner.output.sendError(rejectionOf(ErrorCode.validation, reason, { received: Reserved.reply }).error)
    reject(new errors.CallInvalid(type, reason))
  }

  #cancel (ref: number, reason: unknown): void {
    const call = this.#remove(ref)
    if (call === undefined) return
    this.#owner.output.sendReserved(this.#encoder.cancel(ref), Reserved.cancel)
    call.reject(reason)
  }

  #remove (ref: number | undefined): PendingCall | undefined {
    const call = this.#pending.get(ref)
    this.#pending.delete(ref)
    return call
  }
}

function checkFailed ({ type }: PendingCall, error: unknown): Error {
  return causedBy(new errors.CheckFailed(type, printable(textOf(error))), error)
}

function checkTimeout (timeoutMs: number): void {
  if (timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return
  throw new errors.InvalidOption('timeoutMs', `write milliseconds, 1 to ${MAX_TIMEOUT_MS}`)
}

// Only a string is quoted: making text of any other value may throw.
function reasonOf ({ message }: { readonly message?: unknown }): string {
  if (typeof message !== 'string' || message === '') return 'it gave no reason'
  return printable(message)
}
