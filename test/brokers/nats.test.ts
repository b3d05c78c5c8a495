import t from 'tap'
import { nats } from '../../lib/brokers/nats.js'
import { natsBroker } from '../support/brokers.js'
import { missing, startNats } from '../support/engine.js'
import { brokerSuite } from './suite.js'

brokerSuite({
  name: 'NATS',
  skip: await missing('nats-server'),
  engine: startNats,
  broker: natsBroker
})

t.test('nats() refuses a wrong option, and says what to write instead', async (t) => {
  t.throws(() => nats(undefined as never), { name: 'TypeError', message: /connect/ })
})
