import { mock } from 'node:test'
import t from 'tap'
import { connect, countTurns, maskedFrame, spin, until } from '../support/helper.js'
import { gate, live, start, type LiveSocket } from './live.js'

t.test('concurrency says how many handlers run at once, begun in order', async (t) => {
  for (const concurrency of [1, 2, 3]) {
    const begun: number[] = []
    const gates = [gate(), gate(), gate()]
    const { client } = await start(t, { async ask ({ n }) { begun.push(n); await gates[n]!.opened; return n } }, { concurrency })
    for (const n of [0, 1, 2]) client.send({ type: 'ask', ref: n + 1, n })
    await client.flushed()
    t.same(begun, [0, 1, 2].slice(0, concurrency))
    for (const n of concurrency === 3 ? [2, 0, 1] : [0, 1, 2]) {
      gates[n]!.open()
      t.match(await client.next(), { type: '$reply', data: n })
    }
  }
})

t.test('a handler learns what it handles', async (t) => {
  const seen: unknown[] = []
  const { client } = await start(t, { ask ({ n }, _, { type, ref, payload, signal }) { seen.push([type, ref, payload, signal.aborted]); return n } })
  client.send({ type: 'ask', ref: 4, n: 5 })
  await client.next()
  t.same(seen, [['ask', 4, { n: 5 }, false]])
})

t.test('a call that is cancelled while it waits is never begun; one that runs is told, and not answered', async (t) => {
  const hold = gate()
  const begun: number[] = []
  let signal: AbortSignal | undefined
  const { client } = await start(t, { async ask ({ n }, _, message) { begun.push(n); signal ??= message.signal; await hold.opened; return n } })
  for (const n of [1, 2, 3]) client.send({ type: 'ask', ref: n, n })
  client.send({ type: '$cancel', ref: 2 })
  client.send({ type: '$cancel', ref: 1 })
  client.send({ type: '$cancel', ref: 99 })
  await client.flushed()
  t.equal(signal?.aborted, true)
  hold.open()
  t.same(await client.next(), { type: '$reply', ref: 3, data: 3 })
  t.same(begun, [1, 3])
})

t.test('a handler that rejects because it was cancelled is no error', async (t) => {
  const { client, log } = await start(t, {
    async ask (_, __, { signal }) {
      await new Promise((resolve) => { signal.addEventListener('abort', resolve) })
      signal.throwIfAborted()
    }
  })
  client.send({ type: 'ask', ref: 1, n: 1 })
  client.send({ type: '$cancel', ref: 1 })
  client.send({ type: '$ping' })
  t.match(await client.next(), { type: '$pong' })
  await until(() => log.find('websocket handler failed').length === 1)
  t.match(log.find('websocket handler failed'), [{ level: 20 }])
  t.equal(client.unread, 0)
})

t.test('the message that refresh names overtakes all others, and is cancelled like them', async (t) => {
  let renewed = 0
  const hold = gate()
  const { client, app } = await start(t, {
    ask: async () => await new Promise(() => {}),
    async renew () { renewed++; await hold.opened },
    refresh: 'renew'
  }, { maxQueuedMessages: 8 })
  for (let n = 1; n <= 3; n++) client.send({ type: 'ask', ref: n, n })
  for (let n = 1; n <= 3; n++) client.send({ type: 'renew' })
  await client.flushed()
  t.equal(renewed, 1, 'one by one')
  t.match(app.channel(live).stats, { queued: 4, running: 2 })
  client.send({ type: '$cancel', ref: 2 })
  client.send({ type: '$cancel', ref: 77 })
  hold.open()
  await until(() => renewed === 3)
  await until(() => app.channel(live).stats.queued === 1)
  client.ws.terminate()
  await until(() => app.channel(live).size() === 0)
})

t.test('past the rate limit each message gets a 429 that says which it was', async (t) => {
  const handled: number[] = []
  const { client } = await start(t, { ask ({ n }) { handled.push(n); return n } }, { rateLimit: { max: 1, timeWindowMs: 2 ** 31 - 1 } })
  for (const n of [1, 2, 3]) client.send({ type: 'ask', ref: n, n })
  for (const ref of [1, 2]) t.match(await client.next(), { type: '$reply', ref })
  t.strictSame(await client.next(), { type: '$error', ref: 3, received: 'ask', statusCode: 429, error: 'Too Many Requests', code: 'FST_TYPED_WS_RATE_LIMITED', message: 'too many messages' })
  t.same(handled, [1, 2])
  client.send({ type: 'nope', ref: 4 })
  t.match(await client.next(), { type: '$error', ref: 4, received: 'nope', statusCode: 429 })
  for (const message of [{ type: '$ping' }, { type: '$cancel', ref: 5 }, { type: '$reply', ref: 6 }, { type: '$error', ref: 7 }]) {
    client.send(message)
    t.match(await client.next(), { type: '$error', received: message.type, statusCode: 429 }, message.type)
  }
  client.send(Buffer.from([1]))
  t.match(await client.next(), { type: '$error', statusCode: 429 })
})

t.test('a message costs what its route says', async (t) => {
  const { client, url } = await start(t, {}, { rateLimit: { max: 5, timeWindowMs: 2 ** 31 - 1 } }, { ask: 5, say: 0 })
  for (let n = 0; n < 50; n++) client.send({ type: 'say', text: 'free' })
  for (const n of [1, 2, 3]) client.send({ type: 'ask', ref: n, n })
  for (const ref of [1, 2]) t.match(await client.next(), { type: '$reply', ref })
  t.match(await client.next(), { type: '$error', ref: 3, statusCode: 429 })
  const other = await connect(t, url)
  other.send({ type: 'ask', ref: 1, n: 1 })
  t.match(await other.next(), { type: '$reply' }, 'each connection pays for itself')
})

