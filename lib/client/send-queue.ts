import type { ClientOptions } from '../../types/client.js'
import { queueFull } from './errors.js'

/** A message to be sent once there is a connection. */
export interface Unsent {
  readonly data: unknown
  /** The text of the event that `data` belongs to, where it is one with a binary frame. */
  readonly event?: string
  /** Learns that the message will not be sent. */
  fail? (error: Error): void
}

/** The messages that wait for a connection, in order. */
export class SendQueue extends Set<Unsent> {
  /** @throws FST_TYPED_WS_QUEUE_FULL */
  push (message: Unsent, { maxQueuedMessages = 100, overflow }: ClientOptions): void {
    if (this.size >= maxQueuedMessages) {
      const [oldest] = overflow === 'drop' ? this : []
      if (!oldest) throw queueFull()
      this.delete(oldest)
      oldest.fail?.(queueFull())
    }
    this.add(message)
  }
}
