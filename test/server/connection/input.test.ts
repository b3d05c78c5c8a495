// A stream that ends while its queue is full: what was read is handled, in order, and `close` gets
// the code that was sent.
import { once } from 'node:events'
import type { Socket as TcpSocket } from 'node:net'
import { mock } from 'node:test'
import { constants, deflateRawSync } from 'node:zlib'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type CloseEvent, type PluginOptions, type Socket } from '../../../lib/index.js'
import { connect, connectRaw, createApp, handshakeText, listen, maskedFrame, until, type Teardown } from '../../support/helper.js'
import { deferred } from '../../support/deferred.js'
import { fakeTime, turn } from '../../support/fake-time.js'

const counted = defineContract({
  name: 'counted.v1',
  clientToServer: { count: Type.Object({ n: Type.Number() }), wait: Type.Object({}) },
  serverToClient: { confirm: { request: Type.Object({}), reply: Type.Boolean() } },
  binary: { clientToServer: true }
})
type CountedSocket = Socket<typeof counted>

const MESSAGES = 150
const numbers = Array.from({ length: MESSAGES }, (_, n) => n)
const goodbye = maskedFrame(Buffer.concat([Buffer.from([4321 >> 8, 4321 & 0xff]), Buffer.from('bye')]), 0x88)

function deflated (text: string): Buffer {
  return deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
}

/** The ways a message can come. */
const forms: Readonly<Record<string, (n: number) => Buffer>> = {
  'text messages': (n) => maskedFrame(`{"type":"count","n":${n}}`),
  'binary messages': (n) => maskedFrame(String(n), 0x82),
  'messages in fragments': (n) => Buffer.concat([
    maskedFrame('{"type":"count",', 0x01),
    maskedFrame('', 0x00),
    maskedFrame(`"n":${n}}`, 0x80)
  ]),
  'compressed messages': (n) => maskedFrame(deflated(`{"type":"count","n":${n}}`), 0xc1)
}
const ends: Readonly<Record<string, (socket: TcpSocket) => void>> = {
  FIN: (socket) => { socket.end() },
  RST: (socket) => { socket.resetAndDestroy() }
}

interface Scene {
  readonly app: FastifyInstance
  readonly client: TcpSocket
  readonly socket: CountedSocket
  readonly handled: number[]
  readonly closed: Promise<CloseEvent>
}

/** A route whose handlers, or whose `open`, wait for `hold`, and a raw client on it. */
async function start (t: Teardown, hold: Promise<void>, place: 'open' | 'handlers', options: PluginOptions = {}): Promise<Scene> {
  const handled: number[] = []
  const closed = deferred<CloseEvent>()
  let socket: CountedSocket | undefined
  const handle = async (n: number): Promise<void> => {
    if (place === 'handlers') await hold
    handled.push(n)
  }
  const app = await createApp(t, { rateLimit: false, perMessageDeflate: true, shutdown: { timeoutMs: 300 }, ...options })
  app.ws('/', {
    contract: counted,
    async open (opened) { socket = opened; if (place === 'open') await hold },
    close: (_, event) => closed.resolve(event),
    on: { count: async ({ n }) => await handle(n), wait: async () => await hold },
    binary: async (data) => await handle(Number(data.toString()))
  })
  await listen(app)
  const client = await connectRaw(t, app)
  client.write(handshakeText(app, '/', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }))
  await once(client, 'data')
  client.resume()
  return { app, client, socket: socket!, handled, closed: closed.promise }
}

async function wasRead ({ app }: Scene, bytes: number): Promise<void> {
  await until(() => app.channel(counted).stats.bytesReceived >= bytes)
}

for (const [what, frameOf] of Object.entries(forms)) {
  for (const [how, end] of Object.entries(ends)) {
    for (const place of ['handlers', 'open'] as const) {
      const busy = place === 'open' ? 'open is pending' : 'a handler is busy'
      t.test(`${what} that were read before a ${how} are handled, the close frame too, while ${busy}`, async (t) => {
        const hold = deferred()
        const scene = await start(t, hold.promise, place)
        const before = scene.app.channel(counted).stats.bytesReceived
        const bytes = Buffer.concat([...numbers.map(frameOf), goodbye])
        scene.client.write(bytes)
        await wasRead(scene, before + bytes.length)
        await until(() => scene.app.channel(counted).stats.queued === 64)
        end(scene.client)
        await until(() => scene.socket.readyState !== scene.socket.raw.OPEN)
        t.ok(scene.app.channel(counted).stats.queued <= 64, 'no more wait than may')
        hold.resolve()
        t.same(await scene.closed, { code: 4321, reason: 'bye', wasClean: true })
        t.same(scene.handled, numbers)
      })
    }
  }
}

t.test('a handler that waits for the client is told of the end, though many messages wait behind it', async (t) => {
  const reasons: unknown[] = []
  const app = await createApp(t, { rateLimit: false })
  const done = deferred()
  let socket: CountedSocket | undefined
  app.ws('/', {
    contract: counted,
    open (opened) { socket = opened },
    close: () => done.resolve(),
    on: {
      async count (_, socket, { signal }) {
        if (reasons.length > 0) return
        reasons.push('called')
        await socket.call('confirm', {}).catch((error: { code: string }) => reasons.push(error.code, signal.aborted, socket.signal.aborted))
      },
      wait () {}
    },
    binary () {}
  })
  await listen(app)
  const client = await connectRaw(t, app)
  client.write(handshakeText(app, '/'))
  await once(client, 'data')
  client.resume()
  client.end(Buffer.concat(Array.from({ length: 700 }, (_, n) => forms['text messages']!(n))))
  await done.promise
  t.same(reasons, ['called', 'FST_TYPED_WS_CONNECTION_CLOSED', true, true])
  socket!.expiresAt = new Date(0)
  t.equal(socket!.expiresAt, undefined, 'nothing expires any more')
})

