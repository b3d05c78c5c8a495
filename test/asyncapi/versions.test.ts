// The document of a route that speaks several versions of its contract.
import t from 'tap'
import { Type } from '@sinclair/typebox'
import { asyncapi, type AsyncApiOptions } from '../../lib/asyncapi/index.js'
import { defineContract, older } from '../../lib/index.js'
import type { AnyContract } from '../../lib/contract.js'
import { createApp, type Teardown } from '../support/helper.js'
import { info, loose, type Loose } from './documents.js'

const Message = (properties: object): never => Type.Object(properties as never, { $id: 'Message' }) as never

const v2 = defineContract({
  name: 'chat.v2',
  title: 'A room',
  description: 'All hear all.',
  clientToServer: { say: Type.Object({ body: Type.String() }) },
  serverToClient: { said: Message({ body: Type.String() }), typing: Type.Object({}) },
  closeCodes: { 4001: 'Full', 4002: 'Late', 4003: 'Closed' }
})
const v1 = defineContract({
  name: 'chat.v1',
  discriminator: 'op',
  clientToServer: { say: Type.Object({ text: Type.String() }) },
  serverToClient: { said: Message({ text: Type.String() }) },
  closeCodes: { 4001: 'Full', 4002: 'Too late' }
})
const up = { say: { up: ({ text }: { text: string }) => ({ body: text }) } }
const olderV1 = older(v2, { contract: v1, clientToServer: up, serverToClient: { said: { drop: true } } })

interface Chat { readonly schema?: object, readonly defaultVersion?: 'chat.v1' | 'chat.v2' }

/** The document of an app with a chat at each of some paths. */
async function documentOfChats (t: Teardown, chats: Record<string, Chat>, options: Partial<AsyncApiOptions> = {}): Promise<Loose> {
  const app = await createApp(t)
  await app.register(asyncapi, { info, ...options })
  for (const [path, chat] of Object.entries(chats)) app.ws(path, { contract: v2, versions: [olderV1], on: { say () {} }, ...chat })
  await app.ready()
  return loose(app.asyncapi())
}

t.test('each version of a route is a channel of the same address', async (t) => {
  const { channels, operations, components } = await documentOfChats(t, { '/chat/:room': { schema: { summary: 'A room.' } } })
  t.same(Object.keys(channels!), ['chatRoom', 'chatRoomChatV1'])
  const [newest, old] = [channels!['chatRoom']!, channels!['chatRoomChatV1']!]
  t.match(newest, {
    address: '/chat/{room}',
    title: 'A room',
    summary: 'A room.',
    description: /^All hear all\.$/,
    'x-typed-ws': { contract: 'chat.v2', discriminator: 'type', newest: undefined }
  })
  t.match(old, {
    address: '/chat/{room}',
    title: '/chat/{room} (chat.v1)',
    summary: 'A room.',
    description: /^An older version of `chat\.v2`\.$/,
    'x-typed-ws': { contract: 'chat.v1', discriminator: 'op', newest: 'chat.v2' }
  })
  t.same(Object.keys(operations!), [
    'chatRoomReceiveSay', 'chatRoomSendSaid', 'chatRoomSendTyping', 'chatRoomSendError',
    'chatRoomChatV1ReceiveSay', 'chatRoomChatV1SendSaid', 'chatRoomChatV1SendError'
  ])
  t.match(operations!['chatRoomChatV1SendError'], { messages: [{ $ref: '#/channels/chatRoomChatV1/messages/error' }] })
  t.match(components!['schemas']!['ChatV1ClientSay'], { properties: { op: { const: 'say' } }, required: ['op', 'text'] })
  t.match(components!['schemas'], {
    Message: { properties: { body: {} } },
    ChatV1Message: { properties: { text: {} } }
  }, 'the newest version has the names of schemas')
})

t.test('the handshake of a version has its name, which clients of one version may leave out', async (t) => {
  const { channels } = await documentOfChats(t, { '/a': {}, '/b': { defaultVersion: 'chat.v2' } })
  const headersOf = (id: string): Loose => channels![id]!['bindings']!['ws']!['headers']!
  const subprotocolOf = (id: string): Loose => headersOf(id)['properties']!['Sec-WebSocket-Protocol']!
  const [named, free] = ['The contract\'s name, as subprotocol.', 'The contract\'s name, as subprotocol; or none.']
  t.same(subprotocolOf('a'), { type: 'string', const: 'chat.v2', description: named })
  t.same(subprotocolOf('aChatV1'), { type: 'string', const: 'chat.v1', description: free })
  t.same(headersOf('a')['required'], ['Sec-WebSocket-Protocol', 'Origin'])
  t.same(headersOf('aChatV1')['required'], ['Origin'])
  t.same(subprotocolOf('b')['description'], free)
  t.same(subprotocolOf('bChatV1')['description'], named)
})

t.test('names of versions are identifiers that differ', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, { info })
  const newest = defineContract({ name: 'v.2', serverToClient: { said: Type.Object({}) } })
  const named = (name: string): AnyContract => defineContract({ name, serverToClient: { said: Type.Object({}) } })
  const [dotted, dashed, signs] = [named('v.1'), named('v-1'), named('!~')].map((contract) => older(newest, { contract }))
  app.ws('/1', { contract: newest, versions: [dotted!, dashed!, signs!] })
  app.ws('/other', { contract: newest, versions: [dotted!], schema: { operationId: 'numbers' } })
  await app.ready()
  const { channels, operations, components } = loose(app.asyncapi())
  t.same(Object.keys(channels!), ['_1', '_1V1', '_1V1_2', '_1_2', 'numbers', 'numbersV1'])
  t.same(Object.keys(components!['messages']!), ['V2ServerSaid', 'TypedWsError', 'V1ServerSaid', 'V1ServerSaid_2', 'ServerSaid'])
  for (const id of Object.keys(operations!)) t.match(id, /^[A-Za-z_]\w*$/)
})

t.test('transform sees each version of a route, and may hide one', async (t) => {
  const seen: string[] = []
  const { channels } = await documentOfChats(t, { '/chat': {} }, {
    transform: ({ schema, url, contract }) => {
      seen.push(contract.name)
      return { schema: { ...schema, hide: contract.name === 'chat.v2' }, url }
    }
  })
  t.same(seen, ['chat.v2', 'chat.v1'])
  t.same(Object.keys(channels!), ['chatChatV1'])
})

t.test('close codes of versions say whose they are, unless all have them', async (t) => {
  const { channels, info } = await documentOfChats(t, { '/chat': {} })
  t.match(info!['description'], [
    '| 4001 | Full | comes back |',
    '| 4002 | Late (`chat.v2`) | comes back |',
    '| 4002 | Too late (`chat.v1`) | comes back |',
    '| 4003 | Closed (`chat.v2`) | comes back |'
  ].join('\n'))
  t.same(channels!['chatChatV1']!['x-typed-ws']!['closeCodes'], { 4001: 'Full', 4002: 'Too late', 4003: 'Closed' })
})
