// Recoverable topics of a service on several nodes, with a real nats-server between them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { nats } from '../../lib/brokers/nats.js'
import { shards, type PluginOptions } from '../../lib/index.js'
import { natsBroker, natsClient } from '../support/brokers.js'
import { missing, startJetStream, startNats, type JetStreamEngine } from '../support/engine.js'
import { listen, until, type Teardown } from '../support/helper.js'
import { chat, createNode, isReady, placeOf, start as startNode, texts, TOPIC, type Node } from '../support/recovery.js'
import { loseHistory, reconnectElsewhere } from './recovery-scenarios.js'

const skip = await missing('nats-server')

async function start (t: Teardown, engine: JetStreamEngine, options?: PluginOptions): Promise<Node> {
  return startNode(t, await natsBroker(t, engine), options)
}

// Together less than one client is given at once.
const EACH = 100

/** Publishes events with ids, one after the other, each until it is stored. */
class Publisher {
  count = 0
  readonly ended: Promise<void>

  constructor (node: Node, name: number) {
    this.ended = this.#run(node, name)
  }

  async #run ({ app }: Node, name: number): Promise<void> {
    while (this.count < EACH) {
      const text = `${name} ${this.count}`
      await until(() => app.channel(chat).publish(TOPIC, 'message', { text }, { id: text }).then(() => true, () => false))
      this.count++
    }
  }
}

t.test('NATS: a client that reconnects to another node is given what it missed, in order and once', { skip }, async (t) => {
  const engine = await startJetStream(t)
  const [one, two] = [await start(t, engine), await start(t, engine)]
  const { begin, place } = await reconnectElsewhere(t, [one, two])
  const fresh = await start(t, engine)
  t.match(await (await fresh.ask(placeOf(begin))).take(2), [{ recovered: true, missed: 4 }, { text: 'a' }])
  t.match(await (await fresh.ask([place[0], place[1] - 1000])).next(), { recovered: false, reason: 'expired' }, 'a forged position')
  t.match(await (await fresh.ask(['forged', place[1]])).next(), { recovered: false, reason: 'lost' })
})

t.test('NATS: a sender is left out, and an event with the id of another one is heard once', { skip }, async (t) => {
  const engine = await startJetStream(t)
  const [one, two] = [await start(t, engine), await start(t, engine)]
  const [sender, member] = [await one.ask(undefined, 'the-sender'), await two.ask(undefined, 'another-one')]
  const begin = await sender.next()
  await member.next()
  sender.send({ type: 'say', text: 'own' })
  t.same(await texts(member, 1), ['own'])
  for (const { app } of [one, two]) await app.channel(chat).publish(TOPIC, 'message', { text: 'paid' }, { id: 'order 7' })
  await two.say('other')
  t.same(await texts(sender, 2), ['paid', 'other'])
  t.same(await texts(member, 2), ['paid', 'other'])
  await sender.close()
  const back = await two.ask(placeOf(begin), 'the-sender')
  t.match(await back.take(3), [{ recovered: true, missed: 2 }, { text: 'paid' }, { text: 'other' }])
})

t.test('NATS: a client that missed as much as is stored is recovered, and one that missed more is told', { skip }, async (t) => {
  const engine = await startJetStream(t)
  const options = { history: { maxMessages: 20, maxAgeMs: 600_000 } }
  const [one, two] = [await start(t, engine, options), await start(t, engine, options)]
  const client = await one.ask()
  const begin = await client.next()
  await client.close()
  const numbers = Array.from({ length: 30 }, (_, n) => String(n))
  await one.say(...numbers.slice(0, 19))
  t.match(await (await two.ask(placeOf(begin))).next(), { recovered: true, missed: 19 })
  await one.say(...numbers.slice(19))
  const fresh = await start(t, engine, options)
  t.match(await (await fresh.ask(placeOf(begin))).next(), { recovered: false, reason: 'expired' })
})

t.test('NATS: killed and started again under load, no event is lost or doubled for members and those who return', { skip }, async (t) => {
  const engine = await startJetStream(t)
  const nodes = [await start(t, engine), await start(t, engine)] as const
  const member = await nodes[0].ask(undefined, 'the-member')
  const leaver = await nodes[1].ask(undefined, 'the-leaver')
  await member.next()
  const begin = await leaver.next()
  await leaver.close()
  const publishers = nodes.map((node, n) => new Publisher(node, n))
  for (const count of [20, 60]) {
    await until(() => publishers.every((publisher) => publisher.count >= count))
    await engine.kill()
    await until(() => !nodes.some(isReady))
    await engine.start()
    await until(() => nodes.every(isReady))
  }
  await Promise.all(publishers.map(({ ended }) => ended))
  const heard = await texts(member, 2 * EACH) as string[]
  for (const name of [0, 1]) {
    t.same(heard.filter((text) => text.startsWith(`${name} `)), Array.from({ length: EACH }, (_, n) => `${name} ${n}`))
  }
  const back = await nodes[0].ask(placeOf(begin), 'the-leaver')
  t.match(await back.next(), { recovered: true, missed: 2 * EACH })
  t.same(await texts(back, 2 * EACH), heard, 'in the same order')
})

