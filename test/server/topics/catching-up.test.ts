// Members of a recoverable topic that are slow, and the events that a node remembers for them.
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { defineContract } from '../../../lib/index.js'
import type { Position } from '../../../types/broker.js'
import type { Recovery } from '../../../lib/server/stats.js'
import { RecoverableTopic } from '../../../lib/server/topics/recoverable-topic.js'
import { StoredEvent } from '../../../lib/server/topics/stored-event.js'
import { Tail, TailBudget, type RecoverySettings } from '../../../lib/server/topics/tail.js'
import { TopicMember, type Recipient } from '../../../lib/server/topics/topic-member.js'
import type { Frame } from '../../../lib/server/transport/frame.js'
import { deferred } from '../../support/deferred.js'
import { FakeEngine } from '../../support/fake-engine.js'
import { fakeTime, NOW, pass, turn } from '../../support/fake-time.js'
import { connect, createApp, listen, until } from '../../support/helper.js'

const SETTINGS: RecoverySettings = { maxMessages: 3, maxBytes: 1000, timeoutMs: 5000 }
const BOUNDS = { maxMessages: 2000, maxAgeMs: 1000 }

/** A connection that writes down what it is given. */
class FakeRecipient implements Recipient {
  readonly asks: boolean
  mustWait = false
  brought: Promise<Position | undefined> = Promise.resolve(undefined)
  readonly log: string[] = []

  constructor (asks: boolean) {
    this.asks = asks
  }

  isSender (sender: string): boolean {
    return sender === 'me'
  }

  async positionIn (): Promise<Position | undefined> {
    return this.brought
  }

  send ({ text }: Frame): void {
    this.log.push(nameIn(text))
  }

  replay ({ text }: Frame): void {
    this.log.push(`again ${nameIn(text)}`)
  }

  tell (_topic: string, position?: Position, recovery?: Recovery): void {
    const outcome = recovery?.recovered === false ? recovery.reason : recovery?.missed ?? 'here'
    this.log.push(position === undefined ? `told ${outcome} without a place` : `told ${outcome}`)
  }

  recovered (): void {}
}

function nameIn (text: string): string {
  return (JSON.parse(text) as { text: string }).text
}

function start (engine: FakeEngine, settings = SETTINGS): {
  topic: RecoverableTopic
  say: (...texts: string[]) => void
  join: (asks: boolean) => FakeMember
} {
  const link = engine.link()
  link.topics.add('x')
  const source = {
    subscribe: () => true as const,
    read: (limit: number, since?: Position) => link.history.read('x', since, limit, BOUNDS),
    missed () {}
  }
  const topic = new RecoverableTopic('x', source, settings, new TailBudget())
  link.host = { heardStored: (_: string, stored: Parameters<RecoverableTopic['heard']>[0]) => topic.heard(stored) } as typeof link.host
  return {
    topic,
    say: (...texts) => {
      for (const text of texts) {
        engine.store('x', `1S${text === 'mine' ? 'me' : 'other'} said\n${JSON.stringify({ type: 'said', text })}`, BOUNDS)
      }
    },
    join: (asks) => {
      const recipient = new FakeRecipient(asks)
      return { recipient, member: new TopicMember('x', topic, recipient, settings) }
    }
  }
}

interface FakeMember { readonly recipient: FakeRecipient, readonly member: TopicMember }

async function settle (): Promise<void> {
  for (let n = 0; n < 5; n++) await turn()
}

for (const asks of [true, false]) {
  t.test(`a slow client that ${asks ? 'asks' : 'does not ask'} misses nothing: it catches up from the tail`, async (t) => {
    const { topic, say, join } = start(new FakeEngine())
    await topic.live()
    const { recipient, member } = join(asks)
    member.onDrain()
    t.equal(member.join(true), true)
    await settle()
    say('a')
    recipient.mustWait = true
    say('b', 'mine', 'c')
    member.onDrain()
    await settle()
    t.equal(topic.readers.size, 0, 'still slow')
    recipient.mustWait = false
    member.onDrain()
    say('d')
    t.same(recipient.log.filter((line) => !line.startsWith('told')), ['a', 'again b', 'again c', 'd'])
    t.equal(recipient.log.length, asks ? 5 : 4)
    recipient.mustWait = true
    say('1', '2', '3', '4')
    recipient.mustWait = false
    member.onDrain()
    t.equal(recipient.log.at(-1), asks ? 'told slow' : 'd', 'more than a replay may have')
    say('5')
    t.equal(recipient.log.at(-1), '5')
    member.leave()
    say('6')
    t.equal(recipient.log.at(-1), asks ? 'told here without a place' : '5')
    topic.end()
  })
}

