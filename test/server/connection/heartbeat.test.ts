import { once } from 'node:events'
import type { Socket } from 'node:net'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import { defineContract, type CloseEvent, type PluginOptions } from '../../../lib/index.js'
import { Heartbeat, type HeartbeatMember } from '../../../lib/server/connection/heartbeat.js'
import { deferred } from '../../support/deferred.js'
import { fakeTime, pass as passBy } from '../../support/fake-time.js'
import { collectGarbage } from '../../support/gc.js'
import { certificate, connect, connectRaw, createApp, handshakeText, listen, maskedFrame, type Teardown } from '../../support/helper.js'

class Member implements HeartbeatMember {
  bytesRead = 0
  isRead = true
  begun = 0
  pings = 0
  isCut = false

  ping (): void {
    this.pings++
  }

  onDead (): void {
    this.isCut = true
  }
}

const SETTINGS = { intervalMs: 25_000, timeoutMs: 10_000 }

/** Lets time pass, one tick of the heartbeat after the other. */
async function pass (ms: number, eachTick?: () => void): Promise<void> {
  await passBy(ms, 500, eachTick)
}

t.test('every member is pinged once per interval, each at its own part of it', async (t) => {
  fakeTime(t, ['setInterval'])
  const heartbeat = new Heartbeat(SETTINGS)
  const members = Array.from({ length: 1000 }, () => new Member())
  for (const member of members) heartbeat.join(member)
  const pinged: number[] = []
  await pass(25_000, () => { pinged.push(members.filter(({ pings }) => pings > 0).length) })
  t.ok(members.every(({ pings }) => pings === 1))
  t.ok(pinged[24]! > 300 && pinged[24]! < 700, `${pinged[24]} of 1000 in the first half`)
})

t.test('a silent client is gone 36 s later at the latest', async (t) => {
  fakeTime(t, ['setInterval'])
  const heartbeat = new Heartbeat(SETTINGS)
  const members = Array.from({ length: 300 }, () => new Member())
  for (const member of members) heartbeat.join(member)
  await pass(60_000, () => { for (const member of members) member.bytesRead++ })
  t.ok(members.every(({ isCut }) => !isCut), 'as long as anything arrives nobody is')
  await pass(36_000)
  t.ok(members.every(({ isCut }) => isCut))
})

t.test('an event loop that was blocked cuts no client that answers as soon as it goes on', async (t) => {
  fakeTime(t, ['setInterval'])
  const heartbeat = new Heartbeat(SETTINGS)
  const members = Array.from({ length: 100 }, () => new Member())
  for (const member of members) heartbeat.join(member)
  await pass(30_000, () => { for (const member of members) member.bytesRead++ })
  // The due ones are judged a turn later: what waited in the sockets is read in between.
  for (let at = 0; at < 60_000; at += 500) {
    mock.timers.tick(500)
    for (const member of members) member.bytesRead++
    await turn()
  }
  t.ok(members.every(({ isCut }) => !isCut))
})

t.test('a connection that is not read stays as long as its messages are begun, and is cut when none is for two intervals', async (t) => {
  fakeTime(t, ['setInterval'])
  const heartbeat = new Heartbeat(SETTINGS)
  const busy = Object.assign(new Member(), { isRead: false })
  heartbeat.join(busy)
  for (let n = 0; n < 4; n++) {
    busy.begun++
    await pass(49_000)
  }
  t.notOk(busy.isCut, 'a handler may take longer than an interval')
  t.ok(busy.pings >= 7)
  await pass(86_000)
  t.ok(busy.isCut)
})

t.test('a connection that has ended is neither checked nor kept in memory', async (t) => {
  fakeTime(t, ['setInterval'])
  const heartbeat = new Heartbeat({ intervalMs: 500, timeoutMs: 60_000 })
  const cut: string[] = []
  const join = (name: string) => {
    const member: HeartbeatMember = { bytesRead: 0, isRead: true, begun: 0, ping () {}, onDead: () => cut.push(name) }
    return { gone: new WeakRef(member), entry: heartbeat.join(member) }
  }
  join('stays')
  const { gone, entry } = join('leaves')
  await pass(1000)
  heartbeat.leave(entry)
  await turn()
  collectGarbage()
  t.equal(gone.deref(), undefined)
  await pass(61_000)
  t.ok(cut.includes('stays') && !cut.includes('leaves'))
})

t.test('the heartbeat has one timer for all members, and none without members', async (t) => {
  fakeTime(t, ['setInterval'])
  const timers = mock.method(globalThis, 'setInterval')
  const heartbeat = new Heartbeat(SETTINGS)
  const members = Array.from({ length: 100 }, () => new Member())
  const entries = members.map((member) => heartbeat.join(member))
  t.equal(timers.mock.callCount(), 1)
  for (const entry of entries) heartbeat.leave(entry)
  for (const entry of entries) heartbeat.leave(entry)
  await pass(100_000)
  t.ok(members.every(({ pings }) => pings === 0))
  const last = new Member()
  heartbeat.join(last)
  await pass(25_000)
  t.equal(last.pings, 1, 'and it starts again')
  timers.mock.restore()
})

const talk = defineContract({ name: 'talk.v1', clientToServer: { say: Type.Object({}) } })

async function start (t: Teardown, options: PluginOptions, serverOptions = {}): Promise<{
  app: Awaited<ReturnType<typeof createApp>>
  url: string
  ended: Promise<CloseEvent>
  said: Promise<void>
}> {
  const app = await createApp(t, options, serverOptions)
  const said = deferred()
  const ended = new Promise<CloseEvent>((resolve) => {
    app.ws('/', { contract: talk, on: { say () { said.resolve() } }, close: (_, event) => resolve(event) })
  })
  return { app, url: await listen(app), ended, said: said.promise }
}

