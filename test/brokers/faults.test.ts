// Faults of an engine, or of the network before it, while several nodes use it.
import { createClient } from 'redis'
import t from 'tap'
import { redis } from '../../lib/brokers/redis.js'
import { natsBroker, natsClient, redisBroker, redisClient } from '../support/brokers.js'
import { hear } from '../support/diagnostics.js'
import { missing, startNats, startRedis, type Engine } from '../support/engine.js'
import { until, type Teardown } from '../support/helper.js'
import { rooms, startNode, type Node } from '../support/nodes.js'
import { startProxy, type Proxy } from '../support/proxy.js'
import { nats } from '../../lib/brokers/nats.js'
import { startNode as startBroker } from './suite.js'

const [noRedis, noNats] = [await missing('redis-server'), await missing('nats-server')]
const engines = [
  { name: 'Redis', skip: noRedis, start: startRedis, broker: redisBroker },
  { name: 'NATS', skip: noNats, start: startNats, broker: natsBroker }
]

/** The channels of topics that Redis has a subscriber for. */
async function channels (t: Teardown, engine: Engine): Promise<string[]> {
  return await redisClient(t, engine).pubsub('CHANNELS', 'typed-ws:rooms.v1/*') as string[]
}

t.test('Redis: a node that reads too slowly is cut off, which is a gap, and hears again', { skip: noRedis }, async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  await admin.config('SET', 'client-output-buffer-limit', 'pubsub 65536 0 0')
  const proxy = await startProxy(t, engine)
  const [fast, slow] = [await startNode(t, await redisBroker(t, engine)), await startNode(t, await redisBroker(t, proxy))]
  const gaps = hear(t, 'fastify-typed-ws.topic.gap')
  await slow.socket.subscribe('a')
  proxy.pause()
  // As many as it takes, because the sockets between them hold some; a node ignores the text.
  const big = `unknown ${'x'.repeat(1_000_000)}`
  const ids = async (): Promise<string[]> => {
    const list = await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub') as string
    return Array.from(list.matchAll(/\bid=\d+/g), String)
  }
  const before = await ids()
  while ((await ids()).filter((id) => before.includes(id)).length === before.length) await admin.publish('typed-ws:rooms.v1/a', big)
  proxy.resume()
  await until(() => gaps.length > 0 && slow.app.channel(rooms).broker.state === 'ready')
  await fast.app.channel(rooms).publish('a', 'said', { text: 'again' })
  t.same(await slow.client.next(), { type: 'said', text: 'again' })
  t.match(gaps, [{ topic: 'a', contract: { name: 'rooms.v1' } }])
  t.equal(gaps.length, 1)
  t.equal(slow.app.channel(rooms).stats.gaps, 1)
  await slow.client.close()
  await until(() => slow.app.channel(rooms).stats.topics === 0)
  await slow.app.close()
  await until(async () => (await channels(t, engine)).length === 0)
  await until(() => proxy.connections <= 1)
})

t.test('Redis: 10,000 topics come and go, none is deaf and none is left', { skip: noRedis }, async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  const node = await startNode(t, await redisBroker(t, engine), { maxTopics: 10_000 })
  const other = await startNode(t, await redisBroker(t, engine))
  const topics = Array.from({ length: 10_000 }, (_, n) => `t${n}`)
  for (let round = 0; round < 5; round++) {
    const joined = topics.filter((_, n) => n % 5 !== round)
    await Promise.all(joined.map((topic) => node.socket.subscribe(topic)))
    for (const topic of joined) if (Number(topic.slice(1)) % 3 === 0) node.socket.unsubscribe(topic)
  }
  await Promise.all(topics.map((topic) => node.socket.subscribe(topic)))
  const heard = await admin.pubsub('NUMSUB', ...topics.map((topic) => `typed-ws:rooms.v1/${topic}`)) as Array<string | number>
  t.equal(heard.filter((count) => count === 1).length, topics.length)
  for (let start = 0; start < topics.length; start += 500) {
    const some = topics.slice(start, start + 500)
    await Promise.all(some.map((topic) => other.app.channel(rooms).publish(topic, 'said', { text: topic })))
    const texts: string[] = []
    for (let n = 0; n < some.length; n++) texts.push(String((await node.client.next())['text']))
    t.same(texts.toSorted(), some.toSorted())
  }
  t.equal(node.app.channel(rooms).stats.topics, topics.length)
  for (const topic of topics) node.socket.unsubscribe(topic)
  t.equal(node.app.channel(rooms).stats.topics, 0)
  await until(async () => (await channels(t, engine)).length === 0)
  t.equal(node.client.unread, 0)
})

