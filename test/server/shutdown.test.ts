import { once } from 'node:events'
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { defineContract, type PluginOptions, type Socket } from '../../lib/index.js'
import {
  connect, connectRaw, countSockets, createApp, handshakeText, listen, Log, maskedFrame, until, type Teardown
} from '../support/helper.js'

// No test lasts so long: where this time has to pass, the test does not end.
const AMPLE_MS = 2_000_000

const echo = defineContract({
  name: 'echo.v1',
  clientToServer: {
    say: Type.Object({ text: Type.String() }),
    ask: { request: Type.Object({ n: Type.Number() }), reply: Type.Number() },
    count: { request: Type.Object({}), stream: Type.Number() }
  },
  serverToClient: { said: Type.Object({ text: Type.String() }) }
})

interface Started {
  readonly app: FastifyInstance
  readonly url: string
  /** The close codes of connections that have ended. */
  readonly ended: number[]
  /** The URLs of handshakes that hang. */
  readonly hanging: string[]
}

async function start (t: Teardown, options: PluginOptions = {}): Promise<Started> {
  const app = await createApp(t, { shutdown: { timeoutMs: AMPLE_MS }, ...options })
  const ended: number[] = []
  const hanging: string[] = []
  const hang = async ({ url }: FastifyRequest): Promise<void> => {
    hanging.push(url)
    await new Promise(() => {})
  }
  const on = {
    say: ({ text }: { text: string }, socket: Socket<typeof echo>) => socket.send('said', { text }),
    // Takes a few turns of the event loop.
    async ask ({ n }: { n: number }) {
      for (let i = 0; i < 20; i++) await turn()
      return n
    },
    async * count () {
      yield 1
      await new Promise(() => {})
    }
  }
  app.ws('/', { contract: echo, on, close: (_, { code }) => { ended.push(code) } })
  app.ws(
    '/stuck',
    { contract: echo, on: { ...on, ask: async () => await new Promise<never>(() => {}) }, close: (_, { code }) => { ended.push(code) } }
  )
  app.ws('/opening', { contract: echo, on, open: async () => await new Promise(() => {}) })
  app.ws('/hangs', { contract: echo, on, preHandler: hang })
  app.get('/raw', { websocket: true }, () => {})
  app.get('/raw-hangs', { websocket: true, preHandler: hang }, () => {})
  return { app, url: await listen(app), ended, hanging }
}

/** A client that was let in, and neither reads nor answers from then on. */
async function deaf (t: Teardown, app: FastifyInstance, path: string): Promise<void> {
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, path))
  await once(socket, 'data')
  socket.pause()
}

async function timed (run: () => Promise<unknown>): Promise<number> {
  const begun = Date.now()
  await run()
  return Date.now() - begun
}

t.test('clients are told to come back, and earlier messages arrive', async (t) => {
  const { app, url, ended } = await start(t)
  const clients = await Promise.all(Array.from({ length: 5 }, async () => await connect(t, url)))
  const closed = Promise.all(clients.map(async (client) => await client.closed()))
  for (const socket of app.channel(echo).sockets()) socket.send('said', { text: 'last' })
  await app.close()
  for (const { code, reason } of await closed) t.same([code, reason], [1012, 'retry-after-ms=0'])
  for (const client of clients) t.same(await client.next(), { type: 'said', text: 'last' })
  t.same(ended, [1012, 1012, 1012, 1012, 1012])
  t.equal(app.channel(echo).size(), 0)
})

t.test('handlers finish, and messages that wait are handled: no answer is lost', async (t) => {
  const { app, url } = await start(t)
  const clients = await Promise.all(Array.from({ length: 200 }, async () => await connect(t, url)))
  for (const client of clients) for (let n = 0; n < 3; n++) client.send({ type: 'ask', ref: n + 1, n })
  await until(() => app.channel(echo).stats.messagesReceived > 0)
  await app.close()
  for (const client of clients) {
    for (let n = 0; n < 3; n++) t.same(await client.next(), { type: '$reply', ref: n + 1, data: n })
    t.equal((await client.closed()).code, 1012)
  }
})

