import { Cluster } from 'ioredis'
import t from 'tap'
import { crc16, Partitions } from '../../lib/brokers/partitions.js'
import { redis } from '../../lib/brokers/redis.js'
import { missing, startRedisCluster } from '../support/engine.js'
import { brokerSuite } from './suite.js'

brokerSuite({
  name: 'Redis Cluster',
  skip: await missing('redis-server'),
  engine: (t) => startRedisCluster(t),
  broker: async (t, { masters }) => {
    const client = new Cluster(masters.map(({ port }) => ({ port, host: '127.0.0.1' }))).on('error', () => {})
    t.teardown(() => client.disconnect())
    return redis(client)
  }
})

t.test('the partitions of a Cluster lie one in each 256th of its slots', async (t) => {
  const partitions = new Partitions()
  const slots = partitions.spread(256).map((tag) => crc16(tag) % 16_384)
  t.same(slots.map((slot) => Math.floor(slot / 64)), Array.from({ length: 256 }, (_, n) => n))
})
