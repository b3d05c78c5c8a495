import type { Contract, ContractDefinition, TopicKind } from '../types/contract.js'
import type { Mistakes } from '../types/mistakes.js'
import { isPublic, OWN_PROPERTIES, PRESENCE, RECOVER, REFUSAL } from './protocol.js'
import { isRecord } from './record.js'
import { topicPropertiesOf } from './schema/message.js'
import { explainNoPayload } from './schema/payload.js'
import { References } from './schema/references.js'
import { explainForeign } from './schema/standard-schema.js'
import { show } from './show.js'
import { explainCloseCodes, explainNoText, explainWords, WORDS } from './words.js'

export type {
  AnyContract, BinaryEventDefinition, CallDefinition, CallExample, CloseCodes, Contract, ContractDefinition, MessageDefinition, Messages,
  MessageWords, Payload, StreamDefinition, StreamExample, TopicKind, TopicKinds
} from '../types/contract.js'
export type { Mistakes } from '../types/mistakes.js'
export type { Infer } from '../types/infer.js'

/** Thrown by `defineContract`; the message says which part is wrong and what to write instead. */
export class ContractError extends TypeError {
  readonly code = 'FST_TYPED_WS_INVALID_CONTRACT'
  override readonly name = 'ContractError'
}

const DEFAULT_DISCRIMINATOR = 'type'
const DIRECTIONS = ['clientToServer', 'serverToClient'] as const
const TEXTS = ['title', 'description'] as const
const PROPERTIES: readonly string[] = ['name', ...TEXTS, 'discriminator', 'binary', 'topics', 'closeCodes', ...DIRECTIONS]
const ANSWERED_PARTS = ['request', 'reply', 'stream']
const BINARY_EVENT_PARTS = ['payload', 'binary']
const OWN_SUBPROTOCOLS: readonly string[] = [REFUSAL, RECOVER, PRESENCE]
// RFC 9110 §5.6.2
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * Declares the messages that a client and a server may send each other. The value is plain data
 * without Node or Fastify, so a front end can import it, or its type alone.
 *
 * @param definition - the contract's `name`, its messages in both directions, and the sides that
 * may send binary frames. A message is an event (an object schema, or `{ payload, binary: true }`),
 * a call (`{ request, reply }`) or a stream (`{ request, stream }`). `topics` declares kinds of
 * topics that are recoverable or have presence, `closeCodes` the application's close codes.
 * `title` and `description`, and the words of a message, are for people.
 * @returns the contract with every default filled in, frozen.
 * @throws {ContractError} `FST_TYPED_WS_INVALID_CONTRACT` when a part of it could not work on the
 * wire.
 *
 * @example
 * export const chat = defineContract({
 *   name: 'chat.v1',
 *   clientToServer: {
 *     message: Type.Object({ text: Type.String({ minLength: 1, maxLength: 2000 }) }),
 *     history: {
 *       request: Type.Object({ before: Type.Number() }),
 *       reply: Type.Array(Type.String())
 *     }
 *   },
 *   serverToClient: {
 *     message: Type.Object({ text: Type.String(), id: Type.String() })
 *   }
 * })
 */
export function defineContract<const D extends ContractDefinition> (definition: D & Mistakes<D>): Contract<D> {
  const given: unknown = definition
  if (!isRecord(given)) {
    throw new ContractError('a contract is an object: write defineContract({ name: \'chat.v1\', clientToServer: { … } })')
  }
  const other = Object.keys(given).find((key) => !PROPERTIES.includes(key))
  if (other !== undefined) throw new ContractError(`a contract has no property '${other}': write one of ${PROPERTIES.join(', ')}`)
  const name = checkName(given['name'])
  const topics = checkTopics(given['topics'])
  const discriminator = checkDiscriminator(given['discriminator'], topics)
  return Object.freeze({
    name,
    ...checkTexts(given),
    discriminator,
    clientToServer: checkMessages(given['clientToServer'], 'clientToServer', discriminator),
    serverToClient: checkMessages(given['serverToClient'], 'serverToClient', discriminator),
    binary: checkBinary(given['binary']),
    topics,
    closeCodes: checkCloseCodes(given['closeCodes'])
  }) as unknown as Contract<D>
}

