// A fault in any function of the app's: the process lives, the client is told, the others notice
// nothing.
import t, { type Test } from 'tap'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type ChannelStats, type Socket } from '../../lib/index.js'
import { connect, createApp, listen, Log, refused, until, type Client } from '../support/helper.js'

const talk = defineContract({
  name: 'talk.v1',
  clientToServer: {
    tell: Type.Object({}),
    ask: { request: Type.Object({}), reply: Type.Object({ n: Type.Number() }) },
    count: { request: Type.Object({}), stream: Type.Number() }
  },
  serverToClient: { told: Type.Object({ n: Type.Number() }), prompt: { request: Type.Object({}), reply: Type.Number() } },
  binary: { clientToServer: true }
})

type Fault = () => unknown
/** The work of a function of the app. */
const faults: Readonly<Record<string, Fault>> = {
  throws: () => { throw new Error('the fault') },
  rejects: async () => await Promise.reject(new Error('the fault')),
  'throws nothing': () => { throw undefined }, // eslint-disable-line no-throw-literal
  'never settles': async () => await new Promise(() => {})
}

const INTERNAL = { type: '$error', statusCode: 500, code: 'FST_TYPED_WS_INTERNAL', message: 'Internal Server Error' }
const handlers = { tell () {}, ask: () => ({ n: 1 }), async * count () { yield 1 } }
const route = { contract: talk, on: handlers, binary () {} }

interface Place {
  /** A route with the fault in one place. */
  readonly routeWith: (fault: Fault) => object
  /** The client's part in meeting it. */
  readonly meet?: (client: Client) => void
  /**
   * Outcome for the client: the close code, its `$error`, the status of the refusal; nothing of a
   * fault that never settles.
   */
  readonly closed?: number
  readonly error?: object
  readonly status?: number
  readonly hangs?: { readonly status: number }
  /** Messages it sees before. */
  readonly passes?: readonly string[]
  /** Sees nothing whatever happens. */
  readonly isSilent?: boolean
  /** Goes on for ever, whatever its fault does. */
  readonly isEndless?: boolean
}

// A promise is no number; that it rejects is nobody's concern.
function quiet (value: unknown): unknown {
  Promise.resolve(value).catch(() => {})
  return value
}

const send = (message: object) => (client: Client) => client.send(message)
const hook = (name: string): Place => ({
  routeWith: (fault) => ({ ...route, [name]: async () => { await fault() } }),
  status: 500,
  hangs: { status: 503 }
})

const places: Readonly<Record<string, Place>> = {
  onRequest: hook('onRequest'),
  preValidation: hook('preValidation'),
  preHandler: hook('preHandler'),
  'the origin function': { routeWith: (origin) => ({ ...route, origin }), status: 500, hangs: { status: 503 } },
  open: { routeWith: (open) => ({ ...route, open }), closed: 1011 },
  'an event handler': {
    routeWith: (tell) => ({ ...route, on: { ...handlers, tell } }),
    meet: send({ type: 'tell' }),
    error: { ...INTERNAL, received: 'tell' }
  },
  'a call handler': {
    routeWith: (ask) => ({ ...route, on: { ...handlers, ask } }),
    meet: send({ type: 'ask', ref: 7 }),
    error: { ...INTERNAL, ref: 7, received: 'ask' }
  },
  'a stream': {
    routeWith: (fault) => ({
      ...route,
      on: { ...handlers, async * count () { await fault(); yield 1 } }
    }),
    meet: send({ type: 'count', ref: 7 }),
    error: { ...INTERNAL, ref: 7, received: 'count' }
  },
  'a stream\'s iterator': {
    routeWith: (next) => ({
      ...route,
      on: { ...handlers, count: () => ({ [Symbol.asyncIterator]: () => ({ next }) }) }
    }),
    meet: send({ type: 'count', ref: 7 }),
    error: { ...INTERNAL, ref: 7, received: 'count' }
  },
  binary: { routeWith: (binary) => ({ ...route, binary }), meet: (client) => client.send(Buffer.from([1])), error: INTERNAL },
  'a getter of the reply': {
    routeWith: (fault) => ({
      ...route,
      on: { ...handlers, ask: () => ({ get n () { return quiet(fault()) } }) }
    }),
    meet: send({ type: 'ask', ref: 7 }),
    error: { ...INTERNAL, ref: 7 }
  },
  errorHandler: {
    routeWith: (errorHandler) => ({
      ...route,
      errorHandler,
      on: { ...handlers, ask () { throw new Error('first') } }
    }),
    meet: send({ type: 'ask', ref: 7 }),
    error: { ...INTERNAL, ref: 7 }
  },
  close: { routeWith: (close) => ({ ...route, close }), meet: (client) => client.ws.close(), isSilent: true },
  'a stream\'s return': {
    routeWith: (fault) => ({
      ...route,
      on: { ...handlers, async * count () { try { yield 1; await new Promise(() => {}) } finally { await fault() } } }
    }),
    meet: (client) => { client.send({ type: 'count', ref: 7 }); client.ws.close() },
    isSilent: true,
    isEndless: true
  }
}

