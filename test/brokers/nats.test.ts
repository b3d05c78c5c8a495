import t from 'tap'
import { nats } from '../../lib/brokers/nats.js'
import { natsBroker } from '../support/brokers.js'
import { missing, startJetStream, startNats } from '../support/engine.js'
import { historySuite } from './history-suite.js'
import { brokerSuite } from './suite.js'

const skip = await missing('nats-server')

brokerSuite({ name: 'NATS', skip, engine: startNats, broker: natsBroker })
historySuite({ name: 'JetStream', skip, engine: startJetStream, broker: natsBroker, keepsOld: true, counts: true, swaps: true })

t.test('nats() refuses a wrong option, and says what to write instead', async (t) => {
  t.throws(() => nats(undefined as never), { name: 'TypeError', message: /connect/ })
})
