import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import { defineContract, type Socket } from '../../../lib/index.js'
import { memory } from '../../../lib/brokers/memory.js'
import { Hub, type Subscriber } from '../../../lib/server/topics/hub.js'
import { TopicNode } from '../../../lib/server/topics/node.js'
import { connect, createApp, listen, type Client, type Teardown } from '../../support/helper.js'

const rooms = defineContract({
  name: 'rooms',
  clientToServer: {
    join: Type.Object({ room: Type.Unknown() }),
    leave: Type.Object({ room: Type.String() }),
    say: Type.Object({ room: Type.String(), text: Type.String() }),
    where: { request: Type.Object({}), reply: Type.Array(Type.String()) }
  },
  serverToClient: {
    said: Type.Object({ text: Type.String() })
  }
})

async function start (t: Teardown, options = {}): Promise<{
  app: Awaited<ReturnType<typeof createApp>>
  join: (...names: string[]) => Promise<Client>
  sockets: Array<Socket<typeof rooms>>
}> {
  const app = await createApp(t, options)
  const sockets: Array<Socket<typeof rooms>> = []
  const route = {
    contract: rooms,
    open: (socket: Socket<typeof rooms>) => { sockets.push(socket) },
    on: {
      join: async ({ room }: { room: unknown }, socket: Socket<typeof rooms>) => await socket.subscribe(room as string),
      leave: ({ room }: { room: string }, socket: Socket<typeof rooms>) => socket.unsubscribe(room),
      say: ({ room, text }: { room: string, text: string }, socket: Socket<typeof rooms>) => socket.publish(room, 'said', { text }),
      where: (_: unknown, socket: Socket<typeof rooms>) => [...socket.topics]
    }
  }
  app.ws('/', route)
  app.ws('/other', route)
  const url = await listen(app)
  const join = async (...names: string[]): Promise<Client> => {
    const client = await connect(t, url)
    for (const room of names) client.send({ type: 'join', room })
    await where(client)
    return client
  }
  return { app, join, sockets }
}

async function where (client: Client): Promise<string[]> {
  client.send({ type: 'where', ref: 1 })
  return (await client.next()).data as string[]
}

t.test('a published message reaches every other member once', async (t) => {
  const { join } = await start(t)
  const [a, b, c, d] = [await join('x'), await join('x'), await join('x', 'y'), await join('y')]
  a.send({ type: 'say', room: 'x', text: 'hi' })
  t.same(await b.next(), { type: 'said', text: 'hi' })
  t.same(await c.next(), { type: 'said', text: 'hi' })
  t.same(await where(a), ['x'], 'and not the one who said it')
  t.same(await where(d), ['y'])
  for (const client of [a, b, c, d]) t.equal(client.unread, 0)
})

t.test('a connection may publish without being a member, and to a topic without members', async (t) => {
  const { join } = await start(t)
  const [a, b] = [await join(), await join('x')]
  a.send({ type: 'say', room: 'x', text: 'from outside' })
  a.send({ type: 'say', room: 'empty', text: 'nobody hears' })
  t.same(await b.next(), { type: 'said', text: 'from outside' })
  t.same(await where(a), [])
})

t.test('a connection that leaves a topic or the server gets nothing more', async (t) => {
  const { app, join } = await start(t)
  const channel = app.channel(rooms)
  const [a, b] = [await join('x'), await join('x')]
  t.equal(channel.size('x'), 2)
  t.same([...channel.sockets('x')], [...channel.sockets()], 'the sockets of a topic are those of its members')
  t.same([...channel.sockets('y')], [])
  a.send({ type: 'leave', room: 'x' })
  a.send({ type: 'leave', room: 'never joined' })
  t.same(await where(a), [])
  t.equal(channel.size('x'), 1)
  await b.close()
  while (channel.size('x') > 0) await turn()
  await channel.publish('x', 'said', { text: 'to nobody' })
  t.same(await where(a), [])
})

t.test('a topic that is subscribed twice delivers once', async (t) => {
  const { app, join } = await start(t)
  const a = await join('x', 'x')
  t.same(await where(a), ['x'])
  await app.channel(rooms).publish('x', 'said', { text: 'once' })
  t.same(await a.next(), { type: 'said', text: 'once' })
  await where(a)
  t.equal(a.unread, 0)
})

