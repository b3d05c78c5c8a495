import { isRecord } from '../../record.js'
import { References, type Data } from './references.js'

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
  const info = references.object(document['info'])
  const title = [info['title'], info['version']].filter(isText).join(' ')
  const servers = Object.values(references.object(document['servers'])).map((server) => references.object(server))
  const prefix = text(servers.find((server) => server['host'] === host)?.['pathname']).replace(/\/$/, '')
  const operations = Object.values(references.object(document['operations'])).map((operation) => references.object(operation))
  const channels = Object.entries(references.object(document['channels']))
  const routes = channels.map(([id, value]) => {
    const channel = references.object(value)
    const own = operations.filter((operation) => references.object(operation['channel']) === channel)
    return new ChannelReader(references, channel).route(id, prefix, own)
  })
  return { title, routes, references }
}

class ChannelReader {
  readonly #references: References
  readonly #channel: Data
  readonly #typed: Data

  constructor (references: References, channel: Data) {
    this.#references = references
    this.#channel = channel
    this.#typed = references.object(channel['x-typed-ws'])
  }

  route (id: string, prefix: string, operations: readonly Data[]): Route {
    const channel = this.#channel
    const { query, headers } = this.#parts(this.#parts(channel['bindings'])['ws'])
    const subprotocol = this.#parts(this.#parts(this.#parts(headers)['properties'])['Sec-WebSocket-Protocol'])
    const address = text(channel['address']) || id
    const named = this.#typed['discriminator']
    const discriminator = isText(named) ? named : this.#guessDiscriminator()
    return {
      id,
      title: text(channel['title']) || address,
      words: [channel['summary'], channel['description']].filter(isText).join(' '),
      address: `${prefix}/${address.replace(/^\//, '')}`,
      parameters: this.#fields(channel['parameters']),
      query: this.#fields(this.#parts(query)['properties']),
      subprotocol: text(subprotocol['const']) || text([subprotocol['enum']].flat()[0]),
      discriminator,
      isTyped: isText(named),
      closeCodes: this.#parts(this.#typed['closeCodes']),
      messages: operations.flatMap((operation) => this.#messages(operation, discriminator))
    }
  }

  #parts (value: unknown): Data {
    return this.#references.object(value)
  }

  #fields (properties: unknown): Field[] {
    return Object.entries(this.#parts(properties)).map(([name, value]) => {
      const { description, enum: values = [], default: fallback, examples = [] } = this.#parts(value)
      const [example] = [fallback, ...[examples].flat()].filter((one) => one !== undefined)
      return {
        name,
        description: text(description),
        values: [values].flat().map(String),
        value: example === undefined ? '' : typeof example === 'string' ? example : JSON.stringify(example)
      }
    })
  }

  #messages (operation: Data, discriminator: string): Message[] {
    const isSent = operation['action'] === 'receive'
    const listed = Array.isArray(operation['messages']) ? operation['messages'] : Object.values(this.#parts(this.#channel['messages']))
    const reply = this.#parts(operation['reply'])
    const replies = Array.isArray(reply['messages']) ? reply['messages'] : []
    const answers = replies.map((message: unknown) => {
      const { name, schema, examples } = this.#message(message, discriminator)
      return { name, schema, examples }
    })
    const kind = text(this.#parts(operation['x-typed-ws'])['kind']) || (isRecord(operation['reply']) ? 'call' : 'event')
    return listed.map((message: unknown) => {
      const read = this.#message(message, discriminator)
      return {
        ...read,
        key: `${isSent ? 'sent' : 'received'} ${read.name}`,
        kind: (read.isBinary ? 'binary' : kind) as Message['kind'],
        isSent,
        words: read.words || text(operation['summary']),
        answers
      }
    }).filter(({ name }: Message) => !(this.#typed['discriminator'] !== undefined && name.startsWith('$')))
  }

  #message (value: unknown, discriminator: string) {
    const message = this.#parts(value)
    const payload = this.#parts(message['payload'])
    // A payload in another format has its schema inside.
    const schema = 'schemaFormat' in payload ? payload['schema'] : message['payload']
    const examples = [message['examples'] ?? []].flat() as unknown[]
    return {
      name: text(this.#constOf(schema, discriminator, 0)) || text(message['title']) || text(message['name']) || 'message',
      words: [message['summary'], message['description']].filter(isText).join(' '),
      isDeprecated: payload['deprecated'] === true,
      isBinary: message['contentType'] === 'application/octet-stream',
      hasBinary: this.#parts(message['x-typed-ws'])['binary'] === true,
      schema,
      examples: examples.map((example) => this.#parts(example)['payload']).filter((payload) => payload !== undefined)
    }
  }

  // Of the property that names a message, also in the parts of its schema.
  #constOf (value: unknown, property: string, depth: number): unknown {
    const schema = this.#parts(value)
    const own = this.#parts(this.#parts(schema['properties'])[property])['const']
    if (own !== undefined || depth > 4) return own
    const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => [schema[keyword] ?? []].flat() as unknown[])
    return parts.map((part) => this.#constOf(part, property, depth + 1)).find((one) => one !== undefined)
  }

  // The first property with a constant text: `type`, `event`, `op`.
  #guessDiscriminator (): string {
    for (const message of Object.values(this.#parts(this.#channel['messages']))) {
      const properties = Object.entries(this.#parts(this.#parts(this.#parts(message)['payload'])['properties']))
      const found = properties.find(([, schema]) => isText(this.#parts(schema)['const']))
      if (found !== undefined) return found[0]
    }
    return 'type'
  }
}

type Texts = Readonly<Record<string, string>>

/** The URL of a route: an empty parameter takes the slash in front of it along. */
export function urlOf (route: Route, values: Texts, query: Texts, origin: string): string {
  const path = route.address.replaceAll(/\/?\{([^{}]+)\}/g, (part, name: string) => {
    const value = values[name] ?? ''
    const slash = part.startsWith('/') ? '/' : ''
    if (value === '') return ''
    return slash + (name === 'wildcard' ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value))
  })
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString()
  return `${origin.replace(/^http/, 'ws')}${path || '/'}${search && `?${search}`}`
}

function isText (value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function text (value: unknown): string {
  return typeof value === 'string' ? value : ''
}
