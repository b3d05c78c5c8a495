import type { ClientOptions } from '../../types/client.js'
import { queueFull } from './errors.js'

/** Something to be sent once there is a connection. */
export interface Unsent {
  readonly data: unknown
  /** It will not be sent. */
  fail? (error: Error): void
}

/** What waits for a connection, in order. */
export class Queue {
  readonly #max: number
  readonly #overflow: ClientOptions['overflow']
  readonly #waiting: Set<Unsent> = new Set()

  constructor ({ maxQueuedMessages = 100, overflow }: ClientOptions) {
    this.#max = maxQueuedMessages
    this.#overflow = overflow
  }

  has (message: Unsent): boolean {
    return this.#waiting.has(message)
  }

  /** @throws FST_TYPED_WS_QUEUE_FULL */
  push (message: Unsent): void {
    if (this.#waiting.size >= this.#max) this.#makeRoom()
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
    const oldest = this.#overflow === 'drop' ? this.shift() : undefined
    if (oldest === undefined) throw queueFull()
    oldest.fail?.(queueFull())
  }
}
