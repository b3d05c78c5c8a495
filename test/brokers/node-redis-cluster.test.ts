import { EventEmitter } from 'node:events'
import { createCluster, ErrorReply } from 'redis'
import t from 'tap'
import { NodeRedisCluster } from '../../lib/brokers/node-redis-cluster.js'
import { ShardedNodeRedis } from '../../lib/brokers/node-redis.js'
import { redis } from '../../lib/brokers/redis.js'
import { deferred } from '../support/deferred.js'
import { missing, startRedisCluster } from '../support/engine.js'
import { until } from '../support/helper.js'
import { clusterSuite, hearsItself } from './cluster-suite.js'

const skip = await missing('redis-server')

// The given client need not be connected.
clusterSuite('node-redis', async (_t, { engines }) => {
  return redis(createCluster({ rootNodes: engines.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })) }))
})

t.test('a Cluster of node-redis is left alone, and its options are taken', { skip }, async (t) => {
  const { engines } = await startRedisCluster(t)
  const first = createCluster({ rootNodes: engines.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })) })
  await first.connect()
  for (const master of first.masters) {
    await (await first.nodeClient(master)).sendCommand(['ACL', 'SETUSER', 'default', 'resetpass', '>secret'])
  }
  first.destroy()
  const defaults = { password: 'secret', socket: { connectTimeout: 3000 } }
  const client = createCluster({ rootNodes: engines.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })), defaults })
  await client.connect()
  t.teardown(() => client.destroy())
  const before = [client.eventNames(), client.masters.map(({ address }) => address)]
  await hearsItself(redis(client, { prefix: 'mine:' }))
  t.same([client.eventNames(), client.masters.map(({ address }) => address)], before)
  t.equal(await client.set('a', 'b'), 'OK', 'it is open')
})

/** A Cluster of node-redis that exists only here. */
class FakeCluster extends EventEmitter {
  readonly _options: object | undefined
  readonly nodeByAddress = new Map([['a:1', { host: 'a', port: 1 }]])
  readonly made: FakeCluster[] = []
  readonly connected = deferred()
  isDestroyed = false

  constructor (options?: object) {
    super()
    this._options = options
  }

  duplicate (options: object): FakeCluster {
    const made = new FakeCluster(options)
    this.made.push(made)
    return made
  }

  async connect (): Promise<void> {
    await this.connected.promise
  }

  async nodeClient (): Promise<object> {
    return {
      options: { socket: { tls: true, host: 'elsewhere' } },
      sendCommand: async (words: string[]) => words.join(' '),
      duplicate: (options: object) => options
    }
  }

  async sSubscribe (): Promise<void> {}

  destroy (): void {
    this.isDestroyed = true
  }
}

t.test('a Cluster of node-redis is opened again until one of its roots answers', async (t) => {
  const given = new FakeCluster({ defaults: { password: 'secret' } })
  const errors: unknown[] = []
  const ready = deferred()
  const control = new NodeRedisCluster(given).duplicate()
    .on('error', (error: Error) => errors.push(error))
    .on('ready', () => ready.resolve())
  const first = given.made[0]!
  t.match(first._options, { useReplicas: true, minimizeConnections: true, defaults: { password: 'secret', disableOfflineQueue: true } })
  const error = new Error('no root')
  first.emit('error', error)
  first.connected.reject(error)
  await until(() => given.made.length === 2)
  const second = given.made[1]!
  second.connected.resolve()
  await ready.promise
  t.same(errors, [error])

  const node = control.nodes()[0]!
  t.equal(node.options.host, 'a')
  t.equal(await node.call('CLUSTER', 'INFO'), 'CLUSTER INFO')
  const connection = node.duplicate(...[{ host: 'b', port: 2, lazy: true, socket: { connectTimeout: 1 } }] as never[])
  t.same(connection, { lazy: true, readonly: false, socket: { tls: true, connectTimeout: 1, host: 'b', port: 2 } })
  control.removeAllListeners().disconnect()
  control.disconnect()
  t.ok(second.isDestroyed)
  second.emit('error', new Error('late'))
  t.equal(errors.length, 1)
})

t.test('a Cluster of node-redis that is closed while it opens stays closed', async (t) => {
  const given = new FakeCluster()
  const controls = [1, 2].map(() => new NodeRedisCluster(given).duplicate().on('ready', () => t.fail('it is closed')))
  const [one, other] = given.made as [FakeCluster, FakeCluster]
  for (const control of controls) control.disconnect()
  t.ok(one.isDestroyed && other.isDestroyed)
  one.isDestroyed = false
  one.connected.resolve()
  other.connected.reject(new Error('closed'))
  await until(() => one.isDestroyed)
  t.equal(given.made.length, 2)
})

t.test('a Cluster of node-redis maps addresses as its client does', async (t) => {
  const place = { host: 'out', port: 9 }
  const natMapOf = (options: object): unknown => new NodeRedisCluster(new FakeCluster(options)).options.natMap
  t.equal(natMapOf({}), undefined)
  t.same(natMapOf({ nodeAddressMap: { 'a:1': place } }), { 'a:1': place })
  const map = natMapOf({ nodeAddressMap: (address: string) => address === 'a:1' ? place : undefined }) as (address: string) => unknown
  t.same([map('a:1'), map('b:2')], [place, null])
})

t.test('a Redis of a Cluster that has lost a slot tells a connection of node-redis so', async (t) => {
  let refusal = new ErrorReply('MOVED 1 127.0.0.1:2')
  const made = Object.assign(new EventEmitter(), {
    isReady: true,
    connect: async () => {},
    sSubscribe: async () => { throw refusal },
    destroy () {}
  })
  let moves = 0
  const owner = { onReady () {}, onAway () {}, onMessage () {}, onMoved: () => { moves++ } }
  const connection = new ShardedNodeRedis({ duplicate: () => made }, owner)
  await t.rejects(connection.subscribe(['a']), { code: 'UNAVAILABLE', message: /MOVED/ })
  t.equal(moves, 1, 'it has refused a subscription')
  made.emit('sharded-channel-moved', 'a')
  t.equal(moves, 2, 'it has ended one')
  refusal = new ErrorReply('LOADING')
  await t.rejects(connection.subscribe(['a']), { code: 'UNAVAILABLE', message: /LOADING/ })
  t.equal(moves, 2)
  connection.close()
})
