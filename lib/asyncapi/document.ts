import type { AsyncApiDocument, AsyncApiObject, AsyncApiOptions, DocumentSettings } from '../../types/asyncapi.js'
import type { AnyContract } from '../../types/contract.js'
import { protocolCloseCodes } from '../close-codes.js'
import { CANCEL, ERROR, MEMBERS, PING, Reserved, TOPIC } from '../protocol.js'
import { hasRecoverable } from '../schema/message.js'
import * as errors from '../server/errors.js'
import { writeHandshake, type DocumentedRoute } from './channel.js'
import { declaredCodes, tableOf } from './close-codes.js'
import { Components, plain } from './components.js'
import { ContractMessages, type DocumentedMessage } from './messages.js'
import { lowerFirst, Names, pascalCase } from './names.js'
import { addRef, correlationIds, PROTOCOL_TAGS, type ProtocolMessage } from './protocol.js'
import { subprotocolsOf } from './topics.js'

type Perspective = NonNullable<DocumentSettings['perspective']>

/** Makes the document of some routes, each version a channel: plain data, each time anew. */
export function makeDocument (routes: readonly DocumentedRoute[], options: AsyncApiOptions, perspective: Perspective): AsyncApiDocument {
  const document = new DocumentWriter(options, perspective)
  for (const route of routes) document.add(route)
  return document.end(routes.map(({ contract }) => contract))
}

class DocumentWriter {
  readonly #options: AsyncApiOptions
  readonly #perspective: Perspective
  readonly #components: Components = new Components()
  readonly #channels: Record<string, AsyncApiObject> = {}
  readonly #operations: Record<string, AsyncApiObject> = {}
  readonly #channelIds: Names = new Names()
  readonly #operationIds: Names = new Names()
  readonly #messages: ContractMessages[] = []

