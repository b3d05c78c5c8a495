import { Reserved } from '../../protocol.js'
import { bodyOf, type Failure } from '../failure.js'
import type { CallMessage, EventMessage, Received, StreamMessage } from './message.js'
import type { InboundContext, InboundOwner } from './owner.js'
import type { Rejection } from './rejection.js'

/** Answers the messages of one connection: encodes each answer and sends it. */
export class Responder {
  readonly #context: InboundContext
  readonly #owner: InboundOwner

  constructor (context: InboundContext, owner: InboundOwner) {
    this.#context = context
    this.#owner = owner
  }

  /**
   * Sends the result of a handler, if the client awaits it.
   * @throws FST_TYPED_WS_OUTGOING_INVALID
   */
  answer (message: EventMessage | CallMessage, result: unknown): undefined {
    if (message.kind === 'call' && !message.isOver && this.#owner.isOpen) {
      this.#owner.output.sendReserved(this.#context.encoder.reply(message.entry, message.ref, result), Reserved.reply)
    }
    this.finish(message)
  }

  /** @throws FST_TYPED_WS_OUTGOING_INVALID */
  sendItem ({ entry, ref }: StreamMessage, item: unknown): void {
    const text = this.#context.encoder.next(entry, ref, item)
    if (text !== undefined) this.#owner.output.sendReserved(text, Reserved.next)
  }

  sendDone (message: StreamMessage): void {
    this.#owner.output.sendReserved(this.#context.encoder.done(message.ref), Reserved.done)
    this.finish(message)
  }

  /** Sends a pong, if the client reads: the pongs to one that does not would pile up. */
  pong (): void {
    if (!this.#owner.output.isSlow) this.#owner.output.sendReserved(this.#context.encoder.pong(), Reserved.pong)
  }

  /** Sends a rejection; after the last one, closes the connection. */
  reject ({ error, ending }: Rejection): undefined {
    this.#owner.output.sendError(error)
    if (ending !== undefined) this.#owner.close(...ending)
  }

  /**
   * Reports an error, and tells the client, if it awaits an answer.
   * @returns a promise that never rejects, or `undefined` when that is done.
   */
  fail (error: unknown, message: Received): Promise<void> | undefined {
    const shown = this.#owner.report(error, message)
    if (shown instanceof Promise) return shown.then((failure) => this.#failed(error, failure, message))
    this.#failed(error, shown, message)
    return undefined
  }

  /** Notes that a message is done: answered, or no longer awaited. */
  finish (message: Received): void {
    this.#context.observer.messageHandled(this.#owner.socket, message)
  }

  #failed (error: unknown, failure: Failure, message: Received): void {
    if (!message.isOver) this.#owner.output.sendError(bodyOf(failure.error, { type: message.entry.name, ref: message.ref }))
    this.#context.observer.messageFailed(this.#owner.socket, message, error)
  }
}