t.test('a client that is slow when it joins is told later', async (t) => {
  const { topic, say, join } = start(new FakeEngine())
  await topic.live()
  const { recipient, member } = join(true)
  recipient.mustWait = true
  void member.join(true)
  await settle()
  say('a')
  t.same(recipient.log, [])
  recipient.mustWait = false
  member.onDrain()
  t.same(recipient.log, ['told here', 'again a'])
  topic.end()
})

t.test('a member that leaves while it catches up is told nothing more', async (t) => {
  const engine = new FakeEngine()
  const { topic, say, join } = start(engine)
  await topic.live()
  say('a')
  const [brings, waits, leaves] = [join(true), join(true), join(true)]
  const brought = deferred<Position | undefined>()
  brings.recipient.brought = brought.promise
  void brings.member.join(true)
  brings.member.leave()
  brought.resolve(undefined)
  waits.recipient.mustWait = true
  void waits.member.join(true)
  await settle()
  waits.member.leave()
  waits.member.onDrain()
  leaves.recipient.brought = Promise.resolve({ epoch: 'e1', offset: 0 })
  void leaves.member.join(true)
  await Promise.resolve()
  await Promise.resolve()
  leaves.member.leave()
  await settle()
  const ahead = join(true)
  ahead.recipient.brought = Promise.resolve({ epoch: 'other', offset: 1 })
  const [link] = engine.links
  const asked = deferred()
  link!.beforeRead = () => asked.resolve()
  void ahead.member.join(true)
  await asked.promise
  ahead.member.leave()
  await settle()
  for (const { recipient } of [brings, waits, leaves, ahead]) t.same(recipient.log, ['told here without a place'])
  t.equal(topic.readers.size, 0)
  topic.end()
})

t.test('a topic that has ended asks for nothing and tells nothing', async (t) => {
  fakeTime(t, ['setTimeout'])
  const engine = new FakeEngine()
  const [never, late, open] = [start(engine), start(engine), start(engine)]
  const starting = never.topic.live()
  never.topic.end()
  t.equal(await starting, false)
  await late.topic.live()
  const [repair, fetch] = [late.topic.repair(), late.topic.seek('behind')]
  late.topic.end()
  t.same(await Promise.all([repair, fetch]), [false, false])
  await open.topic.live()
  open.topic.heard({ epoch: 'e1', offset: 900, previous: 899, message: '' })
  open.topic.end()
  await pass(1000, 100)
  t.equal(open.topic.readers.size, 0)
})

t.test('more messages than a node keeps waiting are asked for', async (t) => {
  const engine = new FakeEngine()
  const { topic, say, join } = start(engine, { ...SETTINGS, maxMessages: 2000 })
  await topic.live()
  const { recipient, member } = join(false)
  void member.join(true)
  const [link] = engine.links
  link!.hold()
  say('lost')
  link!.release(() => [])
  say(...Array.from({ length: 1001 }, (_, n) => String(n)))
  await until(() => recipient.log.length === 1002)
  t.same([recipient.log[0], recipient.log.at(-1)], ['lost', '1000'])
  topic.end()
})

t.test('others that move the tail on and on end in a reason', async (t) => {
  const engine = new FakeEngine()
  const { topic, say, join } = start(engine)
  await topic.live()
  say('a', 'b')
  const { recipient, member } = join(true)
  recipient.brought = Promise.resolve({ epoch: 'e1', offset: 2 })
  topic.tail.clear()
  const { beyond } = topic.tail
  t.equal(beyond, undefined)
  // Each answer is forgotten before the member sees it.
  const { prepend } = topic.tail
  topic.tail.prepend = (...given) => {
    prepend.apply(topic.tail, given)
    topic.tail.clear()
  }
  void member.join(true)
  await until(() => recipient.log.length > 0)
  t.same(recipient.log, ['told expired'])
  topic.end()
})

