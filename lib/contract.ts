import type { Contract, ContractDefinition } from '../types/contract.js'
import { isPublic, OWN_PROPERTIES, REF, REFUSAL } from './protocol.js'
import { explainForeign } from './standard-schema.js'

export type { AnyContract, Contract, ContractDefinition, CallDefinition, StreamDefinition, MessageDefinition, Messages, Payload } from '../types/contract.js'
export type { Infer } from '../types/infer.js'

/** Thrown by `defineContract`; the message says which part is wrong and what to write instead. */
export class ContractError extends TypeError {
  readonly code = 'FST_TYPED_WS_INVALID_CONTRACT'
  override readonly name = 'ContractError'
}

type Schema = Readonly<Record<string, unknown>>

const DEFAULT_DISCRIMINATOR = 'type'
const DIRECTIONS = ['clientToServer', 'serverToClient'] as const
const PROPERTIES = new Set(['name', 'discriminator', 'binary', ...DIRECTIONS])
const MESSAGE_PARTS = ['request', 'reply', 'stream']
// RFC 9110 §5.6.2
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * Declares what a client and a server may say to each other. The value is plain data: no Node, no Fastify inside, so a front end can import it,
 * or only its type.
 *
 * @param definition - the contract's `name`, its messages in both directions, and which side may send binary frames. A message is an event (an object
 * schema), a call (`{ request, reply }`) or a stream (`{ request, stream }`).
 * @returns the contract with every default filled in, frozen.
 * @throws {ContractError} `FST_TYPED_WS_INVALID_CONTRACT` when a part of it could not work on the wire.
 *
 * @example
 * export const chat = defineContract({
 *   name: 'chat.v1',
 *   clientToServer: {
 *     message: Type.Object({ text: Type.String({ minLength: 1, maxLength: 2000 }) }),
 *     history: { request: Type.Object({ before: Type.Number() }), reply: Type.Array(Type.String()) }
 *   },
 *   serverToClient: {
 *     message: Type.Object({ text: Type.String(), id: Type.String() })
 *   }
 * })
 */
export function defineContract<const D extends ContractDefinition> (definition: D): Contract<D> {
  const given: unknown = definition
  if (!isObject(given)) throw new ContractError('a contract is an object: write defineContract({ name: \'chat.v1\', clientToServer: { … } })')
  for (const key of Object.keys(given)) {
    if (!PROPERTIES.has(key)) throw new ContractError(`a contract has no property '${key}': write one of ${[...PROPERTIES].join(', ')}`)
  }
  const name = checkName(given['name'])
  const discriminator = checkDiscriminator(given['discriminator'])
  return Object.freeze({
    name,
    discriminator,
    clientToServer: checkMessages(given['clientToServer'], 'clientToServer', discriminator),
    serverToClient: checkMessages(given['serverToClient'], 'serverToClient', discriminator),
    binary: checkBinary(given['binary'])
  }) as unknown as Contract<D>
}

function checkName (name: unknown): string {
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw new ContractError(`a contract's name travels as a WebSocket subprotocol, so it must be an RFC 9110 token: write letters, digits, '.' or '-', like name: 'chat.v1', instead of ${show(name)}`)
  }
  if (!isPublic(name) || name === REFUSAL) {
    throw new ContractError(`'bearer.<token>' and '${REFUSAL}' are subprotocols of the protocol's own: write another name, like name: 'chat.v1', instead of ${show(name)}`)
  }
  return name
}

function checkDiscriminator (discriminator: unknown): string {
  if (discriminator === undefined) return DEFAULT_DISCRIMINATOR
  if (typeof discriminator !== 'string' || ['', '__proto__', ...OWN_PROPERTIES].includes(discriminator)) {
    throw new ContractError(`discriminator is the property that carries a message's name, beside ${OWN_PROPERTIES.join(', ')}: write another name, like discriminator: 'op', instead of ${show(discriminator)}`)
  }
  return discriminator
}

function checkBinary (binary: unknown): { clientToServer: boolean, serverToClient: boolean } {
  if (binary === undefined) return Object.freeze({ clientToServer: false, serverToClient: false })
  const sides = isObject(binary) ? Object.entries(binary) : []
  if (!isObject(binary) || sides.some(([side, allowed]) => !isDirection(side) || typeof allowed !== 'boolean')) {
    throw new ContractError('binary says which side may send binary frames: write binary: { clientToServer: true, serverToClient: true }')
  }
  return Object.freeze({ clientToServer: binary['clientToServer'] === true, serverToClient: binary['serverToClient'] === true })
}

function checkMessages (messages: unknown, direction: string, discriminator: string): Schema {
  if (messages === undefined) return Object.freeze({})
  if (!isObject(messages)) throw new ContractError(`${direction} is an object of messages by name: write ${direction}: { message: Type.Object({ … }) }`)
  for (const [name, message] of Object.entries(messages)) {
    checkMessageName(name, `${direction}.${name}`)
    checkMessage(message, `${direction}.${name}`, discriminator)
  }
  return Object.freeze(Object.fromEntries(Object.entries(messages).map(([name, message]) => [name, frozen(message)])))
}

