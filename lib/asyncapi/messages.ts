import type { AsyncApiObject } from '../../types/asyncapi.js'
import type { AnyContract, CallDefinition, CallExample, MessageDefinition, StreamDefinition, StreamExample } from '../../types/contract.js'
import { AT, HAS_BINARY, NEXT, REF, REPLY } from '../protocol.js'
import { answerOf, hasRecoverable, messagesOf, type ContractMessage, type Direction, type MessageSchemas } from '../schema/message.js'
import { References, type SharedSchemas } from '../schema/references.js'
import type { Components } from './components.js'
import { lowerFirst, Names, pascalCase } from './names.js'
import { addProtocolMessage, CORRELATION, placeRef, REF_SCHEMA, type ProtocolMessage } from './protocol.js'
import { SchemaWriter, type Schema } from './schemas.js'
import { MembersMessages } from './topics.js'
import { writePayload } from './wire.js'

const BINARY_FOLLOWS = 'Its bytes are the binary frame that follows it.'

/** A message of a contract and its answers, by their keys in a channel. */
export interface DocumentedMessage {
  readonly name: string
  readonly direction: Direction
  readonly kind: 'event' | 'call' | 'stream' | 'binary'
  readonly title: string
  readonly summary: string | undefined
  readonly key: string
  readonly replyKeys: readonly string[]
}

/** The messages of a contract, written into a document's components once. */
export class ContractMessages {
  readonly contract: AnyContract
  /** The one that the topics are of. */
  readonly newest: AnyContract
  readonly list: DocumentedMessage[] = []
  /** Keys of the messages that tell who is in a topic. */
  readonly memberKeys: readonly string[]
  /** References to them, by their keys in a channel. */
  readonly refs: Record<string, AsyncApiObject> = {}
  readonly #components: Components
  readonly #sharedSchemas: SharedSchemas
  readonly #prefix: string
  readonly #names: Names = new Names()

  constructor (contract: AnyContract, newest: AnyContract, components: Components, sharedSchemas: SharedSchemas) {
    this.contract = contract
    this.newest = newest
    this.#components = components
    this.#sharedSchemas = sharedSchemas
    this.#prefix = pascalCase(contract.name)
    for (const direction of ['clientToServer', 'serverToClient'] as const) {
      for (const message of messagesOf(contract, direction)) this.#add(message, direction)
      if (contract.binary[direction]) this.#addBinary(direction)
    }
    this.memberKeys = this.#addMembers()
  }

  /** The key of a message of the protocol's. */
  protocol (kind: ProtocolMessage): string {
    this.refs[kind] ??= addProtocolMessage(this.#components, kind, this.contract.discriminator)
    return kind
  }

  #add (message: ContractMessage, direction: Direction): void {
    const { name, schemas } = message
    const words = wordsOf(this.contract[direction][name]!, schemas)
    const isAnswered = schemas.kind !== 'event'
    const announced = schemas.hasBinary && direction === 'serverToClient'
    const head = {
      ...this.#type(name),
      ...(announced && { [HAS_BINARY]: { type: 'boolean', const: true } }),
      ...(isAnswered && { [REF]: REF_SCHEMA })
    }
    const writer = this.#writer(schemas.payload)
    const isPlaced = !isAnswered && direction === 'serverToClient' && hasRecoverable(this.newest)
    const optional = isPlaced ? { [AT]: placeRef(this.#components) } : {}
    const payload = { ...writePayload(writer, head, optional), ...(words.deprecated && { deprecated: true }) }
    const key = this.#put(sideOf(direction), name, payload, {
      title: name,
      ...(words.summary !== undefined && { summary: words.summary }),
      ...descriptionOf(words, schemas.hasBinary),
      ...(isAnswered && { correlationId: CORRELATION }),
      ...(schemas.hasBinary && { 'x-typed-ws': { binary: true } })
    }, words.examples.map(({ request, named }, i) => ({
      ...named,
      payload: {
        [this.contract.discriminator]: name,
        ...(announced && { [HAS_BINARY]: true }),
        ...(isAnswered && { [REF]: i + 1 }),
        ...request as object
      }
    })))
    const replyKeys = isAnswered ? this.#answers(message, direction, words) : []
    this.list.push({ name, direction, kind: schemas.kind, title: name, summary: words.summary, key, replyKeys })
  }

