// AsyncLocalStorage: every function of a connection runs in the context of its handshake, also when
// another connection caused the turn of the event loop.
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import fastifyRequestContext, { requestContext } from '@fastify/request-context'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type PluginOptions, type Socket } from '../../../lib/index.js'
import { connect, createApp, listen, maskedFrame, until, type Client, type Teardown } from '../../support/helper.js'
import { deferred } from '../../support/deferred.js'

declare module '@fastify/request-context' {
  interface RequestContextData { user: string }
}

const contract = defineContract({
  name: 'context.v1',
  clientToServer: {
    note: Type.Object({ text: Type.Optional(Type.String()) }),
    wait: Type.Object({}),
    fail: { request: Type.Object({}), reply: Type.Null() },
    poke: Type.Object({ user: Type.String() }),
    flood: Type.Object({ topic: Type.String() }),
    count: { request: Type.Object({}), stream: Type.Number() }
  },
  serverToClient: {
    item: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({}), reply: Type.Boolean() }
  },
  binary: { clientToServer: true }
})

type ContextSocket = Socket<typeof contract>

interface Seen {
  readonly where: string
  /** The user of the connection the function runs for. */
  readonly owner: string
  /** The user of the context it runs in. */
  readonly user: string | undefined
}

const bare = new AsyncLocalStorage<string>()
// ws then inflates the message of one connection in the turn of another.
const ONE_AT_A_TIME = { concurrencyLimit: 1 }

/** Users with a context each; every function of the route notes the context that it runs in. */
class Users {
  readonly app: FastifyInstance
  readonly seen: Seen[] = []
  readonly sockets = new Map<string, ContextSocket>()
  /** Lets the handlers of `wait` end. */
  readonly waiting = deferred()
  readonly #t: Teardown
  #url = ''

  constructor (t: Teardown, app: FastifyInstance) {
    this.#t = t
    this.app = app
  }

  static async start (t: Teardown, options: PluginOptions = {}): Promise<Users> {
    const users = new Users(t, await createApp(t, { heartbeat: false, shutdown: { timeoutMs: 300 }, ...options }))
    await users.#declare()
    return users
  }

  async connect (user: string, deflate = false): Promise<Client> {
    const client = await connect(this.#t, `${this.#url}/?user=${user}`, { perMessageDeflate: deflate && ONE_AT_A_TIME })
    await until(() => this.sockets.has(user))
    return client
  }

  /** Resolves once a function has noted its context. */
  async ran (where: string, owner: string, times = 1): Promise<void> {
    await until(() => this.seen.filter((one) => one.where === where && one.owner === owner).length >= times)
  }

  /** The functions that ran in another user's context, or in none. */
  get strangers (): Seen[] {
    return this.seen.filter(({ owner, user }) => user !== owner)
  }

  #note (where: string, socket: ContextSocket): void {
    const [user, other] = [bare.getStore(), requestContext.get('user')]
    this.seen.push({ where, owner: userOf(socket), user: user === other ? user : `${user} and ${other}` })
  }

  async #declare (): Promise<void> {
    await this.app.register(fastifyRequestContext)
    this.app.addHook('onRequest', (request, _reply, done) => {
      const { user } = request.query as { user: string }
      request.requestContext.set('user', user)
      done()
    })
    // The preHandler hook comes after preValidation, where @fastify/request-context enters its own
    // context again: on Node 24 that hides a context that an earlier hook entered.
    this.app.addHook('preHandler', (request, _reply, done) => bare.run((request.query as { user: string }).user, done))
    this.app.ws('/', {
      contract,
      open: async (socket) => {
        this.#note('open', socket)
        await socket.subscribe('all')
        this.#listen(socket)
        this.sockets.set(userOf(socket), socket)
      },
      on: {
        note: (_, socket) => this.#note('note', socket),
        wait: async (_, socket) => {
          this.#note('wait', socket)
          await this.waiting.promise
          this.#note('wait goes on', socket)
        },
        fail: async (_, socket) => {
          this.#note('fail', socket)
          throw new Error('as asked')
        },
        // Calls another connection, which makes that one read on.
        poke: async ({ user }, socket) => {
          this.#note('poke', socket)
          await this.sockets.get(user)!.call('confirm', {})
          this.#note('poke goes on', socket)
        },
        flood: async ({ topic }, socket) => {
          const text = 'x'.repeat(60_000)
          for (const other of this.sockets.values()) {
            while (other !== socket && other.bufferedAmount <= 100_000) {
              socket.publish(topic, 'item', { text })
              await turn()
            }
          }
          this.#note('flood', socket)
          await socket.drained()
        },
        count: (_, socket, { signal }) => {
          this.#note('count', socket)
          signal.addEventListener('abort', () => this.#note('signal of count', socket))
          return this.#numbers(socket)
        }
      },
      binary: (_, socket) => this.#note('binary', socket),
      errorHandler: (_, socket) => this.#note('errorHandler', socket),
      close: (socket) => {
        this.#note('close', socket)
        this.sockets.delete(userOf(socket))
      }
    })
    this.#url = await listen(this.app)
  }

