import type { Stored } from '../../../types/broker.js'
import { AT } from '../../protocol.js'
import { frameOf, type Frame } from '../transport/frame.js'
import { unwrap } from './envelope.js'

/** An event of a recoverable topic, framed once for all members that take the same form of it. */
export class StoredEvent {
  readonly offset: number
  readonly previous: number
  /** The connection, or the client, that published it; empty for `channel.publish`. */
  readonly sender: string
  /** Undefined for an event of a newer version of this package: nothing is delivered of it. */
  readonly text: string | undefined
  readonly #topic: string
  readonly #type: string
  #plain: Frame | undefined = undefined
  #placed: Frame | undefined = undefined

  constructor (topic: string, { offset, previous, message }: Stored) {
    const envelope = unwrap(message)
    this.offset = offset
    this.previous = previous
    this.#topic = topic
    this.#type = envelope?.name ?? ''
    this.sender = envelope?.node ?? ''
    this.text = envelope?.kind === 'stored' ? envelope.text : undefined
  }

  get size (): number {
    return this.text?.length ?? 0
  }

  /** The event as every client knows it. */
  get plain (): Frame {
    this.#plain ??= frameOf(this.#type, this.text!)
    return this.#plain
  }

  /** The event with its place, for clients that asked for it. */
  get placed (): Frame {
    this.#placed ??= frameOf(this.#type, `{"${AT}":${JSON.stringify([this.#topic, this.offset])},${this.text!.slice(1)}`)
    return this.#placed
  }

  /** All current members have it: those who catch up later are few, and share a frame again. */
  forgetFrames (): void {
    this.#plain = this.#placed = undefined
  }
}
