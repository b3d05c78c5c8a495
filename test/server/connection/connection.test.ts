import { once } from 'node:events'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type CloseEvent, type PluginOptions, type ReceivedMessage, type Socket } from '../../../lib/index.js'
import { deferred } from '../../support/deferred.js'
import { fakeTime } from '../../support/fake-time.js'
import { connect, createApp, exchangeRaw, handshakeText, listen, maskedFrame, type Client, type Teardown } from '../../support/helper.js'

const talk = defineContract({
  name: 'talk.v1',
  clientToServer: {
    say: Type.Object({ text: Type.String({ maxLength: 100 }) }),
    ask: { request: Type.Object({ n: Type.Number() }), reply: Type.Number() }
  },
  serverToClient: {
    said: Type.Object({ text: Type.String() })
  },
  binary: { clientToServer: true, serverToClient: true }
})

type TalkSocket = Socket<typeof talk>
type Handlers = Partial<{
  say: (payload: { text: string }, socket: TalkSocket) => unknown
  ask: (payload: { n: number }, socket: TalkSocket) => number | Promise<number>
  binary: (data: Buffer, socket: TalkSocket) => unknown
  open: (socket: TalkSocket) => unknown
  close: (socket: TalkSocket, event: CloseEvent) => unknown
  errorHandler: (error: unknown, socket: TalkSocket, message: ReceivedMessage | undefined) => unknown
}>

/** A route with these handlers, and a client on it. */
async function start (t: Teardown, handlers: Handlers, options: PluginOptions = {}): Promise<{
  client: Client
  url: string
  app: FastifyInstance
  logged: string[]
}> {
  const logged: string[] = []
  const app = await createApp(t, options, { logger: { level: 'debug', stream: { write: (line: string) => void logged.push(line) } } })
  const { say = () => {}, ask = () => 0, binary = () => {}, ...others } = handlers
  app.ws('/', { contract: talk, on: { say, ask }, binary, ...others })
  const url = await listen(app)
  return { client: await connect(t, url), url, app, logged }
}

function clientError (message: string, statusCode: number, code?: string): Error {
  return Object.assign(new Error(message), { statusCode }, code === undefined ? {} : { code })
}

t.test('the same socket is seen by every handler', async (t) => {
  const seen = new Set<TalkSocket>()
  const done = deferred()
  const { client } = await start(t, {
    open: (socket) => seen.add(socket),
    say: (_, socket) => seen.add(socket),
    ask: (_, socket) => { seen.add(socket); return 1 },
    binary: (_, socket) => seen.add(socket),
    close: (socket) => { seen.add(socket); done.resolve() }
  })
  client.send({ type: 'say', text: 'x' })
  client.send({ type: 'ask', n: 1 })
  client.send(Buffer.from([1]))
  await client.next()
  await client.close()
  await done.promise
  t.equal(seen.size, 1)
})

t.test('a socket tells its id, contract, protocol, state and request', async (t) => {
  let socket: TalkSocket | undefined
  const { url, client } = await start(t, { open: (opened) => { socket = opened } })
  t.match(socket!.id, /^[0-9a-f-]{36}$/)
  t.equal(socket!.contract, talk)
  t.equal(socket!.protocol, '', 'no subprotocol was offered')
  t.equal(socket!.readyState, 1)
  t.equal(socket!.bufferedAmount, 0)
  t.equal(socket!.signal.aborted, false)
  t.equal(socket!.raw.readyState, socket!.raw.OPEN)
  t.equal((socket!.request as { url: string }).url, '/')
  await client.close()
  const other = await connect(t, url, { protocols: ['talk.v1'] })
  t.equal(socket!.protocol, 'talk.v1')
  t.equal(other.ws.protocol, 'talk.v1')
})

t.test('messages wait for an asynchronous open, in order, and none is lost', async (t) => {
  const ready = deferred()
  const heard: string[] = []
  const { client } = await start(t, {
    open: async () => await ready.promise,
    say: ({ text }) => heard.push(text),
    ask: () => 7
  })
  for (const text of ['a', 'b', 'c']) client.send({ type: 'say', text })
  client.send({ type: 'ask', ref: 1, n: 1 })
  await client.flushed()
  t.same(heard, [])
  ready.resolve()
  t.same(await client.next(), { type: '$reply', ref: 1, data: 7 })
  t.same(heard, ['a', 'b', 'c'])
})

