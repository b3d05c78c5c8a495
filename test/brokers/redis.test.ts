import { Redis } from 'ioredis'
import t from 'tap'
import { redis } from '../../lib/brokers/redis.js'
import { missing, startRedis } from '../support/engine.js'
import { brokerSuite } from './suite.js'

brokerSuite({
  name: 'Redis',
  skip: await missing('redis-server'),
  engine: (t) => startRedis(t),
  broker: async (t, { port }) => {
    const client = new Redis({ port, host: '127.0.0.1' }).on('error', () => {})
    t.teardown(() => client.disconnect())
    return redis(client)
  }
})

t.test('redis() says what it takes', async (t) => {
  t.throws(() => redis(undefined as never), { name: 'TypeError', message: /app\.redis/ })
  t.throws(() => redis({ isCluster: true, duplicate () {} }), { name: 'TypeError', message: /no Cluster yet/ })
  t.throws(() => redis({} as never), { name: 'TypeError', message: /ioredis/ })
})
