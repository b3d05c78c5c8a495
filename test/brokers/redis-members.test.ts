// Members of topics over a Redis in which each answer, and its moment, is scripted.
import t from 'tap'
import { Partitions } from '../../lib/brokers/partitions.js'
import { redis } from '../../lib/brokers/redis.js'
import { deferred } from '../support/deferred.js'
import { FakeCluster } from '../support/fake-cluster.js'
import { fakeTime, pass, turn } from '../support/fake-time.js'
import { until } from '../support/helper.js'
import { replyError, startFake } from './fake-ioredis.js'
import { Node } from './suite.js'

t.test('a topic of Redis has a key for its members, and one key has the leases for all topics', async (t) => {
  const { members, sender } = await startFake(t)
  sender.answer = () => 2
  await members.put('a/b', new Map([['n1:0:ada', '1 {}'], ['n2:1:bob', undefined], ['n1:2:', '']]), 15_000)
  sender.answer = () => [['n1'], ['n1:0:ada', '1 {}', '', 'e1 7']]
  t.same(await members.all('a/b'), { epoch: 'e1', offset: 7, members: new Map([['n1:0:ada', '1 {}']]), nodes: new Set(['n1']) })
  sender.answer = () => [1, ['n1', 'n2']]
  t.same(await members.lease(['a/b', 'a/c'], 15_000), [{ topics: ['a/b', 'a/c'], nodes: new Set(['n1', 'n2']), wasGood: true }])
  sender.answer = () => ['e1 7', '']
  t.same(await members.keep(['a/b', 'a/c']), new Map([['a/b', { epoch: 'e1', offset: 7 }]]))
  const [put, all, lease, keep] = sender.sent as [string[], string[], string[], string[]]
  const keys = ['2', 'typed-ws:members:a/b', 'typed-ws:leases']
  const texts = ['n1:0:ada', '+1 {}', 'n2:1:bob', '', 'n1:2:', '+']
  t.same(put.slice(2), [...keys, 'n1', '15000', put[7], 'PUBLISH', 'typed-ws:a/b', ...texts])
  t.same(all.slice(2), [...keys, all[5]])
  t.same(lease.slice(2), ['1', 'typed-ws:leases', 'n1', '15000'])
  t.same(keep.slice(2), ['2', 'typed-ws:members:a/b', 'typed-ws:members:a/c'])
  t.not(put[7], all[5], 'each has a name of its own for a map that is lost')
})

t.test('a lease costs one command, and one for what is kept, whatever the topics; none where there are none', async (t) => {
  const { members, sender } = await startFake(t)
  const topics = Array.from({ length: 256 }, (_, n) => `a/${n}`)
  sender.answer = () => [0, ['n1']]
  await members.lease(topics, 15_000)
  sender.answer = () => topics.map(() => '')
  await members.keep(topics)
  t.equal(sender.sent.length, 2)
  t.same([await members.lease([], 15_000), await members.keep([])], [[], new Map()])
  t.equal(sender.sent.length, 2)
})

t.test('a Redis that refuses members says so, and topics whose lease it does not answer for are in none', async (t) => {
  const { node, members, sender } = await startFake(t)
  sender.answer = () => { throw replyError('NOPERM') }
  await t.rejects(members.put('a', new Map([['n1:0:a', '']]), 1), { code: 'UNAVAILABLE', message: /NOPERM/ })
  await t.rejects(members.all('a'), { code: 'UNAVAILABLE' })
  t.same([await members.lease(['a'], 1), await members.keep(['a'])], [[], new Map()])
  sender.answer = () => { throw new Error('Command timed out') }
  await t.rejects(members.put('a', new Map([['n1:0:a', '']]), 1), { code: 'TIMEOUT' })
  t.equal(sender.sent.length, 5, 'nothing is sent twice')
  sender.become('close')
  await t.rejects(members.put('a', new Map(), 1), { code: 'UNAVAILABLE', message: /away/ })
  t.same([await members.lease(['a'], 1), node.state], [[], 'away'])
})

