import { once } from 'node:events'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import typedWs, { defineContract, type Socket, type WebSocketRouteOptions } from '../../lib/index.js'
import { connect, connectRaw, createApp, exchangeRaw, handshakeText, listen, Log, refused, statusesOf } from '../support/helper.js'
import { echo, echoRoute as route } from '../support/echo.js'

const silent = defineContract({ name: 'silent.v1' })
const bytes = defineContract({ name: 'bytes.v1', binary: { clientToServer: true } })
const Empty = Type.Object({})

const misuses: ReadonlyArray<readonly [name: string, path: unknown, options: unknown, message: RegExp, code?: string]> = [
  ['no path', undefined, route, /its path is a string: write app\.ws\('\/chat', \{ contract, on: \{ … \} \}\)/],
  ['options for a path', route, undefined, /its path is a string/],
  ['no options', '/', undefined, /WebSocket route \/: write app\.ws\(path, \{ contract, on: \{ … \} \}\)/],
  ['a handler for options', '/', () => {}, /write app\.ws\(path/],
  ['a list for options', '/', [], /write app\.ws\(path/],
  ['an unknown option', '/', { ...route, onPacket () {} }, /there is no option 'onPacket': remove it/],
  ['a misspelt option', '/', { ...route, errorHandlr () {} }, /there is no option 'errorHandlr': did you mean 'errorHandler'\?/],
  ['an option with two letters swapped', '/', { ...route, opne () {} }, /there is no option 'opne': did you mean 'open'\?/],
  ['a short option with its letters swapped', '/', { contract: echo, no: {} }, /there is no option 'no': did you mean 'on'\?/],
  ['an option of HTTP routes', '/', { ...route, bodyLimit: 5 }, /there is no option 'bodyLimit'/],
  ['no contract', '/', { on: {} }, /its contract is missing: write contract: defineContract\(\{ … \}\)/],
  [
    'a contract that was not made by defineContract',
    '/',
    { contract: { name: 'echo.v1', clientToServer: {} }, on: {} },
    /its contract is missing/
  ],
  [
    'handlers that are none',
    '/',
    { contract: silent, on: [] },
    /on is an object of handlers: write on: \{ message \(payload, socket\) \{\} \}/
  ],
  ['handlers that are null', '/', { contract: silent, on: null }, /on is an object of handlers/],
  ['no handlers', '/', { contract: echo }, /client message 'say' has no handler: write on: \{ say \(payload, socket\) \{\} \}/],
  ['no handler for a message', '/', { contract: echo, on: { say: undefined } }, /client message 'say' has no handler/],
  ['a handler that is no function', '/', { contract: echo, on: { say: 'echo' } }, /client message 'say' has no handler/],
  [
    'a handler that every object has',
    '/',
    { contract: defineContract({ name: 'a', clientToServer: { toString: Empty } }), on: {} },
    /client message 'toString' has no handler/
  ],
  [
    'a handler too many',
    '/',
    { contract: echo, on: { say () {}, shout () {} } },
    /contract 'echo\.v1' has no client message 'shout': remove its handler, or declare it in clientToServer/
  ],
  [
    'a misspelt handler',
    '/',
    { contract: echo, on: { sya () {} } },
    /contract 'echo\.v1' has no client message 'sya': did you mean 'say'\?/
  ],
  ['a handler for a server message', '/', { contract: echo, on: { say () {}, said () {} } }, /no client message 'said'/],
  ['no binary handler', '/', { contract: bytes }, /its contract allows binary frames from the client: write binary \(data, socket\) \{\}/],
  ['a binary handler that is none', '/', { contract: bytes, binary: true }, /write binary \(data, socket\) \{\}/],
  [
    'a binary handler too many',
    '/',
    { ...route, binary () {} },
    /its contract allows no binary frames from the client: remove binary, or declare binary: \{ clientToServer: true \}/
  ],
  ['open that is no function', '/', { ...route, open: true }, /open must be a function/],
  ['close that is no function', '/', { ...route, close: {} }, /close must be a function/],
  ['handler that is no function', '/', { ...route, handler: 'page.html' }, /handler must be a function/],
  [
    'a handler without a cost',
    '/',
    { contract: echo, on: { say: { handler () {} } } },
    /client message 'say' has no handler: .* or on: \{ say: \{ cost: 5, handler \(payload, socket\) \{\} \} \}/
  ],
  ['a cost without a handler', '/', { contract: echo, on: { say: { cost: 5 } } }, /client message 'say' has no handler/],
  ['a cost that is none', '/', { contract: echo, on: { say: { cost: -1, handler () {} } } }, /client message 'say' has no handler/],
  ['a cost and more', '/', { contract: echo, on: { say: { cost: 1, handler () {}, weight: 5 } } }, /client message 'say' has no handler/],
  [
    'a refresh that is no message',
    '/',
    { ...route, refresh: 'token' },
    /refresh names an event or a call of the client's: write one of say/
  ],
  ['a refresh where there is none', '/', { contract: silent, refresh: 'token' }, /write one of those you declare in clientToServer/],
  [
    'a refresh that is a stream',
    '/',
    {
      contract: defineContract({ name: 'a', clientToServer: { ticks: { request: Empty, stream: Empty } } }),
      on: { async * ticks () {} },
      refresh: 'ticks'
    },
    /refresh names an event or a call/
  ],
  [
    'a stream of the client',
    '/',
    // @ts-expect-error -- as plain JavaScript may say it
    { contract: defineContract({ name: 'a', serverToClient: { ticks: { request: Empty, stream: Empty } } }) },
    /server message 'ticks' is a stream, and streams come from the server: make it a call, or declare it in clientToServer/,
    'FST_TYPED_WS_NOT_SUPPORTED'
  ],
  [
    'a slow pattern in a reply',
    '/',
    { contract: defineContract({ name: 'a', serverToClient: { ask: { request: Empty, reply: Type.String({ pattern: '^(a+)+$' }) } } }) },
    /Message a serverToClient\.ask\.reply has a 'pattern'/,
    'FST_TYPED_WS_UNSAFE_PATTERN'
  ],
  [
    'a slow pattern',
    '/',
    {
      contract: defineContract({ name: 'a', clientToServer: { say: Type.Object({ text: Type.String({ pattern: '^(a+)+$' }) }) } }),
      on: { say () {} }
    },
    /has a 'pattern' and no 'maxLength' beside it/,
    'FST_TYPED_WS_UNSAFE_PATTERN'
  ]
]

for (const [name, path, options, message, code = 'FST_TYPED_WS_INVALID_ROUTE'] of misuses) {
  t.test(`${name} is refused at boot, with what to write instead`, async (t) => {
    const app = await createApp(t)
    t.throws(() => app.ws(path as never, options as never), { code, message })
    await app.ready()
    t.notOk(app.hasRoute({ method: 'GET', url: '/' }))
  })
}

t.test('a pattern without maxLength is accepted with the option unsafePatterns, of the route or the plugin', async (t) => {
  const contract = defineContract({ name: 'a', clientToServer: { say: Type.Object({ text: Type.String({ pattern: '^a+$' }) }) } })
  const app = await createApp(t)
  app.ws('/', { contract, on: { say () {} }, unsafePatterns: true })
  const other = await createApp(t, { unsafePatterns: true })
  other.ws('/', { contract, on: { say () {} } })
  t.throws(() => other.ws('/b', { contract, on: { say () {} }, unsafePatterns: false }), { code: 'FST_TYPED_WS_UNSAFE_PATTERN' })
})

t.test('a route that Fastify refuses is refused here as well', async (t) => {
  const app = await createApp(t)
  app.ws('/twice', route)
  t.throws(() => app.ws('/twice', route), { code: 'FST_ERR_DUPLICATED_ROUTE' })
  t.throws(() => app.ws('/hook', { ...route, onRequest: 'x' } as never), { code: 'FST_ERR_HOOK_INVALID_HANDLER' })
  await app.ready()
  t.throws(() => app.ws('/late', route), { code: 'FST_ERR_INSTANCE_ALREADY_LISTENING' })
})

t.test('app.ws returns its instance, and its this may be any scope', async (t) => {
  const app = await createApp(t)
  t.equal(app.ws('/', route), app)
  app.register(async (scope) => { t.equal(scope.ws('/scope', route), scope) })
  await app.ready()
  t.ok(app.hasRoute({ method: 'GET', url: '/scope' }))
})

t.test('a contract without client messages needs no handlers', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: silent })
  await connect(t, await listen(app))
})

