import { Type } from '@sinclair/typebox'
import t from 'tap'
import { defineContract, older, type Socket } from '../../../lib/index.js'
import { hear } from '../../support/diagnostics.js'
import { FakeEngine } from '../../support/fake-engine.js'
import { fakeTime, pass } from '../../support/fake-time.js'
import { connect, createApp, listen, refused, until, type Answer, type Client, type Teardown } from '../../support/helper.js'
import { calls, start, v1, v2, version1, type House } from '../../support/versions.js'

type ChatSocket = Socket<typeof v2>

const V1 = { protocols: ['chat.v1'] }
const V2 = { protocols: ['chat.v2'] }

/** A house with one client of each version, and their sockets. */
async function both (t: Teardown, ...options: Parameters<typeof start> extends [unknown, ...infer Rest] ? Rest : never): Promise<
  House & { readonly old: Client, readonly fresh: Client, readonly oldSocket: ChatSocket, readonly freshSocket: ChatSocket }
> {
  const house = await start(t, ...options)
  const [old, fresh] = [await connect(t, house.url, V1), await connect(t, house.url, V2)]
  await Promise.all([old.flushed(), fresh.flushed()])
  const sockets = [...house.app.channel(v2).sockets()]
  const of = (name: string): ChatSocket => sockets.find(({ protocol }) => protocol === name)!
  return { ...house, old, fresh, oldSocket: of('chat.v1'), freshSocket: of('chat.v2') }
}

t.test('the client\'s order of subprotocols chooses the version', async (t) => {
  const { app, url } = await start(t)
  for (const [protocols, expected] of [
    [['chat.v1', 'chat.v2'], 'chat.v1'], [['chat.v2', 'chat.v1'], 'chat.v2'], [['chat.v9', 'chat.v1'], 'chat.v1']
  ] as const) {
    const client = await connect(t, url, { protocols: [...protocols] })
    t.equal(client.ws.protocol, expected)
    await client.flushed()
    t.equal([...app.channel(v2).sockets()].at(-1)!.protocol, expected)
  }
  t.same(app.channel(v2).stats.versions, { 'chat.v1': 2, 'chat.v2': 1 })
})

t.test('a client that offers no subprotocol speaks the oldest version, or the one that defaultVersion names', async (t) => {
  for (const [defaultVersion, property] of [[undefined, 'op'], ['chat.v1', 'op'], ['chat.v2', 'kind']] as const) {
    const { app, url } = await start(t, defaultVersion && { defaultVersion })
    const client = await connect(t, url)
    await client.flushed()
    const [socket] = app.channel(v2).sockets()
    t.equal(socket!.protocol, '')
    socket!.send('message', { body: { text: 'a', format: 'plain' } })
    t.equal((await client.next())[property], 'message')
    t.same(app.channel(v2).stats.versions, { 'chat.v1': 0, 'chat.v2': 0, [defaultVersion ?? 'chat.v1']: 1 })
  }
})

t.test('each version counts in the statistics, also one without a connection', async (t) => {
  const { app, old, oldSocket, freshSocket } = await both(t)
  t.equal(oldSocket.contract, v2)
  t.equal(freshSocket.contract, v2)
  t.same(app.channel(v2).stats.versions, { 'chat.v1': 1, 'chat.v2': 1 })
  await old.close()
  await until(() => app.channel(v2).stats.versions['chat.v1'] === 0)
  t.same(app.channel(v2).stats.versions, { 'chat.v1': 0, 'chat.v2': 1 })
})

