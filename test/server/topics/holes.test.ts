// Recoverable topics over an engine that loses, swaps, doubles, forgets and falls silent as the
// test says.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { defineContract, type PluginOptions, type Stored } from '../../../lib/index.js'
import { shards } from '../../../lib/brokers/shards.js'
import { deferred, type Deferred } from '../../support/deferred.js'
import { hear } from '../../support/diagnostics.js'
import { FakeEngine, type FakeLink } from '../../support/fake-engine.js'
import { fakeTime, NOW, pass } from '../../support/fake-time.js'
import { connect, createApp, listen, until, type Answer, type Client, type Teardown } from '../../support/helper.js'

const rooms = defineContract({
  name: 'rooms.v1',
  clientToServer: { say: Type.Object({ text: Type.String() }) },
  serverToClient: { said: Type.Object({ text: Type.String() }) },
  topics: { room: { recover: true } }
})
const TOPIC = 'room:1'
const NAME = 'rooms.v1/room:1'

type Position = [epoch: string, offset: number]

interface Node {
  readonly app: FastifyInstance
  readonly link: FakeLink
  say (...texts: string[]): Promise<void>
  /** A client that asked for positions, and brought one. */
  ask (position?: Position): Promise<Client>
  /** A client that did not ask. */
  join (): Promise<Client>
}

async function start (t: Teardown, engine: FakeEngine, options: PluginOptions = {}): Promise<Node> {
  const link = engine.link()
  const app = await createApp(t, { broker: link, ...options })
  app.ws('/', {
    contract: rooms,
    open: (socket) => void socket.subscribe(TOPIC),
    on: { say: ({ text }, socket) => socket.publish(TOPIC, 'said', { text }) }
  })
  const url = await listen(app)
  const opened = async (protocols: string[]): Promise<Client> => {
    const { opened } = app.channel(rooms).stats
    const client = await connect(t, url, { protocols })
    await until(() => app.channel(rooms).stats.opened > opened)
    return client
  }
  return {
    app,
    link,
    say: async (...texts) => {
      for (const text of texts) await app.channel(rooms).publish(TOPIC, 'said', { text })
    },
    ask: async (position) => {
      const client = await opened([rooms.name, 'typed-ws.recover'])
      client.send({ type: '$recover', client: 'client-1', topics: position === undefined ? {} : { [TOPIC]: position } })
      return client
    },
    join: () => opened([rooms.name])
  }
}

/** A client of each kind, while the engine is asked for the top of their topic. */
async function startAsked (t: Teardown): Promise<{ node: Node, asking: Client, plain: Client, answer: Deferred<void> }> {
  const node = await start(t, new FakeEngine())
  const [asked, answer] = [deferred(), deferred()]
  node.link.beforeRead = async () => {
    asked.resolve()
    await answer.promise
  }
  const [asking, plain] = [await node.ask(), await node.join()]
  await asked.promise
  return { node, asking, plain, answer }
}

async function texts (client: Client, count: number): Promise<unknown[]> {
  return (await client.take(count)).map(({ text }) => text)
}

function placeOf ({ epoch, offset, $at }: Answer): Position {
  return $at === undefined ? [epoch as string, offset as number] : ['e1', ($at as [string, number])[1]]
}

t.test('a hole is repaired by one read, for all members', async (t) => {
  const node = await start(t, new FakeEngine())
  const clients = [await node.ask(), await node.ask()]
  for (const client of clients) await client.next()
  const { reads } = node.link
  node.link.hold()
  await node.say('a', 'b')
  node.link.release(() => [])
  await node.say('c')
  for (const client of clients) t.same(await texts(client, 3), ['a', 'b', 'c'])
  t.equal(node.link.reads - reads, 1)
  t.equal(node.app.channel(rooms).stats.gaps, 0)
})

t.test('swapped, doubled and late messages are delivered once and in order, without a read', async (t) => {
  const node = await start(t, new FakeEngine())
  const client = await node.ask()
  await client.next()
  const { reads } = node.link
  node.link.hold()
  await node.say('a', 'b', 'c', 'd')
  node.link.release(([a, b, c, d]) => [b!, b!, d!, a!, a!, c!, a!, d!])
  t.same(await texts(client, 4), ['a', 'b', 'c', 'd'])
  await node.say('e')
  t.same(await texts(client, 1), ['e'])
  t.equal(node.link.reads, reads)
})

