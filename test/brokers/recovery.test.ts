// Recoverable topics of a service on several nodes, with a real Redis between them.
import { Cluster } from 'ioredis'
import t from 'tap'
import { WebSocket } from 'ws'
import { redis } from '../../lib/brokers/redis.js'
import { createClient } from '../../lib/client/index.js'
import { recovery } from '../../lib/client/recovery.js'
import type { Broker, BrokerHost } from '../../lib/index.js'
import { nodeRedisBroker, redisBroker, redisClient } from '../support/brokers.js'
import { hear } from '../support/diagnostics.js'
import { missing, startRedis, startRedisCluster } from '../support/engine.js'
import { listen, until } from '../support/helper.js'
import { chat, createNode, isReady, placeOf, start, texts, TOPIC, type Node } from '../support/recovery.js'
import { loseHistory, reconnectElsewhere } from './recovery-scenarios.js'

const skip = await missing('redis-server')

/** A broker whose node loses announcements on request, and counts what it reads. */
class Lossy {
  readonly broker: Broker
  isDeaf = false
  reads = 0

  constructor (broker: Broker) {
    const { start, history } = broker
    this.broker = Object.assign(broker, {
      start: (host: BrokerHost) => start.call(broker, {
        node: host.node,
        heard: host.heard.bind(host),
        heardStored: (topic, stored) => { if (!this.isDeaf) host.heardStored(topic, stored) },
        heardMembers: host.heardMembers.bind(host),
        interrupted: host.interrupted.bind(host),
        resumed: host.resumed.bind(host),
        changed: host.changed.bind(host)
      }),
      history: {
        append: history!.append.bind(history),
        read: async (...args: Parameters<NonNullable<typeof history>['read']>) => {
          this.reads++
          return history!.read(...args)
        }
      }
    } satisfies Partial<Broker>)
  }
}

const brokers = { ioredis: redisBroker, 'node-redis': nodeRedisBroker }

for (const [name, broker] of Object.entries(brokers)) {
  t.test(`Redis by ${name}: a client that reconnects to another node is given what it missed, in order and once`, { skip }, async (t) => {
    const engine = await startRedis(t)
    const [one, two] = [await start(t, await broker(t, engine)), await start(t, await broker(t, engine))]
    const { begin } = await reconnectElsewhere(t, [one, two])
    // An event is stored before all nodes have heard it: this one has, when it hears another.
    const member = await one.ask()
    await one.say('e')
    await until(async () => (await member.next())['text'] === 'e')
    t.match(await (await one.ask(placeOf(begin))).take(2), [{ recovered: true, missed: 5 }, { text: 'a' }])
  })
}

t.test('Redis Cluster: a client that reconnects to another node is given what it missed', { skip }, async (t) => {
  const { engines } = await startRedisCluster(t)
  const nodes: Node[] = []
  while (nodes.length < 2) {
    const client = new Cluster(engines.map(({ port }) => ({ port, host: '127.0.0.1' }))).on('error', () => {})
    t.teardown(() => client.disconnect())
    nodes.push(await start(t, redis(client)))
  }
  const [one, two] = nodes as [Node, Node]
  const first = await one.ask()
  const begin = await first.next()
  await first.close()
  await two.say('a', 'b')
  t.match(await (await two.ask(placeOf(begin))).take(3), [{ recovered: true, missed: 2 }, { text: 'a' }, { text: 'b' }])
})

t.test('a hole of one node is repaired by one read, and its members notice nothing', { skip }, async (t) => {
  const engine = await startRedis(t)
  const lossy = new Lossy(await redisBroker(t, engine))
  const [one, two] = [await start(t, await redisBroker(t, engine)), await start(t, lossy.broker)]
  const members = [await two.ask(undefined, 'client-1'), await two.ask(undefined, 'client-2')]
  for (const member of members) t.match(await member.next(), { type: '$topic' })
  const { reads } = lossy
  lossy.isDeaf = true
  await one.say('a', 'b', 'c')
  const heard = await one.ask()
  await heard.next()
  lossy.isDeaf = false
  await one.say('d')
  for (const member of members) t.same(await texts(member, 4), ['a', 'b', 'c', 'd'])
  t.equal(lossy.reads, reads + 1)
  t.equal(two.app.channel(chat).stats.gaps, 0)
  for (const member of members) t.equal(member.unread, 0)
})

