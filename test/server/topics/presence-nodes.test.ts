// Members of topics on several nodes, over an engine whose answers and faults the test decides.
import t from 'tap'
import { shards, type PluginOptions } from '../../../lib/index.js'
import { deferred } from '../../support/deferred.js'
import { FakeEngine, type FakeLink } from '../../support/fake-engine.js'
import { fakeTime, pass, turn } from '../../support/fake-time.js'
import { connect, createApp, listen, until, type Answer, type Client, type Teardown } from '../../support/helper.js'
import { NAME, rooms, start as startNode, TOPIC, type Node as ServiceNode } from '../../support/presence.js'

interface Node extends ServiceNode {
  readonly link: FakeLink
}

async function start (t: Teardown, engine: FakeEngine, options: PluginOptions = {}): Promise<Node> {
  const link = engine.link()
  return { ...await startNode(t, link, options), link }
}

interface Pair {
  readonly engine: FakeEngine
  readonly one: Node
  readonly two: Node
  readonly ada: Client
  readonly bob: Client
}

/** Two nodes, a member on each, both told of the other. */
async function pair (t: Teardown, options: PluginOptions = {}): Promise<Pair> {
  const engine = new FakeEngine()
  const [one, two] = [await start(t, engine, options), await start(t, engine, options)]
  fakeTime(t)
  const ada = await one.enter('ada')
  await ada.next()
  const bob = await two.enter('bob')
  t.teardown(() => bob.ws.terminate())
  await bob.next()
  await pass(2000, 500)
  await ada.next()
  return { engine, one, two, ada, bob }
}

async function quiet (...clients: Client[]): Promise<boolean> {
  for (const client of clients) await client.flushed()
  return clients.every(({ unread }) => unread === 0)
}

function keysOf (told: Answer, part: string): unknown {
  return (told[part] as Array<{ key: string }>).map(({ key }) => key)
}

t.test('members of all nodes are told, and a key on two nodes is one member', async (t) => {
  const { one, two, ada, bob } = await pair(t)
  t.same([await one.members(), await two.members()], [['ada 1', 'bob 1'], ['ada 1', 'bob 1']])
  const tab = await two.enter('ada')
  t.same(keysOf(await tab.next(), 'members'), ['bob', 'ada'])
  await pass(2000, 500)
  t.ok(await quiet(ada, bob))
  t.same(await one.members(), ['ada 2', 'bob 1'])
  ada.send({ type: 'leave', ref: 1 })
  t.match(await ada.take(2), [{ type: '$members', members: undefined }, { type: '$reply' }])
  await pass(2000, 500)
  t.ok(await quiet(bob))
  t.same(await two.members(), ['ada 1', 'bob 1'])
})

t.test('a node without members knows those that the engine has', async (t) => {
  const { engine, one } = await pair(t)
  const three = await start(t, engine)
  t.same(await three.members(), ['ada 1', 'bob 1'])
  engine.leases.delete(engine.links[1]!.host.node)
  t.same(await three.members(), ['ada 1'], 'of living nodes')
  engine.leases.add(engine.links[1]!.host.node)
  three.link.beforeMembers = () => { throw Object.assign(new Error('gone'), { code: 'UNAVAILABLE' }) }
  await t.rejects(three.members(), { code: 'FST_TYPED_WS_BROKER_UNAVAILABLE' })
  one.link.beforeMembers = three.link.beforeMembers
  t.same(await one.members(), ['ada 1', 'bob 1'], 'a view stands still')
})

t.test('the members of a node without a lease are taken out, once others had time to ask', async (t) => {
  const { engine, one, two, ada } = await pair(t)
  two.link.beforeMembers = () => { throw new Error('killed') }
  two.link.isDeaf = true
  engine.leases.delete(two.link.host.node)
  await pass(14_000, 500)
  t.ok(await quiet(ada), 'the node has not asked for a whole lease')
  await pass(8000, 500)
  t.match(await ada.next(), { type: '$members', left: ['bob'] })
  t.same([await one.members(), [...engine.mapOf(NAME).members.keys()].length], [['ada 1'], 1])
  two.link.beforeMembers = () => {}
  two.link.isDeaf = false
  two.link.host.resumed()
  await pass(2000, 500)
  t.match(keysOf(await ada.next(), 'joined'), ['bob'], 'a node that lives puts its members again')
})

t.test('a node that could not ask takes no node for dead for a whole lease', async (t) => {
  const { engine, one, two, ada, bob } = await pair(t)
  await pass(20_000, 500)
  for (const { link } of [one, two]) link.beforeMembers = () => { throw new Error('the engine hangs') }
  await pass(45_000, 1000)
  engine.leases.clear()
  for (const { link } of [one, two]) link.beforeMembers = () => {}
  two.link.beforeMembers = () => { throw new Error('still away') }
  await pass(14_000, 500)
  two.link.beforeMembers = () => {}
  await pass(20_000, 500)
  t.ok(await quiet(ada, bob))
  t.same(await one.members(), ['ada 1', 'bob 1'])
})

