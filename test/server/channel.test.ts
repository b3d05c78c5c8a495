// A contract's channel: its connections, their numbers, log lines and diagnostics.
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type ChannelStats, type Diagnostics, type MessageTrace, type Socket } from '../../lib/index.js'
import { connect, createApp, listen, Log, until, type Client, type Teardown } from '../support/helper.js'
import { hear } from '../support/diagnostics.js'
import { deferred } from '../support/deferred.js'
import { live, start as startLive } from '../support/live.js'

const talk = defineContract({
  name: 'talk.v1',
  clientToServer: {
    say: Type.Object({ text: Type.String({ maxLength: 10 }) }),
    ask: { request: Type.Object({ n: Type.Number() }), reply: Type.Number() },
    count: { request: Type.Object({ to: Type.Number() }), stream: Type.Number() }
  },
  serverToClient: {
    said: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({}), reply: Type.Boolean() }
  },
  binary: { clientToServer: true, serverToClient: true }
})

type TalkSocket = Socket<typeof talk>

const NOTHING: ChannelStats = {
  connections: 0,
  versions: { 'talk.v1': 0 },
  queued: 0,
  running: 0,
  streams: 0,
  pendingCalls: 0,
  topics: 0,
  bufferedBytes: 0,
  opened: 0,
  messagesReceived: 0,
  messagesSent: 0,
  bytesReceived: 0,
  bytesSent: 0,
  slowed: 0,
  dropped: 0,
  publishFailed: 0,
  gaps: 0,
  recovered: 0,
  unrecovered: 0,
  errors: {},
  handshakesRefused: {}
}

async function start (t: Teardown): Promise<{ app: FastifyInstance, client: Client, log: Log, release: () => void }> {
  const log = new Log()
  const app = await createApp(t, {}, { logger: log.options })
  const { promise: released, resolve: release } = deferred()
  app.ws('/', {
    contract: talk,
    open: async (socket) => await socket.subscribe('all'),
    on: {
      say ({ text }, socket) { socket.publish('all', 'said', { text }) },
      async ask ({ n }, socket: TalkSocket) {
        if (n === 0) throw new Error('no zero')
        if (n === 1) throw Object.assign(new Error('no one'), { statusCode: 404 })
        if (n === 2) throw Object.assign(new Error('no two'), { statusCode: 403, code: 'NO_TWO' })
        if (n === 3) await released
        if (n === 4) return Number(await socket.call('confirm', {}))
        return n
      },
      async * count ({ to }) {
        for (let n = 1; n <= to; n++) yield n
        await released
      }
    },
    binary: (data, socket) => { socket.sendBinary(data) }
  })
  return { app, client: await connect(t, await listen(app)), log, release }
}

t.test('stats count the present and the past', async (t) => {
  const { app, client, release } = await start(t)
  const channel = app.channel(talk)
  client.send({ type: 'count', ref: 1, to: 2 })
  t.match(await client.next(), { type: '$next' })
  t.match(await client.next(), { type: '$next' })
  client.send({ type: 'ask', ref: 2, n: 4 })
  t.match(await client.next(), { type: 'confirm', ref: 1 })
  client.send({ type: 'say', text: 'queued' })
  await until(() => channel.stats.queued === 1)
  t.match(
    channel.stats,
    {
      connections: 1,
      queued: 1,
      running: 1,
      streams: 1,
      pendingCalls: 1,
      topics: 1,
      opened: 1,
      messagesReceived: 3,
      messagesSent: 3,
      errors: {}
    }
  )
  client.send({ type: '$reply', ref: 1, data: true })
  t.match(await client.next(), { type: '$reply', ref: 2, data: 1 })
  release()
  t.match(await client.next(), { type: '$done', ref: 1 })
  await until(() => channel.stats.queued === 0)
  await client.close()
  await until(() => channel.size() === 0)
  const { bytesReceived, bytesSent, ...stats } = channel.stats
  t.match({ ...NOTHING, ...stats }, { ...NOTHING, opened: 1, messagesReceived: 4, messagesSent: 5 }, 'what is going on is nothing again')
  t.ok(bytesReceived > 0 && bytesSent > 0)
})

t.test('stats count refusals and rejections by code or status', async (t) => {
  const { client, app } = await start(t)
  for (const n of [0, 1, 2]) client.send({ type: 'ask', n })
  client.send('x')
  client.send({ type: 'nope' })
  client.send({ type: 'nope' })
  for (let i = 0; i < 6; i++) t.equal((await client.next()).type, '$error')
  t.strictSame(
    { ...app.channel(talk).stats.errors },
    { FST_TYPED_WS_INTERNAL: 1, 404: 1, NO_TWO: 1, FST_TYPED_WS_INVALID_JSON: 1, FST_TYPED_WS_UNKNOWN_TYPE: 2 }
  )
})