t.test('messages that come while a hole is repaired keep their order', async (t) => {
  const node = await start(t, new FakeEngine())
  const client = await node.ask()
  await client.next()
  const asked = deferred()
  const answer = deferred()
  node.link.beforeRead = async () => {
    asked.resolve()
    await answer.promise
  }
  node.link.hold()
  await node.say('a')
  const [lost] = node.link.held!
  node.link.release(() => [])
  await node.say('b')
  await asked.promise
  await node.say('c')
  // The predecessor comes late, while the engine is asked.
  node.link.host.heardStored(...lost!)
  await node.say('d')
  answer.resolve()
  await node.say('e')
  t.same(await texts(client, 5), ['a', 'b', 'c', 'd', 'e'])
})

t.test('a hole behind the answer of the engine is repaired by another read', async (t) => {
  const engine = new FakeEngine()
  const node = await start(t, engine)
  const client = await node.ask()
  await client.next()
  let stale: Stored[] | undefined
  const { read } = node.link.history
  Object.assign(node.link.history, {
    read: async (...given: Parameters<typeof read>) => {
      if (stale === undefined) return read(...given)
      const messages = stale
      stale = undefined
      return { top: messages.at(-1)!, messages }
    }
  })
  node.link.hold()
  await node.say('a')
  stale = engine.stored(NAME).slice(-1)
  await node.say('b')
  node.link.release(() => [])
  await node.say('c')
  t.same(await texts(client, 3), ['a', 'b', 'c'])
})

t.test('a node that is behind the client asks before it tells', async (t) => {
  const engine = new FakeEngine()
  const [one, two] = [await start(t, engine), await start(t, engine)]
  const [mine, other] = [await one.ask(), await two.ask()]
  await other.next()
  two.link.hold()
  await mine.next()
  await one.say('a', 'b')
  const [, b] = await mine.take(2) as [Answer, Answer]
  await mine.close()
  const back = await two.ask(placeOf(b))
  t.match(await back.next(), { recovered: true, missed: 0 })
  two.link.release()
  await one.say('c')
  t.same(await texts(back, 1), ['c'], 'nothing comes twice')
  t.same(await texts(other, 3), ['a', 'b', 'c'])
})

t.test('messages that the history has no more are told once to each member, who stays', async (t) => {
  const gaps = hear(t, 'fastify-typed-ws.topic.gap')
  const engine = new FakeEngine()
  const node = await start(t, engine, { history: { maxMessages: 2 } })
  const [asking, plain] = [await node.ask(), await node.join()]
  await asking.next()
  node.link.hold()
  await node.say('a', 'b', 'c')
  node.link.release(() => [])
  await node.say('d')
  t.match(await asking.next(), { type: '$topic', recovered: false, reason: 'lost', epoch: 'e1', offset: engine.top(NAME).offset })
  await node.say('e')
  t.same(await texts(asking, 1), ['e'])
  t.same(await texts(plain, 1), ['e'])
  t.match(node.app.channel(rooms).stats, { gaps: 1, unrecovered: 2 })
  t.match(gaps, [{ topic: TOPIC, from: Date, to: Date }])
})

t.test('an engine that forgot everything is told once, and the history goes on', async (t) => {
  const engine = new FakeEngine()
  const node = await start(t, engine)
  const client = await node.ask()
  const begin = placeOf(await client.next())
  await node.say('a')
  const seen = placeOf(await client.next())
  engine.flush('e2')
  await node.say('b')
  t.match(await client.next(), { recovered: false, reason: 'lost', epoch: 'e2' })
  await node.say('c')
  t.same(await texts(client, 1), ['c'])
  for (const position of [begin, seen]) t.match(await (await node.ask(position)).next(), { recovered: false, reason: 'lost' })
})

t.test('an engine that came back from an older snapshot is noticed, by members and by clients that return', async (t) => {
  const engine = new FakeEngine()
  const node = await start(t, engine)
  const client = await node.ask()
  await client.next()
  await node.say('a', 'b', 'c')
  const [a, , c] = (await client.take(3)).map(placeOf) as [Position, Position, Position]
  engine.stored(NAME).splice(-2)
  const other = await start(t, engine)
  t.match(await (await other.ask(c)).next(), { recovered: false, reason: 'expired' })
  t.match(await (await other.ask(a)).next(), { recovered: true, missed: 0 })
  await node.say('d')
  t.match(await client.next(), { recovered: false, reason: 'lost' }, 'it saw what was forgotten')
  const after = await other.ask(c)
  t.match(await after.next(), { recovered: false, reason: 'expired' })
})

