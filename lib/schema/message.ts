import { PRESENCE_PROPERTIES, RECOVERY_PROPERTIES } from '../protocol.js'
import { isRecord } from '../record.js'
import type { AnyContract, BinaryEventDefinition, CallDefinition, MessageDefinition, StreamDefinition } from '../../types/contract.js'

/** Tells whether a value is a contract as `defineContract` returns it. */
export function isContract (value: unknown): value is AnyContract {
  return isRecord(value) && typeof value['name'] === 'string' &&
    isRecord(value['clientToServer']) && isRecord(value['serverToClient']) && isRecord(value['binary']) && isRecord(value['topics'])
}

/** A message of a contract: its kind, and a schema for each of its parts. */
export type MessageSchemas = EventSchemas | CallSchemas | StreamSchemas

export interface EventSchemas {
  readonly kind: 'event'
  readonly payload: object
  /** True for an event whose bytes follow it in a frame of their own. */
  readonly hasBinary: boolean
}

export interface CallSchemas {
  readonly kind: 'call'
  readonly payload: object
  readonly hasBinary: false
  readonly reply: object
}

export interface StreamSchemas {
  readonly kind: 'stream'
  readonly payload: object
  readonly hasBinary: false
  readonly item: object
}

/** Reads a message's definition, which `defineContract` has checked. */
export function messageOf (definition: MessageDefinition): MessageSchemas {
  if (hasBinary(definition)) return { kind: 'event', payload: definition.payload, hasBinary: true }
  if (!isAnswered(definition)) return { kind: 'event', payload: definition, hasBinary: false }
  const { request: payload } = definition
  return 'stream' in definition
    ? { kind: 'stream', payload, hasBinary: false, item: definition.stream }
    : { kind: 'call', payload, hasBinary: false, reply: definition.reply }
}

// No keyword of JSON Schema is named `payload`.
function hasBinary (definition: MessageDefinition): definition is BinaryEventDefinition {
  return 'payload' in definition
}

function isAnswered (definition: MessageDefinition): definition is CallDefinition | StreamDefinition {
  return 'request' in definition
}

/** The schema of a message's answer, or of each item of it; `undefined` for an event. */
export function answerOf (schemas: MessageSchemas): object | undefined {
  switch (schemas.kind) {
    case 'event': return undefined
    case 'call': return schemas.reply
    case 'stream': return schemas.item
  }
}

export type Direction = 'clientToServer' | 'serverToClient'

/** A message of a contract, with the names that an error has for its parts. */
export interface ContractMessage {
  readonly name: string
  readonly where: string
  readonly whereAnswer: string
  readonly schemas: MessageSchemas
}

/** The schema of the info that members of topics of one kind show. */
export interface ContractPresence {
  readonly kind: string
  readonly where: string
  readonly schema: object
}

export function presencesOf ({ name, topics }: Pick<AnyContract, 'name' | 'topics'>): ContractPresence[] {
  return Object.entries(topics).flatMap(([kind, { presence: schema }]) => {
    return schema === undefined ? [] : [{ kind, where: `${name} topics.${kind}.presence`, schema }]
  })
}

/** Tells whether a contract has a recoverable topic. */
export function hasRecoverable ({ topics }: Pick<AnyContract, 'topics'>): boolean {
  return Object.values(topics).some(({ recover }) => recover !== undefined)
}

/** Tells whether a contract has a topic with presence. */
export function hasPresence ({ topics }: Pick<AnyContract, 'topics'>): boolean {
  return Object.values(topics).some(({ presence }) => presence !== undefined)
}

/** The properties of the protocol's messages about topics of a contract. */
export function topicPropertiesOf (topics: AnyContract['topics']): string[] {
  const recovery = Object.keys(topics).length > 0 ? RECOVERY_PROPERTIES : []
  const presence = hasPresence({ topics }) ? PRESENCE_PROPERTIES : []
  return [...recovery, ...presence]
}

/** The messages of one direction. */
export function messagesOf (contract: AnyContract, direction: Direction): ContractMessage[] {
  return Object.entries(contract[direction]).map(([name, definition]) => {
    const where = `${contract.name} ${direction}.${name}`
    const schemas = messageOf(definition)
    return { name, where, whereAnswer: `${where}.${schemas.kind === 'stream' ? 'stream' : 'reply'}`, schemas }
  })
}
