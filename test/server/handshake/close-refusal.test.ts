// `rejectWith: 'close'`: a refusal that a page can read.
import { once } from 'node:events'
import { Readable } from 'node:stream'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { defineContract, type PluginOptions, type WebSocketRouteOptions } from '../../../lib/index.js'
import {
  connect, connectRaw, countSockets, createApp, exchangeRaw, handshakeText, listen, Log, maskedFrame, refused,
  statusesOf, until, type Teardown
} from '../../support/helper.js'

const club = defineContract({ name: 'club.v1', clientToServer: { say: Type.Object({ text: Type.String() }) } })

type Route = Partial<WebSocketRouteOptions<typeof club>>
type Started = { app: FastifyInstance, url: string, log: Log, seen: string[] }

/** An app with a club at /, which refuses by a close. */
async function start (
  t: Teardown,
  route: Route = {},
  options: PluginOptions = {},
  prepare: (app: FastifyInstance) => void = () => {}
): Promise<Started> {
  const log = new Log()
  const seen: string[] = []
  const app = await createApp(t, { rejectWith: 'close', shutdown: { timeoutMs: 300 }, ...options }, { logger: log.options })
  prepare(app)
  app.ws('/', {
    contract: club,
    on: { say: ({ text }) => { seen.push(text) } },
    open: () => { seen.push('open') },
    close: () => { seen.push('close') },
    ...route
  })
  return { app, url: await listen(app), log, seen }
}

/** A route whose preHandler gives this answer. */
function answering (answer: (reply: FastifyReply) => unknown): Route {
  return { preHandler: async (_request, reply) => { await answer(reply); return reply } }
}

function fault (statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode })
}

const answers: Array<[name: string, answer: (reply: FastifyReply) => unknown, code: number, reason: string]> = [
  ['an error of the client\'s', () => { throw fault(401, 'please sign in') }, 4501, 'please sign in'],
  ['one that is sent', (reply) => reply.send(fault(404, 'no such room')), 4504, 'no such room'],
  ['a status and a body', (reply) => reply.code(403).send({ why: 'a secret' }), 4503, 'Forbidden'],
  ['an unknown status', (reply) => reply.code(499).send('gone'), 4599, ''],
  ['a reason that is too long', () => { throw fault(400, 'é'.repeat(100)) }, 4500, 'é'.repeat(61)],
  ['a redirect', (reply) => reply.redirect('/sign-in'), 4501, 'Found'],
  ['a page', (reply) => reply.type('text/html').send('<h1>hello</h1>'), 4500, 'OK'],
  ['an error of the server\'s', () => { throw new Error('the password is 12345') }, 1013, 'Internal Server Error'],
  ['a limit of attempts', (reply) => reply.code(429).header('Retry-After', 3).send(), 1013, 'retry-after-ms=3000'],
  ['a limit without a time', () => { throw fault(429, 'too many from here') }, 1013, 'too many from here'],
  ['a timeout of the client\'s', (reply) => reply.code(408).send(), 1013, 'Request Timeout'],
  ['a request that is too early', (reply) => reply.code(425).send(), 1013, 'Too Early'],
  ['a time to come back', (reply) => reply.code(503).header('Retry-After', 2).send(), 1013, 'retry-after-ms=2000'],
  [
    'a date to come back',
    (reply) => reply.code(503).header('Retry-After', 'Wed, 21 Oct 2026 07:28:00 GMT').send(),
    1013,
    'Service Unavailable'
  ],
  ['a stream', (reply) => reply.code(410).send(Readable.from(['a', 'b'])), 4510, 'Gone'],
  [
    'bytes of its own',
    (reply) => { reply.hijack(); reply.raw.statusCode = 418; reply.raw.write('short'); reply.raw.write('and'); reply.raw.end('stout') },
    4518,
    'I\'m a Teapot'
  ],
  [
    'an end of its own',
    (reply) => { reply.hijack(); reply.raw.setHeader('Retry-After', '5'); reply.raw.statusCode = 502; reply.raw.end('bad') },
    1013,
    'retry-after-ms=5000'
  ]
]