  #listen (socket: ContextSocket): void {
    socket.signal.addEventListener('abort', () => this.#note('signal', socket))
    void socket.drained().then(() => this.#note('drained', socket))
  }

  async * #numbers (socket: ContextSocket): AsyncGenerator<number> {
    try {
      for (let n = 0; ; n++) {
        this.#note('next', socket)
        yield n
        await turn()
      }
    } finally {
      this.#note('return', socket)
    }
  }
}

function userOf (socket: ContextSocket): string {
  return (socket.request.query as { user: string }).user
}

t.test('open, handlers, binary, errorHandler, streams, signals and close run in the context of their handshake', async (t) => {
  const users = await Users.start(t)
  for (const user of ['ann', 'ben']) {
    const client = await users.connect(user)
    client.send({ type: 'note' })
    client.send(Buffer.from([1]))
    client.send({ type: 'fail', ref: 1 })
    client.send({ type: 'count', ref: 2 })
    await users.ran('next', user, 3)
    client.send({ type: '$cancel', ref: 2 })
    await users.ran('return', user)
    client.send({ type: 'count', ref: 3 })
    await users.ran('next', user, 6)
    client.ws.close()
    await users.ran('close', user)
    await users.ran('return', user, 2)
  }
  t.same(users.strangers, [])
  const functions = new Set(users.seen.map(({ where }) => where))
  t.same([...functions].sort(), [
    'binary', 'close', 'count', 'drained', 'errorHandler', 'fail', 'next', 'note', 'open', 'return', 'signal',
    'signal of count'
  ])
})

t.test('a message that waited while its client read nothing runs in its own context, not in another\'s', async (t) => {
  const users = await Users.start(t, { highWaterMarkBytes: 100_000, slowConsumer: 'drop' })
  const [ann, ben] = [await users.connect('ann'), await users.connect('ben')]
  ann.ws.pause()
  ben.send({ type: 'flood', topic: 'all' })
  await users.ran('flood', 'ben')
  ann.send({ type: 'note' })
  ann.send({ type: 'count', ref: 1 })
  await until(() => users.app.channel(contract).stats.queued === 2)
  ann.ws.resume()
  await users.ran('next', 'ann', 2)
  t.same(users.strangers, [])
})

t.test('a message that waited behind others runs in its own context, however many may run at once', async (t) => {
  for (const concurrency of [1, 3]) {
    const users = await Users.start(t, { concurrency, maxQueuedMessages: 4 })
    const [ann, ben] = [await users.connect('ann'), await users.connect('ben')]
    for (const client of [ann, ben]) for (let n = 0; n < 10; n++) client.send({ type: 'wait' })
    await until(() => [...users.sockets.values()].every(({ raw }) => raw.isPaused))
    users.waiting.resolve()
    for (const user of ['ann', 'ben']) await users.ran('wait goes on', user, 10)
    t.same(users.strangers, [])
  }
})

t.test('messages that are read because another handler calls their sender run in the sender\'s context', async (t) => {
  const users = await Users.start(t, { maxQueuedMessages: 1, concurrency: 2 })
  const [ann, ben] = [await users.connect('ann'), await users.connect('ben')]
  ann.send({ type: 'count', ref: 9 })
  await users.ran('next', 'ann', 2)
  // In one chunk: two run, one waits, and the rest is not looked at.
  const note = maskedFrame('{"type":"note"}')
  const cancel = maskedFrame('{"type":"$cancel","ref":9}')
  const wait = maskedFrame('{"type":"wait"}')
  ann.ws.on('message', (data: Buffer) => {
    if (!data.includes('confirm')) return
    users.waiting.resolve()
    ann.send({ type: '$reply', ref: 1, data: true })
  })
  const tcp = (ann.ws as unknown as { _socket: { write (bytes: Buffer): void } })._socket
  tcp.write(Buffer.concat([wait, note, wait, wait, cancel, note, note, note]))
  await until(() => users.sockets.get('ann')!.raw.isPaused)
  ben.send({ type: 'poke', user: 'ann' })
  await users.ran('poke goes on', 'ben')
  await users.ran('note', 'ann', 4)
  await users.ran('signal of count', 'ann')
  t.same(users.strangers, [])
})