t.test('handlers of one connection run one at a time, and answers keep the order of the questions', async (t) => {
  let running = 0
  const { client } = await start(t, {
    async ask ({ n }) {
      running++
      t.equal(running, 1)
      // The later the question, the sooner it could be answered.
      for (let i = n; i < 5; i++) await turn()
      running--
      return n
    }
  })
  for (let n = 1; n <= 5; n++) client.send({ type: 'ask', ref: n, n })
  for (let n = 1; n <= 5; n++) t.same(await client.next(), { type: '$reply', ref: n, data: n })
})

t.test('a rejection keeps its place among the answers', async (t) => {
  const ready = deferred()
  const { client } = await start(t, { async ask ({ n }) { await ready.promise; return n } })
  client.send({ type: 'ask', ref: 1, n: 1 })
  client.send({ type: 'ask', ref: 2, n: 'two' })
  client.send({ type: 'ask', n: 3 })
  await client.flushed()
  ready.resolve()
  t.same((await client.next()).data, 1)
  t.match(await client.next(), {
    type: '$error',
    ref: 2,
    received: 'ask',
    statusCode: 400,
    code: 'FST_TYPED_WS_VALIDATION',
    message: 'message/n must be number'
  })
  t.same(await client.next(), { type: '$reply', data: 3 }, 'a question without ref gets an answer without one')
})

t.test('a synchronous handler answers before the next message is read', async (t) => {
  const { client } = await start(t, { ask: ({ n }) => n, say: ({ text }, socket) => socket.send('said', { text }) })
  client.send({ type: 'ask', ref: 1, n: 1 })
  client.send({ type: 'say', text: 'x' })
  t.same(await client.next(), { type: '$reply', ref: 1, data: 1 })
  t.same(await client.next(), { type: 'said', text: 'x' })
})

t.test('$ping is answered at once, also while a handler is busy', async (t) => {
  const { client } = await start(t, { say: async () => await new Promise(() => {}) })
  client.send({ type: 'say', text: 'x' })
  client.send({ type: '$ping' })
  t.same(await client.next(), { type: '$pong' })
})

t.test('a socket with more than maxQueuedMessages is not read until half are done', async (t) => {
  const ready = deferred()
  const heard: string[] = []
  let socket: TalkSocket | undefined
  const last = deferred()
  const { client } = await start(t, {
    open: (opened) => { socket = opened },
    async say ({ text }) {
      await ready.promise
      heard.push(text)
      if (text === '500') last.resolve()
    }
  }, { maxQueuedMessages: 4, rateLimit: false })
  const padding = ' '.repeat(60_000)
  for (let n = 0; n <= 500; n++) client.send(`{"type":"say","text":"${n}"}${padding}`)
  while (!socket!.raw.isPaused) await turn()
  t.equal(heard.length, 0)
  ready.resolve()
  await last.promise
  t.same(heard, Array.from({ length: 501 }, (_, n) => String(n)), 'all of them, in order')
  while (socket!.raw.isPaused) await turn()
})

t.test('an error of status 4xx reaches the client in full', async (t) => {
  const { client, logged } = await start(t, {
    say () { throw clientError('not here', 403, 'NOT_HERE') },
    async ask () { throw clientError('gone', 410) }
  })
  client.send({ type: 'say', text: 'x' })
  t.same(await client.next(), {
    type: '$error', received: 'say', statusCode: 403, code: 'NOT_HERE', error: 'Forbidden', message: 'not here'
  })
  client.send({ type: 'ask', ref: 9, n: 1 })
  t.same(await client.next(), { type: '$error', ref: 9, received: 'ask', statusCode: 410, error: 'Gone', message: 'gone' })
  t.match(logged.join(''), /"level":30.*not here/)
})

