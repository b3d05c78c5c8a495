import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { createClient, ErrorReply } from 'redis'
import t from 'tap'
import { redis } from '../../lib/brokers/redis.js'
import { nodeRedisBroker } from '../support/brokers.js'
import { missing, startRedis } from '../support/engine.js'
import { until } from '../support/helper.js'
import { historySuite } from './history-suite.js'
import { membersSuite } from './members-suite.js'
import { brokerSuite, Node } from './suite.js'

const skip = await missing('redis-server')

const suite = { name: 'node-redis', skip, engine: startRedis, broker: nodeRedisBroker }

brokerSuite(suite)
historySuite(suite)
membersSuite(suite)

t.test('a client of node-redis is left alone, and its options are taken', { skip }, async (t) => {
  const engine = await startRedis(t, '--requirepass', 'secret')
  const client = createClient({ url: `redis://:secret@127.0.0.1:${engine.port}`, RESP: 2, pingInterval: 60_000 })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.destroy())
  const [socket, before] = [client.options.socket, [{ ...client.options }, client.eventNames(), client.isPubSubActive]]
  const node = new Node('n', redis(client, { prefix: 'mine:' }))
  node.broker.start(node)
  await until(() => node.state === 'ready')
  await node.broker.subscribe('a')
  t.same(await client.pubSubNumSub('mine:a'), { 'mine:a': 1 })
  t.equal(await client.publish('mine:a', 'x'), 1)
  await until(() => node.of('a').length === 1)
  await node.broker.close()
  t.same([{ ...client.options }, client.eventNames(), client.isPubSubActive], before)
  t.equal(client.options.socket, socket)
  t.equal(await client.ping(), 'PONG', 'it is open')
})

/** A client of node-redis that exists only here. */
class FakeClient extends EventEmitter {
  readonly isPubSubActive = false
  readonly made: FakeClient[] = []
  readonly options: object | undefined
  isReady = false
  isDestroyed = false
  published: () => Promise<number> = async () => 1

  constructor (options?: object) {
    super()
    this.options = options
  }

  duplicate (options: object): FakeClient {
    const made = new FakeClient(options)
    made.published = this.published
    this.made.push(made)
    return made
  }

  async connect (): Promise<void> {
    throw new Error('told by its event')
  }

  async subscribe (): Promise<void> {}

  async unsubscribe (): Promise<void> {}

  async publish (): Promise<number> {
    return this.published()
  }

  async sendCommand (): Promise<unknown> {
    return [await this.published(), '5']
  }

  destroy (): void {
    this.isDestroyed = true
  }

  become (isReady: boolean): void {
    this.isReady = isReady
    this.emit(...(isReady ? ['ready'] : ['error', new Error('gone')]) as [string])
  }
}

t.test('a connection of node-redis lives once', async (t) => {
  const client = new FakeClient()
  const node = new Node('n', redis(client))
  node.broker.start(node)
  t.equal(node.state, undefined)
  const [sender, subscriber] = client.made as [FakeClient, FakeClient]
  t.match(sender.options, { disableOfflineQueue: true, socket: { connectTimeout: 5000 } })
  t.equal((sender.options as { socket: { reconnectStrategy (): number } }).socket.reconnectStrategy(), 0, 'destroyed before it is asked')
  for (const one of [sender, subscriber]) one.become(true)
  await until(() => node.state === 'ready')

  sender.become(false)
  sender.become(false)
  t.ok(sender.isDestroyed, 'it would connect anew and subscribe by itself')
  t.match([node.state, node.reason], ['away', { message: 'gone' }])
  await t.rejects(node.broker.publish('a', 'x'), { code: 'UNAVAILABLE' })
  await until(() => client.made.length === 3)
  client.made[2]!.become(true)
  await until(() => node.state === 'ready')
  t.same(node.told, ['resumed all', 'interrupted all', 'resumed all'])
  await node.broker.close()
  t.same(client.made.map(({ isDestroyed }) => isDestroyed), [true, true, true])
})

t.test('an error of node-redis tells whether Redis has a message', async (t) => {
  const client = new FakeClient()
  let error: Error = new Error('Socket closed unexpectedly')
  client.published = async () => { throw error }
  const node = new Node('n', redis(client))
  node.broker.start(node)
  for (const one of client.made) one.become(true)
  await until(() => node.state === 'ready')
  await t.rejects(node.broker.publish('a', 'x'), { code: 'TIMEOUT', message: /Socket closed/ })
  error = new ErrorReply('OOM')
  await t.rejects(node.broker.publish('a', 'x'), { code: 'UNAVAILABLE', message: /OOM/ })
  const bounds = { maxMessages: 5, maxAgeMs: 3000 }
  await t.rejects(node.broker.history!.append('a', 'x', bounds), { code: 'UNAVAILABLE', message: /OOM/ })
  client.made[0]!.published = async () => 1
  t.match(await node.broker.history!.append('a', 'x', bounds), { offset: 5 })
  client.made[0]!.isReady = false
  await t.rejects(node.broker.publish('a', 'x'), { code: 'UNAVAILABLE', message: /away/ }, 'its event is still on its way')
  await node.broker.close()
  await turn()
})
