// States of brokers and nodes that a real engine cannot be brought to by a test.
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { nats, type NatsConnection } from '../../lib/brokers/nats.js'
import { redis } from '../../lib/brokers/redis.js'
import { Roster } from '../../lib/brokers/roster.js'
import { EngineSubscriptions } from '../../lib/brokers/engine-subscriptions.js'
import { memory, shards, type Broker } from '../../lib/index.js'
import { NodeSubscriptions } from '../../lib/server/topics/node-subscriptions.js'
import { TopicNode } from '../../lib/server/topics/node.js'
import { unwrap, wrap } from '../../lib/server/topics/envelope.js'
import { codePoint } from '../support/code-point.js'
import { until } from '../support/helper.js'
import { deferred } from '../support/deferred.js'
import { Node } from './suite.js'

type Callback = (error: Error | null, message: { string (): string }) => void

/** A connection to a NATS that exists only here. */
class FakeNats implements NatsConnection {
  readonly published: Array<[string, string | undefined]> = []
  readonly callbacks = new Map<string, Callback>()
  readonly statuses: string[] = []
  flushError: Error | undefined
  publishError: Error | undefined
  isGone = false
  told = deferred()

  publish (subject: string, payload?: string): void {
    if (this.publishError !== undefined) throw this.publishError
    this.published.push([subject, payload])
  }

  subscribe (subject: string, { callback }: { callback?: Callback } = {}): { unsubscribe (): void } {
    this.callbacks.set(subject, callback!)
    return { unsubscribe: () => { this.callbacks.delete(subject) } }
  }

  async flush (): Promise<void> {
    if (this.flushError !== undefined) throw this.flushError
  }

  async * status (): AsyncGenerator<{ type: string }> {
    for (;;) {
      await this.told.promise
      this.told = deferred()
      for (const type of this.statuses.splice(0)) {
        if (type === 'end') return
        yield { type }
      }
    }
  }

  tell (...statuses: string[]): void {
    this.statuses.push(...statuses)
    this.told.resolve()
  }

  isClosed (): boolean {
    return this.isGone
  }
}

async function startNats (connection: FakeNats): Promise<Node> {
  const node = new Node('here', nats(connection))
  node.broker.start(node)
  await until(() => node.state === 'ready')
  return node
}

t.test('a message that NATS does not take is refused, and an error of its flush leaves it unknown', async (t) => {
  const connection = new FakeNats()
  const { broker } = await startNats(connection)
  connection.publishError = new Error('MAX_PAYLOAD_EXCEEDED')
  await t.rejects(broker.publish('a/b', 'x'), { code: 'UNAVAILABLE', message: /MAX_PAYLOAD/ })
  connection.publishError = undefined
  connection.flushError = new Error('draining')
  await t.rejects(broker.publish('a/b', 'x'), { code: 'TIMEOUT', message: /draining/ })
  await broker.close()
})

t.test('a stale connection to NATS is away until it answers, and a closed one for good', async (t) => {
  const connection = new FakeNats()
  const node = await startNats(connection)
  connection.flushError = new Error('nothing comes back')
  connection.tell('staleConnection', 'ping')
  await until(() => node.state === 'away')
  connection.flushError = undefined
  connection.tell('reconnect')
  await until(() => node.state === 'ready')
  const { length } = connection.published
  connection.tell('reconnect')
  await until(() => connection.published.length > length)
  connection.isGone = true
  connection.tell('end')
  await until(() => node.state === 'away')
  await t.rejects(node.broker.subscribe('a/b'), { code: 'UNAVAILABLE', message: /closed/ })
  node.broker.unsubscribe('a/never')
  await node.broker.close()
  const late = new Node('late', nats(connection))
  late.broker.start(late)
  t.equal(late.state, 'away')
  t.match(late.reason, { message: 'the connection is closed' })
})

