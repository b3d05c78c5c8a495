import type { Duplex } from 'node:stream'
import { Reserved, type ErrorBody } from '../../protocol.js'
import type { InboundContext, InboundOutput } from '../messages/owner.js'
import type { Frame } from '../transport/frame.js'
import { Outbox, type OutboxOwner } from '../transport/outbox.js'
import type { ServerWebSocket } from '../transport/websocket.js'
import type { PartOwner } from './owner.js'
import { SlowConsumer } from './slow-consumer.js'

/** The messages to one client: each is observed, and goes to the outbox if it has room there. */
export class Output implements InboundOutput, OutboxOwner {
  readonly #context: InboundContext
  readonly #owner: PartOwner
  readonly #outbox: Outbox
  #slowConsumer: SlowConsumer | undefined = undefined

  constructor (context: InboundContext, ws: ServerWebSocket, stream: Duplex, owner: PartOwner) {
    this.#context = context
    this.#owner = owner
    this.#outbox = new Outbox(ws, stream, context.settings.highWaterMarkBytes, this)
    ws.outbox = this.#outbox
  }

  get bufferedAmount (): number {
    return this.#outbox.bufferedAmount
  }

  /** The number of messages sent. */
  get sent (): number {
    return this.#outbox.sent
  }

  get isSlow (): boolean {
    return this.#outbox.isSlow
  }

  drained (): Promise<void> {
    return this.#outbox.drained()
  }

  /** All three return as `Socket.send` does. */
  sendEvent (text: string, type: string): boolean {
    return this.#admit(type) && this.#outbox.sendText(text)
  }

  sendFrame (frame: Frame): boolean {
    return this.#admit(frame.type) && this.#outbox.sendFrame(frame)
  }

  // An event that was missed is sent to a slow client, too: their number is limited.
  replayFrame (frame: Frame): void {
    if (this.#owner.isOpen) this.#context.observer.messageSent(this.#owner.socket, frame.type)
    this.#outbox.sendFrame(frame)
  }

  /** @param event - the event in front of it: both are sent, or neither. */
  sendBinary (bytes: Uint8Array | Blob, event?: Pick<Frame, 'type' | 'text'>): boolean {
    if (!this.#admit(event?.type)) return false
    return bytes instanceof Uint8Array ? this.#outbox.sendBinary(bytes, event?.text) : this.#outbox.sendBlob(bytes, event?.text)
  }

  // A call and a message of the protocol's own are sent to a slow client, too: their number is
  // limited in other ways.
  sendReserved (text: string, type: string): void {
    if (this.#owner.isOpen) this.#context.observer.messageSent(this.#owner.socket, type)
    this.#outbox.sendText(text)
  }

  sendError (body: ErrorBody): void {
    if (!this.#owner.isOpen) return
    this.#context.observer.errorSent(this.#owner.socket, body)
    this.sendReserved(this.#context.encoder.error(body), Reserved.error)
  }

  /** Stops the timers of a slow client: it is gone, and another timer ends its connection. */
  stopSlowTimers (): void {
    this.#slowConsumer?.stop()
  }

  /** Notes that no more can leave. */
  end (): void {
    this.#outbox.end()
  }

  onSlow (): void {
    this.#slow.start()
  }

  onDrain (): void {
    this.stopSlowTimers()
    this.#owner.onDrain()
  }

  unreadable (error: unknown): void {
    void this.#owner.report(error, undefined)
  }

  #admit (type: string | undefined): boolean {
    if (!this.#owner.isOpen) return false
    if (this.#outbox.isSlow) {
      this.#slow.rejectEvent(type)
      return false
    }
    this.#context.observer.messageSent(this.#owner.socket, type)
    return true
  }

  get #slow (): SlowConsumer {
    this.#slowConsumer ??= new SlowConsumer(this.#context, this.#owner)
    return this.#slowConsumer
  }
}