function checkName (name: unknown): string {
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw new ContractError('a contract\'s name travels as a WebSocket subprotocol, so it must be an RFC 9110 token: ' +
      `write letters, digits, '.' or '-', like name: 'chat.v1', instead of ${show(name)}`)
  }
  if (!isPublic(name) || OWN_SUBPROTOCOLS.includes(name)) {
    throw new ContractError(`'bearer.<token>', '${OWN_SUBPROTOCOLS.join('\', \'')}' are subprotocols of the protocol's own: ` +
      `write another name, like name: 'chat.v1', instead of ${show(name)}`)
  }
  return name
}

function checkTexts (given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  for (const name of TEXTS) refuse(explainNoText(name, given[name]))
  return Object.fromEntries(TEXTS.flatMap((name) => given[name] === undefined ? [] : [[name, given[name]]]))
}

function checkCloseCodes (codes: unknown): unknown {
  refuse(explainCloseCodes(codes))
  return Object.freeze(Object.assign({}, codes))
}

function refuse (reason: string | undefined): void {
  if (reason !== undefined) throw new ContractError(reason)
}

function checkDiscriminator (discriminator: unknown, topics: Readonly<Record<string, unknown>>): string {
  const own = [...OWN_PROPERTIES, ...topicPropertiesOf(topics as Readonly<Record<string, TopicKind>>)]
  if (discriminator === undefined) return DEFAULT_DISCRIMINATOR
  if (typeof discriminator !== 'string' || ['', '__proto__', ...own].includes(discriminator)) {
    throw new ContractError(`discriminator is the property that carries a message's name, beside ${own.join(', ')}: ` +
      `write another name, like discriminator: 'op', instead of ${show(discriminator)}`)
  }
  return discriminator
}

function checkBinary (binary: unknown): { clientToServer: boolean, serverToClient: boolean } {
  if (binary === undefined) return Object.freeze({ clientToServer: false, serverToClient: false })
  const sides = isRecord(binary) ? Object.entries(binary) : []
  if (!isRecord(binary) || sides.some(([side, allowed]) => !isDirection(side) || typeof allowed !== 'boolean')) {
    throw new ContractError('binary says which side may send binary frames: write binary: { clientToServer: true, serverToClient: true }')
  }
  return Object.freeze({ clientToServer: binary['clientToServer'] === true, serverToClient: binary['serverToClient'] === true })
}

function checkTopics (topics: unknown): Readonly<Record<string, unknown>> {
  if (topics === undefined) return Object.freeze({})
  if (!isRecord(topics)) throw new ContractError('topics is an object of kinds by name: write topics: { room: { recover: true } }')
  for (const [kind, options] of Object.entries(topics)) checkTopicKind(kind, options)
  return Object.freeze({ ...topics })
}

function checkTopicKind (kind: string, options: unknown): void {
  if (kind === '' || kind === '__proto__' || kind.includes(':')) {
    throw new ContractError(`topics: a kind is the part of a topic's name before the first ':', not ${show(kind)}: ` +
      'write topics: { room: { recover: true } }')
  }
  const { recover, presence = {}, ...others } = isRecord(options) ? options : { recover: options }
  refuse(prefixed(`topics.${kind}.presence: `, explainForeign(presence)))
  if (isRecord(options) && isRecover(recover) && isRecord(presence) && Object.keys(others).length === 0) return
  throw new ContractError(`topics.${kind}: write { recover: true }, or { recover: { maxMessages: 1000, maxAgeMs: 300_000 } }, ` +
    'and presence: Type.Object({ … }) beside it or alone')
}

function prefixed (prefix: string, reason: string | undefined): string | undefined {
  return reason === undefined ? undefined : prefix + reason
}

function isRecover (recover: unknown): boolean {
  if (recover === undefined || recover === true) return true
  return isRecord(recover) && Object.entries(recover).every(([name, value]) => {
    return (name === 'maxMessages' || name === 'maxAgeMs') && Number.isSafeInteger(value) && (value as number) > 0
  })
}

function checkMessages (messages: unknown, direction: string, discriminator: string): Record<string, unknown> {
  if (messages === undefined) return Object.freeze({})
  if (!isRecord(messages)) {
    throw new ContractError(`${direction} is an object of messages by name: write ${direction}: { message: Type.Object({ … }) }`)
  }
  for (const [name, message] of Object.entries(messages)) {
    checkMessageName(name, `${direction}.${name}`)
    checkMessage(message, `${direction}.${name}`, discriminator)
  }
  return Object.freeze(Object.fromEntries(Object.entries(messages).map(([name, message]) => [name, frozen(message)])))
}

