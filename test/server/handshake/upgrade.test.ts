import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import typedWs, { type PluginOptions } from '../../../lib/index.js'
import { later } from '../../../lib/server/turn.js'
import {
  certificate, connect, connectRaw, countSockets, createApp, exchangeRaw, handshakeText, listen, Log, maskedFrame,
  refused, statusesOf, until, type Teardown
} from '../../support/helper.js'
import { echo } from '../../support/echo.js'

const SETTINGS = 'AAMAAABkAAQCAAAAAAIAAAAA'

/** An app with a typed route at /ws; `seen` is filled by its hooks. */
async function start (
  t: Teardown,
  options: PluginOptions = {},
  serverOptions: FastifyServerOptions = {}
): Promise<{ app: FastifyInstance, url: string, seen: string[] }> {
  const app = await createApp(t, options, serverOptions)
  const seen: string[] = []
  app.addHook('onRequest', async ({ method, url }) => { seen.push(`${method} ${url}`) })
  app.ws('/ws', {
    contract: echo,
    on: { say: ({ text }, socket) => socket.send('said', { text }) }
  })
  app.get('/plain', (request) => ({
    method: request.method,
    upgrade: request.headers.upgrade ?? null,
    connection: request.headers.connection ?? null
  }))
  app.post('/plain', (request) => ({ body: request.body }))
  return { app, seen, url: await listen(app) }
}

function hostOf ({ server }: FastifyInstance): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The first request of `curl --http2` and of the JDK's HTTP client. */
function h2c (app: FastifyInstance, requestLine: string, headers: string[] = [], connection = 'Upgrade, HTTP2-Settings'): string {
  return [
    requestLine, `Host: ${hostOf(app)}`, 'User-Agent: curl/8.14.1', 'Accept: */*', `Connection: ${connection}`,
    'Upgrade: h2c', `HTTP2-Settings: ${SETTINGS}`, ...headers, '', ''
  ].join('\r\n')
}

