import type { AsyncApiObject } from '../../types/asyncapi.js'
import { CANCEL, DONE, ERROR, ErrorCode, isFinal, PING, Reserved } from '../protocol.js'
import type { Components } from './components.js'
import { pascalCase } from './names.js'

/** The protocol's own messages, and its close codes, as a document tells of them. */

export const PROTOCOL_TAGS: readonly AsyncApiObject[] = [{ name: 'protocol' }]
export const CORRELATION: AsyncApiObject = { $ref: '#/components/correlationIds/ref' }
export const REF_SCHEMA: AsyncApiObject = { $ref: '#/components/schemas/TypedWsRef' }

export const correlationIds: Readonly<Record<string, AsyncApiObject>> = {
  ref: { location: '$message.payload#/ref', description: 'Chosen by the side that asks, carried by every answer.' }
}

const text = (description: string): AsyncApiObject => ({ type: 'string', description })

/** The kinds of the protocol's messages, by their key in a channel. */
export type ProtocolMessage = 'done' | 'error' | 'cancel' | 'ping' | 'pong'

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
  pong: { type: Reserved.pong, summary: 'A sign of life.', properties: {}, required: [], example: {} }
}

/** Adds the schema of `ref`, which the others refer to. */
export function addRef (components: Components): void {
  components.addSchema('TypedWsRef', {
    type: 'integer',
    minimum: 1,
    description: 'Connects an answer with its question: chosen by the side that asks, different from those not answered yet.'
  })
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

/** A table of close codes in Markdown. */
export function tableOf (codes: ReadonlyArray<readonly [code: number, when: string]>): string {
  const rows = codes.map(([code, when]) => `| ${code} | ${cell(when)} | ${isFinal(code) ? 'stays away' : 'comes back'} |`)
  return ['| close code | when | a client |', '| --- | --- | --- |', ...rows].join('\n')
}

function cell (markdown: string): string {
  return markdown.trim().replaceAll(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')
}
