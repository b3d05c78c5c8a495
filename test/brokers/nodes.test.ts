// A service on several nodes, and the engine between them is real.
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { redis } from '../../lib/brokers/redis.js'
import { memory, shards, type Broker } from '../../lib/index.js'
import { natsBroker, redisBroker, redisClient } from '../support/brokers.js'
import { hear } from '../support/diagnostics.js'
import { missing, startNats, startRedis, type Engine } from '../support/engine.js'
import { connect, createApp, until, type Teardown } from '../support/helper.js'
import { rooms, startNode as start, type Node } from '../support/nodes.js'
import { startNode as startBroker } from './suite.js'

const [noRedis, noNats] = [await missing('redis-server'), await missing('nats-server')]
const engines = [
  { name: 'Redis', skip: noRedis, start: startRedis, broker: redisBroker },
  { name: 'NATS', skip: noNats, start: startNats, broker: natsBroker }
]

for (const { name, skip, start: startEngine, broker } of engines) {
  const nodes = async (t: Teardown, engine: Engine, count: number): Promise<Node[]> =>
    Promise.all(Array.from({ length: count }, async () => start(t, await broker(t, engine))))

  t.test(`${name}: an event reaches every member on every node once, and not its sender`, { skip }, async (t) => {
    const [one, two, three] = await nodes(t, await startEngine(t), 3) as [Node, Node, Node]
    const other = await connect(t, one.url)
    for (const client of [one.client, other, two.client, three.client]) {
      client.send({ type: 'join', ref: 1, room: 'a' })
      t.same(await client.next(), { type: '$reply', ref: 1, data: true })
    }
    for (let n = 0; n < 100; n++) one.client.send({ type: 'say', room: 'a', text: String(n) })
    for (const client of [other, two.client, three.client]) {
      for (let n = 0; n < 100; n++) t.same(await client.next(), { type: 'said', text: String(n) })
    }
    await one.app.channel(rooms).publish('a', 'said', { text: 'to all but one' }, { except: one.socket })
    for (const client of [other, two.client, three.client]) t.same(await client.next(), { type: 'said', text: 'to all but one' })
    await one.app.channel(rooms).publish('a', 'said', { text: 'to all' })
    for (const client of [one.client, other, two.client, three.client]) {
      t.same(await client.next(), { type: 'said', text: 'to all' })
      t.equal(client.unread, 0)
    }
  })

  t.test(`${name}: members are counted, closed and taken out on every node, by the name of a topic`, { skip }, async (t) => {
    const [one, two, three] = await nodes(t, await startEngine(t), 3) as [Node, Node, Node]
    await Promise.all([one, two].flatMap(({ socket }) => [socket.subscribe('user:7'), socket.subscribe('room')]))
    await three.socket.subscribe('room')
    const channel = one.app.channel(rooms)
    await until(async () => (await channel.count('room')).connections === 3)
    t.same(await channel.count('room'), { connections: 3, nodes: 3, silent: 0 })
    await until(async () => (await three.app.channel(rooms).count('room')).connections === 3)
    t.same(await three.app.channel(rooms).count('user:7'), { connections: 2, nodes: 2, silent: 0 }, 'also by a node without members')
    t.same(await channel.unsubscribe({ topic: 'user:7' }, 'room'), { unsubscribed: 2, nodes: 2, silent: 0 })
    t.same([one, two, three].map(({ socket }) => socket.topics.has('room')), [false, false, true])
    t.same(await channel.disconnect({ topic: 'user:7' }, 4503, Buffer.from('banned')), { closed: 2, nodes: 2, silent: 0 })
    for (const { client } of [one, two]) t.same(await client.closed(), { code: 4503, reason: 'banned' })
    t.equal(three.client.ws.readyState, three.client.ws.OPEN)
    await until(async () => (await channel.count('user:7')).connections === 0)
    t.same(await channel.count('user:7'), { connections: 0, nodes: 0, silent: 0 })
  })

  t.test(`${name}: topics survive an engine that goes and comes back`, { skip }, async (t) => {
    const engine = await startEngine(t)
    const [one, two] = await nodes(t, engine, 2) as [Node, Node]
    const [states, gaps] = [hear(t, 'fastify-typed-ws.broker'), hear(t, 'fastify-typed-ws.topic.gap')]
    const failures = hear(t, 'fastify-typed-ws.publish.failed')
    await Promise.all([one.socket.subscribe('a'), two.socket.subscribe('a')])
    await engine.kill()
    await until(() => [one, two].every(({ app }) => app.channel(rooms).broker.state === 'away'))

    const channel = one.app.channel(rooms)
    const unavailable = { code: 'FST_TYPED_WS_BROKER_UNAVAILABLE', statusCode: 503, cause: Error }
    await t.rejects(channel.publish('a', 'said', { text: 'here only' }), unavailable)
    t.same(await one.client.next(), { type: 'said', text: 'here only' }, 'members here have it at once')
    two.client.send({ type: 'say', room: 'a', text: 'of a socket' })
    void channel.publish('a', 'said', { text: 'ignored' })
    t.same(await one.client.next(), { type: 'said', text: 'ignored' })
    t.equal(await one.socket.subscribe('late'), false)
    await t.rejects(channel.count('a'), { code: 'FST_TYPED_WS_BROKER_UNAVAILABLE' })
    await until(() => failures.length === 3)
    t.match(failures[0], { contract: { name: 'rooms.v1' }, topic: 'a', error: { code: 'FST_TYPED_WS_BROKER_UNAVAILABLE' } })
    t.match([channel.stats.publishFailed, two.app.channel(rooms).stats.publishFailed], [2, 1])

    await engine.start()
    await until(() => [one, two].every(({ app }) => app.channel(rooms).broker.state === 'ready'))
    await two.app.channel(rooms).publish('a', 'said', { text: 'again' })
    for (const { client } of [one, two]) t.same(await client.next(), { type: 'said', text: 'again' }, 'nothing of the outage came late')
    await two.app.channel(rooms).publish('late', 'said', { text: 'found' })
    t.same(await one.client.next(), { type: 'said', text: 'found' })
    const gap = ['rooms.v1', 'a']
    const told = gaps.map(({ topic, contract }) => [contract.name, topic])
    t.same(told, [gap, gap], 'one for each node; a topic that was never heard has none')
    for (const { from, to } of gaps) t.ok(from <= to)
    t.equal(channel.stats.gaps, 1)
    t.same(states.map(({ state }) => state).sort(), ['away', 'away', 'ready', 'ready'])
    t.ok(states.every((state) => state.name === name.toLowerCase()))
    t.equal(one.log.find('websocket topics reach this node only: the broker is away').length, 1, 'one line for each change')
    t.equal(one.log.find('websocket topics reach other nodes').length, 2)
    t.equal(one.log.find('websocket promise rejected, and nothing awaits it').filter(({ level }) => Number(level) > 20).length, 0)
  })

  t.test(`${name}: an engine that hangs blocks neither members on the node nor a close`, { skip }, async (t) => {
    const engine = await startEngine(t)
    const [one, two] = await nodes(t, engine, 2) as [Node, Node]
    await Promise.all([one.socket.subscribe('a'), two.socket.subscribe('a')])
    engine.hang()
    t.teardown(() => engine.goOn())
    const published = one.app.channel(rooms).publish('a', 'said', { text: 'perhaps' })
    await t.rejects(published, { code: /FST_TYPED_WS_BROKER_(?:TIMEOUT|UNAVAILABLE)/ })
    t.same(await one.client.next(), { type: 'said', text: 'perhaps' })
    one.client.send({ type: 'join', ref: 1, room: 'new' })
    t.same(await one.client.next(), { type: '$reply', ref: 1, data: false }, 'it is heard later')
    await one.app.close()
    t.match(await one.client.closed(), { code: 1012 })
  })

  t.test(`${name}: a node that hangs is silent, and the others are counted`, { skip }, async (t) => {
    const engine = await startEngine(t)
    const [one, two] = await nodes(t, engine, 2) as [Node, Node]
    await Promise.all([one.socket.subscribe('a'), two.socket.subscribe('a')])
    const other = await startBroker(t, await broker(t, engine))
    await other.broker.subscribe('rooms.v1/a')
    await until(async () => (await one.app.channel(rooms).count('a')).silent === 1)
    t.same(await one.app.channel(rooms).count('a'), { connections: 2, nodes: 2, silent: 1 })
  })
}