t.test('an error without a status of 4xx reaches the log in full and the client as a bare 500', async (t) => {
  const secrets = [
    new Error('secret'),
    'secret',
    { statusCode: 400, message: 'secret' },
    clientError('secret', 503),
    clientError('secret', 200),
    null,
    undefined
  ]
  const { client, logged } = await start(t, {
    say ({ text }) { throw secrets[Number(text)] },
    ask: async ({ n }) => await Promise.reject(secrets[n])
  })
  for (const n of secrets.keys()) {
    client.send({ type: 'say', text: String(n) })
    t.same(await client.next(), {
      type: '$error',
      received: 'say',
      statusCode: 500,
      code: 'FST_TYPED_WS_INTERNAL',
      error: 'Internal Server Error',
      message: 'Internal Server Error'
    })
    client.send({ type: 'ask', ref: 1, n })
    t.same(await client.next(), {
      type: '$error',
      ref: 1,
      received: 'ask',
      statusCode: 500,
      code: 'FST_TYPED_WS_INTERNAL',
      error: 'Internal Server Error',
      message: 'Internal Server Error'
    })
  }
  t.match(logged.join(''), /"level":50.*secret/)
  t.notMatch(logged.join(''), /"text"/, 'payloads are not logged')
})

t.test('a reply that breaks its schema is a 500 for the caller and an error in the log', async (t) => {
  const { client, logged } = await start(t, { ask: () => 'seven' as never })
  client.send({ type: 'ask', ref: 1, n: 1 })
  t.match(await client.next(), { type: '$error', ref: 1, statusCode: 500, code: 'FST_TYPED_WS_INTERNAL' })
  t.match(logged.join(''), /reply to ask.*must be number.*FST_TYPED_WS_OUTGOING_INVALID/)
})

t.test('an errorHandler sees every error instead of the log', async (t) => {
  const seen: unknown[][] = []
  const failure = new Error('mine')
  const { client, logged } = await start(t, {
    say () { throw failure },
    binary () { throw failure },
    errorHandler: (error, socket, message) => { seen.push([error, socket.readyState, message?.type, message?.payload]) }
  })
  client.send({ type: 'say', text: 'x' })
  t.match(await client.next(), { type: '$error', statusCode: 500 })
  client.send(Buffer.from([1]))
  t.same(
    await client.next(),
    { type: '$error', statusCode: 500, code: 'FST_TYPED_WS_INTERNAL', error: 'Internal Server Error', message: 'Internal Server Error' },
    'a binary frame has no type'
  )
  t.same(seen[0], [failure, 1, 'say', { text: 'x' }])
  t.same(seen[1]?.[3], Buffer.from([1]))
  t.notMatch(logged.join(''), /mine/)
})

t.test('an errorHandler may choose what the client is told', async (t) => {
  const answers: Array<() => unknown> = [
    () => clientError('returned', 409),
    () => { throw clientError('thrown', 409) },
    async () => clientError('resolved', 409),
    async () => { throw clientError('rejected', 409) },
    () => 'not an error',
    async () => 'not an error'
  ]
  const { client } = await start(t, {
    say () { throw clientError('the first', 400) },
    errorHandler: (_error, _socket, message) => answers[Number((message!.payload as { text: string }).text)]!()
  })
  const told: unknown[] = []
  for (const n of answers.keys()) {
    client.send({ type: 'say', text: String(n) })
    told.push((await client.next()).message)
  }
  t.same(told, ['returned', 'thrown', 'resolved', 'rejected', 'the first', 'the first'])
})

t.test('the plugin\'s errorHandler is the default of its routes', async (t) => {
  const { client } = await start(t, { say () { throw new Error('x') } }, { errorHandler: () => clientError('plugin', 418) })
  client.send({ type: 'say', text: 'x' })
  t.equal((await client.next()).message, 'plugin')
})

t.test('an open that fails closes with 1011, or as the error says, and close does not run', async (t) => {
  const failures: Array<[unknown, number, string]> = [
    [new Error('secret'), 1011, ''],
    [clientError('who are you?', 401), 4501, 'who are you?'],
    [clientError('not yours', 403), 4503, 'not yours'],
    [clientError('é'.repeat(100), 400), 4500, 'é'.repeat(61)]
  ]
  for (const [failure, code, reason] of failures) {
    for (const open of [() => { throw failure }, async () => { throw failure }]) {
      const { client } = await start(t, { open, close: () => t.fail('never opened'), say: () => t.fail('never opened') })
      client.send({ type: 'say', text: 'too early' })
      t.same(await client.closed(), { code, reason })
    }
  }
})

