// Members of a service on several nodes, with a real Redis between them.
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Cluster, type Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { redis } from '../../lib/brokers/redis.js'
import type { Broker, BrokerMembers, PluginOptions } from '../../lib/index.js'
import { nodeRedisBroker, redisBroker, redisClient } from '../support/brokers.js'
import { spawnNode } from '../support/child.js'
import { missing, startRedis, startRedisCluster, type Engine } from '../support/engine.js'
import { until, type Client, type Teardown } from '../support/helper.js'
import { enter, NAME, rooms, start, TOPIC, type Node } from '../support/presence.js'
import { startNode as startBroker } from './suite.js'

const skip = await missing('redis-server')
// Each test has an engine of its own, and most of its time it waits for a lease.
t.jobs = 3

/** Options of one test: tap writes into the object. */
function parallel (): { skip: string | false, buffered: true } {
  return { skip, buffered: true }
}

const MAP = `typed-ws:members:${NAME}`
const LEASES = 'typed-ws:leases'
// Long enough for a slow machine, which renews three times meanwhile.
const LEASE_MS = 3000

/** A client that asked, and each thing that it was told, as a line. */
class Watcher {
  readonly client: Client
  readonly lines: string[] = []

  constructor (client: Client) {
    this.client = client
    void this.#read()
  }

  async hears (line: string): Promise<void> {
    await until(() => this.lines.includes(line))
  }

  async #read (): Promise<void> {
    for (;;) {
      const told = await this.client.next()
      for (const part of ['members', 'joined', 'updated']) {
        const infos = told[part] as Array<{ key: string, info: { n: number } }> | undefined
        for (const { key, info: { n } } of infos ?? []) this.lines.push(`${part} ${key} ${n}`)
      }
      for (const key of told['left'] as string[] | undefined ?? []) this.lines.push(`left ${key}`)
    }
  }
}

interface Pair {
  readonly one: Node
  readonly two: Node
  /** On the first node. */
  readonly ada: Watcher
  /** On the second one. */
  readonly bob: Watcher
  /** How often the second node has renewed its lease. */
  readonly renewals: () => number
}

/** Two nodes with a member on each, both told of the other. */
async function pair (t: Teardown, engine: Engine, options: PluginOptions = {}): Promise<Pair> {
  const counted = countLeases(await redisBroker(t, engine))
  const [one, two] = [await start(t, await redisBroker(t, engine), options), await start(t, counted.broker, options)]
  await ready(one, two)
  const ada = new Watcher(await one.enter('ada'))
  await ada.hears('members ada 1')
  const bob = new Watcher(await two.enter('bob'))
  await bob.hears('members bob 1')
  await ada.hears('joined bob 1')
  return { one, two, ada, bob, renewals: counted.renewals }
}

async function ready (...nodes: Node[]): Promise<void> {
  await until(() => nodes.every(({ app }) => app.channel(rooms).broker.state === 'ready'))
}

async function away (...nodes: Node[]): Promise<void> {
  await until(() => nodes.every(({ app }) => app.channel(rooms).broker.state === 'away'))
}

function countLeases (broker: Broker): { broker: Broker, renewals: () => number } {
  const members = broker.members!
  let count = 0
  const counting: BrokerMembers = {
    put: members.put.bind(members),
    all: members.all.bind(members),
    keep: members.keep.bind(members),
    lease: async (...lease) => {
      const leases = await members.lease(...lease)
      count += leases.length
      return leases
    }
  }
  return { broker: Object.assign(broker, { members: counting }), renewals: () => count }
}

/** One more member joins: it is all that these were told since they were told these lines. */
async function expectQuiet (t: Test, node: Node, ...watchers: Array<[watcher: Watcher, told: string[]]>): Promise<void> {
  await node.enter('zoe')
  for (const [watcher, told] of watchers) {
    await watcher.hears('joined zoe 1')
    t.same(watcher.lines, [...told, 'joined zoe 1'])
  }
}

/** The members that Redis has, by their nodes, and the position. */
async function fields (admin: Redis): Promise<string[]> {
  return admin.hkeys(MAP)
}