// Calls are the contract's own objects; schemas stay what they are, because TypeBox hides on them what a copy would lose.
function frozen (message: unknown): unknown {
  return isObject(message) && isQuestion(message) ? Object.freeze({ ...message }) : message
}

function checkMessageName (name: string, where: string): void {
  if (name === '') throw new ContractError(`${where}: a message needs a name`)
  if (name.startsWith('$')) throw new ContractError(`${where}: names that begin with '$' belong to the protocol: write '${name.replace(/^\$+/, '') || 'message'}'`)
  if (name === '__proto__') throw new ContractError(`${where}: '__proto__' cannot be a message's name: write another one`)
}

function checkMessage (message: unknown, where: string, discriminator: string): void {
  refuseForeign(message, where)
  if (!isObject(message)) throw new ContractError(`${where}: a message is a schema, { request, reply } or { request, stream }, not ${show(message)}`)
  if (isQuestion(message)) return checkQuestion(message, where, discriminator)
  checkPayload(message, where, discriminator)
}

// No keyword of JSON Schema is named like a part of a call.
function isQuestion (message: Schema): boolean {
  return MESSAGE_PARTS.some((part) => Object.hasOwn(message, part))
}

function checkQuestion (message: Schema, where: string, discriminator: string): void {
  const { request, reply, stream, ...others } = message
  for (const [part, schema] of Object.entries({ request, reply, stream })) refuseForeign(schema, `${where}.${part}`)
  const [other] = Object.keys(others)
  if (other !== undefined) throw new ContractError(`${where}: a call has no part '${other}': write { request, reply } or { request, stream }`)
  if (!isObject(request)) throw new ContractError(`${where}: request is missing: write { request: Type.Object({ … }), ${stream === undefined ? 'reply' : 'stream'}: … }`)
  if (reply !== undefined && stream !== undefined) throw new ContractError(`${where}: a message is answered once or many times: write either reply or stream, not both`)
  if (!isObject(reply ?? stream)) throw new ContractError(`${where}: the answer is missing: write reply: <schema> for one answer, or stream: <schema> for many`)
  checkPayload(request, `${where}.request`, discriminator)
}

function refuseForeign (schema: unknown, where: string): void {
  const reason = explainForeign(schema)
  if (reason !== undefined) throw new ContractError(`${where}: ${reason}`)
}

function checkPayload (schema: Schema, where: string, discriminator: string): void {
  if (!isObjectSchema(schema, schema)) {
    throw new ContractError(`${where}: a payload shares one JSON object with its type, so its schema must be an object: write Type.Object({ value: <schema> }) instead of ${show(schema['type'] ?? schema)}`)
  }
  for (const { properties } of layersOf(schema, schema)) {
    const reserved = [discriminator, REF].find((name) => isObject(properties) && Object.hasOwn(properties, name))
    if (reserved !== undefined) throw new ContractError(`${where}: '${reserved}' is the protocol's own property of every message: give the payload's property another name`)
  }
}

// Whether nothing but an object can match. A reference to a schema of the app's is looked at when a route is compiled.
function isObjectSchema (schema: unknown, scope: Schema, path: readonly unknown[] = []): boolean {
  if (!isObject(schema) || path.includes(schema)) return false
  const { type, $ref, allOf, anyOf, oneOf } = schema
  const inner = scopeOf(schema, scope)
  const isIn = (part: unknown): boolean => isObjectSchema(part, inner, [...path, schema])
  if (type === 'object') return true
  if (typeof $ref === 'string') return localTarget($ref, inner) === undefined || isIn(localTarget($ref, inner))
  return listOf(allOf).some(isIn) || [anyOf, oneOf].some((branches) => listOf(branches).length > 0 && listOf(branches).every(isIn))
}

/** Every schema that may hold for one and the same object. */
function layersOf (schema: unknown, scope: Schema, seen: Set<unknown> = new Set()): Schema[] {
  if (!isObject(schema) || seen.has(schema)) return []
  seen.add(schema)
  const { $ref, allOf, anyOf, oneOf } = schema
  const inner = scopeOf(schema, scope)
  const members = [allOf, anyOf, oneOf, schema['then'], schema['else'], localTarget($ref, inner)].flat()
  return [schema, ...members.flatMap((member) => layersOf(member, inner, seen))]
}

// Type.Module and Type.Cyclic bring their definitions along.
function scopeOf (schema: Schema, scope: Schema): Schema {
  return isObject(schema['$defs']) ? schema : scope
}

function localTarget (reference: unknown, { $defs }: Schema): unknown {
  return typeof reference === 'string' && isObject($defs) ? $defs[reference.replace(/^#\/\$defs\//, '')] : undefined
}

function listOf (value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function isDirection (side: string): boolean {
  return DIRECTIONS.some((direction) => direction === side)
}

function isObject (value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show (value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 80)
  } catch {
    return typeof value
  }
}