t.test('errors of a NATS subscription are not delivered as messages, and a closed broker delivers none', async (t) => {
  const connection = new FakeNats()
  const node = await startNats(connection)
  await node.broker.subscribe('a/b')
  const [heard, nodes] = ['typed-ws.a%2Fb', 'typed-ws.@nodes'].map((subject) => connection.callbacks.get(subject)!)
  const [asked, text] = [connection.callbacks.get('typed-ws.@ask')!, (value: string) => ({ string: () => value })]
  heard!(new Error('permissions'), undefined as never)
  heard!(null, text('x'))
  asked(null, text('a%0Ab\nhow many?'))
  t.same(node.messages, [['a/b', 'x'], ['a\nb', 'how many?']])
  nodes!(null, text('+other'))
  t.equal(await node.broker.ask('a/b', '?'), 2)
  nodes!(null, text('-other'))
  t.equal(await node.broker.ask('a/b', '?'), 1)
  connection.flushError = new Error('gone')
  await node.broker.close()
  heard!(null, text('late'))
  asked(null, text('late\n'))
  nodes!(null, text('+late'))
  connection.tell('reconnect')
  t.equal(node.messages.length, 2)
  await nats(new FakeNats()).close()
})

t.test('a broker of NATS that is closed while it starts stays closed', async (t) => {
  for (const flushError of [undefined, new Error('no')]) {
    const connection = new FakeNats()
    const node = new Node('brief', nats(connection))
    node.broker.start(node)
    connection.flushError = flushError
    await node.broker.close()
    await new Promise((resolve) => { setImmediate(resolve) })
    t.equal(node.state, undefined)
  }
})

t.test('a node that has not told of itself for 15 s is forgotten', async (t) => {
  let nowMs = 0
  const now = mock.method(performance, 'now', () => nowMs)
  t.teardown(() => now.mock.restore())
  const roster = new Roster()
  t.equal(roster.note('+a'), true)
  nowMs = 10_000
  t.equal(roster.note('+b'), true)
  t.equal(roster.note('+b'), false)
  t.equal(roster.size, 2)
  nowMs = 15_001
  t.equal(roster.size, 1)
  roster.note('-b')
  t.equal(roster.size, 0)
})

t.test('a subscription whose connection ends before it is sent is refused, and sent over the next one', async (t) => {
  const sent: string[] = []
  const subscriptions = new EngineSubscriptions({
    sendSubscribe: async (topics) => { sent.push(...topics) },
    sendUnsubscribe: async () => { throw new Error('gone') },
    groupOf: () => 0
  })
  await subscriptions.open()
  const added = subscriptions.add('a')
  subscriptions.close()
  await t.rejects(added, { code: 'UNAVAILABLE' })
  t.same(sent, [])
  await subscriptions.open()
  t.same(sent, ['a'])
  subscriptions.remove('never')
  subscriptions.remove('a')
  await subscriptions.add('b')
  t.same(sent, ['a', 'b'])
  subscriptions.close()
  subscriptions.remove('b')
})

t.test('a subscription that the engine refuses is requested again', async (t) => {
  let isRefused = true
  const sent: string[][] = []
  const subscriptions = new EngineSubscriptions({
    sendSubscribe: async (topics) => {
      sent.push([...topics])
      if (isRefused) throw new Error('LOADING')
    },
    sendUnsubscribe: async () => {},
    groupOf: () => 0
  })
  await subscriptions.open()
  await t.rejects(subscriptions.add('a'), { code: 'UNAVAILABLE' })
  isRefused = false
  await until(() => sent.length === 2)
  t.same(sent, [['a'], ['a']])
  await subscriptions.add('a')
  t.equal(sent.length, 2)
  isRefused = true
  const refused = t.rejects(subscriptions.add('b'))
  await until(() => sent.length === 3)
  subscriptions.close()
  await refused
})

