import t from 'tap'
import { Partitions } from '../../lib/brokers/partitions.js'
import { RedisTopology } from '../../lib/brokers/redis-topology.js'
import { deferred } from '../support/deferred.js'
import { FakeCluster, FakeRedis } from '../support/fake-cluster.js'
import { fakeTime, pass, turn } from '../support/fake-time.js'

function open (cluster: FakeCluster): { topology: RedisTopology, views: Array<Set<string | undefined>>, reasons: unknown[] } {
  const [views, reasons]: [Array<Set<string | undefined>>, unknown[]] = [[], []]
  const topology = new RedisTopology(cluster, new Partitions(), {
    onView: (masters) => views.push(new Set(masters)),
    onAway: (reason) => reasons.push(reason)
  })
  topology.open()
  return { topology, views, reasons }
}

t.test('the Redis of a whole Cluster in the newest epoch tells who has the slots, whichever answers first', async (t) => {
  for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [3, 0, 1, 2]]) {
    const cluster = new FakeCluster()
    const all = [new FakeRedis(), new FakeRedis(), new FakeRedis(), new FakeRedis()] as const
    const [, isolated, broken, right] = all
    Object.assign(isolated, { epoch: 9, state: 'fail' })
    broken.error = new Error('gone')
    Object.assign(right, { epoch: 2, slots: [[0, 8191, ['b', 2]]] })
    cluster.found = order.map((n) => all[n as 0])
    const { topology, views } = open(cluster)
    cluster.emit('ready')
    await turn()
    t.same(views, [new Set(['b:2', undefined])])
    topology.close()
    t.notOk(cluster.isConnected)
  }
})

t.test('a Redis of a Cluster that does not know its own name is reached by the one under which it was asked', async (t) => {
  const cluster = new FakeCluster()
  cluster.redis.slots = [[0, 8191, [null, 7]], [8192, 16_383, ['', 8]]]
  const { topology, views } = open(cluster)
  topology.refresh()
  await turn()
  t.same(views, [new Set(['seen:7', 'seen:8'])])
  topology.close()
})

t.test('a connection to a Redis of a Cluster has the options of the Cluster, and its address', async (t) => {
  const cluster = new FakeCluster()
  const { topology } = open(cluster)
  topology.refresh()
  await turn()
  t.match(topology.clientOf('a:1').duplicate({ lazyConnect: false } as never), {
    options: { host: 'a', port: 1, readOnly: false, lazyConnect: false }
  })
  topology.close()
})

t.test('addresses of a Cluster are mapped as the client maps them', async (t) => {
  for (const natMap of [{ 'a:1': { host: 'out', port: 9 } }, (address: string) => address === 'a:1' ? { host: 'out', port: 9 } : null]) {
    const cluster = new FakeCluster({ natMap })
    cluster.redis.slots = [[0, 8191, ['a', 1]], [8192, 16_383, ['b', 2]]]
    const { topology, views } = open(cluster)
    topology.refresh()
    await turn()
    t.same(views, [new Set(['out:9', 'b:2'])])
    topology.close()
  }
})

t.test('a Cluster in trouble is asked once in 100 ms, however often something moves', async (t) => {
  fakeTime(t, ['setTimeout'])
  const cluster = new FakeCluster()
  const { topology, views } = open(cluster)
  for (let n = 0; n < 50; n++) topology.refresh()
  await pass(1000, 10, () => topology.refresh())
  t.same([cluster.redis.count, views.length], [10, 10], 'an answer comes one step later')
  topology.close()
})

t.test('a quiet Cluster is asked each 5 s', async (t) => {
  fakeTime(t, ['setTimeout'])
  const cluster = new FakeCluster()
  const { topology } = open(cluster)
  topology.refresh()
  await turn()
  await pass(4900)
  t.equal(cluster.redis.count, 1)
  await pass(10_100)
  t.equal(cluster.redis.count, 4)
  topology.close()
})

t.test('a Cluster that gives no answer is asked again after 100 ms', async (t) => {
  fakeTime(t, ['setTimeout'])
  const cluster = new FakeCluster()
  const { topology, views, reasons } = open(cluster)
  cluster.found = []
  topology.refresh()
  await turn()
  cluster.found = [cluster.redis]
  cluster.redis.error = new Error('gone')
  await pass(100)
  t.equal(cluster.redis.count, 1)
  cluster.redis.error = undefined
  cluster.redis.held = deferred().promise
  await pass(100)
  await pass(1000)
  t.same(views, [], 'an answer is waited for a second')
  cluster.redis.held = undefined
  await pass(100)
  t.equal(views.length, 1)
  const error = new Error('no')
  cluster.emit('error', error)
  t.same(reasons, [error])
  topology.close()
})

t.test('a Cluster is not asked after the close, and an answer that comes then is not told', async (t) => {
  fakeTime(t, ['setTimeout'])
  const cluster = new FakeCluster()
  const { topology, views } = open(cluster)
  const asked = deferred()
  cluster.redis.held = asked.promise
  topology.refresh()
  topology.close()
  asked.resolve()
  await turn()
  cluster.emit('error', new Error('late'))
  await pass(10_000, 1000)
  topology.close()
  t.same([cluster.redis.count, views], [1, []])
  const other = new FakeCluster()
  const { topology: closed } = open(other)
  closed.close()
  closed.refresh()
  t.equal(other.redis.count, 0)
})
