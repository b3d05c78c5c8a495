import type { Dispatcher } from './dispatch.js'
import { HandlerQueue, type HandlerQueueOwner } from './handler-queue.js'
import type { Received } from './message.js'
import type { InboundContext, InboundOwner } from './owner.js'
import type { Rejection } from './rejection.js'

type Item = Received | Rejection

// While the answer to a call of the server's may stand behind them, more messages are read.
const CALLING_FACTOR = 8

/**
 * Keeps the admitted messages of one connection in order, urgent ones apart, until they may be
 * handled.
 */
export class Scheduler implements HandlerQueueOwner<Item> {
  readonly #context: InboundContext
  readonly #owner: InboundOwner
  readonly #dispatcher: Dispatcher
  // Made with the first message: most connections of a service are silent.
  #queue: HandlerQueue<Item> | undefined = undefined
  #urgent: HandlerQueue<Item> | undefined = undefined
  #isStarted = false
  #hasOvertaken = false

  constructor (context: InboundContext, owner: InboundOwner, dispatcher: Dispatcher) {
    this.#context = context
    this.#owner = owner
    this.#dispatcher = dispatcher
  }

  get queued (): number {
    return lengthOf(this.#queue) + lengthOf(this.#urgent)
  }

  get running (): number {
    return (this.#queue?.running.size ?? 0) + (this.#urgent?.running.size ?? 0)
  }

  /** True once every message has been handled; streams may go on. */
  get isIdle (): boolean {
    return this.queued === 0 && this.running === 0
  }

  /** True while no more messages may wait. */
  get isFull (): boolean {
    return this.queued > 0 && this.#fill >= 1
  }

  // While the client does not read, no message is handled, or the answers would pile up without a
  // limit; the queue has one.
  get isReady (): boolean {
    return this.#isStarted && (!this.#owner.output.isSlow || this.#owner.isGone)
  }

  /**
   * True when the next urgent message may begin: while the client does not read only one may, since
   * its answer has no room.
   */
  get mayOvertake (): boolean {
    return this.#isStarted && (!this.#hasOvertaken || this.isReady)
  }

  push (item: Item, isUrgent: boolean = false): void {
    if (isUrgent) this.#urgentQueue.push(item)
    else this.#ordinaryQueue.push(item)
    if (this.isFull) this.#owner.input.pause()
  }

  /** Handles messages from now on. */
  start (): void {
    this.#isStarted = true
    this.next()
  }

  /** Begins the messages that may begin now: the connection has opened, drained or ended. */
  next (): void {
    this.#hasOvertaken = false
    this.#urgent?.next()
    this.#queue?.next()
    this.onProgress()
  }

  /** Handles no more messages: drops those that wait, and ignores all input. */
  stop (): void {
    this.#queue?.clear()
    this.#urgent?.clear()
    this.#owner.input.ignore()
  }

  /** Aborts the messages that run: nothing awaits their answers. */
  abort (): void {
    for (const item of this.#running()) if (item.kind !== 'rejection') item.abort()
  }

  /**
   * Cancels a call: one that waits is not begun, one that runs is aborted.
   * @returns false when there is none, or it has been cancelled before.
   */
  cancel (ref: number): boolean {
    if (this.#dispatcher.cancelStream(ref)) return true
    const isMeant = (item: Item): boolean => item.kind !== 'rejection' && item.ref === ref
    const removed = this.#queue?.remove(isMeant) ?? this.#urgent?.remove(isMeant)
    if (removed !== undefined) this.onProgress()
    const meant = removed ?? this.#running().find(isMeant)
    if (meant === undefined || meant.kind === 'rejection' || meant.isOver) return false
    meant.abort()
    return true
  }

  // Nothing awaits the answer to a message that begins after the client is gone.
  run (item: Item): Promise<void> | undefined {
    if (item.kind !== 'rejection' && this.#owner.isGone) item.abort()
    return this.#dispatcher.run(item)
  }

  /** Runs an urgent message. */
  overtake (item: Item): Promise<void> | undefined {
    this.#hasOvertaken = this.#owner.output.isSlow
    return this.run(item)
  }

  onProgress (): void {
    if (this.#fill <= 0.5) this.#owner.input.resume()
    this.#owner.onIdle()
  }

  get #ordinaryQueue (): HandlerQueue<Item> {
    this.#queue ??= new HandlerQueue(this, this.#context.settings.concurrency)
    return this.#queue
  }

  get #urgentQueue (): HandlerQueue<Item> {
    this.#urgent ??= new HandlerQueue(urgentOwner(this), 1)
    return this.#urgent
  }

  #running (): Item[] {
    return [...this.#queue?.running ?? [], ...this.#urgent?.running ?? []]
  }

  get #queuedBytes (): number {
    return (this.#queue?.bytes ?? 0) + (this.#urgent?.bytes ?? 0)
  }

  // The part of the queue that is taken, by number or by bytes: at 1 no more may wait.
  get #fill (): number {
    const { maxQueuedMessages, maxQueuedBytes } = this.#context.settings
    const factor = this.#owner.hasPendingCalls ? CALLING_FACTOR : 1
    return Math.max(this.queued / maxQueuedMessages, this.#queuedBytes / maxQueuedBytes) / factor
  }
}

function lengthOf (queue: HandlerQueue<Item> | undefined): number {
  return queue === undefined ? 0 : queue.length
}

// Messages that overtake the others begin one by one.
function urgentOwner (scheduler: Scheduler): HandlerQueueOwner<Item> {
  return {
    get isReady () { return scheduler.mayOvertake },
    run: (item) => scheduler.overtake(item),
    onProgress: () => scheduler.onProgress()
  }
}
