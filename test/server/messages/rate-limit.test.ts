import fc from 'fast-check'
import t from 'tap'
import { RateLimiter } from '../../../lib/server/messages/rate-limit.js'

const max = 10
const timeWindowMs = 100

t.test('the rate limiter admits in any period no more than the bucket and its inflow', async (t) => {
  const arrivals = fc.array(
    fc.record({
      afterMs: fc.oneof(fc.constant(0), fc.nat(50), fc.nat(1000)),
      cost: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 25, noNaN: true }))
    }),
    { maxLength: 100 }
  )
  fc.assert(fc.property(arrivals, (list) => {
    const limit = new RateLimiter({ max, timeWindowMs }, 0)
    const taken: Array<[atMs: number, cost: number]> = []
    let nowMs = 0
    for (const { afterMs, cost } of list) {
      nowMs += afterMs
      if (limit.take(cost, nowMs)) taken.push([nowMs, cost])
    }
    return taken.every(([from], first) => {
      let sum = 0
      return taken.slice(first).every(([to, cost]) => {
        sum += cost
        return sum <= 2 * max + (to - from) * max / timeWindowMs + 1e-6
      })
    })
  }))
  t.pass()
})

t.test('a client that keeps to the rate is never rejected', async (t) => {
  fc.assert(fc.property(fc.array(fc.double({ min: timeWindowMs / max, max: 1000, noNaN: true }), { maxLength: 100 }), (gaps) => {
    const limit = new RateLimiter({ max, timeWindowMs }, 0)
    let nowMs = 0
    return gaps.every((gap) => {
      nowMs += gap
      return limit.take(1, nowMs)
    })
  }))
  const limit = new RateLimiter({ max, timeWindowMs }, 0)
  for (let n = 0; n < 2 * max; n++) t.ok(limit.take(1, 0), 'twice the maximum at once')
  t.notOk(limit.take(1, 0))
  t.ok(limit.take(0, 0), 'what is free is free')
  t.notOk(limit.isFlood)
})

t.test('the rate limiter admits by a time that is over no more than there was, and does not deny by it', async (t) => {
  const limit = new RateLimiter({ max, timeWindowMs }, 0)
  t.ok(limit.take(2 * max, 0))
  t.notOk(limit.takeEarly(1, 0), 'nothing has come')
  t.equal(limit.waitMs(0), 0, 'and nothing is wanted')
  t.ok(limit.take(max, timeWindowMs))
  t.notOk(limit.takeEarly(1, 0), 'an earlier time takes no tokens away')
  t.ok(limit.take(max, 2 * timeWindowMs), 'and gives none')
  t.notOk(limit.take(1, 2 * timeWindowMs))
})

t.test('a run of denials goes on while nothing is read, and is a flood after ten windows', async (t) => {
  const limit = new RateLimiter({ max, timeWindowMs }, 0)
  t.ok(limit.take(2 * max, 0))
  let nowMs = 0
  while (nowMs < 10 * timeWindowMs) {
    t.notOk(limit.take(max, nowMs))
    t.notOk(limit.isFlood)
    t.equal(limit.waitMs(nowMs), timeWindowMs, 'as long as what was refused takes to come together')
    nowMs += limit.waitMs(nowMs)
    t.ok(limit.take(max, nowMs))
  }
  t.notOk(limit.take(3 * max, nowMs))
  t.ok(limit.isFlood)
  t.equal(limit.waitMs(nowMs), 2 * timeWindowMs, 'the bucket holds no more than twice the maximum')
  t.notOk(limit.take(3 * max, nowMs + 3 * timeWindowMs + 1))
  t.notOk(limit.isFlood, 'a window of rest begins anew')
})