t.test('an engine that came back from an older snapshot, with a clock that is behind, is not taken for one that doubles', async (t) => {
  const engine = new FakeEngine()
  const node = await start(t, engine)
  const [asking, plain] = [await node.ask(), await node.join()]
  await asking.next()
  await node.say('a', 'b', 'c', 'd')
  t.same(await texts(plain, 4), ['a', 'b', 'c', 'd'])
  const seen = (await asking.take(4)).map(placeOf).at(-1)!
  engine.rollBack(NAME, 3)
  await node.say('e')
  t.match(await asking.next(), { recovered: false, reason: 'lost', epoch: 'e1', offset: engine.top(NAME).offset })
  await node.say('f')
  t.same(await texts(asking, 1), ['f'])
  t.same(await texts(plain, 1), ['f'])
  t.match(node.app.channel(rooms).stats, { gaps: 1, unrecovered: 2 })
  t.match(await (await node.ask(seen)).next(), { recovered: false, reason: 'expired' })
})

t.test('a double of a message that is long forgotten costs one read, and is not delivered', async (t) => {
  const node = await start(t, new FakeEngine(), { history: { maxMessages: 400 } })
  const client = await node.ask()
  await client.next()
  node.link.hold()
  await node.say('first')
  const [first] = node.link.held!
  node.link.release()
  const said = Array.from({ length: 300 }, (_, n) => `${n}`)
  await node.say(...said)
  t.same(await texts(client, 301), ['first', ...said])
  const { reads } = node.link
  node.link.host.heardStored(...first!)
  await until(() => node.link.reads > reads)
  await node.say('last')
  t.same(await texts(client, 1), ['last'])
  t.equal(node.app.channel(rooms).stats.gaps, 0)
})

t.test('a broken chain in the history is where recovery ends', async (t) => {
  const engine = new FakeEngine()
  const node = await start(t, engine)
  await node.say('a', 'b', 'c', 'd')
  const [a, , c] = engine.stored(NAME)
  engine.stored(NAME).splice(1, 1)
  t.match(await (await node.ask(['e1', a!.offset])).next(), { recovered: false, reason: 'expired' })
  t.match(await (await node.ask(['e1', c!.offset])).next(), { recovered: true, missed: 1 })
})

t.test('clients that return together to a fresh node cost one read', async (t) => {
  const engine = new FakeEngine()
  const node = await start(t, engine)
  const begin = await node.app.channel(rooms).position(TOPIC)
  await node.say('a', 'b', 'c')
  const offsets = engine.stored(NAME).map(({ offset }) => offset)
  const first = Number(begin.split('.')[1])
  const answer = deferred()
  node.link.beforeRead = async (limit) => { if (limit > 0) await answer.promise }
  const { reads } = node.link
  const clients = await Promise.all([first, ...offsets, 5, ...offsets].map((offset) => node.ask(['e1', offset])))
  await until(() => node.link.reads > reads + 1)
  answer.resolve()
  const told = await Promise.all(clients.map(async (client) => await client.next()))
  t.same(told.map(({ recovered, missed, reason }) => recovered === true ? missed : reason), [3, 2, 1, 0, 'expired', 2, 1, 0])
  t.equal(node.link.reads - reads, 2, 'the top, and the history')
  t.match(await (await node.ask(['e1', 3])).next(), { reason: 'expired' })
  t.equal(node.link.reads - reads, 2, 'a forged position costs no further one')
})

t.test('an engine of another epoch than the node knows is noticed by a client that returns', async (t) => {
  const engine = new FakeEngine()
  const node = await start(t, engine)
  const client = await node.ask()
  const [epoch] = placeOf(await client.next())
  await node.say('a')
  await client.next()
  engine.flush('e2')
  const back = await node.ask([epoch, 0])
  t.match(await client.next(), { recovered: false, reason: 'lost', epoch: 'e2' })
  t.match(await back.next(), { recovered: false, reason: 'lost', epoch: 'e2' })
})

