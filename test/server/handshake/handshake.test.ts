import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { mock } from 'node:test'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest, onSendHookHandler } from 'fastify'
import type { PluginOptions, WebSocketRouteOptions } from '../../../lib/index.js'
import { deferred } from '../../support/deferred.js'
import { fakeTime } from '../../support/fake-time.js'
import {
  connect, connectRaw, countSockets, createApp, exchangeRaw, handshakeText, listen, Log, maskedFrame, refused,
  statusesOf, until, type Teardown
} from '../../support/helper.js'
import { echo } from '../../support/echo.js'

// No test lasts so long: where this time has to pass, the test does not end.
const AMPLE_MS = 2_000_000

type Route = Partial<WebSocketRouteOptions<typeof echo>>
type Started = { app: FastifyInstance, url: string, log: Log }

/** An app with an echo at /ws. */
async function start (
  t: Teardown,
  route: Route = {},
  options: PluginOptions = {},
  prepare: (app: FastifyInstance) => void = () => {}
): Promise<Started> {
  const log = new Log()
  const app = await createApp(t, options, { logger: log.options })
  prepare(app)
  app.ws('/ws', {
    contract: echo,
    on: { say: ({ text }, socket) => socket.send('said', { text }) },
    ...route
  })
  return { app, url: await listen(app), log }
}

/** An answer over HTTP in two parts. */
function reply (text: string): { head: string, body: string } {
  const end = text.indexOf('\r\n\r\n')
  return { head: text.slice(0, end), body: text.slice(end + 4) }
}

/** The number of timers of this process. */
function timers (): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

t.test('every hook runs once, and the request is logged as completed with 101', async (t) => {
  const seen: string[] = []
  const done = deferred()
  const { url, log } = await start(t, {
    onRequest: async () => { seen.push('onRequest of the route') },
    onSend: async (_, { statusCode }, payload) => { seen.push(`onSend ${statusCode} ${String(payload)}`) },
    open: () => { seen.push('open') }
  }, {}, (app) => {
    app.addHook('onRequest', async () => { seen.push('onRequest') })
    app.addHook('preParsing', async () => { seen.push('preParsing') })
    app.addHook('preValidation', async () => { seen.push('preValidation') })
    app.addHook('preHandler', async () => { seen.push('preHandler') })
    app.addHook('preSerialization', async (_request, _reply, payload) => { seen.push('preSerialization'); return payload })
    app.addHook('onError', async () => { seen.push('onError') })
    app.addHook('onTimeout', async () => { seen.push('onTimeout') })
    app.addHook('onRequestAbort', async (_request) => { seen.push('onRequestAbort') })
    app.addHook('onResponse', async (_, { statusCode, raw }) => {
      seen.push(`onResponse ${statusCode} ${raw.headersSent}`)
      done.resolve()
    })
  })
  const client = await connect(t, `${url}/ws`)
  client.send({ type: 'say', text: 'hello' })
  t.same(await client.next(), { type: 'said', text: 'hello' })
  await done.promise
  await client.close()
  await turn()
  t.same(seen, [
    'onRequest', 'onRequest of the route', 'preParsing', 'preValidation', 'preHandler', 'onSend 101 undefined', 'open',
    'onResponse 101 true'
  ])
  const completed = log.find('request completed')
  t.equal(completed.length, 1)
  t.match(completed[0], { res: { statusCode: 101 } })
})

t.test('headers that a hook sets reach the 101, and those of the connection itself do not', async (t) => {
  const { url } = await start(t, {
    onRequest (_, reply, done) {
      reply.raw.setHeader('X-Raw', ['one', 'two'])
      reply.headers({ 'x-number': 5, 'set-cookie': ['a=1', 'b=2'], 'x-empty': undefined })
      reply.headers({
        connection: 'close',
        upgrade: 'h2c',
        'content-length': 3,
        'transfer-encoding': 'chunked',
        'sec-websocket-accept': 'forged',
        'sec-websocket-protocol': 'forged',
        'keep-alive': 'timeout=5'
      })
      done()
    },
    onSend: async (_, reply) => { reply.header('x-late', 'yes').header('set-cookie', 'c=3') }
  })
  const { headers } = await connect(t, `${url}/ws`)
  t.match(headers, { 'x-raw': 'one, two', 'x-number': '5', 'x-late': 'yes', 'x-empty': '', connection: 'Upgrade', upgrade: 'websocket' })
  t.same(headers['set-cookie'], ['a=1', 'b=2', 'c=3'])
  for (const name of ['content-length', 'transfer-encoding', 'keep-alive', 'sec-websocket-protocol']) t.notOk(headers[name], name)
})

t.test('trailers and a body from an onSend hook do not disturb the 101', async (t) => {
  const { url } = await start(t, {
    preHandler: async (_, reply) => { reply.trailer('x-trailer', async () => 'late') },
    onSend: async () => 'a body'
  })
  const client = await connect(t, `${url}/ws`)
  t.notOk(client.headers['transfer-encoding'])
  client.send({ type: 'say', text: 'hello' })
  t.same(await client.next(), { type: 'said', text: 'hello' })
})

type RefusingHook = (request: FastifyRequest, reply: FastifyReply) => unknown

