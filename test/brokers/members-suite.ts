// The duties of a broker that knows the members of topics, tested against a real engine. A broker
// of one process has one node.
import { setTimeout as pause } from 'node:timers/promises'
import type { BrokerMembers, MembersChange, MembersPart } from '../../types/broker.js'
import { until } from '../support/helper.js'
import type { HistoryEngine } from './history-suite.js'
import { pairTests, type PairSuite } from './pair.js'
import { refused, type Node } from './suite.js'

const TOPIC = 'rooms.v1/room:1'
const LEASE_MS = 600_000

function membersOf ({ broker }: Node): BrokerMembers {
  return broker.members!
}

type Members = Readonly<Record<string, string | undefined>>

async function put (node: Node, members: Members, topic: string = TOPIC, leaseMs = LEASE_MS): Promise<void> {
  await membersOf(node).put(topic, new Map(Object.entries(members)), leaseMs)
}

async function all (node: Node, topic: string = TOPIC): Promise<Omit<MembersPart, 'members'> & { members: Record<string, string> }> {
  const part = await membersOf(node).all(topic)
  return { ...part, members: Object.fromEntries(part.members) }
}

function heardBy (node: Node, topic: string = TOPIC): MembersChange[] {
  return node.changes.filter(([name]) => name === topic).map(([, change]) => change)
}

/** A member of a node. */
function of ({ node }: Node, name: string): string {
  return `${node}:${name}`
}