for (const { name, skip, start, broker } of engines) {
  t.test(`${name}: restarts under load of three nodes: no message twice, in order, one gap each`, { skip }, async (t) => {
    const engine = await start(t)
    const nodes: Node[] = []
    for (let n = 0; n < 3; n++) nodes.push(await startNode(t, await broker(t, engine)))
    await Promise.all(nodes.map(({ socket }) => socket.subscribe('a')))
    const [publishers, readers] = [nodes.map((_, n) => new Publisher(nodes, n)), nodes.map((_, n) => new Reader(nodes, n))]
    await until(() => publishers.every(({ count }) => count > 20))
    await engine.kill()
    await until(() => nodes.every(({ app }) => app.channel(rooms).broker.state === 'away'))
    await engine.start()
    await until(() => nodes.every(({ app }) => app.channel(rooms).broker.state === 'ready'))
    await Promise.all(publishers.map((publisher) => publisher.end()))
    for (const { heard } of await Promise.all(readers.map(async (reader) => reader.ended))) {
      for (const numbers of heard) t.same(numbers, [...new Set(numbers)].sort((a, b) => a - b), 'each once, in order')
    }
    t.same(nodes.map(({ app }) => app.channel(rooms).stats.gaps), [1, 1, 1])
  })

  t.test(`${name}: hangs while an app starts, a connection opens and the app closes`, { skip }, async (t) => {
    const engine = await start(t)
    const client = await broker(t, engine)
    engine.hang()
    t.teardown(() => engine.goOn())
    const node = await startNode(t, client, {}, false)
    t.equal(node.app.channel(rooms).broker.state, 'away')
    t.equal(await node.socket.subscribe('a'), false)
    await t.rejects(node.app.channel(rooms).publish('a', 'said', { text: 'here' }), { code: 'FST_TYPED_WS_BROKER_UNAVAILABLE' })
    t.same(await node.client.next(), { type: 'said', text: 'here' })
    await node.app.close()
    t.match(await node.client.closed(), { code: 1012 })
  })

  t.test(`${name}: hangs with a message on its way while the app closes`, { skip }, async (t) => {
    const engine = await start(t)
    const node = await startNode(t, await broker(t, engine))
    engine.hang()
    t.teardown(() => engine.goOn())
    const published = t.rejects(node.app.channel(rooms).publish('a', 'said', { text: 'perhaps' }))
    await node.app.close()
    await published
  })

  t.test(`${name}: of three nodes one hangs, and each command says that it is silent`, { skip }, async (t) => {
    const engine = await start(t)
    const [one, two] = [await startNode(t, await broker(t, engine)), await startNode(t, await broker(t, engine))]
    const hung = await startBroker(t, await broker(t, engine))
    await Promise.all([one, two].map(({ socket }) => socket.subscribe('a')))
    await Promise.all([two.socket.subscribe('b'), hung.broker.subscribe('rooms.v1/a')])
    const channel = one.app.channel(rooms)
    await until(async () => (await channel.count('a')).silent === 1)
    t.same(await channel.unsubscribe({ topic: 'a' }, 'b'), { unsubscribed: 1, nodes: 2, silent: 1 })
    t.same(await channel.disconnect({ topic: 'a' }, 4503, 'banned'), { closed: 2, nodes: 2, silent: 1 })
  })
}

const clients = {
  ioredis: redisBroker,
  'node-redis': async (_t: Teardown, { port }: { port: number }) => redis(createClient({ url: `redis://127.0.0.1:${port}` }))
}

for (const [name, broker] of Object.entries(clients)) {
  t.test(`Redis by ${name}: a connection that looks healthy and hears nothing is replaced`, { skip: noRedis }, async (t) => {
    const engine = await startRedis(t)
    const proxy: Proxy = await startProxy(t, engine)
    const [one, deaf] = [await startNode(t, await redisBroker(t, engine)), await startNode(t, await broker(t, proxy))]
    const states = hear(t, 'fastify-typed-ws.broker')
    await deaf.socket.subscribe('a')
    proxy.swallow()
    await until(() => states.length === 2)
    t.match(states, [{ state: 'away', reason: { code: 'TIMEOUT', message: /probe/ } }, { state: 'ready' }])
    await one.app.channel(rooms).publish('a', 'said', { text: 'heard' })
    t.same(await deaf.client.next(), { type: 'said', text: 'heard' })
    t.equal(deaf.app.channel(rooms).stats.gaps, 1)
  })
}

t.test('the connection that NATS is reached by keeps its subscriptions and stays open', { skip: noNats }, async (t) => {
  const connection = await natsClient(t, await startNats(t))
  const heard: string[] = []
  connection.subscribe('mine.*', { callback: (_error, message) => { heard.push(message.string()) } })
  const node = await startNode(t, nats(connection))
  await node.socket.subscribe('a')
  await node.app.close()
  t.equal(connection.isClosed(), false)
  connection.publish('mine.a', 'x')
  await connection.flush()
  await until(() => heard.length === 1)
  t.same(heard, ['x'])
})

/** Publishes one number after the other to a topic, refused or not. */
class Publisher {
  count = 0
  #isEnding = false
  readonly #name: number
  readonly #channel
  readonly #ended: Promise<void>

  constructor (nodes: readonly Node[], name: number) {
    this.#name = name
    this.#channel = nodes[name]!.app.channel(rooms)
    this.#ended = this.#run()
  }

  /** The last number is one that everybody hears. */
  async end (): Promise<void> {
    this.#isEnding = true
    await this.#ended
    await this.#channel.publish('a', 'said', { text: `${this.#name} end` })
  }

  async #run (): Promise<void> {
    while (!this.#isEnding) {
      await this.#channel.publish('a', 'said', { text: `${this.#name} ${this.count++}` }).catch(() => {})
      await new Promise((resolve) => { setImmediate(resolve) })
    }
  }
}

/** The numbers that a client has heard, of each publisher. */
class Reader {
  readonly heard: number[][]
  readonly ended: Promise<this>

  constructor (nodes: readonly Node[], name: number) {
    this.heard = nodes.map(() => [])
    this.ended = this.#run(nodes[name]!)
  }

  async #run ({ client }: Node): Promise<this> {
    for (let ends = 0; ends < this.heard.length;) {
      const [publisher, number] = String((await client.next())['text']).split(' ') as [string, string]
      if (number === 'end') ends++
      else this.heard[Number(publisher)]!.push(Number(number))
    }
    return this
  }
}