t.test('a close waits for a lease that is on its way', async (t) => {
  const { node, members, sender } = await startFake(t)
  const answered = deferred<unknown>()
  sender.answer = () => answered.promise
  const leased = members.lease(['a'], 100)
  let isClosed = false
  const closed = node.broker.close().then(() => { isClosed = true })
  await turn()
  t.notOk(isClosed)
  answered.resolve([1, ['n1']])
  t.match(await leased, [{ wasGood: true }])
  await closed
})

t.test('a change of members is heard as such, and what begins like one and is none is heard as it is', async (t) => {
  const { node, subscriber } = await startFake(t)
  const texts = ['\u0001+', '\u0001+e1 5 4', '\u0001+e1 x 4\n[]', '\u0001+e1 5 4 id\n[]', '\u0001+e1 5 4\n["a"', '\u0001+e1 5 4\n{}']
  for (const text of texts) subscriber.emit('message', 'typed-ws:a', text)
  subscriber.emit('message', 'typed-ws:a', '\u0001\u0001+e1 5 4\n[]')
  subscriber.emit('message', 'typed-ws:a', '\u0001+12345678 5 4\n["n1:0:a\\n","false","n2:1:b",false]')
  t.same(node.of('a'), [...texts, '\u0001+e1 5 4\n[]'], 'a node counts what it does not know')
  const members = new Map([['n1:0:a\n', 'false'], ['n2:1:b', undefined]])
  t.same([node.changes, node.stored], [[['a', { epoch: '12345678', offset: 5, previous: 4, members }]], []])
})

/** Two topics of a Cluster: one in the first half of the slots, one in the second. */
function topicsOfHalves (): [first: string, second: string] {
  const partitions = new Partitions()
  const [low, high] = [new Set(partitions.between(0, 8191)), new Set(partitions.between(8192, 16_383))]
  const names = Array.from({ length: 1000 }, (_, n) => `a/${n}`)
  return [names.find((name) => low.has(partitions.indexOf(name)))!, names.find((name) => high.has(partitions.indexOf(name)))!]
}

t.test('members of a Cluster are where their partition is, and a master that refuses holds no other up', async (t) => {
  fakeTime(t, ['setTimeout'])
  const cluster = new FakeCluster()
  cluster.redis.slots = [[0, 8191, ['a', 1]], [8192, 16_383, ['b', 2]]]
  const node = new Node('n1', redis(cluster))
  t.teardown(() => node.broker.close())
  node.broker.start(node)
  const members = node.broker.members!
  const [first, second] = topicsOfHalves()
  await t.rejects(members.put(first, new Map([['n1:0:a', '']]), 100), { code: 'UNAVAILABLE', message: /no master/ })
  t.same([await members.lease([first], 100), await members.keep([first])], [[], new Map()])
  cluster.emit('ready')
  await turn()
  for (const master of [cluster.a, cluster.b]) master.connect()
  await until(() => node.state === 'ready')
  cluster.a.answer = 1
  await members.put(first, new Map([['n1:0:a', '']]), 100)
  const [, , , map, leases, , , , publish, channel] = cluster.a.commands[0]!
  const [tag] = /^typed-ws:\{\d+\}/.exec(map!)!
  t.same([map, leases, publish, channel], [`${tag}members:${first}`, `${tag}leases`, 'SPUBLISH', `${tag}${first}`])
  cluster.a.answer = [[], ['', 'e1 7']]
  t.same(await members.all(first), { epoch: 'e1', offset: 7, members: new Map(), nodes: new Set() })
  for (const master of [cluster.a, cluster.b]) master.answer = [1, ['n1']]
  const lease = { nodes: new Set(['n1']), wasGood: true }
  t.same(await members.lease([first, second], 100), [{ topics: [first], ...lease }, { topics: [second], ...lease }])
  await pass(200)
  const { count } = cluster.redis
  cluster.a.refusal = replyError('MOVED 1 b:2')
  t.same(await members.lease([first, second], 100), [{ topics: [second], ...lease }])
  await pass(200)
  t.ok(cluster.redis.count > count, 'it is asked who has the slot')
})