for (const [where, place] of Object.entries(places)) {
  for (const [what, fault] of Object.entries(faults)) {
    t.test(`a fault is contained: ${where} ${what}`, async (t) => {
      const app = await createApp(t, { handshakeTimeoutMs: 100, shutdown: { timeoutMs: 200 } }, { logger: new Log().options })
      app.ws('/', { ...route, contract: defineContract({ ...talk, name: 'other.v1' }) })
      app.ws('/fault', place.routeWith(fault) as never)
      const url = await listen(app)
      const other = await connect(t, url)
      await meet(t, `${url}/fault`, place, what === 'never settles')
      other.send({ type: 'ask', ref: 1 })
      t.same(await other.next(), { type: '$reply', ref: 1, data: { n: 1 } }, 'another connection goes on')
      await app.close()
      t.match(statsOf(app), { connections: 0, queued: 0, topics: 0 })
      const { running, streams } = statsOf(app)
      if (what === 'never settles' || place.isEndless === true) t.ok(running <= 1 && streams <= 1, 'what never ends is counted once')
      else t.same({ running, streams }, { running: 0, streams: 0 }, 'nothing runs any more')
    })
  }
}

async function meet (t: Test, url: string, place: Place, hangs: boolean): Promise<void> {
  const status = hangs ? place.hangs?.status : place.status
  if (status !== undefined) {
    t.equal((await refused(url)).statusCode, status)
    return
  }
  const client = await connect(t, url)
  place.meet?.(client)
  for (const type of hangs ? [] : place.passes ?? []) t.match(await client.next(), { type })
  if (place.isSilent === true) await client.closed()
  else if (!hangs && place.closed !== undefined) t.equal((await client.closed()).code, place.closed)
  else if (!hangs && place.error !== undefined) t.match(await client.next(), place.error)
  else if (place.meet !== undefined) await client.flushed()
}

/**
 * Values that may be thrown, and are worse than an error: to look at it, to log it or to make a
 * text of it may throw again, and that, too.
 */
function unreadable (): Readonly<Record<string, unknown>> {
  const fail = (): never => { throw hostile }
  const traps = Object.fromEntries([
    'get',
    'has',
    'getPrototypeOf',
    'ownKeys',
    'getOwnPropertyDescriptor',
    'isExtensible'
  ].map((trap) => [trap, fail]))
  const hostile: unknown = new Proxy({}, traps)
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const withGetter = (name: string): Error => Object.defineProperty(new Error('seen'), name, { get: fail, enumerable: true })
  const circle: { self?: unknown } = {}
  circle.self = circle
  return {
    'a Proxy that throws when it is looked at': hostile,
    'an Error behind such a Proxy': new Proxy(new Error('seen'), traps),
    'an AggregateError of one': new AggregateError([hostile, new Error('seen')], 'several'),
    'an AggregateError in another': new AggregateError([new AggregateError([hostile])]),
    'an Error caused by one': new Error('seen', { cause: hostile }),
    ...Object.fromEntries([
      'name', 'message', 'stack', 'code', 'statusCode', 'status', 'cause', 'errors', 'toString', 'headers'
    ].map((name) => [`an Error whose ${name} throws`, withGetter(name)])),
    'an Error whose message is no text': Object.assign(new Error('seen'), { message: hostile, statusCode: 404 }),
    'a revoked Proxy': revoked.proxy,
    'an object without a prototype': Object.create(null),
    'an object that makes no text': { toString: null, valueOf: null },
    'an object that makes no JSON': { toJSON: fail },
    'an object that is a circle': circle,
    'a symbol': Symbol('thrown'),
    'a function': fail,
    'a bigint': 1n,
    'a text': 'text',
    null: null
  }
}