t.test('a node whose connections Redis cuts gives its members what was published meanwhile', { skip }, async (t) => {
  const engine = await startRedis(t)
  const admin = redisClient(t, engine)
  const one = await start(t, await redisBroker(t, engine))
  const ids = async (): Promise<string[]> => Array.from((await admin.client('LIST') as string).matchAll(/\bid=(\d+)/g), ([, id]) => id!)
  const before = await ids()
  const two = await start(t, await redisBroker(t, engine))
  const member = await two.ask()
  await member.next()
  const states = hear(t, 'fastify-typed-ws.broker')
  for (const id of await ids()) if (!before.includes(id)) await admin.client('KILL', 'ID', id)
  await one.say('a', 'b')
  await until(() => states.some(({ state }) => state === 'ready'))
  await one.say('c')
  t.same(await texts(member, 3), ['a', 'b', 'c'])
  t.equal(member.unread, 0)
})

t.test('a Redis that was flushed has lost the history: members and those who return are told', { skip }, async (t) => {
  const engine = await startRedis(t)
  const [one, two] = [await start(t, await redisBroker(t, engine)), await start(t, await redisBroker(t, engine))]
  await loseHistory(t, [one, two], engine)
})

t.test('a Redis that comes back from an older snapshot says so to every client that saw what is lost', { skip }, async (t) => {
  const engine = await startRedis(t)
  const [one, two] = [await start(t, await redisBroker(t, engine)), await start(t, await redisBroker(t, engine))]
  const member = await one.ask()
  const begin = await member.next()
  await two.say('kept')
  const kept = placeOf(begin, await member.next())
  await engine.save()
  await two.say('lost')
  const lost = placeOf(begin, await member.next())
  await engine.kill()
  await until(() => !isReady(one) && !isReady(two))
  await t.rejects(one.app.channel(chat).publish(TOPIC, 'message', { text: 'refused' }), { code: 'FST_TYPED_WS_BROKER_UNAVAILABLE' })
  await engine.start()
  await until(() => isReady(one) && isReady(two))
  t.match(await member.next(), { type: '$topic', recovered: false, reason: 'lost' }, 'before anything is published')
  await two.say('after', 'next')
  t.same(await texts(member, 2), ['after', 'next'])
  const fresh = await start(t, await redisBroker(t, engine))
  t.match(await (await fresh.ask(lost)).next(), { recovered: false, reason: 'expired' })
  t.match(await (await fresh.ask(kept)).take(3), [{ recovered: true, missed: 2 }, { text: 'after' }, { text: 'next' }])
})

t.test('a Redis that keeps each write recovers clients over its restart', { skip }, async (t) => {
  const engine = await startRedis(t, '--appendonly', 'yes', '--appendfsync', 'always')
  const [one, two] = [await start(t, await redisBroker(t, engine)), await start(t, await redisBroker(t, engine))]
  const [member, leaver] = [await one.ask(), await one.ask()]
  const begin = await leaver.next()
  await leaver.close()
  await member.next()
  await two.say('a')
  await engine.kill()
  await until(() => !isReady(one) && !isReady(two))
  await engine.start()
  await until(() => isReady(one) && isReady(two))
  await two.say('b')
  t.same(await texts(member, 2), ['a', 'b'])
  t.match(await (await two.ask(placeOf(begin))).take(3), [{ recovered: true, missed: 2 }, { text: 'a' }, { text: 'b' }])
  t.equal(member.unread, 0)
})

