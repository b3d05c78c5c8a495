// The duties of a broker, tested against a real engine: one that queues, changes or swaps messages
// fails.
import t, { type Test } from 'tap'
import type { Broker, BrokerHost, BrokerState, MembersChange, Stored } from '../../types/broker.js'
import { until, type Teardown } from '../support/helper.js'

/** An engine that the suite may stop. */
export interface SuiteEngine {
  start (): Promise<void>
  kill (): Promise<void>
  hang (): void
  goOn (): void
}

/** How the suite gets at a broker. */
export interface Suite<E extends SuiteEngine> {
  readonly name: string
  /** Why it cannot run here, or false. */
  readonly skip: string | false
  /** A part of the title of the only test that is run; all, by default. */
  readonly only?: string | undefined
  readonly engine: (t: Teardown) => Promise<E>
  /** @returns a broker, not started, with a client of its own that ends with the test. */
  readonly broker: (t: Teardown, engine: E) => Promise<Broker>
}

/** One node: its broker, and everything that it was told. */
export class Node implements BrokerHost {
  readonly node: string
  readonly broker: Broker
  readonly messages: Array<[topic: string, message: string]> = []
  readonly stored: Array<[topic: string, stored: Stored]> = []
  readonly changes: Array<[topic: string, change: MembersChange]> = []
  readonly told: string[] = []
  state: BrokerState | undefined
  reason: unknown

  constructor (node: string, broker: Broker) {
    this.node = node
    this.broker = broker
  }

  heard (topic: string, message: string): void {
    this.messages.push([topic, message])
  }

  heardStored (topic: string, stored: Stored): void {
    this.stored.push([topic, stored])
  }

  heardMembers (topic: string, change: MembersChange): void {
    this.changes.push([topic, change])
  }

  interrupted (topics?: Iterable<string>): void {
    this.told.push(`interrupted ${topics === undefined ? 'all' : [...topics].join()}`)
  }

  resumed (topics?: Iterable<string>): void {
    this.told.push(`resumed ${topics === undefined ? 'all' : [...topics].join()}`)
  }

  changed (state: BrokerState, reason?: unknown): void {
    this.state = state
    this.reason = reason
  }

  /** Messages of a topic may be missed, as far as it was told. */
  isInterrupted (topic: string): boolean {
    const about = this.told.filter((line) => line.endsWith(' all') || line.split(' ')[1]!.split(',').includes(topic))
    return about.at(-1)?.startsWith('interrupted') === true
  }

  /** The messages of a topic, in the order in which they came. */
  of (topic: string): string[] {
    return this.messages.filter(([name]) => name === topic).map(([, message]) => message)
  }
}

/** An engine of several servers is not gone at once: the last of them makes it `UNAVAILABLE`. */
export async function refused (ask: () => Promise<unknown>): Promise<void> {
  await until(() => ask().then(() => { throw new Error('the engine took it') }, ({ code }) => code === 'UNAVAILABLE'))
}

let count = 0

/** One more node of an engine, which is ready. */
export async function startNode (t: Test, broker: Broker): Promise<Node> {
  const one = new Node(`n${count++}`, broker)
  t.teardown(() => one.broker.close())
  one.broker.start(one)
  await until(() => one.state === 'ready')
  return one
}

