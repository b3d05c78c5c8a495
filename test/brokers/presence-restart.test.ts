// A deploy is no departure, over a real engine.
import t from 'tap'
import { redis } from '../../lib/brokers/redis.js'
import { redisClient } from '../support/brokers.js'
import { missing, startRedis } from '../support/engine.js'
import { restartInTurn } from '../support/rolling-restart.js'

const MEMBERS = 12

t.test('a rolling restart of three nodes over Redis is no news to any client', { skip: await missing('redis-server') }, async (t) => {
  const engine = await startRedis(t)
  const { news, reopened } = await restartInTurn(t, () => redis(redisClient(t, engine)), MEMBERS)
  t.same(news, Array.from({ length: MEMBERS }, () => `joined ${MEMBERS}`))
  t.ok(reopened >= MEMBERS, `${reopened} came back`)
})
