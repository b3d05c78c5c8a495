// Recoverable topics over a JetStream in which each answer, and its moment, is scripted.
import t from 'tap'
import { nats } from '../../lib/brokers/nats.js'
import type { BrokerHistory } from '../../types/broker.js'
import { FakeJetStream, NO_RESPONDERS, type FakeRequest } from '../support/fake-jetstream.js'
import { fakeTime, pass, stopClock, turn } from '../support/fake-time.js'
import { until, type Teardown } from '../support/helper.js'
import { Node } from './suite.js'

const BOUNDS = { maxMessages: 5, maxAgeMs: 60_000 }
const STREAM = 'typed-ws-a-holau7leug01234567'
const EPOCH = 'holau7leug01234567'
const BASE = Number.parseInt('holau7leug', 36)
const TOPIC = 'a:1'
const SUBJECT = 'typed-ws.@store.a.a%3A1'

const [NOT_FOUND, NO_CLUSTER, NOT_ENABLED, NO_STREAM, OVERLAPS, WRONG_LAST] = [10037, 10008, 10039, 10059, 10065, 10071]

interface Started {
  readonly node: Node
  readonly history: BrokerHistory
  readonly connection: FakeJetStream
}

/** A node of a NATS that has the stream. */
async function start (t: Teardown): Promise<Started> {
  const connection = new FakeJetStream()
  let config: object = {}
  connection.on('STREAM.NAMES', () => ({ streams: [STREAM] }))
  connection.on('STREAM.INFO', () => ({ config, state: { last_seq: 9 } }))
  connection.on('STREAM.UPDATE', ({ body }) => {
    config = body
    return {}
  })
  config = configOf()
  const node = new Node('n1', nats(connection))
  t.teardown(() => node.broker.close())
  node.broker.start(node)
  await until(() => node.state === 'ready')
  return { node, history: node.broker.history!, connection }
}

function configOf (changes: object = {}): object {
  return {
    retention: 'limits',
    subjects: ['typed-ws.@store.a.*'],
    max_msgs_per_subject: 5,
    max_age: 600_000_000_000,
    duplicate_window: 60_000_000_000,
    republish: { src: 'typed-ws.@store.a.*', dest: 'typed-ws.$1' },
    ...changes
  }
}

/** A stored message, as the API tells it. */
function kept (seq: number, text: string, { atMs = Date.now(), isMarker = false } = {}): object {
  const hdrs = isMarker ? Buffer.from('NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 1\r\n\r\n').toString('base64') : undefined
  return { message: { seq, subject: SUBJECT, data: Buffer.from(text).toString('base64'), time: new Date(atMs).toISOString(), hdrs } }
}

type Headers = Readonly<Record<string, string>>

function announce (connection: FakeJetStream, seq: number, last: number, text: string, headers: Headers = {}): void {
  const numbers = { 'Nats-Stream': STREAM, 'Nats-Sequence': String(seq), 'Nats-Last-Sequence': String(last) }
  connection.send('typed-ws.a%3A1', text, { ...numbers, ...headers })
}

function subjects ({ requests }: FakeJetStream): string[] {
  return requests.map(({ subject }) => subject)
}

t.test('a stream of JetStream has the messages of a kind, and announces them where plain ones are heard', async (t) => {
  const { history, connection } = await start(t)
  connection.on('STREAM.NAMES', () => ({ streams: null }))
  connection.on('STREAM.CREATE', () => ({}))
  connection.on(SUBJECT, () => ({ stream: STREAM, seq: 7 }))
  t.same(await history.append(TOPIC, 'text', BOUNDS), { epoch: EPOCH, offset: BASE + 7 })
  const [, create, publish] = connection.requests as [FakeRequest, FakeRequest, FakeRequest]
  t.match(create.body, { ...configOf(), name: /^typed-ws-a-[0-9a-z]{18}$/, storage: 'file', num_replicas: 1, discard: 'old' })
  t.match(publish, { text: 'text', headers: '' })
  await history.append('a:2', 'other', BOUNDS).catch(() => {})
  t.equal(subjects(connection)[3], 'typed-ws.@store.a.a%3A2', 'another topic of the kind has the same stream')
})