export function membersSuite<E extends HistoryEngine> (suite: PairSuite<E>): void {
  const { engine: start } = suite
  const { test, faultTest } = pairTests(suite, TOPIC)

  test('members that are put and taken out are announced to every node, and read by each', async (t, one, two) => {
    const empty = await all(two)
    t.same(empty.members, {})
    const [a, b] = [of(one, '0:ada'), of(two, '0:bob')]
    await put(one, { [a]: '1 {}' })
    await put(two, { [b]: '2 {}' })
    await put(one, { [a]: '3 {}' })
    await put(one, { [a]: undefined })
    await until(() => heardBy(one).length === 4 && heardBy(two).length === 4)
    t.same(heardBy(two), heardBy(one))
    t.same(heardBy(one).map(({ members }) => [...members]), [[[a, '1 {}']], [[b, '2 {}']], [[a, '3 {}']], [[a, undefined]]])
    const top = heardBy(one).at(-1)!
    t.match(await all(one), { epoch: top.epoch, offset: top.offset, members: { [b]: '2 {}' } })
    t.same([one.messages, one.stored], [[], []])
  })

  test('each change names the one before it, also where publishers cross', async (t, one, two) => {
    const keep = of(one, 'keep')
    await put(one, { [keep]: '' })
    const first = await all(two)
    await Promise.all([one, two].flatMap((node) => Array.from({ length: 50 }, (_, n) => put(node, { [of(node, String(n))]: String(n) }))))
    const count = start === undefined ? 51 : 101
    await until(() => heardBy(one).length >= count && heardBy(two).length >= count)
    t.same(heardBy(two), heardBy(one))
    const [, ...changes] = heardBy(one)
    const offsets = [first.offset, ...changes.map(({ offset }) => offset)]
    t.same(changes.map(({ previous }) => previous), offsets.slice(0, -1))
    t.ok(changes.every(({ epoch, offset, previous }) => epoch === first.epoch && Number.isSafeInteger(offset) && offset > previous))
    t.equal(Object.keys((await all(one)).members).length, count)
  })

  test('a change of nothing is not announced', async (t, one, two) => {
    const [a, b] = [of(one, 'a'), of(one, 'b')]
    await put(one, { [a]: 'x', [b]: 'y' })
    const before = await all(two)
    await put(one, { [a]: 'x' })
    await put(two, { [of(two, 'none')]: undefined })
    await put(one, {})
    t.match(await all(two), { offset: before.offset })
    await put(one, { [a]: 'x', [b]: 'z', [of(one, 'none')]: undefined })
    await until(() => heardBy(two).length >= 2)
    t.same([...heardBy(two)[1]!.members], [[b, 'z']], 'what changes is told alone')
  })

  test('many members at once, and texts and names of any kind, are kept unchanged', async (t, one, two) => {
    const texts = ['', '{"a":"€😀"}', 'line\nbreak\r\n', '\0', '\u0001', '"', '\\', 'x'.repeat(100_000)]
    for (const topic of ['rooms.v1/{x}y', 'rooms.v1/line\nbreak', 'rooms.v1/😀', `rooms.v1/${'x'.repeat(200)}`]) {
      await two.broker.subscribe(topic)
      const members = Object.fromEntries(texts.map((text, n) => [of(one, `${n}:${text.slice(0, 200)}`), text]))
      await put(one, members, topic)
      await until(() => heardBy(two, topic).length === 1)
      t.same(Object.fromEntries(heardBy(two, topic)[0]!.members), members, topic)
      t.same((await all(two, topic)).members, members, topic)
    }
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [of(one, `${n}:many`), String(n)]))
    await put(one, many)
    t.same((await all(two)).members, many)
    await put(one, Object.fromEntries(Object.keys(many).map((member) => [member, undefined])))
    t.same((await all(two)).members, {})
  })

  test('members of one topic are none of another', async (t, one, two) => {
    await put(one, { [of(one, 'a')]: 'x' }, 'rooms.v1/room:2')
    t.same((await all(two)).members, {})
    t.same((await all(two, 'rooms.v1/room:2')).members, { [of(one, 'a')]: 'x' })
    t.same(heardBy(two), [])
  })

  faultTest('a node has a lease with its first member, and others see it until it ends', async (t, one, two) => {
    await put(one, { [of(one, 'a')]: 'x' })
    t.same([...(await all(two)).nodes], [one.node])
    const [first] = await membersOf(two).lease([TOPIC], LEASE_MS)
    t.equal(first!.wasGood, false)
    const [again] = await membersOf(two).lease([TOPIC], LEASE_MS)
    t.equal(again!.wasGood, true)
    t.same([...again!.nodes].toSorted(), [one.node, two.node].toSorted())
    t.same(again!.topics, [TOPIC])
    await membersOf(one).lease([TOPIC], 1)
    await until(async () => !(await membersOf(two).lease([TOPIC], LEASE_MS))[0]!.nodes.has(one.node))
    t.notOk((await all(two)).nodes.has(one.node))
    const [late] = await membersOf(one).lease([TOPIC], LEASE_MS)
    t.equal(late!.wasGood, false)
    t.ok((await all(two)).nodes.has(one.node))
  })

  faultTest('a lease that a put has given is no good one, because the one before it has ended', async (t, one, two) => {
    await membersOf(one).lease([TOPIC], 1)
    await until(async () => !(await all(two)).nodes.has(one.node))
    await put(one, { [of(one, 'a')]: 'x' })
    t.ok((await all(two)).nodes.has(one.node))
    t.match(await membersOf(one).lease([TOPIC], LEASE_MS), [{ wasGood: false }])
    await put(one, { [of(one, 'b')]: 'y' })
    t.match(await membersOf(one).lease([TOPIC], LEASE_MS), [{ wasGood: true }])
  })

  faultTest('a lease is renewed for many topics, and their positions are told', async (t, one, two) => {
    const topics = Array.from({ length: 20 }, (_, n) => `rooms.v1/room:${n}`)
    for (const topic of topics.slice(1)) await put(one, { [of(one, 'a')]: 'x' }, topic)
    const leases = await membersOf(one).lease(topics, LEASE_MS)
    t.same(leases.flatMap((lease) => lease.topics).toSorted(), topics.toSorted())
    t.ok(leases.every(({ nodes }) => nodes.has(one.node)))
    const positions = await membersOf(two).keep(topics)
    t.equal(positions.has(topics[0]!), false)
    for (const topic of topics.slice(1)) {
      const { epoch, offset } = await all(two, topic)
      t.same(positions.get(topic), { epoch, offset })
    }
    t.same([await membersOf(one).lease([], LEASE_MS), (await membersOf(one).keep([])).size], [[], 0])
  })

  faultTest('a map that the engine has lost begins with another epoch, and its lease is over', async (t, one, two, engine) => {
    await put(one, { [of(one, 'a')]: 'x' })
    await membersOf(one).lease([TOPIC], LEASE_MS)
    const before = await all(two)
    await engine.forget()
    t.equal((await membersOf(one).keep([TOPIC])).has(TOPIC), false)
    t.match(await membersOf(one).lease([TOPIC], LEASE_MS), [{ wasGood: false }])
    await put(one, { [of(one, 'b')]: 'y' })
    const after = await all(two)
    t.not(after.epoch, before.epoch)
    t.ok(after.offset > before.offset)
    t.same(after.members, { [of(one, 'b')]: 'y' })
  })

  faultTest('an engine that was rolled back makes no change that follows what it has lost', async (t, one, two, engine) => {
    await put(one, { [of(one, 'a')]: 'x' })
    const kept = await all(two)
    await engine.save()
    await put(one, { [of(one, 'b')]: 'lost' })
    await put(one, { [of(one, 'c')]: 'lost' })
    await until(() => heardBy(two).length === 3)
    const lost = heardBy(two).at(-1)!
    await engine.kill()
    await until(() => one.state === 'away' && two.state === 'away')
    await engine.start()
    await until(() => one.state === 'ready' && two.state === 'ready')
    t.match(await all(two), { epoch: kept.epoch, offset: kept.offset, members: { [of(one, 'a')]: 'x' } })
    await put(one, { [of(one, 'd')]: 'y' })
    await until(() => heardBy(two).length === 4)
    const after = heardBy(two).at(-1)!
    t.equal(after.previous, kept.offset)
    t.ok(after.offset > lost.offset)
  })

  faultTest('an engine that is away or hangs takes no member in silence', async (t, one, two, engine) => {
    await put(one, { [of(one, 'a')]: 'x' })
    engine.hang()
    await t.rejects(put(one, { [of(one, 'b')]: 'perhaps' }), { code: 'TIMEOUT' })
    await t.rejects(all(two))
    t.same(await membersOf(one).lease([TOPIC], LEASE_MS), [])
    t.equal((await membersOf(one).keep([TOPIC])).size, 0)
    engine.goOn()
    await until(() => one.state === 'ready' && two.state === 'ready')
    await until(() => put(one, { [of(one, 'c')]: 'y' }).then(() => true, () => false))
    await engine.kill()
    await until(() => one.state === 'away' && two.state === 'away')
    await refused(() => put(one, { [of(one, 'd')]: 'refused' }))
    await refused(() => all(two))
    t.same(await membersOf(one).lease([TOPIC], LEASE_MS), [])
  })

  faultTest('a lease that was short ends by the clock of the engine', async (t, one, two) => {
    await membersOf(two).lease([TOPIC], LEASE_MS)
    await put(one, { [of(one, 'a')]: 'x' }, TOPIC, 50)
    await pause(60)
    await until(async () => !(await all(two)).nodes.has(one.node))
    t.same((await all(two)).members, { [of(one, 'a')]: 'x' }, 'the member is there until it is taken out')
  })
}
