import type { Received } from './message.js'
import type { InboundContext, InboundOwner } from './owner.js'
import type { Rejection } from './rejection.js'
import type { Responder } from './responder.js'
import { Streams } from './streams.js'

/**
 * Brings each message of one connection to its handler, and the handler's result to the responder:
 * at once where the handler returns no promise. The result of a stream's handler goes by way of
 * the streams.
 */
export class Dispatcher {
  readonly #context: InboundContext
  readonly #owner: InboundOwner
  readonly #responder: Responder
  #streams: Streams | undefined = undefined

  constructor (context: InboundContext, owner: InboundOwner, responder: Responder) {
    this.#context = context
    this.#owner = owner
    this.#responder = responder
  }

  /** The number of streams whose source has not ended. */
  get streams (): number {
    return this.#streams?.size ?? 0
  }

  /** @returns a promise that never rejects, or `undefined` when there is nothing to wait for. */
  run (item: Received | Rejection): Promise<void> | undefined {
    if (item.kind === 'rejection') return this.#responder.reject(item)
    if (item.kind === 'stream') {
      const rejection = this.#openStreams.admit(item)
      if (rejection !== undefined) return this.#responder.reject(rejection)
    }
    const { observer } = this.#context
    return observer.isTracing ? observer.trace(this.#owner.socket, item, () => this.#handle(item)) : this.#handle(item)
  }

  /** @returns false when there is no such stream. */
  cancelStream (ref: number): boolean {
    return this.#streams !== undefined && this.#streams.cancel(ref)
  }

  /** Cancels the streams: the client is gone. */
  end (): void {
    this.#streams?.end()
  }

  get #openStreams (): Streams {
    this.#streams ??= new Streams(this.#owner, this.#responder, this.#context.settings.maxStreams)
    return this.#streams
  }

  #handle (message: Received): Promise<void> | undefined {
    try {
      const result = message.entry.handler(message.payload, this.#owner.socket, message)
      return isThenable(result) ? this.#awaitResult(result, message) : this.#answer(message, result)
    } catch (error) {
      return this.#fail(error, message)
    }
  }

  // Without `await` of its own: each would be a turn of the microtask queue for each message.
  #awaitResult (result: PromiseLike<unknown>, message: Received): Promise<void> {
    return Promise.resolve(result).then((value) => this.#finish(value, message), (error: unknown) => this.#fail(error, message))
  }

  #finish (result: unknown, message: Received): Promise<void> | undefined {
    try {
      return this.#answer(message, result)
    } catch (error) {
      return this.#fail(error, message)
    }
  }

  #answer (message: Received, result: unknown): Promise<void> | undefined {
    return message.kind === 'stream' ? this.#openStreams.open(message, result) : this.#responder.answer(message, result)
  }

  #fail (error: unknown, message: Received): Promise<void> | undefined {
    return message.kind === 'stream' ? this.#openStreams.fail(error, message) : this.#responder.fail(error, message)
  }
}

export function isThenable (value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