async function clusterBroker (t: Teardown, { engines }: { readonly engines: readonly Engine[] }): Promise<Broker> {
  const client = new Cluster(engines.map(({ port }) => ({ port, host: '127.0.0.1' }))).on('error', () => {})
  t.teardown(() => client.disconnect())
  return redis(client)
}

/** Members of two nodes come and go, over two tabs. */
async function meet (t: Test, one: Node, two: Node): Promise<void> {
  await ready(one, two)
  const ada = new Watcher(await one.enter('ada'))
  await ada.hears('members ada 1')
  const bob = new Watcher(await two.enter('bob'))
  await bob.hears('members bob 1')
  t.same(bob.lines.toSorted(), ['members ada 1', 'members bob 1'])
  await ada.hears('joined bob 1')
  const tab = new Watcher(await two.enter('ada', 2))
  await Promise.all([ada.hears('updated ada 2'), bob.hears('updated ada 2')])
  for (const node of [one, two]) t.same(await node.members(), ['ada 2', 'bob 1'])
  tab.client.send({ type: 'leave', ref: 1 })
  await Promise.all([ada.hears('updated ada 1'), bob.hears('updated ada 1')])
  for (const socket of one.app.channel(rooms).sockets()) await socket.subscribe(TOPIC, { info: { n: 3 }, key: 'ada' })
  await bob.hears('updated ada 3')
  ada.client.send({ type: 'leave', ref: 1 })
  await bob.hears('left ada')
  t.same(bob.lines.slice(2), ['updated ada 2', 'updated ada 1', 'updated ada 3', 'left ada'])
  t.same(await two.members(), ['bob 1'])
  t.same(await one.members(), ['bob 1'], 'also by a node without members')
}

for (const [name, broker] of Object.entries({ ioredis: redisBroker, 'node-redis': nodeRedisBroker })) {
  t.test(`Redis by ${name}: members of two nodes are told, and a key on both is one member`, parallel(), async (t) => {
    const engine = await startRedis(t)
    await meet(t, await start(t, await broker(t, engine)), await start(t, await broker(t, engine)))
  })
}

t.test('Redis Cluster: members of two nodes are told, and a key on both is one member', parallel(), async (t) => {
  const cluster = await startRedisCluster(t)
  await meet(t, await start(t, await clusterBroker(t, cluster)), await start(t, await clusterBroker(t, cluster)))
})

t.test('a page that reloads over another node has not left', parallel(), async (t) => {
  const engine = await startRedis(t)
  const { one, two, ada, bob } = await pair(t, engine, { presence: { leaveDelayMs: 600_000 } })
  const told = [...ada.lines]
  await bob.client.close()
  await one.enter('bob')
  await until(async () => (await one.members()).includes('bob 2'))
  await expectQuiet(t, two, [ada, told])
})

// A process that gets no time for as long is taken for dead.
const PROCESS_LEASE_MS = 10_000

/** A node in a process of its own. */
async function startProcess (t: Teardown, engine: Engine): Promise<{ url: string, kill: () => Promise<void> }> {
  const file = join(import.meta.dirname, `presence-node${extname(import.meta.filename)}`)
  const args = ['--import=./test/support/typescript.js', file, String(engine.port), String(PROCESS_LEASE_MS)]
  const child = spawnNode(args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  t.teardown(kill)
  const [url] = await once(createInterface(child.stdout!), 'line') as [string]
  return { url, kill }
}

t.test('the members of a node that is killed leave once, after its lease, and none is left in Redis', parallel(), async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  const { one, two, ada, bob } = await pair(t, engine, { presence: { leaseMs: PROCESS_LEASE_MS } })
  const { url, kill } = await startProcess(t, engine)
  for (const key of ['eve', 'joe']) await enter(t, url, key)
  for (const watcher of [ada, bob]) await Promise.all([watcher.hears('joined eve 1'), watcher.hears('joined joe 1')])
  const told = [ada, bob].map(({ lines }) => [...lines])
  await kill()
  for (const watcher of [ada, bob]) await Promise.all([watcher.hears('left eve'), watcher.hears('left joe')])
  await expectQuiet(t, one, ...[ada, bob].map((watcher, n): [Watcher, string[]] => [watcher, [...told[n]!, ...watcher.lines.slice(-2)]]))
  for (const { lines } of [ada, bob]) t.same(lines.filter((line) => line.startsWith('left ')).toSorted(), ['left eve', 'left joe'])
  for (const node of [one, two]) t.same(await node.members(), ['ada 1', 'bob 1', 'zoe 1'])
  t.equal((await fields(admin)).length, 4, 'three members, and the position')
})

