// Clients that read slowly, or not at all.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type CloseEvent, type PluginOptions, type Socket } from '../../../lib/index.js'
import { deferred } from '../../support/deferred.js'
import { hear } from '../../support/diagnostics.js'
import {
  connect, countTurns, createApp, handshakeText, listen, maskedFrame, until, type Client, type Teardown
} from '../../support/helper.js'

t.test('other connections are served, and an app closes in time, while a client reads as fast as it is sent to', async (t) => {
  let isClosing = false
  let rounds = 0
  const { app, client, url } = await start(t, { shutdown: { timeoutMs: 300 } }, async (socket) => {
    for (; !isClosing; rounds++) if (!socket.send('item', { n: 0, text: 'x' })) await socket.drained()
  })
  await readElsewhere(t, app)
  const other = await connect(t, url)
  for (let n = 0; n < 3; n++) {
    const before = rounds
    other.send({ type: 'ask', ref: n + 1, n })
    t.match(await other.next(), { type: '$reply', ref: n + 1 })
    t.ok(rounds > before, 'meanwhile it was sent to')
  }
  client.ws.terminate()
  await app.close()
  isClosing = true
})

t.test('a loop around channel.publish gives way to others', async (t) => {
  const { app } = await start(t)
  const turns = countTurns(t)
  for (let n = 0; turns.count < 3; n++) {
    if (n === 10_000_000) throw new Error('nobody else was served')
    await app.channel(feed).publish('nobody', 'item', { n, text: '' })
  }
  t.pass('and goes on')
})

t.test('a loop around calls to a client that has left gives way to others', async (t) => {
  const { client, socket, closed } = await start(t)
  client.ws.terminate()
  await closed
  const turns = countTurns(t)
  while (turns.count < 3) await t.rejects(socket.call('sure', {}), { code: 'FST_TYPED_WS_CONNECTION_CLOSED' })
})

const feed = defineContract({
  name: 'feed.v1',
  clientToServer: {
    start: Type.Object({}),
    ask: { request: Type.Object({ n: Type.Number() }), reply: Type.Number() }
  },
  serverToClient: {
    item: Type.Object({ n: Type.Number(), text: Type.String() }),
    sure: { request: Type.Object({}), reply: Type.Boolean() }
  },
  binary: { serverToClient: true }
})

type FeedSocket = Socket<typeof feed>

const text = 'x'.repeat(60_000)

interface Feed {
  readonly app: FastifyInstance
  readonly url: string
  readonly client: Client
  readonly socket: FeedSocket
  readonly asked: number[]
  readonly closed: Promise<CloseEvent>
}

/** A route whose client has connected and stopped reading. */
async function start (t: Teardown, options: PluginOptions = {}, onStart?: (socket: FeedSocket) => unknown): Promise<Feed> {
  const app = await createApp(t, { highWaterMarkBytes: 200_000, heartbeat: false, ...options })
  const opened = deferred<FeedSocket>()
  const closed = deferred<CloseEvent>()
  const asked: number[] = []
  app.ws('/', {
    contract: feed,
    open: async (socket) => { await socket.subscribe('all'); opened.resolve(socket) },
    on: { start: (_, socket) => onStart?.(socket), ask: ({ n }) => asked.push(n) },
    close: (_, event) => closed.resolve(event)
  })
  const url = await listen(app)
  const client = await connect(t, url)
  const socket = await opened.promise
  client.ws.pause()
  return { app, url, client, socket, asked, closed: closed.promise }
}

/** A client that asks to be sent to and reads everything, in a thread of its own. */
async function readElsewhere (t: Teardown, app: FastifyInstance): Promise<void> {
  const worker = new Worker(`
    const { connect } = require('node:net')
    const { workerData: { port, bytes }, parentPort } = require('node:worker_threads')
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let count = 0
    socket.on('data', () => { if (++count === 10) parentPort.postMessage('reads') })
    socket.on('error', () => {})
  `, {
    eval: true,
    workerData: {
      port: (app.server.address() as AddressInfo).port,
      bytes: Buffer.concat([Buffer.from(handshakeText(app, '/')), maskedFrame('{"type":"start"}')])
    }
  })
  t.teardown(async () => await worker.terminate())
  await once(worker, 'message')
}

