// A broker of a Cluster in which each answer, and its moment, is scripted.
import t from 'tap'
import { Partitions } from '../../lib/brokers/partitions.js'
import { redis } from '../../lib/brokers/redis.js'
import { deferred } from '../support/deferred.js'
import { FakeCluster } from '../support/fake-cluster.js'
import { fakeTime, pass, turn } from '../support/fake-time.js'
import { until, type Teardown } from '../support/helper.js'
import { Node } from './suite.js'

const names = new Partitions()
const HALF = 8192

/** A topic of the lower half of the slots. */
const low = nameOf(0)
const high = nameOf(names.count - 1)

function nameOf (partition: number, prefix: string = 't'): string {
  for (let n = 0; ; n++) if (names.indexOf(`${prefix}${n}`) === partition) return `${prefix}${n}`
}

function channelOf (topic: string): string {
  return `typed-ws:{${names.tagOf(topic)}}${topic}`
}

function replyError (message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' })
}

/** Two masters with a half of the slots each; timers of 100 ms pass by `view` alone. */
async function start (t: Teardown): Promise<[node: Node, cluster: FakeCluster]> {
  fakeTime(t, ['setTimeout'])
  const cluster = new FakeCluster()
  cluster.redis.slots = [[0, HALF - 1, ['a', 1]], [HALF, 16_383, ['b', 2]]]
  const node = new Node('n1', redis(cluster))
  t.teardown(() => node.broker.close())
  node.broker.start(node)
  cluster.emit('ready')
  await turn()
  cluster.a.connect()
  cluster.b.connect()
  await until(() => node.state === 'ready')
  return [node, cluster]
}

/** The broker sees who has the slots now. */
async function view (cluster: FakeCluster, slots: FakeCluster['redis']['slots']): Promise<void> {
  cluster.redis.slots = slots
  cluster.redis.epoch++
  cluster.emit('ready')
  await pass(200)
}

t.test('each topic of a Cluster is heard from the master of its slot, and published there', async (t) => {
  const [node, { a, b }] = await start(t)
  const beside = nameOf(0, 'beside')
  await Promise.all([low, beside, high].map((topic) => node.broker.subscribe(topic)))
  t.ok(a.heard.has(channelOf(low)) && a.heard.has(channelOf(beside)))
  t.ok(b.heard.has(channelOf(high)))
  await node.broker.publish(low, 'x')
  t.equal(await node.broker.ask(high, 'y'), 1)
  t.same([a.published, b.published], [[[channelOf(low), 'x']], [[channelOf(high), 'y']]])
  a.push('smessage', channelOf(low), 'heard')
  t.same(node.messages, [[low, 'heard']])
  node.broker.unsubscribe(low)
  await turn()
  t.notOk(a.heard.has(channelOf(low)))
})

t.test('a topic whose slot moves while it is subscribed to is refused, and heard from its new master', async (t) => {
  const [node, cluster] = await start(t)
  const { a, b } = cluster
  const held = deferred()
  a.held = held.promise
  const subscribed = t.rejects(node.broker.subscribe(low), { code: 'UNAVAILABLE' })
  await until(() => a.waiting === 1)
  await view(cluster, [[0, 16_383, ['b', 2]]])
  await until(() => b.heard.has(channelOf(low)))
  await until(() => !node.isInterrupted(low))
  held.resolve()
  await subscribed
  t.equal(node.told.filter((line) => line === `resumed ${low}`).length, 1)
  t.equal(node.state, 'ready')
  t.ok(a.hasEnded, 'a master without slots is left')
})

t.test('a topic that is subscribed to while its master ends subscriptions is refused', async (t) => {
  const [node, { a }] = await start(t)
  const held = deferred()
  a.held = held.promise
  const subscribed = t.rejects(node.broker.subscribe(low), { code: 'UNAVAILABLE' })
  await until(() => a.waiting === 1)
  a.push('moved')
  held.resolve()
  await subscribed
  await until(() => node.told.at(-1) === `resumed ${low}`)
  t.equal(node.state, 'ready')
})