t.test('messages that arrive after open failed are not handled', async (t) => {
  const { app } = await start(t, {
    open () { throw new Error('x') },
    say: () => t.fail('never opened'),
    binary: () => t.fail('never opened')
  })
  const answer = await exchangeRaw(t, app, Buffer.concat([
    Buffer.from(handshakeText(app, '/')),
    maskedFrame('{"type":"say","text":"x"}'),
    maskedFrame(Buffer.from([1]), 0x82),
    maskedFrame(Buffer.from([0x03, 0xe8]), 0x88)
  ]))
  t.ok(answer.endsWith('\x88\x02\x03\xf3'), 'close 1011 and nothing else')
})

t.test('an open that fails while messages wait still reads the client\'s close frame', async (t) => {
  const ready = deferred()
  let socket: TalkSocket | undefined
  const { client } = await start(t, {
    async open (opened) {
      socket = opened
      await ready.promise
      throw new Error('x')
    },
    say: () => t.fail('never opened')
  }, { maxQueuedMessages: 1 })
  for (const text of ['a', 'b', 'c']) client.send({ type: 'say', text })
  while (!socket!.raw.isPaused) await turn()
  ready.resolve()
  t.equal((await client.closed()).code, 1011)
})

t.test('close is called once, with the code and reason of the client', async (t) => {
  const events: CloseEvent[] = []
  const done = deferred()
  const { client } = await start(t, { close (_socket, event) { events.push(event); done.resolve() } })
  client.ws.close(4001, 'bye')
  await done.promise
  await turn()
  t.same(events, [{ code: 4001, reason: 'bye', wasClean: true }])
})

t.test('a client that vanishes gives close 1006, not clean', async (t) => {
  const done = deferred()
  let event: CloseEvent | undefined
  const { client } = await start(t, { close (_socket, closed) { event = closed; done.resolve() } })
  client.ws.terminate()
  await done.promise
  t.same(event, { code: 1006, reason: '', wasClean: false })
})

t.test('the signal is aborted when the connection ends, and also when it is asked for later', async (t) => {
  let socket: TalkSocket | undefined
  const done = deferred()
  const { client, url } = await start(t, { open (opened) { socket = opened }, close () { done.resolve() } })
  const { signal } = socket!
  await client.close()
  await done.promise
  t.equal(signal.aborted, true)
  const other = await connect(t, url)
  const late = socket!
  await other.close()
  while (late.readyState !== 3) await turn()
  t.equal(late.signal.aborted, true)
})

t.test('a close handler that throws or rejects affects no other connection', async (t) => {
  for (const close of [() => { throw new Error('in close') }, async () => { throw new Error('in close') }]) {
    const { client, url, logged } = await start(t, { close, ask: () => 1 })
    await client.close()
    const other = await connect(t, url)
    other.send({ type: 'ask', ref: 1, n: 1 })
    t.same((await other.next()).data, 1)
    t.match(logged.join(''), /in close/)
  }
})

t.test('messages that arrived before the end are handled before close is called', async (t) => {
  const story: string[] = []
  const ready = deferred()
  const done = deferred()
  const { client } = await start(t, {
    async say ({ text }) { await ready.promise; story.push(text) },
    ask: () => 1,
    close () { story.push('close'); done.resolve() }
  })
  for (const text of ['a', 'b']) client.send({ type: 'say', text })
  client.send({ type: 'ask', ref: 1, n: 1 })
  await client.close()
  ready.resolve()
  await done.promise
  t.same(story, ['a', 'b', 'close'])
})

t.test('a handler that does not settle does not keep close from being called, once', async (t) => {
  const busy = deferred()
  const stuck = deferred()
  let closed = 0
  const { client } = await start(t, { say: async () => { busy.resolve(); await stuck.promise }, close: () => { closed++ } })
  client.send({ type: 'say', text: 'x' })
  await busy.promise
  fakeTime(t, ['setTimeout'])
  client.ws.terminate()
  await client.closed()
  while (closed === 0) {
    mock.timers.tick(1000)
    await turn()
  }
  stuck.resolve()
  await turn()
  t.equal(closed, 1)
})