  constructor (options: AsyncApiOptions, perspective: Perspective) {
    this.#options = options
    this.#perspective = perspective
    addRef(this.#components)
  }

  add (route: DocumentedRoute): void {
    const { contract, newest, schema } = route
    const handshake = writeHandshake(route, this.#components)
    const address = String(handshake['address'])
    const name = schema.operationId ?? (lowerFirst(pascalCase(address)) || 'root')
    const id = this.#channelIds.take(contract === newest ? name : `${name}${pascalCase(contract.name)}`)
    const messages = this.#messagesOf(route)
    for (const message of messages.list) this.#addOperation(route, id, message)
    this.#addProtocol(route, id, messages)
    this.#channels[id] = {
      ...handshake,
      ...wordsOf(route, contract.title ?? address),
      ...tagsOf(schema.tags),
      ...(schema.externalDocs !== undefined && { externalDocs: schema.externalDocs }),
      messages: messages.refs,
      'x-typed-ws': extensionOf(route)
    }
  }

  end (contracts: readonly AnyContract[]): AsyncApiDocument {
    const { info, servers, tags, externalDocs, securitySchemes, transformObject } = this.#options
    const { schemas, messages } = this.#components
    const description = this.#describe(contracts)
    const document = {
      asyncapi: '3.0.0',
      info: { ...info, ...(description !== '' && { description }), ...(externalDocs && { externalDocs }), ...(tags && { tags }) },
      defaultContentType: 'application/json',
      ...(servers !== undefined && { servers }),
      channels: this.#channels,
      operations: this.#operations,
      components: { ...(securitySchemes !== undefined && { securitySchemes }), correlationIds, messages, schemas }
    }
    const asyncapiObject = JSON.parse(JSON.stringify(document, plain)) as AsyncApiDocument
    return transformObject === undefined ? asyncapiObject : transformObject({ asyncapiObject })
  }

  #messagesOf ({ contract, newest, sharedSchemas }: DocumentedRoute): ContractMessages {
    const known = this.#messages.find((one) => one.contract === contract && one.newest === newest)
    if (known !== undefined) return known
    const messages = new ContractMessages(contract, newest, this.#components, sharedSchemas)
    this.#messages.push(messages)
    return messages
  }

  #addOperation (route: DocumentedRoute, channelId: string, message: DocumentedMessage): void {
    const { name, kind, title, summary, key, replyKeys, direction } = message
    this.#put(route, channelId, direction === 'clientToServer', name, {
      title,
      ...(summary !== undefined && { summary }),
      ...tagsOf(route.schema.tags),
      messages: [key],
      replyKeys,
      ...((kind === 'call' || kind === 'stream') && { 'x-typed-ws': { kind } })
    })
  }

  #addProtocol (route: DocumentedRoute, id: string, messages: ContractMessages): void {
    const tags = PROTOCOL_TAGS
    const put = (isFromClient: boolean, title: string, summary: string, kind: ProtocolMessage, replyKeys: readonly string[] = []): void => {
      this.#put(route, id, isFromClient, title, { title, summary, tags, messages: [messages.protocol(kind)], replyKeys })
    }
    put(false, ERROR, 'A message was rejected, or its handler failed.', 'error')
    this.#addTopics(route, id, messages)
    if (this.#options.protocol !== true) return
    const isAsking = (direction: string): boolean => messages.list.some((one) => one.direction === direction && one.replyKeys.length > 0)
    for (const direction of ['clientToServer', 'serverToClient']) {
      if (!isAsking(direction)) continue
      put(direction === 'clientToServer', CANCEL, 'The answer to a call or a stream is not awaited any more.', 'cancel')
    }
    put(true, PING, 'Asks for a sign of life.', 'ping', [messages.protocol('pong')])
  }

  #addTopics (route: DocumentedRoute, id: string, messages: ContractMessages): void {
    const put = (isFromClient: boolean, title: string, summary: string, keys: readonly string[]): void => {
      this.#put(route, id, isFromClient, title, { title, summary, tags: PROTOCOL_TAGS, messages: keys })
    }
    if (messages.memberKeys.length > 0) put(false, MEMBERS, 'Who is in a topic.', messages.memberKeys)
    if (this.#options.protocol !== true || !hasRecoverable(route.newest)) return
    put(true, Reserved.recover, 'Positions, as the first message.', [messages.protocol('recover')])
    put(false, TOPIC, 'A place in a recoverable topic.', [messages.protocol('topic')])
  }

  #put (route: DocumentedRoute, channelId: string, isFromClient: boolean, name: string, parts: Operation): void {
    const action = isFromClient === (this.#perspective === 'server') ? 'receive' : 'send'
    const { title, messages, replyKeys = [], 'x-typed-ws': extension, ...words } = parts
    const channel = { $ref: `#/channels/${channelId}` }
    const refsOf = (keys: readonly string[]): AsyncApiObject[] => keys.map((key) => ({ $ref: `#/channels/${channelId}/messages/${key}` }))
    const id = this.#operationIds.take(`${channelId}${pascalCase(action)}${pascalCase(name)}`)
    this.#operations[id] = {
      action,
      channel,
      title: `${isFromClient ? '→' : '←'} ${title}`,
      ...words,
      ...this.#securityOf(route),
      messages: refsOf(messages),
      ...(replyKeys.length > 0 && { reply: { channel, messages: refsOf(replyKeys) } }),
      ...(extension !== undefined && { 'x-typed-ws': extension })
    }
  }

  #securityOf ({ url, schema: { security } }: DocumentedRoute): object {
    if (security === undefined) return {}
    const schemes = security.flatMap((alternative) => Object.entries(alternative).map(([name, scopes]) => this.#scheme(name, scopes, url)))
    return { security: schemes }
  }

  #scheme (name: string, scopes: readonly string[], url: string): AsyncApiObject {
    const scheme = this.#options.securitySchemes?.[name]
    if (scheme === undefined) throw new errors.InvalidOption('securitySchemes', `route ${url} names '${name}': declare it here`)
    return scopes.length > 0 ? { ...scheme, scopes } : { $ref: `#/components/securitySchemes/${name}` }
  }

  // AsyncAPI has no place for close codes.
  #describe (contracts: readonly AnyContract[]): string {
    const codes = [...this.#options.protocol === true ? protocolCloseCodes : [], ...declaredCodes(contracts)]
    const { description = '' } = this.#options.info
    const table = tableOf(codes.toSorted(([one], [other]) => one - other))
    return codes.length === 0 ? description : [description, table].filter((part) => part !== '').join('\n\n')
  }
}

interface Operation {
  readonly title: string
  readonly summary?: string
  readonly tags?: readonly AsyncApiObject[]
  readonly messages: readonly string[]
  readonly replyKeys?: readonly string[]
  readonly 'x-typed-ws'?: AsyncApiObject
}

function tagsOf (tags: readonly string[] | undefined): { readonly tags?: readonly AsyncApiObject[] } {
  return tags === undefined ? {} : { tags: tags.map((name) => ({ name })) }
}

function wordsOf ({ contract, newest, schema }: DocumentedRoute, title: string): AsyncApiObject {
  const isOlder = contract !== newest
  const description = [
    schema.description ?? contract.description,
    isOlder ? `An older version of \`${newest.name}\`.` : undefined
  ].filter((part) => part !== undefined).join('\n\n')
  return {
    title: isOlder ? `${title} (${contract.name})` : title,
    ...(schema.summary !== undefined && { summary: schema.summary }),
    ...(description !== '' && { description })
  }
}

// Handlers close a client of an older version with the codes of the newest as well.
function extensionOf ({ contract, newest }: DocumentedRoute): AsyncApiObject {
  const closeCodes = { ...newest.closeCodes, ...contract.closeCodes }
  const subprotocols = subprotocolsOf(newest).map(({ name }) => name)
  return {
    contract: contract.name,
    ...(contract !== newest && { newest: newest.name }),
    discriminator: contract.discriminator,
    ...(subprotocols.length > 0 && { subprotocols }),
    ...(Object.keys(closeCodes).length > 0 && { closeCodes })
  }
}