t.test('a topic that was left is kept for a while, and unsubscribed once', { skip: noRedis }, async (t) => {
  const engine = await startRedis(t)
  const client = redisClient(t, engine)
  const node = await start(t, redis(client))
  const subscribed = async (): Promise<number> => (await client.pubsub('NUMSUB', 'typed-ws:rooms.v1/a'))[1] as number
  await node.socket.subscribe('a')
  t.equal(await subscribed(), 1)
  node.socket.unsubscribe('a')
  await node.socket.subscribe('a')
  node.socket.unsubscribe('a')
  t.equal(await subscribed(), 1, 'a page that reloads finds it')
  while (await subscribed() > 0) await pause(100)
  t.equal(node.app.channel(rooms).stats.topics, 0)
  await node.socket.subscribe('a')
  t.equal(await subscribed(), 1)
})

t.test('10,000 topics of one turn are subscribed with few commands', { skip: noRedis }, async (t) => {
  const engine = await startRedis(t)
  const client = redisClient(t, engine)
  const node = await start(t, redis(client), { maxTopics: 10_000 })
  await Promise.all(Array.from({ length: 10_000 }, (_, n) => node.socket.subscribe(`t${n}`)))
  const [, calls] = /cmdstat_subscribe:calls=(\d+)/.exec(await client.info('commandstats'))!
  t.equal(Number(calls), 20 + 1, 'at most 512 in each, and the probe')
})