t.test('answers that are owed to the server cost nothing', async (t) => {
  const { client, socket } = await start(t, { ask: async () => await new Promise(() => {}) }, { rateLimit: { max: 1, timeWindowMs: 2 ** 31 - 1 } })
  client.send({ type: 'ask', ref: 1, n: 1 })
  client.send({ type: 'say', text: '' })
  const answers = [1, 2, 3].map(async () => await socket.call('confirm', { question: '' }))
  for (let ref = 1; ref <= 3; ref++) {
    await client.next()
    client.send({ type: '$reply', ref, data: true })
  }
  t.same(await Promise.all(answers), [true, true, true])
  client.send({ type: '$cancel', ref: 1 })
  await client.flushed()
  t.equal(client.unread, 0)
})

t.test('to cancel a call that runs is free once, and costs as much as any message after that', async (t) => {
  let aborted = 0
  const { client } = await start(t, {
    async ask (_, __, { signal }) {
      signal.addEventListener('abort', () => { aborted++ })
      await new Promise(() => {})
    },
    async count (_, __, { signal }) {
      signal.addEventListener('abort', () => { aborted++ })
      await new Promise(() => {})
    }
  }, { rateLimit: { max: 2, timeWindowMs: 2 ** 31 - 1 }, concurrency: 3 })
  client.send({ type: 'ask', ref: 1, n: 1 })
  client.send({ type: 'count', ref: 2, to: 1 })
  for (const ref of [1, 2, 1, 2]) client.send({ type: '$cancel', ref })
  await client.flushed()
  t.equal(client.unread, 0, 'the second pair takes the two tokens that are left')
  for (const ref of [1, 2]) {
    client.send({ type: '$cancel', ref })
    t.match(await client.next(), { type: '$error', received: '$cancel', ref, statusCode: 429 })
  }
  t.equal(aborted, 2, 'each is told once')
})

t.test('without a rate limit nothing is counted', async (t) => {
  const { client } = await start(t, {}, { rateLimit: false })
  for (let n = 1; n <= 1000; n++) client.send({ type: 'ask', ref: n, n })
  for (let n = 1; n <= 1000; n++) t.equal((await client.next()).type, '$reply')
})

t.test('a client that floods for ten windows on end is closed with 4429', async (t) => {
  let nowMs = 1000
  const now = mock.method(performance, 'now', () => nowMs)
  t.teardown(() => now.mock.restore())
  const { client } = await start(t, {}, { rateLimit: { max: 1, timeWindowMs: 1000 } })
  const flood = async (): Promise<void> => {
    for (let n = 0; n < 4; n++) client.send({ type: 'ask', ref: 1, n })
    for (let n = 0; n < 4; n++) await client.next()
  }
  for (let window = 0; window < 9; window++, nowMs += 1000) await flood()
  nowMs += 2000
  for (let window = 0; window < 9; window++, nowMs += 1000) await flood()
  t.equal(client.ws.readyState, 1, 'a window of rest in between begins anew')
  for (let n = 0; n < 4; n++) client.send({ type: 'ask', ref: 1, n })
  t.same(await client.closed(), { code: 4429, reason: 'too many messages' })
  let last = await client.next()
  while (client.unread > 0) last = await client.next()
  t.match(last, { type: '$error', statusCode: 429 }, 'the last one is told, too')
})

t.test('too many invalid messages in a row end the connection with 1008, in their place', async (t) => {
  const handled: string[] = []
  const hold = gate()
  const { client } = await start(t, { async say ({ text }) { handled.push(text); await hold.opened } }, { maxInvalidMessages: 3 })
  for (let n = 0; n < 2; n++) client.send('x')
  client.send({ type: 'say', text: 'one' })
  client.send({ type: '$ping' })
  for (let n = 0; n < 3; n++) client.send('x')
  client.send({ type: 'say', text: 'not heard' })
  client.send(Buffer.from([1]))
  await client.flushed()
  hold.open()
  t.same(await client.closed(), { code: 1008, reason: 'too many invalid messages' })
  const types: string[] = []
  while (client.unread > 0) types.push((await client.next()).type)
  t.same(types, ['$error', '$error', '$pong', '$error', '$error', '$error'])
  t.same(handled, ['one'])
})

t.test('a message that arrives after the close frame of the server is not handled, as in browsers', async (t) => {
  const handled: string[] = []
  const { client } = await start(t, { say ({ text }, socket: LiveSocket) { handled.push(text); socket.close() } })
  client.send({ type: 'say', text: 'last' })
  client.send({ type: 'say', text: 'late' })
  client.send(Buffer.from([1]))
  await client.closed()
  t.same(handled, ['last'])
})

t.test('handlers that wait for nothing give way to others between messages, and lose none of them', async (t) => {
  const turns = countTurns(t)
  const seen: Array<{ text: string, turn: number }> = []
  const { client, app } = await start(t, { say: ({ text }) => { seen.push({ text, turn: turns.count }); spin(6) } })
  const texts = Array.from({ length: 40 }, (_, n) => String(n))
  const tcp = (client.ws as unknown as { _socket: { write (bytes: Buffer): void } })._socket
  tcp.write(Buffer.concat(texts.map((text) => maskedFrame(JSON.stringify({ type: 'say', text })))))
  await until(() => seen.length === texts.length)
  t.same(seen.map(({ text }) => text), texts, 'in their order')
  t.ok(new Set(seen.map(({ turn }) => turn)).size >= 3)
  t.match(app.channel(live).stats, { queued: 0, running: 0 })
})