/** Places where an error is not thrown but comes by, beside those above. */
const byways: Readonly<Record<string, Place>> = {
  'open, with an errorHandler that passes it on': {
    routeWith: (open) => ({ ...route, open, errorHandler: (error: unknown) => error }),
    closed: 1011
  },
  'errorHandler, by what it returns': {
    routeWith: (fault) => ({
      ...route,
      errorHandler: () => answerOf(fault),
      on: { ...handlers, ask () { throw new Error('first') } }
    }),
    meet: send({ type: 'ask', ref: 7 }),
    error: { ...INTERNAL, ref: 7 }
  },
  'a stream\'s next item': {
    routeWith: (fault) => ({
      ...route,
      on: { ...handlers, async * count () { yield 1; await fault() } }
    }),
    meet: (client) => { client.send({ type: 'count', ref: 7 }); client.ws.close() },
    isSilent: true
  },
  'a stream that cannot be opened': {
    routeWith: (fault) => ({
      ...route,
      on: { ...handlers, count: () => ({ get [Symbol.asyncIterator] () { return quiet(fault()) } }) }
    }),
    meet: send({ type: 'count', ref: 7 }),
    error: { ...INTERNAL, ref: 7 }
  },
  'a payload to be sent': {
    routeWith: (fault) => ({
      ...route,
      on: {
        ...handlers,
        ask: (_: unknown, socket: Socket<typeof talk>) => socket.send('told', { get n () { return quiet(fault()) as number } })
      }
    }),
    meet: send({ type: 'ask', ref: 7 }),
    error: { ...INTERNAL, ref: 7 }
  },
  'a payload to be published': {
    routeWith: (fault) => ({
      ...route,
      on: {
        ...handlers,
        ask: async (_: unknown, socket: Socket<typeof talk>) => socket.publish(
          'all',
          'told',
          { get n () { return quiet(fault()) as number } }
        )
      }
    }),
    meet: send({ type: 'ask', ref: 7 }),
    error: { ...INTERNAL, ref: 7 }
  },
  'the reason of an aborted call': {
    routeWith: (fault) => ({
      ...route,
      on: {
        ...handlers,
        async ask (_: unknown, socket: Socket<typeof talk>) {
          const controller = new AbortController()
          const answer = socket.call('prompt', {}, { signal: controller.signal })
          controller.abort(thrownBy(fault))
          return await answer
        }
      }
    }),
    meet: send({ type: 'ask', ref: 7 }),
    passes: ['prompt', '$cancel'],
    error: { ...INTERNAL, ref: 7 }
  },
  'a call that nothing awaits': {
    routeWith: (fault) => ({
      ...route,
      on: {
        ...handlers,
        tell: (_: unknown, socket: Socket<typeof talk>) => {
          void socket.call(
            'prompt',
            {},
            { signal: AbortSignal.abort(thrownBy(fault)) }
          )
        }
      }
    }),
    meet: send({ type: 'tell' })
  },
  'a request to disconnect that nothing awaits': {
    routeWith: (fault) => ({
      ...route,
      on: {
        ...handlers,
        tell: (_: unknown, { request: { server } }: Socket<typeof talk>) => {
          void server.channel(talk).disconnect(() => { void quiet(fault()); return false })
        }
      }
    }),
    meet: send({ type: 'tell' })
  }
}