const refusals: ReadonlyArray<readonly [name: string, hook: RefusingHook, status: number, expected: RegExp]> = [
  [
    '401 with WWW-Authenticate',
    (_, reply) => reply.code(401).header('www-authenticate', 'Bearer').send({ ask: 'token' }),
    401,
    /^www-authenticate: Bearer\r\n(.*\r\n)+\r\n\{"ask":"token"\}$/im
  ],
  [
    '403 by an error',
    () => { throw Object.assign(new Error('not you'), { statusCode: 403, code: 'MINE' }) },
    403,
    /\{"statusCode":403,"code":"MINE","error":"Forbidden","message":"not you"\}$/
  ],
  ['500 by an error', () => { throw new Error('a fault') }, 500, /"message":"a fault"\}$/],
  [
    'a redirect with a cookie',
    (_, reply) => reply.header('set-cookie', 'from=ws').redirect('/login?next=/ws'),
    302,
    /^set-cookie: from=ws\r\nlocation: \/login\?next=\/ws\r\n/m
  ],
  ['not found', (_, reply) => reply.callNotFound(), 404, /"message":"Route GET:\/ws not found"/],
  ['a page', (_, reply) => reply.type('text/html').send('<p>no</p>'), 200, /<p>no<\/p>$/],
  [
    'a body by hand',
    (_, reply) => { reply.hijack(); reply.raw.writeHead(418, 'Teapot', { 'X-By': 'hand', Connection: 'close' }); reply.raw.end('short') },
    418,
    /^X-By: hand\r\n(.*\r\n)+/m
  ],
  ['a body by hand, with nothing set', (_, reply) => { reply.hijack(); reply.raw.end('short') }, 200, /short$/],
  ['101 by hand is none of a hook\'s', (_, reply) => reply.code(101).send(), 500, /content-length: 0/]
]

t.test('a hook refuses over HTTP, by one reply after which the socket is closed', async (t) => {
  for (const [name, hook, status, expected] of refusals) {
    for (const at of ['onRequest', 'preHandler'] as const) {
      const { app, log } = await start(t, {
        [at]: async (request: FastifyRequest, reply: FastifyReply) => { await hook(request, reply); return reply }
      })
      const text = await exchangeRaw(t, app, Buffer.concat([
        Buffer.from(handshakeText(app, '/ws')), maskedFrame('{"type":"say","text":"early"}')
      ]))
      t.same(statusesOf(text), [status], name)
      t.match(text, expected, name)
      t.match(text, /^Connection: close\r$/im, name)
      await until(async () => await countSockets(app) === 0)
      t.equal(log.find('request completed').length, 1)
    }
  }
})

t.test('a schema of the route refuses a request before its handler runs', async (t) => {
  const { url } = await start(t, { schema: { querystring: Type.Object({ n: Type.Integer() }) } })
  const { statusCode, body } = await refused(`${url}/ws?n=x`)
  t.equal(statusCode, 400)
  t.match(JSON.parse(body), { code: 'FST_ERR_VALIDATION', message: 'querystring/n must be integer' })
  await connect(t, `${url}/ws?n=1`)
})

t.test('the app\'s own error and not found handlers answer', async (t) => {
  const { url } = await start(t, {
    preHandler: async () => { throw Object.assign(new Error('secret'), { statusCode: 402 }) }
  }, {}, (app) => {
    app.setErrorHandler(async ({ statusCode, message }: Error & { statusCode: number }, _, reply) => {
      await reply.code(statusCode).header('x-by', 'app').send({ mine: message })
    })
    app.setNotFoundHandler(async (_, reply) => reply.code(404).send({ mine: 'not found' }))
    app.get('/http', async () => 'over HTTP')
  })
  const error = await refused(`${url}/ws`)
  t.match(error, { statusCode: 402, body: '{"mine":"secret"}', headers: { 'x-by': 'app', connection: 'close' } })
  for (const path of ['/nowhere', '/http']) {
    t.match(await refused(`${url}${path}`), {
      statusCode: 404,
      body: '{"mine":"not found"}',
      headers: { connection: 'close' }
    })
  }
})

type OnSend = onSendHookHandler
const throwingOnSends: ReadonlyArray<readonly [string, OnSend]> = [
  ['at once', () => { throw new Error('in onSend') }],
  ['later', async () => { await turn(); throw new Error('in onSend') }],
  ['by its callback', (_request, _reply, _payload, done) => { setImmediate(() => { done(new Error('in onSend')) }) }],
  ['without a reason', async () => { throw undefined }] // eslint-disable-line no-throw-literal
]
const errorHandlers: ReadonlyArray<readonly [string, ((app: FastifyInstance) => void), number]> = [
  ['the default error handler', () => {}, 500],
  [
    'an error handler that sets a status',
    (app) => { app.setErrorHandler(async (_error, _, reply) => reply.code(418).send({ by: 'handler' })) },
    418
  ],
  ['an error handler that sets no status', (app) => { app.setErrorHandler(() => ({ by: 'handler' })) }, 500],
  [
    'an error handler that keeps the status',
    (app) => { app.setErrorHandler((_error, _, reply) => reply.code(reply.statusCode).send({ by: 'handler' })) },
    500
  ],
  ['an error handler that fails', (app) => { app.setErrorHandler(async () => { throw new Error('in the error handler') }) }, 500]
]

t.test('an onSend that fails is answered by the error handler, over HTTP', async (t) => {
  for (const [how, onSend] of throwingOnSends) {
    for (const [who, setHandler, status] of errorHandlers) {
      let runs = 0
      let errors = 0
      let opened = 0
      const { app, log } = await start(t, {
        onSend (request, reply, payload, done) {
          if (runs++ > 0) return done()
          return onSend.call(app, request, reply, payload, done)
        },
        onError: async () => { errors++ },
        open: () => { opened++ }
      }, {}, setHandler)
      const text = await exchangeRaw(t, app, handshakeText(app, '/ws'))
      t.same(statusesOf(text), [status], `${how}, ${who}`)
      t.match(text, /^Connection: close\r$/im)
      t.ok(reply(text).body, 'with a body')
      t.equal(errors, 1, 'onError runs once')
      t.equal(opened, 0)
      t.match(log.find('request completed'), { length: 1, 0: { res: { statusCode: status } } })
    }
  }
})

