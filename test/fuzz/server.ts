// A server with every kind of handler, for the hostile to find.
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { FormatRegistry, Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type ReceivedBinaryEvent, type SharedOptions, type Socket } from '../../lib/index.js'
import { createApp, type Teardown } from '../support/helper.js'

export const MAX_PAYLOAD_BYTES = 16_384

const Text = Type.String({ maxLength: 400 })

// A check of the app's own that is broken: it throws on one text.
FormatRegistry.Set('fragile', (text) => {
  if (text === 'boom') throw new Error('the check is broken')
  return true
})
const Fragile = Type.String({ maxLength: 400, format: 'fragile' })

export const fuzz = defineContract({
  name: 'fuzz.v1',
  clientToServer: {
    note: Type.Object({ text: Type.String({ maxLength: MAX_PAYLOAD_BYTES }) }, { additionalProperties: false }),
    join: Type.Object({ topic: Text }),
    leave: Type.Object({ topic: Text }),
    image: { payload: Type.Object({ text: Fragile }), binary: true },
    add: { request: Type.Object({ a: Type.Number(), b: Type.Number() }), reply: Type.Number() },
    later: { request: Type.Object({ text: Text }), reply: Text },
    fail: { request: Type.Object({ how: Type.String({ maxLength: 20 }) }), reply: Type.Null() },
    count: {
      request: Type.Object({ to: Type.Integer({ minimum: 0, maximum: 100 }), how: Type.String({ maxLength: 20 }) }),
      stream: Type.Integer()
    },
    ask: { request: Type.Object({ text: Text }), reply: Type.Boolean() },
    check: { request: Type.Object({ text: Fragile }), reply: Fragile },
    renew: {
      request: Type.Object({ inMs: Type.Optional(Type.Number()), pad: Type.Optional(Type.String({ maxLength: MAX_PAYLOAD_BYTES })) }),
      reply: Type.Object({ expiresAt: Type.Number(), pad: Type.Optional(Type.String()) })
    },
    any: { request: Type.Object({ value: Type.Unknown() }), reply: Type.Unknown() }
  },
  serverToClient: {
    note: Type.Object({ text: Type.String() }),
    image: { payload: Type.Object({ text: Text }), binary: true },
    confirm: { request: Type.Object({ text: Text }), reply: Type.Boolean() },
    spell: { request: Type.Object({ text: Text }), reply: Fragile }
  },
  binary: { clientToServer: true, serverToClient: true }
})

type FuzzSocket = Socket<typeof fuzz>
type Fail = (socket: FuzzSocket) => unknown

const CALL_TIMEOUT_MS = 50
// Long enough for every client that answers.
const PATIENT_TIMEOUT_MS = 2000
const STUBBORN_MS = 50
const MAX_STREAMS = 32
const MAX_STREAMS_WIDE = 4
const HIGH_WATER_MARK_WIDE = 8192
// Each handler and each stream that had begun may send one more answer.
const MAX_BEYOND_MARK = 256 * 1024
const HOUR_MS = 3_600_000

/** Counts of the handlers' work, and the faults that were seen. */
export interface Tally {
  open: number
  closed: number
  /** Handlers that have begun and not ended. */
  running: number
  /** Generators that have begun and not ended. */
  generators: number
  /** The outcomes of the server's own calls: `answered`, or the code of the error. */
  readonly calls: Record<string, number>
  /** Things that no server may do, whatever it is sent. */
  readonly faults: Set<string>
}

const failures: Readonly<Record<string, Fail>> = {
  throw () { throw new Error('thrown') },
  async reject () { await turn(); throw new Error('rejected') },
  client () { throw Object.assign(new Error('the client\'s'), { statusCode: 418, code: 'TEAPOT' }) },
  // eslint-disable-next-line no-throw-literal -- so would a careless handler
  nothing () { throw undefined },
  answer: () => 'not null',
  proxy () { throw unreadable() },
  aggregate () { throw new AggregateError([unreadable()], 'some') },
  null: () => null,
  frozen () { throw Object.freeze(Object.assign(new Error('frozen'), { statusCode: 400 })) }
}

// An error that throws whatever is done with it.
function unreadable (): Error {
  const refuse = (): never => { throw new Error('not to be looked at') }
  return new Proxy(
    new Error('hidden'),
    { get: refuse, has: refuse, getPrototypeOf: refuse, ownKeys: refuse, getOwnPropertyDescriptor: refuse }
  )
}

/**
 * The server's routes: `/main` handles messages one by one, `/wide` several at once, `/plain` has
 * the defaults, `/canary` is for the well-behaved client.
 */
export async function startServer (t: Teardown, perMessageDeflate: boolean): Promise<{ app: FastifyInstance, tally: Tally }> {
  const tally: Tally = { open: 0, closed: 0, running: 0, generators: 0, calls: {}, faults: new Set() }
  const app = await createApp(
    t,
    { maxPayloadBytes: MAX_PAYLOAD_BYTES, perMessageDeflate, heartbeat: { intervalMs: 100, timeoutMs: 60_000 } },
    { forceCloseConnections: true }
  )
  const open: SharedOptions = { rateLimit: false, maxInvalidMessages: Number.MAX_SAFE_INTEGER, slowTimeoutMs: 100 }
  app.ws('/main', { contract: fuzz, ...open, highWaterMarkBytes: 65_536, ...handlersOf(tally) })
  app.ws('/wide', {
    contract: fuzz,
    ...open,
    concurrency: 8,
    maxStreams: MAX_STREAMS_WIDE,
    slowConsumer: 'drop',
    highWaterMarkBytes: HIGH_WATER_MARK_WIDE,
    ...handlersOf(tally, MAX_STREAMS_WIDE)
  })
  app.ws('/plain', { contract: fuzz, ...handlersOf(tally) })
  app.ws('/canary', { contract: fuzz, rateLimit: false, ...handlersOf(tally) })
  return { app, tally }
}

