// Events that have a binary frame, by a stock client: two frames that belong together.
import t from 'tap'
import { FormatRegistry, Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type PluginOptions, type ReceivedMessage, type Socket, type WebSocketRouteOptions } from '../../../lib/index.js'
import { deferred } from '../../support/deferred.js'
import { hear } from '../../support/diagnostics.js'
import { connect, createApp, listen, until, type Client, type Teardown } from '../../support/helper.js'

FormatRegistry.Set('broken', () => { throw new Error('the check is broken') })

const album = defineContract({
  name: 'album.v1',
  clientToServer: {
    picture: { payload: Type.Object({ title: Type.String({ maxLength: 20 }) }), binary: true },
    fragile: { payload: Type.Object({ title: Type.String({ format: 'broken' }) }), binary: true },
    say: Type.Object({ text: Type.String() })
  },
  serverToClient: {
    picture: { payload: Type.Object({ title: Type.String() }), binary: true },
    said: Type.Object({ text: Type.String() })
  },
  binary: { clientToServer: true, serverToClient: true }
})

type AlbumSocket = Socket<typeof album>

interface Album {
  readonly app: FastifyInstance
  readonly client: Client
  readonly socket: AlbumSocket
  /** The messages that reached a handler, in order. */
  readonly heard: unknown[]
}

async function start (
  t: Teardown, options: PluginOptions = {}, route: Partial<WebSocketRouteOptions<typeof album>> = {}, dial: object = {}
): Promise<Album> {
  const heard: unknown[] = []
  const app = await createApp(t, options)
  app.ws('/', {
    contract: album,
    on: {
      picture ({ title }, socket, { binary, type, payload, signal }) {
        heard.push([type, title, binary.toString()])
        socket.send('said', { text: `${title} ${binary.length} ${payload === undefined} ${signal.aborted}` })
      },
      fragile: () => { heard.push('fragile') },
      say ({ text }, socket, { binary }) {
        heard.push(['say', text, binary])
        socket.send('said', { text })
      }
    },
    binary: (data) => { heard.push(data.toString()) },
    ...route
  })
  const client = await connect(t, await listen(app), dial)
  return { app, client, heard, socket: app.channel(album).sockets().next().value! }
}

function sendPicture (client: Client, title: unknown, data: string): void {
  client.send({ type: 'picture', title })
  client.send(Buffer.from(data))
}

t.test('an event and the frame that follows it reach one handler, as one message', async (t) => {
  const hooked: unknown[] = []
  const onMessage = (payload: unknown, _socket: unknown, { type, binary }: ReceivedMessage): void => {
    hooked.push([payload, type, binary?.toString()])
  }
  const { app, client, heard } = await start(t, {}, { onMessage })
  sendPicture(client, 'sea', 'bytes')
  t.match(await client.next(), { type: 'said', text: 'sea 5 false false' })
  client.send({ type: 'say', text: 'hi' })
  t.match(await client.next(), { text: 'hi' })
  client.send({ type: '$ping' })
  t.same(await client.next(), { type: '$pong' })
  client.send(Buffer.from('plain'))
  await until(() => heard.length === 3)
  t.same(heard, [['picture', 'sea', 'bytes'], ['say', 'hi', undefined], 'plain'])
  t.same(hooked, [[{ title: 'sea' }, 'picture', 'bytes'], [{ text: 'hi' }, 'say', undefined], [Buffer.from('plain'), undefined, undefined]])
  t.equal(app.channel(album).stats.messagesReceived, 4)
})

for (const [how, options, dial] of [
  ['as it is', {}, {}], ['compressed', { perMessageDeflate: { threshold: 0 } }, { perMessageDeflate: { threshold: 0 } }]
] as const) {
  t.test(`a binary frame ${how}, in fragments and with control frames between, belongs to its event`, async (t) => {
    const { client, heard } = await start(t, options, {}, dial)
    client.send({ type: 'picture', title: 'sea' })
    client.ws.ping()
    client.ws.send(Buffer.from('in '), { binary: true, fin: false })
    client.ws.pong()
    client.ws.send(Buffer.from('parts'), { binary: true, fin: true })
    client.send(Buffer.from('plain'))
    await until(() => heard.length === 2)
    t.same(heard, [['picture', 'sea', 'in parts'], 'plain'])
  })
}

