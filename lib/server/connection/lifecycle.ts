import type { CloseEvent } from '../../../types/handler.js'
import type { Socket } from '../../../types/socket.js'
import { after } from '../../timer.js'
import { closeOf } from '../failure.js'
import { isThenable } from '../messages/dispatch.js'
import type { PartOwner } from './owner.js'

/**
 * The states of a connection, as the functions of its route see it:
 *
 * - `opening`: `open` runs; messages wait, in order.
 * - `open`: `open` has succeeded; messages are handled, the last ones when the client is gone.
 * - `closing`: the connection has ended; `close` runs, and no message is handled any more.
 * - `failed`: `open` threw or rejected, and `errorHandler` runs. No message is handled, and `close`
 *   never runs.
 * - `closed`: `close` has ended, or `errorHandler` after a failed `open`; neither runs again.
 *
 * The client may go at any time, in two steps. First it is *gone*: nothing arrives from it or
 * leaves for it any more, but messages that have arrived may wait to be read. Then the WebSocket
 * has *ended*: `ws` has told the close code. In `opening` both wait for `open`; in `open` they lead
 * to `closing`, as soon as every message has been handled or the time for that, `closeTimeoutMs`,
 * is over.
 */
export type State = 'opening' | 'open' | 'failed' | 'closing' | 'closed'

/** The states that may follow each state. Every other change is refused. */
const NEXT: Readonly<Record<State, readonly State[]>> = {
  opening: ['open', 'failed'],
  open: ['closing'],
  failed: ['closed'],
  closing: ['closed'],
  closed: []
}

/** The functions of a route that begin and end a connection. */
export interface LifecycleHandlers {
  readonly open: ((socket: Socket) => unknown) | undefined
  readonly close: ((socket: Socket, event: CloseEvent) => unknown) | undefined
}

/** Time for the messages that arrived before the end: afterwards `close` runs all the same. */
const CLOSE_TIMEOUT_MS = 5000

/** Runs `open` and `close`, each at its time, and knows how far a connection has come. */
export class Lifecycle {
  readonly #handlers: LifecycleHandlers
  readonly #owner: PartOwner
  #state: State = 'opening'
  #isGone = false
  #event: CloseEvent | undefined = undefined
  #closeTimer: NodeJS.Timeout | undefined = undefined
  #closeTimeoutMs = CLOSE_TIMEOUT_MS
  #isLate = false

  constructor (handlers: LifecycleHandlers, owner: PartOwner) {
    this.#handlers = handlers
    this.#owner = owner
  }

  get state (): State {
    return this.#state
  }

  /** True once nothing arrives from the client or leaves for it any more. */
  get isGone (): boolean {
    return this.#isGone
  }

  /** True once the WebSocket has ended: its close code is known. */
  get hasEnded (): boolean {
    return this.#event !== undefined
  }

  /** Runs `open`. */
  start (): void {
    try {
      const opening = this.#handlers.open?.(this.#owner.socket)
      if (isThenable(opening)) void this.#awaitOpen(opening)
      else this.#opened()
    } catch (error) {
      void this.#fail(error)
    }
  }

  /** Notes that the client is gone. Returns false if that was known. */
  goAway (): boolean {
    if (this.#isGone) return false
    this.#isGone = true
    if (this.#state === 'open') this.#startCloseTimeout()
    return true
  }

  /** Notes how the WebSocket ended. */
  end (event: CloseEvent): void {
    this.#event = event
  }

  /** Runs `close` if the WebSocket has ended and its last messages are handled, or are too late. */
  closeIfDone (areMessagesHandled: boolean): void {
    if (this.#event === undefined || !(areMessagesHandled || this.#isLate)) return
    if (!this.#change('closing')) return
    clearTimeout(this.#closeTimer)
    this.#owner.dropMessages()
    void this.#runClose(this.#event)
  }

  /** Sets another time for the last messages: it begins now if the client is gone. */
  hurry (closeTimeoutMs: number): void {
    this.#closeTimeoutMs = closeTimeoutMs
    if (this.#isGone && this.#state === 'open') this.#startCloseTimeout()
  }

  /** The only place where the state changes. Returns false if the table refuses the change. */
  #change (to: State): boolean {
    if (!NEXT[this.#state].includes(to)) return false
    this.#state = to
    return true
  }

  async #awaitOpen (opening: PromiseLike<unknown>): Promise<void> {
    try {
      await opening
    } catch (error) {
      return await this.#fail(error)
    }
    this.#opened()
  }

  #opened (): void {
    this.#change('open')
    if (this.#isGone) this.#startCloseTimeout()
    this.#owner.handleMessages()
  }

  async #fail (error: unknown): Promise<void> {
    this.#change('failed')
    // The client's close frame stands behind the messages that wait.
    this.#owner.dropMessages()
    const { code, reason } = closeOf((await this.#owner.report(error, undefined)).error)
    this.#change('closed')
    this.#owner.close(code, reason)
    this.#owner.onSettle()
  }

  // A handler that never settles does not keep `close` from running.
  #startCloseTimeout (): void {
    this.#owner.onCloseTimeoutStart()
    const { context } = this.#owner
    this.#closeTimer = after(this.#closeTimeoutMs, () => context.runInAsyncScope(() => this.#endLate()), this.#closeTimer)
  }

  // Of the input that is still unread only the close frame matters now.
  #endLate (): void {
    this.#isLate = true
    if (this.#event === undefined) this.#owner.terminate()
    else this.closeIfDone(false)
  }

  async #runClose (event: CloseEvent): Promise<void> {
    try {
      await this.#handlers.close?.(this.#owner.socket, event)
    } catch (error) {
      await this.#owner.report(error, undefined)
    }
    this.#change('closed')
    this.#owner.onSettle()
  }
}