t.test('a connection whose handler, open or stream hangs gets its close frame all the same', async (t) => {
  const { app, url, ended } = await start(t, { shutdown: { timeoutMs: 500 } })
  const [stuck, opening, streaming] = [await connect(t, `${url}/stuck`), await connect(t, `${url}/opening`), await connect(t, url)]
  stuck.send({ type: 'ask', n: 1 })
  streaming.send({ type: 'count', ref: 1 })
  await streaming.next()
  await stuck.flushed()
  await app.close()
  for (const client of [stuck, opening, streaming]) t.equal((await client.closed()).code, 1012)
  t.ok(ended.every((code) => code === 1012))
})

t.test('clients are told to come back at different times', async (t) => {
  const { app, url } = await start(t, { shutdown: { spreadMs: 1000 } })
  const clients = await Promise.all(Array.from({ length: 50 }, async () => await connect(t, url)))
  await app.close()
  const waits = await Promise.all(clients.map(async (client) => Number(/^retry-after-ms=(\d+)$/.exec((await client.closed()).reason)?.[1])))
  t.ok(waits.every((ms) => ms >= 1 && ms <= 1000))
  t.ok(new Set(waits).size > 25)
})

t.test('the time to come back is never 0 ms, which would be no advice', async (t) => {
  const { app, url } = await start(t, { shutdown: { spreadMs: 1 } })
  const clients = await Promise.all(Array.from({ length: 50 }, async () => await connect(t, url)))
  await app.close()
  for (const client of clients) t.equal((await client.closed()).reason, 'retry-after-ms=1')
})

t.test('an app without connections closes at once, and one that never listened too', async (t) => {
  const { app } = await start(t)
  await app.close()
  t.notOk(app.server.listening)
  const other = await createApp(t, { shutdown: { timeoutMs: AMPLE_MS } })
  await other.close()
  t.notOk(other.server.listening)
})

t.test('clients that answer no close frame are cut after timeoutMs', async (t) => {
  const { app, url, ended } = await start(t, { shutdown: { timeoutMs: 300 } })
  await deaf(t, app, '/')
  const polite = await connect(t, url)
  const took = await timed(async () => await app.close())
  t.ok(took >= 290, `${took} ms`)
  t.equal((await polite.closed()).code, 1012)
  t.same(new Set(ended), new Set([1006, 1012]))
  t.equal(await countSockets(app), 0)
})

t.test('a client may answer the close frame late', async (t) => {
  const { app, ended } = await start(t)
  const slow = await connectRaw(t, app)
  slow.write(handshakeText(app, '/'))
  await once(slow, 'data')
  slow.once('data', () => setTimeout(() => { slow.write(maskedFrame(Buffer.from([1012 >> 8, 1012 & 255]), 0x88)) }, 1300))
  const took = await timed(async () => await app.close())
  t.ok(took >= 1290, `${took} ms`)
  t.same(ended, [1012])
})

t.test('a client that breaks the protocol during the close does not stop silent ones from being cut', async (t) => {
  const { app } = await start(t, { shutdown: { timeoutMs: 300 } })
  await deaf(t, app, '/')
  const rude = await connectRaw(t, app)
  rude.write(handshakeText(app, '/'))
  await once(rude, 'data')
  rude.once('data', () => rude.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])))
  const took = await timed(async () => await app.close())
  t.ok(took >= 290, `${took} ms`)
})

t.test('clients of raw routes are closed, and cut if they do not answer', async (t) => {
  const { app, url } = await start(t, { shutdown: { timeoutMs: 300 } })
  const polite = await connect(t, `${url}/raw`)
  await deaf(t, app, '/raw')
  const took = await timed(async () => await app.close())
  t.ok(took >= 290, `${took} ms`)
  t.equal((await polite.closed()).code, 1005)
})