t.test('an engine that does not answer is asked for a while', async (t) => {
  const engine = new FakeEngine()
  const node = await start(t, engine)
  await node.say('a', 'b')
  const client = await node.ask()
  await client.next()
  const [a] = engine.stored(NAME)
  fakeTime(t, ['setTimeout', 'Date'], NOW)
  node.link.beforeRead = () => { throw new Error('silent') }
  const back = await node.ask(['e1', a!.offset])
  const told = back.next()
  await passUntil(told)
  t.match(await told, { recovered: false, reason: 'unavailable', offset: Number })
  await node.say('c')
  t.same(await texts(back, 1), ['c'])
  node.link.beforeRead = () => {}
  t.match(await (await node.ask(['e1', a!.offset])).next(), { recovered: true, missed: 2 })
})

t.test('an engine that is away at first is heard once it is back', async (t) => {
  const engine = new FakeEngine()
  const node = await start(t, engine)
  await node.say('a')
  const [a] = engine.stored(NAME)
  fakeTime(t, ['setTimeout', 'Date'], NOW)
  node.link.beforeSubscribe = () => { throw new Error('away') }
  const [asking, plain] = [await node.ask(['e1', a!.offset]), await node.join()]
  t.equal(await [...node.app.channel(rooms).sockets()][0]!.subscribe(TOPIC), false)
  const told = asking.next()
  await passUntil(told)
  t.same(await told, { type: '$topic', topic: TOPIC, recovered: false, reason: 'unavailable' })
  node.link.beforeSubscribe = () => {}
  node.link.host.resumed()
  t.match(await asking.next(), { type: '$topic', epoch: 'e1', recovered: undefined })
  await node.say('b')
  t.same(await texts(asking, 1), ['b'])
  t.same(await texts(plain, 1), ['b'])
})

t.test('a topic that the engine did not tell of is asked for again', async (t) => {
  const node = await start(t, new FakeEngine())
  fakeTime(t, ['setTimeout'])
  node.link.beforeRead = () => { throw new Error('busy') }
  const client = await node.join()
  await client.flushed()
  node.link.beforeRead = () => {}
  await pass(500, 500)
  await until(() => node.link.reads >= 2)
  await pass(100)
  await node.say('a')
  t.same(await texts(client, 1), ['a'])
})

t.test('messages that are published while the engine is asked for its top are heard', async (t) => {
  const { node, asking, plain, answer } = await startAsked(t)
  await node.say('a', 'b')
  answer.resolve()
  t.match(await asking.take(3), [{ type: '$topic', recovered: undefined }, { text: 'a' }, { text: 'b' }])
  t.same(await texts(plain, 2), ['a', 'b'])
})

t.test('a repair that fails is tried again', async (t) => {
  const node = await start(t, new FakeEngine())
  const client = await node.ask()
  await client.next()
  fakeTime(t, ['setTimeout'])
  const { reads } = node.link
  node.link.beforeRead = () => { throw new Error('silent') }
  node.link.hold()
  await node.say('a')
  node.link.release(() => [])
  await node.say('b')
  await pass(30, 30)
  await until(() => node.link.reads === reads + 1)
  node.link.beforeRead = () => {}
  await pass(500, 500)
  t.same(await texts(client, 2), ['a', 'b'])
})

t.test('a lost last message is found when the engine is back, and else within 28 s', async (t) => {
  fakeTime(t, ['setInterval'])
  const node = await start(t, new FakeEngine(), { heartbeat: false })
  const client = await node.ask()
  await client.next()
  const lose = async (text: string): Promise<void> => {
    node.link.hold()
    await node.say(text)
    node.link.release(() => [])
  }
  await lose('a')
  node.link.host.interrupted()
  node.link.host.resumed([NAME, 'other.v1/x', 'rooms.v1/lobby'])
  t.same(await texts(client, 1), ['a'])
  await lose('b')
  node.link.host.interrupted()
  node.link.host.resumed()
  t.same(await texts(client, 1), ['b'])
  t.equal(node.app.channel(rooms).stats.gaps, 0)
  await lose('c')
  await pass(28_000, 14_000)
  t.same(await texts(client, 1), ['c'])
  const { reads } = node.link
  node.link.beforeRead = () => { throw new Error('silent') }
  await pass(14_000, 14_000)
  await until(() => node.link.reads > reads)
})

