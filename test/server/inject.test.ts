import { mock } from 'node:test'
import t from 'tap'
import cookie from '@fastify/cookie'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import typedWs, { defineContract, type Socket } from '../../lib/index.js'
import { recovery } from '../../lib/client/recovery.js'
import { fakeTime } from '../support/fake-time.js'
import { certificate, createApp, until } from '../support/helper.js'

const echo = defineContract({
  name: 'echo.v1',
  clientToServer: {
    say: Type.Object({ text: Type.String() }),
    twice: { request: Type.Object({ n: Type.Number() }), reply: Type.Number() }
  },
  serverToClient: { said: Type.Object({ text: Type.String() }) }
})
const on = { say: () => {}, twice: ({ n }: { n: number }) => 2 * n }

t.test('injectClient connects without a port, through every hook, with the subprotocol and the headers of the 101', async (t) => {
  const app = await createApp(t)
  await app.register(cookie)
  app.ws('/rooms/:room', {
    contract: echo,
    schema: { params: Type.Object({ room: Type.String() }) },
    onRequest: async (request, reply) => {
      reply.setCookie(
        'seen',
    `${(request.query as { by: string }).by} ${request.ip} ${request.headers.cookie}`
      )
    },
    on
  })
  const client = await app.injectClient(echo, '/rooms/lobby', { headers: { Cookie: 'person=1' }, query: { by: 'me' } })
  t.equal(client.state, 'open')
  t.equal(client.protocol, 'echo.v1')
  t.match(client.headers['set-cookie'], [/seen=me%20127\.0\.0\.1%20person%3D1/])
  t.equal(await client.call('twice', { n: 21 }), 42)
  t.notOk(app.server.listening)
})

t.test('messages that the server sends at once are kept until there is a listener', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: echo, on, open (socket) { for (const text of ['a', 'b', 'c']) socket.send('said', { text }) } })
  const client = await app.injectClient(echo, '/')
  const said: string[] = []
  client.on('said', ({ text }) => { said.push(text) })
  await client.call('twice', { n: 1 })
  t.same(said, ['a', 'b', 'c'])
})

t.test('a refusal rejects with status, headers and body', async (t) => {
  const app = await createApp(t)
  app.ws(
    '/',
    {
      contract: echo,
      on,
      onRequest: async (_request, reply) => reply.code(401).header('www-authenticate', 'Bearer').send({ who: 'are you' })
    }
  )
  await t.rejects(
    app.injectClient(echo, '/'),
    { code: 'FST_TYPED_WS_HANDSHAKE_REFUSED', statusCode: 401, headers: { 'www-authenticate': 'Bearer' }, body: '{"who":"are you"}' }
  )
  await t.rejects(
    app.injectClient(echo, '/', { headers: { Origin: undefined } }),
    { code: 'FST_TYPED_WS_HANDSHAKE_REFUSED', statusCode: 403 }
  )
  await t.rejects(app.injectClient(echo, '/nowhere'), { code: 'FST_TYPED_WS_HANDSHAKE_REFUSED', statusCode: 404 })
})

t.test('an https app sees an injected request as https', async (t) => {
  const app = await createApp(t, {}, { https: certificate } as never)
  let protocol = ''
  app.ws('/', { contract: echo, on, open ({ request }) { protocol = request.protocol } })
  await app.injectClient(echo, '/')
  t.equal(protocol, 'https')
})

t.test('injectClient uses HTTP/1 with a server of HTTP/2 that allows it, and rejects with one that does not', async (t) => {
  const app = Fastify({ http2: true, https: { ...certificate, allowHTTP1: true } }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(typedWs)
  app.ws('/', { contract: echo, on })
  const client = await app.injectClient(echo, '/')
  t.equal(await client.call('twice', { n: 21 }), 42)
  const only = Fastify({ http2: true, https: certificate }) as unknown as FastifyInstance
  t.teardown(() => only.close())
  await only.register(typedWs)
  only.ws('/', { contract: echo, on })
  await t.rejects(only.injectClient(echo, '/'), { code: 'FST_TYPED_WS_INVALID_OPTION', message: /write https: \{ allowHTTP1: true \}$/ })
})

t.test('an injected client ends with the app', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: echo, on })
  const client = await app.injectClient(echo, '/')
  await app.close()
  t.equal(client.state, 'closed')
})

t.test('early frames reach a listener of the same turn in order, binary and text', async (t) => {
  const app = await createApp(t)
  const mixed = defineContract({ ...echo, name: 'mixed.v1', binary: { serverToClient: true } })
  app.ws('/', {
    contract: mixed,
    on,
    open (socket) {
      for (const text of ['a', 'b']) {
        socket.send('said', { text })
        socket.sendBinary(new Uint8Array([text.charCodeAt(0)]))
      }
    }
  })
  const client = await app.injectClient(mixed, '/')
  const heard: unknown[] = []
  client.on('said', ({ text }) => { heard.push(text) })
  client.onBinary((data) => { heard.push(...new Uint8Array(data)) })
  await client.call('twice', { n: 1 })
  t.same(heard, ['a', 97, 'b', 98])
})