t.test('an onSend that fails again and again leaves one reply', async (t) => {
  for (const [how, onSend] of throwingOnSends) {
    const { app } = await start(t, { onSend })
    t.same(statusesOf(await exchangeRaw(t, app, handshakeText(app, '/ws'))), [500], how)
  }
})

t.test('an onSend hook may turn the 101 into another answer', async (t) => {
  const ways: Array<readonly [string, OnSend, number]> = [
    ['a status', async (_, reply) => { reply.code(403) }, 403],
    ['a status and a body', async (_, reply) => { reply.code(503); return 'busy' }, 503],
    ['a page', async (_, reply) => { reply.code(200).type('text/plain'); return Readable.from(['page']) }, 200],
    ['by hand', async (_, reply) => { reply.hijack(); reply.raw.writeHead(429, { connection: 'close' }); reply.raw.end('by hand') }, 429]
  ]
  for (const [name, onSend, status] of ways) {
    const { app } = await start(t, { onSend })
    t.same(statusesOf(await exchangeRaw(t, app, handshakeText(app, '/ws'))), [status], name)
  }
})

const injections: ReadonlyArray<readonly [string, (reply: FastifyReply) => void]> = [
  ['CR and LF', (reply) => reply.header('x-evil', 'a\r\nx-injected: 1')],
  ['CR', (reply) => reply.header('x-evil', 'a\rx-injected: 1')],
  ['LF', (reply) => reply.header('x-evil', 'a\nx-injected: 1')],
  ['NUL', (reply) => reply.header('x-evil', 'a\0x-injected: 1')],
  ['a name', (reply) => reply.header('x-evil\r\nx-injected', '1')],
  ['a cookie', (reply) => reply.header('set-cookie', ['fine=1', 'a=b\r\nx-injected: 1'])],
  ['two at once', (reply) => reply.headers({ 'x-evil': 'a\r\nx-injected: 1', location: '\r\n\r\nx-injected' })]
]

t.test('a header with a line break becomes a 500 and a log line, never a header', async (t) => {
  for (const [name, inject] of injections) {
    for (const [who, setHandler, status] of errorHandlers) {
      const { app, log } = await start(t, { preHandler: async (_, reply) => { inject(reply) } }, {}, setHandler)
      const text = await exchangeRaw(t, app, handshakeText(app, '/ws'))
      t.same(statusesOf(text), [status], `${name}, ${who}`)
      t.notMatch(reply(text).head, /injected/, name)
      t.match(log.find('websocket handshake failed')[0], { level: 50, err: { code: 'FST_TYPED_WS_INVALID_HEADER' } })
    }
  }
})

t.test('an onSend hook that puts a line break into every reply does not end the process', async (t) => {
  for (const [name, inject] of injections) {
    for (const defer of [setImmediate, (run: () => void) => run()]) {
      const { app, log } = await start(t, { onSend (_request, reply, _payload, done) { defer(() => { inject(reply); done() }) } })
      const text = await exchangeRaw(t, app, handshakeText(app, '/ws'))
      t.same(statusesOf(text), [500], name)
      t.notMatch(reply(text).head, /injected/, name)
      t.ok(log.find('websocket handshake failed').length > 1)
    }
  }
})

t.test('a refusal with a line break in a header stays a refusal without it', async (t) => {
  for (const [name, inject] of injections) {
    const { app, log } = await start(t, { onRequest: async (_, reply) => { inject(reply); return reply.code(401).send('no') } })
    const text = await exchangeRaw(t, app, handshakeText(app, '/ws'))
    t.same(statusesOf(text), [401], name)
    t.notMatch(reply(text).head, /injected/, name)
    t.ok(log.find('websocket handshake failed').length)
  }
})

t.test('a hook that answers without returning its reply has answered', async (t) => {
  const slow = async (): Promise<void> => { for (let n = 0; n < 5; n++) await turn() }
  for (const payload of [{ error: 'no' }, 'no']) {
    const { app } = await start(t, {
      preHandler: async (_, reply) => { void reply.code(401).send(payload) },
      preSerialization: async (_request, _reply, payload) => { await slow(); return payload },
      onSend: slow,
      open: () => { t.fail('the client was admitted') }
    })
    const text = await exchangeRaw(t, app, handshakeText(app, '/ws'))
    t.same(statusesOf(text), [401], JSON.stringify(payload))
    t.match(text, /no/)
  }
})

t.test('a hook that answers twice has answered once', async (t) => {
  for (const onSend of [setImmediate, (done: () => void) => { done() }]) {
    const { app } = await start(t, {
      preHandler (_, reply) { reply.code(401).send('one'); reply.send('two') },
      onSend (_request, _reply, _payload, done) { onSend(done) }
    })
    t.match(await exchangeRaw(t, app, handshakeText(app, '/ws')), /^HTTP\/1\.1 401 (.|\s)+\r\n\r\none$/)
    await turn()
  }
})

t.test('a hook that goes on answering after its answer does not end the process', async (t) => {
  const held: Array<() => void> = []
  const { app } = await start(t, {
    preHandler (_, reply) {
      reply.code(401).send('one')
      reply.send('two')
      reply.raw.on('finish', () => {
        reply.send('three')
        for (const done of held) done()
      })
    },
    onSend (_request, _reply, payload, done) {
      if (payload === 'one') setImmediate(() => { done() })
      else held.push(done)
    }
  })
  t.match(await exchangeRaw(t, app, handshakeText(app, '/ws')), /\r\n\r\none$/)
  t.equal(held.length, 1)
})