t.test('plain HTTP is answered by the route\'s own handler', async (t) => {
  const app = await createApp(t)
  app.decorate('place', 'here')
  app.ws('/chat/:room', {
    ...route,
    schema: { params: Type.Object({ room: Type.String({ minLength: 2 }) }) },
    handler: async function (this: FastifyInstance, request, reply) {
      return await reply.type('text/html').send(`<p>${(request.params as { room: string }).room} ${String(this.getDecorator('place'))}</p>`)
    }
  })
  const url = await listen(app)
  const response = await fetch(`${url}/chat/lobby`)
  t.equal(await response.text(), '<p>lobby here</p>')
  t.equal((await fetch(`${url}/chat/a`)).status, 400)
  const head = await fetch(`${url}/chat/lobby`, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.headers.get('content-type'), 'text/html')
  await connect(t, `${url}/chat/lobby`)
})

t.test('plain HTTP without a handler is asked to upgrade', async (t) => {
  const app = await createApp(t)
  app.ws('/', route)
  const url = await listen(app)
  const response = await fetch(url)
  t.equal(response.status, 426)
  t.equal(response.headers.get('upgrade'), 'websocket')
  t.match(response.headers.get('connection'), /upgrade$/)
  t.match(await response.text(), /"code":"FST_TYPED_WS_UPGRADE_REQUIRED".*new WebSocket\(url\)/)
  t.equal((await fetch(url, { method: 'HEAD' })).status, 404, 'there is nothing that HEAD could tell of')
  t.notOk(app.hasRoute({ method: 'HEAD', url: '/' }))
  t.match(await app.inject('/'), { statusCode: 426, headers: { upgrade: 'websocket' } })
  t.equal((await fetch(url, { method: 'POST' })).status, 404)
})

