import { once } from 'node:events'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import { defineContract, type Diagnostics, type PluginOptions } from '../../lib/index.js'
import { Capacity } from '../../lib/server/capacity.js'
import { connect, connectRaw, countSockets, createApp, handshakeText, listen, refused, until, type Client, type Teardown } from '../helper.js'

const talk = defineContract({ name: 'talk.v1', clientToServer: { say: Type.Object({}) } })

async function start (t: Teardown, options: PluginOptions, serverOptions = {}): Promise<{ app: Awaited<ReturnType<typeof createApp>>, url: string }> {
  const app = await createApp(t, { shutdown: { timeoutMs: 300 }, ...options }, serverOptions)
  app.ws('/', { contract: talk, on: { say () {} } })
  app.ws('/refuses', { contract: talk, on: { say () {} }, onRequest: async (_, reply) => await reply.code(401).send('no') })
  app.ws('/fails', { contract: talk, on: { say () {} }, onRequest: async () => { throw new Error('the fault') } })
  app.ws('/hangs', { contract: talk, on: { say () {} }, onRequest: async () => await new Promise(() => {}) })
  return { app, url: await listen(app) }
}

t.test('past maxConnections a handshake is refused with 503, until somebody leaves', async (t) => {
  const { app, url } = await start(t, { maxConnections: 2 })
  const [first] = [await connect(t, url), await connect(t, url)] as [Client, Client]
  const refusal = await refused(url)
  t.equal(refusal.statusCode, 503)
  t.equal(refusal.headers['retry-after'], '1')
  t.match(JSON.parse(refusal.body), { code: 'FST_TYPED_WS_TOO_MANY_CONNECTIONS', statusCode: 503 })
  await first.close()
  await until(async () => await countSockets(app) === 1)
  await connect(t, url)
  t.equal(app.channel(talk).size(), 2)
})

t.test('past maxConnectionsPerIp an address is refused with 429, and another one is not', async (t) => {
  const { url } = await start(t, { maxConnectionsPerIp: 1 }, { trustProxy: true })
  const of = (ip: string) => ({ headers: { 'x-forwarded-for': ip } })
  await connect(t, url, of('10.0.0.1'))
  const refusal = await refused(url, of('::ffff:10.0.0.1'))
  t.equal(refusal.statusCode, 429)
  t.equal(refusal.headers['retry-after'], '1')
  t.match(JSON.parse(refusal.body), { code: 'FST_TYPED_WS_TOO_MANY_CONNECTIONS_PER_IP', statusCode: 429 })
  await connect(t, url, of('10.0.0.2'))
  await connect(t, url, of('2001:db8::1'))
})

t.test('a place is given back however its handshake ends', async (t) => {
  const { app, url } = await start(t, { maxConnections: 3, handshakeTimeoutMs: 100 })
  for (let round = 0; round < 5; round++) {
    t.equal((await refused(`${url}/refuses`)).statusCode, 401)
    t.equal((await refused(`${url}/fails`)).statusCode, 500)
    t.equal((await refused(`${url}/hangs`)).statusCode, 503)
    const peer = await connectRaw(t, app)
    peer.write(handshakeText(app, '/hangs'))
    await until(async () => await countSockets(app) > 0)
    peer.resetAndDestroy()
    const client = await connect(t, url)
    client.ws.terminate()
    await until(async () => await countSockets(app) === 0)
  }
  for (let i = 0; i < 3; i++) await connect(t, url)
  t.equal((await refused(url)).statusCode, 503)
})

t.test('a stranger\'s page takes nobody\'s place', async (t) => {
  const { url } = await start(t, { maxConnections: 1 })
  for (let i = 0; i < 3; i++) t.equal((await refused(url, { origin: 'https://elsewhere.example' })).statusCode, 403)
  await connect(t, url)
})

t.test('whatever comes and goes, nothing is counted in the end', async (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 60 }), (steps) => {
    const capacity = new Capacity(8, 4)
    const open: EventEmitter[] = []
    for (const [ip, leaves] of steps) {
      if (leaves) { open.shift()?.emit('close'); continue }
      const socket = new EventEmitter()
      try {
        capacity.take(`10.0.0.${ip}`, socket as unknown as Duplex)
        open.push(socket)
      } catch {}
      if (capacity.size !== open.length || capacity.size > 8) return false
    }
    for (const socket of open) socket.emit('close')
    return capacity.size === 0 && capacity.addresses === 0
  }))
  t.pass()
})

t.test('who has left while its Origin was looked at takes no place, and who has no address one as well', (t) => {
  const capacity = new Capacity(1, 1)
  capacity.take('10.0.0.1', Object.assign(new EventEmitter(), { destroyed: true }) as unknown as Duplex)
  t.equal(capacity.size, 0)
  const socket = new EventEmitter()
  capacity.take(undefined, socket as unknown as Duplex)
  t.equal(capacity.size, 1)
  socket.emit('close')
  t.equal(capacity.size, 0)
  t.end()
})

t.test('a refused handshake is told of, and counted by its status', async (t) => {
  const told: Array<Diagnostics['fastify-typed-ws.handshake.refused']> = []
  const listener = (message: unknown): void => { told.push(message as typeof told[number]) }
  subscribe('fastify-typed-ws.handshake.refused', listener)
  t.teardown(() => { unsubscribe('fastify-typed-ws.handshake.refused', listener) })
  const { app, url } = await start(t, { maxConnections: 1 })
  await refused(`${url}/refuses`)
  await refused(`${url}/fails`)
  await refused(url, { origin: 'https://elsewhere.example' })
  const client = await connect(t, url)
  const closed = once(client.ws, 'close')
  client.ws.terminate()
  await closed
  t.same(told.map(({ statusCode }) => statusCode), [401, 500, 403])
  t.match(told, [{ contract: talk, error: undefined }, { error: { message: 'the fault' } }, { error: { code: 'FST_TYPED_WS_ORIGIN_REFUSED' } }])
  t.equal(told[0]!.request.url, '/refuses')
  t.strictSame(app.channel(talk).stats.handshakesRefused, { 401: 1, 500: 1, 403: 1 })
})
