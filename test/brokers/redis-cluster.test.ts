import { Cluster } from 'ioredis'
import t from 'tap'
import { redis } from '../../lib/brokers/redis.js'
import { missing, startRedisCluster, type RedisCluster } from '../support/engine.js'
import { until, type Teardown } from '../support/helper.js'
import { clusterSuite, hearsItself } from './cluster-suite.js'

function clientOf (t: Teardown, { engines }: RedisCluster, password?: string): Cluster {
  const redisOptions = password === undefined ? {} : { password }
  const client = new Cluster(engines.map(({ port }) => ({ port, host: '127.0.0.1' })), { redisOptions }).on('error', () => {})
  t.teardown(() => client.disconnect())
  return client
}

clusterSuite('ioredis', async (t, cluster) => redis(clientOf(t, cluster)))

t.test('a Cluster of ioredis is left alone, and its options are taken', { skip: await missing('redis-server') }, async (t) => {
  const cluster = await startRedisCluster(t)
  const first = clientOf(t, cluster)
  await until(() => first.status === 'ready')
  for (const master of first.nodes('master')) await master.call('ACL', 'SETUSER', 'default', 'resetpass', '>secret')
  const client = clientOf(t, cluster, 'secret')
  await until(() => client.status === 'ready')
  const before = client.eventNames()
  await hearsItself(redis(client, { prefix: 'mine:' }))
  t.same(client.eventNames(), before)
  t.equal(await client.set('a', 'b'), 'OK', 'it is open')
})
