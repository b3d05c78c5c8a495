// The messages about topics, as documents tell of them and servers send them.
import t from 'tap'
import { Ajv } from 'ajv'
import { Type } from '@sinclair/typebox'
import { asyncapi, type AsyncApiDocument } from '../../lib/asyncapi/index.js'
import { defineContract, older } from '../../lib/index.js'
import { connect, createApp, listen, type Answer } from '../support/helper.js'
import { documentOf, info, loose, routeFor, type Loose } from './documents.js'

const closed = { additionalProperties: false }
const Info = Type.Object({ name: Type.String() }, { ...closed, examples: [{ name: 'Ada' }] })
const rooms = defineContract({
  name: 'rooms.v1',
  clientToServer: { say: Type.Object({ text: Type.String() }, closed), leave: Type.Object({}, closed) },
  serverToClient: { said: Type.Object({ text: Type.String() }, closed), ask: { request: Type.Object({}), reply: Type.Null() } },
  topics: { room: { recover: true, presence: Info }, 'a.b': { presence: Type.Object({}) }, log: { recover: true } }
})

/** Tells which message of a channel a frame is. */
function readerOf (document: AsyncApiDocument, channel: string): (frame: unknown) => string {
  const ajv = new Ajv({ strict: false })
  ajv.addSchema(document, 'document')
  const { messages } = document.channels[channel] as { messages: Record<string, { $ref: string }> }
  const checks = Object.entries(messages).map(([key, { $ref }]) => {
    const { payload } = document.components['messages']![$ref.split('/').at(-1)!] as unknown as { payload: { $ref: string } }
    return [key, ajv.compile({ $ref: `document${payload.$ref}` })] as const
  })
  return (frame) => checks.filter(([, check]) => check(frame)).map(([key]) => key).join(' and ')
}

t.test('each message about topics that a client is sent is valid by the document', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, { info, protocol: true })
  app.ws('/:name', {
    contract: rooms,
    open: async (socket) => {
      const { name } = socket.request.params as { name: string }
      await socket.subscribe('room:1', { info: { name }, key: name })
    },
    on: {
      say: ({ text }, socket) => socket.publish('room:1', 'said', { text }),
      leave: (_payload, socket) => socket.unsubscribe('room:1')
    }
  })
  const url = await listen(app)
  const read = readerOf(app.asyncapi(), 'name')
  const ada = await connect(t, `${url}/ada`, { protocols: [rooms.name, 'typed-ws.presence', 'typed-ws.recover'] })
  const frames: Answer[] = []
  const hear = async (property: string): Promise<void> => {
    do frames.push(await ada.next())
    while (!(property in frames.at(-1)!))
  }
  const positions = { type: '$recover', client: 'client-1', topics: { 'room:1': ['gone', 1] } }
  ada.send(positions)
  await hear('members')
  const bob = await connect(t, `${url}/bob`, { protocols: [rooms.name] })
  await hear('joined')
  bob.send({ type: 'say', text: 'hello' })
  await hear('$at')
  bob.send({ type: 'leave' })
  await hear('left')
  ada.send({ type: 'leave' })
  const isEnd = (frame: Answer): boolean => Object.keys(frame).length === 2
  while (frames.filter(isEnd).length < 2) frames.push(await ada.next())

  t.equal(read(positions), 'recover')
  const kinds = { $members: 'membersRoom', $topic: 'topic', said: 'serverSaid' } as Record<string, string>
  for (const frame of frames) t.equal(read(frame), kinds[frame.type], JSON.stringify(frame))
  t.same(new Set(frames.map(({ type }) => type)), new Set(Object.keys(kinds)))
})

t.test('wrong messages about topics are not valid by the document', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, { info, protocol: true })
  app.ws('/', routeFor(rooms))
  await app.ready()
  const read = readerOf(app.asyncapi(), 'root')
  const wrong: object[] = [
    { type: '$recover', client: 'short', topics: {} },
    { type: '$recover', client: 'client-1', topics: { room: ['k3Jx'] } },
    { type: '$members', topic: 'room:1', members: [{ key: '7', info: {} }] },
    { type: '$members', topic: 'axb', members: [] },
    { type: '$members', topic: 'rooms', members: [] },
    { type: '$topic' },
    { type: 'said', text: 'hi', $at: ['room:1'] },
    { type: 'said', text: 'hi', at: 1 }
  ]
  for (const frame of wrong) t.equal(read(frame), '', JSON.stringify(frame))
  t.equal(read({ type: '$members', topic: 'a.b', count: 5000 }), 'membersAB')
  t.equal(read({ type: '$topic', topic: 'log' }), 'topic')
})

