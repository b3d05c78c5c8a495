import { once } from 'node:events'
import { mock } from 'node:test'
import t from 'tap'
import { connect, connectRaw, handshakeText, maskedFrame, until, type Client } from '../../support/helper.js'
import { deferred } from '../../support/deferred.js'
import { live, start } from '../../support/live.js'

for (const message of [
  { type: 'ask', ref: 3, n: 3 }, { type: 'nope', ref: 3 }, { type: '$ping' },
  { type: '$cancel', ref: 5 }, { type: '$reply', ref: 6 }, { type: '$error', ref: 7 }, Buffer.from([1])
]) {
  const { type: received, ref } = message as { type?: string, ref?: number }
  t.test(`${received ?? 'a binary message'} past the rate limit gets a 429 that names it, and nothing more is read`, async (t) => {
    const handled: number[] = []
    const { client, socket, app, url } = await start(t, { ask ({ n }) { handled.push(n); return n } }, {
      rateLimit: { max: 1, timeWindowMs: 2 ** 31 - 1 }
    })
    for (const n of [1, 2]) client.send({ type: 'ask', ref: n, n })
    client.send(message)
    for (let n = 4; n < 1000; n++) client.send({ type: 'ask', ref: n, n })
    for (const ref of [1, 2]) t.match(await client.next(), { type: '$reply', ref })
    const { ref: answered, received: named, ...denial } = await client.next()
    t.strictSame(denial, {
      type: '$error',
      statusCode: 429,
      error: 'Too Many Requests',
      code: 'FST_TYPED_WS_RATE_LIMITED',
      message: 'too many messages'
    })
    t.same([answered, named], [ref, received])
    const other = await connect(t, url)
    other.send({ type: 'ask', ref: 1, n: 0 })
    await other.next()
    t.same(handled, [1, 2, 0])
    t.equal(socket.raw.isPaused, true)
    t.equal(app.channel(live).stats.messagesReceived, 4)
    t.equal(client.unread, 0)
    socket.close(4000)
    t.match(await client.closed(), { code: 4000 }, 'it hears a goodbye all the same')
  })
}

t.test('a ping, a pong or a fragment past the rate limit is not read until there is a token', async (t) => {
  const rateLimit = { max: 1, timeWindowMs: 2 ** 31 - 1 }
  const { app } = await start(t, {}, { rateLimit })
  for (const frame of [maskedFrame('', 0x89), maskedFrame('', 0x8a), Buffer.concat([maskedFrame('', 0x01), maskedFrame('', 0x00)])]) {
    const client = await connectRaw(t, app)
    client.write(handshakeText(app, '/'))
    await once(client, 'data')
    const [...sockets] = app.channel(live).sockets()
    const socket = sockets.at(-1)!
    let heard = 0
    for (const event of ['ping', 'pong']) socket.raw.on(event, () => { heard++ })
    client.write(Buffer.concat(Array.from({ length: 100 }, () => frame)))
    await until(() => socket.raw.isPaused)
    t.ok(heard <= 2, 'no more than the bucket holds')
  }
})

t.test('a pong that answers a ping of the server costs nothing', async (t) => {
  const { client, socket } = await start(t, {}, { rateLimit: { max: 1, timeWindowMs: 2 ** 31 - 1 } })
  let pongs = 0
  socket.raw.on('pong', () => { pongs++ })
  for (let n = 0; n < 5; n++) socket.raw.ping()
  await until(() => pongs === 5)
  client.send({ type: 'ask', ref: 1, n: 1 })
  t.match(await client.next(), { type: '$reply' })
})

t.test('a client that is not read for want of tokens is not cut by the heartbeat', async (t) => {
  const { client, socket } = await start(t, {}, {
    rateLimit: { max: 1, timeWindowMs: 2 ** 31 - 1 },
    heartbeat: { intervalMs: 5, timeoutMs: 5 }
  })
  for (let n = 0; n < 9; n++) client.send({ type: 'ask', n })
  await until(() => socket.raw.isPaused)
  for (let pings = 0; pings < 10; pings++) await once(client.ws, 'ping')
  t.equal(client.ws.readyState, 1)
})

t.test('the next message is handled with a new token, in order, and the one after it is rejected', async (t) => {
  let nowMs = 1000
  const now = mock.method(performance, 'now', () => nowMs)
  t.teardown(() => now.mock.restore())
  const { client } = await start(t, {}, { rateLimit: { max: 1, timeWindowMs: 5 } })
  for (let ref = 1; ref <= 9; ref++) client.send({ type: 'ask', ref, n: 1 })
  t.match(await client.next(), { type: '$reply', ref: 1 })
  for (let ref = 2; ref < 8; nowMs += 5) {
    t.match(await client.next(), { type: '$reply', ref: ref++ })
    t.match(await client.next(), { type: '$error', ref: ref++, statusCode: 429 })
  }
})

t.test('a message that found no token when it arrived is handled with one that has come meanwhile', async (t) => {
  let nowMs = 1000
  const now = mock.method(performance, 'now', () => nowMs)
  t.teardown(() => now.mock.restore())
  const handled: string[] = []
  const say = ({ text }: { text: string }): void => {
    handled.push(text)
    nowMs += 5
  }
  const { app } = await start(t, { say }, { rateLimit: { max: 1, timeWindowMs: 5 } })
  const client = await connectRaw(t, app)
  client.write(handshakeText(app, '/'))
  await once(client, 'data')
  const texts = ['a', 'b', 'c', 'd', 'e', 'f']
  client.write(Buffer.concat(texts.map((text) => maskedFrame(JSON.stringify({ type: 'say', text })))))
  await until(() => handled.length === texts.length)
  t.same(handled, texts)
  t.equal(app.channel(live).stats.errors['FST_TYPED_WS_RATE_LIMITED'], undefined)
})

