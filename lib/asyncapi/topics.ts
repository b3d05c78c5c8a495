import type { AsyncApiObject } from '../../types/asyncapi.js'
import type { AnyContract } from '../../types/contract.js'
import { escaped } from '../pattern.js'
import { MEMBERS, PRESENCE, RECOVER } from '../protocol.js'
import { hasPresence, hasRecoverable, presencesOf, type ContractPresence } from '../schema/message.js'
import { References, type SharedSchemas } from '../schema/references.js'
import type { Components } from './components.js'
import { pascalCase } from './names.js'
import { PROTOCOL_TAGS } from './protocol.js'
import { SchemaWriter, type Schema } from './schemas.js'

/** A subprotocol by which a client asks to be told of topics. */
interface AskingSubprotocol {
  readonly name: string
  readonly asks: string
}

/** The subprotocols that a client may offer beside the name of a contract. */
export function subprotocolsOf (contract: AnyContract): AskingSubprotocol[] {
  return [
    ...hasRecoverable(contract) ? [{ name: RECOVER, asks: 'for events that were missed' }] : [],
    ...hasPresence(contract) ? [{ name: PRESENCE, asks: 'for the members of topics' }] : []
  ]
}

/** Writes the messages that tell who is in the topics of a contract, one for each kind. */
export class MembersMessages {
  readonly #contract: AnyContract
  readonly #components: Components
  readonly #sharedSchemas: SharedSchemas
  readonly #prefix: string

  constructor (contract: AnyContract, components: Components, sharedSchemas: SharedSchemas) {
    this.#contract = contract
    this.#components = components
    this.#sharedSchemas = sharedSchemas
    this.#prefix = pascalCase(contract.name)
  }

  /** @returns the references to them, by the names of the kinds. */
  refs (discriminator: string): Map<string, AsyncApiObject> {
    return new Map(presencesOf(this.#contract).map((presence) => [presence.kind, this.#ref(presence, discriminator)]))
  }

  #ref (presence: ContractPresence, discriminator: string): AsyncApiObject {
    const { name } = this.#contract
    return this.#components.once(JSON.stringify([name, presence.kind, discriminator]), () => this.#write(presence, discriminator))
  }

  #write ({ kind, schema }: ContractPresence, discriminator: string): AsyncApiObject {
    const name = `${this.#prefix}${discriminator === 'type' ? '' : pascalCase(discriminator)}Members${pascalCase(kind)}`
    const member = this.#components.once(JSON.stringify([this.#contract.name, kind]), () => this.#member(kind, schema))
    const [info] = (schema as { readonly examples?: readonly unknown[] }).examples ?? []
    return this.#components.addMessage(name, {
      name,
      title: MEMBERS,
      summary: `Who is in a topic of the kind ${kind}.`,
      description: `Only a client that offered \`${PRESENCE}\` is told. Nothing beside the topic: it is in there no more.`,
      tags: PROTOCOL_TAGS,
      payload: this.#components.addSchema(name, {
        type: 'object',
        properties: { [discriminator]: { type: 'string', const: MEMBERS }, ...propertiesOf(kind, member) },
        required: [discriminator, 'topic']
      }),
      examples: [{ payload: { [discriminator]: MEMBERS, topic: kind, members: info === undefined ? [] : [{ key: '7', info }] } }]
    })
  }

  #member (kind: string, schema: object): AsyncApiObject {
    const writer = new SchemaWriter(this.#components, new References(schema, this.#sharedSchemas), this.#prefix)
    return this.#components.addSchema(`${this.#prefix}Member${pascalCase(kind)}`, {
      type: 'object',
      properties: {
        key: { type: 'string', description: 'Connections of one key are one member.' },
        info: writer.write(writer.references.root)
      },
      required: ['key', 'info']
    })
  }
}

function propertiesOf (kind: string, member: AsyncApiObject): Schema {
  const list = (description: string): Schema => ({ type: 'array', items: member, description })
  return {
    topic: { type: 'string', pattern: `^${escaped(kind)}(:|$)` },
    members: list('All of them, in place of any former list.'),
    joined: list('Those who came.'),
    left: { type: 'array', items: { type: 'string' }, description: 'The keys of those who left.' },
    updated: list('Those who show another info.'),
    count: { type: 'integer', minimum: 0, description: 'The number alone, in place of the list, where there are very many.' }
  }
}
