import { ErrorCode, MAX_DEPTH, REF, Reserved } from '../../protocol.js'
import { isRecord } from '../../record.js'
import { Message, type Entry, type Received } from './message.js'
import { NameTree } from './name-tree.js'
import { rejectionOf, type Rejection } from './rejection.js'

/** A checked message, a message of the protocol's own, or a rejection. */
export type Decoded = Received | Rejection | Fault | Ping | Answer | Cancel | Positions

/** A message whose check threw: a fault of the server's. */
export interface Fault {
  readonly kind: 'fault'
  readonly type: string
  readonly ref: number | undefined
  /** The payload as it arrived, not checked. */
  readonly payload: unknown
  readonly error: unknown
}

interface Ping {
  readonly kind: 'ping'
}

/** The client's answer to a call of the server's: its data, not checked yet, or its error. */
export interface Answer {
  readonly kind: 'reply' | 'error'
  /** An error may answer no call at all. */
  readonly ref: number | undefined
  readonly data: unknown
}

/** A notice that the client no longer awaits the answer to a call of its own. */
export interface Cancel {
  readonly kind: 'cancel'
  readonly ref: number
}

/** The positions of a client in recoverable topics, not checked yet. */
export interface Positions {
  readonly kind: 'positions'
  readonly value: Readonly<Record<string, unknown>>
  /** The answer to a client that did not ask for positions. */
  readonly rejection: Rejection
}

type JsonObject = Record<string, unknown>

// A longer type names no message, and is not sent back.
const MAX_ECHO_LENGTH = 128
// A JSON parser finds the end of a long text sooner than a pattern does.
const MAX_FLAT_LENGTH = 512

/** Turns texts of a client into messages. */
export interface MessageDecoder {
  /** Tells whether a binary frame belongs to a decoded message, valid or not. */
  announcesBinary (decoded: Decoded): boolean
  decode (text: string): Decoded
}

/** Turns the text of a client into a message of the contract, or into a named rejection. */
export class Decoder implements MessageDecoder {
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #discriminator: string
  // The messages that have flat texts, and the place of the name in these.
  readonly #flat: NameTree<Entry>
  readonly #nameAt: number
  readonly #knowsBinaryEvents: boolean

  constructor (entries: ReadonlyMap<string, Entry>, discriminator: string) {
    this.#entries = entries
    this.#discriminator = discriminator
    const flat = [...entries].filter(([, entry]) => entry.flat !== undefined)
    // The quotation mark behind it makes that no name is the beginning of another one.
    this.#flat = new NameTree(flat.map(([name, entry]) => [JSON.stringify(name).slice(1), entry]))
    this.#nameAt = `{${JSON.stringify(discriminator)}:"`.length
    this.#knowsBinaryEvents = [...entries.values()].some(({ hasBinary }) => hasBinary)
  }

  announcesBinary (decoded: Decoded): boolean {
    if (!this.#knowsBinaryEvents) return false
    const type = typeOf(decoded)
    return type !== undefined && this.#entries.get(type)?.hasBinary === true
  }

  decode (text: string): Decoded {
    return this.#readFlat(text) ?? this.#read(text)
  }

  #readFlat (text: string): Decoded | undefined {
    if (text.length > MAX_FLAT_LENGTH) return undefined
    const entry = this.#flat.find(text, this.#nameAt)
    const flat = entry?.flat
    const match = flat?.pattern.exec(text)
    return match == null ? undefined : complete(entry!, flat!.refOf(match), flat!.payloadOf(match))
  }