t.test('an event whose answer is lost is heard once, where it is published again with its id', { skip }, async (t) => {
  const engine = await startRedis(t)
  const [one, two] = [await start(t, await redisBroker(t, engine)), await start(t, await redisBroker(t, engine))]
  const member = await two.ask()
  await member.next()
  const publish = (): Promise<void> => one.app.channel(chat).publish(TOPIC, 'message', { text: 'paid' }, { id: 'order 7' })
  engine.hang()
  await t.rejects(publish(), { code: 'FST_TYPED_WS_BROKER_TIMEOUT', message: /option id/ })
  engine.goOn()
  await until(() => publish().then(() => true, () => false))
  await until(() => one.say('after').then(() => true, () => false))
  t.same(await texts(member, 2), ['paid', 'after'])
})

t.test('a sender is not given its own events, on whichever node it comes back', { skip }, async (t) => {
  const engine = await startRedis(t)
  const [one, two] = [await start(t, await redisBroker(t, engine)), await start(t, await redisBroker(t, engine))]
  const [sender, member] = [await one.ask(undefined, 'the-sender'), await two.ask(undefined, 'another-one')]
  const begin = await sender.next()
  await member.next()
  sender.send({ type: 'say', text: 'own' })
  t.same(await texts(member, 1), ['own'])
  await two.say('other')
  const [except] = one.app.channel(chat).sockets()
  await one.app.channel(chat).publish(TOPIC, 'message', { text: 'for others' }, { except })
  await two.say('last')
  t.same(await texts(member, 3), ['other', 'for others', 'last'])
  t.same(await texts(sender, 2), ['other', 'last'])
  await sender.close()
  const again = await two.ask(placeOf(begin), 'the-sender')
  t.match(await again.take(3), [{ recovered: true, missed: 2 }, { text: 'other' }, { text: 'last' }])
})

t.test('a user of Redis with the commands of the docs alone publishes, reads and forgets', { skip }, async (t) => {
  const engine = await startRedis(t)
  const commands = '-@all +@connection +info +subscribe +unsubscribe +publish +eval +evalsha +time +get +set +del +pexpire ' +
    '+rpush +lpop +lindex +lrange +hget +hset +hdel'
  await redisClient(t, engine).call('ACL', 'SETUSER', 'topics', 'on', '>secret', '~typed-ws:*', '&typed-ws:*', ...commands.split(' '))
  const client = redisClient(t, engine, { username: 'topics', password: 'secret' })
  const one = await start(t, redis(client), { history: { maxMessages: 1 } })
  const member = await one.ask()
  const begin = await member.next()
  for (const id of ['a', 'b', 'c']) await one.app.channel(chat).publish(TOPIC, 'message', { text: id }, { id })
  t.same(await texts(member, 3), ['a', 'b', 'c'])
  await one.app.channel(chat).position(TOPIC)
  t.match(await (await one.ask(placeOf(begin))).next(), { recovered: true, missed: 3 })
})

t.test('an app of which one node ends loses no event for the client of this package', { skip }, async (t) => {
  const engine = await startRedis(t)
  const [one, two] = [await createNode(t, await redisBroker(t, engine)), await start(t, await redisBroker(t, engine))]
  // The address behind the name of the service, as its proxy has it.
  let url = await listen(one)
  const client = createClient<typeof chat>(url, {
    protocol: 'chat.v1',
    recover: recovery(),
    retry: { minDelayMs: 10, maxDelayMs: 100 },
    WebSocket: class extends WebSocket {
      constructor (_url: string, protocols: string[]) {
        super(url.replace('http', 'ws'), protocols, { origin: url })
      }
    }
  })
  t.teardown(() => client.close())
  const heard: string[] = []
  client.on('message', ({ text }) => { heard.push(text) })
  client.onRecovered((outcome) => { heard.push(outcome.recovered ? `missed ${outcome.missed}` : outcome.reason) })
  await until(() => one.channel(chat).size(TOPIC) === 1 && isReady({ app: one }))
  await until(async () => {
    await two.say('before')
    return heard.length > 0
  })
  await two.say('last of the first node')
  await until(() => heard.at(-1) === 'last of the first node')
  await one.close()
  await two.say('missed', 'missed, too')
  url = two.url
  await until(() => heard.includes('missed, too'))
  await two.say('after')
  await until(() => heard.includes('after'))
  t.same(heard.filter((text) => text !== 'before').slice(1), ['missed 2', 'missed', 'missed, too', 'after'])
})
