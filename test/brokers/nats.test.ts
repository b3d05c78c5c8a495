import t from 'tap'
import { nats, type NatsConnection } from '../../lib/brokers/nats.js'
import { missing, startNats } from '../support/engine.js'
import { brokerSuite } from './suite.js'

// By a name that TypeScript does not follow: the declarations of this package do not compile with
// `exactOptionalPropertyTypes`.
const library: string = '@nats-io/transport-node'
const { connect } = await import(library) as {
  connect (options: object): Promise<NatsConnection & { close (): Promise<void> }>
}

brokerSuite({
  name: 'NATS',
  skip: await missing('nats-server'),
  engine: (t) => startNats(t),
  broker: async (t, { port }) => {
    const connection = await connect({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
    t.teardown(() => connection.close())
    return nats(connection)
  }
})

t.test('nats() says what it takes', async (t) => {
  t.throws(() => nats(undefined as never), { name: 'TypeError', message: /connect/ })
})
