import { REF, Reserved, type ErrorBody } from '../../protocol.js'
import type { Codec, CompiledContract, IncomingCall, IncomingStream } from '../compile/contract.js'
import * as errors from '../errors.js'
import { causedBy, textOf } from '../failure.js'
import { printable } from '../printable.js'
import type { Checker } from '../compile/checker.js'

/** A call, to be sent with any `ref`. */
export interface WrittenCall {
  /** The check of its answer. */
  readonly reply: Checker
  readonly textFor: (ref: number) => string
  /**
   * Makes a reply of the newest version from that of an older one.
   * @throws FST_TYPED_WS_INVALID_TRANSLATION
   */
  readonly up?: ((reply: unknown) => unknown) | undefined
}

/** Writes messages as texts for the clients of one version. Undefined: such a client gets none. */
export interface MessageEncoder {
  event (type: string, payload: unknown, hasBinary?: boolean): string | undefined
  call (type: string, payload: unknown): WrittenCall
  reply (entry: IncomingCall, ref: number | undefined, data: unknown): string
  next (entry: IncomingStream, ref: number, item: unknown): string | undefined
  done (ref: number): string
  cancel (ref: number): string
  error (body: ErrorBody): string
  topic (body: object): string
  pong (): string
}

/**
 * Writes the messages of one contract as text: each is checked, and written without undeclared
 * properties.
 */
export class Encoder implements MessageEncoder {
  readonly #compiled: CompiledContract
  readonly #isChecked: boolean
  readonly #reply: string
  readonly #next: string
  readonly #done: string
  readonly #cancel: string
  readonly #error: string
  readonly #pong: string
  readonly #topic: string

  constructor (compiled: CompiledContract, validateOutgoing: boolean) {
    const opening = (type: string): string => `{${JSON.stringify(compiled.contract.discriminator)}:${JSON.stringify(type)}`
    this.#compiled = compiled
    this.#isChecked = validateOutgoing
    this.#reply = opening(Reserved.reply)
    this.#next = opening(Reserved.next)
    this.#done = opening(Reserved.done)
    this.#cancel = opening(Reserved.cancel)
    this.#error = opening(Reserved.error)
    this.#pong = `${opening(Reserved.pong)}}`
    this.#topic = opening(Reserved.topic)
  }

  /**
   * @param hasBinary - the bytes of the event are sent with it.
   * @throws FST_TYPED_WS_OUTGOING_UNKNOWN, FST_TYPED_WS_OUTGOING_INVALID,
   * FST_TYPED_WS_OUTGOING_BINARY
   */
  event (type: string, payload: unknown, hasBinary: boolean = false): string {
    const codec = this.#compiled.outgoing.get(type)
    if (codec?.kind !== 'event') throw new errors.OutgoingUnknown(this.#compiled.contract.name, 'event', printable(String(type)))
    if (codec.hasBinary !== hasBinary) throw errors.binaryMismatch(type, codec.hasBinary)
    return this.#write(codec, payload, type)
  }

  /**
   * Writes a call of the server's; its `ref` is added when it is sent.
   * @throws FST_TYPED_WS_OUTGOING_UNKNOWN, FST_TYPED_WS_OUTGOING_INVALID
   */
  call (type: string, payload: unknown): WrittenCall {
    const codec = this.#compiled.outgoing.get(type)
    if (codec?.kind !== 'call') throw new errors.OutgoingUnknown(this.#compiled.contract.name, 'call', printable(String(type)))
    const { opening, reply } = codec
    const text = this.#write(codec, payload, type)
    return { reply, textFor: (ref) => `${opening},"${REF}":${ref}${text.slice(opening.length)}` }
  }

  /** @throws FST_TYPED_WS_OUTGOING_INVALID */
  reply ({ name, answer }: IncomingCall, ref: number | undefined, data: unknown): string {
    const text = this.#write(answer, data, `reply to ${name}`)
    return ref === undefined ? `${this.#reply},"data":${text}}` : `${this.#reply},"${REF}":${ref},"data":${text}}`
  }

  /** @throws FST_TYPED_WS_OUTGOING_INVALID */
  next ({ name, answer }: IncomingStream, ref: number, item: unknown): string {
    return `${this.#next},"${REF}":${ref},"data":${this.#write(answer, item, `item of ${name}`)}}`
  }

  done (ref: number): string {
    return `${this.#done},"${REF}":${ref}}`
  }

  cancel (ref: number): string {
    return `${this.#cancel},"${REF}":${ref}}`
  }

  error (body: ErrorBody): string {
    return `${this.#error},${JSON.stringify(body).slice(1)}`
  }

  /** A client's place in a recoverable topic. */
  topic (body: object): string {
    return `${this.#topic},${JSON.stringify(body).slice(1)}`
  }

  /**
   * Writes what a member shows of itself. It is checked in any case: clients often choose it.
   * @throws FST_TYPED_WS_OUTGOING_INVALID
   */
  info (kind: string, topic: string, info: unknown): string {
    return this.#write(this.#compiled.infos.get(kind)!, info, `info of a member of ${topic}`, true)
  }

  pong (): string {
    return this.#pong
  }

  // A getter or a `toJSON` that throws is a fault of the value.
  #write (codec: Codec, value: unknown, what: string, isChecked: boolean = this.#isChecked): string {
    try {
      if (!isChecked || codec.check(value)) return codec.serialize(value)
    } catch (error) {
      if (codec.writeDates === undefined) throw causedBy(new errors.OutgoingInvalid(what, textOf(error)), error)
    }
    return this.#writeDated(codec, value, what, isChecked)
  }

  // Dates are replaced only in a value that could not be written as it is: no other value bears the
  // cost.
  #writeDated (codec: Codec, value: unknown, what: string, isChecked: boolean): string {
    let written = value
    try {
      if (codec.writeDates !== undefined) written = codec.writeDates(value)
      if (!isChecked || codec.check(written)) return codec.serialize(written)
    } catch (error) {
      throw causedBy(new errors.OutgoingInvalid(what, textOf(error)), error)
    }
    throw new errors.OutgoingInvalid(what, codec.explain(written))
  }
}
