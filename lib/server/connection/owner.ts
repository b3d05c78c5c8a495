import type { AsyncResource } from 'node:async_hooks'
import type { InboundInput, InboundOwner } from '../messages/owner.js'

/** The reading from the client, as the calls of the server's need it. */
export interface PartInput extends InboundInput {
  /** Reads on if an answer may stand behind the messages that wait. */
  resumeForAnswer (): void
  /** Stops reading if more messages wait than may. */
  pauseIfFull (): void
}

/** A connection, as its parts need it. */
export interface PartOwner extends InboundOwner {
  readonly input: PartInput
  /** The context of the handshake, in which the functions of the route run. */
  readonly context: AsyncResource
  terminate (): void
  /** The client has caught up with the messages sent to it. */
  onDrain (): void
  /** The client is gone, but bytes that it sent wait to be read. */
  gone (): void
  /** Handles messages from now on. */
  handleMessages (): void
  /** Handles no message from now on, and drops those that wait. */
  dropMessages (): void
  /** The client is gone, and `closeTimeoutMs` for its last messages begins. */
  onCloseTimeoutStart (): void
  /** `open` has failed, or `close` has ended. */
  onSettle (): void
  /** The connection is settled. */
  onSettled (): void
}
