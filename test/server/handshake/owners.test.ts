// A server whose upgrades have several owners: typed routes, a proxy, other listeners.
import dns from 'node:dns'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { createConnection, type AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import httpProxy from '@fastify/http-proxy'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { WebSocketServer } from 'ws'
import typedWs, { type PluginOptions } from '../../../lib/index.js'
import {
  connect, connectRaw, createApp, exchangeRaw, handshakeText, listen, Log, refused, statusesOf, type Client,
  type Teardown
} from '../../support/helper.js'
import { echoRoute } from '../../support/echo.js'

/** An app with a typed route at /typed, a raw one at /raw and an HTTP one at /http. */
async function start (t: Teardown, options: PluginOptions = {}, log = new Log()): Promise<{ app: FastifyInstance, log: Log }> {
  const app = await createApp(t, { shutdown: { timeoutMs: 300 }, ...options }, { logger: log.options })
  addRoutes(app)
  return { app, log }
}

function addRoutes (app: FastifyInstance): void {
  app.ws('/typed', echoRoute)
  app.get('/raw', { websocket: true }, (socket) => { socket.send('"raw"') })
  app.get('/http', () => 'over HTTP')
}

async function talks (client: Client): Promise<boolean> {
  client.send({ type: 'say', text: 'hello' })
  return JSON.stringify(await client.next()) === '{"type":"said","text":"hello"}'
}

/** Adds a listener for one path, as socket.io does. */
function addGuest (t: Teardown, app: FastifyInstance, path = '/guest'): void {
  const guest = new WebSocketServer({ noServer: true })
  t.teardown(() => { for (const client of guest.clients) client.terminate() })
  guest.on('connection', (ws) => ws.on('message', (data: Buffer) => { ws.send(`guest ${data.toString()}`) }))
  app.server.on('upgrade', (request, socket, head) => {
    if (request.url === path) guest.handleUpgrade(request, socket, head, (ws) => guest.emit('connection', ws, request))
  })
}

async function isServedByGuest (t: Teardown, url: string): Promise<boolean> {
  const client = await connect(t, url)
  client.send('"hello"')
  return await client.nextRaw() === 'guest "hello"'
}

for (const time of ['before', 'after'] as const) {
  t.test(`a listener that was added ${time} listen keeps its path, and routes keep theirs`, async (t) => {
    const { app } = await start(t)
    if (time === 'before') addGuest(t, app)
    const url = await listen(app)
    if (time === 'after') addGuest(t, app)
    t.ok(await isServedByGuest(t, `${url}/guest`))
    t.ok(await talks(await connect(t, `${url}/typed`)))
    t.equal(await (await connect(t, `${url}/raw`)).next(), 'raw')
    t.ok(await isServedByGuest(t, `${url}/guest`))
  })
}

t.test('a listener that was added before the plugin is called after the routes', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.server.on('upgrade', (request, socket) => { socket.end(`HTTP/1.1 418 ${request.url}\r\nConnection: close\r\n\r\n`) })
  await app.register(typedWs)
  addRoutes(app)
  const url = await listen(app)
  t.ok(await talks(await connect(t, `${url}/typed`)))
  t.equal((await refused(`${url}/guest`)).statusCode, 418)
  t.equal((await refused(`${url}/http`)).statusCode, 418, 'an HTTP route has no WebSocket')
})

t.test('an upgrade that only another listener could accept runs no hook of the app', async (t) => {
  const { app } = await start(t)
  let hooks = 0
  app.addHook('onRequest', async () => { hooks++ })
  addGuest(t, app)
  const url = await listen(app)
  t.ok(await isServedByGuest(t, `${url}/guest`))
  t.equal(hooks, 0)
  t.equal((await refused(`${url}/typed`, { origin: 'http://evil.test' })).statusCode, 403, 'a refused one of a route stays the route\'s')
})