for (const code of [4321, 1006]) {
  t.test(`close runs with ${code} though a handler hangs, and the messages behind it are not handled`, async (t) => {
    const scene = await start(t, new Promise(() => {}), 'handlers')
    const bytes = Buffer.concat([...numbers.map(forms['text messages']!), ...code === 4321 ? [goodbye] : []])
    scene.client.write(bytes)
    await until(() => scene.app.channel(counted).stats.queued === 64)
    fakeTime(t, ['setTimeout'])
    scene.client.end()
    while (scene.socket.readyState === scene.socket.raw.OPEN) await new Promise(setImmediate)
    mock.timers.tick(5000)
    t.match(await scene.closed, { code })
  })
}

t.test('a connection whose messages ws inflates is not read: no more compressed messages wait than may', async (t) => {
  const hold = deferred()
  const scene = await start(t, hold.promise, 'handlers')
  const { app, client } = scene
  const many = Array.from({ length: 4000 }, (_, n) => n)
  client.write(Buffer.concat(many.map(forms['compressed messages']!)))
  await until(() => app.channel(counted).stats.queued === 64)
  // zlib works in order: when it has inflated the other client's later messages, it has also done
  // all of this client's.
  const other = await connect(
    t,
    `http://127.0.0.1:${(app.server.address() as { port: number }).port}`,
    { perMessageDeflate: { threshold: 0 } }
  )
  for (let n = 0; n < 3; n++) {
    other.send({ type: 'nothing' })
    await other.next()
  }
  t.match(app.channel(counted).stats, { queued: 64, messagesReceived: 64 + 1 + 3 })
  t.equal(scene.socket.raw.isPaused, true)
  hold.resolve()
  await until(() => scene.handled.length === 4000)
  t.same(scene.handled, many)
})

t.test('large messages wait up to maxQueuedBytes, and up to eight times that during a call of the server', async (t) => {
  const hold = deferred()
  const scene = await start(t, hold.promise, 'handlers', { maxQueuedBytes: 200_000 })
  const { app, client, socket } = scene
  const large = (n: number): Buffer => maskedFrame(`{"type":"count","n":${n},"value":[${'{},'.repeat(20_000)}{}]}`)
  client.write(Buffer.concat(numbers.map(large)))
  await until(() => app.channel(counted).stats.queued === 4 && socket.raw.isPaused)
  const asked = socket.call('confirm', {}, { timeoutMs: 60_000 })
  asked.catch(() => {})
  await until(() => app.channel(counted).stats.queued === 27)
  await until(() => socket.raw.isPaused)
  for (let turns = 0; turns < 50; turns++) await turn()
  t.equal(app.channel(counted).stats.queued, 27)
  hold.resolve()
  await until(() => scene.handled.length === MESSAGES)
  t.same(scene.handled, numbers)
})

t.test('a client that sends too many invalid messages behind a handler that hangs is closed after 5 s', async (t) => {
  const { app, client, closed } = await start(t, new Promise(() => {}), 'handlers')
  fakeTime(t, ['setTimeout'])
  client.write(Buffer.concat([maskedFrame('{"type":"wait"}'), ...Array.from({ length: 12 }, () => maskedFrame('x'))]))
  while (app.channel(counted).stats.queued < 10) await new Promise(setImmediate)
  mock.timers.tick(5000)
  let heard = ''
  while (!heard.includes('too many invalid messages')) heard += (await once(client, 'data') as [Buffer])[0].toString('latin1')
  t.match(heard, '\x03\xf0too many invalid messages', '1008')
  client.write(maskedFrame(Buffer.from([0x03, 0xf0]), 0x88))
  while (app.channel(counted).size() > 0) await new Promise(setImmediate)
  mock.timers.tick(5000)
  t.match(await closed, { code: 1008 })
})

/** Why the server hears nothing any more. */
const deafness: Readonly<Record<string, (scene: Scene) => void>> = {
  'is to be closed': ({ client }) => {
    client.write(Buffer.concat([maskedFrame('{"type":"wait"}'), ...Array.from({ length: 12 }, () => maskedFrame('x'))]))
  },
  'was told goodbye': ({ socket }) => socket.close()
}
for (const [what, make] of Object.entries(deafness)) {
  t.test(`a client that ${what} and goes on sending is cut: ignored input is not read without end`, async (t) => {
    const scene = await start(t, new Promise(() => {}), 'handlers')
    make(scene)
    const closed = new Promise((resolve) => scene.client.once('close', resolve))
    const frames = Buffer.concat(Array.from({ length: 64 }, () => maskedFrame(Buffer.alloc(16_000), 0x82)))
    const send = (error?: Error | null): void => { if (error == null) scene.client.write(frames, send) }
    send()
    await closed
    const { bytesReceived, messagesReceived } = scene.app.channel(counted).stats
    t.ok(bytesReceived < 18 * 1024 * 1024)
    t.ok(messagesReceived <= 13)
  })
}

t.test('a close frame behind ignored input is read', async (t) => {
  const { client, socket, closed } = await start(t, Promise.resolve(), 'handlers')
  const frames = Buffer.concat([
    ...numbers.map(forms['text messages']!),
    maskedFrame(Buffer.alloc(300), 0x82),
    maskedFrame(Buffer.from([0x0f, 0xa1]), 0x88)
  ])
  socket.close(4000)
  for (let at = 0; at < frames.length; at += 997) {
    client.write(frames.subarray(at, at + 997))
    await new Promise(setImmediate)
  }
  t.same(await closed, { code: 4001, reason: '', wasClean: true })
})