export function brokerSuite<E extends SuiteEngine> ({ name, skip, only = '', engine: start, broker }: Suite<E>): void {
  async function nodes (t: Test, engine: E, number: number): Promise<Node[]> {
    return Promise.all(Array.from({ length: number }, () => node(t, engine)))
  }

  async function node (t: Test, engine: E): Promise<Node> {
    return startNode(t, await broker(t, engine))
  }

  function test (title: string, run: (t: Test, engine: E) => Promise<void>): void {
    if (title.includes(only)) t.test(`${name}: ${title}`, { skip }, async (t) => run(t, await start(t)))
  }

  test('a node gets the events of a topic as soon as subscribe resolves', async (t, engine) => {
    const [one, two] = await nodes(t, engine, 2) as [Node, Node]
    for (let n = 0; n < 50; n++) {
      await two.broker.subscribe(`a/${n}`)
      await one.broker.publish(`a/${n}`, 'first')
    }
    await until(() => two.messages.length === 50)
    for (let n = 0; n < 50; n++) t.same(two.of(`a/${n}`), ['first'])  // no order between topics: they may be on different masters
  })

  test('texts and names arrive unchanged', async (t, engine) => {
    const [one, two] = await nodes(t, engine, 2) as [Node, Node]
    const names = ['a/b', 'a.b', 'a*', 'a>', 'a b', 'ä/€', '{x}y', 'a%2Eb', 'line\nbreak', '😀', 'x'.repeat(255), 'a:b', '?a', '}{']
    const texts = ['', 'plain', '{"a":"€😀"}', 'line\nbreak\r\n', '\0', 'x'.repeat(500_000)]
    await Promise.all(names.map((topic) => two.broker.subscribe(topic)))
    for (const topic of names) for (const text of texts) await one.broker.publish(topic, text)
    await until(() => two.messages.length >= names.length * texts.length)
    t.equal(two.messages.length, names.length * texts.length)
    for (const topic of names) t.same(two.of(topic), texts, topic)
  })

  test('the events that one node publishes to a topic keep their order', async (t, engine) => {
    const [one, two, three] = await nodes(t, engine, 3) as [Node, Node, Node]
    await three.broker.subscribe('a/order')
    for (let start = 0; start < 500; start += 50) {
      const numbers = Array.from({ length: 50 }, (_, n) => start + n)
      await Promise.all([one, two].flatMap(({ broker, node }) => numbers.map((n) => broker.publish('a/order', `${node} ${n}`))))
    }
    await until(() => three.messages.length === 1000)
    for (const { node } of [one, two]) {
      t.same(three.of('a/order').filter((text) => text.startsWith(`${node} `)), Array.from({ length: 500 }, (_, n) => `${node} ${n}`))
    }
  })

  test('a node gets no events of a topic it left, unless it joined again in the same turn', async (t, engine) => {
    const [one, two] = await nodes(t, engine, 2) as [Node, Node]
    await Promise.all([two.broker.subscribe('a/left'), two.broker.subscribe('a/again')])
    two.broker.unsubscribe('a/left')
    two.broker.unsubscribe('a/again')
    await two.broker.subscribe('a/again')
    await two.broker.subscribe('a/other')
    for (const topic of ['a/left', 'a/again', 'a/other']) await one.broker.publish(topic, 'x')
    await until(() => two.of('a/other').length === 1 && two.of('a/again').length > 0)
    t.same([two.of('a/left'), two.of('a/again')], [[], ['x']])
  })

  test('a request tells the number of nodes that get it', async (t, engine) => {
    const [one, ...others] = await nodes(t, engine, 3) as [Node, ...Node[]]
    await Promise.all([one, ...others].map(({ broker }) => broker.subscribe('a/asked')))
    await until(async () => await one.broker.ask('a/asked', 'how many?') === 3)
    await until(() => others.every((other) => other.of('a/asked').length > 0))
    t.pass('each has heard it')
  })

  test('a broker whose engine is away at the start rejects at once, and connects when it comes', async (t, engine) => {
    const one = new Node('early', await broker(t, engine))
    await engine.kill()
    t.teardown(() => one.broker.close())
    one.broker.start(one)
    await until(() => one.state === 'away')
    await t.rejects(one.broker.publish('a/early', 'lost'), { code: 'UNAVAILABLE' })
    await t.rejects(one.broker.ask('a/early', 'lost'), { code: 'UNAVAILABLE' })
    await t.rejects(one.broker.subscribe('a/early'), { code: 'UNAVAILABLE' })
    await engine.start()
    await until(() => one.state === 'ready')
    const two = await node(t, engine)
    await two.broker.publish('a/early', 'heard')
    await until(() => one.messages.length > 0)
    t.same(one.of('a/early'), ['heard'], 'it stayed wanted, and nothing was kept')
  })

  test('a broker whose engine dies is away, rejects meanwhile, and gets events again when it is back', async (t, engine) => {
    const [one, two] = await nodes(t, engine, 2) as [Node, Node]
    await two.broker.subscribe('a/kept')
    await engine.kill()
    await until(() => one.state === 'away' && two.state === 'away')
    await until(() => two.isInterrupted('a/kept'))
    await refused(() => one.broker.publish('a/kept', 'lost'))
    await refused(() => two.broker.subscribe('a/late'))
    await engine.start()
    await until(() => one.state === 'ready' && two.state === 'ready')
    t.notOk(two.isInterrupted('a/kept'))
    await one.broker.publish('a/kept', 'after')
    await one.broker.publish('a/late', 'after')
    await until(() => two.messages.length >= 2)
    t.same([two.of('a/kept'), two.of('a/late')], [['after'], ['after']])
  })

  test('a broker whose engine hangs rejects in time, and is away', async (t, engine) => {
    const [one, two] = await nodes(t, engine, 2) as [Node, Node]
    await two.broker.subscribe('a/hung')
    engine.hang()
    await t.rejects(one.broker.publish('a/hung', 'perhaps'), { code: 'TIMEOUT' })
    await t.rejects(two.broker.subscribe('a/new'))
    await until(() => one.state === 'away' && two.state === 'away')
    engine.goOn()
    await until(() => one.state === 'ready' && two.state === 'ready')
    await until(async () => {
      await one.broker.publish('a/new', 'after')
      return two.of('a/new').length > 0
    })
    t.pass('what was asked for meanwhile is heard')
  })

  test('a broker closes while its engine hangs, and gets no more events', async (t, engine) => {
    const [one, two] = await nodes(t, engine, 2) as [Node, Node]
    await two.broker.subscribe('a/closed')
    engine.hang()
    await two.broker.close()
    engine.goOn()
    await until(() => one.broker.publish('a/closed', 'x').then(() => true, () => false))
    t.same(two.messages, [])
    await t.rejects(two.broker.publish('a/closed', 'x'))
  })
}