for (const [name, answer, code, reason] of answers) {
  t.test(`${name} becomes a close with ${code}`, async (t) => {
    const { app, url, seen, log } = await start(t, answering(answer))
    const client = await connect(t, url, { protocols: ['club.v1'] })
    t.equal(client.ws.protocol, 'club.v1')
    t.same(await client.closed(), { code, reason })
    await until(async () => await countSockets(app) === 0)
    t.same(seen, [])
    t.equal(log.find('request completed').length, 1)
    t.equal(Object.values(app.channel(club).stats.handshakesRefused).length, 1)
    t.equal(app.channel(club).stats.opened, 0)
  })
}

t.test('headers and cookies of the refusal reach the 101, and those of its body do not', async (t) => {
  const { app } = await start(t, answering((reply) => reply.code(401).headers({
    'set-cookie': ['a=1', 'b=2'],
    'www-authenticate': 'Basic'
  }).type('text/html').send('<h1>no</h1>')))
  const text = await exchangeRaw(t, app, handshakeText(app, '/'))
  t.same(statusesOf(text), [101])
  const head = text.slice(0, text.indexOf('\r\n\r\n')).toLowerCase()
  t.match(head, /set-cookie: a=1\r\nset-cookie: b=2/)
  t.match(head, /www-authenticate: basic/)
  t.notMatch(head, /content-|transfer-encoding|sec-websocket-protocol/)
  t.notMatch(text, /<h1>/)
})

t.test('the hooks of a refusal run as with any answer, and its own status is logged', async (t) => {
  const ran: string[] = []
  const { app, url, log } = await start(t, {
    onRequest: async () => { throw fault(402, 'pay first') },
    onError: async (_request, _reply, { message }) => { ran.push(`onError ${message}`) },
    onSend: async (_request, { statusCode }, payload) => { ran.push(`onSend ${statusCode}`); return payload },
    onResponse: async (_request, { statusCode }) => { ran.push(`onResponse ${statusCode}`) }
  })
  const client = await connect(t, url)
  t.same(await client.closed(), { code: 4502, reason: 'pay first' })
  await until(() => ran.length === 3)
  t.same(ran, ['onError pay first', 'onSend 402', 'onResponse 402'])
  t.match(log.find('request completed'), [{ res: { statusCode: 402 } }])
  t.strictSame(app.channel(club).stats.handshakesRefused, { 402: 1 })
})

t.test('an error handler that hides an error hides it from the close reason too', async (t) => {
  const { url } = await start(t, answering(() => { throw fault(401, 'user 5 is banned') }), {}, (app) => {
    app.setErrorHandler((_error, _request, reply) => reply.code(401).send({ no: true }))
  })
  t.same(await (await connect(t, url)).closed(), { code: 4501, reason: 'Unauthorized' })
})

t.test('a refusal of the package\'s own is a close too', async (t) => {
  const { url } = await start(t, {}, { maxConnections: 1 })
  const stranger = await connect(t, url, { origin: 'https://elsewhere.example' })
  t.match(await stranger.closed(), { code: 4503, reason: /of this origin/ })
  const other = await connect(t, url, { protocols: ['other.v2', 'other.v1'] })
  t.equal(other.ws.protocol, 'other.v2', 'else a browser would take it for a failure, and tell nothing')
  const knowing = await connect(t, url, { protocols: ['other.v1', 'typed-ws.refusal'] })
  t.equal(knowing.ws.protocol, 'typed-ws.refusal', 'who knows it does not take this for an opening')
  t.match(await other.closed(), { code: 4406, reason: 'club.v1' })
  await connect(t, url)
  for (let i = 0; i < 3; i++) t.same(await (await connect(t, url)).closed(), { code: 1013, reason: 'retry-after-ms=1000' })
})