// Messages of several parts are the contract's own objects; a schema is not copied, because TypeBox
// hides keys on it that a copy would lose.
function frozen (message: unknown): unknown {
  return isRecord(message) && (isAnswered(message) || isBinaryEvent(message)) ? Object.freeze({ ...message }) : message
}

function checkMessageName (name: string, where: string): void {
  if (name === '') throw new ContractError(`${where}: a message needs a name`)
  if (name === '__proto__') throw new ContractError(`${where}: '__proto__' cannot be a message's name: write another one`)
  if (!name.startsWith('$')) return
  const instead = name.replace(/^\$+/, '') || 'message'
  throw new ContractError(`${where}: names that begin with '$' belong to the protocol: write '${instead}'`)
}

function checkMessage (message: unknown, where: string, discriminator: string): void {
  refuseForeign(message, where)
  if (!isRecord(message)) {
    throw new ContractError(`${where}: a message is a schema, { request, reply } or { request, stream }, not ${show(message)}`)
  }
  if (isAnswered(message)) checkAnswered(message, where, discriminator)
  else if (isBinaryEvent(message)) checkBinaryEvent(message, where, discriminator)
  else checkPayload(message, where, discriminator)
}

// No keyword of JSON Schema has the name of a message's part.
function isAnswered (message: Readonly<Record<string, unknown>>): boolean {
  return ANSWERED_PARTS.some((part) => Object.hasOwn(message, part))
}

function isBinaryEvent (message: Readonly<Record<string, unknown>>): boolean {
  return BINARY_EVENT_PARTS.some((part) => Object.hasOwn(message, part))
}

function checkBinaryEvent (message: Readonly<Record<string, unknown>>, where: string, discriminator: string): void {
  const { payload, binary, ...others } = message
  refuseForeign(payload, `${where}.payload`)
  if (!isRecord(payload) || binary !== true || Object.keys(others).length > 0) {
    throw new ContractError(`${where}: an event with a binary frame is { payload: Type.Object({ … }), binary: true }, ` +
      'and an event without one is the schema alone')
  }
  checkPayload(payload, `${where}.payload`, discriminator)
}

function checkAnswered (message: Readonly<Record<string, unknown>>, where: string, discriminator: string): void {
  const { request, reply, stream, ...others } = message
  for (const [part, schema] of Object.entries({ request, reply, stream })) refuseForeign(schema, `${where}.${part}`)
  const other = Object.keys(others).find((part) => !WORDS.includes(part))
  if (other !== undefined && BINARY_EVENT_PARTS.includes(other)) {
    throw new ContractError(`${where}: only an event has a binary frame: ` +
      'write { payload, binary: true }, and a call beside it where an answer is wanted')
  }
  if (other !== undefined) {
    throw new ContractError(`${where}: a call has no part '${other}': write { request, reply } or { request, stream }`)
  }
  refuse(explainWords(others, where, stream === undefined ? 'reply' : 'stream'))
  if (!isRecord(request)) {
    const answer = stream === undefined ? 'reply' : 'stream'
    throw new ContractError(`${where}: request is missing: write { request: Type.Object({ … }), ${answer}: … }`)
  }
  checkAnswer(reply, stream, where)
  checkPayload(request, `${where}.request`, discriminator)
}

function checkAnswer (reply: unknown, stream: unknown, where: string): void {
  if (reply !== undefined && stream !== undefined) {
    throw new ContractError(`${where}: a message is answered once or many times: write either reply or stream, not both`)
  }
  if (!isRecord(reply ?? stream)) {
    throw new ContractError(`${where}: the answer is missing: write reply: <schema> for one answer, or stream: <schema> for many`)
  }
}

function refuseForeign (schema: unknown, where: string): void {
  const reason = explainForeign(schema)
  if (reason !== undefined) throw new ContractError(`${where}: ${reason}`)
}

function checkPayload (schema: object, where: string, discriminator: string): void {
  const reason = explainNoPayload(new References(schema), discriminator)
  if (reason !== undefined) throw new ContractError(`${where}: ${reason}`)
}

function isDirection (side: string): boolean {
  return DIRECTIONS.some((direction) => direction === side)
}
