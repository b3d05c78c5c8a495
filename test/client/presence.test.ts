// Members of topics in the client: against a network in the test's hands, and against the server.
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { WebSocket } from 'ws'
import { binaryEvents } from '../../lib/client/binary.js'
import { createClient } from '../../lib/client/index.js'
import { presence } from '../../lib/client/presence.js'
import { recovery } from '../../lib/client/recovery.js'
import { defineContract } from '../../lib/contract.js'
import { validateBy } from '../../lib/validate.js'
import type { PluginOptions } from '../../lib/index.js'
import type { ClientOptions } from '../../types/client.js'
import type { MembersChange, PresenceClient, TopicMembers } from '../../types/presence.js'
import { createApp, listen, until, type Teardown } from '../support/helper.js'
import { SameOriginWebSocket } from '../support/same-origin.js'
import { catchThrown, fakeTime, Network, pass, startOpen, turn, type Talk, type talk } from './fake.js'

const rooms = defineContract({
  name: 'rooms.v1',
  clientToServer: {
    show: Type.Object({ name: Type.String() }),
    leave: { request: Type.Object({}), reply: Type.Null() }
  },
  serverToClient: { said: Type.Object({ text: Type.String() }), sent: { payload: Type.Object({}), binary: true } },
  topics: { room: { presence: Type.Object({ name: Type.String() }) }, kept: { recover: true }, plain: {} }
})
type Room = TopicMembers<{ name: string }>

const ada = { key: 'ada', info: { name: 'Ada' } }
const bob = { key: 'bob', info: { name: 'Bob' } }
const eve = { key: 'eve', info: { name: 'Eve' } }
const TOPIC = 'room:1'
const SOON = { minDelayMs: 1, maxDelayMs: 1 }

interface Knowing extends Omit<Talk, 'client'> {
  readonly client: PresenceClient
  readonly room: TopicMembers
  readonly changes: MembersChange[]
  /** The server says something of the topic. */
  tell (told: object): void
}

async function start (t: Teardown, options: ClientOptions<typeof talk> = {}): Promise<Knowing> {
  const talking = await startOpen(t, { protocol: 'talk.v1', presence: presence(), retry: SOON, ...options })
  const client = talking.client as unknown as PresenceClient
  const room = client.members(TOPIC)
  const changes: MembersChange[] = []
  room.onChange((change) => { changes.push(change) })
  return { ...talking, client, room, changes, tell: (told) => talking.network.last.say({ type: '$members', topic: TOPIC, ...told }) }
}

const change = (parts: Partial<MembersChange> = {}): MembersChange => ({ joined: [], left: [], updated: [], ...parts })

t.test('a client that asks for members offers so, and says nothing', async (t) => {
  const { network, room } = await start(t)
  t.same(network.last.protocols, ['talk.v1', 'typed-ws.refusal', 'typed-ws.presence'])
  t.same(network.last.sent, [])
  t.same([room.list(), room.count(), room.isCurrent()], [[], 0, false])
})

t.test('the list is the one that was told, with all changes since', async (t) => {
  const { client, room, changes, tell, errors } = await start(t)
  tell({ members: [ada] })
  t.same([room.list(), room.count(), room.isCurrent()], [[ada], 1, true])
  tell({ joined: [bob, eve] })
  tell({ left: ['ada'], updated: [{ key: 'bob', info: { name: 'Robert' } }] })
  const robert = { key: 'bob', info: { name: 'Robert' } }
  t.same([room.list(), room.count()], [[robert, eve], 2])
  t.equal(room.list(), room.list(), 'one array until it changes')
  t.same(client.members(TOPIC).list(), room.list())
  t.same(client.members('room:2').list(), [])
  t.same(changes, [change(), change({ joined: [bob, eve] }), change({ left: [ada], updated: [robert] })])
  t.same(errors, [])
})