t.test('Redis Cluster: the members of a node whose lease has ended leave, and those of others stay', parallel(), async (t) => {
  const cluster = await startRedisCluster(t)
  const node = await start(t, await clusterBroker(t, cluster), { presence: { leaseMs: LEASE_MS } })
  await ready(node)
  const ada = new Watcher(await node.enter('ada'))
  await ada.hears('members ada 1')
  // It puts members, and never renews its lease.
  const lost = await startBroker(t, await clusterBroker(t, cluster))
  await lost.broker.members!.put(NAME, new Map([[`${lost.node}:0:eve`, '1 {"n":1}']]), 2 * LEASE_MS)
  await ada.hears('joined eve 1')
  await ada.hears('left eve')
  t.same(ada.lines, ['members ada 1', 'joined eve 1', 'left eve'])
  t.same([...(await lost.broker.members!.all(NAME)).members.keys()].map((name) => name.split(':')[2]), ['ada'])
})

t.test('a node that closes shortens its lease, and a member that comes back to another one has not left', parallel(), async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  const { one, two, ada } = await pair(t, engine, { presence: { leaseMs: 2 * LEASE_MS, leaveDelayMs: LEASE_MS } })
  const told = [...ada.lines]
  const [field] = (await fields(admin)).filter((name) => name.endsWith(':bob')) as [string]
  await two.app.close()
  const [seconds] = await admin.time()
  const end = await admin.zscore(LEASES, field.slice(0, field.indexOf(':')))
  t.ok(Number(end) <= (Number(seconds) + 1) * 1000 + LEASE_MS, 'it ends within leaveDelayMs')
  await one.enter('bob')
  await until(async () => !(await fields(admin)).includes(field))
  await expectQuiet(t, one, [ada, told])
  t.same(await one.members(), ['ada 1', 'bob 1', 'zoe 1'])
})

t.test('a Redis that was flushed is given all members again, and no client is told anything', parallel(), async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  const { one, two, ada, bob, renewals } = await pair(t, engine, { presence: { leaseMs: LEASE_MS } })
  const told = [ada, bob].map(({ lines }) => [...lines])
  await until(() => renewals() > 0)
  await engine.forget()
  await until(async () => (await fields(admin)).length === 3)
  const before = renewals()
  await until(() => renewals() > before + 4)
  await expectQuiet(t, two, [ada, told[0]!], [bob, told[1]!])
  t.same(await one.members(), ['ada 1', 'bob 1', 'zoe 1'])
})

t.test('a member that another node has taken out is put again by its own', parallel(), async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  const { one, two } = await pair(t, engine)
  const other = await startBroker(t, await redisBroker(t, engine))
  const [field] = (await fields(admin)).filter((name) => name.endsWith(':bob')) as [string]
  await other.broker.subscribe(NAME)
  await other.broker.members!.put(NAME, new Map([[field, undefined]]), 15_000)
  await until(() => other.changes.length === 2)
  t.same(other.changes.map(([, { members }]) => [...members.keys()]), [[field], [field]])
  t.ok((await fields(admin)).includes(field))
  await until(async () => (await one.members()).join() === 'ada 1,bob 1')
  t.same(await two.members(), ['ada 1', 'bob 1'])
})