t.test('two nodes that make a stream at once have one of them', async (t) => {
  const { history, connection } = await start(t)
  let names: string[] | null = null
  connection.on('STREAM.NAMES', () => ({ streams: names }))
  connection.on('STREAM.CREATE', () => {
    names = [STREAM]
    return OVERLAPS
  })
  connection.on(SUBJECT, () => ({ stream: STREAM, seq: 1 }))
  t.same(await history.append(TOPIC, 'text', BOUNDS), { epoch: EPOCH, offset: BASE + 1 })
  t.match(subjects(connection), ['STREAM.NAMES', /^STREAM\.CREATE/, 'STREAM.NAMES', `STREAM.INFO.${STREAM}`, SUBJECT])
})

t.test('a stream that cannot be made, or is configured otherwise, is a mistake; one that waits for a leader is not', async (t) => {
  const { history, connection } = await start(t)
  const conflicts = [
    { retention: 'workqueue' }, { subjects: ['typed-ws.@store.a.*', 'more'] }, { republish: undefined },
    { republish: { src: 'typed-ws.@store.a.*', dest: 'other' } }, { republish: { src: '>', dest: 'typed-ws.$1' } },
    { republish: { src: 'typed-ws.@store.a.*', dest: 'typed-ws.$1', headers_only: true } }
  ]
  for (const changes of conflicts) {
    connection.on('STREAM.INFO', () => ({ config: configOf(changes) }))
    const error = await history.prepare!('a', BOUNDS).catch((error: unknown) => error)
    t.match(error, { message: /configured otherwise/, code: undefined }, JSON.stringify(changes))
  }
  await t.rejects(history.append(TOPIC, 'text', BOUNDS), { code: 'UNAVAILABLE', message: /configured otherwise/ })
  connection.on('STREAM.NAMES', () => ({ streams: [] }))
  connection.on('STREAM.CREATE', () => 10074)
  t.match(await history.prepare!('a', BOUNDS).catch((error: unknown) => error), { message: /error 10074/, code: undefined })
  for (const answer of [NO_RESPONDERS, NOT_ENABLED, 10076]) {
    connection.on('STREAM.NAMES', () => answer)
    t.match(await history.prepare!('a', BOUNDS).catch((error: unknown) => error), { message: /not enabled/, code: undefined })
  }
  for (const answer of [NO_CLUSTER, 10009]) {
    connection.on('STREAM.NAMES', () => answer)
    await t.rejects(history.prepare!('a', BOUNDS), { code: 'UNAVAILABLE' })
  }
})

t.test('other bounds change a stream, and nothing else of it', async (t) => {
  const { history, connection } = await start(t)
  connection.on('STREAM.INFO', () => ({ config: configOf({ num_replicas: 3, max_bytes: 7 }), state: { last_seq: 0 } }))
  await history.prepare!('a', BOUNDS)
  t.same(subjects(connection), ['STREAM.NAMES', `STREAM.INFO.${STREAM}`])
  await history.prepare!('a', { maxMessages: 9, maxAgeMs: 120_000 })
  const { subject, body } = connection.requests.at(-1)!
  t.equal(subject, `STREAM.UPDATE.${STREAM}`)
  const bounds = { max_msgs_per_subject: 9, max_age: 1_200_000_000_000, duplicate_window: 120_000_000_000 }
  t.same(body, configOf({ num_replicas: 3, max_bytes: 7, ...bounds }))
  await history.prepare!('a', { maxMessages: 9, maxAgeMs: 10 })
  t.match(connection.requests.at(-1)!.body, { max_age: 600_000_000_000, duplicate_window: 100_000_000 }, 'the least that NATS takes')
})

