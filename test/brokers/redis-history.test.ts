// Recoverable topics over a Redis in which each answer, and its moment, is scripted.
import { createHash } from 'node:crypto'
import t from 'tap'
import { redis } from '../../lib/brokers/redis.js'
import { deferred } from '../support/deferred.js'
import { FakeCluster } from '../support/fake-cluster.js'
import { fakeTime, pass, stopClock, turn } from '../support/fake-time.js'
import { until } from '../support/helper.js'
import { replyError, startFake, type FakeIoredis } from './fake-ioredis.js'
import { Node } from './suite.js'

const BOUNDS = { maxMessages: 5, maxAgeMs: 3000 }

/** The commands that were sent, with what they run: a script, or the name of one. */
function commands ({ sent }: FakeIoredis): string[] {
  return sent.map(([command]) => command!)
}

t.test('a topic of Redis has three keys, and a channel', async (t) => {
  const { history, sender } = await startFake(t)
  t.same(await history.append('a/b', 'text', BOUNDS, 'id'), { epoch: 'e1', offset: 7 })
  await history.read('a/b', { epoch: 'e1', offset: 6 }, 10, BOUNDS)
  await history.read('a/b', undefined, 0, BOUNDS)
  const keys = ['3', 'typed-ws:top:a/b', 'typed-ws:history:a/b', 'typed-ws:ids:a/b', '3000', '30000']
  const [append, read, top] = sender.sent as [string[], string[], string[]]
  t.same(append.slice(2), [...keys, append[8], 'PUBLISH', 'typed-ws:a/b', '5', '"id"', 'text'])
  t.same(read.slice(2), [...keys, read[8], '6', '10'])
  t.same(top.slice(2), [...keys, top[8], '0', '0'])
  t.equal(new Set([append[8], read[8], top[8]]).size, 3, 'each has a name of its own for a history that is lost')
})

t.test('the first command of a connection carries the script, those behind it the name', async (t) => {
  const { node, history, sender } = await startFake(t)
  await Promise.all([history.append('a', '1', BOUNDS), history.append('a', '2', BOUNDS), history.read('a', undefined, 0, BOUNDS)])
  t.same(commands(sender), ['EVAL', 'EVALSHA', 'EVAL'])
  t.equal(sender.sent[1]![1], createHash('sha1').update(sender.sent[0]![1]!).digest('hex'))
  sender.become('close')
  t.equal(node.state, 'away')
  await t.rejects(history.append('a', 'refused', BOUNDS), { code: 'UNAVAILABLE', message: /away/ })
  sender.become('ready')
  await until(() => node.state === 'ready')
  await history.append('a', '3', BOUNDS)
  t.same(commands(sender), ['EVAL', 'EVALSHA', 'EVAL', 'EVAL'], 'the Redis of the next one may be another')
})

t.test('a Redis that has forgotten its scripts is given them again', async (t) => {
  const { history, sender } = await startFake(t)
  await history.append('a', '1', BOUNDS)
  sender.answer = ([command]) => {
    if (command === 'EVALSHA') throw replyError('NOSCRIPT No matching script.')
    return ['e1', '8']
  }
  t.same(await history.append('a', '2', BOUNDS), { epoch: 'e1', offset: 8 })
  t.same(commands(sender), ['EVAL', 'EVALSHA', 'EVAL'])
  t.equal(sender.sent[2]!.at(-1), '2')
})

t.test('a Redis that gets a script for the second time has a second in all', async (t) => {
  const { history, sender } = await startFake(t)
  await history.append('a', '1', BOUNDS)
  const forgotten = deferred<never>()
  sender.answer = ([command]) => command === 'EVALSHA' ? forgotten.promise : new Promise(() => {})
  fakeTime(t, ['setTimeout'])
  const clock = stopClock(t)
  let failure: unknown
  history.append('a', '2', BOUNDS).catch((error: unknown) => { failure = error })
  await turn()
  clock.nowMs += 900
  forgotten.reject(replyError('NOSCRIPT No matching script.'))
  await turn()
  await pass(99, 99)
  t.equal(failure, undefined)
  await pass(1, 1)
  t.match(failure, { code: 'TIMEOUT' })
})