t.test('a Redis client of the app is neither changed nor closed by the broker', { skip: noRedis }, async (t) => {
  const engine = await startRedis(t)
  const client = redisClient(t, engine)
  await client.ping()
  const before = [client.eventNames().map((event) => [event, client.listenerCount(event)]), { ...client.options }, client.mode]
  const node = await start(t, redis(client, { prefix: 'mine:' }))
  await node.socket.subscribe('a')
  t.equal((await client.pubsub('NUMSUB', 'mine:rooms.v1/a'))[1], 1)
  await node.app.close()
  t.same([client.eventNames().map((event) => [event, client.listenerCount(event)]), { ...client.options }, client.mode], before)
  t.equal(await client.ping(), 'PONG', 'it is open')
})

t.test('an engine that is away holds neither boot nor a connection', { skip: noRedis }, async (t) => {
  const engine = await startRedis(t)
  const client = redisClient(t, engine)
  await engine.kill()
  const node = await start(t, redis(client), {}, false)
  node.client.send({ type: 'join', ref: 1, room: 'a' })
  t.same(await node.client.next(), { type: '$reply', ref: 1, data: false })
  await until(() => node.log.find('websocket topics reach this node only: the broker is away').length === 1)
  await engine.start()
  await until(() => node.app.channel(rooms).broker.state === 'ready')
  t.equal(await node.socket.subscribe('a'), true)
  t.equal(node.app.channel(rooms).stats.gaps, 0, 'nothing was heard before')
})

t.test('a text of another version between nodes is ignored and counted', { skip: noRedis }, async (t) => {
  const engine = await startRedis(t)
  const client = redisClient(t, engine)
  const node = await start(t, redis(client))
  await node.socket.subscribe('a')
  const texts = ['2Ex said\n{"type":"said","text":"newer"}', '1Zx said\n{}', '', 'nonsense', '1Ex\nsaid {}']
  for (const text of texts) await client.publish('typed-ws:rooms.v1/a', text)
  await client.publish('typed-ws:rooms.v1/a', '1Eother "said"\n{"type":"said","text":"known"}')
  t.same(await node.client.next(), { type: 'said', text: 'known' })
  t.equal(node.app.channel(rooms).broker.ignored, texts.length)
  for (const text of ['1Ax 99\n[1,1]', '1Qx 1\n{"do":"count"}']) await client.publish('typed-ws:rooms.v1/unknown', text)
})