/** Sends until the client is slow; returns how many went out. */
function fill (socket: FeedSocket): number {
  for (let n = 0; n < 10_000; n++) if (!socket.send('item', { n, text }) && socket.bufferedAmount > 200_000) return n + 1
  throw new Error('the client reads everything')
}

t.test('send returns false once too much waits, and everything sent so far arrives when the client reads again', async (t) => {
  const { client, socket } = await start(t)
  const count = fill(socket)
  t.ok(socket.bufferedAmount > 200_000)
  t.ok(socket.bufferedAmount < 200_000 + 2 * text.length, 'and no more than one message above it')
  const drained = socket.drained()
  client.ws.resume()
  await drained
  t.ok(socket.bufferedAmount <= 100_000)
  t.equal(socket.send('item', { n: count, text: 'last' }), true)
  for (let n = 0; n < count; n++) t.match(await client.next(), { n })
  t.match(await client.next(), { n: count, text: 'last' })
})

t.test('a sender that waits for drained loses nothing, whatever the client\'s pace', async (t) => {
  const { client } = await start(t, {}, async (socket) => {
    for (let n = 0; n < 300; n++) if (!socket.send('item', { n, text })) await socket.drained()
  })
  client.send({ type: 'start' })
  client.ws.resume()
  for (let n = 0; n < 300; n++) t.equal((await client.next())['n'], n)
})

t.test('with slowConsumer close, an event without room closes with 4408, since its loss would be silent', async (t) => {
  const { client, socket, closed } = await start(t)
  const count = fill(socket)
  t.equal(socket.send('item', { n: -1, text: 'no room' }), false)
  t.equal(socket.readyState, 2)
  client.ws.resume()
  for (let n = 0; n < count; n++) t.match(await client.next(), { n })
  t.same(await client.closed(), { code: 4408, reason: 'too slow to read what was sent' })
  t.equal((await closed).code, 4408)
  t.equal(client.unread, 0)
})

t.test('with slowConsumer close, a client that stays slow is cut, whether or not it reads the close frame', async (t) => {
  for (const say of [() => {}, (socket: FeedSocket) => socket.send('item', { n: 0, text })]) {
    const { socket, closed } = await start(t, { slowTimeoutMs: 50 })
    fill(socket)
    say(socket)
    const drained = socket.drained()
    await t.rejects(drained, { code: 'FST_TYPED_WS_CONNECTION_CLOSED' })
    t.equal((await closed).code, 1006)
  }
})

t.test('with slowConsumer close, a client that catches up in time stays', async (t) => {
  const { client, socket } = await start(t, { slowTimeoutMs: 60_000 })
  fill(socket)
  client.ws.resume()
  await socket.drained()
  t.equal(socket.readyState, 1)
})

t.test('with slowConsumer drop, events without room are dropped and counted, and answers are not', async (t) => {
  const { app, client, socket, asked } = await start(t, { slowConsumer: 'drop', slowTimeoutMs: 1 })
  const [dropped, slowed] = [hear(t, 'fastify-typed-ws.dropped'), hear(t, 'fastify-typed-ws.slow')]
  const count = fill(socket)
  t.equal(slowed.length, 1)
  t.equal(socket.send('item', { n: -1, text: 'no room' }), false)
  t.equal(socket.sendBinary(new Uint8Array(1)), false)
  await app.channel(feed).publish('all', 'item', { n: -1, text: 'no room' })
  t.same(dropped.map(({ type }) => type), ['item', undefined, 'item'])
  t.match(app.channel(feed).stats, { slowed: 1, dropped: 3 })
  client.send({ type: 'ask', ref: 1, n: 7 })
  client.send({ type: '$ping' })
  await until(() => app.channel(feed).stats.queued === 1)
  t.same(asked, [], 'nothing is handled while the client does not read')
  client.ws.resume()
  for (let n = 0; n < count; n++) t.match(await client.next(), { n })
  t.match(await client.next(), { type: '$reply', ref: 1 })
  t.same(asked, [7])
  t.equal(socket.send('item', { n: count, text: '' }), true)
})

t.test('a slow member of a topic does not delay the others', async (t) => {
  const { app, url, socket } = await start(t, { slowConsumer: 'drop' })
  const other = await connect(t, url)
  fill(socket)
  for (let n = 0; n < 50; n++) {
    await app.channel(feed).publish('all', 'item', { n, text })
    t.equal((await other.next())['n'], n)
  }
})