t.test('an old message is raised: handlers see the newest only', async (t) => {
  const { old, fresh, seen } = await both(t)
  old.send({ op: 'message', text: 'a' })
  old.send({ op: 'say', words: 'b' })
  old.send({ op: 'same', a: 1 })
  old.send({ op: 'poke', who: 'Ada' })
  old.send({ op: 'image', mime: 'image/png' })
  old.send(Buffer.from('bytes'))
  await old.flushed()
  fresh.send({ kind: 'message', body: { text: 'c', format: 'own' } })
  await fresh.flushed()
  t.same(seen, [
    { type: 'message', body: { text: 'a', format: 'plain' } },
    { type: 'message', body: { text: 'b', format: 'said' } },
    { a: 1 },
    { type: 'image/png', bytes: 'bytes' },
    { type: 'message', body: { text: 'c', format: 'own' } }
  ])
  t.equal(old.unread, 0)
})

t.test('an old client is told of its faults in its own version', async (t) => {
  const { old, seen } = await both(t)
  old.send({ op: 'message', text: 5 })
  t.match(await old.next(), { op: '$error', received: 'message', code: 'FST_TYPED_WS_VALIDATION', message: /text/ })
  old.send({ op: 'exited' })
  t.match(await old.next(), { op: '$error', received: 'exited', code: 'FST_TYPED_WS_UNKNOWN_TYPE' })
  old.send({ kind: 'message', body: { text: 'c', format: 'own' } })
  t.match(await old.next(), { op: '$error', code: 'FST_TYPED_WS_UNKNOWN_TYPE', message: /'op'/ })
  old.send({ op: 'query', ref: 1, n: -1 })
  t.match(await old.next(), { op: '$error', ref: 1, received: 'query', statusCode: 400, message: 'too small' })
  t.same(seen, [{ type: 'ask', n: -100 }])
})

t.test('an up that throws, or makes no valid message, is the server\'s fault', async (t) => {
  const told: Array<{ error: unknown, message: unknown }> = []
  const { old, fresh, seen, log } = await both(t, { errorHandler: (error, _socket, message) => { told.push({ error, message }) } })
  for (const message of [{ op: 'say', words: 'throw' }, { op: 'same', a: 10 }, { op: 'message', text: 'x'.repeat(21) }]) {
    old.send(message)
    t.match(await old.next(), { op: '$error', received: message.op, statusCode: 500, code: 'FST_TYPED_WS_INTERNAL' })
  }
  t.match(told, [
    { error: { code: 'FST_TYPED_WS_INVALID_TRANSLATION', message: /'chat\.v1'.*say\.up: no words/, cause: { message: 'no words' } } },
    { error: { code: 'FST_TYPED_WS_INVALID_TRANSLATION', message: /same\.up: .*a/ }, message: { type: 'same', payload: { a: 10 } } },
    { error: { code: 'FST_TYPED_WS_INVALID_TRANSLATION', message: /message\.up: .*text/ } }
  ])
  t.same(seen, [])
  t.same(log.find('websocket handler failed'), [])
  fresh.send({ kind: 'same', a: 9 })
  await fresh.flushed()
  t.same(seen, [{ a: 9 }], 'the process lives')
})

t.test('a reply goes down, and is written by the old schema', async (t) => {
  const { old, fresh } = await both(t)
  old.send({ op: 'ask', ref: 1, n: 5 })
  t.strictSame(await old.next(), { op: '$reply', ref: 1, data: 5 })
  old.send({ op: 'query', ref: 2, n: 5 })
  t.strictSame(await old.next(), { op: '$reply', ref: 2, data: { n: 500 } })
  old.send({ op: 'ask', n: 7 })
  t.strictSame(await old.next(), { op: '$reply', data: 7 })
  fresh.send({ kind: 'ask', ref: 1, n: 5 })
  t.strictSame(await fresh.next(), { kind: '$reply', ref: 1, data: { answer: 5 } })
})

t.test('a down that makes no valid reply is the server\'s fault', async (t) => {
  const failed = hear(t, 'fastify-typed-ws.error')
  const { old } = await both(t)
  old.send({ op: 'ask', ref: 1, n: 13 })
  t.match(await old.next(), { op: '$error', ref: 1, received: 'ask', statusCode: 500, code: 'FST_TYPED_WS_INTERNAL' })
  t.match(failed, [{ error: { code: 'FST_TYPED_WS_INVALID_TRANSLATION', message: /clientToServer\.ask\.down: .*breaks its schema/ } }])
})

