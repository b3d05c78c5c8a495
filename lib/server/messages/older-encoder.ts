import type { AnyContract } from '../../../types/contract.js'
import type { OlderVersion } from '../../../types/versions.js'
import { AT, HAS_BINARY, REF, type ErrorBody } from '../../protocol.js'
import type { IncomingCall, IncomingStream } from '../compile/contract.js'
import * as errors from '../errors.js'
import type { Encoder, MessageEncoder, WrittenCall } from './encode.js'
import { frameOf, type Frame } from '../transport/frame.js'
import { pairsOf, type Pair } from './older.js'
import { apply, translated, translating } from './translation.js'

/** A contract's two ways to write, and its messages in the newest version. */
export interface OlderParts {
  readonly newest: Encoder
  /** The calls and streams of the newest version, by name. */
  readonly incoming: ReadonlyMap<string, unknown>
  readonly old: Encoder
}

type Fields = Readonly<Record<string, unknown>>

/**
 * Writes messages of the newest version for clients of an older one. Each is written as the newest
 * one first, so that it is checked like that of any other client and `down` gets plain JSON; its
 * result is written by the old schema, which leaves out undeclared properties.
 */
export class OlderEncoder implements MessageEncoder {
  /** True where its clients expect frames that belong to no event. */
  readonly hasBinary: boolean
  readonly #name: string
  // The beginning of a message, with the name of its discriminator.
  readonly #newestOpening: string
  readonly #opening: string
  // The properties of a message that are none of its payload.
  readonly #reserved: readonly string[]
  readonly #newest: Encoder
  readonly #old: Encoder
  readonly #incoming: OlderParts['incoming']
  // By the name that the sender gives the message.
  readonly #fromClient: ReadonlyMap<string, Pair>
  readonly #toClient: ReadonlyMap<string, Pair>
  readonly #frames = new WeakMap<Frame, Frame | undefined>()

  constructor (version: OlderVersion, { newest, incoming, old }: OlderParts) {
    this.hasBinary = version.contract.binary.serverToClient
    this.#name = version.contract.name
    this.#newestOpening = openingOf(version.newest)
    this.#opening = openingOf(version.contract)
    this.#reserved = [version.newest.discriminator, REF, AT, HAS_BINARY]
    this.#newest = newest
    this.#old = old
    this.#incoming = incoming
    this.#fromClient = byName(pairsOf(version, 'clientToServer'))
    this.#toClient = byName(pairsOf(version, 'serverToClient'))
  }

  /** @throws as `Encoder.event` does; FST_TYPED_WS_INVALID_TRANSLATION */
  event (type: string, payload: unknown, hasBinary: boolean = false): string | undefined {
    return this.#lower(type, this.#newest.event(type, payload, hasBinary))
  }

  /**
   * A published event, or a message of the protocol's own, framed once for all clients of the
   * version.
   * @throws FST_TYPED_WS_INVALID_TRANSLATION, at the first client.
   */
  frame (frame: Frame): Frame | undefined {
    if (this.#frames.has(frame)) return this.#frames.get(frame)
    this.#frames.set(frame, undefined)
    const own = isReserved(frame) ? this.#renamed(frame) : this.#lowered(frame)
    this.#frames.set(frame, own)
    return own
  }

  /** @throws as `Encoder.call` does; FST_TYPED_WS_CALL_REFUSED, FST_TYPED_WS_INVALID_TRANSLATION */
  call (type: string, payload: unknown): WrittenCall {
    const { reply: newest, textFor } = this.#newest.call(type, payload)
    const { to, translation } = this.#toClient.get(type)!
    const where = `serverToClient.${type}`
    const lowered = to && translating(this.#name, `${where}.down`, () => {
      const value = apply(translation.down, this.#payloadOf(fieldsOf(textFor(1))))
      return value === undefined ? undefined : this.#old.call(to.name, value)
    })
    if (lowered === undefined) throw this.#refused(type)
    const up = (data: unknown): unknown => translated(this.#name, `${where}.up`, data, translation.up, newest)
    return { ...lowered, up }
  }

  /** @throws as `Encoder.reply` does; FST_TYPED_WS_INVALID_TRANSLATION */
  reply (entry: IncomingCall, ref: number | undefined, data: unknown): string {
    const { to, translation: { down } } = this.#fromClient.get(entry.name)!
    const { data: reply } = fieldsOf(this.#newest.reply(this.#incoming.get(to!.name) as IncomingCall, ref, data))
    return translating(this.#name, `clientToServer.${entry.name}.down`, () => this.#old.reply(entry, ref, apply(down, reply)))
  }

  /** @throws as `Encoder.next` does; FST_TYPED_WS_INVALID_TRANSLATION */
  next (entry: IncomingStream, ref: number, item: unknown): string | undefined {
    const { to, translation: { down } } = this.#fromClient.get(entry.name)!
    const { data } = fieldsOf(this.#newest.next(this.#incoming.get(to!.name) as IncomingStream, ref, item))
    return translating(this.#name, `clientToServer.${entry.name}.down`, () => {
      const lowered = apply(down, data)
      return lowered === undefined ? undefined : this.#old.next(entry, ref, lowered)
    })
  }

  done (ref: number): string {
    return this.#old.done(ref)
  }

  cancel (ref: number): string {
    return this.#old.cancel(ref)
  }

  error (body: ErrorBody): string {
    return this.#old.error(body)
  }

  topic (body: object): string {
    return this.#old.topic(body)
  }

  pong (): string {
    return this.#old.pong()
  }

  // The protocol's own messages are the same in all versions, but for the discriminator.
  #renamed (frame: Frame): Frame {
    if (this.#opening === this.#newestOpening) return frame
    return frameOf(frame.type, `${this.#opening}${frame.text.slice(this.#newestOpening.length)}`)
  }

  // A node of a newer server may publish an event that is not known here yet.
  #lowered ({ type, text }: Frame): Frame | undefined {
    const lowered = this.#toClient.has(type) ? this.#lower(type, text) : undefined
    return lowered === undefined ? undefined : frameOf(type, lowered)
  }

  #lower (type: string, text: string): string | undefined {
    const { from, to, translation: { down } } = this.#toClient.get(type)!
    if (to === undefined) return undefined
    return translating(this.#name, `serverToClient.${type}.down`, () => {
      const fields = fieldsOf(text)
      const payload = apply(down, this.#payloadOf(fields))
      if (payload === undefined) return undefined
      const written = this.#old.event(to.name, payload, from.schemas.hasBinary)
      return fields[AT] === undefined ? written : `{"${AT}":${JSON.stringify(fields[AT])},${written.slice(1)}`
    })
  }

  #payloadOf (fields: Fields): Fields {
    return Object.fromEntries(Object.entries(fields).filter(([name]) => !this.#reserved.includes(name)))
  }

  #refused (type: string): Error {
    const message = `its version '${this.#name}' has no such call`
    return Object.assign(new errors.CallRefused(type, message), { body: { statusCode: 501, error: 'Not Implemented', message } })
  }
}

// No message of a contract has such a name.
function isReserved ({ type }: Frame): boolean {
  return type.startsWith('$')
}

function openingOf ({ discriminator }: AnyContract): string {
  return `{${JSON.stringify(discriminator)}:`
}

function fieldsOf (text: string): Fields {
  return JSON.parse(text) as Fields
}

function byName (pairs: readonly Pair[]): Map<string, Pair> {
  return new Map(pairs.map((pair) => [pair.from.name, pair]))
}
