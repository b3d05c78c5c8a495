import { CloseCode } from '../../protocol.js'
import { PONG } from '../transport/frame.js'
import type { TextReceiver } from '../transport/frame-reader.js'
import { Admission } from './admission.js'
import type { Decoded } from './decode.js'
import { failingMessage, Message } from './message.js'
import type { InboundContext, InboundOwner } from './owner.js'
import type { Responder } from './responder.js'
import type { Scheduler } from './scheduler.js'

/** The first part of a line: decodes the messages of one connection and hands them to admission. */
export class Receiver implements TextReceiver {
  readonly #context: InboundContext
  readonly #owner: InboundOwner
  readonly #scheduler: Scheduler
  readonly #responder: Responder
  // Made with the first frame: most connections of a service are silent.
  #admission: Admission | undefined = undefined
  #received = 0

  constructor (context: InboundContext, owner: InboundOwner, scheduler: Scheduler, responder: Responder) {
    this.#context = context
    this.#owner = owner
    this.#scheduler = scheduler
    this.#responder = responder
  }

  /** The number of messages received. */
  get received (): number {
    return this.#received
  }

  /** True while no more messages may wait, or none is admitted for want of tokens. */
  get isFull (): boolean {
    return this.#admission?.isThrottled === true || this.#scheduler.isFull
  }

  takeText (text: string | Buffer, bytes: number): void {
    if (this.#owner.input.isIgnored) return
    this.#received++
    try {
      this.#successor.take(this.#decode(text), bytes)
    } catch (error) {
      this.#fail(error)
    }
  }

  takeBinary (data: Buffer): void {
    if (this.#owner.input.isIgnored) return
    this.#received++
    try {
      const { binary } = this.#context
      if (binary === undefined) this.#owner.close(CloseCode.unsupportedData, 'no binary frames here')
      else this.#successor.take(new Message(binary, undefined, data), data.length)
    } catch (error) {
      this.#fail(error)
    }
  }

  // The client's pong to a ping of the server's is free.
  admitsFrame (opcode: number): boolean {
    return (opcode === PONG && this.#owner.input.takePong()) || this.#successor.admitsFrame()
  }

  /** Stops the timers: the client is gone. */
  end (): void {
    this.#admission?.end()
  }

  get #successor (): Admission {
    this.#admission ??= new Admission(this.#context, this.#owner, this.#scheduler, this.#responder)
    return this.#admission
  }

  #decode (text: string | Buffer): Decoded {
    return this.#context.decoder.decode(typeof text === 'string' ? text : text.toString())
  }

  // A throw from here would leave by the 'data' event of the stream, and end the process.
  #fail (error: unknown): void {
    void this.#responder.fail(error, failingMessage(error))
  }
}