t.test('a tail has limits of its own, and all tails together', (t) => {
  fakeTime(t, ['Date'], NOW)
  const budget = new TailBudget(250_000)
  const tails = [1, 2].map(() => new Tail({ epoch: 'e1', offset: 0 }, { ...SETTINGS, maxMessages: 500, maxBytes: 200_000 }, budget))
  const [one, two] = tails as [Tail, Tail]
  const event = (offset: number, size: number): StoredEvent =>
    new StoredEvent('x', { epoch: 'e1', offset, previous: offset - 1, message: `1S said\n${'x'.repeat(size)}` })
  for (let n = 1; n <= 300; n++) one.append(event(n, 10))
  t.equal(one.from(0).length, 256)
  t.equal(one.placeOf({ epoch: 'e1', offset: 43 }), 'behind')
  one.append(event(301, 65_000))
  t.equal(one.from(0).length, 54, 'of 65 536 characters')
  one.prepend(Array.from({ length: 247 }, (_, n) => event(n + 1, 10)), true)
  t.equal(one.from(0).length, 301, 'the clients that return together find what one read has brought')
  t.equal(one.beyond, 'expired')
  one.append(event(302, 100_000))
  t.equal(one.from(0).length, 302, 'for 5 s')
  t.ok(budget.size > 160_000)
  two.append(event(1, 60_000))
  two.prepend([event(0, 60_000)], false)
  t.equal(two.beyond, 'limit')
  two.append(event(2, 60_000))
  t.equal(one.from(0).length, 0, 'the tail of another topic is emptied')
  t.equal(budget.size, 180_000)
  two.append(event(3, 100_000))
  t.ok(budget.size <= 250_000)
  const small = new TailBudget(10)
  const only = new Tail({ epoch: 'e1', offset: 0 }, SETTINGS, small)
  only.append(event(1, 100))
  t.equal(small.size, 100, 'one tail alone is kept')
  for (const tail of tails) tail.end()
  t.equal(budget.size, 0)
  t.end()
})

const rooms = defineContract({
  name: 'rooms.v1',
  serverToClient: { said: Type.Object({ text: Type.String() }) },
  topics: { room: { recover: true } }
})

for (const [slowConsumer, protocols] of [['drop', []], ['close', ['typed-ws.recover']], ['drop', ['typed-ws.recover']]] as const) {
  const who = `a ${slowConsumer === 'close' ? 'client that would be closed' : 'client whose events would be left out'}`
  t.test(`${who}, ${protocols.length > 0 ? 'and asks' : 'and does not ask'}, misses nothing`, async (t) => {
    const limits = { highWaterMarkBytes: 2_000_000, slowTimeoutMs: 60_000, recovery: { maxBytes: 1_000_000 } }
    const app = await createApp(t, { slowConsumer, ...limits })
    app.ws('/', { contract: rooms, open: (socket) => void socket.subscribe('room:1') })
    const client = await connect(t, await listen(app), { protocols: [rooms.name, ...protocols] })
    if (protocols.length > 0) client.send({ type: '$recover', client: 'client-1', topics: {} })
    const channel = app.channel(rooms)
    const say = (text: string): Promise<void> => channel.publish('room:1', 'said', { text })
    await until(() => channel.size('room:1') === 1)
    await say('first')
    while ((await client.next()).text !== 'first');
    client.ws.pause()
    let count = 0
    while (channel.stats.slowed === 0) await say(`${count++} ${'x'.repeat(100_000)}`)
    for (let n = 0; n < 5; n++) await say(`${count++} small`)
    client.ws.resume()
    for (let n = 0; n < count; n++) t.equal(Number.parseInt((await client.next()).text as string), n)
    t.match(channel.stats, { dropped: 0, unrecovered: 0, connections: 1 })
  })
}
