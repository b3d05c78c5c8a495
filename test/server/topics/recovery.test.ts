// Recoverable topics over the memory of one process, as a client without ours sees them.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { defineContract, shards, type Broker, type PluginOptions, type Socket, type WebSocketRouteOptions } from '../../../lib/index.js'
import { deferred } from '../../support/deferred.js'
import { hear } from '../../support/diagnostics.js'
import { FakeEngine } from '../../support/fake-engine.js'
import { fakeTime, NOW, pass, turn } from '../../support/fake-time.js'
import { connect, createApp, listen, until, type Answer, type Client, type Teardown } from '../../support/helper.js'

const rooms = defineContract({
  name: 'rooms.v1',
  clientToServer: {
    say: Type.Object({ topic: Type.String(), text: Type.String() }),
    leave: Type.Object({ topic: Type.String() })
  },
  serverToClient: { said: Type.Object({ text: Type.String() }) },
  topics: { room: { recover: true }, few: { recover: { maxMessages: 2 } }, plain: {} }
})

type Position = [epoch: string, offset: number]

interface House {
  readonly app: FastifyInstance
  readonly url: string
  /** Publishes texts, one after the other. */
  say (topic: string, ...texts: string[]): Promise<void>
  /** A client that asked for positions, and brought some. */
  ask (topics?: Record<string, Position>, name?: string): Promise<Client>
  sockets (): Array<Socket<typeof rooms>>
}

type Open = NonNullable<WebSocketRouteOptions<typeof rooms>['open']>

async function start (t: Teardown, options: PluginOptions = {}, open: Open = (socket) => void socket.subscribe('room:1')): Promise<House> {
  const app = await createApp(t, options)
  app.ws('/', {
    contract: rooms,
    open,
    on: {
      say: ({ topic, text }, socket) => socket.publish(topic, 'said', { text }),
      leave: ({ topic }, socket) => socket.unsubscribe(topic)
    }
  })
  const url = await listen(app)
  return {
    app,
    url,
    say: async (topic, ...texts) => {
      for (const text of texts) await app.channel(rooms).publish(topic, 'said', { text })
    },
    ask: async (topics = {}, name = 'client-1') => {
      const client = await connect(t, url, { protocols: [rooms.name, 'typed-ws.recover'] })
      client.send({ type: '$recover', client: name, topics })
      return client
    },
    sockets: () => [...app.channel(rooms).sockets()]
  }
}

/** The texts of the next events of a client. */
async function texts (client: Client, count: number): Promise<unknown[]> {
  return (await client.take(count)).map(({ text }) => text)
}

function placeOf ({ epoch, offset, $at }: Answer, former?: Answer): Position {
  return $at === undefined ? [epoch as string, offset as number] : [former!['epoch'] as string, ($at as [string, number])[1]]
}

/** The position of a topic, as a page would be given it. */
async function positionOf (app: FastifyInstance, topic: string): Promise<Position> {
  const [epoch, offset] = (await app.channel(rooms).position(topic)).split('.') as [string, string]
  return [epoch, Number(offset)]
}

t.test('a client that does not ask gets every event as it is', async (t) => {
  const { app, url, say } = await start(t)
  const client = await connect(t, url, { protocols: [rooms.name] })
  await until(() => app.channel(rooms).size('room:1') === 1)
  await client.flushed()
  await say('room:1', 'a')
  t.equal(await client.nextRaw(), '{"type":"said","text":"a"}')
  client.send({ type: '$recover', client: 'client-1', topics: {} })
  t.match(await client.next(), { type: '$error', statusCode: 400, code: 'FST_TYPED_WS_UNKNOWN_TYPE', received: '$recover' })
  client.send({ type: 'leave', topic: 'room:1' })
  await client.flushed()
  t.equal(client.unread, 0)
})

t.test('a client that asks is told where it is, in each event too', async (t) => {
  const { say, ask } = await start(t)
  const client = await ask()
  const begin = await client.next()
  t.match(begin, { type: '$topic', topic: 'room:1', epoch: String, offset: Number })
  t.notOk('recovered' in begin)
  await say('room:1', 'a', 'b')
  const [a, b] = await client.take(2) as [Answer, Answer]
  t.match(a, { type: 'said', text: 'a', $at: ['room:1', Number] })
  t.ok(placeOf(b, begin)[1] > placeOf(a, begin)[1])
  t.ok(placeOf(a, begin)[1] > placeOf(begin)[1])
  client.send({ type: 'leave', topic: 'room:1' })
  t.same(await client.next(), { type: '$topic', topic: 'room:1' })
})