t.test('shards spread topics over engines, each with its own state', { skip: noRedis }, async (t) => {
  const servers = [await startRedis(t), await startRedis(t)] as const
  const broker = (): Broker => shards(servers.map((server) => redis(redisClient(t, server))))
  const [one, two] = [await start(t, broker()), await start(t, broker())]
  const topics = Array.from({ length: 20 }, (_, n) => `t${n}`)
  await Promise.all(topics.flatMap((topic) => [one.socket.subscribe(topic), two.socket.subscribe(topic)]))
  for (const topic of topics) await one.app.channel(rooms).publish(topic, 'said', { text: topic })
  const heard: string[] = []
  for (let n = 0; n < topics.length; n++) heard.push(String((await two.client.next())['text']))
  t.same(new Set(heard), new Set(topics))
  t.match(one.app.channel(rooms).broker, { name: 'shards of redis', state: 'ready' })
  t.same(await one.app.channel(rooms).count('t1'), { connections: 2, nodes: 2, silent: 0 })

  await servers[0].kill()
  await until(() => one.app.channel(rooms).broker.state === 'away')
  const outcomes = await Promise.allSettled(topics.map((topic) => one.app.channel(rooms).publish(topic, 'said', { text: 'half' })))
  const failed = outcomes.filter(({ status }) => status === 'rejected').length
  t.ok(failed > 0 && failed < topics.length, 'the other engine carries on')
  two.socket.unsubscribe('t1')
  await servers[0].start()
  await until(() => one.app.channel(rooms).broker.state === 'ready')
  t.equal(one.app.channel(rooms).stats.gaps, failed)
})

t.test('an app of one process needs no broker', async (t) => {
  const node = await start(t, memory())
  t.equal(await node.socket.subscribe('a'), true)
  await node.app.channel(rooms).publish('a', 'said', { text: 'x' })
  t.same(await node.client.next(), { type: 'said', text: 'x' })
  t.match(node.app.channel(rooms).broker, { name: 'memory', state: 'ready', ignored: 0 })
  t.same(await node.app.channel(rooms).count('a'), { connections: 1, nodes: 1, silent: 0 })
  t.same(await node.app.channel(rooms).disconnect({ topic: 'a' }), { closed: 1, nodes: 1, silent: 0 })
  t.same(await node.client.closed(), { code: 4503, reason: '' })
  await until(() => node.app.channel(rooms).size() === 0)
  t.same(await node.app.channel(rooms).count('a'), { connections: 0, nodes: 0, silent: 0 })
  t.equal(await node.socket.subscribe('a'), false, 'the connection has ended')
})

t.test('a mistake with a broker or a topic is an error where it is made', async (t) => {
  const wrong = createApp(t, { broker: { name: 'half' } as never })
  await t.rejects(wrong, { code: 'FST_TYPED_WS_INVALID_OPTION', message: /broker.*redis\(app\.redis\)/ })
  t.throws(() => shards([]), { name: 'TypeError', message: /list of brokers/ })
  const { app } = await start(t, memory())
  const channel = app.channel(rooms)
  await t.rejects(channel.count(''), { code: 'FST_TYPED_WS_INVALID_TOPIC_NAME' })
  await t.rejects(channel.count('\ud800'), { code: 'FST_TYPED_WS_INVALID_TOPIC_NAME' }, 'a lone surrogate has no UTF-8')
  await t.rejects(channel.unsubscribe({ topic: 'a' }, ''), { code: 'FST_TYPED_WS_INVALID_TOPIC_NAME' })
  for (const except of [{}, null, 'a']) {
    await t.rejects(channel.publish('a', 'said', { text: 'x' }, { except } as never), { code: 'FST_TYPED_WS_NOT_A_SOCKET' })
  }
  await t.rejects(channel.disconnect({ topic: 'a' }, 1), { code: 'FST_TYPED_WS_INVALID_CLOSE' })
  void channel.count('')
})
