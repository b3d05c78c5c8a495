import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect as connectHttp2, constants } from 'node:http2'
import { request as requestHttps } from 'node:https'
import { setImmediate as turn } from 'node:timers/promises'
import auth from '@fastify/auth'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import csrf from '@fastify/csrf-protection'
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import session from '@fastify/session'
import fastifyWebsocket from '@fastify/websocket'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import mercurius from 'mercurius'
import t from 'tap'
import type { WebSocket } from 'ws'
import typedWs, { defineContract } from '../../lib/index.js'
import {
  certificate, connect, createApp, exchangeRaw, handshakeText, listen, Log, refused, statusesOf, type Client, type Teardown
} from '../support/helper.js'
import { echo, echoRoute as route } from '../support/echo.js'

function bare (t: Teardown): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close())
  return app
}

async function talks (client: Client): Promise<boolean> {
  client.send({ type: 'say', text: 'hello' })
  return JSON.stringify(await client.next()) === '{"type":"said","text":"hello"}'
}

function cookiesOf (client: Client): string {
  return (client.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ')
}

t.test('@fastify/cookie: cookies come with the 101 and are read at the handshake', async (t) => {
  const app = await createApp(t)
  await app.register(cookie, { secret: 'a secret for tests' })
  app.ws('/', {
    ...route,
    preHandler: async (request, reply) => {
      reply.setCookie('visit', request.cookies['visit'] === undefined ? 'first' : 'again', { httpOnly: true, path: '/' })
      reply.setCookie('signed', 'yes', { signed: true })
    }
  })
  const url = await listen(app)
  const first = await connect(t, url)
  t.match(first.headers['set-cookie'], ['visit=first; Path=/; HttpOnly', /^signed=yes\./])
  const second = await connect(t, url, { headers: { cookie: cookiesOf(first) } })
  t.match(cookiesOf(second), /visit=again/)
})

for (const order of ['before', 'after']) {
  t.test(`@fastify/session, registered ${order} the plugin: the cookie is sent and the session saved`, async (t) => {
    const store = new session.MemoryStore()
    let saved = 0
    const set = store.set.bind(store)
    store.set = (...args) => { saved++; set(...args) }
    const app = bare(t)
    if (order === 'after') await app.register(typedWs)
    await app.register(cookie)
    await app.register(session, { secret: 'a secret of at least thirty-two characters', cookie: { secure: false }, store })
    if (order === 'before') await app.register(typedWs)
    let hooks = 0
    app.addHook('onRequest', async () => { hooks++ })
    app.ws('/', { ...route, preHandler: async (request) => { request.session.set('name' as never, 'Ada' as never) } })
    app.get('/name', (request) => ({ name: request.session.get('name' as never) ?? null }))
    const url = await listen(app)

    const evil = await refused(url, { origin: 'http://evil.test' })
    t.equal(evil.statusCode, 403)
    t.notOk(evil.headers['set-cookie'])
    t.equal(saved, 0, 'of a refused Origin nothing is stored')
    t.equal(hooks, 0, 'and no hook has run')

    const client = await connect(t, url)
    t.match(cookiesOf(client), /^sessionId=/)
    t.equal(saved, 1)
    t.same((await app.inject({ url: '/name', headers: { cookie: cookiesOf(client) } })).json(), { name: 'Ada' })
    t.same((await app.inject('/name')).json(), { name: null })
  })
}

t.test('@fastify/session stores a session for every handshake, unless saveUninitialized is false', async (t) => {
  for (const saveUninitialized of [true, false]) {
    const store = new session.MemoryStore()
    let saved = 0
    const set = store.set.bind(store)
    store.set = (...args) => { saved++; set(...args) }
    const app = await createApp(t)
    await app.register(cookie)
    await app.register(
      session,
      { secret: 'a secret of at least thirty-two characters', cookie: { secure: false }, store, saveUninitialized }
    )
    app.ws('/', route)
    const url = await listen(app)
    for (let n = 0; n < 3; n++) await connect(t, url)
    t.equal(saved, saveUninitialized ? 3 : 0)
  }
})

t.test('@fastify/jwt: a client without a token is refused over HTTP', async (t) => {
  const app = await createApp(t)
  await app.register(jwt, { secret: 'a secret for tests' })
  app.ws('/', {
    ...route,
    onRequest: async (request: FastifyRequest) => { await request.jwtVerify() },
    open: (socket) => { socket.send('said', { text: (socket.request as FastifyRequest & { user: { name: string } }).user.name }) }
  })
  const url = await listen(app)
  const { statusCode, body } = await refused(url)
  t.equal(statusCode, 401)
  t.match(JSON.parse(body), { code: 'FST_JWT_NO_AUTHORIZATION_IN_HEADER' })
  t.equal((await refused(url, { headers: { authorization: 'Bearer forged' } })).statusCode, 401)
  const client = await connect(t, url, { headers: { authorization: `Bearer ${app.jwt.sign({ name: 'Ada' })}` } })
  t.same(await client.next(), { type: 'said', text: 'Ada' })
})

t.test('@fastify/helmet, @fastify/cors and @fastify/rate-limit: their headers come with the 101', async (t) => {
  const app = await createApp(t, { origin: ['http://front.test'] })
  await app.register(helmet)
  await app.register(cors, { origin: ['http://front.test'], credentials: true })
  await app.register(rateLimit, { max: 2, timeWindow: 60_000 })
  app.ws('/', route)
  const url = await listen(app)
  for (let n = 0; n < 3; n++) t.equal((await refused(url, { origin: 'http://evil.test' })).statusCode, 403, 'which counts for nothing')
  const client = await connect(t, url, { origin: 'http://front.test' })
  t.match(client.headers, {
    'content-security-policy': /default-src/,
    'strict-transport-security': /max-age/,
    'x-content-type-options': 'nosniff',
    'access-control-allow-origin': 'http://front.test',
    'access-control-allow-credentials': 'true',
    vary: /Origin/,
    'x-ratelimit-limit': '2',
    'x-ratelimit-remaining': '1'
  })
  t.ok(await talks(client))
  await connect(t, url, { origin: 'http://front.test' })
  const third = await refused(url, { origin: 'http://front.test' })
  t.equal(third.statusCode, 429)
  t.match(third.headers, { 'retry-after': '60', connection: 'close', 'x-content-type-options': 'nosniff' })
})

t.test('@fastify/csrf-protection: a handshake must carry a token if the app asks for it', async (t) => {
  const app = await createApp(t)
  await app.register(cookie)
  await app.register(csrf, { getToken: (request) => (request.query as { token?: string }).token })
  app.get('/token', (_, reply) => reply.generateCsrf())
  app.ws('/', { ...route, onRequest: (request, reply, done) => { app.csrfProtection(request, reply, done) } })
  const url = await listen(app)
  t.equal((await refused(url)).statusCode, 403)
  const { body, headers } = await app.inject('/token')
  const client = await connect(
    t,
    `${url}/?token=${encodeURIComponent(body)}`,
    { headers: { cookie: String(headers['set-cookie']).split(';')[0]! } }
  )
  t.ok(await talks(client))
})

t.test('@fastify/auth: a handshake needs one of several credentials', async (t) => {
  const app = await createApp(t)
  await app.register(auth)
  const byHeader = async ({ headers }: FastifyRequest): Promise<void> => {
    if (headers['x-key'] !== 'good') {
      throw Object.assign(new Error('no key'), {
        statusCode: 401
      })
    }
  }
  const byQuery = async ({ query }: FastifyRequest): Promise<void> => {
    if ((query as { key?: string }).key !== 'good') {
      throw Object.assign(new Error('no key either'), {
        statusCode: 401
      })
    }
  }
  app.ws('/', { ...route, preHandler: app.auth([byHeader, byQuery]) })
  const url = await listen(app)
  t.match(await refused(url), { statusCode: 401, body: /no key either/ })
  await connect(t, url, { headers: { 'x-key': 'good' } })
  await connect(t, `${url}/?key=good`)
})

t.test('HTTP routes and raw WebSocket routes work beside typed ones', async (t) => {
  const app = await createApp(t)
  app.ws('/typed', route)
  app.get('/http', () => 'over HTTP')
  app.post('/http', (request) => request.body)
  app.get('/raw', { websocket: true }, (socket, request) => {
    socket.on('message', (data: Buffer) => { socket.send(`raw ${request.ws} ${data.toString()}`) })
  })
  app.route({ method: 'GET', url: '/both', handler: () => 'over HTTP', wsHandler: (socket) => { socket.send('"raw"') } })
  const url = await listen(app)
  t.ok(await talks(await connect(t, `${url}/typed`)))
  const raw = await connect(t, `${url}/raw`, { origin: 'http://anybody.test' })
  raw.send('hello')
  t.equal(await raw.nextRaw(), 'raw true hello')
  t.equal(await (await connect(t, `${url}/both`)).next(), 'raw')
  t.equal((await app.inject('/both')).body, 'over HTTP')
  t.equal((await app.inject('/http')).body, 'over HTTP')
  t.same((await app.inject({ method: 'POST', url: '/http', payload: { a: 1 } })).json(), { a: 1 })
  for (const path of [
    '/http',
    '/nowhere'
  ]) {
    t.match(
      await refused(`${url}${path}`),
      { statusCode: 404, headers: { connection: 'close' }, body: new RegExp(`Route GET:${path} not found`) }
    )
  }
})

t.test('@fastify/websocket with the app\'s own options is kept', async (t) => {
  const failures: Error[] = []
  const app = bare(t)
  await app.register(
    fastifyWebsocket,
    { options: { maxPayload: 10 }, errorHandler (error, socket) { failures.push(error); socket.terminate() } }
  )
  await app.register(typedWs)
  app.get('/raw', { websocket: true }, () => { throw new Error('in the raw handler') })
  app.get('/small', { websocket: true }, (socket) => { socket.on('message', () => { socket.send('"got it"') }) })
  app.ws('/typed', route)
  const url = await listen(app)
  t.equal(app.websocketServer.options.maxPayload, 10)
  t.ok(await talks(await connect(t, `${url}/typed`)), 'whose options are not those of typed routes')
  await (await connect(t, `${url}/raw`)).closed()
  t.match(failures, [{ message: 'in the raw handler' }])
  const small = await connect(t, `${url}/small`)
  small.send('ok')
  t.equal(await small.next(), 'got it')
  small.send('more than ten bytes')
  t.equal((await small.closed()).code, 1009)
})

t.test('@fastify/websocket with verifyClient is refused at boot, since it would guard no typed route', async (t) => {
  const app = bare(t)
  await app.register(fastifyWebsocket, { options: { verifyClient: () => false } })
  await t.rejects(
    async () => await app.register(typedWs),
    { code: 'FST_TYPED_WS_INVALID_OPTION', message: /^Option 'verifyClient': .*write a hook, app\.addHook\('onRequest'/ }
  )
})

t.test('@fastify/websocket on another server is refused at boot', async (t) => {
  const app = bare(t)
  await app.register(fastifyWebsocket, { options: { server: createServer() } })
  await t.rejects(
    async () => await app.register(typedWs),
    { code: 'FST_TYPED_WS_INVALID_OPTION', message: /^Option 'server': .*another server/ }
  )
})

t.test('the plugin is refused on a server of Bun, with the reason', async (t) => {
  Object.assign(globalThis, { Bun: {} })
  t.teardown(() => { Reflect.deleteProperty(globalThis, 'Bun') })
  await t.rejects(
    async () => await bare(t).register(typedWs),
    { code: 'FST_TYPED_WS_UNSUPPORTED_RUNTIME', message: /run the server in Node or Deno/ }
  )
})

/** injectWS, with the answers of the server kept from the first. */
async function inject (
  t: Teardown,
  app: FastifyInstance,
  path: string,
  headers: Record<string, string>
): Promise<{ ws: WebSocket, next: () => Promise<string> }> {
  const received: string[] = []
  const ws = await app.injectWS(
    path,
    { headers },
    { onInit: (ws) => { ws.on('message', (data: Buffer) => received.push(data.toString())) } }
  )
  t.teardown(() => { ws.terminate() })
  return { ws, next: async () => { while (received.length === 0) await turn(); return received.shift()! } }
}

t.test('injectWS reaches typed and raw routes', async (t) => {
  const app = await createApp(t, { shutdown: { timeoutMs: 2_000_000 } })
  const seen: unknown[] = []
  app.addHook('onTimeout', async () => {})
  app.ws('/typed', {
    ...route,
    schema: { querystring: Type.Object({ n: Type.Integer() }) },
    preHandler: async ({ protocol, ws, ip }) => { seen.push([protocol, ws, ip]) }
  })
  app.get('/raw', { websocket: true }, (socket) => { socket.on('message', (data: Buffer) => { socket.send(data.toString()) }) })
  app.get('/http', () => 'over HTTP')
  await app.ready()
  const own = { host: 'app.test', origin: 'http://app.test' }
  const typed = await inject(t, app, '/typed?n=1', own)
  typed.ws.send('{"type":"say","text":"hello"}')
  t.equal(await typed.next(), '{"type":"said","text":"hello"}')
  t.same(seen, [['http', true, undefined]])
  const raw = await inject(t, app, '/raw', {})
  raw.ws.send('hello')
  t.equal(await raw.next(), 'hello')
  for (const [path, headers, status] of [
    [
      '/typed?n=x',
      own,
      400
    ], [
      '/typed?n=1',
      {},
      403
    ], ['/typed?n=1', { host: 'app.test', origin: 'https://app.test' }, 403], ['/nowhere', own, 404], ['/http', own, 404],
    ['/typed?n=1', { ...own, 'sec-websocket-protocol': 'a,,b' }, 400]
  ] as const) {
    await t.rejects(app.injectWS(path, { headers }), { message: `Unexpected server response: ${status}` }, path)
  }
  // The test does not end where closing takes all of that time.
  await app.close()
  t.notOk(app.server.listening)
})

t.test('a client made by injectWS can be closed by either side', async (t) => {
  const app = await createApp(t)
  const ended: number[] = []
  app.ws('/', { ...route, on: { say: (_, socket) => socket.close(4000, 'enough') }, close: (_, { code }) => { ended.push(code) } })
  await app.ready()
  const own = { host: 'app.test', origin: 'http://app.test' }
  const first = await inject(t, app, '/', own)
  const closed = once(first.ws, 'close')
  first.ws.send('{"type":"say","text":""}')
  t.equal((await closed)[0], 4000)
  const second = await inject(t, app, '/', own)
  second.ws.close(4001)
  while (ended.length < 2) await turn()
  t.same(ended, [4000, 4001])
})

const schema = 'type Query { hello: String } type Subscription { ticked: String }'
const resolvers = {
  Query: { hello: () => 'hello' },
  Subscription: {
    ticked: {
      subscribe: (_root: unknown, _args: unknown, { pubsub }: { pubsub: { subscribe: (topic: string) => unknown } }) => {
        return pubsub.subscribe('TICKED')
      }
    }
  }
}

async function subscribe (t: Teardown, url: string): Promise<Client> {
  const client = await connect(t, `${url}/graphql`, { protocols: ['graphql-transport-ws'] })
  client.send({ type: 'connection_init' })
  t.teardown(() => client.ws.terminate())
  if ((await client.next()).type !== 'connection_ack') throw new Error('not acknowledged')
  client.send({ id: '1', type: 'subscribe', payload: { query: 'subscription { ticked }' } })
  await client.flushed()
  return client
}

for (const order of ['before', 'after', 'inside']) {
  t.test(`mercurius, registered ${order} the plugin: its subscriptions and typed routes share the server`, async (t) => {
    const app = bare(t)
    if (order === 'after') await app.register(typedWs)
    await app.register(mercurius, { schema, resolvers: resolvers as never, subscription: true })
    if (order === 'before') await app.register(typedWs)
    if (order === 'inside') {
      app.register(async (scope) => {
        await scope.register(typedWs)
        scope.ws('/typed', route)
      })
    } else {
      app.ws('/typed', route)
    }
    const url = await listen(app)
    const client = await subscribe(t, url)
    app.graphql.pubsub.publish({ topic: 'TICKED', payload: { ticked: 'tock' } })
    t.match(await client.next(), { type: 'next', payload: { data: { ticked: 'tock' } } })
    t.ok(await talks(await connect(t, `${url}/typed`)))
    t.same((await app.inject({ method: 'POST', url: '/graphql', payload: { query: '{ hello }' } })).json(), { data: { hello: 'hello' } })
    t.same(
      statusesOf(await exchangeRaw(t, app, handshakeText(app, '/typed', { 'Sec-WebSocket-Key': null }))),
      [400],
      'one reply, whoever else listens'
    )
  })
}

t.test('a scope\'s hooks, decorators, error handler and prefix are those of its routes alone', async (t) => {
  const app = await createApp(t)
  app.decorate('place', 'outside')
  app.setErrorHandler((error: Error, _, reply) => reply.code(500).send(`outer ${error.message}`))
  app.register(async (scope) => {
    scope.decorate('secret', 'inside')
    scope.decorateRequest('user', '')
    scope.addHook('onRequest', async (request) => { Object.assign(request, { user: 'Ada' }) })
    scope.setErrorHandler((error: Error, _, reply) => reply.code(418).send(`inner ${error.message}`))
    scope.setNotFoundHandler((_, reply) => reply.code(404).send('inner not found'))
    scope.ws('/chat', {
      ...route,
      preHandler: async function (this: FastifyInstance, request: FastifyRequest) {
        if ((request.query as { fail?: string }).fail !== undefined) throw new Error(String(this.getDecorator('secret')))
      },
      open: (socket) => { socket.send('said', { text: (socket.request as FastifyRequest & { user: string }).user }) }
    })
    scope.get('/http', () => 'over HTTP')
  }, { prefix: '/v1' })
  app.ws('/chat', {
    ...route,
    preHandler: async (request) => { if ('user' in request) throw new Error('a stranger\'s hook ran') },
    open: (socket) => { socket.send('said', { text: String('user' in (socket.request as object)) }) }
  })
  app.ws('/fails', { ...route, preHandler: async () => { throw new Error('here') } })
  const url = await listen(app)
  t.same(await (await connect(t, `${url}/v1/chat`)).next(), { type: 'said', text: 'Ada' })
  t.same(await (await connect(t, `${url}/chat`)).next(), { type: 'said', text: 'false' })
  t.match(await refused(`${url}/v1/chat?fail`), { statusCode: 418, body: 'inner inside' })
  t.match(await refused(`${url}/fails`), { statusCode: 500, body: 'outer here' })
  t.match(await refused(`${url}/v1/http`), { statusCode: 404, body: 'inner not found' })
})

t.test('two routes of one contract share its channel', async (t) => {
  const app = await createApp(t)
  app.ws('/a', route)
  app.register(async (scope) => { scope.ws('/b', route) })
  const url = await listen(app)
  await connect(t, `${url}/a`)
  await connect(t, `${url}/b`)
  t.equal(app.channel(echo).size(), 2)
})

t.test('a channel works without a route, and before the app is ready', async (t) => {
  const app = await createApp(t)
  const channel = app.channel(echo)
  t.equal(app.channel(echo), channel)
  await channel.publish('lobby', 'said', { text: 'to nobody' })
  await t.rejects(channel.publish('lobby', 'said', { text: 5 } as never), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  t.equal(channel.size(), 0)
})

t.test('a channel of a contract with a route uses its schemas', async (t) => {
  const app = await createApp(t)
  const channel = app.channel(echo)
  app.ws('/', { ...route, open: async (socket) => { await socket.subscribe('lobby') } })
  const client = await connect(t, await listen(app))
  await client.flushed()
  await channel.publish('lobby', 'said', { text: 'hello' })
  await channel.publish('lobby', 'said', { text: 'again' })
  t.same([await client.next(), await client.next()], [{ type: 'said', text: 'hello' }, { type: 'said', text: 'again' }])
})

t.test('two contracts of one name are refused at boot', async (t) => {
  const app = await createApp(t)
  const other = defineContract({ name: 'echo.v1', clientToServer: {} })
  app.ws('/', route)
  t.throws(
    () => app.ws('/other', { contract: other }),
    { code: 'FST_TYPED_WS_DUPLICATE_CONTRACT', message: /'echo\.v1'.*give one another name/ }
  )
  t.throws(() => app.channel(other), { code: 'FST_TYPED_WS_DUPLICATE_CONTRACT' })
})

t.test('a channel of a value that is no contract is refused', async (t) => {
  const app = await createApp(t)
  for (const value of [undefined, null, 'echo.v1', {}, { name: 'echo.v1' }, { name: 'echo.v1', clientToServer: {}, serverToClient: {} }]) {
    t.throws(
      () => app.channel(value as never),
      { code: 'FST_TYPED_WS_INVALID_OPTION', message: /app\.channel\(defineContract\(\{ … \}\)\)/ }
    )
  }
})

t.test('a second registration on one server is refused', async (t) => {
  const app = await createApp(t)
  await t.rejects(
    async () => await app.register(typedWs),
    { code: 'FST_TYPED_WS_DUPLICATE_PLUGIN', message: /register it once, on the outermost instance/ }
  )
  const apart = bare(t)
  apart.register(async (scope) => { await scope.register(typedWs) })
  apart.register(async (scope) => { await scope.register(typedWs) })
  await t.rejects(async () => await apart.ready(), { code: 'FST_TYPED_WS_DUPLICATE_PLUGIN' })
})

t.test('a schema that cannot be compiled is refused when the app gets ready', async (t) => {
  const app = await createApp(t)
  app.ws(
    '/',
    {
      contract: defineContract({ name: 'broken', clientToServer: { say: { type: 'object', properties: { a: { $ref: 'nowhere#' } } } } }),
      on: { say () {} }
    }
  )
  await t.rejects(async () => await app.ready(), { code: 'FST_TYPED_WS_INVALID_SCHEMA' })
})

t.test('the Origin is checked where Fastify\'s list of hooks cannot be reached', async (t) => {
  const app = bare(t)
  let hooks = 0
  app.addHook('onRequest', async () => { hooks++ })
  const { getOwnPropertySymbols } = Object
  Object.getOwnPropertySymbols = (value: object) => value === app ? [] : getOwnPropertySymbols(value)
  t.teardown(() => { Object.getOwnPropertySymbols = getOwnPropertySymbols })
  await app.register(typedWs)
  Object.getOwnPropertySymbols = getOwnPropertySymbols
  app.ws('/', route)
  const url = await listen(app)
  t.equal((await refused(url, { origin: 'http://evil.test' })).statusCode, 403)
  t.equal(hooks, 1, 'in the order of registration')
  t.ok(await talks(await connect(t, url)))
})

t.test('the own origin of a server over https is https', async (t) => {
  const app = Fastify({ https: certificate })
  t.teardown(() => app.close())
  await app.register(typedWs)
  app.ws('/', route as never)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const host = `127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const tls = { rejectUnauthorized: false }
  t.ok(await talks(await connect(t, `wss://${host}/`, tls)))
  t.equal((await refused(`wss://${host}/`, { ...tls, origin: `http://${host}` })).statusCode, 403)
  t.match(await refused(`wss://${host}/nowhere`, tls), { statusCode: 404, headers: { connection: 'close' } })
})

t.test('a server of HTTP/2 that takes HTTP/1 has WebSockets over HTTP/1', async (t) => {
  const log = new Log()
  const app = Fastify({ http2: true, https: { ...certificate, allowHTTP1: true }, logger: log.options })
  t.teardown(() => app.close())
  await app.register(typedWs)
  app.ws('/', route as never)
  app.get('/plain', (request) => ({ version: request.raw.httpVersion }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  t.ok(await talks(await connect(t, `wss://127.0.0.1:${port}/`, { rejectUnauthorized: false })))
  t.equal((await refused(`wss://127.0.0.1:${port}/plain`, { rejectUnauthorized: false })).statusCode, 404)

  const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQCAAAAAAIAAAAA' }
  const handedBack = requestHttps({ port, host: '127.0.0.1', path: '/plain', rejectUnauthorized: false, headers }).end()
  const [response] = await once(handedBack, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  t.same(JSON.parse(text), { version: '1.1' })

  const session2 = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  t.teardown(() => { session2.destroy() })
  const stream = session2.request({ ':path': '/' })
  const [answer] = await once(stream, 'response')
  t.equal(answer[constants.HTTP2_HEADER_STATUS], 426, 'over HTTP/2 there is none')
  t.notOk('upgrade' in answer)
  stream.resume()
  await once(stream, 'end')
  session2.close()
})

t.test('a reply that a plugin decorates sends the 101', async (t) => {
  const app = await createApp(t)
  app.decorateReply('stamp', function (this: FastifyReply) { return this.header('x-stamp', 'yes') })
  app.ws('/', { ...route, onRequest: async (_, reply) => { (reply as FastifyReply & { stamp: () => void }).stamp() } })
  t.equal((await connect(t, await listen(app))).headers['x-stamp'], 'yes')
})