t.test('a node that hears itself taken out puts its members again, and its own clients notice nothing', async (t) => {
  const { engine, one, two, ada, bob } = await pair(t)
  const member = [...engine.mapOf(NAME).members.keys()].find((name) => name.startsWith(two.link.host.node))!
  engine.put(NAME, new Map([[member, undefined]]))
  await turn()
  await pass(2000, 500)
  t.ok(await quiet(ada, bob))
  t.same([await one.members(), engine.mapOf(NAME).members.has(member)], [['ada 1', 'bob 1'], true])
})

t.test('an engine that was flushed is given all members again, and no client is told anything', async (t) => {
  const { engine, one, two, ada, bob } = await pair(t)
  await pass(12_000, 500)
  engine.flush('e2')
  await pass(40_000, 500)
  t.ok(await quiet(ada, bob))
  t.same([await one.members(), await two.members()], [['ada 1', 'bob 1'], ['ada 1', 'bob 1']])
  t.equal(engine.mapOf(NAME).members.size, 2)
})

t.test('a member that is not put again within a lease has left', async (t) => {
  const { engine, one, two, ada } = await pair(t)
  two.link.beforeMembers = () => { throw new Error('killed') }
  two.link.isDeaf = true
  engine.flush('e2')
  await pass(14_000, 500)
  t.ok(await quiet(ada))
  await pass(8000, 500)
  t.match(await ada.next(), { left: ['bob'] })
  t.same(await one.members(), ['ada 1'])
})

t.test('an engine that comes back from an older snapshot is given what it lacks, and no client is told anything', async (t) => {
  const engine = new FakeEngine()
  const [one, two] = [await start(t, engine), await start(t, engine)]
  fakeTime(t)
  const ada = await one.enter('ada')
  await ada.next()
  const saved = engine.saveMembers()
  const bob = await two.enter('bob')
  await bob.next()
  await pass(2000, 500)
  await ada.next()
  engine.restoreMembers(saved)
  for (const { link } of [one, two]) link.host.resumed([NAME])
  await pass(40_000, 500)
  t.ok(await quiet(ada, bob))
  t.same([await one.members(), engine.mapOf(NAME).members.size], [['ada 1', 'bob 1'], 2])
})

t.test('a change that was lost is found by the next one', async (t) => {
  const { one, two, ada } = await pair(t)
  one.link.isDeaf = true
  await two.enter('eve')
  await pass(2000, 500)
  t.ok(await quiet(ada))
  one.link.isDeaf = false
  await two.enter('joe')
  await pass(1000, 500)
  t.same(keysOf(await ada.next(), 'joined'), ['eve', 'joe'])
})

t.test('a change that was lost and has no next one is found with the lease', async (t) => {
  const { one, two, ada } = await pair(t)
  one.link.isDeaf = true
  await two.enter('eve')
  await pass(2000, 500)
  one.link.isDeaf = false
  await pass(14_000, 500)
  t.same(keysOf(await ada.next(), 'joined'), ['eve'])
})

t.test('changes that are heard while the engine is read are not lost, and none is taken twice', async (t) => {
  const { engine, one, two, ada } = await pair(t)
  const held = deferred()
  const { all } = one.link.asked
  one.link.beforeMembers = (what) => what === 'all' ? held.promise : undefined
  one.link.host.resumed()
  await until(() => one.link.asked.all > all)
  await two.enter('eve')
  await until(() => engine.mapOf(NAME).members.size === 3)
  one.link.beforeMembers = () => {}
  held.resolve()
  await two.enter('joe')
  await until(() => engine.mapOf(NAME).members.size === 4)
  await pass(2000, 500)
  t.same(keysOf(await ada.next(), 'joined'), ['eve', 'joe'])
  one.link.host.heardMembers(NAME, { epoch: 'e1', offset: 1, previous: 0, members: new Map([['n:1:old', '1 {"n":1}']]) })
  await pass(2000, 500)
  t.ok(await quiet(ada), 'one that is old is left out')
})

t.test('a change that does not follow what was read makes another read', async (t) => {
  const { engine, one, ada } = await pair(t)
  const { all } = one.link.asked
  const held = deferred()
  one.link.beforeMembers = async (what) => what === 'all' && one.link.asked.all === all + 1 ? held.promise : undefined
  one.link.host.resumed()
  await until(() => one.link.asked.all > all)
  one.link.host.resumed()
  const change = { epoch: 'e1', offset: 1_000_000, previous: 999_999, members: new Map([['n:1:eve', '1 {"n":1}']]) }
  one.link.host.heardMembers(NAME, change)
  engine.mapOf(NAME).members.set('n:1:eve', '1 {"n":1}')
  held.resolve()
  await pass(2000, 500)
  t.same(keysOf(await ada.next(), 'joined'), ['eve'])
})