t.test('pending handshakes are refused, and those of raw routes cut', async (t) => {
  const { app, hanging } = await start(t, { shutdown: { timeoutMs: 300 } })
  const typed = await connectRaw(t, app)
  typed.write(handshakeText(app, '/hangs'))
  const raw = await connectRaw(t, app)
  raw.resume()
  raw.write(handshakeText(app, '/raw-hangs'))
  await until(() => hanging.length === 2)
  const answer = once(typed, 'data')
  const took = await timed(async () => await app.close())
  t.match(String((await answer)[0]), /^HTTP\/1\.1 503 .*\r\nretry-after: 1\r\n.*FST_TYPED_WS_CLOSING/s)
  t.ok(took >= 290, `${took} ms`)
})

t.test('a hundred clients that leave while the app closes do no harm', async (t) => {
  const { app, url } = await start(t)
  const clients = await Promise.all(Array.from({ length: 100 }, async () => await connect(t, url)))
  const closed = app.close()
  for (const [n, client] of clients.entries()) if (n % 2 === 0) client.ws.terminate()
  await closed
  t.equal(app.channel(echo).size(), 0)
})

/** A database that knows when it is used after its end. */
class Database {
  isEnded = false
  readonly rows: string[] = []
  readonly late: string[] = []

  write (row: string): void {
    (this.isEnded ? this.late : this.rows).push(row)
    if (this.isEnded) throw new Error('the database has ended')
  }
}

/**
 * An app whose handlers write to a database that ends in `onClose`, each after what `pause`
 * resolves to.
 */
async function withDatabase (
  t: Teardown,
  pause: () => Promise<unknown>,
  options: PluginOptions = {}
): Promise<{ app: FastifyInstance, url: string, database: Database, log: Log, begun: string[] }> {
  const database = new Database()
  const begun: string[] = []
  const log = new Log()
  const app = await createApp(t, options, { logger: log.options })
  app.addHook('onClose', async () => { database.isEnded = true })
  const write = async (row: string): Promise<void> => {
    begun.push(row)
    await pause()
    database.write(row)
  }
  app.ws('/', {
    contract: echo,
    on: {
      say: async ({ text }) => await write(text),
      ask: async ({ n }) => {
        await write('ask')
        if (n < 0) throw new Error('as asked')
        return n
      },
      async * count () {
        try {
          for (;;) {
            yield 1
            await turn()
          }
        } finally {
          await write('finally')
        }
      }
    },
    close: async () => await write('close'),
    errorHandler: async () => await write('errorHandler')
  })
  app.ws(
    '/opening',
    {
      contract: echo,
      on: { say: async ({ text }) => await write(text), ask: () => 0, async * count () {} },
      open: async () => await write('open').catch(() => {}),
      close: async () => await write('close')
    }
  )
  app.ws('/refusing', {
    contract: echo,
    on: { say () {}, ask: () => 0, async * count () {} },
    open: async () => { throw new Error('as asked') },
    errorHandler: async () => await write('errorHandler')
  })
  return { app, url: await listen(app), database, log, begun }
}

t.test('an app that closes waits for the close handlers of clients that are there or have just left', async (t) => {
  for (const leaves of [false, true]) {
    const { app, url, database, log } = await withDatabase(t, async () => await delay(50))
    const client = await connect(t, url)
    if (leaves) {
      client.ws.terminate()
      await until(() => app.channel(echo).size() === 0)
    }
    await app.close()
    t.same(database, { isEnded: true, rows: ['close'], late: [] })
    t.same(log.find('websocket shutdown'), [])
  }
})