t.test('the list of a new connection takes the place of the former one, and only what differs is news', async (t) => {
  fakeTime(t)
  const { network, room, changes, tell } = await start(t)
  tell({ members: [ada, bob] })
  tell({ joined: [eve] })
  network.last.end()
  t.same([room.list(), room.count(), room.isCurrent()], [[ada, bob, eve], 3, false])
  await pass(100)
  network.last.open()
  t.same([room.list(), room.isCurrent(), changes.length], [[ada, bob, eve], false, 2], 'kept until it is told anew')
  tell({ members: [eve, ada, bob] })
  t.same([room.list(), room.isCurrent(), changes.splice(0)], [[eve, ada, bob], true, [change(), change({ joined: [eve] }), change()]])
  network.last.end()
  await pass(100)
  network.last.open()
  const robert = { key: 'bob', info: { name: 'Robert' } }
  const joe = { key: 'joe', info: { name: 'Joe' } }
  tell({ members: [joe, ada, robert] })
  t.same(changes, [change({ joined: [joe], left: [eve], updated: [robert] })])
})

t.test('a change that comes before the list of its connection is reported, and leaves the list as it was', async (t) => {
  fakeTime(t)
  const { network, room, changes, tell, errors } = await start(t)
  tell({ joined: [bob] })
  tell({ members: [ada] })
  network.last.end()
  await pass(100)
  network.last.open()
  tell({ left: ['ada'] })
  t.same([room.list(), changes], [[ada], [change()]])
  const cause = { message: 'no list to change' }
  t.match(errors, [{ code: 'FST_TYPED_WS_INVALID_MESSAGE', cause }, { code: 'FST_TYPED_WS_INVALID_MESSAGE', cause }])
})

t.test('the number of very many members takes the place of their list, and no member has left', async (t) => {
  const { room, changes, tell, errors } = await start(t)
  tell({ count: 1001 })
  t.same([room.list(), room.count(), room.isCurrent()], [[], 1001, true])
  tell({ members: [ada, bob] })
  t.same([room.list(), room.count()], [[ada, bob], 2])
  tell({ count: 1002 })
  tell({ count: 1003 })
  t.same([room.list(), room.count()], [[], 1003])
  tell({ members: [] })
  t.same([room.list(), room.count(), room.isCurrent()], [[], 0, true])
  t.same(changes, Array.from({ length: 5 }, () => change()))
  t.same(errors, [])
})

t.test('a topic that the server takes away is forgotten, and no member has left', async (t) => {
  const { room, changes, tell } = await start(t)
  tell({ members: [ada] })
  tell({})
  t.same([room.list(), room.count(), room.isCurrent()], [[], 0, false])
  tell({ members: [ada, bob] })
  t.same([room.list(), room.isCurrent()], [[ada, bob], true])
  t.same(changes, [change(), change(), change()])
})

t.test('names that an object could not have are keys and topics like others', async (t) => {
  const { client, network, errors } = await start(t)
  const [key, topic] = ['__proto__', 'constructor']
  const odd = client.members(topic)
  const changes: MembersChange[] = []
  odd.onChange((change) => { changes.push(change) })
  network.last.say(`{"type":"$members","topic":"${topic}","members":[{"key":"${key}","info":{"__proto__":1}}]}`)
  network.last.say({ type: '$members', topic, joined: [{ key: 'toString', info: 1 }] })
  t.same(odd.list().map(({ key }) => key), [key, 'toString'])
  t.ok(Object.hasOwn(odd.list()[0]!.info as object, '__proto__'))
  network.last.say({ type: '$members', topic, left: [key] })
  t.same(odd.list(), [{ key: 'toString', info: 1 }])
  t.same(changes.map(({ left }) => left.length), [0, 0, 1])
  t.same(errors, [])
})

t.test('a message about members that is none is reported, and changes nothing', async (t) => {
  const { room, changes, tell, errors } = await start(t)
  tell({ members: [ada] })
  const broken = [
    { topic: 7, members: [] }, { topic: undefined }, { members: null }, { members: 'ada' }, { members: [null] },
    { members: [{ info: {} }] }, { joined: null }, { joined: ['ada'] }, { joined: 5 }, { left: 'ada' }, { left: [5] },
    { left: null }, { updated: {} }, { count: 'many' }, { count: null }
  ]
  for (const told of broken) tell(told)
  t.equal(errors.length, broken.length)
  for (const [n, error] of errors.entries()) {
    t.match(error, { code: 'FST_TYPED_WS_INVALID_MESSAGE', cause: TypeError }, JSON.stringify(broken[n]))
  }
  t.same([room.list(), room.count(), changes.length], [[ada], 1, 1])
})

