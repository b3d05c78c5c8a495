import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import { WebSocket } from 'ws'
import { Type } from '@sinclair/typebox'
import { defineContract, type PluginOptions } from '../../../lib/index.js'
import { ConnectionLimit } from '../../../lib/server/handshake/connection-limit.js'
import { Random } from '../../fuzz/random.js'
import { hear } from '../../support/diagnostics.js'
import {
  connect, connectRaw, countSockets, createApp, handshakeText, listen, refused, until, type Client, type Teardown
} from '../../support/helper.js'

const talk = defineContract({ name: 'talk.v1', clientToServer: { say: Type.Object({}) } })

async function start (t: Teardown, options: PluginOptions, serverOptions = {}): Promise<{
  app: Awaited<ReturnType<typeof createApp>>
  url: string
}> {
  const app = await createApp(t, { shutdown: { timeoutMs: 300 }, ...options }, serverOptions)
  app.ws('/', { contract: talk, on: { say () {} } })
  app.ws('/refuses', { contract: talk, on: { say () {} }, onRequest: async (_, reply) => await reply.code(401).send('no') })
  app.ws('/fails', { contract: talk, on: { say () {} }, onRequest: async () => { throw new Error('the fault') } })
  app.ws('/hangs', { contract: talk, on: { say () {} }, onRequest: async () => await new Promise(() => {}) })
  return { app, url: await listen(app) }
}