  #answers ({ name, schemas }: ContractMessage, direction: Direction, { examples }: Words): string[] {
    const isStream = schemas.kind === 'stream'
    const type = isStream ? NEXT : REPLY
    const writer = this.#writer(answerOf(schemas)!)
    const payload = {
      type: 'object',
      properties: { ...this.#type(type), [REF]: REF_SCHEMA, data: writer.write(writer.references.root) },
      required: [this.contract.discriminator, REF, 'data']
    }
    const other = direction === 'clientToServer' ? 'serverToClient' : 'clientToServer'
    const key = this.#put(sideOf(other), `${name}${isStream ? 'Item' : 'Reply'}`, payload, {
      title: isStream ? `${type} of ${name}` : `${type} to ${name}`,
      correlationId: CORRELATION
    }, examples.flatMap(({ answers, named }, i) => answers.map((data) => ({
      ...named, payload: { [this.contract.discriminator]: type, [REF]: i + 1, data }
    }))))
    return [key, ...(isStream ? [this.protocol('done')] : []), this.protocol('error')]
  }

  #addBinary (direction: Direction): void {
    const local = this.#names.take(`${sideOf(direction)}Binary`)
    const key = lowerFirst(local)
    const title = 'binary frame'
    const payload = { type: 'string', format: 'binary' }
    const message = { name: local, title, contentType: 'application/octet-stream', payload }
    this.refs[key] = this.#components.addMessage(`${this.#prefix}${local}`, message)
    this.list.push({ name: 'binary', direction, kind: 'binary', title, summary: undefined, key, replyKeys: [] })
  }

  #addMembers (): string[] {
    const refs = new MembersMessages(this.newest, this.#components, this.#sharedSchemas).refs(this.contract.discriminator)
    return Array.from(refs, ([kind, ref]) => {
      const key = lowerFirst(this.#names.take(`Members${pascalCase(kind)}`))
      this.refs[key] = ref
      return key
    })
  }

  #put (side: string, name: string, payload: Schema, words: AsyncApiObject, examples: readonly object[]): string {
    const local = this.#names.take(`${side}${pascalCase(name)}`)
    this.refs[lowerFirst(local)] = this.#components.addMessage(`${this.#prefix}${local}`, {
      name: local,
      ...words,
      payload: this.#components.addSchema(`${this.#prefix}${local}`, payload),
      ...(examples.length > 0 && { examples })
    })
    return lowerFirst(local)
  }

  #type (name: string): Schema {
    return { [this.contract.discriminator]: { type: 'string', const: name } }
  }

  #writer (schema: object): SchemaWriter {
    return new SchemaWriter(this.#components, new References(schema, this.#sharedSchemas), this.#prefix)
  }
}

function sideOf (direction: Direction): 'Client' | 'Server' {
  return direction === 'clientToServer' ? 'Client' : 'Server'
}

interface Example {
  readonly named: { readonly name?: string, readonly summary?: string }
  readonly request: unknown
  readonly answers: readonly unknown[]
}

interface Words {
  readonly summary: string | undefined
  readonly description: string | undefined
  readonly deprecated: boolean
  readonly examples: readonly Example[]
}

function descriptionOf ({ description }: Words, hasBinary: boolean): { readonly description?: string } {
  const sentences = [description, hasBinary ? BINARY_FOLLOWS : undefined].filter((text) => text !== undefined)
  return sentences.length === 0 ? {} : { description: sentences.join(' ') }
}

function wordsOf (definition: MessageDefinition, { kind, payload }: MessageSchemas): Words {
  const words = kind === 'event' ? eventWords(payload as Schema) : definition as CallDefinition & StreamDefinition
  const deprecated = words.deprecated === true
  const summary = deprecated ? `Deprecated. ${words.summary ?? ''}`.trim() : words.summary
  const given: ReadonlyArray<CallExample & StreamExample> = words.examples ?? []
  const examples = given.map(({ request, reply, stream, ...named }) => {
    return { named, request, answers: stream ?? (reply === undefined ? [] : [reply]) }
  })
  return { summary, description: words.description, deprecated, examples }
}

// An event has the annotations of its schema.
function eventWords ({ title, description, deprecated, examples }: Schema): Partial<CallDefinition> {
  const list = Array.isArray(examples) ? examples.map((request) => ({ request })) : []
  return { summary: title as string, description: description as string, deprecated: deprecated === true, examples: list }
}
