// Members of topics over the memory of one process, as a client without ours sees them.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { defineContract, type PluginOptions, type Socket } from '../../../lib/index.js'
import { fakeTime, pass } from '../../support/fake-time.js'
import { connect, createApp, listen, until, type Answer, type Client, type Teardown } from '../../support/helper.js'

const rooms = defineContract({
  name: 'rooms.v1',
  clientToServer: {
    enter: {
      request: Type.Object({ topic: Type.String(), key: Type.Optional(Type.Unknown()), info: Type.Unknown() }),
      reply: Type.Boolean()
    },
    leave: { request: Type.Object({ topic: Type.String() }), reply: Type.Null() }
  },
  serverToClient: { said: Type.Object({ text: Type.String() }) },
  topics: {
    room: {
      presence: Type.Object({
        name: Type.String({ maxLength: 8 }),
        since: Type.Optional(Type.Unsafe<Date>({ type: 'string', format: 'date-time' }))
      })
    },
    kept: { recover: true, presence: Type.Object({ name: Type.String() }) },
    plain: {}
  }
})

interface House {
  readonly app: FastifyInstance
  readonly url: string
  /** A client that asked for members. */
  ask (protocols?: string[]): Promise<Watcher>
  /** The names of the members of a topic, by key. */
  members (topic?: string): Promise<unknown>
}

async function start (t: Teardown, options: PluginOptions = {}): Promise<House> {
  const app = await createApp(t, options)
  app.ws('/', {
    contract: rooms,
    on: {
      enter: ({ topic, key, info }, socket) => socket.subscribe(topic, { info, ...(key !== undefined && { key: key as string }) }),
      leave: ({ topic }, socket) => {
        socket.unsubscribe(topic)
        return null
      }
    }
  })
  const url = await listen(app)
  return {
    app,
    url,
    ask: async (protocols = [rooms.name, 'typed-ws.presence']) => new Watcher(await connect(t, url, { protocols })),
    members: async (topic = 'room:1') => {
      const list = await app.channel(rooms).members(topic) as Array<{ key: string, info: { name: string }, connections: number }>
      return list.map(({ key, info, connections }) => `${key} ${info.name} ${connections}`).toSorted()
    }
  }
}

/** A client, and what it is told of members apart from all else. */
class Watcher {
  readonly client: Client
  readonly #told = new Inbox()
  readonly #others = new Inbox()

  constructor (client: Client) {
    this.client = client
    void this.#read()
  }

  /** The next message about members. */
  next (): Promise<Answer> {
    return this.#told.next()
  }

  /** Any other message. */
  other (): Promise<Answer> {
    return this.#others.next()
  }

  get unread (): number {
    return this.#told.size
  }

  async enter (key: string, name: string = key, topic: string = 'room:1'): Promise<void> {
    await this.call({ type: 'enter', topic, key, info: { name } })
  }

  async leave (topic: string = 'room:1'): Promise<void> {
    await this.call({ type: 'leave', topic })
  }

  async call (message: object): Promise<Answer> {
    this.client.send({ ref: 1, ...message })
    return this.other()
  }

  async #read (): Promise<void> {
    for (;;) {
      const answer = await this.client.next()
      if (answer.type === '$members') this.#told.put(answer)
      else this.#others.put(answer)
    }
  }
}

class Inbox {
  readonly #answers: Answer[] = []
  #wake = (): void => {}

  get size (): number {
    return this.#answers.length
  }

  put (answer: Answer): void {
    this.#answers.push(answer)
    this.#wake()
  }