t.test('the place of an event stands in front of its text', async (t) => {
  const { say, ask } = await start(t)
  const client = await ask()
  const begin = await client.next()
  await say('room:1', 'a')
  const text = await client.nextRaw() as string
  t.match(text, /^\{"\$at":\["room:1",\d+\],"type":"said","text":"a"\}$/)
  t.ok(begin)
})

t.test('a client that returns is given what it missed, in order and once', async (t) => {
  const recovered = hear(t, 'fastify-typed-ws.topic.recovered')
  const { app, say, ask } = await start(t)
  const first = await ask()
  const begin = await first.next()
  await say('room:1', 'a')
  const place = placeOf(await first.next(), begin)
  await first.close()
  await say('room:1', 'b', 'c')
  const second = await ask({ 'room:1': place })
  const [told, ...events] = await second.take(3) as [Answer, ...Answer[]]
  t.match(told, { type: '$topic', topic: 'room:1', epoch: place[0], offset: place[1], recovered: true, missed: 2 })
  t.same(events.map(({ text }) => text), ['b', 'c'])
  await say('room:1', 'd')
  t.same(await texts(second, 1), ['d'])
  t.match(app.channel(rooms).stats, { recovered: 1, unrecovered: 0, gaps: 0 })
  t.match(recovered, [{ topic: 'room:1', recovered: true, missed: 2, reason: undefined }])
})

t.test('a client that saw no event returns from where it began, as often as it likes', async (t) => {
  const { say, ask } = await start(t)
  const first = await ask()
  const place = placeOf(await first.next())
  await say('room:1', 'a')
  // The server has not noticed the end of the first one.
  const second = await ask({ 'room:1': place })
  t.match(await second.take(2), [{ recovered: true, missed: 1 }, { text: 'a' }])
  const third = await ask({ 'room:1': place })
  t.match(await third.take(2), [{ recovered: true, missed: 1 }, { text: 'a' }])
})

t.test('a client that missed nothing is told so', async (t) => {
  const { ask } = await start(t)
  const place = placeOf(await (await ask()).next())
  t.match(await (await ask({ 'room:1': place })).next(), { offset: place[1], recovered: true, missed: 0 })
})

t.test('a position is used for one subscription', async (t) => {
  const { say, ask, sockets } = await start(t)
  const place = placeOf(await (await ask()).next())
  await say('room:1', 'a')
  const client = await ask({ 'room:1': place }, 'client-2')
  t.match(await client.take(2), [{ recovered: true }, { text: 'a' }])
  const socket = sockets().at(-1)!
  socket.unsubscribe('room:1')
  await socket.subscribe('room:1')
  await socket.subscribe('room:1')
  t.match(await client.take(2), [{ type: '$topic', epoch: undefined }, { type: '$topic', recovered: undefined, epoch: String }])
  await say('room:1', 'b')
  t.same(await texts(client, 1), ['b'])
})

t.test('a topic that the server does not subscribe now gives nothing', async (t) => {
  const { say, ask } = await start(t)
  const place = placeOf(await (await ask()).next())
  await say('room:2', 'secret')
  const client = await ask({ 'room:2': place, 'room:1': place })
  t.match(await client.next(), { topic: 'room:1', recovered: true, missed: 0 })
  await client.flushed()
  t.equal(client.unread, 0)
})

t.test('recover: false begins now', async (t) => {
  const { say, ask } = await start(t, {}, (socket) => void socket.subscribe('room:1', { recover: false }))
  const place = placeOf(await (await ask()).next())
  await say('room:1', 'a')
  const client = await ask({ 'room:1': place })
  const begin = await client.next()
  t.notOk('recovered' in begin)
  await say('room:1', 'b')
  t.same(await texts(client, 1), ['b'])
})

t.test('a sender is not given its own events, live or after a new connection', async (t) => {
  const { say, ask } = await start(t)
  const [other, sender] = [await ask({}, 'client-2'), await ask({}, 'client-1')]
  const place = placeOf(await sender.next())
  await other.next()
  sender.send({ type: 'say', topic: 'room:1', text: 'mine' })
  t.same(await texts(other, 1), ['mine'])
  await say('room:1', 'theirs')
  t.same(await texts(sender, 1), ['theirs'])
  await sender.close()
  const again = await ask({ 'room:1': place }, 'client-1')
  t.match(await again.take(2), [{ recovered: true, missed: 1 }, { text: 'theirs' }])
})