t.test('a connection outlives the time for hooks', async (t) => {
  const { url } = await start(t, { handshakeTimeoutMs: 50 })
  fakeTime(t, ['setTimeout'])
  const client = await connect(t, `${url}/ws`)
  for (let i = 0; i < 10; i++) mock.timers.tick(1000)
  client.send({ type: 'say', text: 'still here' })
  t.same(await client.next(), { type: 'said', text: 'still here' })
})

const never = async (): Promise<never> => await new Promise(() => {})
const hanging: ReadonlyArray<readonly [name: string, route: Route, answer: number[], prepare?: (app: FastifyInstance) => void]> = [
  ['onRequest', { onRequest: never }, [503]],
  ['onRequest without its callback', { onRequest () {} }, [503]],
  ['preParsing', { preParsing: never }, [503]],
  ['preValidation', { preValidation: never }, [503]],
  ['preHandler', { preHandler: never }, [503]],
  ['the origin function', { origin: never }, [503]],
  ['onSend', { onSend: never }, []],
  ['onSend without its callback', { onSend () {} }, []],
  ['onSend, once', { onSend: async (_, { statusCode }) => { if (statusCode === 101) await never() } }, [503]],
  ['preHandler, with an error handler that sets no status', { preHandler: never }, [503], (app) => { app.setErrorHandler(() => ({})) }],
  [
    'onSend, once, with an error handler that sets no status',
    { onSend: async (_, { statusCode }) => { if (statusCode === 101) await never() } },
    [503],
    (app) => { app.setErrorHandler(() => ({})) }
  ],
  ['the error handler', { preHandler: async () => { throw new Error('to be handled') } }, [503], (app) => { app.setErrorHandler(never) }],
  ['onError', { preHandler: async () => { throw new Error('to be handled') }, onError: never }, []],
  ['a hijacker', { preHandler: async (_, reply) => { reply.hijack() } }, []],
  ['a body', { preHandler: async (_, reply) => { reply.hijack(); reply.raw.write('for ever') } }, [200]],
  [
    'a stream behind a slow onSend',
    {
      preHandler: async (_, reply) => reply.send(new PassThrough().on(
        'newListener',
        function (this: PassThrough) { this.write('for ever') }
      )),
      onSend (_request, _reply, _payload, done) { setImmediate(() => { done() }) }
    },
    [200]
  ],
  [
    'a stream',
    {
      preHandler: async (_, reply) => reply.send(new PassThrough().on(
        'newListener',
        function (this: PassThrough) { this.write('for ever') }
      ))
    },
    [200]
  ]
]

t.test('a hook that hangs ends in a 503, and the socket is freed within a second of it', async (t) => {
  await Promise.all(hanging.map(async ([name, route, answer, prepare]) => {
    const open = (): void => { t.fail('the client was admitted') }
    const { app, log } = await start(t, { handshakeTimeoutMs: 100, ...route, open }, {}, prepare)
    const socket = await connectRaw(t, app)
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.write(handshakeText(app, '/ws'))
    await once(socket, 'close')
    const text = Buffer.concat(chunks).toString()
    t.same(statusesOf(text), answer, name)
    if (answer[0] === 503) t.match(text, /^retry-after: 1\r$/im, name)
    await until(async () => await countSockets(app) === 0)
    t.same(log.lines.filter(({ level }) => level === 40), [], `${name}: nothing is sent twice`)
    await app.close()
  }))
})

t.test('a client that stays connected after its 503 is disconnected', async (t) => {
  const { app } = await start(t, { handshakeTimeoutMs: 50, preHandler: never })
  const socket = await connectRaw(t, app)
  socket.allowHalfOpen = true
  socket.resume()
  socket.write(handshakeText(app, '/ws'))
  await once(socket, 'end')
  await until(async () => await countSockets(app) === 0)
})

t.test('a slow hook that answers after the 503 reaches no client', async (t) => {
  const late: Array<() => void> = []
  const hold = (_request: unknown, _reply: unknown, done: () => void): void => { late.push(done) }
  const ways: Array<readonly [string, Route]> = [
    ['onRequest', { onRequest: hold }],
    ['preHandler', { preHandler: hold }],
    ['preHandler that refuses', { preHandler (_, reply) { late.push(() => { reply.code(401).send('late') }) } }],
    ['preHandler that writes by hand', { preHandler (_, reply) { late.push(() => { reply.raw.writeHead(401); reply.raw.end('late') }) } }],
    ['preHandler that answers twice', {
      preHandler (_, reply) { late.push(() => { reply.send('one'); reply.send('two') }) },
      onSend (_request, _reply, _payload, done) { setImmediate(() => { done() }) }
    }],
    ['onSend', { onSend (_request, _reply, _payload, done) { late.push(done) } }],
    ['onSend of the 101', { onSend (_request, { statusCode }, _payload, done) { if (statusCode === 101) late.push(done); else done() } }],
    [
      'onSend of a refusal',
      {
        preHandler: async (_, reply) => reply.code(401).send('slow'),
        onSend (_request, { statusCode }, _payload, done) { if (statusCode === 401) late.push(done); else done() }
      }
    ]
  ]
  for (const [name, route] of ways) {
    late.length = 0
    const { app } = await start(t, { handshakeTimeoutMs: 50, ...route, open: () => { t.fail('the client was admitted') } })
    const socket = await connectRaw(t, app)
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.write(handshakeText(app, '/ws'))
    await once(socket, 'close')
    const before = statusesOf(Buffer.concat(chunks).toString())
    t.ok(late.length, name)
    for (const answer of late) answer()
    await turn()
    await turn()
    t.same(statusesOf(Buffer.concat(chunks).toString()), before, name)
  }
})