t.test('a list with an info that breaks its schema is reported, and changes nothing', async (t) => {
  const { room, changes, tell, errors } = await start(t, { validate: validateBy(rooms, Value.Check) })
  tell({ members: [ada] })
  const broken = { key: 'bob', info: { name: 7 } }
  for (const told of [{ members: [ada, broken] }, { joined: [broken] }, { updated: [{ ...broken, key: 'ada' }] }]) tell(told)
  t.match(errors, Array.from({ length: 3 }, () => ({
    code: 'FST_TYPED_WS_INVALID_MESSAGE',
    cause: { code: 'FST_TYPED_WS_INVALID_MESSAGE', message: 'info \'room:1\' breaks its schema' }
  })))
  t.same([room.list(), changes.length], [[ada], 1])
  tell({ joined: [bob] })
  t.same(room.list(), [ada, bob], 'and what is valid is taken')
})

t.test('a listener is called until it is removed, and one that throws stops no other', async (t) => {
  const thrown = catchThrown(t)
  const { client, room, changes, tell } = await start(t)
  const heard: unknown[] = []
  const off = room.onChange((change) => { heard.push(change) })
  client.members('room:2').onChange((change) => { heard.push(change) })
  room.onChange(() => { throw new Error('mine') })
  const { list, onChange } = room
  onChange(() => { heard.push(list().length) })
  tell({ members: [ada] })
  off()
  tell({ joined: [bob] })
  t.same(heard, [change(), 1, 2])
  t.equal(changes.length, 2)
  t.match(thrown, [{ message: 'mine' }, { message: 'mine' }])
})

t.test('a client that is closed keeps its last list, and hears no more', async (t) => {
  const { client, network, room, changes, tell } = await start(t)
  tell({ members: [ada] })
  client.close()
  network.last.say({ type: '$members', topic: TOPIC, joined: [bob] })
  t.same([room.list(), room.count(), room.isCurrent(), changes.length], [[ada], 1, false, 1])
  t.same(client.members(TOPIC).list(), [ada])
  client.members('room:2').onChange(() => {})
  t.equal(client.members('room:2').isCurrent(), false)
})

t.test('presence needs the option protocol and a WebSocket', async (t) => {
  const { WebSocket } = new Network()
  const error = { code: 'FST_TYPED_WS_INVALID_OPTION' }
  t.throws(() => createClient<typeof rooms>('ws://server', { WebSocket, presence: presence() }), { ...error, message: /presence needs/ })
  const global = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  Reflect.deleteProperty(globalThis, 'WebSocket')
  t.teardown(() => global && Object.defineProperty(globalThis, 'WebSocket', global))
  const settings = { protocol: 'rooms.v1', presence: presence() } as const
  t.throws(() => createClient<typeof rooms>('ws://server', settings), { ...error, message: /WebSocket/ })
})

t.test('a part of a client that is given to the option of another part is refused, and says which option is its own', async (t) => {
  const settings = { protocol: 'rooms.v1', WebSocket: new Network().WebSocket } as const
  const parts = { recover: recovery(), presence: presence(), binary: binaryEvents() }
  const makers = { recover: 'recovery()', presence: 'presence()', binary: 'binaryEvents()' }
  const names = ['recover', 'presence', 'binary'] as const
  for (const option of names) {
    for (const own of names.filter((name) => name !== option)) {
      t.throws(() => createClient<typeof rooms>('ws://server', { ...settings, [option]: parts[own] }), {
        code: 'FST_TYPED_WS_INVALID_OPTION', message: `${makers[own]} is for the option ${own}`
      })
    }
  }
})

