import type { Receiver } from '../messages/receiver.js'
import type { FrameReader, FrameReaderOwner } from '../transport/frame-reader.js'
import type { ServerWebSocket } from '../transport/websocket.js'
import type { PayloadLimits } from '../transport/ws-receiver.js'
import type { PartInput, PartOwner } from './owner.js'

/** The bytes from one client: reads them, as fast as the receiver of its messages takes them. */
export class Input implements PartInput, FrameReaderOwner {
  readonly #ws: ServerWebSocket
  readonly #receiver: Receiver
  readonly #owner: PartOwner
  readonly #frameReader: FrameReader | undefined

  constructor (ws: ServerWebSocket, receiver: Receiver, limits: PayloadLimits, owner: PartOwner) {
    this.#ws = ws
    this.#receiver = receiver
    this.#owner = owner
    this.#frameReader = ws.readThrough(receiver, this, limits, owner.context)
  }

  get isIgnored (): boolean {
    return this.#ws.ignoresInput
  }

  ignore (): void {
    this.#ws.ignoreInput()
  }

  get hasMessageListener (): boolean {
    return this.#ws.listenerCount('message') > 0
  }

  takePong (): boolean {
    return this.#ws.takePong()
  }

  pause (): void {
    this.#ws.pause()
  }

  // Frames that wait in front of `ws` are read before the stream.
  resume (): void {
    if (this.#frameReader?.readOn() !== false && this.#ws.isPaused) this.#ws.resume()
  }

  resumeInContext (): void {
    this.#owner.context.runInAsyncScope(() => this.resume())
  }

  resumeForAnswer (): void {
    if (!this.#receiver.isFull) this.resumeInContext()
  }

  pauseIfFull (): void {
    if (this.#receiver.isFull) this.pause()
  }

  gone (): void {
    this.#owner.gone()
  }

  terminate (): void {
    this.#ws.terminate()
  }

  /** Takes a message that ws has read. */
  receive (data: Buffer, isBinary: boolean): void {
    if (isBinary) this.#receiver.takeBinary(data)
    else this.#receiver.takeText(data, data.length)
  }
}