t.test('a hook that hangs becomes a close with 1013', async (t) => {
  const { app, url } = await start(t, { onRequest: () => {}, handshakeTimeoutMs: 30 })
  t.same(await (await connect(t, url)).closed(), { code: 1013, reason: 'retry-after-ms=1000' })
  await until(async () => await countSockets(app) === 0)
})

t.test('an invalid handshake is refused over HTTP', async (t) => {
  const { app } = await start(t, {}, { perMessageDeflate: true }, (app) => {
    app.setErrorHandler((_error, _request, reply) => reply.send(Readable.from(['a ', 'bad ', 'offer'])))
  })
  const text = await exchangeRaw(t, app, handshakeText(app, '/', {
    'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=7'
  }))
  t.same(statusesOf(text), [400])
  t.match(text, /a .*bad .*offer/s)
})

t.test('messages sent before the refusal arrives are not handled, and a client that does not answer the close is terminated', async (t) => {
  const { app, seen } = await start(t, answering(() => { throw fault(401, 'no') }))
  const client = await connectRaw(t, app)
  client.allowHalfOpen = true
  client.resume()
  const ended = once(client, 'end')
  client.write(Buffer.concat([
    Buffer.from(handshakeText(app, '/')), maskedFrame('{"type":"say","text":"let me in"}'),
    maskedFrame('x'.repeat(100), 0xf1)
  ]))
  await ended
  await until(async () => await countSockets(app) === 0)
  t.same(seen, [])
})

t.test('a route\'s own rejectWith takes precedence over the plugin\'s', async (t) => {
  const app = await createApp(t)
  const no = answering(() => { throw fault(401, 'no') })
  app.ws('/closes', { contract: club, rejectWith: 'close', on: { say () {} }, ...no })
  app.ws('/answers', { contract: club, on: { say () {} }, ...no })
  const url = await listen(app)
  t.same(await (await connect(t, `${url}/closes`)).closed(), { code: 4501, reason: 'no' })
  t.equal((await refused(`${url}/answers`)).statusCode, 401)
})

t.test('a client that can tell a refusal from an opening is refused by a close, any other over HTTP', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: club, on: { say () {} }, ...answering(() => { throw fault(401, 'please sign in') }) })
  const url = await listen(app)
  const knowing = await connect(t, url, { protocols: ['club.v1', 'typed-ws.refusal'] })
  t.equal(knowing.ws.protocol, 'typed-ws.refusal')
  t.same(await knowing.closed(), { code: 4501, reason: 'please sign in' })
  for (const protocols of [[], ['club.v1']]) t.match(await refused(url, { protocols }), { statusCode: 401, body: /please sign in/ })
  await t.rejects(app.injectClient(club, '/'), { code: 'FST_TYPED_WS_HANDSHAKE_REFUSED', statusCode: 401, body: /please sign in/ })
  t.strictSame(app.channel(club).stats.handshakesRefused, { 401: 4 })
})

t.test('a token that a client offers as its only subprotocol is in no answer', async (t) => {
  const { app } = await start(t, answering((reply) => reply.code(401).send()), {}, (app) => {
    app.get('/raw', { websocket: true }, (socket) => { socket.close() })
  })
  for (const [path, offered, named] of [
    ['/', 'bearer.secret', undefined],
    ['/', 'Bearer.secret', undefined],
    ['/', 'bearer.secret, other', 'other'],
    ['/', 'bearer.secret, club.v1', 'club.v1'],
    ['/raw', 'bearer.secret', undefined],
    ['/raw', 'bearer.secret, other', 'other']
  ] as const) {
    const text = await exchangeRaw(t, app, Buffer.concat([
      Buffer.from(handshakeText(app, path, { 'Sec-WebSocket-Protocol': offered })),
      maskedFrame('', 0x88)
    ]))
    t.match(text, /^HTTP\/1\.1 101 /, offered)
    t.equal(/\r\nSec-WebSocket-Protocol: (.*)\r\n/.exec(text)?.[1], named, `${path} ${offered}`)
    t.notMatch(text, /secret/)
  }
})
