import { once } from 'node:events'
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { Readable } from 'node:stream'
import t from 'tap'
import type { ReceivedMessage } from '../../../lib/index.js'
import { connect, countTurns, spin, until } from '../../support/helper.js'
import { deferred } from '../../support/deferred.js'
import { live, start, type LiveSocket } from '../../support/live.js'

/** A stream that goes on until it is told to end, and heeds that. */
async function * untilCancelled (_payload: unknown, _socket: unknown, { signal }: ReceivedMessage): AsyncGenerator<{ n: number }> {
  yield { n: 1 }
  await delay(60_000, undefined, { signal })
}

t.test('items that a handler yields go out one by one, checked and stripped, and then the end', async (t) => {
  const { client } = await start(t, { async * count () { yield { n: 1, secret: 'x' }; yield { n: 2 } } })
  client.send({ type: 'count', ref: 7, to: 2 })
  t.same(await client.next(), { type: '$next', ref: 7, data: { n: 1 } })
  t.same(await client.next(), { type: '$next', ref: 7, data: { n: 2 } })
  t.same(await client.next(), { type: '$done', ref: 7 })
})

t.test('any async iterable is a stream, returned at once or by a promise', async (t) => {
  for (const count of [() => Readable.from([{ n: 1 }]), async () => Readable.from([{ n: 1 }])]) {
    const { client } = await start(t, { count })
    client.send({ type: 'count', ref: 1, to: 1 })
    t.same(await client.next(), { type: '$next', ref: 1, data: { n: 1 } })
    t.same(await client.next(), { type: '$done', ref: 1 })
  }
})

t.test('a result that is no async iterable is a 500, and an error in the log', async (t) => {
  for (const result of [undefined, null, 5, [{ n: 1 }]]) {
    const { client, log, app } = await start(t, { count: () => result })
    client.send({ type: 'count', ref: 1, to: 1 })
    t.match(await client.next(), { type: '$error', ref: 1, received: 'count', statusCode: 500 })
    t.match(log.find('websocket handler failed'), [
      { level: 50, err: { code: 'FST_TYPED_WS_INVALID_STREAM_RESULT', message: /'count' must return an async iterable/ } }
    ])
    t.equal(app.channel(live).stats.streams, 0)
  }
})

t.test('an item that breaks its schema ends the stream with a 500, and the generator runs its finally', async (t) => {
  const ended = deferred()
  const { client } = await start(t, {
    async * count () { try { yield { n: 1 }; yield { n: 5000 }; yield { n: 2 } } finally { ended.resolve() } }
  })
  client.send({ type: 'count', ref: 1, to: 1 })
  t.match(await client.next(), { type: '$next' })
  t.match(await client.next(), { type: '$error', ref: 1, received: 'count', statusCode: 500 })
  await ended.promise
  client.send({ type: 'ask', ref: 2, n: 2 })
  t.match(await client.next(), { type: '$reply', ref: 2 })
})

t.test('a stream that throws ends with the $error of it', async (t) => {
  const { client } = await start(t, {
    async * count ({ to }) {
      if (to > 0) yield { n: 1 }
      throw Object.assign(new Error('no more'), { statusCode: 410 })
    }
  })
  for (const to of [0, 1]) {
    client.send({ type: 'count', ref: 3, to })
    if (to > 0) t.match(await client.next(), { type: '$next' })
    t.match(await client.next(), { type: '$error', ref: 3, statusCode: 410, message: 'no more' })
  }
})

t.test('a stream that is cancelled sends nothing more, runs finally, and has its signal aborted', async (t) => {
  const ended = deferred()
  let signal: AbortSignal | undefined
  const { client, app } = await start(t, {
    async * count (_, __, message) {
      signal = message.signal
      try {
        for (let n = 1; ; n++) {
          yield { n }
          await delay(60_000, undefined, { signal })
        }
      } finally { ended.resolve() }
    }
  })
  client.send({ type: 'count', ref: 1, to: 1 })
  await client.next()
  t.equal(signal?.aborted, false)
  client.send({ type: '$cancel', ref: 1 })
  await ended.promise
  t.equal(signal?.aborted, true)
  await until(() => app.channel(live).stats.streams === 0)
  client.send({ type: 'ask', ref: 2, n: 2 })
  t.match(await client.next(), { type: '$reply', ref: 2 })
})