t.test('an app that closes waits for handlers, messages, streams and failures of a client that has just left', async (t) => {
  const { app, url, database } = await withDatabase(t, async () => await delay(20))
  const client = await connect(t, url)
  client.send({ type: 'count', ref: 1 })
  await client.next()
  client.send({ type: 'say', text: 'runs' })
  client.send({ type: 'say', text: 'waits' })
  client.send({ type: 'ask', ref: 2, n: -1 })
  await until(() => app.channel(echo).stats.queued === 2)
  client.ws.terminate()
  await until(() => app.channel(echo).size() === 0)
  t.match(app.channel(echo).stats, { connections: 0, running: 1, streams: 1 })
  await app.close()
  t.same(database.late, [])
  t.same(database.rows.sort(), ['ask', 'close', 'errorHandler', 'finally', 'runs', 'waits'])
  t.match(app.channel(echo).stats, { queued: 0, running: 0, streams: 0 })
})

t.test('an app that closes waits for an open that runs, and the errorHandler of one that failed', async (t) => {
  const { app, url, database, begun } = await withDatabase(t, async () => await delay(50))
  for (const path of ['/opening', '/refusing']) await connect(t, url + path)
  await until(() => begun.length === 2)
  await app.close()
  t.same(database.late, [])
  t.same(database.rows.sort(), ['close', 'errorHandler', 'open'])
})

t.test('the close handler of a client that has to be cut runs before the app has ended', async (t) => {
  const { app, database, log } = await withDatabase(t, async () => await delay(20), { shutdown: { timeoutMs: 300 } })
  await deaf(t, app, '/')
  await app.close()
  t.same(database, { isEnded: true, rows: ['close'], late: [] })
  t.same(log.find('websocket shutdown'), [])
})

t.test('a handler that never settles does not keep close from running before the app has ended', async (t) => {
  let n = 0
  const {
    app,
    url,
    database,
    log
  } = await withDatabase(t, async () => await (n++ === 0 ? new Promise(() => {}) : turn()), { shutdown: { timeoutMs: 1000 } })
  const gone = await connect(t, url)
  gone.send({ type: 'say', text: 'never' })
  await until(() => app.channel(echo).stats.running === 1)
  gone.ws.terminate()
  await until(() => app.channel(echo).size() === 0)
  const took = await timed(async () => await app.close())
  t.ok(took >= 990, `${took} ms`)
  t.same(database, { isEnded: true, rows: ['close'], late: [] })
  t.match(
    log.find('websocket shutdown'),
    [{ level: 40, connections: 1, open: 0, handlers: 1, queued: 0, streams: 0, errorHandlers: 0, close: 0 }]
  )
})

t.test('an app whose time is up logs in one line how much still runs, and begins no message', async (t) => {
  const hanging = new Set<() => void>()
  let isOver = false
  const {
    app,
    url,
    log,
    begun
  } = await withDatabase(
    t,
    async () => { if (!isOver) await new Promise<void>((resolve) => { hanging.add(resolve) }) },
    { shutdown: { timeoutMs: 1000 } }
  )
  const [busy, opening, refusing] = [await connect(t, url), await connect(t, `${url}/opening`), await connect(t, `${url}/refusing`)]
  busy.send({ type: 'count', ref: 1 })
  await busy.next()
  busy.send({ type: 'say', text: 'runs' })
  busy.send({ type: 'say', text: 'waits' })
  opening.send({ type: 'say', text: 'waits' })
  await until(() => begun.length === 3 && app.channel(echo).stats.queued === 2)
  await app.close()
  t.match(
    log.find('websocket shutdown'),
    [{ level: 40, connections: 3, open: 1, handlers: 1, queued: 1, streams: 1, errorHandlers: 1, close: 1 }]
  )
  t.same(begun.sort(), ['close', 'errorHandler', 'finally', 'open', 'runs'])
  isOver = true
  for (const resolve of hanging) resolve()
  await until(() => begun.filter((row) => row === 'close').length === 2)
  t.notOk(begun.includes('waits'))
  for (const client of [busy, opening, refusing]) t.equal((await client.closed()).code, 1012)
})
