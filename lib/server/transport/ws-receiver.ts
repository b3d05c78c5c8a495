import { Writable } from 'node:stream'
import type { FrameReceiver } from './frame-reader.js'

/** The most bytes of one message, after inflation. */
export interface PayloadLimits {
  readonly maxPayloadBytes: number
  /** Of a binary message; `undefined`: as of any other. */
  readonly maxBinaryBytes: number | undefined
}

/** The Writable by which ws reads a stream. */
export interface Receiver {
  write (bytes: Buffer): boolean
  end (): void
  readonly writable: boolean
  readonly writableLength: number
  /** The fault that it has found, if any. */
  readonly errored: Error | null
  _write (chunk: Buffer, encoding: string, done: () => void): void
  readonly _errored: boolean
  _maxPayload: number
  readonly _extensions: { readonly 'permessage-deflate'?: { _maxPayload: number } }
}

// The methods beneath those that are put on a receiver.
const writable = Writable.prototype as unknown as {
  readonly write: (this: Receiver, bytes: Buffer, written?: () => void) => boolean
  readonly end: (this: Receiver) => void
}

/** The receiver of ws, behind a frame reader. */
export class WsReceiver implements FrameReceiver {
  readonly #receiver: Receiver
  readonly #limits: PayloadLimits
  #isLimitedAsBinary = false

  constructor (receiver: Receiver, limits: PayloadLimits) {
    this.#receiver = receiver
    this.#limits = limits
  }

  get writable (): boolean {
    return this.#receiver.writable
  }

  get isBusy (): boolean {
    return this.#receiver.writableLength > 0
  }

  /** The limit of the message that was begun last: its option and its bytes. */
  get limit (): string {
    const { maxPayloadBytes, maxBinaryBytes } = this.#limits
    return this.#isLimitedAsBinary ? `maxBinaryBytes ${maxBinaryBytes}` : `maxPayloadBytes ${maxPayloadBytes}`
  }

  beginMessage (isBinary: boolean): void {
    const { maxPayloadBytes, maxBinaryBytes } = this.#limits
    if (maxBinaryBytes === undefined || this.#isLimitedAsBinary === isBinary) return
    this.#isLimitedAsBinary = isBinary
    const limit = isBinary ? maxBinaryBytes : maxPayloadBytes
    // upstream-private: ws Receiver#_maxPayload, Receiver#_extensions
    // upstream-private: ws PerMessageDeflate#_maxPayload
    this.#receiver._maxPayload = limit
    const deflate = this.#receiver._extensions['permessage-deflate']
    if (deflate !== undefined) deflate._maxPayload = limit
  }

  write (bytes: Buffer, written?: () => void): boolean {
    return writable.write.call(this.#receiver, bytes, written)
  }

  end (): void {
    writable.end.call(this.#receiver)
  }
}