t.test('a sender that publishes in open, before it has told its name, is not given its own event either', async (t) => {
  const first = ['one', 'two']
  const { app, url, say, ask } = await start(t, {}, async (socket) => {
    await socket.subscribe('room:1')
    for (const text of first.splice(0)) socket.publish('room:1', 'said', { text })
  })
  const place = await positionOf(app, 'room:1')
  const sender = await connect(t, url, { protocols: [rooms.name, 'typed-ws.recover'] })
  await until(() => app.channel(rooms).size('room:1') === 1)
  // In one chunk: what is published then stands behind what waits for the name.
  sender.send({ type: '$recover', client: 'client-1', topics: {} })
  sender.send({ type: 'say', topic: 'room:1', text: 'three' })
  await until(async () => (await positionOf(app, 'room:1'))[1] >= place[1] + 3)
  await say('room:1', 'theirs')
  t.match(await sender.take(2), [{ type: '$topic' }, { text: 'theirs' }])
  await sender.close()
  const other = await ask({ 'room:1': place }, 'client-2')
  t.match(await other.next(), { recovered: true, missed: 4 })
  t.same(await texts(other, 4), ['one', 'two', 'three', 'theirs'])
  const again = await ask({ 'room:1': place }, 'client-1')
  t.match(await again.take(2), [{ recovered: true, missed: 1 }, { text: 'theirs' }])
})

t.test('an event that a client published before it told its name is stored when its connection ends', async (t) => {
  const { app, url, ask } = await start(t, {}, async (socket) => {
    await socket.subscribe('room:1')
    socket.publish('room:1', 'said', { text: 'mine' })
  })
  const place = await positionOf(app, 'room:1')
  const sender = await connect(t, url, { protocols: [rooms.name, 'typed-ws.recover'] })
  await until(() => app.channel(rooms).size('room:1') === 1)
  sender.ws.terminate()
  await until(async () => (await positionOf(app, 'room:1'))[1] > place[1])
  t.match(await (await ask({ 'room:1': place })).take(2), [{ recovered: true, missed: 1 }, { text: 'mine' }])
})

t.test('a connection that a publish excepts is not given the event, live or after a new connection', async (t) => {
  const { app, say, ask, sockets } = await start(t)
  const sender = await ask({}, 'client-1')
  const place = placeOf(await sender.next())
  const [except] = sockets()
  const other = await ask({}, 'client-2')
  await other.next()
  await app.channel(rooms).publish('room:1', 'said', { text: 'for others' }, { except, id: 'one' })
  await say('room:1', 'for all')
  t.same(await texts(other, 2), ['for others', 'for all'])
  t.same(await texts(sender, 1), ['for all'])
  await sender.close()
  t.match(await (await ask({ 'room:1': place }, 'client-1')).take(2), [{ recovered: true, missed: 1 }, { text: 'for all' }])
})

t.test('a sender that does not ask is left out too', async (t) => {
  const { app, url, say } = await start(t)
  const [sender, other] = [await connect(t, url), await connect(t, url)]
  await until(() => app.channel(rooms).size('room:1') === 2)
  sender.send({ type: 'say', topic: 'room:1', text: 'mine' })
  t.same(await texts(other, 1), ['mine'])
  await say('room:1', 'theirs')
  t.same(await texts(sender, 1), ['theirs'])
})

t.test('a sender that hears its own events alone is told where it is now and then', async (t) => {
  const { ask } = await start(t, { rateLimit: false })
  const sender = await ask()
  const begin = await sender.next()
  for (let n = 0; n < 64; n++) sender.send({ type: 'say', topic: 'room:1', text: 'mine' })
  const told = await sender.next()
  t.match(told, { type: '$topic', topic: 'room:1', epoch: begin['epoch'], recovered: undefined })
  t.ok(placeOf(told)[1] > placeOf(begin)[1])
})

t.test('a client that missed more than is kept, or than it may have, is told so and stays', async (t) => {
  const { app, say, ask } = await start(t, { recovery: { maxMessages: 3, maxBytes: 200 } }, async (socket) => {
    for (const topic of ['room:1', 'few:1', 'room:big']) await socket.subscribe(topic)
  })
  const places: Record<string, Position> = {}
  for (const topic of ['room:1', 'few:1', 'room:big']) places[topic] = await positionOf(app, topic)
  await say('room:1', 'a', 'b', 'c', 'd')
  await say('few:1', 'a', 'b', 'c')
  await say('room:big', 'x'.repeat(300))
  const second = await ask(places)
  t.match(await second.take(3), [
    { topic: 'room:1', recovered: false, reason: 'limit', offset: Number },
    { topic: 'few:1', recovered: false, reason: 'expired', offset: Number },
    { topic: 'room:big', recovered: false, reason: 'limit', offset: Number }
  ])
  await say('few:1', 'd')
  t.same(await texts(second, 1), ['d'])
  t.match(app.channel(rooms).stats, { recovered: 0, unrecovered: 3 })
})

