import { createSentinel } from 'redis'
import t from 'tap'
import { redis } from '../../lib/brokers/redis.js'
import { redisBroker } from '../support/brokers.js'
import { missing, startRedis } from '../support/engine.js'
import { historySuite } from './history-suite.js'
import { membersSuite } from './members-suite.js'
import { brokerSuite } from './suite.js'

const suite = { name: 'Redis', skip: await missing('redis-server'), engine: startRedis, broker: redisBroker }

brokerSuite(suite)
historySuite(suite)
membersSuite(suite)

t.test('redis() refuses a wrong option, and says what to write instead', async (t) => {
  t.throws(() => redis(undefined as never), { name: 'TypeError', message: /app\.redis/ })
  t.throws(() => redis({} as never), { name: 'TypeError', message: /ioredis/ })
  const sentinel = createSentinel({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] })
  t.throws(() => redis(sentinel), { name: 'TypeError', message: /createClient\(\) or createCluster\(\).*no createSentinel\(\)/ })
})
