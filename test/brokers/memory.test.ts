import t from 'tap'
import { memory } from '../../lib/index.js'
import { historySuite } from './history-suite.js'
import { membersSuite } from './members-suite.js'
import { Node } from './suite.js'

const suite = { name: 'memory', skip: false, engine: undefined, broker: async () => memory() } as const

historySuite(suite)
membersSuite(suite)

t.test('memory() reaches no other node', async (t) => {
  const broker = memory()
  const node = new Node('one', broker)
  broker.start(node)
  await broker.subscribe('a')
  await broker.publish('a', 'x')
  t.equal(await broker.ask('a', 'x'), 0)
  broker.unsubscribe('a')
  t.same([await broker.members!.lease(['a'], 1), await broker.members!.keep(['a'])], [[], new Map()])
  await broker.close()
  t.same(node.messages, [])
})