t.test('shards leave a topic on the engine where they joined it, and are ready once all engines are', async (t) => {
  const left: string[] = []
  const parts = [memory(), memory()].map((broker, n): Broker => Object.assign(Object.create(broker) as Broker, {
    unsubscribe: (topic: string) => { left.push(`${n} ${topic}`) },
    start: () => {}
  }))
  const broker = shards(parts)
  const node = new Node('one', broker)
  broker.start(node)
  t.equal(node.state, undefined)
  const topics = Array.from({ length: 50 }, (_, n) => `t${n}`)
  for (const topic of topics) await broker.subscribe(topic)
  for (const topic of topics) broker.unsubscribe(topic)
  t.same(left.map((text) => text.slice(2)), topics)
  t.ok(left.some((text) => text.startsWith('0')) && left.some((text) => text.startsWith('1')))
  await broker.close()
})

t.test('any name and any text reaches another node unchanged', async (t) => {
  fc.assert(fc.property(fc.string(), fc.string({ unit: codePoint }), (name, text) => {
    const envelope = { kind: 'event', node: 'n0', name, text } as const
    t.same(unwrap(wrap(envelope)), envelope)
  }))
  t.same(unwrap(wrap({ kind: 'event', node: 'n0', name: '"a"\nb', text: '' }))?.name, '"a"\nb')
})

t.test('a node without the contract of a request does nothing, and answers so', async (t) => {
  const published: string[] = []
  const broker = Object.assign(Object.create(memory()) as Broker, {
    isLocal: false,
    publish: async (_topic: string, text: string) => {
      published.push(text)
      throw new Error('away')
    }
  })
  const node = new TopicNode(broker, { info () {}, warn () {} } as never)
  node.heard('other.v1/a', wrap({ kind: 'question', node: 'asker', name: '1', text: '{"do":"count"}' }))
  node.heard('other.v1/a', wrap({ kind: 'event', node: 'asker', name: 'said', text: '{}' }))
  node.resumed(['other.v1/a'])
  t.match(published, [/\[0,0\]$/])
  await t.rejects(node.publish('other.v1', 'a', { type: 'said', text: '{}', bytes: '' }), { code: 'FST_TYPED_WS_BROKER_TIMEOUT' })
  await node.close()
})

/** A client of a Redis that exists only here. */
class FakeRedis {
  readonly made: FakeRedis[]
  /** How many subscriptions are refused from now on. */
  refusals = 0
  /** Subscriptions are not answered before it. */
  held: Promise<void> | undefined
  status = 'connecting'
  readonly #listeners = new Map<string, (...values: string[]) => void>()
  readonly #parent: FakeRedis

  constructor (parent?: FakeRedis) {
    this.#parent = parent ?? this
    this.made = parent?.made ?? []
  }

  duplicate (): FakeRedis {
    const connection = new FakeRedis(this)
    this.made.push(connection)
    return connection
  }

  on (event: string, listener: (...values: string[]) => void): this {
    this.#listeners.set(event, listener)
    return this
  }

  removeAllListeners (): this {
    return this
  }

  disconnect (): void {}

  async publish (): Promise<void> {
    throw Object.assign(new Error('OOM'), { name: 'ReplyError' })
  }

  async subscribe (): Promise<void> {
    const parent = this.#parent
    await parent.held
    if (parent.refusals-- > 0) throw new Error('LOADING')
  }

  hear (channel: string, message: string): void {
    for (const connection of this.made) connection.#listeners.get('message')!(channel, message)
  }

  /** The connections have come, or have come again. */
  connect (): void {
    for (const connection of this.made) connection.status = 'ready'
    this.made[0]!.#listeners.get('close')!()
    this.made[0]!.#listeners.get('ready')!()
  }
}

t.test('a broker of Redis subscribes again to topics refused during its start, and never after its close', async (t) => {
  const client = new FakeRedis()
  const node = new Node('brief', redis(client))
  node.broker.subscribe('a').catch(() => {})
  node.broker.start(node)
  client.refusals = 1
  client.connect()
  await until(() => node.state === 'ready')
  await t.rejects(node.broker.publish('a', 'x'), { code: 'UNAVAILABLE', message: /OOM/ })
  client.refusals = 1
  client.connect()
  await node.broker.close()
  await until(() => client.refusals === 0)
  t.equal(client.made.length, 2, 'no connection is opened again')
})