t.test('a connection that ends while it opens is closed once it has opened', async (t) => {
  const ready = deferred()
  const ended = deferred()
  const done = deferred()
  const story: string[] = []
  const { client } = await start(t, {
    async open (socket) {
      socket.raw.once('close', () => ended.resolve())
      await ready.promise
      story.push('open')
    },
    say: ({ text }) => { story.push(text) },
    close () { story.push('close'); done.resolve() }
  })
  client.send({ type: 'say', text: 'x' })
  await client.close()
  await ended.promise
  ready.resolve()
  await done.promise
  t.same(story, ['open', 'x', 'close'])
})

t.test('a send after the end returns false, and never throws', async (t) => {
  let socket: TalkSocket | undefined
  const done = deferred()
  const { client } = await start(t, { open (opened) { socket = opened }, close: () => done.resolve() })
  await client.close()
  await done.promise
  t.equal(socket!.send('said', { text: 'x' }), false)
  t.equal(socket!.sendBinary(Buffer.from([1])), false)
  await socket!.subscribe('lobby')
  t.equal(socket!.topics.size, 0, 'who has left joins nothing')
  socket!.close()
  socket!.terminate()
})

t.test('a reply to a client that has left is dropped', async (t) => {
  const ready = deferred()
  const answered = deferred()
  const { client, logged } = await start(t, { async ask () { await ready.promise; return 1 }, close: () => answered.resolve() })
  client.send({ type: 'ask', ref: 1, n: 1 })
  await client.close()
  ready.resolve()
  await answered.promise
  t.notMatch(logged.join(''), /"level":50/)
})

t.test('a failure after the close frame of the server is logged, and not sent', async (t) => {
  const { client, app, logged } = await start(t, { ask (_, socket) { socket.close(4000, 'enough'); throw new Error('too late') } })
  client.send({ type: 'ask', ref: 1, n: 1 })
  t.same(await client.closed(), { code: 4000, reason: 'enough' })
  t.equal(client.unread, 0)
  t.match(logged.join(''), /"too late"/)
  t.same(app.channel(talk).stats.errors, {})
})