t.test('an error of Redis is a refusal, and a command without an answer is not known', async (t) => {
  const { history, sender } = await startFake(t)
  sender.answer = () => { throw replyError('OOM command not allowed') }
  await t.rejects(history.append('a', '1', BOUNDS), { code: 'UNAVAILABLE', message: /OOM/ })
  sender.answer = () => { throw new Error('Command timed out') }
  await t.rejects(history.append('a', '1', BOUNDS), { code: 'TIMEOUT', message: /timed out/ })
  await t.rejects(history.read('a', undefined, 0, BOUNDS), { code: 'TIMEOUT', message: /timed out/ })
  t.equal(sender.sent.length, 3, 'nothing is sent twice')
})

t.test('a close waits for what is on its way to the history', async (t) => {
  const { node, history, sender } = await startFake(t)
  const answered = deferred<string[]>()
  sender.answer = () => answered.promise
  const appended = history.append('a', '1', BOUNDS)
  let isClosed = false
  const closed = node.broker.close().then(() => { isClosed = true })
  await turn()
  t.notOk(isClosed)
  answered.resolve(['e1', '9'])
  t.same(await appended, { epoch: 'e1', offset: 9 })
  await closed
  await t.rejects(history.append('a', '2', BOUNDS), { code: 'UNAVAILABLE' })
})

t.test('a text that begins like a stored message and is none is heard as it is', async (t) => {
  const { node, subscriber } = await startFake(t)
  const texts = ['\u0001', '\u0001e1 5 4', '\u0001e1 x 4 \ntext', '\u0001e1 12345678901234567 4 \ntext', '\u0001e.1 5 4 \ntext']
  for (const text of texts) subscriber.emit('message', 'typed-ws:a', text)
  subscriber.emit('message', 'typed-ws:a', '\u0001\u0001e1 5 4 \ntext')
  subscriber.emit('message', 'typed-ws:a', '\u0001e1 5 4 "an id"\ntext\nof two lines')
  t.same(node.of('a'), [...texts, '\u0001e1 5 4 \ntext'], 'a node counts what it does not know')
  t.same(node.stored, [['a', { epoch: 'e1', offset: 5, previous: 4, message: 'text\nof two lines' }]])
})

t.test('a topic of a Cluster is stored by the master of its slot, which has its keys and its channel', async (t) => {
  fakeTime(t, ['setTimeout'])
  const cluster = new FakeCluster()
  const node = new Node('n1', redis(cluster))
  t.teardown(() => node.broker.close())
  node.broker.start(node)
  const history = node.broker.history!
  await t.rejects(history.append('a', 'early', BOUNDS), { code: 'UNAVAILABLE', message: /no master/ })
  cluster.emit('ready')
  await turn()
  cluster.a.connect()
  await until(() => node.state === 'ready')
  cluster.a.answer = ['e1', '7', '\u0001e1 7 6 \ntext']
  t.same(await history.append('a', 'text', BOUNDS), { epoch: 'e1', offset: 7 })
  const stored = { epoch: 'e1', offset: 7, previous: 6, message: 'text' }
  t.same(await history.read('a', undefined, 10, BOUNDS), { top: { epoch: 'e1', offset: 7 }, messages: [stored] })
  const [, , , top, kept, ids, , , , publish, channel] = cluster.a.commands[0]!
  const [tag] = /^typed-ws:\{\d+\}/.exec(top!)!
  t.same([top, kept, ids, publish, channel], [`${tag}top:a`, `${tag}history:a`, `${tag}ids:a`, 'SPUBLISH', `${tag}a`])
  cluster.a.push('smessage', channel!, '\u0001e1 7 6 \ntext')
  t.same(node.stored, [['a', stored]])
  await pass(200)
  const { count } = cluster.redis
  cluster.a.refusal = replyError('MOVED 1 b:2')
  await t.rejects(history.append('a', 'refused', BOUNDS), { code: 'UNAVAILABLE', message: /MOVED/ })
  await pass(200)
  t.ok(cluster.redis.count > count, 'it is asked who has the slot')
})
