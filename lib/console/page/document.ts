import { isRecord } from '../../record.js'
import { listOf, References, type Data } from './references.js'

/** An input of a handshake: a parameter of the address, or of the query. */
export interface Field {
  readonly name: string
  readonly description: string
  readonly values: readonly string[]
  readonly value: string
}

/** A message, as one side says it. */
export interface Message {
  readonly key: string
  readonly name: string
  readonly kind: 'event' | 'call' | 'stream' | 'binary'
  readonly isSent: boolean
  readonly words: string
  readonly isDeprecated: boolean
  readonly schema: unknown
  readonly examples: readonly unknown[]
  /** A binary frame follows it. */
  readonly hasBinary: boolean
  readonly answers: readonly Answer[]
}

export interface Answer {
  readonly name: string
  readonly schema: unknown
  readonly examples: readonly unknown[]
}

/** A channel of AsyncAPI. */
export interface Route {
  readonly id: string
  readonly title: string
  readonly words: string
  /** With the path of the server in front. */
  readonly address: string
  readonly parameters: readonly Field[]
  readonly query: readonly Field[]
  readonly subprotocol: string
  readonly discriminator: string
  /** Of fastify-typed-ws: `ref`, `$reply` and the others mean something. */
  readonly isTyped: boolean
  readonly closeCodes: Readonly<Record<string, unknown>>
  readonly messages: readonly Message[]
}

export interface Api {
  readonly title: string
  readonly routes: readonly Route[]
  readonly references: References
}

/**
 * Reads a document of AsyncAPI 3.
 *
 * @param host - of the page: a server of this name may have a path in front of its addresses.
 * @throws where it is no such document.
 */
export function readDocument (document: unknown, host: string): Api {
  if (!isRecord(document) || !String(document['asyncapi']).startsWith('3.')) throw new Error('This is no document of AsyncAPI 3 in JSON.')
  const references = new References(document)
  const listed = (key: string): Data[] => Object.values(references.object(document, key)).map((value) => references.object(value))
  const info = references.object(document, 'info')
  const prefix = text(listed('servers').find((server) => server['host'] === host)?.['pathname']).replace(/\/$/, '')
  const operations = listed('operations')
  const routes = Object.keys(references.object(document, 'channels')).map((id) => {
    const channel = references.object(document, 'channels', id)
    const own = operations.filter((operation) => references.object(operation, 'channel') === channel)
    return new ChannelReader(references, channel).route(id, prefix, own)
  })
  return { title: words(info, 'title', 'version'), routes, references }
}

class ChannelReader {
  readonly #references: References
  readonly #channel: Data
  readonly #discriminator: string
  readonly #isTyped: boolean

  constructor (references: References, channel: Data) {
    this.#references = references
    this.#channel = channel
    const named = text(this.#get(channel, 'x-typed-ws')['discriminator'])
    this.#isTyped = named !== ''
    this.#discriminator = named || this.#guessDiscriminator()
  }

  route (id: string, prefix: string, operations: readonly Data[]): Route {
    const channel = this.#channel
    const subprotocol = this.#get(channel, 'bindings', 'ws', 'headers', 'properties', 'Sec-WebSocket-Protocol')
    const address = text(channel['address']) || id
    return {
      id,
      title: text(channel['title']) || address,
      words: words(channel, 'summary', 'description'),
      address: `${prefix}/${address.replace(/^\//, '')}`,
      parameters: this.#fields(this.#get(channel, 'parameters')),
      query: this.#fields(this.#get(channel, 'bindings', 'ws', 'query', 'properties')),
      subprotocol: text(subprotocol['const']) || text(listOf(subprotocol['enum'])[0]),
      discriminator: this.#discriminator,
      isTyped: this.#isTyped,
      closeCodes: this.#get(channel, 'x-typed-ws', 'closeCodes'),
      messages: operations.flatMap((operation) => this.#messages(operation))
    }
  }

  #get (value: unknown, ...path: readonly string[]): Data {
    return this.#references.object(value, ...path)
  }

  #fields (properties: Data): Field[] {
    return Object.keys(properties).map((name) => {
      const { description, enum: values, default: fallback, examples } = this.#get(properties, name)
      const value = fallback ?? listOf(examples)[0] ?? ''
      return {
        name,
        description: text(description),
        values: listOf(values).map(String),
        value: typeof value === 'string' ? value : JSON.stringify(value)
      }
    })
  }

  #messages (operation: Data): Message[] {
    const isSent = operation['action'] === 'receive'
    const listed = operation['messages'] ?? Object.values(this.#get(this.#channel, 'messages'))
    const answers = listOf(this.#get(operation, 'reply')['messages']).map((message) => this.#message(message))
    const kind = text(this.#get(operation, 'x-typed-ws')['kind']) || (isRecord(operation['reply']) ? 'call' : 'event')
    return listOf(listed).map((message) => {
      const read = this.#message(message)
      return {
        ...read,
        key: `${isSent ? 'sent' : 'received'} ${read.name}`,
        kind: (read.isBinary ? 'binary' : kind) as Message['kind'],
        isSent,
        words: read.words || text(operation['summary']),
        answers
      }
    }).filter(({ name }) => !(this.#isTyped && name.startsWith('$')))
  }

  #message (value: unknown) {
    const message = this.#get(value)
    const payload = this.#get(message, 'payload')
    // A payload in another format has its schema inside.
    const schema = 'schemaFormat' in payload ? payload['schema'] : message['payload']
    return {
      name: this.#nameIn(schema, 0) || text(message['title']) || text(message['name']) || 'message',
      words: words(message, 'summary', 'description'),
      isDeprecated: payload['deprecated'] === true,
      isBinary: message['contentType'] === 'application/octet-stream',
      hasBinary: this.#get(message, 'x-typed-ws')['binary'] === true,
      schema,
      examples: listOf(message['examples']).flatMap((example) => this.#get(example)['payload'] ?? [])
    }
  }

  // By the constant of the discriminator, also in the parts of a schema.
  #nameIn (value: unknown, depth: number): string {
    const { properties, ...schema } = this.#get(value)
    const own = text(this.#get(properties, this.#discriminator)['const'])
    if (own !== '' || depth > 4) return own
    const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => listOf(schema[keyword]))
    return parts.map((part) => this.#nameIn(part, depth + 1)).find((name) => name !== '') ?? ''
  }

  // The first property with a constant text: `type`, `event`, `op`.
  #guessDiscriminator (): string {
    const properties = Object.values(this.#get(this.#channel, 'messages'))
      .flatMap((message) => Object.entries(this.#get(message, 'payload', 'properties')))
    return properties.find(([, schema]) => text(this.#get(schema)['const']) !== '')?.[0] ?? 'type'
  }
}

type Texts = Readonly<Record<string, string>>

/** The URL of a route: an empty parameter takes the slash in front of it along. */
export function urlOf (route: Route, values: Texts, query: Texts, origin: string): string {
  const path = route.address.replaceAll(/\/?\{([^{}]+)\}/g, (part, name: string) => {
    const value = values[name] ?? ''
    const encoded = encodeURIComponent(value)
    // A wildcard is a path.
    return value && part.replace(/\{.*/, () => name === 'wildcard' ? encoded.replaceAll('%2F', '/') : encoded)
  })
  const search = String(new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')))
  return `${origin.replace(/^http/, 'ws')}${path || '/'}${search && `?${search}`}`
}

function text (value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function words (of: Data, ...keys: readonly string[]): string {
  return keys.map((key) => text(of[key])).filter((part) => part !== '').join(' ')
}