// The error that a fault throws, or rejects with before long.
function thrownBy (fault: Fault): unknown {
  try {
    return quiet(fault())
  } catch (error) {
    return error
  }
}

function answerOf (fault: Fault): unknown {
  try {
    return fault()
  } catch (error) {
    return error
  }
}

// A hook's error is Fastify's to read: with many of these values a plain Fastify answers nothing at
// all.
const afterwards = Object.entries({ ...places, ...byways }).filter(([, { status }]) => status === undefined)

for (const [where, place] of afterwards) {
  t.test(`the server survives every value that ${where} can throw`, async (t) => {
    const log = new Log()
    const app = await createApp(t, { handshakeTimeoutMs: 60_000, shutdown: { timeoutMs: 200 } }, { logger: log.options })
    let fault: Fault = () => {}
    app.ws('/fault', place.routeWith(() => fault()) as never)
    const url = await listen(app)
    for (const [what, value] of Object.entries(unreadable())) {
      for (const one of [() => { throw value }, async () => { throw value }]) {
        fault = one
        t.comment(what)
        await meet(t, `${url}/fault`, place, false)
      }
    }
    await app.close()
    t.match(statsOf(app), { connections: 0, queued: 0, topics: 0 })
  })
}

function statsOf (app: FastifyInstance): ChannelStats {
  return app.channel(talk).stats
}

t.test('an error that cannot be read is handled like any other', async (t) => {
  const log = new Log()
  const app = await createApp(t, {}, { logger: log.options })
  const look = (): never => { throw new Error('do not look') }
  const errors = [
    ...[
      'statusCode',
      'message',
      'stack'
    ].map((name) => Object.defineProperty(Object.assign(new Error('seen'), { statusCode: 500 }), name, { get: look })),
    new Proxy(new Error('seen'), { get: look, getPrototypeOf: look })
  ]
  // Promises like any value: nobody waits for them.
  const promises = [Promise.resolve(5), Promise.reject(new Error('seen')), { then: look }]
  promises[1] = quiet(promises[1]) as Promise<never>
  let turn = 0
  const thrown = [...errors, ...promises]
  const ask = (): never => { throw thrown[turn++ % thrown.length] }
  app.ws('/', { ...route, on: { ...handlers, ask } })
  app.ws('/handled', { ...route, on: { ...handlers, ask }, errorHandler: (error: unknown) => error })
  app.ws('/later', { ...route, on: { ...handlers, ask }, errorHandler: async () => errors.at(-1) })
  const url = await listen(app)
  for (const path of ['/', '/handled', '/later']) {
    const client = await connect(t, url + path)
    for (let ref = 1; ref <= thrown.length; ref++) {
      client.send({ type: 'ask', ref })
      t.match(await client.next(), { ...INTERNAL, ref })
    }
  }
  t.equal(log.lines.filter(({ level }) => level === 50).length, thrown.length)
})

t.test('a thousand connections end, though their handlers never do', async (t) => {
  const app = await createApp(t, {}, { logger: new Log().options })
  app.ws(
    '/',
    {
      ...route,
      on: { ...handlers, ask: async () => await new Promise<never>(() => {}), async * count () { await new Promise(() => {}); yield 1 } }
    }
  )
  const url = await listen(app)
  for (let round = 0; round < 10; round++) {
    const clients = await Promise.all(Array.from({ length: 100 }, async () => await connect(t, url)))
    for (const [n, client] of clients.entries()) {
      client.send({ type: n % 2 === 0 ? 'ask' : 'count', ref: 1 })
      client.send({ type: 'tell' })
    }
    for (const client of clients) await client.flushed()
    for (const client of clients) client.ws.terminate()
    await until(() => app.channel(talk).size() === 0)
  }
  await until(() => statsOf(app).queued === 0)
  t.match(statsOf(app), { connections: 0, running: 1000, streams: 500, opened: 1000 })
})