t.test('a client that asks for Connection: close has its connection closed after a 426', async (t) => {
  const app = await createApp(t)
  app.ws('/', route)
  await listen(app)
  const text = await exchangeRaw(t, app, 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
  t.same(statusesOf(text), [426])
  t.match(text, /\r\nconnection: close, upgrade\r\n/i)
})

t.test('prefixes, parameters and wildcards are as for any route', async (t) => {
  const app = await createApp(t)
  const where = (text: (request: FastifyRequest) => unknown): WebSocketRouteOptions<typeof echo> => ({
    ...route,
    open: (socket) => { socket.send('said', { text: JSON.stringify(text(socket.request as FastifyRequest)) }) }
  })
  app.register(async (scope) => {
    scope.ws('/', where(({ url }) => url))
    scope.ws('/rooms/:id/*', where(({ params, query, routeOptions }) => [params, query, routeOptions.url]))
  }, { prefix: '/v1' })
  app.register(async (scope) => { scope.ws('/', { ...where(({ url }) => url), prefixTrailingSlash: 'no-slash' }) }, { prefix: '/v2' })
  const url = await listen(app)
  const said = async (path: string): Promise<unknown> => JSON.parse((await (await connect(t, `${url}${path}`)).next()).text as string)
  t.equal(await said('/v1'), '/v1')
  t.equal(await said('/v1/'), '/v1/')
  t.same(await said('/v1/rooms/7/a/b?c=d'), [{ id: '7', '*': 'a/b' }, { c: 'd' }, '/v1/rooms/:id/*'])
  t.equal(await said('/v2'), '/v2')
  t.equal((await refused(`${url}/v2/`)).statusCode, 404)
})

t.test('a route of a prefix is one route, with and without a slash at its end', async (t) => {
  const app = await createApp(t)
  const told: string[] = []
  let handshakes = 0
  app.addHook('onRoute', ({ method, url }) => { told.push(`${String(method)} ${url}`) })
  app.register(async (scope) => {
    scope.ws('/', {
      ...route,
      prefixTrailingSlash: 'both',
      preHandler: async () => { handshakes++ },
      open: (socket) => { socket.send('said', { text: String(socket.request.routeOptions.url) }) },
      handler: ({ url }) => `page of ${url}`
    })
  }, { prefix: '/rooms' })
  const url = await listen(app)
  for (const path of ['/rooms', '/rooms/']) {
    const client = await connect(t, `${url}${path}`)
    t.equal((await client.next()).text, '/rooms', 'Fastify calls it by its name without the slash')
    client.send({ type: 'say', text: 'hi' })
    t.equal((await client.next()).text, 'hi')
    t.equal((await app.inject(path)).body, `page of ${path}`)
    t.equal((await app.inject({ method: 'HEAD', url: path })).statusCode, 200)
  }
  t.equal(handshakes, 6, 'each request runs each hook once')
  t.equal(app.channel(echo).stats.connections, 2, 'one channel has both')
  t.same(told.filter((line) => line.startsWith('GET')), ['GET /rooms'], 'Fastify tells of it once')
})

t.test('constraints choose among routes of one path', async (t) => {
  const app = await createApp(t, { origin: '*' })
  const answers = (text: string): WebSocketRouteOptions<typeof echo> => ({ ...route, open: (socket) => { socket.send('said', { text }) } })
  app.ws('/', { ...answers('host a'), constraints: { host: 'a.test' } })
  app.ws('/', { ...answers('version 2'), constraints: { version: '2.0.0' } })
  app.ws('/', answers('neither'))
  app.get('/http', { constraints: { version: '1.0.0' } }, () => 'over HTTP')
  await listen(app)
  for (const [headers, expected] of [
    [{ Host: 'a.test' }, 'host a'],
    [{ 'Accept-Version': '2.x' }, 'version 2'],
    [{}, 'neither']
  ] as const) {
    const socket = await connectRaw(t, app)
    socket.write(handshakeText(app, '/', headers))
    let text = ''
    while (!text.includes('said')) text += String((await once(socket, 'data'))[0])
    t.match(text, `"text":"${expected}"`)
  }
  t.same(statusesOf(await exchangeRaw(t, app, handshakeText(app, '/', { 'Accept-Version': '9.x' }))), [404])
})

t.test('a custom constraint may take its time, or fail', async (t) => {
  const app = Fastify({
    routerOptions: {
      constraints: {
        slow: {
          name: 'slow',
          storage: () => {
            const stored: Record<string, unknown> = {}
            return { get: (key: string) => stored[key] ?? null, set: (key: string, value: unknown) => { stored[key] = value } }
          },
          deriveConstraint (
            request: { headers: Record<string, unknown> },
            _context: unknown,
            done: (error: Error | null, value?: unknown) => void
          ) {
            setImmediate(() => { done(request.headers['x-slow'] === 'fail' ? new Error('no') : null, request.headers['x-slow']) })
          }
        }
      }
    } as never
  })
  t.teardown(() => app.close())
  await app.register(typedWs)
  app.ws('/', { ...route, constraints: { slow: 'yes' } } as never)
  const url = await listen(app)
  await connect(t, url, { headers: { 'x-slow': 'yes' } })
  t.match(await refused(url, { headers: { 'x-slow': 'no' } }), { statusCode: 404, headers: { connection: 'close' } })
  t.match(await refused(url, { headers: { 'x-slow': 'fail' } }), { statusCode: 500 })
})

t.test('config, logLevel and attachValidation are those of any route', async (t) => {
  const log = new Log()
  const app = await createApp(t, {}, { logger: log.options })
  let config: unknown
  app.addHook(
    'onRoute',
    (options) => { if (options.method === 'GET') t.match(options.schema, { hide: true }, 'it is not in the documentation of an HTTP API') }
  )
  app.ws('/', {
    ...route,
    config: { mine: 1 } as never,
    logLevel: 'error',
    attachValidation: true,
    schema: { querystring: Type.Object({ n: Type.Integer() }) },
    preHandler: async (request) => {
      ({ config } = request.routeOptions)
      if (request.validationError !== undefined) throw Object.assign(new Error('seen by the hook'), { statusCode: 422 })
    }
  })
  const url = await listen(app)
  t.match(await refused(url), { statusCode: 422 })
  t.match(config, { mine: 1, url: '/' })
  t.equal(log.find('request completed').length, 0)
})

t.test('an instance of a class is an object of handlers: fields are ignored, this is kept', async (t) => {
  class Chat {
    readonly #name = 'Chat'
    readonly greeting = 'of'
    readonly room: string
    constructor (room: string) { this.room = room }
    say (_: { text: string }, socket: Socket<typeof echo>): void {
      socket.send('said', { text: `${this.#name} ${this.greeting} ${this.room}` })
    }
  }
  const app = await createApp(t)
  app.ws('/', { contract: echo, on: new Chat('lobby') })
  const client = await connect(t, await listen(app))
  client.send({ type: 'say', text: '' })
  t.same(await client.next(), { type: 'said', text: 'Chat of lobby' })
})

t.test('an instance of a class without a handler is refused, as any object is', async (t) => {
  class Chat { readonly room = 'lobby' }
  const app = await createApp(t)
  t.throws(() => app.ws('/', { contract: echo, on: new Chat() as never }), { message: /client message 'say' has no handler/ })
  const on = Object.assign(Object.create(null), { say () {}, shout () {} })
  t.throws(() => app.ws('/', { contract: echo, on }), { message: /contract '.*' has no client message 'shout'/ })
})

t.test('binary frames reach their handler', async (t) => {
  const app = await createApp(t)
  const received = new Promise<Buffer>((resolve) => { app.ws('/', { contract: bytes, binary: (data) => { resolve(data) } }) })
  const client = await connect(t, await listen(app))
  client.send(Buffer.from([1, 2]))
  t.same(await received, Buffer.from([1, 2]))
})

t.test('a route compiles its schemas once, with those its scope shares', async (t) => {
  const contract = defineContract({
    name: 'shared.v1',
    clientToServer: { say: { type: 'object', properties: { text: { $ref: 'short#' } }, required: ['text'] } },
    serverToClient: { said: Empty }
  })
  const app = await createApp(t)
  app.register(async (scope) => {
    scope.addSchema({ $id: 'short', type: 'string', maxLength: 3 })
    scope.ws('/', { contract, on: { say: (_, socket) => socket.send('said', {}) } })
  })
  const url = await listen(app)
  const client = await connect(t, url)
  client.send({ type: 'say', text: 'long' })
  t.match(await client.next(), { type: '$error', code: 'FST_TYPED_WS_VALIDATION' })
  client.send({ type: 'say', text: 'abc' })
  t.same(await client.next(), { type: 'said' })
  await connect(t, url)
})

t.test('a slow pattern in a schema that a message refers to is found when the app gets ready', async (t) => {
  const contract = defineContract({
    name: 'shared',
    clientToServer: { say: Type.Object({ text: Type.Unsafe<string>({ $ref: 'slow#' }) }) }
  })
  const slow = { $id: 'slow', type: 'string', pattern: '^(a+)+$' }
  const app = await createApp(t)
  app.addSchema(slow)
  app.ws('/', { contract, on: { say () {} } })
  await t.rejects(async () => await app.ready(), { code: 'FST_TYPED_WS_UNSAFE_PATTERN' })
  const careless = await createApp(t, { unsafePatterns: true })
  careless.addSchema(slow)
  careless.ws('/', { contract, on: { say () {} } })
  await careless.ready()
})