t.test('an engine that does not answer is asked again, by a node that comes and one that goes', async (t) => {
  const engine = new FakeEngine()
  const [one, two] = [await start(t, engine), await start(t, engine)]
  fakeTime(t)
  for (const { link } of [one, two]) {
    link.beforeMembers = () => { throw new Error('away') }
    link.beforeSubscribe = () => { throw new Error('away') }
  }
  const [ada, bob] = [await one.enter('ada'), await two.enter('bob')]
  await pass(3000, 500)
  t.ok(await quiet(ada, bob))
  await bob.close()
  await until(() => two.app.channel(rooms).size(TOPIC) === 0)
  await pass(6000, 500)
  one.link.beforeSubscribe = () => {}
  await pass(2000, 500)
  t.ok(await quiet(ada))
  for (const { link } of [one, two]) link.beforeMembers = () => {}
  await pass(2000, 500)
  t.same(keysOf(await ada.next(), 'members'), ['ada'])
  t.same(await two.members(), ['ada 1'])
  t.equal(engine.mapOf(NAME).members.size, 1)
})

t.test('a member of this node that the engine has and that is gone is taken out', async (t) => {
  const { engine, one, ada } = await pair(t)
  engine.put(NAME, new Map([[`${one.link.host.node}:99:old`, '1 {"n":1}']]))
  await pass(2000, 500)
  t.ok(await quiet(ada))
  t.equal(engine.mapOf(NAME).members.size, 2)
})

t.test('a service that restarts node by node loses no member, and shortens its leases', async (t) => {
  const { engine, one, two, ada } = await pair(t, { presence: { leaveDelayMs: 3000 } })
  await two.app.close()
  t.equal(two.link.leaseMs, 3000)
  t.equal(engine.mapOf(NAME).members.size, 2, 'nothing is taken out')
  const bob = await one.enter('bob')
  engine.leases.delete(two.link.host.node)
  t.ok(await bob.next())
  await pass(25_000, 500)
  t.ok(await quiet(ada, bob))
  t.same([await one.members(), engine.mapOf(NAME).members.size], [['ada 1', 'bob 1'], 2])
})

t.test('a node that closes while the engine is told of a member says nothing later', async (t) => {
  const { one, two } = await pair(t)
  const held = deferred()
  const { put } = two.link.asked
  two.link.beforeMembers = (what) => what === 'put' ? held.promise : undefined
  await two.enter('eve')
  await until(() => two.link.asked.put > put)
  await two.app.close()
  held.reject(new Error('late'))
  await pass(5000, 500)
  t.equal(two.link.asked.put, put + 1)
  t.same(await one.members(), ['ada 1', 'bob 1'])
})

t.test('topics that are left are looked after no more', async (t) => {
  const { one, two, ada, bob } = await pair(t)
  for (const client of [ada, bob]) await client.close()
  await until(() => [one, two].every(({ app }) => app.channel(rooms).size(TOPIC) === 0))
  await pass(30_000, 500)
  const { lease, keep } = one.link.asked
  await pass(30_000, 500)
  t.same([one.link.asked.lease, one.link.asked.keep], [lease, keep])
  const again = await one.enter('ada')
  t.same(keysOf(await again.next(), 'members'), ['ada'])
  await turn()
})

t.test('shards know members when each of them does, and one that is away holds no other up', async (t) => {
  const engines = [new FakeEngine(), new FakeEngine(), new FakeEngine()]
  const links = engines.map((engine) => engine.link())
  const app = await createApp(t, { broker: shards(links) })
  const topics = Array.from({ length: 12 }, (_, n) => `room:${n}` as const)
  app.ws('/', {
    contract: rooms,
    open: (socket) => { for (const topic of topics) void socket.subscribe(topic, { info: { n: 1 }, key: 'ada' }) },
    on: { leave: () => null }
  })
  const url = await listen(app)
  fakeTime(t)
  await connect(t, url)
  await until(() => engines.reduce((sum, engine) => sum + engine.members, 0) === topics.length)
  for (const topic of topics) t.match(await app.channel(rooms).members(topic), [{ key: 'ada' }])
  t.ok(engines.every((engine) => engine.members > 0))
  links[0]!.beforeMembers = (what) => { if (what === 'lease' || what === 'keep') throw new Error('away') }
  for (const engine of engines) engine.leases.clear()
  await pass(5000, 500)
  t.same(engines.map(({ leases }) => leases.size), [0, 1, 1])
})
