import { ErrorCode, MAX_DEPTH, REF, Reserved, type ErrorBody } from '../../protocol.js'
import type { Incoming } from '../compile/contract.js'
import { Message } from './message.js'

/** A checked message, what the protocol itself has to say, or why there is neither. */
export type Decoded<E> = Message<E> | Refusal | Fault | Ping | Answer | Cancel

export interface Refusal {
  readonly kind: 'refusal'
  readonly error: ErrorBody
}

/** A message whose check threw: the fault is the server's. */
export interface Fault {
  readonly kind: 'fault'
  readonly type: string
  readonly ref: number | undefined
  /** As it came, not checked. */
  readonly payload: unknown
  readonly error: unknown
}

interface Ping {
  readonly kind: 'ping'
}

/** What the peer says to a call of ours: its data, not checked yet, or its error. */
export interface Answer {
  readonly kind: 'reply' | 'error'
  /** An error may answer no call at all. */
  readonly ref: number | undefined
  readonly data: unknown
}

/** The peer waits no longer for the answer to a call of its own. */
export interface Cancel {
  readonly kind: 'cancel'
  readonly ref: number
}

type Status = Pick<ErrorBody, 'statusCode' | 'error'>
type JsonObject = Record<string, unknown>

const BAD_REQUEST = { statusCode: 400, error: 'Bad Request' } as const
// A type this long names nothing; it is not echoed.
const MAX_ECHO_LENGTH = 128

/** Turns text from outside into a message of the contract, or a named refusal. The only way in. */
export class Decoder<E extends Incoming> {
  readonly #entries: ReadonlyMap<string, E>
  readonly #discriminator: string

  constructor (entries: ReadonlyMap<string, E>, discriminator: string) {
    this.#entries = entries
    this.#discriminator = discriminator
  }

  decode (text: string): Decoded<E> {
    const value = parse(text)
    if (value === undefined) return refuse(ErrorCode.invalidJson, 'message is not valid JSON')
    if (!isObject(value)) return refuse(ErrorCode.invalidJson, 'message must be a JSON object')
    const fault = faultOf(value, 1)
    if (fault !== undefined) return refuse(ErrorCode.invalidJson, fault)
    return this.#recognise(value)
  }

  #recognise (value: JsonObject): Decoded<E> {
    const type = value[this.#discriminator]
    const entry = typeof type === 'string' ? this.#entries.get(type) : undefined
    if (entry === undefined) return this.#recogniseOwn(type, value)
    const isCall = entry.reply !== undefined
    if (isCall && (value[REF] !== undefined || entry.isStream) && !isRef(value[REF])) return refuseRef(entry.name)
    const payload = this.#payloadOf(value)
    try {
      if (!entry.payload.check(payload)) return refuse(ErrorCode.validation, entry.payload.explain(payload), entry.name, refOf(value))
    } catch (error) {
      return { kind: 'fault', type: entry.name, ref: refOf(value), payload, error }
    }
    return new Message(entry, entry.name, isCall ? refOf(value) : undefined, payload)
  }

  // What the protocol itself says, or nothing known.
  #recogniseOwn (type: unknown, value: JsonObject): Decoded<E> {
    if (type === Reserved.ping) return PING
    if (type !== Reserved.reply && type !== Reserved.error && type !== Reserved.cancel) return this.#refuseType(type, value)
    const ref = refOf(value)
    // An error is never answered by an error.
    if (type === Reserved.error) return { kind: 'error', ref, data: value }
    if (ref === undefined) return refuseRef(type)
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

  #refuseType (type: unknown, value: JsonObject): Refusal {
    const ref = refOf(value)
    if (typeof type !== 'string') return refuse(ErrorCode.unknownType, `message must have a string property '${this.#discriminator}'`, undefined, ref)
    if (type.length > MAX_ECHO_LENGTH) return refuse(ErrorCode.unknownType, 'message has an unknown type', undefined, ref)
    return refuse(ErrorCode.unknownType, `message has an unknown type '${type}'`, type, ref)
  }
}

const PING: Ping = { kind: 'ping' }

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// Depth and poisoning in one walk, which never goes deeper than it allows.
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

// As secure-json-parse does for Fastify's bodies: what could reach a prototype when merged.
function isPoison (key: string, child: unknown): boolean {
  if (key === '__proto__') return true
  return key === 'constructor' && typeof child === 'object' && child !== null && Object.hasOwn(child, 'prototype')
}

/** Why a message is not handled, in its place among those that are. */
export function refuse (code: string, message: string, received?: string, ref?: number, status: Status = BAD_REQUEST): Refusal {
  const error = { ...status, code, message }
  return { kind: 'refusal', error: { ...(ref !== undefined && { ref }), ...(received !== undefined && { received }), ...error } }
}

// A `ref` that is none is not repeated.
function refuseRef (received: string): Refusal {
  return refuse(ErrorCode.validation, `message/${REF} must be a positive integer`, received)
}

function refOf (value: JsonObject): number | undefined {
  return isRef(value[REF]) ? value[REF] : undefined
}

function isRef (value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

function isObject (value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
