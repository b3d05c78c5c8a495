// Tests for a broker through a Redis Cluster, by whatever library.
import t from 'tap'
import type { Broker } from '../../lib/index.js'
import { missing, startRedisCluster, type RedisCluster } from '../support/engine.js'
import { until, type Teardown } from '../support/helper.js'
import { historySuite } from './history-suite.js'
import { membersSuite } from './members-suite.js'
import { brokerSuite, Node } from './suite.js'

const skip = await missing('redis-server')

/** Makes a broker that uses a Cluster. */
type MakeBroker = (t: Teardown, cluster: RedisCluster) => Promise<Broker>

let shared: RedisCluster | undefined

/** One for all tests that leave each slot where it is: it takes Redis two seconds to form one. */
async function sharedCluster (): Promise<RedisCluster> {
  shared ??= await startRedisCluster(t)
  await shared.reset()
  return shared
}

const TOPICS = Array.from({ length: 1000 }, (_, n) => `a/${n}`)

/** A node that publishes, and one that hears topics of all partitions. */
async function start (t: Teardown, cluster: RedisCluster, broker: MakeBroker): Promise<[one: Node, two: Node]> {
  const nodes = [new Node('n1', await broker(t, cluster)), new Node('n2', await broker(t, cluster))] as const
  for (const node of nodes) {
    t.teardown(() => node.broker.close())
    node.broker.start(node)
  }
  await until(() => nodes.every(({ state }) => state === 'ready'))
  await Promise.allSettled(TOPICS.map((topic) => nodes[1].broker.subscribe(topic)))
  return [...nodes]
}

/** Publishes to all topics until each was heard; a refused message is lost. */
async function hearAll (one: Node, two: Node): Promise<void> {
  two.messages.length = 0
  let left = TOPICS
  await until(async () => {
    await Promise.allSettled(left.map((topic) => one.broker.publish(topic, 'x')))
    const heard = new Set(two.messages.map(([topic]) => topic))
    left = left.filter((topic) => !heard.has(topic))
    return left.length === 0
  })
}

/** The topics that are interrupted. */
function interrupted ({ told }: Node): Set<string> {
  const topics = new Set<string>()
  for (const line of told) {
    const [word, names] = line.split(' ') as [string, string]
    for (const name of names.split(',')) if (word === 'interrupted') topics.add(name); else topics.delete(name)
  }
  topics.delete('')
  return topics
}

/** Starts a broker, hears by it what it publishes, and closes it. */
export async function hearsItself (broker: Broker): Promise<void> {
  const node = new Node('n', broker)
  broker.start(node)
  await until(() => node.state === 'ready')
  await broker.subscribe('a')
  await broker.publish('a', 'x')
  await until(() => node.of('a').length === 1)
  await broker.close()
}

/** @param library - of the client that the broker is given. */
export function clusterSuite (library: string, broker: MakeBroker): void {
  const suite = { name: `Redis Cluster by ${library}`, skip, engine: sharedCluster, broker }
  brokerSuite(suite)
  historySuite(suite)
  membersSuite(suite)

  t.test(`slots that move between masters of a Cluster interrupt their topics for a while, by ${library}`, { skip }, async (t) => {
    const cluster = await startRedisCluster(t)
    const [one, two] = await start(t, cluster, broker)
    await hearAll(one, two)
    two.told.length = 0
    await cluster.moveSlots(0, 2, 0, 255)
    await until(() => two.told.some((line) => line.startsWith('interrupted a/')))
    await until(() => two.state === 'ready' && interrupted(two).size === 0)
    await hearAll(one, two)
    t.pass('each was heard')
  })

  t.test(`a master of a Cluster that dies is replaced, and its topics are heard again, by ${library}`, { skip }, async (t) => {
    const cluster = await startRedisCluster(t, 2000, true)
    const [one, two] = await start(t, cluster, broker)
    await hearAll(one, two)
    two.told.length = 0
    await cluster.engines[0]!.kill()
    await until(() => two.told.some((line) => line.startsWith('interrupted a/')))
    await until(() => two.state === 'ready' && interrupted(two).size === 0)
    await hearAll(one, two)
    t.pass('each was heard')
  })
}
