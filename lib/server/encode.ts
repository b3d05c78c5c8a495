import { REF, Reserved, type ErrorBody } from '../protocol.js'
import type { Codec, CompiledContract } from './compile.js'
import * as errors from './errors.js'

/** Writes the messages of one contract as text, each checked and stripped of what its schema does not declare. */
export class Encoder {
  readonly #compiled: CompiledContract
  readonly #isChecked: boolean
  readonly #reply: string
  readonly #error: string
  readonly #pong: string

  constructor (compiled: CompiledContract, validateOutgoing: boolean) {
    const opening = (type: string): string => `{${JSON.stringify(compiled.contract.discriminator)}:${JSON.stringify(type)}`
    this.#compiled = compiled
    this.#isChecked = validateOutgoing
    this.#reply = opening(Reserved.reply)
    this.#error = opening(Reserved.error)
    this.#pong = `${opening(Reserved.pong)}}`
  }

  /** @throws FST_TYPED_WS_OUTGOING_UNKNOWN, FST_TYPED_WS_OUTGOING_INVALID */
  event (type: string, payload: unknown): string {
    const codec = this.#compiled.outgoing.get(type)
    if (codec === undefined) throw new errors.OutgoingUnknown(this.#compiled.contract.name, type)
    return this.#write(codec, payload, type)
  }

  /** @throws FST_TYPED_WS_OUTGOING_INVALID */
  reply (type: string, codec: Codec, ref: number | undefined, data: unknown): string {
    const text = this.#write(codec, data, `reply to ${type}`)
    return ref === undefined ? `${this.#reply},"data":${text}}` : `${this.#reply},"${REF}":${ref},"data":${text}}`
  }

  error (body: ErrorBody): string {
    return `${this.#error},${JSON.stringify(body).slice(1)}`
  }

  pong (): string {
    return this.#pong
  }

  // What a getter or a toJSON of the value throws is its own fault as well.
  #write (codec: Codec, value: unknown, what: string): string {
    let isValid: boolean
    try {
      isValid = !this.#isChecked || codec.check(value)
      if (isValid) return codec.serialize(value)
    } catch (error) {
      throw new errors.OutgoingInvalid(what, error instanceof Error ? error.message : String(error))
    }
    throw new errors.OutgoingInvalid(what, codec.explain(value))
  }
}
