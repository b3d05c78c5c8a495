import type { AsyncApiObject } from '../../types/asyncapi.js'
import { CANCEL, DONE, ERROR, ErrorCode, PING, RECOVER, Reserved, TOPIC } from '../protocol.js'
import type { Components } from './components.js'
import { pascalCase } from './names.js'

/** The protocol's own messages, as a document tells of them. */

export const PROTOCOL_TAGS: readonly AsyncApiObject[] = [{ name: 'protocol' }]
export const CORRELATION: AsyncApiObject = { $ref: '#/components/correlationIds/ref' }
export const REF_SCHEMA: AsyncApiObject = { $ref: '#/components/schemas/TypedWsRef' }

export const correlationIds: Readonly<Record<string, AsyncApiObject>> = {
  ref: { location: '$message.payload#/ref', description: 'Chosen by the side that asks, carried by every answer.' }
}

const text = (description: string): AsyncApiObject => ({ type: 'string', description })

// A pair.
const place = (description: string): AsyncApiObject => ({
  type: 'array', items: [{ type: 'string' }, { type: 'integer' }], minItems: 2, maxItems: 2, description
})

/** The kinds of the protocol's messages, by their key in a channel. */
export type ProtocolMessage = 'done' | 'error' | 'cancel' | 'ping' | 'pong' | 'recover' | 'topic'

interface Kind {
  readonly type: string
  readonly summary: string
  readonly properties: Readonly<Record<string, AsyncApiObject>>
  readonly required: readonly string[]
  readonly example: Readonly<Record<string, unknown>>
}

const ref = { ref: REF_SCHEMA }

const kinds: Readonly<Record<ProtocolMessage, Kind>> = {
  done: { type: DONE, summary: 'The stream is over.', properties: ref, required: ['ref'], example: { ref: 1 } },
  error: {
    type: ERROR,
    summary: 'A message was rejected, or its handler failed.',
    properties: {
      ...ref,
      received: text('The type of the message that was rejected.'),
      statusCode: { type: 'integer', minimum: 400, maximum: 599, description: 'As in HTTP: 4xx for what the sender can mend.' },
      code: text('One of the protocol\'s, or the application\'s own.'),
      error: text('The status code\'s name.'),
      message: text('A sentence for people.')
    },
    required: ['statusCode', 'error', 'message'],
    example: {
      received: 'message',
      statusCode: 400,
      code: ErrorCode.validation,
      error: 'Bad Request',
      message: 'message/text must NOT have fewer than 1 characters'
    }
  },
  cancel: { type: CANCEL, summary: 'The answer is not awaited any more.', properties: ref, required: ['ref'], example: { ref: 1 } },
  ping: { type: PING, summary: 'Asks for a sign of life.', properties: {}, required: [], example: {} },
  pong: { type: Reserved.pong, summary: 'A sign of life.', properties: {}, required: [], example: {} },
  recover: {
    type: Reserved.recover,
    summary: 'The first message of a client that asks for events that it missed.',
    properties: {
      client: { type: 'string', pattern: '^[A-Za-z0-9_-]{8,64}$', description: 'A random name, the same over all connections.' },
      topics: {
        type: 'object',
        additionalProperties: place('The epoch and the offset of the last event that the client has.'),
        description: 'Positions by topic.'
      }
    },
    required: ['client', 'topics'],
    example: { client: '8f0c41d2', topics: { 'room:42': ['k3Jx', 1763850000123456] } }
  },
  topic: {
    type: TOPIC,
    summary: 'The client\'s place in a recoverable topic; nothing beside the topic: it is in there no more.',
    properties: {
      topic: text('The topic\'s name.'),
      epoch: text('Names the history.'),
      offset: { type: 'integer', description: 'Grows with each event, and does not count.' },
      recovered: { type: 'boolean', description: 'The client brought a position: the events that it missed follow, or cannot be had.' },
      missed: { type: 'integer', minimum: 0, description: 'The number of events that follow and were missed.' },
      reason: { type: 'string', enum: ['expired', 'lost', 'limit', 'slow', 'unavailable'], description: 'Why it was not recovered.' }
    },
    required: ['topic'],
    example: { topic: 'room:42', epoch: 'k3Jx', offset: 1763850000123456, recovered: true, missed: 3 }
  }
}

/** Adds the schema of `ref`, which the others refer to. */
export function addRef (components: Components): void {
  components.addSchema('TypedWsRef', {
    type: 'integer',
    minimum: 1,
    description: 'Connects an answer with its question: chosen by the side that asks, different from those not answered yet.'
  })
}

/** The reference to the schema of an event's place in a recoverable topic. */
export function placeRef (components: Components): AsyncApiObject {
  return components.once('place', () => components.addSchema('TypedWsPlace', place(
    `The topic and the event's offset. Only a client that offered \`${RECOVER}\` is given it, with events of recoverable topics.`
  )))
}

/** Adds a message of the protocol's, once for each discriminator. Returns the reference to it. */
export function addProtocolMessage (components: Components, kind: ProtocolMessage, discriminator: string): AsyncApiObject {
  return components.once(`${discriminator} ${kind}`, () => writeProtocolMessage(components, kind, discriminator))
}

function writeProtocolMessage (components: Components, kind: ProtocolMessage, discriminator: string): AsyncApiObject {
  const { type, summary, properties, required, example } = kinds[kind]
  const name = `TypedWs${discriminator === 'type' ? '' : pascalCase(discriminator)}${pascalCase(kind)}`
  const payload = components.addSchema(name, {
    type: 'object',
    properties: { [discriminator]: { type: 'string', const: type }, ...properties },
    required: [discriminator, ...required]
  })
  return components.addMessage(name, {
    name,
    title: type,
    summary,
    tags: PROTOCOL_TAGS,
    ...('ref' in properties && { correlationId: CORRELATION }),
    payload,
    examples: [{ payload: { [discriminator]: type, ...example } }]
  })
}