t.test('a slow hook that comes back while the 503 is on its way does not turn it into a 101', async (t) => {
  const slow = deferred()
  const sending = deferred()
  const { app } = await start(t, {
    handshakeTimeoutMs: 50,
    preHandler: async () => { await slow.promise },
    onSend: async () => { slow.resolve(); for (let n = 0; n < 5; n++) await turn(); sending.resolve() },
    open: () => { t.fail('the client was admitted') }
  })
  const text = await exchangeRaw(t, app, handshakeText(app, '/ws'))
  await sending.promise
  t.same(statusesOf(text), [503])
  t.match(text, /FST_TYPED_WS_HANDSHAKE_TIMEOUT/)
})

t.test('app.close() does not wait for hooks that hang', async (t) => {
  for (const [name, route, , prepare] of hanging) {
    const { app } = await start(t, { ...route, handshakeTimeoutMs: AMPLE_MS }, { shutdown: { timeoutMs: AMPLE_MS } }, prepare)
    const socket = await connectRaw(t, app)
    socket.resume()
    socket.write(handshakeText(app, '/ws'))
    await until(async () => await countSockets(app) === 1)
    await turn()
    await app.close()
    t.equal(await countSockets(app), 0, name)
  }
})

const slowRoutes: ReadonlyArray<readonly [string, (wait: () => Promise<void>) => Route]> = [
  ['onRequest', (wait) => ({ onRequest: wait })],
  ['preParsing', (wait) => ({ preParsing: wait })],
  ['preValidation', (wait) => ({ preValidation: wait })],
  ['preHandler', (wait) => ({ preHandler: wait })],
  ['onSend', (wait) => ({ onSend: wait })],
  ['the origin function', (wait) => ({ origin: async () => { await wait(); return true } })]
]

t.test('a client that leaves during a hook frees its socket at once, and is not let in afterwards', async (t) => {
  const leavings: Array<readonly [string, (socket: Socket) => void]> = [
    ['FIN', (socket) => socket.end()],
    ['RST', (socket) => socket.resetAndDestroy()]
  ]
  for (const [where, slow] of slowRoutes) {
    for (const [how, leave] of leavings) {
      const reached = deferred()
      const goOn = deferred()
      const { app } = await start(t, {
        ...slow(async () => { reached.resolve(); await goOn.promise }),
        open: () => { t.fail('the client was admitted') }
      })
      const socket = await connectRaw(t, app)
      socket.write(handshakeText(app, '/ws'))
      await reached.promise
      leave(socket)
      await until(async () => await countSockets(app) === 0)
      goOn.resolve()
      await turn()
      await turn()
      t.pass(`${how} during ${where}`)
    }
  }
})

t.test('a client that hangs up while its refusal is under way gets all of it', async (t) => {
  const { app } = await start(t, { preHandler: async (_, reply) => reply.code(403).send('x'.repeat(8_000_000)) })
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/ws'))
  await once(socket, 'readable')
  socket.end()
  let length = 0
  for await (const chunk of socket) length += (chunk as Buffer).length
  t.ok(length > 8_000_000)
})

t.test('a client that does not read its refusal is disconnected after the time for hooks', async (t) => {
  const { app } = await start(t, { handshakeTimeoutMs: 200, preHandler: async (_, reply) => reply.code(403).send('x'.repeat(8_000_000)) })
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/ws'))
  await once(socket, 'readable')
  await until(async () => await countSockets(app) === 0)
})

t.test('a thousand clients that reset at any point leave nothing behind', async (t) => {
  const before = timers()
  let opened = 0
  const wait = async (): Promise<void> => { for (let n = Math.random() * 4; n > 0; n--) await turn() }
  const { app, url } = await start(t, {
    handshakeTimeoutMs: 600_000,
    onRequest: wait,
    preHandler: wait,
    onSend: wait,
    origin: async () => { await wait(); return true },
    open: () => { opened++ }
  })
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 50 }, async (_, n) => {
      const socket = await connectRaw(t, app)
      socket.write(handshakeText(app, '/ws'))
      for (let turns = n; turns > 0; turns -= 4) await turn()
      socket.resetAndDestroy()
    }))
  }
  await until(async () => await countSockets(app) === 0)
  t.pass(`${opened} of them were let in before`)
  const client = await connect(t, `${url}/ws`)
  client.send({ type: 'say', text: 'still here' })
  t.same(await client.next(), { type: 'said', text: 'still here' })
  await client.close()
  await until(() => timers() <= before)
})

t.test('a client that leaves at the very moment of the 101 leaves nothing behind', async (t) => {
  const before = timers()
  let gone: Promise<unknown> | undefined
  const { app } = await start(t, {
    handshakeTimeoutMs: 600_000,
    onSend: ({ raw: { socket } }, _reply, _payload, done) => {
      gone = once(socket, 'close')
      socket.destroy()
      done()
    }
  })
  t.same(statusesOf(await exchangeRaw(t, app, handshakeText(app, '/ws'))), [])
  await gone
  t.ok(timers() <= before)
})