t.test('a partition that moves twice is resumed by the last master alone', async (t) => {
  const [node, cluster] = await start(t)
  const { a, b } = cluster
  await node.broker.subscribe(low)
  const held = deferred()
  b.held = held.promise
  await view(cluster, [[0, HALF / 2 - 1, ['b', 2]], [HALF / 2, HALF - 1, ['a', 1]], [HALF, 16_383, ['b', 2]]])
  await until(() => b.waiting > 0)
  t.ok(node.isInterrupted(low))
  t.equal(node.state, 'away')
  t.match(node.reason, { message: /move/ })
  await view(cluster, [[0, HALF - 1, ['a', 1]], [HALF, 16_383, ['b', 2]]])
  await until(() => !node.isInterrupted(low))
  held.resolve()
  await turn()
  t.ok(a.heard.has(channelOf(low)))
  t.equal(node.told.filter((line) => line === `resumed ${low}`).length, 1)
  await until(() => node.state === 'ready')
})

for (const refusal of [undefined, replyError('CLUSTERDOWN The cluster is down')]) {
  const how = refusal === undefined ? 'heard' : 'refused'
  t.test(`a broker of a Cluster that is closed before a moved topic is ${how} tells nothing more`, async (t) => {
    const [node, cluster] = await start(t)
    const { a, b } = cluster
    await node.broker.subscribe(low)
    const held = deferred()
    b.held = held.promise
    await view(cluster, [[0, 16_383, ['b', 2]]])
    await until(() => b.waiting > 0)
    await node.broker.close()
    const [told, state] = [[...node.told], node.state]
    b.refusal = refusal
    held.resolve()
    await until(() => b.waiting === 0)
    await turn()
    t.same([node.told, node.state], [told, state])
    t.ok(a.hasEnded && b.hasEnded && !cluster.isConnected)
    await t.rejects(node.broker.publish(low, 'x'), { code: 'UNAVAILABLE' })
  })
}

t.test('a partition without a master is refused until it has one, and its topics are heard then', async (t) => {
  const [node, cluster] = await start(t)
  await node.broker.subscribe(low)
  await view(cluster, [[HALF, 16_383, ['b', 2]]])
  t.equal(node.state, 'away')
  t.match(node.reason, { message: /no master/ })
  t.ok(node.isInterrupted(low))
  const late = nameOf(1)
  await t.rejects(node.broker.subscribe(late), { code: 'UNAVAILABLE' })
  await t.rejects(node.broker.publish(low, 'x'), { code: 'UNAVAILABLE' })
  const left = nameOf(2)
  await t.rejects(node.broker.subscribe(left), { code: 'UNAVAILABLE' })
  node.broker.unsubscribe(left)
  await view(cluster, [[0, 16_383, ['b', 2]]])
  await until(() => node.state === 'ready')
  t.same([low, late, left].map((topic) => cluster.b.heard.has(channelOf(topic))), [true, true, false])
  t.notOk(node.isInterrupted(low))
})

t.test('a Cluster that is away at the start is told so, and used once it has come', async (t) => {
  fakeTime(t, ['setTimeout'])
  const cluster = new FakeCluster()
  cluster.found = []
  const node = new Node('early', redis(cluster))
  node.broker.start(node)
  const reason = new Error('ECONNREFUSED')
  cluster.emit('error', reason)
  t.same([node.state, node.reason], ['away', reason])
  await t.rejects(node.broker.subscribe(low), { code: 'UNAVAILABLE' })
  await t.rejects(node.broker.publish(low, 'x'), { code: 'UNAVAILABLE' })
  cluster.found = [cluster.redis]
  cluster.emit('ready')
  await pass(200)
  cluster.a.connect()
  await until(() => node.state === 'ready')
  t.ok(cluster.a.heard.has(channelOf(low)))
  await node.broker.close()
})

t.test('a message that a master refuses is refused, and the Cluster is asked who has the slot', async (t) => {
  const [node, cluster] = await start(t)
  for (const answer of ['MOVED 0 b:2', 'ASK 0 b:2', 'CLUSTERDOWN Hash slot not served']) {
    await pass(200)
    const { count } = cluster.redis
    cluster.a.refusal = replyError(answer)
    await t.rejects(node.broker.publish(low, 'x'), { code: 'UNAVAILABLE', message: new RegExp(answer) })
    t.equal(cluster.redis.count, count + 1)
    cluster.a.refusal = undefined
    await node.broker.publish(low, 'x')
  }
})