t.test('a forged position gives nothing', async (t) => {
  const { say, ask } = await start(t, {}, (socket) => void socket.subscribe('room:1'))
  const begin = await (await ask()).next()
  await say('room:1', 'a')
  const [epoch, offset] = placeOf(begin)
  const reasonOf = async (position: Position): Promise<unknown> => {
    const client = await ask({ 'room:1': position })
    const { recovered, reason } = await client.next()
    await client.flushed()
    t.equal(client.unread, 0)
    return [recovered, reason]
  }
  t.same(await reasonOf(['forged', offset]), [false, 'lost'])
  t.same(await reasonOf([epoch, offset + 1000]), [false, 'expired'])
  t.same(await reasonOf([epoch, 0]), [false, 'expired'])
  t.same(await reasonOf([epoch, -5]), [false, 'expired'])
})

t.test('positions are taken once, and only in their form', async (t) => {
  const { app, url, ask } = await start(t, { maxTopics: 2 })
  const refusals: unknown[] = []
  for (const body of [
    {},
    { client: 'short' },
    { client: 'client-1' },
    { client: 'client-1', topics: { a: ['e'] } },
    { client: 'client-1', topics: { a: ['e', 'x'] } },
    { client: 'client-1', topics: { a: [1, 1] } },
    { client: 'client-1', topics: { a: ['e', 1], b: ['e', 1], c: ['e', 1] } }
  ]) {
    const client = await connect(t, url, { protocols: [rooms.name, 'typed-ws.recover'] })
    client.send({ type: '$recover', ...body })
    refusals.push((await client.next()).message)
  }
  t.match(refusals, [/client/, /client/, /topics/, /topics/, /topics/, /topics/, /2 at most/])
  const client = await ask()
  t.match(await client.next(), { type: '$topic' })
  client.send({ type: '$recover', client: 'client-1', topics: {} })
  t.match(await client.next(), { type: '$error', code: 'FST_TYPED_WS_VALIDATION', message: /once/ })
  t.ok(app)
})

t.test('a client that asks and tells nothing goes on as a newcomer after 5 s', async (t) => {
  const { app, url, say } = await start(t)
  fakeTime(t, ['setTimeout'])
  const client = await connect(t, url, { protocols: [rooms.name, 'typed-ws.recover'] })
  const gone = await connect(t, url, { protocols: [rooms.name, 'typed-ws.recover'] })
  await until(() => app.channel(rooms).size('room:1') === 2)
  await say('room:1', 'a')
  await client.flushed()
  t.equal(client.unread, 0, 'events are held back')
  await gone.close()
  await pass(5000, 1000)
  t.match(await client.take(2), [{ type: '$topic', recovered: undefined }, { text: 'a' }])
})

t.test('positions that come while open runs are not queued behind it', async (t) => {
  const held = deferred()
  const { say, ask } = await start(t, {}, async (socket) => {
    await turn()
    await socket.subscribe('room:1')
    await held.promise
  })
  const client = await ask()
  t.match(await client.next(), { type: '$topic' })
  await say('room:1', 'a')
  t.same(await texts(client, 1), ['a'])
  held.resolve()
})

t.test('an event with an id is stored once', async (t) => {
  const { app, ask, say } = await start(t)
  const channel = app.channel(rooms)
  const client = await ask()
  await client.next()
  await channel.publish('room:1', 'said', { text: 'a' }, { id: 'one' })
  await channel.publish('room:1', 'said', { text: 'a' }, { id: 'one' })
  await channel.publish('room:1', 'said', { text: 'b' }, { id: 'two' })
  t.same(await texts(client, 2), ['a', 'b'])
  await channel.publish('few:1', 'said', { text: 'a' }, { id: 'one' })
  await say('few:1', 'b', 'c')
  await channel.publish('few:1', 'said', { text: 'a' }, { id: 'one' })
  t.pass('the id is forgotten with its event')
})

t.test('a page begins at the position that it was rendered with', async (t) => {
  const { app, say, ask } = await start(t)
  const position = await positionOf(app, 'room:1')
  await say('room:1', 'a')
  const client = await ask({ 'room:1': position })
  t.match(await client.take(2), [{ recovered: true, missed: 1 }, { text: 'a' }])
})

