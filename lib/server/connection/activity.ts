import type { Failure } from '../failure.js'
import type { Inbound } from '../messages/inbound.js'
import type { Lifecycle } from './lifecycle.js'
import type { PartOwner } from './owner.js'

/** Work of the app that goes on for a connection, by its kind. */
export interface Unsettled {
  readonly open: number
  readonly handlers: number
  readonly queued: number
  readonly streams: number
  readonly errorHandlers: number
  readonly close: number
}

/**
 * The work of the app for one connection. A connection is *idle* when it has opened and every
 * message that arrived is handled; streams may go on. It is *settled* when it has ended and no work
 * goes on.
 */
export class Activity {
  readonly #lifecycle: Lifecycle
  readonly #inbound: Inbound
  readonly #owner: PartOwner
  #errorHandlers = 0
  #resolveIdle: (() => void) | undefined = undefined
  #resolveSettled: (() => void) | undefined = undefined

  constructor (lifecycle: Lifecycle, inbound: Inbound, owner: PartOwner) {
    this.#lifecycle = lifecycle
    this.#inbound = inbound
    this.#owner = owner
  }

  get isIdle (): boolean {
    return this.#lifecycle.hasEnded || (this.#lifecycle.state !== 'opening' && this.#inbound.scheduler.isIdle)
  }

  get isSettled (): boolean {
    const { scheduler, dispatcher } = this.#inbound
    if (!this.#lifecycle.hasEnded || this.#lifecycle.state !== 'closed') return false
    return scheduler.isIdle && dispatcher.streams === 0 && this.#errorHandlers === 0
  }

  get unsettled (): Unsettled {
    const { state } = this.#lifecycle
    return {
      open: Number(state === 'opening'),
      handlers: this.#inbound.scheduler.running,
      queued: this.#inbound.scheduler.queued,
      streams: this.#inbound.dispatcher.streams,
      errorHandlers: this.#errorHandlers,
      close: Number(state === 'open' || state === 'closing')
    }
  }

  /** Resolves when the connection is idle. */
  async idle (): Promise<void> {
    if (!this.isIdle) await new Promise<void>((resolve) => { this.#resolveIdle = resolve })
  }

  /** Resolves when the connection is settled. */
  async settled (): Promise<void> {
    if (!this.isSettled) await new Promise<void>((resolve) => { this.#resolveSettled = resolve })
  }

  /** Counts an `errorHandler` while it runs. */
  async awaitErrorHandler (failure: Promise<Failure>): Promise<Failure> {
    this.#errorHandlers++
    const result = await failure
    this.#errorHandlers--
    this.settle()
    return result
  }

  /** Notes that a message has been handled. */
  progress (): void {
    if (!this.#inbound.scheduler.isIdle) return
    this.#resolveIdle?.()
    this.#lifecycle.closeIfDone(true)
    this.settle()
  }

  /** Notes that the connection has ended. */
  end (): void {
    this.#lifecycle.closeIfDone(false)
    this.progress()
    this.#resolveIdle?.()
    this.settle()
  }

  /** Notes that one kind of work has ended. */
  settle (): void {
    if (!this.isSettled) return
    this.#owner.onSettled()
    this.#resolveSettled?.()
  }
}