  async next (): Promise<Answer> {
    while (this.size === 0) await new Promise<void>((resolve) => { this.#wake = resolve })
    return this.#answers.shift()!
  }
}

const ada = { key: 'ada', info: { name: 'ada' } }
const bob = { key: 'bob', info: { name: 'bob' } }

t.test('a client that asks is told all members, and then those who join and leave', async (t) => {
  fakeTime(t)
  const { ask } = await start(t)
  const [one, two] = [await ask(), await ask()]
  await one.enter('ada')
  t.same(await one.next(), { type: '$members', topic: 'room:1', members: [ada] })
  await two.enter('bob')
  t.same(await two.next(), { type: '$members', topic: 'room:1', members: [ada] }, 'what the others were told')
  await pass(50, 50)
  for (const client of [one, two]) t.same(await client.next(), { type: '$members', topic: 'room:1', joined: [bob] })
  await two.leave()
  await pass(1000)
  t.same(await one.next(), { type: '$members', topic: 'room:1', left: ['bob'] })
  t.same(await two.next(), { type: '$members', topic: 'room:1' }, 'the client forgets them')
  await one.client.flushed()
  t.equal(one.unread, 0)
})

t.test('a client that does not ask sees nothing of it', async (t) => {
  fakeTime(t)
  const { app, url, ask, members } = await start(t)
  const [quiet, bare] = [await ask([rooms.name, 'typed-ws.recover']), new Watcher(await connect(t, url))]
  const other = await ask()
  for (const [client, key] of [[quiet, 'ada'], [bare, 'bob'], [other, 'eve']] as const) await client.enter(key)
  await pass(1000)
  await bare.leave()
  await pass(2000)
  await quiet.client.flushed()
  await bare.client.flushed()
  t.same([quiet.unread, bare.unread], [0, 0])
  t.same(await members(), ['ada ada 1', 'eve eve 1'])
  t.equal(app.channel(rooms).size('room:1'), 2)
})

t.test('connections with one key are one member, which joins and leaves once', async (t) => {
  fakeTime(t)
  const { ask, members } = await start(t)
  const [watcher, one, two] = [await ask(), await ask(), await ask()]
  await watcher.enter('eve')
  await watcher.next()
  await one.enter('ada')
  await two.enter('ada')
  t.same(await members(), ['ada ada 2', 'eve eve 1'])
  await pass(50, 50)
  t.same(await watcher.next(), { type: '$members', topic: 'room:1', joined: [ada] })
  await one.leave()
  await pass(6000, 1000)
  await watcher.client.flushed()
  t.equal(watcher.unread, 0)
  t.same(await members(), ['ada ada 1', 'eve eve 1'])
  await two.leave()
  await pass(1000)
  t.same(await watcher.next(), { type: '$members', topic: 'room:1', left: ['ada'] })
})

t.test('a page that reloads has not left, and a connection that does not come back has, after the delay', async (t) => {
  fakeTime(t)
  const { app, ask, members } = await start(t)
  const watcher = await ask()
  await watcher.enter('eve')
  await watcher.next()
  const page = await ask()
  await page.enter('ada')
  await pass(50, 50)
  t.match(await watcher.next(), { joined: [ada] })
  await page.client.close()
  await until(() => app.channel(rooms).size('room:1') === 1)
  await pass(4900)
  const again = await ask()
  await again.enter('ada')
  await pass(6000, 1000)
  await watcher.client.flushed()
  t.equal(watcher.unread, 0, 'reloaded in time')
  await again.client.close()
  await until(() => app.channel(rooms).size('room:1') === 1)
  await pass(4900)
  t.same(await members(), ['ada ada 1', 'eve eve 1'])
  await pass(200)
  t.same(await watcher.next(), { type: '$members', topic: 'room:1', left: ['ada'] })
  t.same(await members(), ['eve eve 1'])
})

t.test('the last member of a topic may reload, too', async (t) => {
  fakeTime(t)
  const { app, ask, members } = await start(t)
  const page = await ask()
  await page.enter('ada')
  await page.next()
  await page.client.close()
  await until(() => app.channel(rooms).size('room:1') === 0)
  t.same(await members(), ['ada ada 1'])
  const again = await ask()
  await again.enter('ada')
  t.same(await again.next(), { type: '$members', topic: 'room:1', members: [ada] })
  await pass(6000)
  t.same(await members(), ['ada ada 1'])
  await again.client.close()
  await until(() => app.channel(rooms).size('room:1') === 0)
  await pass(6000)
  t.same(await members(), [])
})

t.test('an info that changes is an update, of the newest connection, and one that does not is nothing', async (t) => {
  fakeTime(t)
  const { ask } = await start(t)
  const [one, two] = [await ask(), await ask()]
  await one.enter('ada')
  await one.next()
  await pass(2000, 1000)
  await two.enter('ada', 'Ada')
  await pass(50, 50)
  t.same(await one.next(), { type: '$members', topic: 'room:1', updated: [{ key: 'ada', info: { name: 'Ada' } }] })
  await pass(2000, 1000)
  await two.enter('ada', 'Ada')
  await pass(2000, 1000)
  await one.enter('ada', 'Lovelace')
  await pass(50, 50)
  t.same(await one.next(), { type: '$members', topic: 'room:1', updated: [{ key: 'ada', info: { name: 'Lovelace' } }] })
  await one.leave()
  await pass(1000)
  const told: string[] = []
  while (told.length < 4) {
    const { members, updated } = await two.next()
    told.push(((members ?? updated) as Array<typeof ada>)[0]!.info.name)
  }
  t.same(told, ['ada', 'Ada', 'Lovelace', 'Ada'], 'that of the tab that is left')
})

t.test('changes of one second are told together, and those that cancel out are not told', async (t) => {
  fakeTime(t)
  const { ask } = await start(t)
  const watcher = await ask()
  await watcher.enter('eve')
  await watcher.next()
  const clients = await Promise.all(['a', 'b', 'c', 'd'].map(() => ask()))
  await clients[0]!.enter('a')
  await pass(50, 50)
  t.match(await watcher.next(), { joined: [{ key: 'a' }] })
  for (const [n, key] of ['b', 'c', 'd'].entries()) await clients[n + 1]!.enter(key)
  await clients[3]!.leave()
  await clients[0]!.leave()
  await pass(998, 499)
  await watcher.client.flushed()
  t.equal(watcher.unread, 0)
  await pass(2, 1)
  const told = await watcher.next()
  t.same([(told['joined'] as typeof ada[]).map(({ key }) => key), told['left'], 'updated' in told], [['b', 'c'], ['a'], false])
})

t.test('a topic with more members than the limit tells their number alone', async (t) => {
  fakeTime(t)
  const { ask, members } = await start(t, { presence: { maxMembers: 2 } })
  const [one, two, three, four] = [await ask(), await ask(), await ask(), await ask()]
  await one.enter('a')
  await one.next()
  await two.enter('b')
  await pass(50, 50)
  t.match(await one.next(), { joined: [{ key: 'b' }] })
  await three.enter('c')
  await pass(1000)
  t.same(await one.next(), { type: '$members', topic: 'room:1', count: 3 })
  t.match(await members(), ['a a 1', 'b b 1', 'c c 1'], 'the server knows them all')
  await four.enter('d')
  t.same(await four.next(), { type: '$members', topic: 'room:1', count: 3 })
  await pass(1000)
  t.same(await one.next(), { type: '$members', topic: 'room:1', count: 4 })
  await four.enter('d', 'D')
  await pass(2000)
  await four.leave()
  await three.leave()
  await pass(1000)
  t.same(await one.next(), {
    type: '$members',
    topic: 'room:1',
    members: [{ key: 'a', info: { name: 'a' } }, { key: 'b', info: { name: 'b' } }]
  })
  t.equal(one.unread, 0, 'another info is no other number')
})

t.test('an info that breaks its schema, or a key that is none, is refused, and makes no member', async (t) => {
  const { app, ask, members } = await start(t, { validateOutgoing: false })
  const client = await ask()
  const errorOf = async (how: object): Promise<unknown> => {
    return (await client.call({ type: 'enter', topic: 'room:1', info: { name: 'ada' }, ...how })).code
  }
  t.equal(await errorOf({ info: { name: 'a name that is too long' } }), 'FST_TYPED_WS_INTERNAL')
  const socket = app.channel(rooms).sockets().next().value as Socket<typeof rooms>
  const invalid = { code: 'FST_TYPED_WS_OUTGOING_INVALID', message: /info of a member of room:1 breaks its schema: message\/name/ }
  await t.rejects(socket.subscribe('room:1', { info: { name: 'a name that is too long' } }), invalid)
  await t.rejects(socket.subscribe('room:1', {} as never), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  const topic: string = 'room:1'
  await t.rejects(socket.subscribe(topic), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  for (const key of ['', 'x'.repeat(256), '\ud800', 5]) {
    const error = { code: 'FST_TYPED_WS_INVALID_MEMBER_KEY' }
    await t.rejects(socket.subscribe('room:1', { info: { name: 'ada' }, key: key as string }), error)
  }
  const without = { code: 'FST_TYPED_WS_TOPIC_WITHOUT_PRESENCE', message: /'plain:1'.*'rooms\.v1'/ }
  await t.rejects(socket.subscribe('plain:1', { info: {} } as never), without)
  await t.rejects(socket.subscribe('plain:1', { key: 'a' } as never), without)
  await t.rejects(app.channel(rooms).members('plain:1'), without)
  await t.rejects(app.channel(rooms).members(''), { code: 'FST_TYPED_WS_INVALID_TOPIC_NAME' })
  t.same([await members(), [...socket.topics]], [[], []])
})

t.test('a date in an info is written as its schema says, and properties that it does not name are left out', async (t) => {
  const { app, ask } = await start(t)
  const client = await ask()
  const socket = app.channel(rooms).sockets().next().value as Socket<typeof rooms>
  const since = new Date(0)
  await socket.subscribe('room:1', { info: { name: 'ada', since, secret: 1 } as never, key: 'ada' })
  t.match(await client.next(), { members: [{ key: 'ada', info: { name: 'ada' } }] })
  t.notMatch(JSON.stringify(await app.channel(rooms).members('room:1')), /secret/)
})

t.test('a connection without a key is a member of its own, whose key is its id', async (t) => {
  const { app, ask } = await start(t)
  const client = await ask()
  await client.call({ type: 'enter', topic: 'room:1', info: { name: 'ada' } })
  const [socket] = app.channel(rooms).sockets('room:1')
  t.match(await client.next(), { members: [{ key: socket!.id }] })
})

t.test('a connection that enters with another key is another member', async (t) => {
  fakeTime(t)
  const { ask, members } = await start(t)
  const client = await ask()
  await client.enter('ada:1')
  await client.enter('1')
  t.same(await members(), ['1 1 1'])
})

t.test('keys that an object could not have are told as they are', async (t) => {
  const { ask } = await start(t)
  const keys = ['__proto__', 'a:b:c', '"', '\n😀']
  const clients = await Promise.all(keys.map(() => ask()))
  for (const [n, client] of clients.entries()) await client.enter(keys[n]!, 'x')
  const told = new Set<string>()
  while (told.size < keys.length) {
    const { members, joined } = await clients[0]!.next()
    for (const { key } of (members ?? joined) as Array<{ key: string }>) told.add(key)
  }
  t.same(told, new Set(keys))
})

t.test('a client that reads slowly is told all members when it has caught up', async (t) => {
  fakeTime(t)
  const { app, ask } = await start(t, { highWaterMarkBytes: 1000, slowTimeoutMs: 600_000, recovery: { maxBytes: 500 } })
  const [slow, other] = [await ask(), await ask()]
  await slow.enter('ada')
  await slow.next()
  const [socket] = app.channel(rooms).sockets('room:1')
  slow.client.ws.pause()
  // More than the operating system takes.
  socket!.send('said', { text: 'x'.repeat(20_000_000) })
  t.ok(socket!.bufferedAmount > 1000)
  await other.enter('bob')
  await pass(2000, 1000)
  await other.leave()
  await other.enter('eve')
  await pass(2000, 1000)
  slow.client.ws.resume()
  t.match(await slow.other(), { type: 'said' })
  t.same(await slow.next(), { type: '$members', topic: 'room:1', members: [ada, { key: 'eve', info: { name: 'eve' } }] })
  await slow.client.flushed()
  t.equal(slow.unread, 0)
})

t.test('a recoverable topic has members, too', async (t) => {
  const { ask, members } = await start(t)
  const client = await ask()
  await client.enter('ada', 'ada', 'kept:1')
  t.match(await client.next(), { type: '$members', topic: 'kept:1', members: [ada] })
  t.same(await members('kept:1'), ['ada ada 1'])
  t.same(await members('kept'), [])
})

t.test('a plain topic of a contract with presence has no members to tell of', async (t) => {
  const { app, ask } = await start(t)
  const client = await ask()
  const [socket] = app.channel(rooms).sockets()
  t.equal(await socket!.subscribe('plain:1'), true)
  await app.channel(rooms).publish('plain:1', 'said', { text: 'a' })
  t.match(await client.other(), { text: 'a' })
  socket!.unsubscribe('plain:1')
  await client.client.flushed()
  t.equal(client.unread, 0)
})

t.test('another discriminator names the messages about members', async (t) => {
  const contract = defineContract({ name: 'op.v1', discriminator: 'op', topics: { room: { presence: Type.Object({}) } } })
  const app = await createApp(t)
  app.ws('/', { contract, open: async (socket) => { await socket.subscribe('room', { info: {}, key: 'a' }) } })
  const client = await connect(t, await listen(app), { protocols: ['op.v1', 'typed-ws.presence'] })
  t.equal(await client.nextRaw(), '{"op":"$members","topic":"room","members":[{"key":"a","info":{}}]}')
})

t.test('mistakes of presence are found at boot', async (t) => {
  const broker = {
    name: 'mute',
    start () {},
    async subscribe () {},
    unsubscribe () {},
    async publish () {},
    async ask () { return 0 },
    async close () {}
  }
  const contract = defineContract({ name: 'mute.v1', topics: { room: { presence: Type.Object({}) } } })
  const mute = await createApp(t, { broker })
  t.throws(() => mute.ws('/', { contract }), { code: 'FST_TYPED_WS_BROKER_LACKS', message: /'mute'.*'mute\.v1'.*presence/ })
  for (const presence of [{ maxMembers: 0 }, { leaveDelayMs: -1 }, { leaseMs: 0 }, { other: 1 }, 5]) {
    await t.rejects(createApp(t, { presence } as never), { code: 'FST_TYPED_WS_INVALID_OPTION', message: /presence/ })
  }
  await createApp(t, { presence: { leaveDelayMs: 0 } })
  const app = await createApp(t)
  const odd = defineContract({ name: 'odd.v1', topics: { room: { presence: { type: 'object', patternProperties: 5 } } } })
  app.ws('/odd', { contract: odd })
  await t.rejects(async () => app.ready(), { code: 'FST_TYPED_WS_INVALID_SCHEMA', message: /odd\.v1 topics\.room\.presence/ })
  const slow = defineContract({ name: 's.v1', topics: { room: { presence: Type.Object({ a: Type.String({ pattern: '^(a+)+$' }) }) } } })
  t.throws(() => app.ws('/slow', { contract: slow }), { code: 'FST_TYPED_WS_EXPONENTIAL_PATTERN', message: /topics\.room\.presence/ })
})

t.test('an app that closes with members and with some that are about to leave', async (t) => {
  const { app, ask } = await start(t)
  const [one, two] = [await ask(), await ask()]
  await one.enter('ada')
  await two.enter('bob')
  await two.client.close()
  await until(() => app.channel(rooms).size('room:1') === 1)
  await app.close()
  t.match(await one.client.closed(), { code: 1012 })
})