for (const [prefix, order] of [['/api', 'after'], ['/', 'after'], ['/api', 'before'], ['/', 'before']] as const) {
  t.test(`@fastify/http-proxy at ${prefix} ${order} the plugin: its upgrades go upstream, and the process lives on`, async (t) => {
    const upstream = createServer((_request, response) => response.end('upstream'))
    const server = new WebSocketServer({ server: upstream })
    server.on('connection', (ws, { url }) => ws.on('message', (data: Buffer) => { ws.send(`upstream ${url} ${data.toString()}`) }))
    await new Promise<void>((resolve) => { upstream.listen(0, '127.0.0.1', resolve) })
    t.teardown(() => { server.close(); upstream.close() })
    const proxy = async (app: FastifyInstance): Promise<void> => {
      await app.register(httpProxy, {
        upstream: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
        prefix,
        rewritePrefix: prefix,
        websocket: true
      })
    }
    const app = Fastify()
    t.teardown(() => app.close())
    if (order === 'before') await proxy(app)
    await app.register(typedWs)
    addRoutes(app)
    if (order === 'after') await proxy(app)
    const url = await listen(app)
    const client = await connect(t, `${url}${prefix.replace(/\/$/, '')}/socket`)
    client.send('"hello"')
    t.equal(await client.nextRaw(), `upstream ${prefix.replace(/\/$/, '')}/socket "hello"`)
    t.ok(await talks(await connect(t, `${url}/typed`)))
    t.equal(await (await connect(t, `${url}/raw`)).next(), 'raw')
    t.equal(await (await fetch(`${url}${prefix}`)).text(), 'upstream')
    t.equal((await refused(`${url}/typed`, { origin: 'http://evil.test' })).statusCode, 403)
    await client.close()
  })
}

t.test('an error of a listener ends its socket, and nothing else', async (t) => {
  const { app, log } = await start(t)
  app.server.on('upgrade', ({ url }) => { if (url === '/throws') throw new Error('at once') })
  app.server.on('upgrade', (({ url }: IncomingMessage) => url === '/rejects' ? Promise.reject(new Error('later')) : undefined) as never)
  const url = await listen(app)
  const living = await connect(t, `${url}/typed`)
  for (const path of ['/throws', '/rejects']) t.equal(await exchangeRaw(t, app, handshakeText(app, path)), '')
  t.ok(await talks(living))
  t.match(log.find('websocket upgrade failed'), [{ level: 50, err: { message: 'at once' } }, { level: 50, err: { message: 'later' } }])
})

t.test('a listener that was added by once is called once', async (t) => {
  const { app } = await start(t)
  app.server.once('upgrade', (_request, socket) => { socket.end('HTTP/1.1 418 once\r\nConnection: close\r\n\r\n') })
  await listen(app)
  t.same(statusesOf(await exchangeRaw(t, app, handshakeText(app, '/nowhere'))), [418])
  t.same(statusesOf(await exchangeRaw(t, app, handshakeText(app, '/nowhere'))), [404], 'then the app answers')
})

t.test('an upgrade that no listener accepts is not held for ever', async (t) => {
  const { app } = await start(t, { handshakeTimeoutMs: 50 })
  addGuest(t, app)
  const url = await listen(app)
  const taken = await connect(t, `${url}/guest`)
  t.equal(await exchangeRaw(t, app, handshakeText(app, '/nowhere')), '')
  taken.send('"still here"')
  t.equal(await taken.nextRaw(), 'guest "still here"')
})

t.test('a hook that upgrades the socket by itself loses it, and nothing else ends', async (t) => {
  const { app, log } = await start(t)
  const other = new WebSocketServer({ noServer: true })
  app.ws('/twice', { ...echoRoute, preHandler: async ({ raw }) => { other.handleUpgrade(raw, raw.socket, Buffer.alloc(0), () => {}) } })
  await listen(app)
  const socket = await connectRaw(t, app)
  const closed = once(socket.resume(), 'close')
  socket.write(handshakeText(app, '/twice'))
  await closed
  t.match(log.find('websocket handshake failed'), [{ level: 50, err: { message: /more than once/ } }])
})