t.test('a text in place of the binary frame rejects the event by name, and is handled', async (t) => {
  const { client, heard, app } = await start(t)
  client.send({ type: 'picture', title: 'sea' })
  client.send({ type: 'say', text: 'hi' })
  t.same(await client.next(), {
    type: '$error',
    received: 'picture',
    statusCode: 400,
    code: 'FST_TYPED_WS_MISSING_BINARY',
    error: 'Bad Request',
    message: 'event \'picture\' must be followed by its binary frame'
  })
  t.match(await client.next(), { type: 'said', text: 'hi' })
  client.send({ type: 'picture', title: 'one' })
  sendPicture(client, 'two', 'bytes')
  t.match(await client.next(), { code: 'FST_TYPED_WS_MISSING_BINARY' })
  t.match(await client.next(), { text: 'two 5 false false' })
  client.send(Buffer.from('plain'))
  await until(() => heard.length === 3)
  t.same(heard, [['say', 'hi', undefined], ['picture', 'two', 'bytes'], 'plain'])
  t.equal(app.channel(album).stats.messagesReceived, 5)
})

t.test('events without their frame are invalid messages, of which too many close the connection', async (t) => {
  const { client, heard } = await start(t, { maxInvalidMessages: 2 })
  for (let n = 0; n < 3; n++) client.send({ type: 'picture', title: 'sea' })
  client.send({ type: 'say', text: 'too late' })
  t.same(await client.closed(), { code: 1008, reason: 'too many invalid messages' })
  t.same(heard, [])
})

t.test('the frame of an event that is rejected is left out', async (t) => {
  const { client, heard } = await start(t, {}, { errorHandler: () => {} })
  sendPicture(client, 'a title that is much too long', 'of an invalid event')
  t.match(await client.next(), { received: 'picture', code: 'FST_TYPED_WS_VALIDATION' })
  client.send({ type: 'fragile', title: 'sea' })
  client.send(Buffer.from('of an event whose check throws'))
  t.match(await client.next(), { received: 'fragile', code: 'FST_TYPED_WS_INTERNAL' })
  sendPicture(client, 7, 'of another invalid event')
  t.match(await client.next(), { received: 'picture', code: 'FST_TYPED_WS_VALIDATION' })
  client.send({ type: 'picture', title: 7 })
  client.send({ type: 'say', text: 'in place of the frame' })
  t.match(await client.next(), { received: 'picture', code: 'FST_TYPED_WS_VALIDATION' })
  t.match(await client.next(), { text: 'in place of the frame' }, 'one error for one event')
  client.send({ type: 'nothing' })
  t.match(await client.next(), { received: 'nothing', code: 'FST_TYPED_WS_UNKNOWN_TYPE' })
  client.send(Buffer.from('plain'))
  await until(() => heard.length === 2)
  t.same(heard, [['say', 'in place of the frame', undefined], 'plain'])
})

t.test('an event and its frame take the tokens of one message, and are rejected together', async (t) => {
  const { client, heard } = await start(t, { rateLimit: { max: 1, timeWindowMs: 3_600_000 } })
  for (const title of ['one', 'two', 'three']) sendPicture(client, title, title)
  t.match(await client.take(3), [{ type: 'said' }, { type: 'said' }, { received: 'picture', code: 'FST_TYPED_WS_RATE_LIMITED' }])
  t.same(heard, [['picture', 'one', 'one'], ['picture', 'two', 'two']])
})