t.test('a call, or a stream, that is dropped is answered with 410', async (t) => {
  const { old } = await both(t)
  old.send({ op: 'lost', ref: 1 })
  t.match(await old.next(), { op: '$error', ref: 1, received: 'lost', statusCode: 410, code: 'FST_TYPED_WS_GONE' })
  old.send({ op: 'forgotten', ref: 2 })
  t.match(await old.next(), { op: '$error', ref: 2, received: 'forgotten', statusCode: 410, code: 'FST_TYPED_WS_GONE' })
})

t.test('the items of a stream go down, and those that give undefined are left out', async (t) => {
  const { old } = await both(t)
  old.send({ op: 'count', ref: 1, to: 3 })
  t.strictSame(await old.take(3), [{ op: '$next', ref: 1, data: 1 }, { op: '$next', ref: 1, data: 3 }, { op: '$done', ref: 1 }])
  old.send({ op: 'count', ref: 2, to: 1e6 })
  t.strictSame(await old.next(), { op: '$next', ref: 2, data: 1 })
  old.send({ op: 'count', ref: 2, to: 1 })
  let error
  do error = await old.next()
  while (error['op'] !== '$error')
  t.match(error, { received: 'count', message: /that of a stream/ })
  old.send({ op: '$cancel', ref: 2 })
  old.send({ op: '$ping' })
  let pong
  do pong = await old.next()
  while (pong['op'] !== '$pong')
})

t.test('an event that is sent goes down, and undeclared fields never leave', async (t) => {
  const { old, oldSocket, freshSocket, fresh } = await both(t)
  for (const socket of [oldSocket, freshSocket]) {
    t.equal(socket.send('message', { body: { text: 'a', format: 'plain' }, by: 'Ada' }), true)
    t.equal(socket.send('message', { body: { text: 'hidden', format: 'plain' } }), true)
    t.equal(socket.send('typing', {}), true)
    t.equal(socket.send('exited', { name: 'Ada', secret: 'x' }), true)
    t.equal(socket.sendBinary('image', { type: 'image/png' }, Buffer.from('bytes')), true)
  }
  t.strictSame(await old.take(3), [
    { op: 'message', text: 'a' }, { op: 'left', name: 'Ada' }, { op: 'image', $binary: true, mime: 'image/png' }
  ])
  t.equal((await old.nextRaw()).toString(), 'bytes')
  t.same((await fresh.take(5)).map(({ kind }) => kind), ['message', 'message', 'typing', 'exited', 'image'])
  await old.close()
  await until(() => oldSocket.readyState === 3)
  t.equal(oldSocket.send('message', { body: { text: 'a', format: 'plain' } }), false)
  t.equal(oldSocket.sendBinary('image', { type: '' }, Buffer.from('')), false)
})