t.test('an injected client comes back to the app as over a network', async (t) => {
  const app = await createApp(t, { handshakeTimeoutMs: 1e6 })
  fakeTime(t)
  app.ws('/', { contract: echo, on })
  const client = await app.injectClient(echo, '/', { query: { n: [1, 2] } })
  const states: unknown[] = []
  client.onState((change) => { states.push(change) })
  const reopened = new Promise<void>((resolve) => { client.onReopen(resolve) })
  const { socket, request } = await theOne(app)
  t.equal(request.url, '/?n=1&n=2')
  socket.close(4000, 'again')
  await until(() => client.state === 'waiting')
  client.send('say', { text: 'waits' })
  mock.timers.tick(1000)
  await reopened
  t.equal((await theOne(app)).request.url, '/?n=1&n=2')
  t.equal(await client.call('twice', { n: 21 }), 42)
  t.match(states, [{ state: 'waiting', code: 4000, reason: 'again' }, { state: 'connecting' }, { state: 'open' }])
})

t.test('an injected client with recover hears what it missed, and is told so', async (t) => {
  const app = await createApp(t)
  const news = defineContract({
    name: 'news.v1',
    serverToClient: { line: Type.Object({ n: Type.Number() }) },
    topics: { news: { recover: true } }
  })
  app.ws('/', { contract: news, open: async (socket) => { await socket.subscribe('news') } })
  const client = await app.injectClient(news, '/', { recover: recovery(), retry: { minDelayMs: 1, maxDelayMs: 1 } })
  const lines: number[] = []
  client.on('line', ({ n }) => { lines.push(n) })
  const outcome = new Promise((resolve) => { client.onRecovered(resolve) })
  await app.channel(news).publish('news', 'line', { n: 1 })
  await until(() => lines.length === 1)
  const [socket] = app.channel(news).sockets()
  socket!.close(4000)
  await app.channel(news).publish('news', 'line', { n: 2 })
  t.match(await outcome, { topic: 'news', recovered: true })
  await until(() => lines.length === 2)
  t.same(lines, [1, 2])
})

t.test('an injected client notices a silent app, and connects again', async (t) => {
  const app = await createApp(t, { handshakeTimeoutMs: 1e6, heartbeat: false })
  fakeTime(t)
  app.ws('/', { contract: echo, on })
  const client = await app.injectClient(echo, '/', { heartbeat: { intervalMs: 1000, timeoutMs: 500 } })
  const reopened = new Promise<void>((resolve) => { client.onReopen(resolve) })
  await client.call('twice', { n: 1 })
  const { socket } = await theOne(app)
  socket.raw.pause()
  mock.timers.tick(1000)
  mock.timers.tick(500)
  t.equal(client.state, 'waiting')
  mock.timers.tick(1000)
  await reopened
  t.equal(await client.call('twice', { n: 21 }), 42)
  socket.terminate()
})

t.test('a connection that ends without an answer rejects as a refusal', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: echo, on, onRequest: async ({ raw }) => { raw.destroy() } })
  await t.rejects(app.injectClient(echo, '/'), { code: 'FST_TYPED_WS_HANDSHAKE_REFUSED', message: /nothing/ })
})

t.test('a redirect is not followed, and rejects as a refusal', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: echo, on, onRequest: async (_request, reply) => reply.redirect('/login') })
  await t.rejects(
    app.injectClient(echo, '/'),
    { code: 'FST_TYPED_WS_HANDSHAKE_REFUSED', statusCode: 302, headers: { location: '/login' }, body: '' }
  )
})

t.test('a refusal that a page can see closes the client as it closes a page\'s', async (t) => {
  const app = await createApp(t, { rejectWith: 'close' })
  app.ws('/', { contract: echo, on, onRequest: async (_request, reply) => reply.code(401).send() })
  await t.rejects(app.injectClient(echo, '/'), { code: 'FST_TYPED_WS_CLIENT_CLOSED', closeCode: 4501 })
})

t.test('a refusal that lets a client come back rejects with 503 and the reason of its close', async (t) => {
  const app = await createApp(t, { rejectWith: 'close' })
  app.ws('/', { contract: echo, on, onRequest: async (_request, reply) => reply.code(503).header('retry-after', 2).send('later') })
  await t.rejects(app.injectClient(echo, '/'), {
    code: 'FST_TYPED_WS_HANDSHAKE_REFUSED',
    statusCode: 503,
    headers: { 'retry-after': '2' },
    body: 'retry-after-ms=2000'
  })
})

t.test('headers that the test gives replace the default ones, whatever their case', async (t) => {
  const app = await createApp(t, { origin: ['https://example.com'] })
  app.ws('/', { contract: echo, on })
  await t.rejects(app.injectClient(echo, '/'), { statusCode: 403, code: 'FST_TYPED_WS_HANDSHAKE_REFUSED' })
  const client = await app.injectClient(
    echo,
    '/?already=1',
    { headers: { ORIGIN: 'https://example.com', 'X-None': undefined }, query: { page: 2 } }
  )
  const { request } = await theOne(app)
  t.equal(request.headers.origin, 'https://example.com')
  t.equal(request.url, '/?already=1&page=2')
  t.notOk('x-none' in request.headers)
  client.close()
})

/** The one connection that lives. */
async function theOne (app: FastifyInstance): Promise<{ socket: Socket<typeof echo>, request: Socket<typeof echo>['request'] }> {
  await until(() => app.channel(echo).size() === 1)
  const [socket] = app.channel(echo).sockets()
  return { socket: socket!, request: socket!.request }
}
