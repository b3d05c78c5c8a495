import { queueFull } from './errors.js'

/** Something to be sent once there is a connection. */
export interface Unsent {
  readonly data: unknown
  /** It will not be sent. */
  fail? (error: Error): void
}

export interface QueueSettings {
  readonly maxQueuedMessages: number
  /** Default: throw. */
  readonly overflow?: 'throw' | 'drop'
}

/** What waits for a connection, in order. */
export class Queue {
  readonly #settings: QueueSettings
  readonly #waiting: Set<Unsent> = new Set()

  constructor (settings: QueueSettings) {
    this.#settings = settings
  }

  has (message: Unsent): boolean {
    return this.#waiting.has(message)
  }

  /** @throws FST_TYPED_WS_QUEUE_FULL */
  push (message: Unsent): void {
    if (this.#waiting.size >= this.#settings.maxQueuedMessages) this.#makeRoom()
    this.#waiting.add(message)
  }

  /** @returns whether it was waiting. */
  remove (message: Unsent): boolean {
    return this.#waiting.delete(message)
  }

  /** Takes out what has waited longest. */
  shift (): Unsent | undefined {
    const [oldest] = this.#waiting
    this.#waiting.delete(oldest!)
    return oldest
  }

  #makeRoom (): void {
    const oldest = this.#settings.overflow === 'drop' ? this.shift() : undefined
    if (oldest === undefined) throw queueFull()
    oldest.fail?.(queueFull())
  }
}