t.test('no member leaves while Redis hangs, or after it', parallel(), async (t) => {
  const engine = await startRedis(t)
  const { one, two, ada, bob, renewals } = await pair(t, engine, { presence: { leaseMs: LEASE_MS } })
  const told = [ada, bob].map(({ lines }) => [...lines])
  await until(() => renewals() >= 3)
  engine.hang()
  // Longer than a lease: the nodes find out by their probes, after 5 s.
  await away(one, two)
  t.same([await one.members(), await two.members()], [['ada 1', 'bob 1'], ['ada 1', 'bob 1']], 'a view stands still')
  engine.goOn()
  await ready(one, two)
  const before = renewals()
  await until(() => renewals() > before + 4)
  await expectQuiet(t, two, [ada, told[0]!], [bob, told[1]!])
})

t.test('a Redis that comes back from an older snapshot is given what it lacks, and no client is told anything', parallel(), async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  const { one, two, ada, bob, renewals } = await pair(t, engine, { presence: { leaseMs: LEASE_MS } })
  await engine.save()
  const eve = new Watcher(await one.enter('eve'))
  for (const watcher of [ada, bob]) await watcher.hears('joined eve 1')
  const told = [ada, bob].map(({ lines }) => [...lines])
  await engine.kill()
  await away(one, two)
  await engine.start()
  await ready(one, two)
  await until(async () => (await fields(admin)).length === 4)
  const before = renewals()
  await until(() => renewals() > before + 4)
  await expectQuiet(t, two, [ada, told[0]!], [bob, told[1]!])
  t.same(await two.members(), ['ada 1', 'bob 1', 'eve 1', 'zoe 1'])
  t.notOk(eve.lines.some((line) => line.startsWith('left ')))
})

t.test('a topic that all have left keeps its position for a minute, and the leases end', parallel(), async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  const { one, two, ada, bob } = await pair(t, engine, { presence: { leaseMs: LEASE_MS, leaveDelayMs: 0 } })
  ada.client.send({ type: 'leave', ref: 1 })
  await bob.client.close()
  await until(async () => (await fields(admin)).join() === '')
  await until(() => [one, two].every(({ app }) => app.channel(rooms).stats.topics === 0))
  await until(async () => await admin.exists(LEASES) === 0)
  t.same(await admin.keys('*'), [MAP])
  const leftMs = await admin.pttl(MAP)
  t.ok(leftMs > 0 && leftMs <= 60_000)
})

t.test('the members of a topic are kept for an hour', parallel(), async (t) => {
  const engine = await startRedis(t)
  await pair(t, engine)
  const leftMs = await redisClient(t, engine).pttl(MAP)
  t.ok(leftMs > 60_000 && leftMs <= 3_600_000)
})

const COMMANDS = '-@all +@connection +info +subscribe +unsubscribe +publish +eval +evalsha +time +pexpire ' +
  '+hget +hset +hdel +hlen +hgetall +zadd +zscore +zrange +zremrangebyscore'

async function user (t: Teardown, engine: Engine, ...rules: string[]): Promise<Broker> {
  await redisClient(t, engine).call('ACL', 'SETUSER', 'topics', 'reset', 'on', '>secret', '~typed-ws:*', ...rules, ...COMMANDS.split(' '))
  return redis(redisClient(t, engine, { username: 'topics', password: 'secret' }))
}

t.test('a user of Redis with the commands of the docs alone has members, and takes them out', parallel(), async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  const one = await start(t, await user(t, engine, '&typed-ws:*'), { presence: { leaveDelayMs: 0 } })
  await ready(one)
  const ada = new Watcher(await one.enter('ada'))
  await ada.hears('members ada 1')
  const bob = new Watcher(await one.enter('bob'))
  await ada.hears('joined bob 1')
  await bob.client.close()
  await ada.hears('left bob')
  t.equal((await fields(admin)).length, 2)
})

t.test('a user of Redis that may not announce members may not store any, and its node serves its own', parallel(), async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  const broker = await user(t, engine, '&typed-ws:[?]*')
  const one = await start(t, broker)
  await ready(one)
  await one.enter('ada')
  await until(() => one.app.channel(rooms).size(TOPIC) === 1)
  await t.rejects(broker.members!.put(NAME, new Map([['n:0:a', '']]), 1000), { code: 'UNAVAILABLE' })
  t.same(await fields(admin), [''], 'the position alone')
})