t.test('a client that was silent for long has no more tokens than the bucket holds', async (t) => {
  let nowMs = 1000
  const now = mock.method(performance, 'now', () => nowMs)
  t.teardown(() => now.mock.restore())
  const { client } = await start(t, {}, { rateLimit: { max: 1, timeWindowMs: 5 } })
  client.send({ type: 'ask', ref: 1, n: 1 })
  t.match(await client.next(), { type: '$reply', ref: 1 })
  nowMs += 1000
  for (const ref of [2, 3, 4]) client.send({ type: 'ask', ref, n: 1 })
  for (const ref of [2, 3]) t.match(await client.next(), { type: '$reply', ref })
  t.match(await client.next(), { type: '$error', ref: 4, statusCode: 429 })
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

t.test('answers to calls of the server cost nothing', async (t) => {
  let signal: AbortSignal | undefined
  const { client, socket } = await start(t, {
    async ask (_, __, message) { signal = message.signal; await new Promise(() => {}) }
  }, { rateLimit: { max: 1, timeWindowMs: 2 ** 31 - 1 } })
  client.send({ type: 'ask', ref: 1, n: 1 })
  client.send({ type: 'say', text: '' })
  const answers = [1, 2, 3].map(async () => await socket.call('confirm', { question: '' }))
  for (let ref = 1; ref <= 3; ref++) {
    await client.next()
    client.send({ type: '$reply', ref, data: true })
  }
  t.same(await Promise.all(answers), [true, true, true])
  client.send({ type: '$cancel', ref: 1 })
  await until(() => signal?.aborted === true)
  t.equal(client.unread, 0)
})

t.test('the first $cancel of a running call costs nothing, and further ones cost as much as any message', async (t) => {
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
  // The first pair is free, the second takes the two tokens that are left.
  for (const ref of [1, 2, 1, 2, 1, 2]) client.send({ type: '$cancel', ref })
  t.match(await client.next(), { type: '$error', received: '$cancel', ref: 1, statusCode: 429 })
  t.equal(aborted, 2, 'each is told once')
})

t.test('a route without a rate limit counts no messages', async (t) => {
  const { client } = await start(t, {}, { rateLimit: false })
  for (let n = 1; n <= 1000; n++) client.send({ type: 'ask', ref: n, n })
  for (let n = 1; n <= 1000; n++) t.equal((await client.next()).type, '$reply')
})

for (const [what, flood] of [
  ['messages', (client: Client) => client.send({ type: 'ask', n: 1 })],
  ['pings', (client: Client) => client.ws.ping()]
] as const) {
  t.test(`a client that sends too many ${what} for ten windows in a row is closed with 4429`, async (t) => {
    const { client } = await start(t, {}, { rateLimit: { max: 10, timeWindowMs: 300 } })
    const timer = setInterval(() => { for (let n = 0; n < 5; n++) flood(client) }, 1)
    t.teardown(() => clearInterval(timer))
    t.same(await client.closed(), { code: 4429, reason: 'too many messages' })
    let last = await client.next()
    while (client.unread > 0) last = await client.next()
    t.match(last, { type: '$error', statusCode: 429 }, 'the last one is told, too')
  })
}

t.test('messages past the rate limit that were read before the end are rejected without a wait, and close runs', async (t) => {
  const handled: number[] = []
  const closed = deferred()
  const { app } = await start(
    t,
    { ask ({ n }: { n: number }) { handled.push(n) }, close: () => closed.resolve() } as never,
    { rateLimit: { max: 1, timeWindowMs: 2 ** 31 - 1 } }
  )
  const client = await connectRaw(t, app)
  client.write(handshakeText(app, '/'))
  await once(client, 'data')
  client.resume()
  client.end(
    Buffer.concat(Array.from({ length: 99 }, (_, n) => Buffer.concat([maskedFrame(`{"type":"ask","n":${n}}`), maskedFrame('', 0x89)])))
  )
  await closed.promise
  t.same(handled, [0])
})

t.test('too many invalid messages in a row end the connection with 1008, in their place', async (t) => {
  const handled: string[] = []
  const hold = deferred()
  const { client, app } = await start(t, { async say ({ text }) { handled.push(text); await hold.promise } }, { maxInvalidMessages: 3 })
  for (let n = 0; n < 2; n++) client.send('x')
  client.send({ type: 'say', text: 'one' })
  client.send({ type: '$ping' })
  for (let n = 0; n < 3; n++) client.send('x')
  client.send({ type: 'say', text: 'not heard' })
  client.send(Buffer.from([1]))
  await until(() => app.channel(live).stats.queued === 3)
  hold.resolve()
  t.same(await client.closed(), { code: 1008, reason: 'too many invalid messages' })
  const types: string[] = []
  while (client.unread > 0) types.push((await client.next()).type)
  t.same(types, ['$error', '$error', '$pong', '$error', '$error', '$error'])
  t.same(handled, ['one'])
})
