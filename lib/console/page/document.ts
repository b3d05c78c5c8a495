import { listOf, recordOf, resolverOf, type Data, type Resolve } from './references.js'
import { joined, textOf } from './text.js'

/** An input of a handshake. */
export interface Field {
  /** `room`, a parameter of the address; `?lang`, one of the query. */
  readonly name: string
  readonly description: string
  readonly values: readonly string[]
  readonly value: string
}

/** A message, as one side says it. */
export interface Message {
  readonly name: string
  readonly schema: unknown
  readonly examples: readonly unknown[]
  readonly key: string
  readonly kind: 'event' | 'call' | 'stream' | 'binary'
  readonly isSent: boolean
  readonly words: string
  /** A binary frame follows it. */
  readonly hasBinary: boolean
  readonly answers: readonly Message[]
}

/** A channel of AsyncAPI. */
export interface Route {
  readonly id: string
  readonly title: string
  readonly words: string
  /** With the path of the server in front. */
  readonly address: string
  readonly fields: readonly Field[]
  readonly subprotocol: string
  readonly discriminator: string
  /** Of fastify-typed-ws: `ref`, `$reply` and the others mean something. */
  readonly isTyped: boolean
  readonly closeCodes: Data
  readonly messages: readonly Message[]
}

export interface Api {
  readonly title: string
  readonly routes: readonly Route[]
  readonly resolve: Resolve
}

const MAX_DEPTH = 4

/**
 * Reads a document of AsyncAPI 3.
 *
 * @param host - of the page: a server of this name may have a path in front of its addresses.
 * @throws where it is no such document.
 */
export function readDocument (document: unknown, host: string): Api {
  if (!textOf(recordOf(document)['asyncapi']).startsWith('3.')) throw new Error('This is no AsyncAPI 3 in JSON.')
  const resolve = resolverOf(document)
  const listed = (key: string): Data[] => Object.values(get(document, key)).map((value) => get(value))
  const prefix = textOf(listed('servers').find((server) => server['host'] === host)?.['pathname']).replace(/\/$/, '')
  return {
    title: wordsOf(get(document, 'info'), 'title', 'version'),
    routes: Object.entries(get(document, 'channels')).map(([id, channel]) => routeOf(id, get(channel))),
    resolve
  }

  // An object at the end of a path.
  function get (value: unknown, ...path: readonly string[]): Data {
    return path.reduce((at, key) => recordOf(resolve(at[key])), recordOf(resolve(value)))
  }

  function routeOf (id: string, channel: Data): Route {
    const { discriminator: named, closeCodes } = get(channel, 'x-typed-ws')
    const { const: subprotocol, enum: subprotocols } = get(channel, 'bindings', 'ws', 'headers', 'properties', 'Sec-WebSocket-Protocol')
    const isTyped = typeof named === 'string'
    const discriminator = isTyped ? named : guessDiscriminator(channel)
    return {
      id,
      title: textOf(channel['title']),
      words: wordsOf(channel, 'summary', 'description'),
      address: `${prefix}/${(textOf(channel['address']) || id).replace(/^\//, '')}`,
      fields: [...fieldsOf(get(channel, 'parameters'), ''), ...fieldsOf(get(channel, 'bindings', 'ws', 'query', 'properties'), '?')],
      subprotocol: textOf(subprotocol ?? listOf(subprotocols)[0]),
      discriminator,
      isTyped,
      closeCodes: recordOf(closeCodes),
      messages: listed('operations').flatMap((operation) => {
        const isOwn = get(operation['channel']) === channel
        const messages = isOwn ? operation['messages'] ?? Object.values(get(channel, 'messages')) : []
        return listOf(messages).map((value) => messageOf(value, discriminator, operation))
        // The page knows those of the protocol itself.
      }).filter(({ name }) => !isTyped || !name.startsWith('$'))
    }
  }

  function fieldsOf (properties: Data, mark: string): Field[] {
    return Object.entries(properties).map(([name, property]) => {
      const { description, enum: values, default: fallback, examples } = get(property)
      const value = fallback ?? listOf(examples)[0] ?? ''
      return {
        name: mark + name,
        description: textOf(description),
        values: listOf(values).map(String),
        value: typeof value === 'string' ? value : JSON.stringify(value)
      }
    })
  }

  // A message of an operation, or one of its answers.
  function messageOf (value: unknown, discriminator: string, operation: Data = {}): Message {
    const { action, reply, summary } = operation
    const { title, name: own, contentType, examples, payload, ...message } = get(value)
    const { schema = payload, deprecated } = get(payload)
    const isSent = action === 'receive'
    const name = nameIn(schema, discriminator, 0) || textOf(title ?? own) || 'message'
    const words = wordsOf(message, 'summary', 'description') || textOf(summary)
    const kind = contentType === 'application/octet-stream' ? 'binary' : get(operation, 'x-typed-ws')['kind'] ?? (reply ? 'call' : 'event')
    return {
      key: `${isSent ? 'sent' : 'received'} ${name}`,
      name,
      kind: kind as Message['kind'],
      isSent,
      words: joined(' ', deprecated === true && !/deprecated/i.test(words) && 'Deprecated.', words),
      hasBinary: get(message, 'x-typed-ws')['binary'] === true,
      schema,
      examples: listOf(examples).flatMap((example) => get(example)['payload'] ?? []),
      answers: listOf(get(reply)['messages']).map((answer) => messageOf(answer, discriminator))
    }
  }

  // By the constant of the discriminator, also in the parts of a schema.
  function nameIn (value: unknown, discriminator: string, depth: number): string {
    const { properties, allOf, anyOf, oneOf } = get(value)
    const own = textOf(get(properties, discriminator)['const'])
    if (own || depth > MAX_DEPTH) return own
    return [allOf, anyOf, oneOf].flatMap(listOf).map((part) => nameIn(part, discriminator, depth + 1)).find(Boolean) ?? ''
  }

  // The first property with a constant text: `type`, `event`, `op`.
  function guessDiscriminator (channel: Data): string {
    return Object.values(get(channel, 'messages'))
      .flatMap((message) => Object.entries(get(message, 'payload', 'properties')))
      .find(([, schema]) => textOf(get(schema)['const']))?.[0] ?? 'type'
  }
}

type Texts = Readonly<Record<string, string>>

/** The URL of a route: an empty parameter takes the slash in front of it along. */
export function urlOf ({ address }: Route, values: Texts, origin: string): string {
  const path = address.replaceAll(/(\/?)\{([^{}]+)\}/g, (_, slash: string, name: string) => {
    const value = encodeURIComponent(values[name] ?? '')
    // A wildcard is a path.
    return value && slash + (name === 'wildcard' ? value.replaceAll('%2F', '/') : value)
  })
  const query = Object.entries(values).flatMap(([name, value]) => name.startsWith('?') && value ? [[name.slice(1), value]] : [])
  return joined('?', origin.replace('http', 'ws') + (path || '/'), String(new URLSearchParams(query)))
}

function wordsOf (of: Data, ...keys: readonly string[]): string {
  return joined(' ', ...keys.map((key) => textOf(of[key])))
}
