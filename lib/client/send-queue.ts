import type { ClientOptions } from '../../types/client.js'
import { queueFull } from './errors.js'

/** Something to be sent once there is a connection. */
export interface Unsent {
  readonly data: unknown
  /** It will not be sent. */
  fail? (error: Error): void
}

/** What waits for a connection, in order. */
export class SendQueue extends Set<Unsent> {
  readonly #max: number
  readonly #overflow: ClientOptions['overflow']

  constructor ({ maxQueuedMessages = 100, overflow }: ClientOptions) {
    super()
    this.#max = maxQueuedMessages
    this.#overflow = overflow
  }

  /** @throws FST_TYPED_WS_QUEUE_FULL */
  push (message: Unsent): void {
    if (this.size >= this.#max) this.#makeRoom()
    this.add(message)
  }

  #makeRoom (): void {
    const [oldest] = this.#overflow === 'drop' ? this : []
    if (!oldest) throw queueFull()
    this.delete(oldest)
    oldest.fail?.(queueFull())
  }
}