t.test('the stats of a contract without connections are 0', async (t) => {
  const app = await createApp(t)
  t.strictSame({ ...app.channel(talk).stats, errors: {} }, NOTHING)
})

t.test('a connection that ended leaves one line in the log', async (t) => {
  const { client, log } = await start(t)
  client.send({ type: 'ask', ref: 1, n: 5 })
  await client.next()
  await client.close(4000)
  await until(() => log.find('websocket connection closed').length > 0)
  const [line, ...others] = log.find('websocket connection closed')
  t.match(line, { level: 30, code: 4000, messagesReceived: 1, messagesSent: 1 })
  t.ok(Number(line!['durationMs']) >= 0 && Number(line!['bytesReceived']) > 0 && Number(line!['bytesSent']) > 0)
  t.equal(others.length, 0)
})

t.test('the diagnostics channels tell of a connection and its messages', async (t) => {
  const [opened, closed, received, handled, sent, refused, failed] = [
    hear(t, 'fastify-typed-ws.connection.open'), hear(t, 'fastify-typed-ws.connection.close'), hear(t, 'fastify-typed-ws.message.received'),
    hear(t, 'fastify-typed-ws.message.handled'), hear(t, 'fastify-typed-ws.message.sent'),
    hear(t, 'fastify-typed-ws.message.refused'), hear(t, 'fastify-typed-ws.error')
  ] as const
  const { client, app, release } = await start(t)
  const [socket] = app.channel(talk).sockets()
  t.equal(opened[0]!.socket, socket)
  client.send({ type: 'ask', ref: 1, n: 5 })
  client.send({ type: 'ask', ref: 2, n: 0 })
  client.send({ type: 'count', ref: 3, to: 1 })
  client.send(Buffer.from([1]))
  client.send('x')
  client.send({ type: '$ping' })
  for (let i = 0; i < 6; i++) await client.next()
  release()
  await client.next()
  client.send({ type: 'count', ref: 4, to: 1 })
  await client.next()
  await client.close(4001)
  await until(() => closed.length === 1)
  t.match(closed[0], { socket, code: 4001, reason: '' })
  t.ok(closed[0]!.durationMs >= 0)
  t.same(
    received.map(({ message }) => [message.type, message.ref]),
    [['ask', 1], ['ask', 2], ['count', 3], [undefined, undefined], ['count', 4]]
  )
  await until(() => handled.length === 5)
  t.same(
    new Set(handled.map(({ message }) => message)),
    new Set(received.map(({ message }) => message)),
    'the very same messages, each once'
  )
  t.equal(handled.filter(({ error }) => error !== undefined).length, 1)
  t.same(
    sent.map(({ type }) => String(type)).toSorted((a, b) => a.localeCompare(b)),
    ['$done', '$done', '$error', '$error', '$next', '$next', '$pong', '$reply', 'undefined']
  )
  t.same(refused.map(({ error }) => error.code), ['FST_TYPED_WS_INTERNAL', 'FST_TYPED_WS_INVALID_JSON'])
  t.match(failed, [{ socket, error: { message: 'no zero' }, message: { type: 'ask', ref: 2 } }])
})

t.test('a handler, and what it awaits, runs in the stores bound to message.received', async (t) => {
  const store = new AsyncLocalStorage<unknown>()
  const received = channel('fastify-typed-ws.message.received')
  received.bindStore(store, (data) => (data as Diagnostics['fastify-typed-ws.message.received']).message.type)
  t.teardown(() => received.unbindStore(store))
  const seen: unknown[] = []
  const { client } = await startLive(t, {
    async ask ({ n }) {
      seen.push(store.getStore())
      await turn()
      seen.push(store.getStore())
      return n
    },
    async * count () {
      await turn()
      seen.push(store.getStore())
      yield { n: 1 }
      seen.push(store.getStore())
    }
  })
  client.send({ type: 'ask', ref: 1, n: 1 })
  client.send({ type: 'count', ref: 2, to: 1 })
  for (let answers = 0; answers < 3; answers++) await client.next()
  t.same(seen, ['ask', 'ask', 'count', 'count'])
})

/**
 * Hears every channel of the tracing channel while the test lasts: each entry is a channel's name
 * and its message.
 */
function hearTraces (t: Teardown): Array<[channel: string, trace: MessageTrace]> {
  const heard: Array<[string, MessageTrace]> = []
  const traces = tracingChannel<MessageTrace>('fastify-typed-ws.message')
  const hearing = (name: string) => (trace: MessageTrace): void => { heard.push([name, trace]) }
  const subscribers = {
    start: hearing('start'),
    end: hearing('end'),
    asyncStart: hearing('asyncStart'),
    asyncEnd: hearing('asyncEnd'),
    error: hearing('error')
  }
  traces.subscribe(subscribers)
  t.teardown(() => { traces.unsubscribe(subscribers) })
  return heard
}

