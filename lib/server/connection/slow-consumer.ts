import { CloseCode } from '../../protocol.js'
import type { InboundContext } from '../messages/owner.js'
import type { PartOwner } from './owner.js'

/** Time for a client that does not read to answer the close frame. */
const CLOSE_TIMEOUT_MS = 1000

/**
 * A client for which more than `highWaterMarkBytes` wait. With `slowConsumer: 'close'` it has
 * `slowTimeoutMs` to catch up; an event that finds no room closes the connection at once, since the
 * client would not know what it missed. With `'drop'` such an event is left out, and counted.
 */
export class SlowConsumer {
  readonly #context: InboundContext
  readonly #owner: PartOwner
  #slowTimer: NodeJS.Timeout | undefined = undefined
  #closeTimer: NodeJS.Timeout | undefined = undefined

  constructor (context: InboundContext, owner: PartOwner) {
    this.#context = context
    this.#owner = owner
  }

  /** The client has become slow. */
  start (): void {
    const { settings, observer } = this.#context
    observer.slow(this.#owner.socket)
    if (settings.slowConsumer === 'close') this.#slowTimer = setTimeout(() => this.#close(), settings.slowTimeoutMs).unref()
  }

  /** The client has caught up, or is gone. */
  stop (): void {
    clearTimeout(this.#slowTimer)
    clearTimeout(this.#closeTimer)
  }

  /** Decides about an event that finds no room. */
  rejectEvent (type: string | undefined): void {
    if (this.#context.settings.slowConsumer === 'close') this.#sendClose()
    else this.#context.observer.dropped(this.#owner.socket, type)
  }

  // `slowTimeoutMs` is over: close with 4408, then terminate if the client does not answer.
  #close (): void {
    if (!this.#owner.isOpen) return this.#owner.terminate()
    this.#sendClose()
    this.#closeTimer = setTimeout(() => this.#owner.terminate(), CLOSE_TIMEOUT_MS).unref()
  }

  #sendClose (): void {
    this.#owner.close(CloseCode.slowConsumer, 'too slow to read what was sent')
  }
}