t.test('outgoing messages are checked: a wrong payload or an unknown event is a named error, and nothing leaves', async (t) => {
  const { client } = await start(t, {
    say (_, socket) {
      t.throws(() => socket.send('said', { text: 1 } as never), {
        code: 'FST_TYPED_WS_OUTGOING_INVALID',
        message: /message\/text must be string/
      })
      t.throws(() => socket.send('nope' as never, {} as never), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
      t.throws(() => socket.publish('lobby', 'nope' as never, {} as never), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
      socket.send('said', { text: 'fine', secret: true } as never)
    }
  })
  client.send({ type: 'say', text: 'x' })
  t.equal(await client.nextRaw(), '{"type":"said","text":"fine"}')
})

t.test('binary frames go both ways, whatever holds the bytes', async (t) => {
  const { client } = await start(t, {
    binary (data, socket) {
      socket.sendBinary(data)
      socket.sendBinary(new Uint8Array(data).buffer)
      socket.sendBinary(new Uint16Array([0x0201]))
      socket.sendBinary(new DataView(Uint8Array.of(0, 1, 2, 3).buffer, 1, 2))
    }
  })
  client.send(Uint8Array.of(1, 2))
  for (let i = 0; i < 4; i++) t.same(await client.next(), Buffer.from([1, 2]))
})

t.test('binary frames that the contract does not allow close the connection with 1003, or are not sent', async (t) => {
  const app = await createApp(t)
  const text = defineContract({ name: 'text', serverToClient: { hello: Type.Object({}) } })
  app.ws('/', {
    contract: text,
    open (socket) {
      t.throws(() => socket.sendBinary(Buffer.from([1]) as never), { code: 'FST_TYPED_WS_OUTGOING_BINARY' })
      socket.send('hello', {})
    }
  })
  const client = await connect(t, await listen(app))
  t.equal(await client.nextRaw(), '{"type":"hello"}')
  client.send(Uint8Array.of(1))
  t.equal((await client.closed()).code, 1003)
})

t.test('the reason of a close is cut at 123 bytes, between characters', async (t) => {
  const { client } = await start(t, { say: (_, socket) => socket.close(4000, '€'.repeat(100)) })
  client.send({ type: 'say', text: 'x' })
  t.same(await client.closed(), { code: 4000, reason: '€'.repeat(41) })
})

t.test('a close code that no endpoint may send throws at once', async (t) => {
  const { client } = await start(t, {
    say: (_, socket) => t.throws(() => socket.close(999), { code: 'FST_TYPED_WS_INVALID_CLOSE' }),
    ask: () => 1
  })
  client.send({ type: 'say', text: 'x' })
  client.send({ type: 'ask', ref: 1, n: 1 })
  t.same((await client.next()).data, 1)
})

t.test('a broken frame ends its own connection and no other', async (t) => {
  const codes: number[] = []
  const { client, url, logged } = await start(t, { ask: () => 1, close: (_, { code }) => codes.push(code) })
  const [socket] = [(client.ws as unknown as { _socket: { write (bytes: Buffer): void } })._socket]
  socket.write(Buffer.from([0xff, 0xff, 0xff]))
  t.equal((await client.closed()).code, 1002)
  const other = await connect(t, url)
  other.send({ type: 'ask', ref: 1, n: 1 })
  t.same((await other.next()).data, 1)
  t.notMatch(logged.join(''), /"level":50/, 'noise is not an error')
})

t.test('a message larger than maxPayloadBytes closes with 1009 and a reason, and that is what the server logs', async (t) => {
  const ended: unknown[] = []
  const { client, logged } = await start(t, { close: (_, event) => ended.push(event) }, { maxPayloadBytes: 100 })
  client.send({ type: 'say', text: 'x'.repeat(100) })
  t.same(await client.closed(), { code: 1009, reason: 'message larger than maxPayloadBytes 100' })
  while (ended.length === 0) await turn()
  t.match(ended, [{ code: 1009, wasClean: false }])
  t.match(logged.join(''), /"code":1009/)
})

t.test('a frame that breaks the protocol is 1002 or 1007 on the server as well, not 1006', async (t) => {
  for (const [bytes, code] of [[Buffer.from([0xff, 0xff, 0xff]), 1002], [maskedFrame(Buffer.from([0xc3, 0x28])), 1007]] as const) {
    const ended: unknown[] = []
    const { client } = await start(t, { close: (_, event) => ended.push(event) })
    ;(client.ws as unknown as { _socket: { write (bytes: Buffer): void } })._socket.write(bytes)
    t.equal((await client.closed()).code, code)
    while (ended.length === 0) await turn()
    t.match(ended, [{ code, wasClean: false }])
  }
})

t.test('a thousand connections fail in every way and one goes on', async (t) => {
  const closed = new Set<TalkSocket>()
  const opened = new Set<TalkSocket>()
  const { client, url } = await start(t, {
    open: (socket) => { opened.add(socket) },
    say ({ text }) { if (text !== 'fine') throw new Error(text) },
    ask: () => 1,
    close (socket) { closed.add(socket); throw new Error('in close') },
    errorHandler () { throw new Error('in errorHandler') }
  })
  for (let round = 0; round < 20; round++) {
    const others = await Promise.all(Array.from({ length: 50 }, async () => await connect(t, url)))
    for (const other of others) {
      other.send({ type: 'say', text: 'boom' })
      other.send('not json')
    }
    await Promise.all(others.map(async (other) => { await other.next(); other.ws.terminate() }))
  }
  client.send({ type: 'ask', ref: 1, n: 1 })
  t.same((await client.next()).data, 1)
  while (closed.size < 1000) await turn()
  t.equal(opened.size, 1001)
})

t.test('an error of the TCP stream is not logged as an error', async (t) => {
  let socket: TalkSocket | undefined
  const { logged } = await start(t, { open: (opened) => { socket = opened } })
  const closed = once(socket!.raw, 'close')
  const broken = (socket!.raw as unknown as { _socket: { destroy (error: Error): void } })._socket
  broken.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
  await closed
  t.notMatch(logged.join(''), /"level":50/)
})