t.test('a plain topic has no position and takes no id', async (t) => {
  const { app } = await start(t)
  const channel = app.channel(rooms)
  const error = { code: 'FST_TYPED_WS_TOPIC_NOT_RECOVERABLE' }
  for (const topic of ['plain:1', 'lobby', 'rooms', 'constructor', 'plain']) {
    await t.rejects(channel.position(topic), error)
    await t.rejects(channel.publish(topic, 'said', { text: 'a' }, { id: '1' }), error)
  }
  await t.rejects(channel.position(''), { code: 'FST_TYPED_WS_INVALID_TOPIC_NAME' })
  t.match(await channel.position('room'), /^[\w-]+\.\d+$/, 'a kind alone is a topic')
})

t.test('the history is forgotten when it is old, and its top later', async (t) => {
  fakeTime(t, ['setTimeout', 'setInterval', 'Date'], NOW)
  const { app, say, ask } = await start(t, { history: { maxAgeMs: 120_000 } })
  const first = await ask()
  const begin = await first.next()
  await say('room:1', 'a')
  await app.channel(rooms).publish('room:1', 'said', { text: 'b' }, { id: 'b' })
  const [, last] = await first.take(2) as [Answer, Answer]
  await first.close()
  await until(() => app.channel(rooms).size('room:1') === 0)
  await pass(180_000, 60_000)
  const [old, seen] = [await ask({ 'room:1': placeOf(begin) }), await ask({ 'room:1': placeOf(last, begin) })]
  t.match(await old.next(), { recovered: false, reason: 'expired' })
  t.match(await seen.next(), { recovered: true, missed: 0 })
  await Promise.all([old.close(), seen.close()])
  await until(() => app.channel(rooms).size('room:1') === 0)
  await pass(1_380_000, 60_000)
  t.match(await (await ask({ 'room:1': placeOf(last, begin) })).next(), { recovered: false, reason: 'expired' })
})

t.test('a broker without a history, and a replay that leaves no room, fail at boot', async (t) => {
  const broker: Broker = {
    name: 'mute',
    start () {},
    async subscribe () {},
    unsubscribe () {},
    async publish () {},
    ask: async () => 0,
    async close () {}
  }
  const [mute, small] = [await createApp(t, { broker }), await createApp(t, { highWaterMarkBytes: 1000 })]
  const route = { contract: rooms, on: { say () {}, leave () {} } }
  t.throws(() => mute.ws('/', route), { code: 'FST_TYPED_WS_BROKER_LACKS', message: /'mute'.*'rooms\.v1'/ })
  t.throws(() => mute.channel(rooms), { code: 'FST_TYPED_WS_BROKER_LACKS' })
  t.throws(() => small.ws('/', route), { code: 'FST_TYPED_WS_INVALID_OPTION', message: /recovery.*500, or less/ })
  for (const options of [{ history: { maxMessages: 0 } }, { history: 5 }, { recovery: { maxBytes: -1 } }, { recovery: { other: 1 } }]) {
    await t.rejects(createApp(t, options as never), { code: 'FST_TYPED_WS_INVALID_OPTION' })
  }
})

t.test('a broker that cannot store a kind of topics keeps the app from its start, and one that is away does not', async (t) => {
  const prepared: unknown[][] = []
  const failures = [new Error('no room'), undefined, { code: 'UNAVAILABLE' }, { code: 'TIMEOUT' }]
  const outcomes: unknown[] = []
  for (const failure of failures) {
    const link = new FakeEngine().link()
    const history = { ...link.history, prepare: async (...kind: unknown[]) => { prepared.push(kind); throw failure } }
    const app = await createApp(t, { broker: shards([Object.assign(link, { history })]), history: { maxMessages: 5, maxAgeMs: 1000 } })
    app.ws('/', { contract: rooms, on: { say () {}, leave () {} } })
    outcomes.push(await Promise.resolve(app.ready()).then(() => 'ready', (error: Error) => error))
  }
  t.match(outcomes, [
    { code: 'FST_TYPED_WS_BROKER_UNUSABLE', message: /'shards of fake'.*'rooms\.v1\/room': no room/, cause: failures[0] },
    { code: 'FST_TYPED_WS_BROKER_UNUSABLE', message: /undefined/ }, 'ready', 'ready'
  ])
  t.same(prepared[0], ['rooms.v1/room', { maxMessages: 5, maxAgeMs: 1000 }])
})

t.test('churn leaves nothing', async (t) => {
  const { app, ask } = await start(t, {}, async (socket) => {
    for (let n = 0; n < 20; n++) await socket.subscribe(`room:${n}`)
  })
  const client = await ask()
  await client.take(20)
  await client.close()
  await until(() => app.channel(rooms).stats.topics === 0)
  t.match(app.channel(rooms).stats, { connections: 0, topics: 0, bufferedBytes: 0 })
})