t.test('NATS: streams that were deleted are a lost history: members and those who return are told', { skip }, async (t) => {
  const engine = await startJetStream(t)
  const [one, two] = [await start(t, engine), await start(t, engine)]
  await loseHistory(t, [one, two], engine)
})

t.test('NATS: a stream that was purged is a lost history as well', { skip }, async (t) => {
  const engine = await startJetStream(t)
  const one = await start(t, engine)
  const member = await one.ask()
  await member.next()
  await one.say('a')
  await member.next()
  const { streams: [name] } = await engine.ask('STREAM.NAMES') as { streams: [string] }
  await engine.ask(`STREAM.PURGE.${name}`)
  await one.say('b')
  t.match(await member.next(), { type: '$topic', recovered: false, reason: 'lost' })
  await one.say('c')
  t.match(await member.next(), { text: 'c' })
})

t.test('NATS: a JetStream that comes back from an older snapshot says so to all who saw what is lost', { skip }, async (t) => {
  const engine = await startJetStream(t)
  const [one, two] = [await start(t, engine), await start(t, engine)]
  const member = await one.ask()
  const begin = await member.next()
  await engine.save()
  await two.say('lost')
  const lost = placeOf(begin, await member.next())
  await engine.kill()
  await until(() => !isReady(one) && !isReady(two))
  await engine.start()
  await until(() => isReady(one) && isReady(two))
  t.match(await member.next(), { type: '$topic', recovered: false, reason: 'lost' }, 'before anything is published')
  await two.say('after')
  t.same(await texts(member, 1), ['after'])
  t.match(await (await start(t, engine).then((fresh) => fresh.ask(lost))).next(), { recovered: false, reason: 'lost' })
})

t.test('NATS without JetStream refuses recoverable topics when the app gets ready', { skip }, async (t) => {
  const engine = await startNats(t)
  const app = await createNode(t, await natsBroker(t, engine))
  await t.rejects(listen(app), { code: 'FST_TYPED_WS_BROKER_UNUSABLE', message: /'chat\.v1\/room'.*JetStream is not enabled.*-js/ })
  const sharded = await createNode(t, shards([await natsBroker(t, engine)]))
  await t.rejects(listen(sharded), { code: 'FST_TYPED_WS_BROKER_UNUSABLE' })
})

t.test('NATS whose stream for recoverable topics is another one refuses them when the app gets ready', { skip }, async (t) => {
  const engine = await startJetStream(t)
  await engine.ask('STREAM.CREATE.mine', { name: 'mine', subjects: ['typed-ws.>'], storage: 'memory' })
  const app = await createNode(t, await natsBroker(t, engine))
  await t.rejects(listen(app), { code: 'FST_TYPED_WS_BROKER_UNUSABLE', message: /'mine'.*another prefix/ })
  const other = await createNode(t, nats(await natsClient(t, engine), { prefix: 'other.app' }))
  await listen(other)
  const { streams } = await engine.ask('STREAM.NAMES') as { streams: string[] }
  t.match(streams.sort(), ['mine', /^other_app-chat_v1_room-[0-9a-z]{18}$/])
})

t.test('a user of NATS with the permissions of the docs alone publishes, reads and forgets', { skip }, async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/recovery.md'), 'utf8')
  const api = [...page.matchAll(/^\$JS\.API\.\S+/gm)].map(([subject]) => `"${subject}"`)
  t.ok(api.length > 3)
  const permissions = `{ publish: ["typed-ws.>", ${api.join(', ')}], subscribe: ["typed-ws.>"] }`
  const engine = await startJetStream(t, `authorization { users: [{ user: topics, password: secret, permissions: ${permissions} }] }`)
  const user = { user: 'topics', pass: 'secret' }
  const one = await startNode(t, nats(await natsClient(t, engine, user)), { history: { maxMessages: 40, maxAgeMs: 600_000 } })
  const member = await one.ask()
  const begin = await member.next()
  const numbers = Array.from({ length: 20 }, (_, n) => String(n))
  for (const id of numbers) await one.app.channel(chat).publish(TOPIC, 'message', { text: id }, { id })
  t.same(await texts(member, 20), numbers)
  const fresh = await startNode(t, nats(await natsClient(t, engine, user)))
  await fresh.app.channel(chat).position(TOPIC)
  t.match(await (await fresh.ask(placeOf(begin))).next(), { recovered: true, missed: 20 })
  await engine.kill()
  await until(() => !isReady(one))
  await engine.start()
  await until(() => isReady(one))
  await until(() => one.say('after').then(() => true, () => false))
  t.same(await texts(member, 1), ['after'])
})

t.test('NATS that is away does not keep an app from its start', { skip }, async (t) => {
  const engine = await startJetStream(t)
  const broker = await natsBroker(t, engine)
  engine.hang()
  const app = await createNode(t, broker)
  await listen(app)
  engine.goOn()
  await until(() => isReady({ app }))
  await until(() => app.channel(chat).publish(TOPIC, 'message', { text: 'stored' }).then(() => true, () => false))
  t.match(await app.channel(chat).position(TOPIC), /^[0-9a-z]{18}\.\d+$/)
})