t.test('a stream that is gone is looked for once more, and then the message is refused', async (t) => {
  const { history, connection } = await start(t)
  connection.on(SUBJECT, () => NO_RESPONDERS)
  await t.rejects(history.append(TOPIC, 'text', BOUNDS), { code: 'UNAVAILABLE', message: /nobody answers at 'typed-ws\.@store/ })
  const once = ['STREAM.NAMES', `STREAM.INFO.${STREAM}`, SUBJECT]
  t.same(subjects(connection), [...once, ...once])
  connection.on('STREAM.MSG.GET', () => NO_STREAM)
  await t.rejects(history.read(TOPIC, undefined, 0, BOUNDS), { code: 'UNAVAILABLE', message: /error 10059/ })
  t.same(subjects(connection).slice(6), [`STREAM.MSG.GET.${STREAM}`, ...once.slice(0, 2), `STREAM.MSG.GET.${STREAM}`])
})

t.test('an empty topic has a marker for its position, unless a message is faster', async (t) => {
  const { history, connection } = await start(t)
  connection.on('STREAM.MSG.GET', () => NOT_FOUND)
  connection.on(SUBJECT, () => ({ stream: STREAM, seq: 4 }))
  t.same(await history.read(TOPIC, undefined, 0, BOUNDS), { top: { epoch: EPOCH, offset: BASE + 4 }, messages: [] })
  const marker = connection.requests.at(-1)!
  t.match(marker.headers, `Nats-Expected-Last-Subject-Sequence: 0\r\nNats-Expected-Stream: ${STREAM}\r\n`)
  t.equal(marker.text, '')
  let isStored = false
  connection.on('STREAM.MSG.GET', () => isStored ? kept(5, 'faster') : NOT_FOUND)
  connection.on(SUBJECT, () => {
    isStored = true
    return WRONG_LAST
  })
  t.same((await history.read(TOPIC, undefined, 0, BOUNDS)).top, { epoch: EPOCH, offset: BASE + 5 })
  isStored = false
  connection.on(SUBJECT, () => 10060)
  await t.rejects(history.read(TOPIC, undefined, 0, BOUNDS), { code: 'UNAVAILABLE' })
})

t.test('a topic that is quiet for long keeps its position: a marker stands for it, before and after', async (t) => {
  const { node, history, connection } = await start(t)
  await node.broker.subscribe(TOPIC)
  announce(connection, 3, 2, 'first')
  t.same(node.stored, [[TOPIC, { epoch: EPOCH, offset: BASE + 3, previous: BASE + 2, message: 'first' }]])
  connection.on('STREAM.MSG.GET', () => kept(3, 'first', { atMs: Date.now() - 299_000 }))
  await history.read(TOPIC, undefined, 0, BOUNDS)
  t.equal(connection.requests.at(-1)!.subject, `STREAM.MSG.GET.${STREAM}`, 'it is young enough')
  connection.on('STREAM.MSG.GET', () => kept(3, 'first', { atMs: Date.now() - 301_000 }))
  connection.on(SUBJECT, () => ({ stream: STREAM, seq: 8 }))
  t.same((await history.read(TOPIC, undefined, 0, BOUNDS)).top, { epoch: EPOCH, offset: BASE + 3 })
  const marker = connection.requests.at(-1)!
  t.match(marker, { text: String(BASE + 3), headers: /Last-Subject-Sequence: 3\r\n/ })
  announce(connection, 8, 3, marker.text, { 'Nats-Expected-Last-Subject-Sequence': '3' })
  announce(connection, 9, 8, 'second')
  t.same(node.stored[1], [TOPIC, { epoch: EPOCH, offset: BASE + 9, previous: BASE + 3, message: 'second' }], 'the marker is not told')
  announce(connection, 12, 11, 'behind one that was not heard')
  t.match(node.stored[2], [TOPIC, { previous: BASE + 11 }])
  t.equal(node.messages.length, 0)
  connection.on('STREAM.MSG.GET', ({ body: { seq, last_by_subj: isLast } }) => {
    return isLast === undefined && Number(seq) <= 8 ? kept(8, marker.text, { isMarker: true }) : kept(9, 'second')
  })
  const second = { epoch: EPOCH, offset: BASE + 9, previous: BASE + 3, message: 'second' }
  const since = { epoch: EPOCH, offset: BASE + 3 }
  t.same((await history.read(TOPIC, since, 10, BOUNDS)).messages, [second], 'also where the message itself was deleted')
})

t.test('a marker that is read is known when the next message comes, and one that was left is not', async (t) => {
  const { node, history, connection } = await start(t)
  connection.on('STREAM.MSG.GET', () => kept(8, String(BASE + 3), { isMarker: true }))
  await node.broker.subscribe(TOPIC)
  t.equal((await history.read(TOPIC, undefined, 0, BOUNDS)).top.offset, BASE + 3)
  announce(connection, 9, 8, 'next')
  t.match(node.stored, [[TOPIC, { previous: BASE + 3 }]])
  node.broker.unsubscribe(TOPIC)
  await history.read(TOPIC, undefined, 0, BOUNDS)
  await node.broker.subscribe(TOPIC)
  announce(connection, 9, 8, 'next')
  t.match(node.stored[1], [TOPIC, { previous: BASE + 8 }], 'it is read anew for a topic that begins')
})

t.test('a message of a stream of others, and one in front of no subscription, are no stored messages', async (t) => {
  const { node, connection } = await start(t)
  await node.broker.subscribe(TOPIC)
  for (const stream of ['', 'other', 'typed-ws-a-short']) announce(connection, 1, 0, `of '${stream}'`, { 'Nats-Stream': stream })
  t.same(node.stored, [])
  t.same(node.of(TOPIC), ['of \'\'', 'of \'other\'', 'of \'typed-ws-a-short\''])
  const callback = connection.callbackOf('typed-ws.a%3A1')
  node.broker.unsubscribe(TOPIC)
  const values: Headers = { 'Nats-Stream': STREAM, 'Nats-Sequence': '2', 'Nats-Last-Sequence': '1' }
  callback(null, { subject: 'typed-ws.a%3A1', headers: { code: 0, get: (name) => values[name] ?? '' }, string: () => 'late' })
  t.match(node.stored, [[TOPIC, { offset: BASE + 2, previous: BASE + 1 }]], 'one that comes late is as it is')
})

t.test('few messages are read one after the other, more by a consumer, which is deleted', async (t) => {
  const { history, connection } = await start(t)
  const at = (seq: number): string => `$JS.ACK.domain.account.${STREAM}.c1.1.${seq}.${seq}.${Date.now()}000000.${20 - seq}.token`
  connection.on('STREAM.MSG.GET', ({ body: { seq, last_by_subj: isLast } }) => kept(isLast === undefined ? Number(seq) : 20, 'got'))
  connection.on('CONSUMER.CREATE', ({ body }) => {
    const { config } = body as { config: { deliver_subject: string, opt_start_seq: number } }
    connection.send(config.deliver_subject, '', {}, undefined, new Error('permissions'))
    for (let seq = config.opt_start_seq; seq <= 20; seq++) connection.send(config.deliver_subject, 'consumed', undefined, at(seq))
    return { name: 'c1' }
  })
  connection.on('CONSUMER.DELETE', () => ({}))
  const { messages } = await history.read(TOPIC, { epoch: EPOCH, offset: BASE + 10 }, 100, BOUNDS)
  t.same(messages.map(({ offset, message }) => [offset - BASE, message]), [
    [11, 'got'], [12, 'got'], [13, 'got'], [14, 'got'], [15, 'got'],
    [16, 'consumed'], [17, 'consumed'], [18, 'consumed'], [19, 'consumed'], [20, 'consumed']
  ])
  t.same(messages.map(({ previous }) => previous - BASE), [10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
  await until(() => connection.requests.at(-1)!.subject === `CONSUMER.DELETE.${STREAM}.c1`)
  t.equal((await history.read(TOPIC, undefined, 100, BOUNDS)).messages.length, 20)
  connection.on('STREAM.MSG.GET', ({ body: { last_by_subj: isLast } }) => isLast === undefined ? NOT_FOUND : kept(20, 'got'))
  t.same((await history.read(TOPIC, { epoch: EPOCH, offset: BASE + 10 }, 100, BOUNDS)).messages, [], 'deleted meanwhile')
})

t.test('an id whose message was forgotten is given to the next one under another name', async (t) => {
  const { history, connection } = await start(t)
  const names: string[] = []
  connection.on(SUBJECT, ({ headers }) => {
    names.push(/Nats-Msg-Id: (.+)\r\n/.exec(headers)![1]!)
    return { stream: STREAM, seq: 2 + names.length, duplicate: names.length < 3 }
  })
  connection.on('STREAM.MSG.GET', ({ body: { seq } }) => seq === 3 ? NOT_FOUND : kept(4, 'too old', { atMs: Date.now() - 61_000 }))
  t.same(await history.append(TOPIC, 'text', BOUNDS, 'an id'), { epoch: EPOCH, offset: BASE + 5 })
  t.same(names, [names[0], `${names[0]} 3`, `${names[0]} 4`])
  t.match(names[0], /^[\w-]{43}$/)
})

t.test('a stream that has lost its newest messages is deleted after an outage, and no other', async (t) => {
  const connection = new FakeJetStream()
  const node = new Node('n1', nats(connection))
  t.teardown(() => node.broker.close())
  const history = node.broker.history as BrokerHistory & { check (): Promise<void> }
  connection.on('STREAM.NAMES', () => ({ streams: [STREAM] }))
  connection.on('STREAM.INFO', () => ({ config: configOf(), state: { last_seq: 7 } }))
  connection.on(SUBJECT, () => ({ stream: STREAM, seq: 7 }))
  node.broker.start(node)
  await until(() => node.state === 'ready')
  await history.append(TOPIC, 'text', BOUNDS)
  await history.check()
  t.equal(connection.requests.at(-1)!.subject, `STREAM.INFO.${STREAM}`)
  connection.on('STREAM.INFO', () => NO_CLUSTER)
  await history.check()
  connection.on('STREAM.INFO', () => ({ config: configOf(), state: { last_seq: 6 } }))
  connection.on('STREAM.DELETE', () => ({}))
  await history.check()
  t.equal(connection.requests.at(-1)!.subject, `STREAM.DELETE.${STREAM}`)
  await history.append(TOPIC, 'text', BOUNDS)
  t.same(subjects(connection).slice(-3), ['STREAM.NAMES', `STREAM.INFO.${STREAM}`, SUBJECT], 'it is looked for anew')
})

t.test('a message whose time is over before it was sent is refused, and not sent later', async (t) => {
  const { history, connection } = await start(t)
  let asked: FakeRequest | undefined
  connection.on('STREAM.NAMES', (request) => { asked = request; return undefined })
  fakeTime(t, ['setTimeout'])
  const clock = stopClock(t)
  const appended = t.rejects(history.append(TOPIC, 'text', BOUNDS), { code: 'UNAVAILABLE', message: /too slow/ })
  await turn()
  clock.nowMs += 1000
  connection.send(asked!.reply, JSON.stringify({ streams: [STREAM] }))
  await pass(1, 1)
  await appended
  t.same(subjects(connection), ['STREAM.NAMES'])
})

t.test('a request that the connection does not take is refused, and one without an answer is not known', async (t) => {
  const { history, connection } = await start(t)
  connection.on(SUBJECT, () => undefined)
  await history.prepare!('a', BOUNDS)
  fakeTime(t, ['setTimeout'])
  const late = t.rejects(history.append(TOPIC, 'text', BOUNDS), { code: 'TIMEOUT' })
  await turn()
  connection.send(connection.requests.at(-1)!.reply, 'no answer', {}, undefined, new Error('permissions'))
  await pass(1000)
  await late
  connection.publishError = new Error('max_payload size exceeded')
  await t.rejects(history.append(TOPIC, 'text', BOUNDS), { code: 'UNAVAILABLE', message: /max_payload/ })
})

t.test('a close waits for what is on its way to JetStream', async (t) => {
  const { node, history, connection } = await start(t)
  connection.on(SUBJECT, () => undefined)
  await history.prepare!('a', BOUNDS)
  const appended = history.append(TOPIC, 'text', BOUNDS)
  await turn()
  let isClosed = false
  const closed = node.broker.close().then(() => { isClosed = true })
  await turn()
  t.notOk(isClosed)
  await t.rejects(history.append(TOPIC, 'late', BOUNDS), { code: 'UNAVAILABLE', message: /away/ })
  connection.send(connection.requests.at(-1)!.reply, JSON.stringify({ stream: STREAM, seq: 9 }))
  t.same(await appended, { epoch: EPOCH, offset: BASE + 9 })
  await closed
})