t.test('a flood of handshakes leaves no timers', async (t) => {
  const before = timers()
  const { app } = await start(t, {
    handshakeTimeoutMs: 600_000,
    preHandler: async ({ headers }, reply) => headers['x-refuse'] === '1' ? reply.code(401).send() : undefined
  })
  await Promise.all(Array.from({ length: 300 }, async (_, n) => {
    const socket = await connectRaw(t, app)
    socket.resume()
    socket.write(handshakeText(app, '/ws', { 'X-Refuse': String(n % 2) }))
    await once(socket, 'data')
    socket.destroy()
  }))
  await until(async () => await countSockets(app) === 0)
  await until(() => timers() <= before)
  await app.close()
})

t.test('the response of a 101 is finished when onResponse runs', async (t) => {
  const state = deferred<unknown>()
  const { url } = await start(t, {
    onResponse: async (_request, { raw: { statusCode, headersSent, writableEnded, writableFinished } }) => {
      state.resolve({ statusCode, headersSent, writableEnded, writableFinished })
    }
  })
  await connect(t, `${url}/ws`)
  t.same(await state.promise, { statusCode: 101, headersSent: true, writableEnded: true, writableFinished: true })
})

t.test('a handshake whose hooks do not wait opens before anything else runs', async (t) => {
  let hasWaited = false
  let hadWaited: boolean | undefined
  const { url } = await start(t, {
    onRequest (_request, _reply, done) {
      queueMicrotask(() => { hasWaited = true })
      done()
    },
    preHandler: (_request, _reply, done) => done(),
    open: () => { hadWaited = hasWaited }
  })
  await connect(t, `${url}/ws`)
  t.equal(hadWaited, false)
})

t.test('a connection keeps neither listeners nor a handshake', async (t) => {
  let raw: FastifyRequest['raw'] | undefined
  const { url } = await start(t, { open: (socket) => { raw = socket.request.raw } })
  await connect(t, `${url}/ws`)
  await turn()
  const kHandshake = Object.getOwnPropertySymbols(raw).find(({ description }) => description === 'fastify-typed-ws.handshake')!
  t.equal((raw as unknown as Record<symbol, unknown>)[kHandshake], undefined)
  t.ok(raw!.socket.listenerCount('end') <= 2, 'those of net and ws')
  t.ok(raw!.socket.listenerCount('close') <= 2, 'those of ws and interceptUpgrades')
})

t.test('a message sent together with the handshake is delivered once', async (t) => {
  const { app } = await start(t)
  const socket = await connectRaw(t, app)
  socket.write(Buffer.concat([Buffer.from(handshakeText(app, '/ws')), maskedFrame('{"type":"say","text":"early"}')]))
  let text = ''
  while (!text.includes('early')) text += String((await once(socket, 'data'))[0])
  t.equal(text.split('early').length, 2)
})

t.test('a message is handled although its sender hangs up right after it', async (t) => {
  const said = deferred()
  const { app } = await start(t, { preHandler: async () => { await turn() }, on: { say: () => said.resolve() } })
  const socket = await connectRaw(t, app)
  socket.end(Buffer.concat([Buffer.from(handshakeText(app, '/ws')), maskedFrame('{"type":"say","text":"early"}')]))
  await said.promise
})

t.test('messages sent before the 101 or while open is busy are delivered in order, once', async (t) => {
  for (const [where, slow] of [...slowRoutes, ['open', (wait: () => Promise<void>): Route => ({ open: wait })] as const]) {
    const said: string[] = []
    const reached = deferred()
    const goOn = deferred()
    const all = deferred()
    const { app } = await start(t, {
      ...slow(async () => { reached.resolve(); await goOn.promise }),
      on: { say ({ text }) { said.push(text); if (text === '5') all.resolve() } }
    })
    const frame = (n: number): Buffer => maskedFrame(`{"type":"say","text":"${n}"}`)
    const socket = await connectRaw(t, app)
    socket.setNoDelay(true)
    socket.resume()
    socket.write(Buffer.concat([Buffer.from(handshakeText(app, '/ws')), frame(0), frame(1).subarray(0, 4)]))
    await reached.promise
    for (const bytes of [frame(1).subarray(4), frame(2), Buffer.concat([frame(3), frame(4).subarray(0, 1)]), frame(4).subarray(1)]) {
      socket.write(bytes)
      await turn()
    }
    goOn.resolve()
    socket.write(frame(5))
    await all.promise
    t.same(said, ['0', '1', '2', '3', '4', '5'], where)
  }
})

t.test('the subprotocol is the contract\'s or none', async (t) => {
  const { app, url } = await start(t)
  t.equal((await connect(t, `${url}/ws`, { protocols: ['echo.v1'] })).ws.protocol, 'echo.v1')
  t.equal((await connect(t, `${url}/ws`, { protocols: ['other', 'echo.v1', 'third'] })).ws.protocol, 'echo.v1')
  const none = await connect(t, `${url}/ws`)
  t.equal(none.ws.protocol, '')
  t.notOk('sec-websocket-protocol' in none.headers)
  const { statusCode, body } = await refused(`${url}/ws`, { protocols: ['other', 'ECHO.v1'] })
  t.equal(statusCode, 400)
  t.match(JSON.parse(body), { code: 'FST_TYPED_WS_UNKNOWN_SUBPROTOCOL', message: /offer 'echo\.v1', or none/ })
  t.same(statusesOf(await exchangeRaw(t, app, handshakeText(app, '/ws', { 'Sec-WebSocket-Protocol': 'echo.v1.evil' }))), [400])
})