function handlersOf (tally: Tally, maxStreams: number = MAX_STREAMS) {
  const live = new WeakMap<FuzzSocket, number>()
  return {
    refresh: 'renew' as const,
    async open (socket: FuzzSocket) {
      tally.open++
      await turn()
      if (!socket.request.url.startsWith('/canary')) await socket.subscribe(`all-${tally.open % 4}`)
    },
    close () {
      tally.closed++
      if (tally.closed % 7 === 0) throw new Error('close failed')
    },
    binary: (data: Buffer, socket: FuzzSocket) => { socket.sendBinary(data) },
    on: {
      note ({ text }: { text: string }, socket: FuzzSocket) {
        for (const topic of socket.topics) socket.publish(topic, 'note', { text: text.slice(0, 100) })
      },
      join: async ({ topic }: { topic: string }, socket: FuzzSocket) => await socket.subscribe(topic),
      leave: ({ topic }: { topic: string }, socket: FuzzSocket) => socket.unsubscribe(topic),
      image ({ text }: { text: string }, socket: FuzzSocket, { binary }: ReceivedBinaryEvent) {
        if (!Buffer.isBuffer(binary)) tally.faults.add('an event without its bytes reached its handler')
        socket.sendBinary('image', { text }, binary.length % 8 > 0 ? binary : new Blob([Uint8Array.from(binary)]))
      },
      add: ({ a, b }: { a: number, b: number }) => a + b,
      later: async ({ text }: { text: string }) => await counted(tally, async () => {
        await turn()
        return text
      }),
      fail: ({ how }: { how: string }, socket: FuzzSocket) => failures[how]?.(socket) as null,
      count ({ to, how }: { to: number, how: string }, socket: FuzzSocket) {
        if (how === 'none') return undefined as never
        if (how === 'deaf') return deaf()
        if (how !== 'stubborn') return generate(tally, to, how)
        const count = (change: 1 | -1): void => {
          live.set(socket, (live.get(socket) ?? 0) + change)
          if (live.get(socket)! > maxStreams) tally.faults.add('more generators live than maxStreams admits')
        }
        return stubborn(tally, count)
      },
      ask: async ({ text }: { text: string }, socket: FuzzSocket) => await counted(
        tally,
        () => called(tally, socket.call('confirm', { text }, { timeoutMs: timeoutOf(text) }))
      ),
      check: async ({ text }: { text: string }, socket: FuzzSocket) => await counted(
        tally,
        () => called(tally, socket.call('spell', { text }, { timeoutMs: timeoutOf(text) }))
      ),
      renew ({ inMs = HOUR_MS, pad }: { inMs?: number, pad?: string }, socket: FuzzSocket) {
        if (socket.bufferedAmount > HIGH_WATER_MARK_WIDE + MAX_BEYOND_MARK &&
socket.request.url === '/wide') tally.faults.add('more waits for a client than highWaterMarkBytes admits')
        const expiresAt = Date.now() + inMs
        socket.expiresAt = new Date(expiresAt)
        return { expiresAt, ...(pad !== undefined && { pad }) }
      },
      any: ({ value }: { value?: unknown }) => value
    }
  }
}

function timeoutOf (text: string): number {
  return text === 'wait' ? PATIENT_TIMEOUT_MS : CALL_TIMEOUT_MS
}

async function called<T> ({ calls }: Tally, call: Promise<T>): Promise<T> {
  try {
    const answer = await call
    calls['answered'] = (calls['answered'] ?? 0) + 1
    return answer
  } catch (error) {
    const { code } = error as { code: string }
    calls[code] = (calls[code] ?? 0) + 1
    throw error
  }
}

async function counted<T> (tally: Tally, work: () => Promise<T>): Promise<T> {
  tally.running++
  try {
    return await work()
  } finally {
    tally.running--
  }
}

async function * generate (tally: Tally, to: number, how: string): AsyncGenerator<number> {
  tally.generators++
  try {
    for (let n = 1; how === 'endless' || n <= to; n++) {
      if (how === 'slow') await delay(1)
      if (how === 'endless') await delay(5)
      if (how === 'throw' && n === 3) throw new Error('thrown by a generator')
      yield how === 'answer' && n === 2 ? 0.5 : n
    }
  } finally {
    tally.generators--
  }
}

// A source that takes its time to end.
function stubborn (tally: Tally, count: (change: 1 | -1) => void): AsyncIterable<number> {
  tally.generators++
  count(1)
  let n = 0
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => { await delay(5); return { done: false, value: ++n } },
      async return () {
        await delay(STUBBORN_MS)
        tally.generators--
        count(-1)
        return { done: true, value: undefined }
      }
    })
  }
}

// A source that cannot be told to end, and fails when it is.
function deaf (): AsyncIterable<number> {
  let n = 0
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => { await delay(2); return { done: false, value: ++n } },
      return: async () => { throw new Error('did not want to end') }
    })
  }
}
