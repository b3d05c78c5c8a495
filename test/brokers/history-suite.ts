// The duties of a broker that stores the messages of recoverable topics, tested against a real
// engine. A broker of one process has one node.
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import type { BrokerHistory, HistoryPart, Position, Stored } from '../../types/broker.js'
import { until } from '../support/helper.js'
import { pairTests, type PairSuite } from './pair.js'
import { refused, type Node, type SuiteEngine } from './suite.js'

/** An engine that stores. */
export interface HistoryEngine extends SuiteEngine {
  /** Loses all that is stored. */
  forget (): Promise<void>
  /** Keeps a copy of all that is stored, for the time after `kill` and `start`. */
  save (): Promise<void>
}

export interface HistorySuite<E extends HistoryEngine> extends PairSuite<E> {
  /** It stores for longer what is too old to be told: longer bounds tell it again. */
  readonly keepsOld?: boolean
  /** Its offsets count: it gives a history up that has lost its newest messages. */
  readonly counts?: boolean
  /** It may announce the messages of publishers that cross out of their order. */
  readonly swaps?: boolean
}

const BOUNDS = { maxMessages: 1000, maxAgeMs: 600_000 }
const TOPIC = 'rooms.v1/room:1'

function historyOf ({ broker }: Node): BrokerHistory {
  return broker.history!
}

async function append (node: Node, ...messages: string[]): Promise<Position[]> {
  return Promise.all(messages.map((message) => historyOf(node).append(TOPIC, message, BOUNDS)))
}

function read (node: Node, since?: Position, limit: number = 1000): Promise<HistoryPart> {
  return historyOf(node).read(TOPIC, since, limit, BOUNDS)
}

function textsOf (messages: readonly Stored[]): string[] {
  return messages.map(({ message }) => message)
}

/** Each message names the one before it; the first one, a position. */
function follow (t: Test, messages: readonly Stored[], { epoch, offset }: Position): void {
  t.ok(messages.every((stored) => stored.epoch === epoch))
  t.same(messages.map(({ previous }) => previous), [offset, ...messages.slice(0, -1).map((stored) => stored.offset)])
  t.ok(messages.every((stored) => Number.isSafeInteger(stored.offset) && stored.offset > stored.previous))
}

