import type { ClientOptions } from '../../types/client.js'
import { queueFull } from './errors.js'

/** A message to be sent once there is a connection. */
export interface Unsent {
  readonly data: unknown
  /** Learns that the message will not be sent. */
  fail? (error: Error): void
}

/** The messages that wait for a connection, in order. */
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
    if (this.size >= this.#max) {
      const [oldest] = this.#overflow === 'drop' ? this : []
      if (!oldest) throw queueFull()
      this.delete(oldest)
      oldest.fail?.(queueFull())
    }
    this.add(message)
  }
}