t.test('fragmented and compressed messages, which ws reads, run in the context of their handshake', async (t) => {
  const users = await Users.start(t, { perMessageDeflate: { threshold: 0, ...ONE_AT_A_TIME } })
  for (const deflate of [false, true]) {
    const [ann, ben] = [await users.connect('ann', deflate), await users.connect('ben', deflate)]
    for (let n = 0; n < 30; n++) {
      for (const client of [ann, ben]) {
        client.ws.send('{"type":', { fin: false })
        client.ws.send('"note"}', { fin: true })
        client.send({ type: 'note', text: 'x'.repeat(2000) })
      }
    }
    for (const user of ['ann', 'ben']) await users.ran('note', user, deflate ? 120 : 60)
    for (const [user, client] of [['ann', ann], ['ben', ben]] as const) {
      await client.close()
      await until(() => !users.sockets.has(user))
    }
  }
  t.same(users.strangers, [])
})

t.test('close runs in the context of its handshake, whatever ends the connection', async (t) => {
  const users = await Users.start(t)
  const ends: Record<string, (user: string) => unknown> = {
    expires: (user) => { users.sockets.get(user)!.expiresAt = new Date(0) },
    terminated: (user) => users.sockets.get(user)!.terminate(),
    disconnected: async (user) => await bare.run('admin', async () => {
      return await users.app.channel(contract).disconnect((socket) => userOf(socket) === user)
    })
  }
  for (const [user, end] of Object.entries(ends)) {
    await users.connect(user)
    await end(user)
    await users.ran('close', user)
  }
  await users.connect('shutdown')
  await users.app.close()
  t.same(users.seen.filter(({ where }) => where === 'close').map(({ owner }) => owner), [...Object.keys(ends), 'shutdown'])
  t.same(users.strangers, [])
})

t.test('the predicate of disconnect runs in the context of its caller', async (t) => {
  const users = await Users.start(t)
  await users.connect('ann')
  const stores: unknown[] = []
  await bare.run('admin', async () => await users.app.channel(contract).disconnect(() => { stores.push(bare.getStore()); return false }))
  t.same(stores, ['admin'])
})

t.test('stores bound to message.received last for the whole stream, inside the context of the handshake', async (t) => {
  const messages = new AsyncLocalStorage<unknown>()
  const received = channel('fastify-typed-ws.message.received')
  received.bindStore(messages, (data) => (data as { message: { ref: number } }).message.ref)
  t.teardown(() => received.unbindStore(messages))
  const app = await createApp(t, { highWaterMarkBytes: 100_000, heartbeat: false, slowConsumer: 'drop' })
  const seen: string[] = []
  const note = (where: string): void => { seen.push(`${where} ${bare.getStore()} ${String(messages.getStore())}`) }
  const stream = defineContract({ name: 'stores.v1', clientToServer: { count: { request: Type.Object({}), stream: Type.String() } } })
  app.addHook('onRequest', (_request, _reply, done) => bare.run('ann', done))
  app.ws('/', {
    contract: stream,
    on: {
      async * count () {
        try {
          for (;;) {
            note('next')
            yield 'x'.repeat(50_000)
          }
        } finally {
          note('return')
        }
      }
    },
    close: () => note('close')
  })
  const client = await connect(t, await listen(app))
  client.ws.pause()
  client.send({ type: 'count', ref: 7 })
  // The generator stands at a yield then: it is told to end in the turn of another message.
  await until(() => app.channel(stream).stats.slowed === 1)
  await turn()
  client.send({ type: '$cancel', ref: 7 })
  await until(() => seen.some((one) => one.startsWith('return')))
  client.ws.terminate()
  await until(() => seen.some((one) => one.startsWith('close')))
  t.same([...new Set(seen)], ['next ann 7', 'return ann 7', 'close ann undefined'])
})