export function historySuite<E extends HistoryEngine> (suite: HistorySuite<E>): void {
  const { engine: start, keepsOld = false, counts = false, swaps = false } = suite

  /** The stored messages of a topic that a node has been told of. */
  function heardBy (node: Node, topic: string = TOPIC): Stored[] {
    const heard = node.stored.filter(([name]) => name === topic).map(([, stored]) => stored)
    return swaps ? heard.sort((a, b) => a.offset - b.offset) : heard
  }

  const { test, faultTest } = pairTests(suite, TOPIC)

  test('a stored message comes to every node, with the position that its publisher is told', async (t, one, two) => {
    const { top } = await read(two)
    const [position] = await append(one, 'first')
    await until(() => heardBy(one).length > 0 && heardBy(two).length > 0)
    t.same(heardBy(one), [{ ...position, previous: top.offset, message: 'first' }], 'also to the one that published it')
    t.same(heardBy(two), heardBy(one))
    t.same(await read(two, top), { top: position, messages: heardBy(one) })
    t.same(one.messages, [], 'it is no plain message')
  })

  test('texts and names are stored unchanged', async (t, one, two) => {
    const names = ['a/b', 'a.b', 'a*', 'a b', 'ä/€', '{x}y', 'a%2Eb', 'line\nbreak', '😀', 'x'.repeat(255), '}{', '\u0001']
    const some = ['', 'plain', '{"a":"€😀"}', 'line\nbreak\r\n', '\0', '\u0001', '\u0001e 1 1 \nx']
    for (const topic of names) {
      const texts = topic === 'a/b' ? [...some, 'x'.repeat(500_000)] : some
      await two.broker.subscribe(topic)
      for (const text of texts) await historyOf(one).append(topic, text, BOUNDS, topic)
      for (const text of texts) await historyOf(one).append(topic, text, BOUNDS)
      const { messages } = await historyOf(two).read(topic, undefined, 100, BOUNDS)
      t.same(textsOf(messages), [texts[0], ...texts], topic)
      await until(() => heardBy(two, topic).length > texts.length)
      t.same(heardBy(two, topic), messages)
    }
  })

  test('plain messages and stored ones of a topic are told apart, whatever their text', async (t, one, two) => {
    const texts = ['\u0001', '\u0001\u0001', '\u0001e 1 1 \nx', '1Sx y\n{}']
    for (const text of texts) {
      await one.broker.publish(TOPIC, text)
      await append(one, text)
    }
    await until(() => heardBy(two).length === texts.length)
    t.same(textsOf(heardBy(two)), texts)
    if (start !== undefined) t.same(two.of(TOPIC), texts)
  })

  test('messages of publishers that cross have one order, and each names the one before it', async (t, one, two) => {
    const { top } = await read(one)
    for (let round = 0; round < 5; round++) {
      const numbers = Array.from({ length: 50 }, (_, n) => round * 50 + n)
      await Promise.all([one, two].map((node, n) => append(node, ...numbers.map((number) => `${n} ${number}`))))
    }
    await until(() => heardBy(one).length === 500 && heardBy(two).length === 500)
    follow(t, heardBy(one), top)
    t.same(heardBy(two), heardBy(one))
    t.same((await read(two)).messages, heardBy(one))
    for (const n of ['0', '1']) {
      const own = textsOf(heardBy(two)).filter((text) => text.startsWith(n))
      t.same(own, Array.from({ length: 250 }, (_, number) => `${n} ${number}`), 'in the order of each publisher')
    }
  })

  test('an empty topic has a position, which stays and which the first message follows', async (t, one, two) => {
    const { top, messages } = await read(one)
    t.same(messages, [])
    t.same((await read(two, undefined, 0)).top, top)
    await append(two, 'first', 'second')
    await until(() => heardBy(one).length === 2)
    follow(t, heardBy(one), top)
    await historyOf(one).append('rooms.v1/room:other', 'of a topic that was never read', BOUNDS)
    const other = await historyOf(two).read('rooms.v1/room:other', undefined, 10, BOUNDS)
    follow(t, other.messages, { epoch: other.top.epoch, offset: other.messages[0]!.previous })
    t.ok(other.messages[0]!.previous > 0)
  })

  test('read tells what is behind a position, the newest first where there is a limit, and the top alone for none', async (t, one, two) => {
    const positions = await append(one, ...Array.from({ length: 100 }, (_, n) => String(n)))
    const top = positions.at(-1)!
    const all = (await read(two)).messages
    t.same(all.map(({ offset }) => offset), positions.map(({ offset }) => offset))
    for (const behind of [0, 1, 3, 4, 5, 15, 16, 17, 50, 98, 99]) {
      for (const limit of [1, 4, 16, 60, 100, 200]) {
        const expected = all.slice(behind + 1).slice(-limit)
        t.same(await read(two, positions[behind], limit), { top, messages: expected }, `${limit} behind ${behind}`)
      }
    }
    t.same(await read(two, undefined, 7), { top, messages: all.slice(-7) })
    t.same(await read(two, { epoch: top.epoch, offset: top.offset + 1 }), { top, messages: [] })
    t.same(await read(two, positions[0], 0), { top, messages: [] })
  })

  test('no more messages are kept than the bounds say, also when these become less', async (t, one, two) => {
    const few = { ...BOUNDS, maxMessages: 3 }
    for (const text of ['a', 'b', 'c', 'd', 'e']) await historyOf(one).append(TOPIC, text, few)
    t.same(textsOf((await read(two)).messages), ['c', 'd', 'e'])
    await append(one, 'f', 'g')
    t.same(textsOf((await read(two)).messages), ['c', 'd', 'e', 'f', 'g'])
    await historyOf(one).append(TOPIC, 'h', { ...BOUNDS, maxMessages: 2 })
    t.same(textsOf((await read(two)).messages), ['g', 'h'])
  })

  test('messages that are too old are forgotten, and their position is not', async (t, one, two) => {
    const brief = { ...BOUNDS, maxAgeMs: 1000 }
    await historyOf(one).append(TOPIC, 'old', BOUNDS, 'id')
    const [, last] = await append(one, 'old', 'older than the new one')
    await pause(1100)
    const [young, later] = await Promise.all([historyOf(two).read(TOPIC, undefined, 10, brief), read(two)])
    t.same(young, { top: last, messages: [] })
    if (!keepsOld) t.same(later, young)
    const again = await historyOf(one).append(TOPIC, 'new', keepsOld ? brief : BOUNDS, 'id')
    t.same(await read(two, last), { top: again, messages: [{ ...again, previous: last!.offset, message: 'new' }] })
    await pause(1100)
    const [, { messages }] = await Promise.all([historyOf(one).append(TOPIC, 'newest', brief), read(one)])
    if (!keepsOld) t.same(textsOf(messages), ['newest'], 'one that is published forgets them, too')
    const { messages: told } = await historyOf(one).read(TOPIC, undefined, 10, brief)
    t.notOk(textsOf(told).includes('new'))
  })

  test('a message with the id of a stored one is not stored, as long as that is there', async (t, one, two) => {
    const ids = ['1', '', ' ', 'line\nbreak', '"quoted"', '\ud800', '\\ud800', '😀', '__proto__']
    const textOf = (id: string): string => JSON.stringify(id)
    const publish = (node: Node, id: string, maxMessages: number = 100): Promise<Position> =>
      historyOf(node).append(TOPIC, textOf(id), { ...BOUNDS, maxMessages }, id)
    for (const id of ids) {
      const positions = await Promise.all([publish(one, id), publish(two, id), publish(one, id)])
      t.same(positions, [positions[0], positions[0], positions[0]], id)
    }
    const { messages } = await read(two)
    t.same(textsOf(messages), ids.map(textOf))
    await until(() => heardBy(two).length >= ids.length)
    t.same(heardBy(two), messages, 'and is not announced again')
    await publish(one, 'newer', 2)
    t.same((await publish(one, 'newer')).offset, (await read(one)).top.offset)
    t.same((await publish(two, '1')).offset, (await read(one)).top.offset, 'its message was forgotten')
    t.same(textsOf((await read(one)).messages), ['__proto__', 'newer', '1'].map(textOf))
    const other = await historyOf(one).append('rooms.v1/room:2', 'of another topic', BOUNDS, '1')
    t.ok(other.offset > 0)
    t.equal((await historyOf(two).read('rooms.v1/room:2', undefined, 10, BOUNDS)).messages.length, 1)
  })

  faultTest('a history that the engine has lost begins with another name, and its offsets are new', async (t, one, two, engine) => {
    const [before] = await append(one, 'lost')
    await engine.forget()
    const [after] = await append(one, 'kept')
    await until(() => heardBy(two).length === 2)
    t.not(after!.epoch, before!.epoch)
    t.ok(after!.offset > before!.offset)
    t.same(await read(two), { top: after, messages: heardBy(two).slice(1) })
    await engine.forget()
    const { top } = await read(two)
    t.notOk([before!.epoch, after!.epoch].includes(top.epoch), 'also where it is read first')
  })

  faultTest('an engine that comes back from an older snapshot uses no offset twice, and its next message does not follow what it has lost',
    async (t, one, two, engine) => {
      const [kept] = await append(one, 'kept')
      await engine.save()
      const lost = await append(one, 'lost', 'lost, too')
      await until(() => heardBy(two).length === 3)
      await engine.kill()
      await until(() => one.state === 'away' && two.state === 'away')
      await engine.start()
      await until(() => one.state === 'ready' && two.state === 'ready')
      const since = lost.at(-1)!
      const [after] = await append(one, 'after')
      t.ok(after!.offset > since.offset)
      await until(() => heardBy(two).length === 4)
      const { previous } = heardBy(two).at(-1)!
      if (counts) t.notOk([kept!, ...lost].some(({ offset }) => offset === previous))
      else t.equal(previous, kept!.offset)
      t.same(textsOf((await read(two, since)).messages), ['after'])
      t.same(textsOf((await read(two)).messages), counts ? ['after'] : ['kept', 'after'])
    })

  faultTest('an engine that is away stores nothing, and nothing later', async (t, one, two, engine) => {
    await engine.kill()
    await until(() => one.state === 'away' && two.state === 'away')
    await refused(() => append(one, 'refused'))
    await refused(() => read(one))
    await engine.start()
    await until(() => one.state === 'ready' && two.state === 'ready')
    await append(one, 'stored')
    await until(() => heardBy(two).length > 0)
    t.same(textsOf((await read(two)).messages), ['stored'])
    t.same(textsOf(heardBy(two)), ['stored'])
  })

  faultTest('a message whose answer is lost is stored once, where it is published again with its id', async (t, one, two, engine) => {
    await append(one, 'before')
    engine.hang()
    const publish = (): Promise<Position> => historyOf(one).append(TOPIC, 'perhaps', BOUNDS, 'perhaps')
    await t.rejects(publish(), { code: 'TIMEOUT' })
    await t.rejects(read(one))
    engine.goOn()
    await until(() => publish().then(() => true, () => false))
    await until(() => one.state === 'ready' && two.state === 'ready')
    await append(one, 'after')
    t.same(textsOf((await read(two)).messages), ['before', 'perhaps', 'after'])
  })

  faultTest('a broker closes while its engine hangs with a message that is to be stored', async (t, one, two, engine) => {
    engine.hang()
    const published = t.rejects(append(one, 'perhaps'))
    await one.broker.close()
    await published
    await t.rejects(append(one, 'late'), { code: 'UNAVAILABLE' })
    await t.rejects(read(one), { code: 'UNAVAILABLE' })
    engine.goOn()
    t.same(one.stored, [])
    await until(() => append(two, 'other').then(() => true, () => false))
  })
}