t.test('another owner of a server from serverFactory keeps its path', async (t) => {
  const app = Fastify({ serverFactory: (handler) => createServer(handler) })
  t.teardown(() => app.close())
  await app.register(typedWs)
  addRoutes(app)
  addGuest(t, app)
  const url = await listen(app)
  t.ok(await isServedByGuest(t, `${url}/guest`))
  t.ok(await talks(await connect(t, `${url}/typed`)))
})

t.test('upgrades are intercepted on every address of localhost', async (t) => {
  const { lookup } = dns
  t.teardown(() => { dns.lookup = lookup })
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
  dns.lookup = ((host: string, ...values: [{ all?: boolean }, (...values: unknown[]) => void]) => {
    const done = values.at(-1) as (...values: unknown[]) => void
    const found = host === 'localhost' ? addresses : [{ address: host, family: 4 }]
    process.nextTick(() => { if (values[0].all === true) done(null, found); else done(null, found[0]!.address, 4) })
  }) as unknown as typeof lookup
  const { app } = await start(t)
  addGuest(t, app)
  await app.listen({ port: 0, host: 'localhost' })
  dns.lookup = lookup
  const { port } = app.server.address() as AddressInfo
  for (const address of ['127.0.0.1', '127.0.0.2']) {
    const url = `http://${address}:${port}`
    t.ok(await talks(await connect(t, `${url}/typed`)), address)
    t.ok(await isServedByGuest(t, `${url}/guest`))
    t.equal((await refused(`${url}/typed`, { protocols: ['other'] })).statusCode, 400)
  }
  const late = createConnection(port, '127.0.0.2')
  late.on('error', () => {})
  await once(late, 'connect')
  const ended = once(late.resume(), 'close')
  await app.close()
  app.server.removeAllListeners('upgrade')
  late.write(handshakeText({ server: { address: () => ({ port }) } } as never, '/typed'))
  await ended
  t.pass('once the app is closed, an upgrade that comes by the second one is not held')
})

t.test('a closed app leaves nothing on its server', async (t) => {
  const server = createServer()
  const app = Fastify({ serverFactory: (handler) => server.on('request', handler) })
  const before = server.listenerCount('upgrade')
  await app.register(typedWs)
  addRoutes(app)
  await listen(app)
  // The placeholder listener does nothing.
  for (const listener of server.listeners('upgrade')) if (listener.length === 0) t.equal((listener as () => unknown)(), undefined)
  await app.close()
  t.equal(server.listenerCount('upgrade'), before)
  t.notOk(Object.hasOwn(server, 'emit'))
  t.same(Object.getOwnPropertySymbols(server).filter(({ description }) => description?.startsWith('fastify-typed-ws')), [])
  server.removeAllListeners('request')
  const again = Fastify({ serverFactory: (handler) => server.on('request', handler) })
  t.teardown(() => again.close())
  await again.register(typedWs)
  addRoutes(again)
  t.ok(await talks(await connect(t, `${await listen(again)}/typed`)), 'a second app may use it')
})

t.test('a server whose emit was replaced before and after the plugin keeps both', async (t) => {
  const app = Fastify()
  const { server } = app
  const first = server.emit.bind(server) as (...values: unknown[]) => boolean
  const mine = (...values: unknown[]): boolean => first(...values)
  server.emit = mine
  await app.register(typedWs)
  const ours = server.emit.bind(server) as (...values: unknown[]) => boolean
  await app.close()
  t.equal(server.emit, mine, 'the earlier one is back')
  const socket = new PassThrough()
  t.ok(ours('upgrade', {}, socket, Buffer.alloc(0)))
  t.ok(socket.destroyed, 'what still comes by ours is not held')
  t.notOk(ours('nothing'))
  const wrapped = Fastify()
  await wrapped.register(typedWs)
  const wrapper = wrapped.server.emit.bind(wrapped.server) as (...values: unknown[]) => boolean
  const later = (...values: unknown[]): boolean => wrapper(...values)
  wrapped.server.emit = later
  await wrapped.close()
  t.equal(wrapped.server.emit, later, 'the later one stays')
})