t.test('a client that answers nothing is cut: close runs with 1006', async (t) => {
  const { app, ended } = await start(t, { heartbeat: { intervalMs: 20, timeoutMs: 20 } })
  const client = await connectRaw(t, app)
  client.write(handshakeText(app, '/'))
  const closed = once(client, 'close')
  await once(client, 'data')
  client.resume()
  t.same(await ended, { code: 1006, reason: '', wasClean: false })
  await closed
  t.equal(app.channel(talk).size(), 0)
})

t.test('a client that answers pings, or sends anything at all, stays', async (t) => {
  for (const serverOptions of [{}, { https: certificate }]) {
    const { url, app } = await start(t, { heartbeat: { intervalMs: 20, timeoutMs: 200 } }, serverOptions)
    const client = await connect(t, url, { rejectUnauthorized: false })
    for (let i = 0; i < 15; i++) await once(client.ws, 'ping')
    t.equal(client.ws.readyState, 1)
    t.equal(app.channel(talk).size(), 1)
  }
  const { app } = await start(t, { heartbeat: { intervalMs: 20, timeoutMs: 200 } })
  const client = await connectRaw(t, app)
  client.write(handshakeText(app, '/'))
  for (let i = 0; i < 15; i++) {
    await once(client, 'data')
    client.write(maskedFrame('{"type":"say"}'))
  }
  t.equal(app.channel(talk).size(), 1)
})

t.test('a route without a heartbeat pings no client, and cuts none', async (t) => {
  const { url, app } = await start(t, { heartbeat: false })
  const client = await connect(t, url)
  const socket = app.channel(talk).sockets().next().value!
  const ping = mock.method(socket.raw, 'ping')
  await client.flushed()
  t.equal(ping.mock.callCount(), 0)
})

t.test('a connection that is closing is not pinged', async (t) => {
  const { app, url } = await start(t, { heartbeat: { intervalMs: 1, timeoutMs: 60_000 } })
  const client = await connectRaw(t, app)
  client.write(handshakeText(app, '/'))
  await once(client, 'data')
  const socket = app.channel(talk).sockets().next().value!
  socket.close()
  const ping = mock.method(socket.raw, 'ping')
  const other = await connect(t, url)
  for (let n = 0; n < 3; n++) await once(other.ws, 'ping')
  t.equal(socket.readyState, 2, 'the client has not answered the close frame')
  t.equal(ping.mock.callCount(), 0)
})

t.test('an injected connection, which counts no bytes, is not cut', async (t) => {
  const { app } = await start(t, { heartbeat: { intervalMs: 1, timeoutMs: 1 }, allowMissingOrigin: true })
  await app.ready()
  const ws = await app.injectWS('/')
  for (let n = 0; n < 10; n++) await once(ws, 'ping')
  t.equal(app.channel(talk).size(), 1)
  ws.terminate()
})

t.test('a client that vanishes is cut while its messages wait behind a handler that hangs, however many they are', async (t) => {
  for (const bytes of [2_000, 4_000_000]) {
    const app = await createApp(t, {
      heartbeat: { intervalMs: 20, timeoutMs: 20 },
      rateLimit: false,
      maxQueuedMessages: 4,
      shutdown: { timeoutMs: 100 }
    })
    app.ws('/', { contract: talk, on: { say: async () => await new Promise(() => {}) } })
    await listen(app)
    const client = await connectRaw(t, app)
    client.write(handshakeText(app, '/'))
    await once(client, 'data')
    // Not by once: bytes that were not read make it a reset.
    const closed = new Promise((resolve) => { client.once('close', resolve) })
    client.resume()
    const frame = maskedFrame('{"type":"say"}')
    client.write(Buffer.concat(Array.from({ length: bytes / frame.length }, () => frame)))
    await closed
    t.equal(app.channel(talk).size(), 0)
  }
})

t.test('a client that is paused for its many messages stays as long as it answers pings', async (t) => {
  const app = await createApp(t, { heartbeat: { intervalMs: 20, timeoutMs: 200 }, maxQueuedMessages: 4, shutdown: { timeoutMs: 100 } })
  let paused: () => boolean = () => false
  app.ws('/', {
    contract: talk,
    open: (socket) => { paused = () => socket.raw.isPaused },
    on: { say: async () => await new Promise(() => {}) }
  })
  const client = await connect(t, await listen(app))
  for (let n = 0; n < 20; n++) client.send({ type: 'say' })
  for (let n = 0; n < 30; n++) await once(client.ws, 'ping')
  t.ok(paused())
  t.equal(client.ws.readyState, 1)
})

function spyOn (socket: Socket): { mock: { calls: ReadonlyArray<{ arguments: unknown[] }> } } {
  return mock.method(socket, 'setKeepAlive')
}

t.test('TCP keep-alive looks for a client from the first time that it is not read, and not before', async (t) => {
  for (const heartbeat of [{ intervalMs: 20_000 }, false] as const) {
    const app = await createApp(t, { heartbeat })
    const spies: Array<ReturnType<typeof spyOn>> = []
    app.addHook('onRequest', async ({ raw: { socket } }) => { spies.push(spyOn(socket)) })
    const paused = deferred()
    app.ws('/', {
      contract: talk,
      on: {
        say (_, socket) {
          socket.raw.pause()
          paused.resolve()
        }
      }
    })
    const client = await connect(t, await listen(app))
    const calls = (): unknown[] => spies.flatMap(({ mock: { calls } }) => calls.map((call) => call.arguments))
    t.same(calls(), [], 'a handshake makes no system call for it')
    client.send({ type: 'say' })
    await paused.promise
    t.same(calls(), heartbeat === false ? [] : [[true, 20_000]])
  }
})