  #read (text: string): Decoded {
    const value = parse(text)
    if (value === undefined) return rejectionOf(ErrorCode.invalidJson, 'message is not valid JSON')
    if (!isRecord(value)) return rejectionOf(ErrorCode.invalidJson, 'message must be a JSON object')
    const fault = faultOf(value, 1)
    if (fault !== undefined) return rejectionOf(ErrorCode.invalidJson, fault)
    return this.#recognize(value)
  }

  #recognize (value: JsonObject): Decoded {
    const type = value[this.#discriminator]
    const entry = typeof type === 'string' ? this.#entries.get(type) : undefined
    if (entry === undefined) return this.#recognizeReserved(type, value)
    const ref = refOf(value)
    if (entry.kind === 'call' && ref === undefined && value[REF] !== undefined) return rejectRef(entry.name)
    return complete(entry, ref, this.#payloadOf(value))
  }

  // A message of the protocol's own, or an unknown type.
  #recognizeReserved (type: unknown, value: JsonObject): Decoded {
    if (type === Reserved.ping) return PING
    if (type === Reserved.recover) return { kind: 'positions', value, rejection: this.#rejectType(type, value) }
    if (type !== Reserved.reply && type !== Reserved.error && type !== Reserved.cancel) return this.#rejectType(type, value)
    const ref = refOf(value)
    // An error is never answered by an error.
    if (type === Reserved.error) return { kind: 'error', ref, data: value }
    if (ref === undefined) return rejectRef(type)
    return type === Reserved.reply ? { kind: 'reply', ref, data: value['data'] } : { kind: 'cancel', ref }
  }

  // A copy is cheaper than a delete, which turns the object into a dictionary.
  #payloadOf (value: JsonObject): JsonObject {
    const payload: JsonObject = {}
    for (const key in value) {
      if (key !== this.#discriminator && key !== REF) payload[key] = value[key]
    }
    return payload
  }

  #rejectType (type: unknown, value: JsonObject): Rejection {
    const ref = refOf(value)
    const { unknownType } = ErrorCode
    if (typeof type !== 'string') return rejectionOf(unknownType, `message must have a string property '${this.#discriminator}'`, { ref })
    if (type.length > MAX_ECHO_LENGTH) return rejectionOf(unknownType, 'message has an unknown type', { ref })
    return rejectionOf(unknownType, `message has an unknown type '${type}'`, { ref, received: type })
  }
}

function complete (entry: Entry, ref: number | undefined, payload: JsonObject): Decoded {
  switch (entry.kind) {
    case 'event': return check(entry, payload, ref) ?? new Message(entry, undefined, payload)
    case 'call': return check(entry, payload, ref) ?? new Message(entry, ref, payload)
    case 'stream': return ref === undefined ? rejectRef(entry.name) : check(entry, payload, ref) ?? new Message(entry, ref, payload)
  }
}

const PING: Ping = { kind: 'ping' }

function typeOf (decoded: Decoded): string | undefined {
  if (decoded.kind === 'rejection') return decoded.error.received
  if (decoded.kind === 'event') return decoded.entry.name
  return decoded.kind === 'fault' ? decoded.type : undefined
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// Finds too many levels, and forbidden properties, in one walk that goes no deeper than MAX_DEPTH.
function faultOf (value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (depth > MAX_DEPTH) return `message is nested deeper than ${MAX_DEPTH} levels`
  return Array.isArray(value) ? faultOfItems(value, depth) : faultOfMembers(value as JsonObject, depth)
}

function faultOfItems (items: readonly unknown[], depth: number): string | undefined {
  for (const item of items) {
    const fault = faultOf(item, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultOfMembers (object: JsonObject, depth: number): string | undefined {
  for (const key in object) {
    const value = object[key]
    if (isPoison(key, value)) return `message has a forbidden property '${key}'`
    const fault = faultOf(value, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

// Finds the properties that could reach a prototype when objects are merged, as
// secure-json-parse does for Fastify's bodies.
function isPoison (key: string, child: unknown): boolean {
  if (key === '__proto__') return true
  return key === 'constructor' && typeof child === 'object' && child !== null && Object.hasOwn(child, 'prototype')
}

function check ({ name, payload: checker }: Entry, payload: unknown, ref: number | undefined): Rejection | Fault | undefined {
  try {
    return checker.check(payload) ? undefined : rejectionOf(ErrorCode.validation, checker.explain(payload), { ref, received: name })
  } catch (error) {
    return { kind: 'fault', type: name, ref, payload, error }
  }
}

// An invalid `ref` is not sent back.
function rejectRef (received: string): Rejection {
  return rejectionOf(ErrorCode.validation, `message/${REF} must be a positive integer`, { received })
}

function refOf (value: JsonObject): number | undefined {
  return isRef(value[REF]) ? value[REF] : undefined
}

function isRef (value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}