t.test('presence, recovery and binary events are parts of one client', async (t) => {
  const network = new Network()
  const client = createClient<typeof rooms>('ws://server/rooms', {
    protocol: 'rooms.v1', WebSocket: network.WebSocket, binary: binaryEvents(), presence: presence(), recover: recovery()
  })
  t.teardown(() => client.close())
  const heard: unknown[] = []
  client.onRecovered(({ topic }) => { heard.push(topic) })
  client.on('said', ({ text }) => { heard.push(text) })
  client.on('sent', (_payload, data) => { heard.push(data.byteLength) })
  client.members(TOPIC).onChange(() => { heard.push(client.members(TOPIC).list()) })
  await turn()
  network.last.open()
  t.same(network.last.protocols, ['rooms.v1', 'typed-ws.refusal', 'typed-ws.presence', 'typed-ws.recover'])
  network.last.say({ type: '$topic', topic: 'kept:1', epoch: 'e', offset: 1, recovered: true, missed: 1 })
  network.last.say({ $at: ['kept:1', 2], type: 'said', text: 'a' })
  network.last.say({ type: '$members', topic: TOPIC, members: [ada] })
  network.last.say({ type: 'sent', $binary: true })
  network.last.say(new ArrayBuffer(3))
  t.same(heard, ['kept:1', 'a', [ada], 3])
})

interface House {
  readonly app: FastifyInstance
  /** A client that is a member by this key, with its view of the room and what was told of it. */
  enter (key: string, name?: string): Promise<Visitor>
}

interface Visitor {
  readonly client: PresenceClient<typeof rooms>
  readonly room: Room
  /** The news, as text. */
  readonly heard: string[]
  /** Resolves when the room has these names. */
  sees (...names: string[]): Promise<void>
  sever (): void
}

const namesOf = (members: ReturnType<Room['list']>): string[] => members.map(({ info }) => info.name).toSorted()

async function open (t: Teardown, options: PluginOptions = {}, path = '/room/'): Promise<House> {
  const app = await createApp(t, options)
  app.ws('/room/:key/:name', {
    contract: rooms,
    open: async (socket) => {
      const { key, name } = socket.request.params as { key: string, name: string }
      await socket.subscribe(TOPIC, { info: { name }, key })
    },
    on: {
      show: async ({ name }, socket) => {
        const { key } = socket.request.params as { key: string }
        await socket.subscribe(TOPIC, { info: { name }, key })
      },
      leave: (_, socket) => {
        socket.unsubscribe(TOPIC)
        return null
      }
    }
  })
  app.ws('/plain/:key/:name', {
    contract: rooms,
    open: async (socket) => { await socket.subscribe('plain:1') },
    on: { show () {}, leave: () => null }
  })
  const url = await listen(app)
  return { app, enter: async (key, name = key) => visit(t, `${url}${path}${key}/${name}`) }
}

async function visit (t: Teardown, url: string): Promise<Visitor> {
  const sockets: WebSocket[] = []
  const client = createClient<typeof rooms>(url, {
    protocol: 'rooms.v1',
    presence: presence(),
    retry: SOON,
    WebSocket: class extends SameOriginWebSocket {
      constructor (url: string, protocols: string[]) {
        super(url, protocols)
        sockets.push(this)
      }
    }
  })
  t.teardown(() => client.close())
  const room = client.members(TOPIC)
  const heard: string[] = []
  room.onChange(({ joined, left, updated }) => {
    for (const [what, members] of Object.entries({ joined, left, updated })) {
      heard.push(...members.map(({ key, info }) => `${what} ${key} ${info.name}`))
    }
  })
  await client.opened
  return {
    client,
    room,
    heard,
    sees: (...names) => until(() => room.isCurrent() && namesOf(room.list()).join() === names.toSorted().join()),
    sever: () => { sockets.at(-1)!.terminate() }
  }
}

t.test('clients of one room see each other come, change and go, each once', async (t) => {
  const { enter } = await open(t)
  const one = await enter('ada', 'Ada')
  await one.sees('Ada')
  const two = await enter('bob', 'Bob')
  for (const { sees } of [one, two]) await sees('Ada', 'Bob')
  two.client.send('show', { name: 'Robert' })
  for (const { sees } of [one, two]) await sees('Ada', 'Robert')
  await two.client.call('leave', {})
  await one.sees('Ada')
  await until(() => !two.room.isCurrent())
  t.same([two.room.list(), two.room.count()], [[], 0])
  t.same(one.heard, ['joined bob Bob', 'updated bob Robert', 'left bob Robert'])
  t.same(two.heard.slice(-1), ['updated bob Robert'])
})

