import t from 'tap'
import { memory } from '../../lib/index.js'
import { historySuite } from './history-suite.js'
import { Node } from './suite.js'

historySuite({ name: 'memory', skip: false, engine: undefined, broker: async () => memory() })

t.test('memory() reaches no other node', async (t) => {
  const broker = memory()
  const node = new Node('one', broker)
  broker.start(node)
  await broker.subscribe('a')
  await broker.publish('a', 'x')
  t.equal(await broker.ask('a', 'x'), 0)
  broker.unsubscribe('a')
  await broker.close()
  t.same(node.messages, [])
})