t.test('compression is negotiated if it is on, and an invalid offer gets one 400', async (t) => {
  const { app, url } = await start(t, { perMessageDeflate: true })
  t.equal((await connect(t, `${url}/ws`, { perMessageDeflate: true })).ws.extensions, 'permessage-deflate')
  for (const [who, setHandler] of errorHandlers.slice(0, 1)) {
    const { app } = await start(t, { perMessageDeflate: true }, {}, setHandler)
    const text = await exchangeRaw(t, app, `${handshakeText(app, '/ws', {
      'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=99'
    })}`)
    t.same(statusesOf(text), [400], who)
    t.match(JSON.parse(reply(text).body), { code: 'FST_TYPED_WS_INVALID_HANDSHAKE', message: /Sec-WebSocket-Extensions/ })
  }
  t.same(statusesOf(await exchangeRaw(t, app, handshakeText(app, '/ws', { 'Sec-WebSocket-Extensions': 'a;;b' }))), [400])
})

t.test('the 101 is the same, byte for byte, whether a client offers an extension that is not taken or none', async (t) => {
  const { app } = await start(t, {
    perMessageDeflate: true,
    onSend: async (_, reply) => { reply.headers({ 'set-cookie': ['a=1', 'b=2'], 'x-name': 'Zo\xeb' }) }
  })
  for (const offer of [null, 'echo.v1', 'other, echo.v1']) {
    // Not taken: ws makes the 101, as it does with all that are.
    const answers = ['x-webkit-deflate-frame', null].map(async (extensions) => {
      const text = handshakeText(app, '/ws', { 'Sec-WebSocket-Protocol': offer, 'Sec-WebSocket-Extensions': extensions })
      return await exchangeRaw(t, app, Buffer.concat([Buffer.from(text), maskedFrame('', 0x88)]))
    })
    const [byWs, own] = await Promise.all(answers)
    t.equal(own, byWs, `offers ${offer}`)
    t.match(own, /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*Set-Cookie: b=2\r\n/i)
  }
})

t.test('the headers of a handshake that failed late reach no other', async (t) => {
  let visits = 0
  const { app, url } = await start(t, { perMessageDeflate: true, preHandler: async (_, reply) => { reply.header('x-visit', ++visits) } })
  t.match(await exchangeRaw(t, app, handshakeText(app, '/ws', { 'Sec-WebSocket-Extensions': 'a;;b' })), /x-visit: 1/)
  t.equal((await connect(t, `${url}/ws`)).headers['x-visit'], '2')
})

t.test('an invalid offer of extensions is a 400 also with an error handler that sets no status', async (t) => {
  const { app } = await start(t, { perMessageDeflate: true }, {}, (app) => { app.setErrorHandler(() => ({ by: 'handler' })) })
  const text = await exchangeRaw(t, app, handshakeText(app, '/ws', { 'Sec-WebSocket-Extensions': 'a;;b' }))
  t.same(statusesOf(text), [400])
  t.equal(reply(text).body, '{"by":"handler"}')
})

t.test('a page may connect by default only from the app\'s own origin', async (t) => {
  const { app, url, log } = await start(t, { onRequest: () => { t.fail('no hook runs') } })
  const { port } = app.server.address() as AddressInfo
  const own = `http://127.0.0.1:${port}`
  const others: Array<string | string[]> = [
    'http://evil.test', 'null', '',
    `http://127.0.0.1:${port}@evil.test`, `${own}.evil.test`, `http://evil127.0.0.1:${port}`,
    `${own}/`, `${own}/ws`, `${own}#`, `${own}?`, `${own}\\`,
    `${own} ${own}`, `${own},${own}`, [own, own], [own, 'http://evil.test'], own.toUpperCase(),
    'http://127.0.0.1', 'http://127.0.0.1:80', `http://127.0.0.1.:${port}`, `https://127.0.0.1:${port}`, `ws://127.0.0.1:${port}`,
    `http://127.0.0.1:${port + 1}`, `http://localhost:${port}`, `http://127.1:${port}`,
    `chrome-extension://127.0.0.1:${port}`, `moz-extension://127.0.0.1:${port}`
  ]
  for (const origin of others) {
    const text = await exchangeRaw(t, app, handshakeText(app, '/ws', { Origin: origin }))
    t.same(statusesOf(text), [403], JSON.stringify(origin))
    t.match(JSON.parse(reply(text).body), { code: 'FST_TYPED_WS_ORIGIN_REFUSED', message: /option 'origin'/ })
    t.notMatch(text, /evil/, 'the client is not told more than the option')
  }
  t.match(log.find('to admit it')[0], {
    origin: 'http://evil.test',
    msg: 'websocket handshake refused: to admit it, set the option origin: [\'http://evil.test\'] of the route or the plugin'
  })
  const missing = await exchangeRaw(t, app, handshakeText(app, '/ws', { Origin: null }))
  t.same(statusesOf(missing), [403])
  t.match(JSON.parse(reply(missing).body), { code: 'FST_TYPED_WS_ORIGIN_MISSING', message: /'allowMissingOrigin'/ })
  t.match(log.find('allowMissingOrigin: true').length, 1)
  t.ok(url)
})

t.test('a list of origins admits its entries, and a wildcard the names below its dot', async (t) => {
  const { url } = await start(t, {
    origin: ['https://example.com', 'https://*.example.org', /^https:\/\/[ab]\.test$/, 'chrome-extension://abcdef']
  })
  for (const origin of [
    'https://example.com', 'https://a.example.org', 'https://a.b.example.org', 'https://a.test',
    'chrome-extension://abcdef'
  ]) await connect(t, `${url}/ws`, { origin })
  for (const origin of [
    'https://a.example.com', 'https://example.org', 'https://evilexample.org', 'https://.example.org',
    'https://a.example.org.evil.test', 'https://c.test', url
  ]) {
    t.equal((await refused(`${url}/ws`, { origin })).statusCode, 403, origin)
  }
})