t.test('a stream is cancelled while its handler, or its first item, is still awaited', async (t) => {
  const [handler, begun, item, ended] = [deferred(), deferred(), deferred(), deferred()]
  const late = async function * () { try { begun.resolve(); await item.promise; yield { n: 1 } } finally { ended.resolve() } }
  const { client, app } = await start(t, { count: async ({ to }) => { if (to === 0) await handler.promise; return late() } })
  client.send({ type: 'count', ref: 1, to: 0 })
  await client.flushed()
  client.send({ type: '$cancel', ref: 1 })
  await client.flushed()
  handler.resolve()
  client.send({ type: 'count', ref: 2, to: 1 })
  await begun.promise
  t.equal(app.channel(live).stats.streams, 1)
  client.send({ type: '$cancel', ref: 2 })
  await client.flushed()
  item.resolve()
  await ended.promise
  client.send({ type: 'ask', ref: 3, n: 3 })
  t.same(await client.next(), { type: '$reply', ref: 3, data: 3 })
  t.equal(client.unread, 0)
})

t.test('a $cancel without a running stream of that ref changes no other', async (t) => {
  const { client, app } = await start(t, { count: untilCancelled, ask: () => 5 })
  client.send({ type: 'count', ref: 1, to: 1 })
  await client.next()
  client.send({ type: '$cancel', ref: 2 })
  client.send({ type: 'ask', ref: 2, n: 2 })
  t.same(await client.next(), { type: '$reply', ref: 2, data: 5 })
  client.send({ type: '$cancel', ref: 2 })
  await client.flushed()
  t.equal(app.channel(live).stats.streams, 1)
  client.send({ type: '$cancel', ref: 1 })
  await until(() => app.channel(live).stats.streams === 0)
})

t.test('an iterator without return is a stream', async (t) => {
  const { client, app } = await start(t, { count: () => ({ [Symbol.asyncIterator]: () => ({ next: async () => ({ value: { n: 1 } }) }) }) })
  client.send({ type: 'count', ref: 1, to: 1 })
  await client.next()
  client.send({ type: '$cancel', ref: 1 })
  await until(() => app.channel(live).stats.streams === 0)
  t.pass('and it ends all the same')
})

t.test('a connection that ends returns its streams, and errors they throw then are reported, except aborts', async (t) => {
  const reported: unknown[] = []
  for (const fault of [undefined, new Error('the last words')]) {
    const ended = deferred()
    const { client, log } = await start(t, {
      async * count (_, __, { signal }) {
        try {
          yield { n: 1 }
          await delay(60_000, undefined, { signal })
        } catch (error) {
          throw fault ?? error
        } finally { ended.resolve() }
      },
      ...(fault !== undefined && { errorHandler: (error: unknown) => { reported.push(error) } })
    })
    client.send({ type: 'count', ref: 1, to: 1 })
    await client.next()
    client.ws.terminate()
    await ended.promise
    if (fault !== undefined) await until(() => reported.length === 1)
    t.same(log.find('websocket handler failed').filter(({ level }) => level > 20), [])
  }
  t.match(reported, [{ message: 'the last words' }])
})

t.test('a generator whose return throws is reported', async (t) => {
  const reported: unknown[] = []
  const { client } = await start(t, {
    // eslint-disable-next-line no-unsafe-finally
    async * count () { try { yield { n: 1 }; yield { n: 2 } } finally { throw new Error('at the end') } },
    errorHandler: (error) => { reported.push(error) }
  }, { highWaterMarkBytes: 1 })
  client.ws.pause()
  client.send({ type: 'count', ref: 1, to: 1 })
  client.send({ type: '$cancel', ref: 1 })
  await until(() => reported.length === 1)
  t.match(reported, [{ message: 'at the end' }])
})

t.test('a stream holds its place among the messages only until it yields first', async (t) => {
  const [first, second] = [deferred(), deferred()]
  const { client } = await start(t, { async * count () { await first.promise; yield { n: 1 }; await second.promise; yield { n: 2 } } })
  client.send({ type: 'count', ref: 1, to: 2 })
  client.send({ type: 'ask', ref: 2, n: 2 })
  await client.flushed()
  t.equal(client.unread, 0)
  first.resolve()
  t.match(await client.next(), { type: '$next', ref: 1 })
  t.match(await client.next(), { type: '$reply', ref: 2 })
  second.resolve()
  t.match(await client.next(), { type: '$next', ref: 1 })
})

t.test('a stream beyond maxStreams, or with the ref of another, is rejected', async (t) => {
  const { client } = await start(t, { count: untilCancelled }, { maxStreams: 2 })
  for (const ref of [1, 2]) {
    client.send({ type: 'count', ref, to: 1 })
    t.match(await client.next(), { type: '$next', ref })
  }
  client.send({ type: 'count', ref: 3, to: 1 })
  t.match(await client.next(), { type: '$error', ref: 3, received: 'count', statusCode: 429, code: 'FST_TYPED_WS_TOO_MANY_STREAMS' })
  client.send({ type: 'count', ref: 2, to: 1 })
  const duplicate = await client.next()
  t.match(duplicate, {
    type: '$error',
    received: 'count',
    code: 'FST_TYPED_WS_VALIDATION',
    message: 'message/ref 2 is that of a stream that goes on'
  })
  t.notOk('ref' in duplicate)
  client.send({ type: '$cancel', ref: 2 })
  await client.flushed()
  client.send({ type: 'count', ref: 2, to: 1 })
  t.match(await client.next(), { type: '$next', ref: 2 })
})