t.test('an event is checked by the newest schema first, for clients of all versions alike', async (t) => {
  const { oldSocket, freshSocket } = await both(t)
  for (const socket of [oldSocket, freshSocket]) {
    t.throws(() => socket.send('message', { body: 5 as never }), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
    t.throws(() => socket.send('none' as 'typing', {}), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN', message: /chat\.v2/ })
    t.throws(() => socket.publish('all', 'message', { body: 5 as never }), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  }
  t.throws(() => oldSocket.send('message', { body: { text: 'throw', format: '' } }), {
    code: 'FST_TYPED_WS_INVALID_TRANSLATION', message: 'Version \'chat.v1\': serverToClient.message.down: no down'
  })
})

t.test('a call of the server\'s goes down, and its reply comes up', async (t) => {
  const { old, oldSocket } = await both(t)
  const question = { question: 'Delete?', why: 'because' }
  const sure = oldSocket.call('confirm', question)
  t.strictSame(await old.next(), { op: 'confirm', ref: 1, question: 'Delete?' })
  old.send({ op: '$reply', ref: 1, data: true })
  t.same(await sure, { sure: true })

  const invalid = t.rejects(oldSocket.call('confirm', question), { code: 'FST_TYPED_WS_CALL_INVALID' })
  await old.next()
  old.send({ op: '$reply', ref: 2, data: 'yes' })
  t.match(await old.next(), { op: '$error', received: '$reply', code: 'FST_TYPED_WS_VALIDATION' })
  await invalid

  const unraised = t.rejects(oldSocket.call('confirm', question), {
    code: 'FST_TYPED_WS_INVALID_TRANSLATION', message: /serverToClient\.confirm\.up: .*sure/
  })
  await old.next()
  old.send({ op: '$reply', ref: 3, data: false })
  t.match(await old.next(), { op: '$error', received: '$reply', code: 'FST_TYPED_WS_INTERNAL' })
  await unraised

  const controller = new AbortController()
  const cancelled = t.rejects(oldSocket.call('confirm', question, { signal: controller.signal }), { name: 'AbortError' })
  await old.next()
  controller.abort()
  t.match(await old.next(), { op: '$cancel', ref: 4 })
  await cancelled
})

t.test('a call that an old client does not know is refused, as by the client itself', async (t) => {
  const { old, oldSocket } = await both(t)
  const refusal = { code: 'FST_TYPED_WS_CALL_REFUSED', message: /'chat\.v1'/, body: { statusCode: 501 } }
  await t.rejects(oldSocket.call('choose', {}), refusal)
  await t.rejects(oldSocket.call('confirm', { question: 'never', why: '' }), refusal)
  await t.rejects(oldSocket.call('confirm', { question: 'a long question', why: '' }), {
    code: 'FST_TYPED_WS_INVALID_TRANSLATION', message: /serverToClient\.confirm\.down: .*question/
  })
  await t.rejects(oldSocket.call('confirm', { question: 5 as never, why: '' }), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  await t.rejects(oldSocket.call('none' as 'choose', {}), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
  await old.flushed()
  t.equal(old.unread, 0)
})

t.test('a publish is translated once for a version, and only where a client of it is subscribed', async (t) => {
  const { app, url, old, fresh } = await both(t)
  const others = [await connect(t, url, V1), await connect(t, url, V1)]
  await Promise.all(others.map((client) => client.flushed()))
  const channel = app.channel(v2)
  calls.down = 0
  await channel.publish('all', 'message', { body: { text: 'a', format: 'plain' }, by: 'Ada' })
  for (const client of [old, ...others]) t.strictSame(await client.next(), { op: 'message', text: 'a' })
  t.strictSame(await fresh.next(), { kind: 'message', body: { text: 'a', format: 'plain' }, by: 'Ada' })
  t.equal(calls.down, 1)
  await channel.publish('none', 'message', { body: { text: 'a', format: 'plain' } })
  await Promise.all([old, ...others].map((client) => client.close()))
  await until(() => channel.size('all') === 1)
  await channel.publish('all', 'message', { body: { text: 'b', format: 'plain' } })
  t.match(await fresh.next(), { body: { text: 'b' } })
  t.equal(calls.down, 1)
})

t.test('routes that share a version share its frames', async (t) => {
  const app = await createApp(t)
  const on = { message () {}, same () {}, image () {}, ask: () => ({ answer: 1 }), async * count () {} }
  for (const path of ['/a', '/b']) {
    app.ws(path, { contract: v2, versions: [version1], open: (socket) => void socket.subscribe('all'), on })
  }
  const url = await listen(app)
  const clients = [await connect(t, `${url}/a`, V1), await connect(t, `${url}/b`, V1)]
  await Promise.all(clients.map((client) => client.flushed()))
  calls.down = 0
  await app.channel(v2).publish('all', 'message', { body: { text: 'a', format: 'plain' } })
  for (const client of clients) t.strictSame(await client.next(), { op: 'message', text: 'a' })
  t.equal(calls.down, 1)
})

t.test('a down that throws harms one version only, and is reported once for an event', async (t) => {
  const told: unknown[] = []
  const { app, url, old, fresh } = await both(t, { errorHandler: (error) => { told.push(error) } })
  const other = await connect(t, url, V1)
  await other.flushed()
  const channel = app.channel(v2)
  await channel.publish('all', 'message', { body: { text: 'throw', format: 'plain' } })
  await channel.publish('all', 'message', { body: { text: 'hidden', format: 'plain' } })
  await channel.publish('all', 'typing', {})
  await channel.publish('all', 'message', { body: { text: 'a', format: 'plain' } })
  t.same((await fresh.take(4)).map(({ kind }) => kind), ['message', 'message', 'typing', 'message'])
  for (const client of [old, other]) t.strictSame(await client.next(), { op: 'message', text: 'a' })
  t.match(told, [{ code: 'FST_TYPED_WS_INVALID_TRANSLATION', message: /no down/ }])
  t.equal(told.length, 1)
})

t.test('an event that an old client publishes reaches the newest, and the other way round', async (t) => {
  const { old, fresh, oldSocket, freshSocket } = await both(t)
  oldSocket.publish('all', 'exited', { name: 'old', secret: '' })
  t.match(await fresh.next(), { kind: 'exited', name: 'old' })
  freshSocket.publish('all', 'exited', { name: 'fresh', secret: '' })
  t.match(await old.next(), { op: 'left', name: 'fresh' })
  t.equal(old.unread + fresh.unread, 0)
})

t.test('a recoverable topic tells old clients its events, and their places to those that ask', async (t) => {
  const { app, url } = await start(t, { open: (socket) => void socket.subscribe('room:1') })
  const channel = app.channel(v2)
  const say = (text: string): Promise<void> => channel.publish('room:1', 'message', { body: { text, format: 'plain' } })
  const [plain, asking, fresh] = [
    await connect(t, url, V1),
    await connect(t, url, { protocols: ['chat.v1', 'typed-ws.recover'] }),
    await connect(t, url, { protocols: ['chat.v2', 'typed-ws.recover'] })
  ]
  asking.send({ op: '$recover', client: 'client-1', topics: {} })
  fresh.send({ kind: '$recover', client: 'client-2', topics: {} })
  const place = await asking.next()
  t.match(place, { op: '$topic', topic: 'room:1' })
  t.match(await fresh.next(), { kind: '$topic', topic: 'room:1' })
  await say('a')
  await say('hidden')
  t.strictSame(await plain.next(), { op: 'message', text: 'a' })
  const first = await asking.next()
  t.match(first, { op: 'message', text: 'a', $at: ['room:1', Number] })
  t.match((await fresh.take(2)).map(({ $at }) => Array.isArray($at)), [true, true])
  await asking.close()
  await say('b')
  const back = await connect(t, url, { protocols: ['chat.v1', 'typed-ws.recover'] })
  const topics = { 'room:1': [place['epoch'], (first['$at'] as [string, number])[1]] }
  back.send({ op: '$recover', client: 'client-1', topics })
  t.match(await back.next(), { op: '$topic', topic: 'room:1', recovered: true, missed: 2 })
  t.match(await back.next(), { op: 'message', text: 'b', $at: ['room:1', Number] })
})

t.test('clients of both versions are told of the members of a topic, and of their place in it', async (t) => {
  fakeTime(t)
  const failed: unknown[] = []
  const { app, url } = await start(t, {
    open: async (socket) => { await socket.subscribe('lounge:1', { info: { name: socket.protocol }, key: socket.protocol }) },
    errorHandler: (error) => { failed.push(error) }
  })
  const enter = async (name: string, discriminator: string): Promise<Client> => {
    const client = await connect(t, url, { protocols: [name, 'typed-ws.presence', 'typed-ws.recover'] })
    client.send({ [discriminator]: '$recover', client: `of-${name}`.replace('.', '-'), topics: {} })
    return client
  }
  // Both come at once, in any order.
  const pair = async (client: Client, discriminator: string): Promise<Answer[]> => {
    return (await client.take(2)).toSorted((a, b) => String(a[discriminator]).localeCompare(String(b[discriminator])))
  }
  const [one, two] = ['chat.v1', 'chat.v2'].map((name) => ({ key: name, info: { name } }))
  const old = await enter('chat.v1', 'op')
  const [members, topic] = await pair(old, 'op')
  t.strictSame(members, { op: '$members', topic: 'lounge:1', members: [one] })
  t.match(topic, { op: '$topic', topic: 'lounge:1', epoch: String, offset: Number })
  const fresh = await enter('chat.v2', 'kind')
  t.match(await pair(fresh, 'kind'), [{ kind: '$members' }, { kind: '$topic', topic: 'lounge:1' }])
  await pass(2000, 500)
  t.strictSame(await old.next(), { op: '$members', topic: 'lounge:1', joined: [two] })
  await app.channel(v2).publish('lounge:1', 'exited', { name: 'Ada', secret: '' })
  t.match(await old.next(), { op: 'left', name: 'Ada', $at: ['lounge:1', Number] })
  const [oldSocket, freshSocket] = [...app.channel(v2).sockets()]
  freshSocket!.unsubscribe('lounge:1')
  await pass(2000, 500)
  t.strictSame(await old.next(), { op: '$members', topic: 'lounge:1', left: ['chat.v2'] })
  oldSocket!.unsubscribe('lounge:1')
  t.strictSame(await pair(old, 'op'), [{ op: '$members', topic: 'lounge:1' }, { op: '$topic', topic: 'lounge:1' }])
  t.equal(old.unread, 0)
  t.same(failed, [])
})

t.test('a version with the discriminator of the newest gets the messages about members as they are', async (t) => {
  const topics = { room: { presence: Type.Object({}) } }
  const newest = defineContract({ name: 'm.v2', topics })
  const app = await createApp(t)
  app.ws('/', {
    contract: newest,
    versions: [older(newest, { contract: defineContract({ name: 'm.v1' }) })],
    open: async (socket) => { await socket.subscribe('room', { info: {}, key: 'a' }) }
  })
  const client = await connect(t, await listen(app), { protocols: ['m.v1', 'typed-ws.presence'] })
  t.equal(await client.nextRaw(), '{"type":"$members","topic":"room","members":[{"key":"a","info":{}}]}')
})

t.test('a client of an old version is a member, whose info is checked and written by the newest schema', async (t) => {
  const { app, oldSocket } = await both(t)
  await oldSocket.subscribe('lounge:1', { info: { name: 'Ada', secret: 1 } as { name: string }, key: 'ada' })
  t.same(await app.channel(v2).members('lounge:1'), [{ key: 'ada', info: { name: 'Ada' }, connections: 1 }])
  await t.rejects(oldSocket.subscribe('lounge:2', { info: { name: 'x'.repeat(21) } }), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  await t.rejects(oldSocket.subscribe('room:1', { info: {} } as never), { code: 'FST_TYPED_WS_TOPIC_WITHOUT_PRESENCE' })
})

t.test('an event that this node does not know yet, of another one, is not sent to old clients', async (t) => {
  const failed: unknown[] = []
  const engine = new FakeEngine()
  const here = defineContract({ name: 'e.v2', serverToClient: { said: Type.Object({}) } })
  const there = defineContract({ name: 'e.v2', serverToClient: { said: Type.Object({}), added: Type.Object({}) } })
  const [app, newer] = [await createApp(t, { broker: engine.link() }), await createApp(t, { broker: engine.link() })]
  app.ws('/', {
    contract: here,
    versions: [older(here, { contract: defineContract({ name: 'e.v1', serverToClient: { said: Type.Object({}) } }) })],
    open: async (socket) => { await socket.subscribe('all') },
    errorHandler: (error) => { failed.push(error) }
  })
  newer.ws('/', { contract: there })
  await newer.ready()
  const client = await connect(t, await listen(app), { protocols: ['e.v1'] })
  await client.flushed()
  await newer.channel(there).publish('all', 'added', {})
  await newer.channel(there).publish('all', 'said', {})
  t.strictSame(await client.next(), { type: 'said' })
  t.same(failed, [])
})

t.test('binary frames of their own reach only versions that declare them', async (t) => {
  const one = defineContract({ name: 'bin.v1' })
  const two = defineContract({ name: 'bin.v2', binary: { clientToServer: true, serverToClient: true } })
  const three = defineContract({ name: 'bin.v3', binary: { clientToServer: true, serverToClient: true } })
  const app = await createApp(t)
  const seen: string[] = []
  app.ws('/', {
    contract: three,
    versions: [older(three, { contract: two }), older(three, { contract: one })],
    open: (socket) => void socket.sendBinary(Buffer.from('hello')),
    binary: (data) => void seen.push(data.toString())
  })
  const url = await listen(app)
  const client = await connect(t, url, { protocols: ['bin.v2'] })
  t.equal((await client.nextRaw()).toString(), 'hello')
  client.send(Buffer.from('hi'))
  await client.flushed()
  t.same(seen, ['hi'])
  const old = await connect(t, url, { protocols: ['bin.v1'] })
  await old.flushed()
  t.equal(old.unread, 0)
  old.send(Buffer.from('hi'))
  t.match(await old.closed(), { code: 1003 })
})

t.test('the rate limit and the refresh of the newest hold for old messages', async (t) => {
  const { old } = await both(t, {
    // The ping of `flushed` took one of the four tokens.
    rateLimit: { max: 2, timeWindowMs: 3_600_000 },
    refresh: 'ask',
    on: {
      message: { cost: 3, handler () {} },
      same () {},
      image () {},
      ask: ({ n }) => ({ answer: n }),
      async * count () {}
    }
  })
  old.send({ op: 'say', words: 'a' })
  old.send({ op: 'ask', ref: 1, n: 1 })
  t.match(await old.next(), { op: '$error', ref: 1, received: 'ask', code: 'FST_TYPED_WS_RATE_LIMITED' })
})

t.test('an event without its binary frame is told by its old name', async (t) => {
  const { old } = await both(t)
  old.send({ op: 'image', mime: 'a' })
  old.send({ op: 'same', a: 1 })
  t.match(await old.next(), { op: '$error', received: 'image', code: 'FST_TYPED_WS_MISSING_BINARY' })
})

t.test('a message of another node is translated on each node, for its own clients', async (t) => {
  const engine = new FakeEngine()
  const open = async (socket: ChatSocket): Promise<void> => { await Promise.all(['all', 'room:1'].map((topic) => socket.subscribe(topic))) }
  const nodes = [await both(t, { open }, { broker: engine.link() }), await both(t, { open }, { broker: engine.link() })] as const
  calls.down = 0
  for (const topic of ['all', 'room:1']) {
    await nodes[0].app.channel(v2).publish(topic, 'message', { body: { text: topic, format: 'plain' } })
    for (const { old, fresh } of nodes) {
      t.strictSame(await old.next(), { op: 'message', text: topic })
      t.strictSame(await fresh.next(), { kind: 'message', body: { text: topic, format: 'plain' } })
    }
  }
  t.equal(calls.down, 4)
})

t.test('the typed client speaks an old version', async (t) => {
  const { app } = await start(t)
  const injected = await app.injectClient(v1, '/')
  t.equal(await injected.call('ask', { n: 3 }), 3)
  await t.rejects(app.injectClient(defineContract({ name: 'chat.v9' }), '/'), {
    code: 'FST_TYPED_WS_HANDSHAKE_REFUSED', statusCode: 400, body: /FST_TYPED_WS_UNKNOWN_SUBPROTOCOL/
  })
})

t.test('a client that speaks none of the versions is refused, and told their names', async (t) => {
  const { app, url } = await start(t)
  t.match(await refused(url, { protocols: ['chat.v9'] }), {
    statusCode: 400, body: /FST_TYPED_WS_UNKNOWN_SUBPROTOCOL.*offer 'chat\.v2' or 'chat\.v1', or none/
  })
  const knowing = await connect(t, url, { protocols: ['chat.v9', 'typed-ws.refusal'] })
  t.same(await knowing.closed(), { code: 4406, reason: 'chat.v2, chat.v1' })
  t.same(app.channel(v2).stats.handshakesRefused, { 400: 2 })
})

t.test('the names in a close are whole ones, as many as find room', async (t) => {
  const app = await createApp(t)
  const newest = defineContract({ name: `n.${'x'.repeat(100)}` })
  const versions = ['a', 'b'].map((letter) => older(newest, { contract: defineContract({ name: letter.repeat(20) }) }))
  app.ws('/', { contract: newest, versions, rejectWith: 'close' })
  const long = defineContract({ name: 'y'.repeat(124) })
  app.ws('/long', { contract: long, rejectWith: 'close' })
  const url = await listen(app)
  t.same(await (await connect(t, url, { protocols: ['c'] })).closed(), { code: 4406, reason: newest.name })
  t.same(await (await connect(t, `${url}/long`, { protocols: ['c'] })).closed(), { code: 4406, reason: '' })
})

t.test('an error handler of the app that gives a mismatch another status decides about its code', async (t) => {
  const app = await createApp(t)
  app.setErrorHandler((_error, _request, reply) => reply.code(404).send({}))
  app.ws('/', { contract: defineContract({ name: 'a.v1' }), rejectWith: 'close' })
  t.same(await (await connect(t, await listen(app), { protocols: ['b'] })).closed(), { code: 4504, reason: 'Not Found' })
})

t.test('shared schemas of the app are known to old versions', async (t) => {
  const app = await createApp(t)
  app.addSchema({ $id: 'Text', type: 'string', maxLength: 3 })
  const Text = { type: 'object', properties: { text: { $ref: 'Text#' } }, required: ['text'], additionalProperties: false }
  const newest = defineContract({ name: 'text.v2', clientToServer: { say: Text }, serverToClient: { said: Text } })
  const old = defineContract({ name: 'text.v1', clientToServer: { say: Text }, serverToClient: { said: Text } })
  app.ws('/', {
    contract: newest,
    versions: [older(newest, { contract: old })],
    on: { say: (payload, socket) => socket.send('said', payload) }
  })
  const client = await connect(t, await listen(app), { protocols: ['text.v1'] })
  client.send({ type: 'say', text: 'abc' })
  t.strictSame(await client.next(), { type: 'said', text: 'abc' })
  client.send({ type: 'say', text: 'abcd' })
  t.match(await client.next(), { code: 'FST_TYPED_WS_VALIDATION' })
})

t.test('an old contract that breaks a rule of schemas fails at boot', async (t) => {
  const app = await createApp(t)
  const newest = defineContract({ name: 'p.v2' })
  const old = defineContract({ name: 'p.v1', serverToClient: { a: Type.Object({ b: Type.String({ pattern: '^(a+)+$' }) }) } })
  const versions = [older(newest, { contract: old })]
  t.throws(() => app.ws('/', { contract: newest, versions }), { code: 'FST_TYPED_WS_EXPONENTIAL_PATTERN' })
})