t.test('a handshake past maxConnections is refused with 503, until a client leaves', async (t) => {
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

t.test('an address past maxConnectionsPerIp is refused with 429, and another one is not', async (t) => {
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

t.test('a place is freed however its handshake ends', async (t) => {
  const { app, url } = await start(t, { maxConnections: 3, handshakeTimeoutMs: 100 })
  for (let round = 0; round < 5; round++) {
    t.equal((await refused(`${url}/refuses`)).statusCode, 401)
    t.equal((await refused(`${url}/fails`)).statusCode, 500)
    t.equal((await refused(`${url}/hangs`)).statusCode, 503)
    const leaving = await connectRaw(t, app)
    leaving.write(handshakeText(app, '/hangs'))
    await until(async () => await countSockets(app) > 0)
    leaving.resetAndDestroy()
    const client = await connect(t, url)
    client.ws.terminate()
    await until(async () => await countSockets(app) === 0)
  }
  for (let i = 0; i < 3; i++) await connect(t, url)
  t.equal((await refused(url)).statusCode, 503)
})

t.test('a page of another origin takes no place', async (t) => {
  const { url } = await start(t, { maxConnections: 1 })
  for (let i = 0; i < 3; i++) t.equal((await refused(url, { origin: 'https://elsewhere.example' })).statusCode, 403)
  await connect(t, url)
})

t.test('an address that has all its places gets 429, even if the server is full', async (t) => {
  const { url } = await start(t, { maxConnections: 1, maxConnectionsPerIp: 1 })
  await connect(t, url)
  t.equal((await refused(url)).statusCode, 429)
})

t.test('a place is free as soon as its handshake is refused, before the client has read the refusal', async (t) => {
  const { app, url } = await start(t, { maxConnections: 1 })
  app.server.on('connection', (socket) => { t.teardown(() => socket.destroy()) })
  const client = await connectRaw(t, app)
  client.allowHalfOpen = true
  client.write(handshakeText(app, '/refuses'))
  await once(client, 'data')
  t.equal(await countSockets(app), 1, 'its socket is still there')
  await connect(t, url)
})

t.test('a client that leaves while its Origin is checked takes no place', async (t) => {
  let tell = (): void => {}
  let admit = (_answer: boolean): void => {}
  const { app, url } = await start(t, {
    maxConnections: 1,
    origin: (origin) => origin === 'http://slow.test' ? new Promise((resolve) => { tell(); admit = resolve }) : true
  }, { trustProxy: true })
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    const asked = new Promise<void>((resolve) => { tell = resolve })
    const leaving = await connectRaw(t, app)
    leaving.write(handshakeText(app, '/', { Origin: 'http://slow.test', 'X-Forwarded-For': '10.0.0.1' }))
    await asked
    leaving[leave]()
    await until(async () => await countSockets(app) === 0)
    admit(true)
    await turn()
    await turn()
    const client = await connect(t, url)
    client.ws.terminate()
    await until(async () => await countSockets(app) === 0)
  }
  t.pass('the place is free for the next client')
})

t.test('a handshake whose time is over takes no place', async (t) => {
  let admit = (_answer: boolean): void => {}
  const { app, url } = await start(t, {
    maxConnections: 1,
    handshakeTimeoutMs: 50,
    origin: (origin) => origin === 'http://slow.test' ? new Promise((resolve) => { admit = resolve }) : true
  })
  const client = await connectRaw(t, app)
  client.allowHalfOpen = true
  client.write(handshakeText(app, '/', { Origin: 'http://slow.test' }))
  await once(client, 'data')
  admit(true)
  await turn()
  await turn()
  await connect(t, url)
  t.pass('the place is free for the next client')
})

t.test('clients without an address count for maxConnections only', async (t) => {
  const app = await createApp(t, { maxConnections: 2, maxConnectionsPerIp: 1 })
  app.ws('/', { contract: talk, on: { say () {} } })
  const folder = mkdtempSync(join(tmpdir(), 'typed-ws-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  await app.listen({ path })
  const dial = `ws+unix:${path}:/`
  const headers = { host: 'localhost', origin: 'http://localhost' }
  for (let i = 0; i < 2; i++) {
    const ws = new WebSocket(dial, { headers })
    t.teardown(() => ws.terminate())
    await once(ws, 'open')
  }
  const ws = new WebSocket(dial, { headers })
  ws.on('error', () => {})
  const [, response] = await once(ws, 'unexpected-response') as [unknown, IncomingMessage]
  t.equal(response.statusCode, 503)
  response.resume()
})

t.test('every place is free after any mixture of endings', async (t) => {
  const random = new Random(20_261_124)
  const wait = async (): Promise<void> => { for (let n = random.below(4); n > 0; n--) await turn() }
  const limit = 4
  const app = await createApp(t, {
    maxConnections: limit,
    maxConnectionsPerIp: limit,
    handshakeTimeoutMs: 100,
    origin: async () => { await wait(); return true }
  })
  const endings: Record<string, (reply: FastifyReply) => unknown> = {
    accept: wait,
    refuse: async (reply) => { await wait(); return reply.code(401).send('no') },
    fail: async () => { await wait(); throw new Error('a fault') },
    redirect: (reply) => reply.redirect('/elsewhere'),
    hang: async () => await new Promise(() => {}),
    hijack: (reply) => { reply.hijack(); return new Promise(() => {}) },
    byHand: (reply) => { reply.hijack(); reply.raw.writeHead(418); reply.raw.end('short') },
    cut: (reply) => { reply.hijack(); reply.raw.socket?.destroy() }
  }
  const names = Object.keys(endings)
  for (const name of names) {
    app.ws(`/${name}`, {
      contract: talk,
      on: { say () {} },
      preHandler: async (_, reply) => { await endings[name]!(reply); return name === 'accept' ? undefined : reply }
    })
  }
  const url = await listen(app)
  for (let round = 0; round < 8; round++) {
    await Promise.all(Array.from({ length: 25 }, async () => {
      const client = await connectRaw(t, app)
      client.resume()
      const closed = once(client, 'close')
      const bad = random.chance(0.1) ? { 'Sec-WebSocket-Protocol': 'other' } : {}
      client.write(handshakeText(app, `/${random.pick(names)}`, bad))
      const leave = random.pick(['reset', 'end', 'answered'])
      if (leave === 'answered') await Promise.race([once(client, 'data'), closed])
      else await wait()
      if (leave === 'end') client.end()
      else client.resetAndDestroy()
      await closed
    }))
  }
  await until(async () => await countSockets(app) === 0)
  await turn()
  for (let i = 0; i < limit; i++) await connect(t, `${url}/accept`)
  t.equal((await refused(`${url}/accept`)).statusCode, 429)
})

t.test('a connection that has ended is not counted, however it began and ended', async (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(3), fc.boolean(), fc.boolean()), { maxLength: 60 }), (steps) => {
    const capacity = new ConnectionLimit(8, 4)
    const places: Array<() => void> = []
    for (const [ip, leaves, twice] of steps) {
      if (leaves) {
        const leave = places.shift()
        leave?.()
        if (twice) leave?.()
        continue
      }
      try {
        places.push(capacity.acquire(ip === 3 ? undefined : `10.0.0.${ip}`))
      } catch {}
      if (capacity.size !== places.length || capacity.size > 8) return false
    }
    for (const leave of places) leave()
    return capacity.size === 0 && capacity.addresses === 0
  }))
  t.pass()
})

t.test('a refused handshake is published and counted by its status', async (t) => {
  const told = hear(t, 'fastify-typed-ws.handshake.refused')
  const { app, url } = await start(t, { maxConnections: 1 })
  await refused(`${url}/refuses`)
  await refused(`${url}/fails`)
  await refused(url, { origin: 'https://elsewhere.example' })
  const client = await connect(t, url)
  const closed = once(client.ws, 'close')
  client.ws.terminate()
  await closed
  t.same(told.map(({ statusCode }) => statusCode), [401, 500, 403])
  t.match(told, [
    { contract: talk, error: undefined }, { error: { message: 'the fault' } },
    { error: { code: 'FST_TYPED_WS_ORIGIN_REFUSED' } }
  ])
  t.equal(told[0]!.request.url, '/refuses')
  t.strictSame(app.channel(talk).stats.handshakesRefused, { 401: 1, 500: 1, 403: 1 })
})

t.test('a refusal is published once, with the error of onSend too', async (t) => {
  const told = hear(t, 'fastify-typed-ws.handshake.refused')
  const app = await createApp(t)
  app.setErrorHandler((_error, _, reply) => reply.code(500).send({ mine: true }))
  let sendings = 0
  app.ws('/onSend', { contract: talk, on: { say () {} }, onSend: async () => { if (sendings++ === 0) throw new Error('in onSend') } })
  app.ws('/twice', {
    contract: talk,
    on: { say () {} },
    preHandler: async (_, reply) => {
      reply.hijack()
      reply.raw.writeHead(418)
      t.throws(() => reply.raw.writeHead(401), { code: 'ERR_HTTP_HEADERS_SENT' })
      reply.raw.end()
    }
  })
  const url = await listen(app)
  t.equal((await refused(`${url}/onSend`)).statusCode, 500)
  t.equal((await refused(`${url}/twice`)).statusCode, 418)
  t.match(told, { length: 2, 0: { statusCode: 500, error: { message: 'in onSend' } }, 1: { statusCode: 418, error: undefined } })
  t.strictSame(app.channel(talk).stats.handshakesRefused, { 500: 1, 418: 1 })
})

t.test('an IPv6 address counts by its first 64 bits, and an IPv4 address by all of them, in every notation', async (t) => {
  const same = [
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:DB8:1:2:3:4:5:6', '2001:db8:1:2::%eth0', '2001:0db8:0001:0002::127.0.0.1'],
    ['2001:db8:1:3::1', '2001:db8:1:3::2'],
    ['::1', '::2'],
    ['2001:db8::1', '2001:db8:0:0:1::'],
    ['10.0.0.1', '::ffff:10.0.0.1', '::FFFF:a00:1', '0:0:0:0:0:ffff:10.0.0.1'],
    ['10.0.0.2', '::ffff:10.0.0.2'],
    ['nonsense']
  ]
  for (const addresses of same) {
    for (const address of addresses) {
      const capacity = new ConnectionLimit(Number.POSITIVE_INFINITY, 1)
      for (const [first] of same.filter((other) => other !== addresses)) capacity.acquire(first)
      const leave = capacity.acquire(addresses[0])
      t.throws(() => capacity.acquire(address), { code: 'FST_TYPED_WS_TOO_MANY_CONNECTIONS_PER_IP' }, address)
      leave()
      t.doesNotThrow(() => capacity.acquire(address), address)
    }
  }
})