t.test('an event that waits counts with its frame in maxQueuedBytes', async (t) => {
  const held = deferred()
  const { app, client, socket } = await start(t, { maxQueuedBytes: 1000 }, {
    on: { picture: () => held.promise, fragile () {}, say: ({ text }, socket) => socket.send('said', { text }) }
  })
  sendPicture(client, 'one', 'x')
  await until(() => app.channel(album).stats.running === 1)
  t.equal(socket.raw.isPaused, false)
  sendPicture(client, 'two', 'x'.repeat(1000))
  await until(() => socket.raw.isPaused)
  held.resolve()
  client.send({ type: 'say', text: 'read on' })
  t.match(await client.next(), { text: 'read on' })
})

t.test('maxBinaryBytes is the limit of the frame, and maxPayloadBytes of its event', async (t) => {
  const { client } = await start(t, { maxPayloadBytes: 100, maxBinaryBytes: 1000 })
  sendPicture(client, 'sea', 'x'.repeat(1000))
  t.match(await client.next(), { text: 'sea 1000 false false' })
  sendPicture(client, 'sea', 'x'.repeat(1001))
  t.same(await client.closed(), { code: 1009, reason: 'message larger than maxBinaryBytes 1000' })
})

t.test('a connection that ends between an event and its frame ends as any other', async (t) => {
  const closed = deferred<unknown>()
  const { app, client, heard } = await start(t, {}, { close: (_socket, event) => closed.resolve(event) })
  client.send({ type: 'picture', title: 'sea' })
  await client.close()
  t.match(await closed.promise, { code: 1000, wasClean: true })
  t.same(heard, [])
  await until(() => app.channel(album).stats.queued + app.channel(album).stats.running === 0)
})

t.test('an errorHandler and the diagnostics get the event with its bytes', async (t) => {
  const failed = hear(t, 'fastify-typed-ws.error')
  const messages: unknown[] = []
  const { client } = await start(t, {}, {
    on: { picture () { throw new Error('no') }, fragile () {}, say () {} },
    errorHandler: (_error, _socket, message) => { messages.push([message?.type, message?.payload, message?.binary]) }
  })
  sendPicture(client, 'sea', 'x')
  t.match(await client.next(), { received: 'picture', code: 'FST_TYPED_WS_INTERNAL' })
  t.same(messages, [['picture', { title: 'sea' }, Buffer.from('x')]])
  t.match(failed, [{ message: { type: 'picture', binary: Buffer.from('x') } }])
})

t.test('a contract of binary events alone needs no handler of binary frames, and takes no frame without its event', async (t) => {
  const bare = defineContract({
    name: 'bare.v1',
    clientToServer: { picture: { payload: Type.Object({}), binary: true } },
    serverToClient: { picture: { payload: Type.Object({}), binary: true } }
  })
  const app = await createApp(t)
  app.ws('/', { contract: bare, on: { picture: (_payload, socket, { binary }) => socket.sendBinary('picture', {}, binary) } })
  const client = await connect(t, await listen(app))
  client.send({ type: 'picture' })
  client.send(Buffer.from('x'))
  t.same(await client.take(2), [{ type: 'picture', $binary: true }, Buffer.from('x')])
  client.send(Buffer.from('x'))
  t.same(await client.closed(), { code: 1003, reason: 'no binary frames here' })
})

for (const [how, options, dial] of [
  ['as they are', {}, {}], ['compressed', { perMessageDeflate: { threshold: 0 } }, { perMessageDeflate: true }]
] as const) {
  t.test(`an event and its bytes leave ${how} with nothing between them, whatever is sent around`, async (t) => {
    const { app, client, socket } = await start(t, options, {}, dial)
    const reused = Buffer.from('reused')
    for (const data of [reused, reused.buffer.slice(reused.byteOffset, reused.byteOffset + 6), new Blob(['a ', 'blob']), new Blob([])]) {
      socket.send('said', { text: 'before' })
      t.equal(socket.sendBinary('picture', { title: 'ü' }, data), true)
      if (data === reused) reused.fill('x')
      await app.channel(album).publish('nobody', 'said', { text: '' })
      socket.send('said', { text: 'after' })
      const bytes = data instanceof Blob ? Buffer.from(await data.arrayBuffer()) : Buffer.from('reused')
      t.same(await client.take(4), [
        { type: 'said', text: 'before' }, { type: 'picture', $binary: true, title: 'ü' }, bytes, { type: 'said', text: 'after' }
      ])
      reused.write('reused')
    }
    t.equal(app.channel(album).stats.messagesSent, 12, 'an event and its bytes are one message')
    socket.sendBinary('picture', { title: 'last' }, new Blob(['x']))
    socket.close(4000)
    t.same(await client.take(2), [{ type: 'picture', $binary: true, title: 'last' }, Buffer.from('x')])
    t.equal((await client.closed()).code, 4000)
    t.equal(socket.sendBinary('picture', { title: 'late' }, reused), false)
  })
}