t.test('a cancelled stream keeps its place until its generator has ended, and stats.streams counts it', async (t) => {
  const stubborn = deferred()
  const { client, app } = await start(t, { async * count () { yield { n: 1 }; await stubborn.promise } }, { maxStreams: 2 })
  for (const ref of [1, 2]) {
    client.send({ type: 'count', ref, to: 1 })
    t.match(await client.next(), { type: '$next', ref })
    client.send({ type: '$cancel', ref })
  }
  for (const ref of [1, 3]) {
    client.send({ type: 'count', ref, to: 1 })
    t.match(await client.next(), { type: '$error', ref, code: 'FST_TYPED_WS_TOO_MANY_STREAMS' })
  }
  t.equal(app.channel(live).stats.streams, 2)
  stubborn.resolve()
  await until(() => app.channel(live).stats.streams === 0)
  client.send({ type: 'count', ref: 1, to: 1 })
  t.match(await client.next(), { type: '$next', ref: 1 })
})

t.test('the generators of a connection that is gone are counted until they have ended', async (t) => {
  const stubborn = deferred()
  const { client, app } = await start(t, { async * count () { yield { n: 1 }; await stubborn.promise } })
  client.send({ type: 'count', ref: 1, to: 1 })
  await client.next()
  await client.close()
  await until(() => app.channel(live).size() === 0)
  t.match(app.channel(live).stats, { connections: 0, streams: 1 })
  stubborn.resolve()
  await until(() => app.channel(live).stats.streams === 0)
})

t.test('a stream that begins after its client is gone is returned once, though a $cancel waits behind it', async (t) => {
  const [hold, ended] = [deferred(), deferred()]
  let returns = 0
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: { n: 1 } }),
      async return () {
        returns++
        await ended.promise
        return { done: true, value: undefined }
      }
    })
  }
  const { client, app, socket } = await start(t, { say: () => hold.promise, count: () => source }, { maxQueuedMessages: 2 })
  const messages = [
    { type: 'say', text: '' },
    { type: 'count', ref: 1, to: 1 },
    { type: 'say', text: '' },
    { type: '$cancel', ref: 1 },
    { type: '$cancel', ref: 7 }
  ]
  for (const message of messages) client.send(message)
  await until(() => app.channel(live).stats.queued === 2)
  client.ws.terminate()
  await until(() => socket.signal.aborted)
  hold.resolve()
  await until(() => app.channel(live).stats.messagesReceived === messages.length)
  t.equal(app.channel(live).stats.streams, 1)
  ended.resolve()
  await until(() => app.channel(live).stats.streams === 0)
  t.equal(returns, 1)
})

t.test('an iterator without return keeps its place until its last step has settled, whatever the result', async (t) => {
  for (const fault of [undefined, new Error('too late')]) {
    const step = deferred()
    let steps = 0
    const next = async () => {
      if (steps++ > 0) await step.promise
      if (steps > 1 && fault !== undefined) throw fault
      return { value: { n: 1 } }
    }
    const { client, app } = await start(t, { count: () => ({ [Symbol.asyncIterator]: () => ({ next }) }) })
    client.send({ type: 'count', ref: 1, to: 1 })
    await client.next()
    await until(() => steps === 2)
    client.send({ type: '$cancel', ref: 1 })
    await client.flushed()
    t.equal(app.channel(live).stats.streams, 1)
    step.resolve()
    await until(() => app.channel(live).stats.streams === 0)
  }
})

t.test('the ref of a stream that failed is free once its error is sent, not while errorHandler runs', async (t) => {
  const [asked, thought] = [deferred(), deferred()]
  const { client } = await start(t, {
    async * count () {
      yield { n: 1 }
      throw new Error('no more')
    },
    errorHandler: async () => {
      asked.resolve()
      await thought.promise
    }
  })
  client.send({ type: 'count', ref: 1, to: 1 })
  t.match(await client.next(), { type: '$next', ref: 1 })
  await asked.promise
  client.send({ type: 'count', ref: 1, to: 1 })
  t.match(await client.next(), { type: '$error', message: 'message/ref 1 is that of a stream that goes on' })
  thought.resolve()
  t.match(await client.next(), { type: '$error', ref: 1, statusCode: 500 })
})