t.test('a topic that its new master refuses is asked for again', async (t) => {
  const [node, cluster] = await start(t)
  await node.broker.subscribe(low)
  cluster.b.refusal = replyError('CLUSTERDOWN Hash slot not served')
  await view(cluster, [[0, 16_383, ['b', 2]]])
  await turn()
  await turn()
  t.equal(node.state, 'away')
  cluster.b.refusal = undefined
  await until(() => node.state === 'ready')
  t.ok(cluster.b.heard.has(channelOf(low)))
  t.notOk(node.isInterrupted(low))
})

t.test('a master that ends subscriptions is asked for all of them, as often as they end meanwhile', async (t) => {
  const [node, cluster] = await start(t)
  const { a } = cluster
  await Promise.all([node.broker.subscribe(low), node.broker.subscribe(high)])
  const held = deferred()
  a.held = held.promise
  a.heard.clear()
  a.push('moved')
  t.equal(node.told.at(-1), `interrupted ${low}`)
  await until(() => a.waiting > 0)
  a.push('moved')
  held.resolve()
  a.held = undefined
  await turn()
  t.ok(node.isInterrupted(low), 'it cannot tell which of them it has again')
  await until(() => !node.isInterrupted(low))
  t.ok(a.heard.has(channelOf(low)))
  t.notOk(node.isInterrupted(high))
})

t.test('a master that is away interrupts its topics alone', async (t) => {
  const [node, { a }] = await start(t)
  await Promise.all([node.broker.subscribe(low), node.broker.subscribe(high)])
  a.lose()
  t.same([node.state, node.isInterrupted(low), node.isInterrupted(high)], ['away', true, false])
  a.push('moved')
  t.equal(node.told.filter((line) => line.startsWith('interrupted')).at(-1), `interrupted ${low}`)
  await t.rejects(node.broker.publish(low, 'x'), { code: 'UNAVAILABLE' })
  await node.broker.publish(high, 'x')
  a.connect()
  await until(() => node.state === 'ready')
  t.notOk(node.isInterrupted(low))
})

t.test('a partition that moves to a master which is interrupted is resumed together with the topics of that one', async (t) => {
  const [node, cluster] = await start(t)
  const { a, b } = cluster
  await Promise.all([node.broker.subscribe(low), node.broker.subscribe(high)])
  const held = deferred()
  b.push('moved')
  b.held = held.promise
  await view(cluster, [[0, 16_383, ['b', 2]]])
  t.ok(a.hasEnded)
  b.push('moved')
  held.resolve()
  b.held = undefined
  await until(() => node.state === 'ready')
  t.same([low, high].map((topic) => node.isInterrupted(topic)), [false, false])
  t.same([low, high].map((topic) => b.heard.has(channelOf(topic))), [true, true])
})

t.test('a connection that is lost while the other one hears everything ends that attempt', async (t) => {
  const [node, { a }] = await start(t)
  await node.broker.subscribe(low)
  a.lose()
  const held = deferred()
  a.held = held.promise
  a.connect()
  await until(() => a.waiting > 0)
  a.lose()
  held.resolve()
  a.held = undefined
  await turn()
  await turn()
  t.same([node.state, node.isInterrupted(low)], ['away', true], 'messages cannot be published')
  a.connect()
  await until(() => node.state === 'ready')
  t.equal(node.told.filter((line) => line === `resumed ${low}`).length, 1)
})

t.test('a master whose probe does not come back is connected anew', async (t) => {
  const [node, { a, b }] = await start(t)
  for (const master of [a, b]) master.published.length = 0
  await pass(5000)
  for (const master of [a, b]) master.push('smessage', ...master.published[0]!)
  await pass(2100)
  t.equal(node.state, 'ready')
  t.same(node.messages, [])
  await pass(5000)
  t.equal(node.state, 'away')
  t.match(node.reason, { message: /probe/ })
  await pass(1100)
  t.equal(a.connections.length, 4)
})
