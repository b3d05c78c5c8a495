import { isLong } from '../turn.js'

/** What a queue asks of its connection. */
export interface HandlerQueueOwner<T> {
  /** Whether items may begin; when that changes to yes, `next` is to be called. */
  readonly isReady: boolean
  /** Begins one, and says by a promise that never rejects when it is done, unless it is done at once. */
  run (item: T): Promise<void> | undefined
  /** An item that took its time is done. */
  onProgress (): void
}

/** An item that waits holds memory. */
export interface Sized {
  /** Of the frames it came in. */
  readonly bytes?: number | undefined
}

// How many items begin before a look at the time.
const ITEMS_PER_LOOK = 8

/** The items of one connection: they begin in the order of their arrival, no more than `concurrency` at once. */
export class HandlerQueue<T extends Sized> {
  readonly #owner: HandlerQueueOwner<T>
  readonly #concurrency: number
  #waiting: T[] = []
  #bytes = 0
  readonly #running: Set<T> = new Set()
  #begun = 0
  #isResting = false

  constructor (owner: HandlerQueueOwner<T>, concurrency: number) {
    this.#owner = owner
    this.#concurrency = concurrency
  }

  /** How many wait. */
  get length (): number {
    return this.#waiting.length
  }

  /** What those that wait came in. */
  get bytes (): number {
    return this.#bytes
  }

  get running (): ReadonlySet<T> {
    return this.#running
  }

  push (item: T): void {
    if (this.#waiting.length === 0 && this.#mayBegin) return this.#begin(item)
    this.#waiting.push(item)
    this.#bytes += item.bytes ?? 0
  }

  /** Begins what waits, as far as it may. */
  next (): void {
    while (this.#waiting.length > 0 && this.#mayBegin) this.#begin(this.#take(0))
  }

  /** Takes one out that waits. */
  remove (isMeant: (item: T) => boolean): T | undefined {
    const at = this.#waiting.findIndex(isMeant)
    return at === -1 ? undefined : this.#take(at)
  }

  clear (): void {
    this.#waiting = []
    this.#bytes = 0
  }

  #take (at: number): T {
    const item = at === 0 ? this.#waiting.shift()! : this.#waiting.splice(at, 1)[0]!
    this.#bytes -= item.bytes ?? 0
    return item
  }

  get #mayBegin (): boolean {
    return !this.#isResting && this.#running.size < this.#concurrency && this.#owner.isReady
  }

  // Handlers that never wait for anything would let nobody else be served.
  #rest (): void {
    this.#isResting = true
    setImmediate(() => {
      this.#isResting = false
      this.next()
      this.#owner.onProgress()
    })
  }

  #begin (item: T): void {
    this.#begun++
    if (this.#begun % ITEMS_PER_LOOK === 0 && isLong()) this.#rest()
    const done = this.#owner.run(item)
    if (done === undefined) return
    this.#running.add(item)
    void done.then(() => {
      this.#running.delete(item)
      this.next()
      this.#owner.onProgress()
    })
  }
}