/** Reads one reply with a Content-Length. */
async function readReply (socket: Socket): Promise<{ head: string, body: string }> {
  let text = ''
  while (true) {
    const end = text.indexOf('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1])
    if (end > 0 && text.length >= end + 4 + length) return { head: text.slice(0, end), body: text.slice(end + 4) }
    const [chunk] = await once(socket, 'data') as [Buffer]
    text += chunk.toString('latin1')
  }
}

t.test('a good handshake becomes a WebSocket', async (t) => {
  const { app, seen } = await start(t)
  for (const upgrade of ['websocket', 'WebSocket', 'WEBSOCKET']) {
    const socket = await connectRaw(t, app)
    socket.write(handshakeText(app, '/ws', { Upgrade: upgrade, Connection: 'keep-alive, Upgrade' }))
    const [answer] = await once(socket, 'data') as [Buffer]
    t.match(answer.toString(), /^HTTP\/1\.1 101 Switching Protocols\r\n/)
    t.match(answer.toString(), /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/, 'the example of RFC 6455 §1.3')
  }
  t.equal(seen.length, 3)
})

type Headers = Parameters<typeof handshakeText>[2]
const broken: ReadonlyArray<readonly [name: string, headers: Headers, message?: RegExp, statusCode?: number]> = [
  ['no key', { 'Sec-WebSocket-Key': null }, /Sec-WebSocket-Key/],
  ['an empty key', { 'Sec-WebSocket-Key': '' }, /Sec-WebSocket-Key/],
  ['a short key', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZQ==' }, /Sec-WebSocket-Key/],
  ['a long key', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZSBub25jZQ==' }, /Sec-WebSocket-Key/],
  ['a key that is not base64', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZS?ub25jZQ==' }, /Sec-WebSocket-Key/],
  ['two keys', { 'Sec-WebSocket-Key': ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='] }, /Sec-WebSocket-Key/],
  ['no version', { 'Sec-WebSocket-Version': null }, /version 13/, 426],
  ['version 8', { 'Sec-WebSocket-Version': '8' }, /version 13/, 426],
  ['version 014', { 'Sec-WebSocket-Version': '013' }, /version 13/, 426],
  ['a list of versions', { 'Sec-WebSocket-Version': '13, 8' }, /version 13/, 426],
  ['two versions', { 'Sec-WebSocket-Version': ['13', '13'] }, /version 13/, 426],
  ['no Host', { Host: null }, /one Host/],
  ['two Hosts', { Host: ['a.test', 'a.test'] }, /one Host/],
  ['a length', { 'Content-Length': '5' }, /no body/],
  ['a length that is none', { 'Transfer-Encoding': 'chunked' }, /no body/],
  ['an empty subprotocol', { 'Sec-WebSocket-Protocol': '' }, /Sec-WebSocket-Protocol/],
  ['a subprotocol twice', { 'Sec-WebSocket-Protocol': 'echo.v1, echo.v1' }, /Sec-WebSocket-Protocol/],
  ['a subprotocol in two headers', { 'Sec-WebSocket-Protocol': ['echo.v1', 'echo.v1'] }, /Sec-WebSocket-Protocol/],
  ['a list of subprotocols with a hole', { 'Sec-WebSocket-Protocol': 'echo.v1,,other' }, /Sec-WebSocket-Protocol/],
  ['a list of subprotocols with an end', { 'Sec-WebSocket-Protocol': 'echo.v1,' }, /Sec-WebSocket-Protocol/],
  ['a subprotocol with a space', { 'Sec-WebSocket-Protocol': 'echo v1' }, /Sec-WebSocket-Protocol/],
  ['a subprotocol with a slash', { 'Sec-WebSocket-Protocol': 'echo/v1' }, /Sec-WebSocket-Protocol/]
]

t.test('a broken handshake is refused before any hook, by one reply', async (t) => {
  // Node itself would refuse a request without Host.
  const { app, seen } = await start(t, {}, { http: { requireHostHeader: false } } as FastifyServerOptions)
  const refuse = async (name: string, text: string, message: RegExp, statusCode: number) => {
    const answer = await exchangeRaw(t, app, `${text}GET /plain HTTP/1.1\r\nHost: a.test\r\n\r\n`)
    t.same(statusesOf(answer), [statusCode], name)
    t.match(answer, /\r\nConnection: close/, `${name}: the socket is closed`)
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
    t.match(body, { statusCode, code: /^FST_TYPED_WS_/, error: /./, message }, `${name}: and the text says why`)
    if (statusCode === 426) {
      t.match(
        answer,
        /\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n/,
      `${name}: and the headers what would do`
      )
    }
  }
  for (const [name, headers, message = /./, statusCode = 400] of broken) {
    await refuse(
      name,
      handshakeText(app, '/ws', headers),
      message,
      statusCode
    )
  }
  await refuse('HTTP/1.0', handshakeText(app, '/ws', {}, 'GET /ws HTTP/1.0'), /HTTP\/1\.1/, 400)
  t.same(seen, [])
})

t.test('a subprotocol list may have spaces and tabs', async (t) => {
  const { app } = await start(t)
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/ws', { 'Sec-WebSocket-Protocol': ['other \t,\techo.v1', 'third'] }))
  const [answer] = await once(socket, 'data') as [Buffer]
  t.match(answer.toString(), /\r\nSec-WebSocket-Protocol: echo\.v1\r\n/)
})

t.test('a client that does not hang up after its refusal is disconnected within a second', async (t) => {
  const { app } = await start(t)
  for (const text of [
    handshakeText(app, '/ws', { 'Sec-WebSocket-Key': null }), handshakeText(app, '/nowhere'),
    handshakeText(app, '/ws', { Origin: null })
  ]) {
    const socket = await connectRaw(t, app)
    socket.allowHalfOpen = true
    socket.resume()
    socket.write(text)
    await once(socket, 'end')
    await until(async () => await countSockets(app) === 0)
    t.pass('its stream is gone')
    socket.destroy()
  }
})

t.test('a request pipelined in front of the upgrade ends the connection, and nothing is held', async (t) => {
  const app = await createApp(t)
  const arrived: Array<() => void> = []
  app.get('/slow', async () => await new Promise<string>((resolve) => arrived.push(() => resolve('late'))))
  app.ws('/ws', { contract: echo, on: { say () {} } })
  await listen(app)
  for (const upgrade of [handshakeText(app, '/ws'), h2c(app, 'GET /slow HTTP/1.1')]) {
    const answer = await exchangeRaw(t, app, `GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n${upgrade}`)
    t.equal(answer, '')
  }
  await until(async () => await countSockets(app) === 0)
  for (const answer of arrived) answer()
  await app.close()
})

t.test('an upgrade may follow a request that was answered', async (t) => {
  const { app } = await start(t)
  const socket = await connectRaw(t, app)
  socket.write(`GET /plain HTTP/1.1\r\nHost: ${hostOf(app)}\r\n\r\n`)
  t.match((await readReply(socket)).head, /^HTTP\/1\.1 200 /)
  socket.write(handshakeText(app, '/ws'))
  const [answer] = await once(socket, 'data') as [Buffer]
  t.match(answer.toString(), /^HTTP\/1\.1 101 /)
})

t.test('bytes after a refused upgrade are not read as a second request', async (t) => {
  const { app, seen } = await start(t)
  const behind = `GET /plain HTTP/1.1\r\nHost: ${hostOf(app)}\r\n\r\n`
  let prompt = 0
  for (const [path, statusCode, hooks] of [['/ws', 403, 0], ['/nowhere', 404, 1], ['/plain', 404, 1], ['/%zz', 400, 0]] as const) {
    seen.length = 0
    const socket = await connectRaw(t, app)
    const answer: Buffer[] = []
    socket.on('data', (chunk: Buffer) => answer.push(chunk))
    socket.write(`${handshakeText(app, path, { Origin: 'http://evil.test' })}${behind}`)
    await Promise.race([once(socket, 'data'), once(socket, 'close')])
    socket.write(behind)
    socket.end(behind)
    const ended = Date.now()
    await once(socket, 'close')
    await until(async () => await countSockets(app) === 0)
    if (Date.now() - ended < 900) prompt++
    t.same(statusesOf(Buffer.concat(answer).toString()), [statusCode], path)
    t.equal(seen.length, hooks, path)
  }
  t.ok(prompt > 0, 'it is read and thrown away, so that the connection ends as soon as its client does')
})

t.test('an upgrade that is answered before any hook runs is closed as well', async (t) => {
  const { app } = await start(t)
  t.same(statusesOf(await exchangeRaw(t, app, handshakeText(app, '/%zz'))), [400])
  await until(async () => await countSockets(app) === 0)
})

t.test('an upgrade to an HTTP route outside of the plugin\'s scope is answered by it and closed', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.get('/outside', async () => 'over HTTP')
  app.register(async (scope) => {
    await scope.register(typedWs)
    scope.ws('/ws', { contract: echo, on: { say () {} } })
  })
  const url = await listen(app)
  const answer = await exchangeRaw(t, app, handshakeText(app, '/outside'))
  t.same(statusesOf(answer), [200])
  t.match(answer, /over HTTP$/)
  await connect(t, `${url}/ws`)
})

t.test('h2c: a GET is served as plain HTTP, and the connection goes on', async (t) => {
  const { app, seen } = await start(t)
  const socket = await connectRaw(t, app)
  for (let round = 0; round < 3; round++) {
    socket.write(h2c(app, 'GET /plain HTTP/1.1'))
    const { head, body } = await readReply(socket)
    t.match(head, /^HTTP\/1\.1 200 OK\r\n/)
    t.match(head, /connection: keep-alive/i)
    t.same(JSON.parse(body), { method: 'GET', upgrade: null, connection: null })
  }
  t.equal(seen.length, 3)
})

t.test('h2c: a request\'s other headers arrive unchanged', async (t) => {
  const app = await createApp(t)
  app.get('/', (request) => request.raw.rawHeaders)
  await listen(app)
  const socket = await connectRaw(t, app)
  socket.write(Buffer.from(h2c(app, 'GET /?q=%20 HTTP/1.1', [
    'X-Odd: caf\u00e9', 'x-odd:  two ', 'X-Empty:', 'Cookie: a=b; c=d'
  ], 'x-hop, Upgrade,HTTP2-Settings'), 'latin1'))
  const { body } = await readReply(socket)
  t.same(JSON.parse(Buffer.from(body, 'latin1').toString()), [
    'Host', hostOf(app), 'User-Agent', 'curl/8.14.1', 'Accept', '*/*', 'Connection', 'x-hop',
    'X-Odd', 'caf\u00e9', 'x-odd', 'two', 'X-Empty', '', 'Cookie', 'a=b; c=d'
  ])
})

t.test('h2c: a body arrives whole, however it is cut', async (t) => {
  const { app } = await start(t)
  const text = h2c(app, 'POST /plain HTTP/1.1', ['Content-Type: application/json', 'Content-Length: 20'])
  const chunked = h2c(app, 'POST /plain HTTP/1.1', ['Content-Type: application/json', 'Transfer-Encoding: chunked'])
  const ways = [
    [`${text}{"text":"it arrived"}`.slice(0, -1)],
    [text, '{"text":"it arrive"}'],
    [`${text}{"text":`, '"it ', 'arrive"}'],
    [text.slice(0, 30), text.slice(30, 100), `${text.slice(100)}{`, '"text":"it arrive"}'],
    [`${chunked}8\r\n{"text":\r\n`, 'c\r\n"it arrive"}\r\n', '0\r\n\r\n'],
    [`${chunked}14\r\n{"text":"it arrive"}\r\n0\r\n\r\n`],
    [`${chunked}1`, '4\r\n{"text":"it', ' arrive"}\r\n0\r', '\n\r\n']
  ]
  const socket = await connectRaw(t, app)
  socket.setNoDelay(true)
  for (const [index, packets] of ways.entries()) {
    const reply = readReply(socket)
    for (const packet of packets) {
      socket.write(index === 0 ? packet.replace('it arrived"', 'it arrive"}') : packet)
      // One packet after the other has been read.
      await new Promise((resolve) => { setTimeout(resolve, 20) })
    }
    t.same(JSON.parse((await reply).body), { body: { text: 'it arrive' } }, JSON.stringify(packets.at(-1)))
  }
})

t.test('h2c: 100-continue is answered', async (t) => {
  const { app } = await start(t)
  const socket = await connectRaw(t, app)
  socket.write(h2c(app, 'POST /plain HTTP/1.1', ['Content-Type: application/json', 'Content-Length: 2', 'Expect: 100-continue']))
  const [go] = await once(socket, 'data') as [Buffer]
  t.match(go.toString(), /^HTTP\/1\.1 100 Continue\r\n/)
  socket.write('{}')
  t.same(JSON.parse((await readReply(socket)).body), { body: {} })
})

t.test('h2c: maxRequestsPerSocket counts all requests of a connection, with and without an upgrade', async (t) => {
  for (const asks of [[1, 2, 3, 4, 5], [1], [3], [5], [2, 4], []]) {
    const { app, seen } = await start(t, {}, { maxRequestsPerSocket: 5 })
    const socket = await connectRaw(t, app)
    for (let n = 1; n <= 5; n++) {
      socket.write(asks.includes(n) ? h2c(app, 'GET /plain HTTP/1.1') : `GET /plain HTTP/1.1\r\nHost: ${hostOf(app)}\r\n\r\n`)
      const { head } = await readReply(socket)
      t.match(head, n === 5 ? /\r\nconnection: close/i : /\r\nconnection: keep-alive/i, `${n} of ${asks.join()}`)
    }
    await once(socket.resume(), 'close')
    t.equal(seen.length, 5)
  }
})

t.test('h2c: a request over TLS is served as well', async (t) => {
  const app = Fastify({ https: certificate })
  t.teardown(() => app.close())
  await app.register(typedWs)
  app.post('/plain', (request) => ({ protocol: request.protocol, body: request.body }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  for (let round = 0; round < 2; round++) {
    const reply = readReply(socket)
    socket.write(`${h2c(app, 'POST /plain HTTP/1.1', ['Content-Type: application/json', 'Content-Length: 9'])}{"a":`)
    socket.write('[1]}')
    t.same(JSON.parse((await reply).body), { protocol: 'https', body: { a: [1] } })
  }
})

t.test('h2c: a socket that was handed back behaves like any other', async (t) => {
  const { app } = await start(t, {}, { keepAliveTimeout: 1000 })
  const shape = (socket: Socket) => Object.fromEntries(socket.eventNames().map((name) => [String(name), socket.listenerCount(name)]))
  let accepted: Socket | undefined
  app.server.once('connection', (socket: Socket) => { accepted = socket })
  const socket = await connectRaw(t, app)
  socket.write(`GET /plain HTTP/1.1\r\nHost: ${hostOf(app)}\r\n\r\n`)
  await readReply(socket)
  const fresh = shape(accepted!)
  for (let round = 0; round < 20; round++) {
    socket.write(h2c(app, 'GET /plain HTTP/1.1'))
    await readReply(socket)
  }
  t.same(shape(accepted!), fresh, 'no listener is added')
  const idle = Date.now()
  socket.resume()
  await once(socket, 'close')
  t.ok(Date.now() - idle >= 900, 'and the keep-alive timer runs from the last answer')
})

t.test('h2c: onTimeout runs once for a request that takes too long', async (t) => {
  const app = await createApp(t, {}, { connectionTimeout: 100 })
  let timeouts = 0
  app.addHook('onTimeout', async () => { timeouts++ })
  app.get('/slow', () => new Promise(() => {}))
  await listen(app)
  t.equal(await exchangeRaw(t, app, h2c(app, 'GET /slow HTTP/1.1')), '')
  t.equal(timeouts, 1)
})

t.test('h2c: an idle connection does not delay app.close()', async (t) => {
  const { app } = await start(t)
  const socket = await connectRaw(t, app)
  socket.write(h2c(app, 'GET /plain HTTP/1.1'))
  await readReply(socket)
  await app.close()
})

t.test('h2c: a request with more headers than Node keeps is not served, since one of them could say where its body ends', async (t) => {
  for (const maxHeadersCount of [undefined, 20]) {
    const { app, seen } = await start(t)
    if (maxHeadersCount !== undefined) app.server.maxHeadersCount = maxHeadersCount
    const many = Array.from({ length: maxHeadersCount ?? 1500 }, () => 'a: b')
    const smuggled = `GET /smuggled HTTP/1.1\r\nHost: ${hostOf(app)}\r\n\r\n`
    const answer = await exchangeRaw(t, app, `${h2c(app, 'POST /plain HTTP/1.1', [
      ...many, `Content-Length: ${smuggled.length}`
    ])}${smuggled}`)
    // Later versions of Node answer 431 before.
    t.notOk(statusesOf(answer).some((status) => status !== 431))
    t.same(seen, [])
  }
})

t.test('an upgrade to another protocol is served as plain HTTP', async (t) => {
  const { app, url } = await start(t)
  const post = handshakeText(app, '/plain', {
    'Content-Length': '2',
    'Content-Type': 'application/json',
    Connection: 'close, Upgrade'
  }, 'POST /plain HTTP/1.1')
  t.match(await exchangeRaw(t, app, `${post}{}`), /\{"body":\{\}\}$/, 'a WebSocket is opened by a GET')
  const list = await exchangeRaw(t, app, handshakeText(app, '/ws', { Upgrade: 'h2c, websocket', Connection: 'close, Upgrade' }))
  t.same(statusesOf(list), [426], 'a list names no one protocol')
  await connect(t, `${url}/ws`)
})

t.test('a later listener for upgrades sees only those that passed, and can be removed', async (t) => {
  const { app } = await start(t)
  const passed: unknown[] = []
  const listener = (request: { url?: string }) => passed.push(request.url)
  app.server.on('upgrade', listener)
  await exchangeRaw(t, app, handshakeText(app, '/ws?broken', { 'Sec-WebSocket-Key': null }))
  const socket = await connectRaw(t, app)
  socket.write(h2c(app, 'GET /plain HTTP/1.1'))
  await readReply(socket)
  t.same(passed, [])
  // Now the listener answers for it, and this one does not.
  const unanswered = await connectRaw(t, app)
  unanswered.write(handshakeText(app, '/nowhere'))
  await until(() => passed.length > 0)
  unanswered.destroy()
  t.same(passed, ['/nowhere'])
  app.server.off('upgrade', listener)
  await exchangeRaw(t, app, handshakeText(app, '/nowhere'))
  t.same(passed, ['/nowhere'])
})

t.test('a handshake while the app closes gets 503 and Retry-After', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const closing: Array<() => void> = []
  const hold = async (): Promise<void> => await new Promise((resolve) => closing.push(resolve))
  app.addHook('preClose', hold)
  await app.register(typedWs)
  app.addHook('preClose', hold)
  let requests = 0
  app.addHook('onRequest', async () => { requests++ })
  app.ws('/ws', { contract: echo, on: { say () {} } })
  app.get('/raw', { websocket: true }, () => {})
  const url = await listen(app)
  const closed = app.close()
  for (let held = 1; held <= 2; held++) {
    await until(() => closing.length === held)
    for (const path of ['/ws', '/raw', '/nowhere']) {
      const { statusCode, headers, body } = await refused(`${url}${path}`)
      t.equal(statusCode, 503)
      t.match(headers, { 'retry-after': '1', connection: 'close' })
      t.match(JSON.parse(body), { code: 'FST_TYPED_WS_CLOSING', error: 'Service Unavailable' })
    }
    closing[held - 1]!()
  }
  await closed
  t.equal(requests, 0)
})

t.test('log lines of the package have neither query nor cookies nor payloads', async (t) => {
  const log = new Log()
  const app = await createApp(t, { handshakeTimeoutMs: 50 }, { logger: log.options })
  app.ws('/ws', {
    contract: echo,
    async preHandler ({ query }, reply) {
      const { way } = query as { way?: string }
      if (way === 'hang') await new Promise(() => {})
      if (way === 'inject') reply.header('x-evil', 'a\r\nb')
      if (way === 'refuse') throw Object.assign(new Error('no'), { statusCode: 401 })
    },
    on: { say () {} }
  })
  await listen(app)
  const head = (way: string, headers: Headers = {}): string => handshakeText(app, `/ws?way=${way}&token=secret-query`, {
    Cookie: 'session=secret-cookie',
    Authorization: 'Bearer secret-token',
    ...headers
  })
  await exchangeRaw(t, app, head('', { 'Sec-WebSocket-Key': 'secret-key' }))
  await exchangeRaw(t, app, head('', { 'Sec-WebSocket-Version': 'secret-version' }))
  await exchangeRaw(t, app, head('', { Origin: null }))
  await exchangeRaw(t, app, head('', { Origin: 'http://evil.test' }))
  await exchangeRaw(t, app, head('', { 'Sec-WebSocket-Protocol': 'secret-protocol' }))
  await exchangeRaw(t, app, head('hang'))
  await exchangeRaw(t, app, head('inject'))
  await exchangeRaw(t, app, head('refuse'))
  await exchangeRaw(t, app, Buffer.concat([
    Buffer.from(head('')),
    maskedFrame('{"secret":"secret-payload"}'),
    maskedFrame('{"type":"say","text":1,"secret":"secret-payload"}'),
    Buffer.from('secret-frame')
  ]))
  const ours = log.find('websocket')
  t.ok(ours.length >= 5, JSON.stringify(ours.map(({ msg }) => msg)))
  t.notMatch(JSON.stringify(ours), /secret/)
})

t.test('log lines of the package have printable text only, with any Origin, Host or headers', async (t) => {
  const log = new Log()
  const app = await createApp(t, {}, { logger: log.options })
  app.ws('/ws', { contract: echo, preHandler: async (_request, reply) => { reply.header('x-\u0085\u202e', 'a') }, on: { say () {} } })
  await listen(app)
  // Node's own parser refuses the ASCII ones.
  const odd = '\u0085\u009b31m\u00ad'
  await exchangeRaw(t, app, Buffer.from(handshakeText(app, '/ws', { Origin: `http://${odd}.test`, Host: `a${odd}` }), 'latin1'))
  await exchangeRaw(t, app, handshakeText(app, '/ws', { Origin: `http://${'a'.repeat(4000)}.test` }))
  await app.injectWS('/ws', { headers: { host: 'a.test', origin: 'http://\u202e\u2028\ud800.test\r\n' } }).catch(() => {})
  await exchangeRaw(t, app, handshakeText(app, '/ws'))
  const ours = log.find('websocket')
  t.match(ours, { length: 4 })
  const lines = JSON.stringify(ours, (name, value: unknown) => name === 'stack' ? undefined : value)
  t.notMatch(lines, /[\p{C}\p{Zl}\p{Zp}]|\\u[\dd][\da-f]{3}|\\[nr]/u)
  t.match(ours[0], { origin: 'http://\\u{85}\\u{9b}31m\\u{ad}.test', host: 'a\\u{85}\\u{9b}31m\\u{ad}' })
  t.ok(lines.length < 6000, 'nor do they grow with what is sent')
})

/** Takes longer than the handshakes of one turn of the event loop may. */
function beBusy (): void {
  for (const endMs = performance.now() + 2; performance.now() < endMs;);
}

t.test('clients that all come at once are let in one turn of the event loop after another, each in its own context', async (t) => {
  let turn = 0
  let isOver = false
  const count = (): void => { turn++; if (!isOver) setImmediate(count) }
  t.teardown(() => { isOver = true })
  const origins = new AsyncLocalStorage<number>()
  const seen: Array<[number | undefined, number]> = []
  const app = await createApp(t, { allowMissingOrigin: true })
  app.ws('/ws', {
    contract: echo,
    onRequest: async () => { seen.push([origins.getStore(), turn]); beBusy() },
    on: { say () {} }
  })
  await app.ready()
  count()
  const clients = await Promise.all(Array.from({ length: 20 }, (_, n) => origins.run(n, () => app.injectWS('/ws'))))
  t.same(seen.map(([origin]) => origin), Array.from({ length: 20 }, (_, n) => n), 'the first is first')
  t.equal(new Set(seen.map(([, turn]) => turn)).size, 20, 'messages are handled in between')
  for (const client of clients) client.terminate()
})

t.test('clients that come one after another are let in at once, however long their hooks take', async (t) => {
  const app = await createApp(t, { allowMissingOrigin: true })
  let count = 0
  app.ws('/ws', { contract: echo, onRequest: async () => { count++; beBusy() }, on: { say () {} } })
  await app.ready()
  for (const n of [1, 2, 3]) {
    await turn()
    const opening = app.injectWS('/ws')
    t.equal(count, n)
    const client = await opening
    client.terminate()
  }
})

t.test('a client that comes while others wait is let in behind them', async (t) => {
  const seen: unknown[] = []
  const app = await createApp(t, { allowMissingOrigin: true })
  app.ws('/ws', { contract: echo, onRequest: async ({ query }) => { seen.push(query); beBusy() }, on: { say () {} } })
  await app.ready()
  later(beBusy)
  const opening = [app.injectWS('/ws?n=1'), app.injectWS('/ws?n=2')]
  await turn()
  opening.push(app.injectWS('/ws?n=3'))
  for (const client of await Promise.all(opening)) client.terminate()
  t.same(seen, [{ n: 1 }, { n: 2 }, { n: 3 }])
})

t.test('a client that leaves before its handshake begins costs nothing', async (t) => {
  const app = await createApp(t, { allowMissingOrigin: true })
  const raws: IncomingMessage[] = []
  app.ws('/ws', {
    contract: echo,
    onRequest: async ({ raw }) => {
      raws.push(raw)
      beBusy()
    },
    on: { say () {} }
  })
  await connect(t, `${await listen(app)}/ws`)
  const opening = app.injectWS('/ws')
  const stream = new PassThrough()
  app.server.emit('upgrade', raws[0], stream, Buffer.alloc(0))
  stream.destroy(new Error('reset'))
  const injected = [await opening, await app.injectWS('/ws')]
  t.equal(raws.length, 3)
  for (const one of injected) one.terminate()
})
