import { mock } from 'node:test'
import t from 'tap'
import { Probe } from '../../lib/brokers/probe.js'
import { fakeTime } from '../support/fake-time.js'

t.test('a node asks itself every 5 s, and a probe that is not back after 2 s has failed', async (t) => {
  fakeTime(t, ['setTimeout'])
  let [sent, failed] = [0, 0]
  const probe = new Probe('?n', {
    send: async () => {
      sent++
      throw new Error('the connection may be gone')
    },
    fail: () => { failed++ }
  })
  probe.start()
  mock.timers.tick(5000)
  t.equal(sent, 1)
  t.equal(probe.heard('a'), false)
  t.equal(probe.heard('?n'), true)
  mock.timers.tick(2000)
  t.equal(failed, 0)
  mock.timers.tick(3000)
  t.equal(sent, 2)
  mock.timers.tick(2000)
  t.equal(failed, 1)
  mock.timers.tick(60_000)
  t.same([sent, failed], [2, 1], 'its owner begins anew')
  probe.start()
  probe.stop()
  mock.timers.tick(60_000)
  t.equal(sent, 2)
})