const namesOf = (heard: Array<[string, MessageTrace]>, ref: number | undefined) =>
  heard.filter(([, { message }]) => message.ref === ref).map(([name]) => name)

t.test('the tracing channel tells of each run of a handler', async (t) => {
  const heard = hearTraces(t)
  const { client, app } = await startLive(t, {
    ask ({ n }) {
      if (n === 1) throw new Error('at once')
      if (n === 2) return Promise.reject(new Error('later'))
      return n === 3 ? turn(n) : n
    }
  }, { concurrency: 10 })
  const [socket] = app.channel(live).sockets()
  for (let n = 0; n < 4; n++) client.send({ type: 'ask', ref: n + 1, n })
  client.send({ type: 'count', ref: 5, to: 2 })
  for (let answers = 0; answers < 7; answers++) await client.next()

  t.same(namesOf(heard, 1), ['start', 'end'], 'a synchronous answer')
  t.same(namesOf(heard, 2), ['start', 'error', 'end'], 'a throw')
  t.same(namesOf(heard, 3), ['start', 'end', 'error', 'asyncStart', 'asyncEnd'], 'a rejection')
  t.same(namesOf(heard, 4), ['start', 'end', 'asyncStart', 'asyncEnd'], 'an answer of later')
  t.same(namesOf(heard, 5), ['start', 'end', 'asyncStart', 'asyncEnd'], 'a stream')
  t.ok(heard.every(([, trace]) => trace.socket === socket), 'every trace has the socket that handlers hold')
  for (let ref = 1; ref <= 5; ref++) {
    t.equal(
      new Set(heard.filter(([, { message }]) => message.ref === ref).map(([, trace]) => trace)).size,
      1,
      'the channels of one run share one object'
    )
  }
  t.match(
    heard.filter(([name]) => name === 'error').map(([, { message, error, async }]) => [message.ref, (error as Error).message, async]),
    [[2, 'at once', false], [3, 'later', true]]
  )
})

t.test('a stream is traced until it is done, or cancelled', async (t) => {
  const heard = hearTraces(t)
  const steps = deferred()
  const { client } = await startLive(t, {
    async * count () {
      yield { n: 1 }
      await steps.promise
      yield { n: 2 }
    }
  })
  client.send({ type: 'count', ref: 1, to: 2 })
  await client.next()
  client.send({ type: 'count', ref: 2, to: 2 })
  await client.next()
  t.same(heard.map(([name]) => name), ['start', 'end', 'start', 'end'], 'both go on')
  client.send({ type: '$cancel', ref: 2 })
  await client.flushed()
  t.same(namesOf(heard, 2), ['start', 'end', 'asyncStart', 'asyncEnd'])
  t.same(namesOf(heard, 1), ['start', 'end'])
  steps.resolve()
  await client.next()
  await client.next()
  t.same(namesOf(heard, 1), ['start', 'end', 'asyncStart', 'asyncEnd'])
  t.equal(heard.length, 8, 'the generator of the cancelled stream, which ended later, is told of no more')
})

t.test('a handler, and the code it awaits, runs in the stores bound to the start of its trace', async (t) => {
  const store = new AsyncLocalStorage<unknown>()
  const { start, asyncEnd } = tracingChannel<MessageTrace, unknown>('fastify-typed-ws.message')
  start.bindStore(store, ({ message }) => message.type)
  const atEnd: unknown[] = []
  const listener = (): void => { atEnd.push(store.getStore()) }
  asyncEnd.subscribe(listener)
  t.teardown(() => { start.unbindStore(store); asyncEnd.unsubscribe(listener) })
  const seen: unknown[] = []
  const { client } = await startLive(t, {
    async ask ({ n }) {
      seen.push(store.getStore())
      await turn()
      seen.push(store.getStore())
      return n
    }
  })
  client.send({ type: 'ask', ref: 1, n: 1 })
  await client.next()
  t.same(seen, ['ask', 'ask'])
  t.same(atEnd, ['ask'], 'the end is published in them too')
})

t.test('a cancelled message was handled, without an error', async (t) => {
  const handled = hear(t, 'fastify-typed-ws.message.handled')
  const { client, app, release } = await start(t)
  client.send({ type: 'count', ref: 1, to: 1 })
  await client.next()
  client.send({ type: '$cancel', ref: 1 })
  await until(() => handled.length === 1)
  t.match(handled[0], { message: { type: 'count', ref: 1 }, error: undefined })
  release()
  await until(() => app.channel(talk).stats.streams === 0)
})

t.test('a published message is sent to each member', async (t) => {
  const { client, app } = await start(t)
  const sent = hear(t, 'fastify-typed-ws.message.sent')
  await app.channel(talk).publish('all', 'said', { text: 'x' })
  t.match(await client.next(), { type: 'said' })
  t.match(sent, [{ type: 'said' }])
})