t.test('a stream that never waits lets other connections be served', async (t) => {
  let produced = 0
  const { client, url } = await start(t, { async * count () { for (;;) { produced++; yield { n: 1 } } } }, { rateLimit: false })
  const other = await connect(t, url)
  client.ws.on('message', () => {})
  client.send({ type: 'count', ref: 1, to: 1 })
  await until(() => produced > 1000)
  other.send({ type: 'ask', ref: 1, n: 5 })
  t.same(await other.next(), { type: '$reply', ref: 1, data: 5 })
  client.ws.terminate()
})

t.test('a stream whose items take long to make gives way between them', async (t) => {
  const turns = countTurns(t)
  const seen: number[] = []
  const { client } = await start(t, {
    async * count ({ to }) { for (let n = 1; n <= to; n++) { spin(6); seen.push(turns.count); yield { n } } }
  })
  client.send({ type: 'count', ref: 1, to: 30 })
  while ((await client.next()).type !== '$done');
  t.ok(new Set(seen).size >= 3, `in ${new Set(seen).size} turns`)
})

t.test('a stream is pulled no faster than its client reads', async (t) => {
  let produced = 0
  const { client, socket } = await start(
    t,
    { async * count ({ to }) { while (produced < to) { produced++; yield { n: produced % 1000 } } } },
    { highWaterMarkBytes: 10_000, heartbeat: false, slowTimeoutMs: 60_000 }
  )
  client.send({ type: 'count', ref: 1, to: 400_000 })
  await client.next()
  client.ws.pause()
  await until(() => socket.bufferedAmount > 10_000)
  const before = produced
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  t.equal(produced, before, 'it waits')
  client.ws.resume()
  let received = 1
  client.ws.on('message', () => { received++ })
  await until(() => received >= before)
  t.ok(produced > before, 'and goes on')
  client.ws.terminate()
  await once(client.ws, 'close')
})

t.test('a stream without room on a closing connection ends with it', async (t) => {
  const ended = deferred()
  const failed: unknown[] = []
  const { client, socket } = await start(t, {
    async * count () {
      try {
        while (!await fills(socket)) yield { n: 1 }
        socket.close()
        yield { n: 2 }
        t.fail('nobody reads a third')
      } finally {
        ended.resolve()
      }
    },
    errorHandler: (error) => { failed.push(error) }
  }, { highWaterMarkBytes: 10_000, heartbeat: false, slowTimeoutMs: 60_000 })
  client.send({ type: 'count', ref: 1, to: 1 })
  await client.next()
  client.ws.pause()
  const closing = once(socket.raw, 'close')
  await until(() => socket.readyState !== 1)
  client.ws.terminate()
  await closing
  await ended.promise
  t.same(failed, [], 'that a client leaves is no failure of the handler')
})

t.test('a stream that is cancelled while it cleans up after an error gets no more answers', async (t) => {
  const [cleaning, cleaned] = [deferred(), deferred()]
  const { client } = await start(t, {
    async * count () {
      try {
        yield { n: 1 }
        yield { n: 'two' } as never
      } finally {
        cleaning.resolve()
        await cleaned.promise
      }
    }
  })
  client.send({ type: 'count', ref: 1, to: 2 })
  t.match(await client.next(), { type: '$next', ref: 1 })
  await cleaning.promise
  client.send({ type: '$cancel', ref: 1 })
  await client.flushed()
  cleaned.resolve()
  await turn()
  client.send({ type: '$ping' })
  t.same(await client.next(), { type: '$pong' })
})

// Lets the event loop go round, and says whether more waits than may.
async function fills (socket: LiveSocket): Promise<boolean> {
  await turn()
  return !socket.send('said', { text: 'x'.repeat(100_000) }) && socket.bufferedAmount > 10_000
}

t.test('a stream that waits for a slow client ends with it', async (t) => {
  const ended = deferred()
  const { client, socket, app, log } = await start(t, {
    async * count () { try { for (;;) yield { n: 1 } } finally { ended.resolve() } }
  }, { highWaterMarkBytes: 10_000, heartbeat: false, slowTimeoutMs: 60_000 })
  client.send({ type: 'count', ref: 1, to: 1 })
  await client.next()
  client.ws.pause()
  await until(() => socket.bufferedAmount > 10_000)
  await new Promise((resolve) => setImmediate(resolve))
  client.ws.terminate()
  await ended.promise
  await until(() => app.channel(live).size() === 0 && app.channel(live).stats.streams === 0)
  t.same(log.find('websocket handler failed'), [])
})

t.test('a stream handler that throws or rejects ends its stream with an error, and frees its place', async (t) => {
  const fail = (): never => { throw Object.assign(new Error('no such list'), { statusCode: 404 }) }
  for (const count of [fail, async () => fail()]) {
    const { client, app } = await start(t, { count })
    client.send({ type: 'count', ref: 1, to: 1 })
    t.match(await client.next(), { type: '$error', ref: 1, received: 'count', statusCode: 404, message: 'no such list' })
    t.equal(app.channel(live).stats.streams, 0)
  }
})