t.test('pings of a client that reads nothing are not answered', async (t) => {
  const { client, socket } = await start(t, { slowConsumer: 'drop', rateLimit: false })
  fill(socket)
  const waiting = socket.bufferedAmount
  const pings = new Promise<void>((resolve) => {
    let count = 0
    socket.raw.on('ping', () => { if (++count === 1000) resolve() })
  })
  for (let n = 0; n < 1000; n++) client.ws.ping('x'.repeat(100))
  await pings
  t.equal(socket.bufferedAmount, waiting)
  const pong = once(client.ws, 'pong')
  client.ws.resume()
  await socket.drained()
  client.ws.ping()
  await pong
})

t.test('a compressed connection becomes slow and drains like any other', async (t) => {
  const app = await createApp(t, { highWaterMarkBytes: 200_000, perMessageDeflate: true, slowConsumer: 'drop' })
  let socket: FeedSocket | undefined
  app.ws('/', { contract: feed, open: (opened) => { socket = opened }, on: { start () {}, ask: () => 0 } })
  const client = await connect(t, await listen(app), { perMessageDeflate: true })
  await until(() => socket !== undefined)
  for (let n = 0; n < 100; n++) if (!socket!.send('item', { n, text })) await socket!.drained()
  for (let n = 0; n < 100; n++) t.equal((await client.next())['n'], n)
})

const session = defineContract({
  name: 'session.v1',
  clientToServer: { renew: { request: Type.Object({}), reply: Type.String() } },
  serverToClient: {
    item: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({ text: Type.String() }), reply: Type.Boolean() }
  }
})

/** A route whose client may renew, has stopped reading, and has more waiting than may. */
async function startSlow (t: Teardown, renewed: () => void): Promise<{ client: Client, socket: Socket<typeof session> }> {
  const app = await createApp(t, {
    highWaterMarkBytes: 200_000,
    heartbeat: false,
    slowConsumer: 'drop',
    rateLimit: false,
    maxPendingCalls: 4
  })
  app.ws('/', { contract: session, refresh: 'renew', on: { renew () { renewed(); return text } } })
  const client = await connect(t, await listen(app))
  const socket = app.channel(session).sockets().next().value as Socket<typeof session>
  client.ws.pause()
  await overfill(socket)
  return { client, socket }
}

// Until the system takes no more either: it grows the buffers of both ends while they fill.
async function overfill (socket: Socket<typeof session>): Promise<void> {
  for (let calmTurns = 0; calmTurns < 100; calmTurns++) {
    // The result of `send` would not do: it is false, too, when the turn lasts long.
    for (; socket.bufferedAmount <= 200_000; calmTurns = 0) socket.send('item', { text })
    await delay(2)
  }
}

t.test('a client that reads nothing has one refresh handled, and the others when it has caught up', async (t) => {
  let renewed = 0
  const { client, socket } = await startSlow(t, () => { renewed++ })
  for (let period = 1; period <= 2; period++) {
    const heard = new Promise<void>((resolve) => socket.raw.once('ping', () => resolve()))
    for (let ref = 1; ref <= 20; ref++) client.send({ type: 'renew', ref: 20 * period + ref })
    client.ws.ping()
    await heard
    t.equal(renewed, 20 * (period - 1) + 1)
    t.ok(socket.bufferedAmount < 200_000 + 3 * text.length, 'one message and one answer above the mark')
    client.ws.resume()
    await until(() => renewed === 20 * period)
    await until(() => socket.bufferedAmount === 0)
    client.ws.pause()
    await overfill(socket)
  }
})

t.test('calls to a client that reads nothing count until it has read them, answered or not', async (t) => {
  const { client, socket } = await startSlow(t, () => {})
  const outcomes: unknown[] = []
  const call = async (): Promise<void> => {
    outcomes.push(await socket.call('confirm', { text }, { timeoutMs: 1 }).catch(({ code }: { code: string }) => code))
  }
  for (let n = 0; n < 6; n++) await call()
  t.same(outcomes, [...Array(4).fill('FST_TYPED_WS_CALL_TIMEOUT'), ...Array(2).fill('FST_TYPED_WS_TOO_MANY_CALLS')])
  t.ok(socket.bufferedAmount < 200_000 + 6 * text.length)
  client.ws.resume()
  await socket.drained()
  await call()
  t.equal(outcomes.at(-1), 'FST_TYPED_WS_CALL_TIMEOUT', 'and then there is room again')
})