t.test('a missing Origin is admitted if the option says so', async (t) => {
  const { app } = await start(t, { allowMissingOrigin: true })
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/ws', { Origin: null }))
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 101 /)
})

t.test('the app\'s own origin behind a trusted proxy is the forwarded one', async (t) => {
  const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'chat.test', Origin: 'https://chat.test' }
  for (const [trustProxy, status] of [[false, 403], ['10.0.0.1', 403], ['127.0.0.1', 101], [true, 101]] as const) {
    const app = await createApp(t, {}, { trustProxy })
    app.ws('/ws', { contract: echo, on: { say () {} } })
    await listen(app)
    const socket = await connectRaw(t, app)
    socket.write(handshakeText(app, '/ws', forwarded))
    t.same(statusesOf(String((await once(socket, 'data'))[0])), [status], String(trustProxy))
  }
})

t.test('an origin function decides by the request, at once or by a promise', async (t) => {
  const { url } = await start(t, {
    origin: async (origin, request) => {
      await turn()
      return request.ws && origin === `https://${(request.query as { tenant: string }).tenant}.test`
    }
  })
  await connect(t, `${url}/ws?tenant=a`, { origin: 'https://a.test' })
  t.equal((await refused(`${url}/ws?tenant=a`, { origin: 'https://b.test' })).statusCode, 403)
})

t.test('an origin function that fails admits no client', async (t) => {
  const failures: Array<readonly [string, () => boolean | Promise<boolean>, number]> = [
    ['throws', () => { throw new Error('no database') }, 500],
    ['rejects', async () => { throw new Error('no database') }, 500],
    ['rejects with a status', async () => { throw Object.assign(new Error('come back'), { statusCode: 503 }) }, 503],
    ['throws nothing', () => { throw undefined }, 500], // eslint-disable-line no-throw-literal
    ['rejects with nothing', async () => { throw undefined }, 500], // eslint-disable-line no-throw-literal
    ['rejects with null', async () => { throw null }, 500], // eslint-disable-line no-throw-literal
    ['rejects with false', async () => { throw false }, 500], // eslint-disable-line no-throw-literal
    ['rejects with text', async () => { throw 'no' }, 500] // eslint-disable-line no-throw-literal
  ]
  for (const [name, origin, status] of failures) {
    const { url } = await start(t, { origin, onRequest: async () => { t.fail('no hook runs') } })
    t.equal((await refused(`${url}/ws`)).statusCode, status, name)
  }
})

t.test('a refusal of the package\'s own keeps its status if an error handler sets none', async (t) => {
  const { app, url } = await start(t, {}, {}, (app) => { app.setErrorHandler((error: Error & { code: string }) => ({ mine: error.code })) })
  t.match(await refused(`${url}/ws`, { origin: 'http://evil.test' }), { statusCode: 403, body: '{"mine":"FST_TYPED_WS_ORIGIN_REFUSED"}' })
  t.match(await refused(`${url}/ws`, { protocols: ['other'] }), { statusCode: 400, body: '{"mine":"FST_TYPED_WS_UNKNOWN_SUBPROTOCOL"}' })
  t.match(await app.inject('/ws'), { statusCode: 426, body: '{"mine":"FST_TYPED_WS_UPGRADE_REQUIRED"}' })
})

t.test('request.ws tells a WebSocket\'s request in every hook and handler', async (t) => {
  const seen: Record<string, boolean> = {}
  const done = deferred()
  const { app, url } = await start(t, {
    origin: (_, { ws }) => { seen['origin'] = ws; return true },
    onRequest: async ({ ws }) => { seen['onRequest'] = ws },
    preHandler: async ({ ws }) => { seen['preHandler'] = ws },
    onSend: async ({ ws }) => { seen['onSend'] = ws },
    onResponse: async ({ ws }) => { seen['onResponse'] = ws },
    open: ({ request }) => { seen['open'] = request.ws },
    on: { say (_, { request }) { seen['say'] = request.ws; done.resolve() } },
    handler: ({ ws }) => ({ ws })
  })
  const client = await connect(t, `${url}/ws`)
  client.send({ type: 'say', text: '' })
  await done.promise
  t.same(seen, { origin: true, onRequest: true, preHandler: true, onSend: true, onResponse: true, open: true, say: true })
  t.same((await app.inject('/ws')).json(), { ws: false })
})

t.test('a connection survives an onResponse hook that takes its time', async (t) => {
  const hold = deferred()
  const { url } = await start(t, {}, {}, (app) => { app.addHook('onResponse', async () => { await hold.promise }) })
  const client = await connect(t, `${url}/ws`)
  hold.resolve()
  await turn()
  client.send({ type: 'say', text: 'hello' })
  t.same(await client.next(), { type: 'said', text: 'hello' })
})

t.test('handlerTimeout of Fastify ends a handshake over HTTP', async (t) => {
  for (const route of [
    { preHandler: never },
    { onSend: async (_request: unknown, { statusCode }: FastifyReply) => { if (statusCode === 101) await never() } }
  ]) {
    const { app } = await start(t, { ...route, handlerTimeout: 50 })
    const text = await exchangeRaw(t, app, handshakeText(app, '/ws'))
    t.same(statusesOf(text), [503])
    t.match(text, /FST_ERR_HANDLER_TIMEOUT/)
  }
  const { url } = await start(t, { handlerTimeout: 50 })
  fakeTime(t, ['setTimeout'])
  const client = await connect(t, `${url}/ws`)
  mock.timers.tick(1000)
  client.send({ type: 'say', text: 'still here' })
  t.same(await client.next(), { type: 'said', text: 'still here' })
})