t.test('a broker of Redis that is closed while it subscribes stays closed', async (t) => {
  const client = new FakeRedis()
  const node = new Node('brief', redis(client))
  node.broker.start(node)
  const answered = deferred()
  client.held = answered.promise
  client.connect()
  t.equal(node.state, 'away')
  await node.broker.close()
  answered.resolve()
  client.connect()
  client.hear('typed-ws:a', 'late')
  await turn()
  await t.rejects(node.broker.publish('a', 'x'), { code: 'UNAVAILABLE', message: /away/ })
  t.same([node.state, node.messages], ['away', []])
})

t.test('a broker that rejects without an error leaves an event unknown', async (t) => {
  const broker = Object.assign(Object.create(memory()) as Broker, {
    isLocal: false,
    // eslint-disable-next-line no-throw-literal -- a broker of the app's own may throw any value
    publish: async () => { throw undefined }
  })
  const node = new TopicNode(broker, {} as never)
  await t.rejects(node.publish('any.v1', 'a', { type: 'said', text: '{}', bytes: '' }), { code: 'FST_TYPED_WS_BROKER_TIMEOUT' })
})

t.test('a broker that was never started closes: the app failed before it was ready', async (t) => {
  const client = new FakeRedis()
  await redis(client).close()
  t.same(client.made, [])
})

t.test('an engine that goes away while it is asked for a topic leaves no gap in that topic', async (t) => {
  const asked = [deferred(), deferred()]
  let count = 0
  const broker = Object.assign(Object.create(memory()) as Broker, { subscribe: async () => asked[count++]!.promise })
  const subscriptions = new NodeSubscriptions(broker)
  const live = subscriptions.join('live')
  asked[0]!.resolve()
  t.equal(await live, true)
  t.equal(subscriptions.join('live'), true, 'the engine is asked once')
  const early = subscriptions.join('early')
  t.equal(subscriptions.join('early'), early, 'and once while it is asked')
  subscriptions.interrupted(['early', 'live', 'never joined'])
  subscriptions.interrupted()
  asked[1]!.reject(new Error('gone'))
  t.equal(await early, false)
  t.match(subscriptions.resumed(['early', 'live', 'never joined']), [{ topic: 'live', from: Date, to: Date }])
  t.same(subscriptions.resumed(), [], 'a gap is told once')
  t.equal(subscriptions.join('early'), true)
  subscriptions.leave('never joined')
  subscriptions.leave('early')
  subscriptions.close()
})

t.test('a topic whose first answer is under way while the engine comes back is live by its own answer alone', async (t) => {
  const asked: Array<ReturnType<typeof deferred<void>>> = []
  const broker = Object.assign(Object.create(memory()) as Broker, {
    subscribe: async () => { asked.push(deferred()); await asked.at(-1)!.promise },
    unsubscribe () {}
  })
  const subscriptions = new NodeSubscriptions(broker)
  const refused = subscriptions.join('refused')
  t.same(subscriptions.resumed(), [])
  t.equal(subscriptions.join('refused'), refused, 'it is not live before its answer')
  asked[0]!.reject(new Error('of the connection before'))
  await until(() => asked.length === 2)
  asked[1]!.reject(new Error('refused'))
  t.equal(await refused, false, 'a second refusal is an answer')
  const heard = subscriptions.join('refused')
  subscriptions.resumed(['refused'])
  asked[2]!.reject(new Error('of the connection before'))
  await until(() => asked.length === 4)
  asked[3]!.resolve()
  t.equal(await heard, true)
  const dropped = subscriptions.join('dropped')
  subscriptions.resumed()
  subscriptions.drop('dropped')
  asked[4]!.reject(new Error('gone'))
  t.equal(await dropped, false, 'nobody wants it any more')
  t.equal(asked.length, 5)
  subscriptions.close()
})
