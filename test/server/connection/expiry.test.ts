import { mock } from 'node:test'
import jwt from '@fastify/jwt'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import { defineContract } from '../../../lib/index.js'
import { Expiry } from '../../../lib/server/connection/expiry.js'
import { fakeTime, NOW } from '../../support/fake-time.js'
import { connect, createApp, listen, until } from '../../support/helper.js'

t.test('an expiry fires at its moment, which may be moved and removed', (t) => {
  fakeTime(t)
  let ended = 0
  const expiry = new Expiry(() => { ended++ })
  t.equal(expiry.at, undefined)
  expiry.move(new Date(NOW + 1000))
  mock.timers.tick(900)
  expiry.move(new Date(NOW + 2000))
  t.same(expiry.at, new Date(NOW + 2000))
  mock.timers.tick(1000)
  t.equal(ended, 0)
  expiry.move(undefined)
  mock.timers.tick(5000)
  t.equal(ended, 0)
  expiry.move(new Date(NOW))
  mock.timers.tick(1)
  t.equal(ended, 1, 'what is over already ends at once')
  expiry.move(new Date(NOW + 60_000))
  expiry.stop()
  mock.timers.tick(60_000)
  t.equal(ended, 1)
  t.end()
})

t.test('an expiry further away than a timer can hold is waited for in parts', (t) => {
  fakeTime(t)
  let ended = 0
  const expiry = new Expiry(() => { ended++ })
  const yearMs = 365 * 24 * 3600 * 1000
  expiry.move(new Date(NOW + yearMs))
  for (let days = 0; days < 364; days++) mock.timers.tick(yearMs / 365)
  t.equal(ended, 0)
  mock.timers.tick(yearMs / 365)
  t.equal(ended, 1)
  t.end()
})

t.test('a value that is no date is refused by name', (t) => {
  const expiry = new Expiry(() => {})
  for (const at of [new Date(Number.NaN), NOW, '2026-01-01', null]) {
    t.throws(() => expiry.move(at as Date), { code: 'FST_TYPED_WS_INVALID_EXPIRES_AT' })
  }
  t.end()
})

const session = defineContract({
  name: 'session.v1',
  clientToServer: {
    work: { request: Type.Object({}), reply: Type.String() },
    renew: { request: Type.Object({ token: Type.String() }), reply: Type.Boolean() }
  }
})

t.test('a token that expires closes its connection with 4401 unless renewed in time, even while a handler hangs', async (t) => {
  const app = await createApp(t)
  await app.register(jwt, { secret: 'not a secret' })
  const ending = (token: string): Date => new Date(app.jwt.verify<{ exp: number }>(token).exp * 1000)
  app.ws('/', {
    contract: session,
    schema: { querystring: Type.Object({ token: Type.String() }) },
    open (socket) { socket.expiresAt = ending((socket.request.query as { token: string }).token) },
    on: {
      work: async () => await new Promise<never>(() => {}),
      renew ({ token }, socket) {
        socket.expiresAt = ending(token)
        return true
      }
    },
    refresh: 'renew'
  })
  const url = await listen(app)
  const tokenFor = (seconds: number) => app.jwt.sign({}, { expiresIn: seconds })
  const client = await connect(t, `${url}/?token=${tokenFor(60)}`)
  client.send({ type: 'work', ref: 1 })
  client.send({ type: 'renew', ref: 2, token: tokenFor(3600) })
  t.same(await client.next(), { type: '$reply', ref: 2, data: true })
  const socket = app.channel(session).sockets().next().value!
  t.ok(socket.expiresAt!.getTime() > Date.now() + 1000_000)
  client.send({ type: 'renew', ref: 3, token: 'forged' })
  t.match(await client.next(), { type: '$error', ref: 3 })
  socket.expiresAt = new Date(Date.now() + 10)
  t.same(await client.closed(), { code: 4401, reason: 'credentials expired' })
  await until(() => app.channel(session).size() === 0)
  socket.expiresAt = new Date(Date.now() + 1000)
  t.notOk(socket.expiresAt!.getTime() > Date.now() + 1000, 'what has ended does not end again')
})

t.test('a connection without expiresAt does not expire', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: session, on: { work: () => 'done', renew: () => true } })
  await connect(t, await listen(app))
  t.equal(app.channel(session).sockets().next().value!.expiresAt, undefined)
})