t.test('a topic\'s name is a string of 1 to 255 bytes', async (t) => {
  const { app, join } = await start(t)
  const a = await join(`${'é'.repeat(127)}x`)
  for (const room of ['', 'é'.repeat(128), 7, null, {}]) {
    a.send({ type: 'join', room })
    t.match(await a.next(), { type: '$error', code: 'FST_TYPED_WS_INTERNAL' })
    await t.rejects(app.channel(rooms).publish(room as string, 'said', { text: 'x' }), { code: 'FST_TYPED_WS_INVALID_TOPIC_NAME' })
  }
})

t.test('a connection may be in maxTopics topics', async (t) => {
  const { join, sockets } = await start(t, { maxTopics: 2 })
  const a = await join('x', 'y')
  await t.rejects(sockets[0]!.subscribe('z'), { code: 'FST_TYPED_WS_TOO_MANY_TOPICS', message: /2 topics.*maxTopics/ })
  await sockets[0]!.subscribe('y')
  sockets[0]!.unsubscribe('x')
  await sockets[0]!.subscribe('z')
  t.same(await where(a), ['y', 'z'])
})

t.test('a channel publishes, counts, lists and disconnects from anywhere in the service', async (t) => {
  const { app, join, sockets } = await start(t)
  const channel = app.channel(rooms)
  t.equal(channel.contract, rooms)
  const [a, b] = [await join('x'), await join('x')]
  await channel.publish('x', 'said', { text: 'to all', secret: true } as never)
  for (const client of [a, b]) t.equal(await client.nextRaw(), '{"type":"said","text":"to all"}')
  t.equal(channel.size(), 2)
  t.same(Array.from(channel.sockets(), ({ id }) => id), sockets.map(({ id }) => id))
  t.equal(await channel.disconnect(({ id }) => id === sockets[0]!.id), 1)
  t.same(await a.closed(), { code: 4503, reason: '' })
  t.equal(await channel.disconnect(() => true, 4000, 'go'), 1)
  t.same(await b.closed(), { code: 4000, reason: 'go' })
})

t.test('a channel refuses a message that breaks the contract', async (t) => {
  const { app, join } = await start(t)
  const a = await join('x')
  const channel = app.channel(rooms)
  await t.rejects(channel.publish('x', 'said', { text: 1 } as never), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  await t.rejects(channel.publish('x', 'nope' as never, {} as never), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
  await where(a)
  t.equal(a.unread, 0)
})

t.test('routes of one contract share its topics, and a channel without a route publishes to no member', async (t) => {
  const { app, join } = await start(t)
  const other = defineContract({ name: 'other', serverToClient: { said: Type1.Object({ text: Type1.String() }) } })
  const quiet = app.channel(other)
  t.equal(app.channel(other), quiet, 'the same channel for the same contract')
  const a = await join('x')
  const b = await connect(t, `${app.listeningOrigin}/other`)
  b.send({ type: 'say', room: 'x', text: 'across routes' })
  t.same(await a.next(), { type: 'said', text: 'across routes' })
  await quiet.publish('x', 'said', { text: 'unheard' })
  await t.rejects(quiet.publish('x', 'said', {} as never), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  await where(a)
  t.equal(a.unread, 0)
})

t.test('messages published and sent in one turn reach a member in their order, with and without compression', async (t) => {
  const both = defineContract({
    name: 'both',
    clientToServer: { go: Type.Object({}) },
    serverToClient: { n: Type.Object({ n: Type.Number() }) }
  })
  const app = await createApp(t, { perMessageDeflate: true })
  const channel = app.channel(both)
  app.ws('/', {
    contract: both,
    open: async (socket) => await socket.subscribe('x'),
    on: {
      async go (_, socket) {
        socket.send('n', { n: 1 })
        await channel.publish('x', 'n', { n: 2 })
        socket.send('n', { n: 3 })
        await channel.publish('x', 'n', { n: 4 })
      }
    }
  })
  const url = await listen(app)
  for (const perMessageDeflate of [false, true]) {
    const client = await connect(t, url, { perMessageDeflate })
    client.send({ type: 'go' })
    for (let n = 1; n <= 4; n++) t.same(await client.next(), { type: 'n', n })
    await client.close()
    while (channel.size() > 0) await turn()
  }
})

t.test('an unsubscribe without a topic changes nothing', (t) => {
  const hub = new Hub<Subscriber>(rooms, new TopicNode(memory(), {} as never))
  hub.unsubscribe('nobody', { deliver: () => t.fail('not a member') } as unknown as Subscriber)
  t.equal(hub.size('nobody'), 0)
  t.end()
})
