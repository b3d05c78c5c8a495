import { AsyncResource } from 'node:async_hooks'
import { later, Work } from '../turn.js'

/** The part of a line that a queue serves: ordinary and urgent messages have one each. */
export interface HandlerQueueOwner<T> {
  /** True while items may begin. When it becomes true, `next` is to be called. */
  readonly isReady: boolean
  /**
   * Begins an item.
   * @returns a promise that never rejects, or `undefined` when the item is done at once.
   */
  run (item: T): Promise<void> | undefined
  /** Notes that an item which took its time is done. */
  onProgress (): void
}

/** An item that waits holds memory. */
export interface Sized {
  /** The length of the frames it came in. */
  readonly bytes?: number | undefined
}

// The number of items that begin before a look at the time.
const ITEMS_PER_LOOK = 8
// The time in one turn of the event loop after which the rest waits for a later turn.
const MAX_HANDLING_MS = 1
const NONE: ReadonlySet<never> = new Set()

/**
 * The items of one connection: they begin in the order of their arrival, no more than `concurrency`
 * at once.
 */
export class HandlerQueue<T extends Sized> {
  readonly #owner: HandlerQueueOwner<T>
  readonly #concurrency: number
  // Both are made when they are needed: handlers that never wait need neither.
  #waiting: T[] | undefined = undefined
  #running: Set<T> | undefined = undefined
  #bytes = 0
  #begun = 0
  #work: Work | undefined = undefined
  #isResting = false

  constructor (owner: HandlerQueueOwner<T>, concurrency: number) {
    this.#owner = owner
    this.#concurrency = concurrency
  }

  /** The number of items that wait. */
  get length (): number {
    return this.#waiting === undefined ? 0 : this.#waiting.length
  }

  /** The length of the frames that those which wait came in. */
  get bytes (): number {
    return this.#bytes
  }

  get running (): ReadonlySet<T> {
    return this.#running ?? NONE
  }

  push (item: T): void {
    if (this.length === 0 && this.#mayBegin) return this.#begin(item)
    this.#waiting ??= []
    this.#waiting.push(item)
    this.#bytes += item.bytes ?? 0
  }

  /** Begins the items that may begin. */
  next (): void {
    while (this.length > 0 && this.#mayBegin) this.#begin(this.#take(0))
  }

  /** Takes out an item that waits. */
  remove (isMeant: (item: T) => boolean): T | undefined {
    const at = this.#waiting?.findIndex(isMeant) ?? -1
    return at === -1 ? undefined : this.#take(at)
  }

  clear (): void {
    this.#waiting = undefined
    this.#bytes = 0
  }

  #take (at: number): T {
    const waiting = this.#waiting!
    const item = at === 0 ? waiting.shift()! : waiting.splice(at, 1)[0]!
    this.#bytes -= item.bytes ?? 0
    return item
  }

  get #mayBegin (): boolean {
    return !this.#isResting && this.running.size < this.#concurrency && this.#owner.isReady
  }

  // Handlers that never wait would keep other connections from being served.
  #rest (): void {
    this.#isResting = true
    const context = new AsyncResource('fastify-typed-ws')
    later(() => context.runInAsyncScope(() => {
      this.#isResting = false
      this.next()
      this.#owner.onProgress()
    }))
  }

  #begin (item: T): void {
    this.#begun++
    if (this.#begun % ITEMS_PER_LOOK === 0 && (this.#work ??= new Work()).isLong(MAX_HANDLING_MS)) this.#rest()
    const done = this.#owner.run(item)
    if (done !== undefined) this.#await(item, done)
  }

  #await (item: T, done: Promise<void>): void {
    const running = this.#running ??= new Set()
    running.add(item)
    void done.then(() => {
      running.delete(item)
      this.next()
      this.#owner.onProgress()
    })
  }
}