t.test('two tabs of one key are one member, and a page that reloads is no news', async (t) => {
  const { app, enter } = await open(t, { presence: { leaveDelayMs: 1_000_000 } })
  const watcher = await enter('eve')
  await watcher.sees('eve')
  const tabs = [await enter('ada'), await enter('ada')]
  for (const { sees } of [watcher, ...tabs]) await sees('ada', 'eve')
  tabs[0]!.client.close()
  await until(() => app.channel(rooms).size(TOPIC) === 2)
  tabs[1]!.client.close()
  await until(() => app.channel(rooms).size(TOPIC) === 1)
  const reloaded = await enter('ada')
  await reloaded.sees('ada', 'eve')
  const marker = await enter('joe')
  for (const { sees } of [watcher, reloaded, marker]) await sees('ada', 'eve', 'joe')
  t.same(watcher.heard, ['joined ada ada', 'joined joe joe'])
  await marker.client.call('leave', {})
  await watcher.sees('ada', 'eve')
  t.same(watcher.heard.slice(2), ['left joe joe'])
})

t.test('a client that reconnects keeps its list, and is told who came and went meanwhile', async (t) => {
  const { app, enter } = await open(t, { presence: { leaveDelayMs: 1_000_000 } })
  const one = await enter('ada')
  await one.sees('ada')
  const [two, three] = [await enter('bob'), await enter('joe')]
  for (const { sees } of [one, two, three]) await sees('ada', 'bob', 'joe')
  const lists: unknown[] = []
  const note = (): void => { lists.push([one.room.isCurrent(), ...namesOf(one.room.list())]) }
  one.room.onChange(note)
  one.client.onState(({ state }) => { if (state === 'waiting') note() })
  one.heard.length = 0
  one.sever()
  await until(() => lists.length === 2 && app.channel(rooms).size(TOPIC) === 3)
  t.same([lists, one.heard], [[[false, 'ada', 'bob', 'joe'], [true, 'ada', 'bob', 'joe']], []])
  await three.client.call('leave', {})
  await one.sees('ada', 'bob')
  const [socket] = [...app.channel(rooms).sockets(TOPIC)].filter((socket) => (socket.request.params as { key: string }).key === 'ada')
  one.client.onState(({ state }) => { if (state === 'waiting') two.client.send('show', { name: 'Robert' }) })
  socket!.terminate()
  await one.sees('ada', 'Robert')
  t.same(one.heard, ['left joe joe', 'updated bob Robert'])
  t.same(two.heard.filter((news) => news.startsWith('left ada') || news.startsWith('joined ada')), [])
})

t.test('a room of very many tells their number, and their names when there are less', async (t) => {
  const { enter } = await open(t, { presence: { maxMembers: 2 } })
  const one = await enter('a')
  await one.sees('a')
  const two = await enter('b')
  for (const { sees } of [one, two]) await sees('a', 'b')
  const three = await enter('c')
  for (const { room } of [one, two, three]) await until(() => room.count() === 3)
  t.same([one.room.list(), one.room.isCurrent()], [[], true])
  await three.client.call('leave', {})
  await one.sees('a', 'b')
  t.same(one.heard, ['joined b b'])
})

t.test('a client of a topic without members, or of a server that knows no presence, goes on without a list', async (t) => {
  const { app, enter } = await open(t, {}, '/plain/')
  const { client, room } = await enter('ada')
  await client.call('leave', {})
  t.same([client.protocol, room.list(), room.count(), room.isCurrent()], ['rooms.v1', [], 0, false])
  const older = await createApp(t)
  older.ws('/', { contract: defineContract({ name: 'rooms.v1', serverToClient: rooms.serverToClient }) })
  const other = await visit(t, await listen(older))
  t.same([other.client.protocol, other.room.isCurrent()], ['rooms.v1', false])
  t.equal(app.channel(rooms).size('plain:1'), 1)
})

t.test('an injected client sees the members of its topics', async (t) => {
  const { app } = await open(t)
  const client = await app.injectClient(rooms, '/room/ada/Ada', { presence: presence(), recover: recovery() })
  t.teardown(() => client.close())
  await until(() => client.members(TOPIC).count() === 1)
  t.same(client.members(TOPIC).list(), [ada])
})