t.test('members are told in one operation, with a message for each kind of topic', async (t) => {
  const { operations, components, channels } = await documentOf(t, rooms)
  t.same(operations!['rootSendMembers'], {
    action: 'send',
    channel: { $ref: '#/channels/root' },
    title: '← $members',
    summary: 'Who is in a topic.',
    tags: [{ name: 'protocol' }],
    messages: [{ $ref: '#/channels/root/messages/membersRoom' }, { $ref: '#/channels/root/messages/membersAB' }]
  })
  const { RoomsV1MembersRoom: room, RoomsV1MembersAB: other } = components!['messages']!
  t.match(room, { title: '$members', summary: 'Who is in a topic of the kind room.', description: /typed-ws\.presence/ })
  t.same(room!['examples'], [{ payload: { type: '$members', topic: 'room', members: [{ key: '7', info: { name: 'Ada' } }] } }])
  t.same(other!['examples'], [{ payload: { type: '$members', topic: 'a.b', members: [] } }])
  t.match(components!['schemas']!['RoomsV1MemberRoom'], { properties: { info: { properties: { name: { type: 'string' } } } } })
  t.same(channels!['root']!['x-typed-ws'], {
    contract: 'rooms.v1', discriminator: 'type', subprotocols: ['typed-ws.recover', 'typed-ws.presence']
  })
})

t.test('a place is told of events alone, and only where a topic is recoverable', async (t) => {
  const { schemas } = (await documentOf(t, rooms))['components']!
  t.match(schemas!['RoomsV1ServerSaid'], { properties: { $at: { $ref: '#/components/schemas/TypedWsPlace' } }, required: ['type', 'text'] })
  for (const name of ['RoomsV1ClientSay', 'RoomsV1ServerAsk']) t.notOk('$at' in schemas![name]!['properties']!, name)
  const plain = defineContract({
    name: 'plain', serverToClient: { said: Type.Object({}) }, topics: { room: { presence: Type.Object({}) }, log: {} }
  })
  t.notMatch(JSON.stringify(await documentOf(t, plain, { protocol: true })), /\$at|TypedWsPlace|\$recover|\$topic/)
})

t.test('messages about recoverable topics are told with those of the protocol', async (t) => {
  const { operations } = await documentOf(t, rooms, { protocol: true })
  t.match(operations!['rootReceiveRecover'], { action: 'receive', title: '→ $recover', summary: 'Positions, as the first message.' })
  t.match(operations!['rootSendTopic'], { action: 'send', title: '← $topic', messages: [{ $ref: '#/channels/root/messages/topic' }] })
  const quiet = await documentOf(t, rooms)
  t.notOk('rootReceiveRecover' in quiet['operations']!)
  t.ok('rootSendMembers' in quiet['operations']!, 'which is not so for members: their info is the contract\'s')
})

t.test('the handshake says what a client may ask for', async (t) => {
  const words = (document: Loose): unknown => {
    return document['channels']!['root']!['bindings']!['ws']!['headers']!['properties']!['Sec-WebSocket-Protocol']!['description']
  }
  const name = 'The contract\'s name, as subprotocol; or none.'
  const [recover, presence] = [
    ' Beside it, `typed-ws.recover` asks for events that were missed.', ' Beside it, `typed-ws.presence` asks for the members of topics.'
  ]
  t.equal(words(await documentOf(t, rooms)), `${name}${recover}${presence}`)
  t.equal(words(await documentOf(t, defineContract({ name: 'x', topics: { log: { recover: true } } }))), `${name}${recover}`)
  t.equal(words(await documentOf(t, defineContract({ name: 'x', topics: { log: { presence: Info } } }))), `${name}${presence}`)
})

t.test('clients of an older version are told of the topics of the newest', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, { info, protocol: true })
  const v0 = defineContract({ name: 'rooms.v0', discriminator: 'op', serverToClient: { said: Type.Object({ text: Type.String() }) } })
  const same = defineContract({ name: 'rooms.v0.5' })
  app.ws('/', {
    contract: rooms,
    versions: [older(rooms, { contract: same }), older(rooms, { contract: v0 })],
    on: { say () {}, leave () {} }
  })
  await app.ready()
  const document = app.asyncapi()
  t.equal(readerOf(document, 'rootRoomsV0')({ op: 'said', text: 'hi', $at: ['room:1', 5] }), 'serverSaid')
  const { channels, components } = loose(document)
  const ref = (channel: string): string => channels![channel]!['messages']!['membersRoom']!['$ref']!
  t.equal(ref('root'), '#/components/messages/RoomsV1MembersRoom')
  t.equal(ref('rootRoomsV05'), ref('root'), 'in the same messages')
  t.equal(ref('rootRoomsV0'), '#/components/messages/RoomsV1OpMembersRoom', 'with their own discriminator')
  t.match(components!['schemas']!['RoomsV1OpMembersRoom'], { properties: { op: { const: '$members' } } })
  t.same(Object.keys(components!['schemas']!).filter((name) => name.includes('Member') && !name.includes('Members')),
    ['RoomsV1MemberRoom', 'RoomsV1MemberAB'])
  t.match(channels!['rootRoomsV0']!['x-typed-ws'], { subprotocols: ['typed-ws.recover', 'typed-ws.presence'] })
})
