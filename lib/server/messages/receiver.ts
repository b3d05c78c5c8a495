import { CloseCode, ErrorCode } from '../../protocol.js'
import { PONG } from '../transport/frame.js'
import type { TextReceiver } from '../transport/frame-reader.js'
import { Admission } from './admission.js'
import type { Decoded } from './decode.js'
import { failingMessage, Message, type Received } from './message.js'
import type { InboundContext, InboundOwner } from './owner.js'
import { rejectionOf } from './rejection.js'
import type { Responder } from './responder.js'
import type { Scheduler } from './scheduler.js'

/** An event whose binary frame has not come yet. */
interface Header {
  /** Undefined for an event that was rejected: its frame is left out. */
  readonly message: Received | undefined
  /** The length of its text. */
  readonly bytes: number
}

/**
 * The first part of a line: decodes the messages of one connection and hands them to admission. An
 * event that has a binary frame is handed on with it.
 */
export class Receiver implements TextReceiver {
  readonly #context: InboundContext
  readonly #owner: InboundOwner
  readonly #scheduler: Scheduler
  readonly #responder: Responder
  // Made with the first frame: most connections of a service are silent.
  #admission: Admission | undefined = undefined
  #received = 0
  #header: Header | undefined = undefined

  constructor (context: InboundContext, owner: InboundOwner, scheduler: Scheduler, responder: Responder) {
    this.#context = context
    this.#owner = owner
    this.#scheduler = scheduler
    this.#responder = responder
  }

  /** The number of messages received: an event and its frame are one. */
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
      if (this.#header !== undefined) this.#rejectHeader(this.#header)
      // The rejection may have been the last one.
      if (this.#owner.input.isIgnored) return
      const decoded = this.#decode(text)
      if (this.#context.decoder.announcesBinary(decoded)) this.#hold(decoded, bytes)
      else this.#successor.take(decoded, bytes)
    } catch (error) {
      this.#fail(error)
    }
  }

  takeBinary (data: Buffer): void {
    if (this.#owner.input.isIgnored) return
    try {
      if (this.#header !== undefined) this.#complete(this.#header, data)
      else this.#takePlain(data)
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

  #takePlain (data: Buffer): void {
    this.#received++
    const { binary } = this.#context
    if (binary === undefined) this.#owner.close(CloseCode.unsupportedData, 'no binary frames here')
    else this.#successor.take(new Message(binary, undefined, data), data.length)
  }

  // An event that is rejected is answered at once, and its frame is left out.
  #hold (decoded: Decoded, bytes: number): void {
    const message = decoded.kind === 'event' ? decoded : undefined
    this.#header = { message, bytes }
    if (message === undefined) this.#successor.take(decoded, bytes)
  }

  #complete ({ message, bytes }: Header, data: Buffer): void {
    this.#header = undefined
    if (message === undefined) return
    message.binary = data
    this.#successor.take(message, bytes + data.length)
  }

  // Another message has come in place of the frame.
  #rejectHeader ({ message, bytes }: Header): void {
    this.#header = undefined
    if (message === undefined) return
    const received = message.entry.name!
    const rejection = rejectionOf(ErrorCode.missingBinary, `event '${received}' must be followed by its binary frame`, { received })
    this.#successor.take(rejection, bytes)
  }

  #decode (text: string | Buffer): Decoded {
    return this.#context.decoder.decode(typeof text === 'string' ? text : text.toString())
  }

  // A throw from here would leave by the 'data' event of the stream, and end the process.
  #fail (error: unknown): void {
    void this.#responder.fail(error, failingMessage(error))
  }
}