t.test('an event that finds no room is dropped with its bytes, and counted once', async (t) => {
  const dropped = hear(t, 'fastify-typed-ws.dropped')
  const { app, client, socket } = await start(t, { slowConsumer: 'drop', highWaterMarkBytes: 1000 })
  client.ws.pause()
  const large = Buffer.alloc(4_000_000)
  while (socket.sendBinary('picture', { title: 'large' }, large));
  t.equal(socket.sendBinary('picture', { title: 'dropped' }, Buffer.from('x')), false)
  t.equal(socket.sendBinary('picture', { title: 'dropped' }, new Blob(['x'])), false)
  t.same(dropped.map(({ type }) => type), ['picture', 'picture'])
  t.match(app.channel(album).stats, { dropped: 2 })
  const { messagesSent } = app.channel(album).stats
  client.ws.resume()
  const received = await client.take(2 * messagesSent)
  t.ok(received.every((message, n) => n % 2 === 0 ? message.type === 'picture' : (message as unknown as Buffer).length === large.length))
  await socket.drained()
  socket.send('said', { text: 'room again' })
  t.match(await client.next(), { text: 'room again' })
})

t.test('an event is not sent without its bytes, nor with bytes that the contract does not give it', async (t) => {
  const { app, client, socket } = await start(t)
  const data = Buffer.from('x')
  const mismatch = { code: 'FST_TYPED_WS_OUTGOING_BINARY' }
  const title = { title: 'x' } as never
  t.throws(() => socket.send('picture' as 'said', title), { ...mismatch, message: /write socket\.sendBinary\('picture', payload, data\)/ })
  t.throws(() => socket.sendBinary('said' as 'picture', title, data), { ...mismatch, message: /write socket\.send\('said', payload\)/ })
  t.throws(() => socket.publish('topic', 'picture' as 'said', title), { ...mismatch, message: /channel\.sockets\(topic\)/ })
  await t.rejects(app.channel(album).publish('topic', 'picture' as 'said', title), mismatch)
  t.throws(() => socket.sendBinary('nothing' as 'picture', { title: 'x' }, data), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
  t.throws(() => socket.sendBinary('picture', { title: 7 as never }, data), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  t.throws(() => socket.sendBinary('picture', { title: 'x' }, 'text' as never), { code: 'FST_TYPED_WS_INVALID_BINARY' })
  t.throws(() => socket.sendBinary('picture', { title: 'x' }, undefined as never), { code: 'FST_TYPED_WS_INVALID_BINARY' })
  t.throws(() => socket.sendBinary('picture' as never), { code: 'FST_TYPED_WS_INVALID_BINARY' })
  socket.send('said', { text: 'nothing of it left' })
  t.match(await client.next(), { text: 'nothing of it left' })
})

t.test('a payload cannot bring the mark of an event that has a binary frame', async (t) => {
  const open = defineContract({ name: 'open.v1', serverToClient: { any: Type.Object({}, { additionalProperties: true }) } })
  const app = await createApp(t)
  app.ws('/', { contract: open })
  await connect(t, await listen(app))
  const socket = app.channel(open).sockets().next().value!
  const own = { code: 'FST_TYPED_WS_OUTGOING_INVALID', message: /must NOT have property '\$binary'/ }
  t.throws(() => socket.send('any', { $binary: true }), own)
})