t.test('a topic without members is kept with its tail for a while, and is then unsubscribed', async (t) => {
  fakeTime(t, ['setTimeout'])
  const node = await start(t, new FakeEngine())
  const client = await node.ask()
  const begin = placeOf(await client.next())
  await client.close()
  await until(() => node.app.channel(rooms).size(TOPIC) === 0)
  await pass(9000, 1000)
  await node.say('a')
  const { reads } = node.link
  const back = await node.ask(begin)
  t.match(await back.take(2), [{ recovered: true, missed: 1 }, { text: 'a' }])
  t.equal(node.link.reads, reads)
  await back.close()
  await until(() => node.app.channel(rooms).size(TOPIC) === 0)
  await pass(10_000, 1000)
  t.same([...node.link.topics], [])
  node.link.host.heardStored(NAME, { epoch: 'e1', offset: 1, previous: 0, message: '' })
})

t.test('a message of a newer version is left out, and the next one follows it', async (t) => {
  const engine = new FakeEngine()
  const node = await start(t, engine)
  const [asking, plain] = [await node.ask(), await node.join()]
  const begin = placeOf(await asking.next())
  const { reads } = node.link
  engine.store(NAME, '2S more\n{}', { maxMessages: 100, maxAgeMs: 1 })
  engine.store(NAME, '1En said\n{"type":"said","text":"plain"}', { maxMessages: 100, maxAgeMs: 1 })
  await node.say('a')
  t.same(await texts(asking, 1), ['a'])
  t.same(await texts(plain, 1), ['a'])
  t.equal(node.link.reads, reads)
  t.match(await (await node.ask(begin)).take(2), [{ recovered: true, missed: 1 }, { text: 'a' }])
  node.link.host.heard(NAME, '1S@x said\n{"type":"said","text":"a"}')
  t.equal(node.app.channel(rooms).broker.ignored, 1, 'a stored message has another way')
})

t.test('a publish that the engine refuses, or does not answer, rejects and is counted', async (t) => {
  const node = await start(t, new FakeEngine())
  const client = await node.ask()
  await client.next()
  node.link.beforeAppend = () => { throw Object.assign(new Error('away'), { code: 'UNAVAILABLE' }) }
  await t.rejects(node.say('a'), { code: 'FST_TYPED_WS_BROKER_UNAVAILABLE', message: /no member was reached/ })
  client.send({ type: 'say', text: 'b' })
  await until(() => node.app.channel(rooms).stats.publishFailed === 2)
  node.link.beforeAppend = () => { throw new Error('timeout') }
  await t.rejects(node.say('a'), { code: 'FST_TYPED_WS_BROKER_TIMEOUT', message: /stored perhaps/ })
  node.link.beforeRead = () => { throw new Error('timeout') }
  await t.rejects(node.app.channel(rooms).position(TOPIC), { code: 'FST_TYPED_WS_BROKER_TIMEOUT' })
  t.equal(client.unread, 0)
})

t.test('a client that leaves while the engine is asked is no member', async (t) => {
  const { node, asking, plain, answer } = await startAsked(t)
  await Promise.all([asking.close(), plain.close()])
  await until(() => node.app.channel(rooms).size(TOPIC) === 0)
  answer.resolve()
  await node.app.channel(rooms).position(TOPIC)
  await node.say('a')
  t.equal(node.app.channel(rooms).stats.topics, 0)
})

t.test('shards keep a history when each of them does', async (t) => {
  const engines = [new FakeEngine(), new FakeEngine()]
  const app = await createApp(t, { broker: shards(engines.map((engine) => engine.link())) })
  app.ws('/', { contract: rooms, open: (socket) => void socket.subscribe(TOPIC), on: { say () {} } })
  const client = await connect(t, await listen(app), { protocols: [rooms.name, 'typed-ws.recover'] })
  client.send({ type: '$recover', client: 'client-1', topics: {} })
  await client.next()
  await app.channel(rooms).publish(TOPIC, 'said', { text: 'a' })
  t.same(await texts(client, 1), ['a'])
})

/** Lets time pass until a promise settles. */
async function passUntil (settled: Promise<unknown>): Promise<void> {
  let isSettled = false
  void settled.finally(() => { isSettled = true })
  while (!isSettled) await pass(250, 250)
}
