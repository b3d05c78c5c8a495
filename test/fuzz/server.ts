// A server with every kind of handler, for the hostile to find.
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type SharedOptions, type Socket } from '../../lib/index.js'
import { createApp, type Teardown } from '../support/helper.js'

export const MAX_PAYLOAD_BYTES = 16_384

const Text = Type.String({ maxLength: 400 })

export const fuzz = defineContract({
  name: 'fuzz.v1',
  clientToServer: {
    note: Type.Object({ text: Type.String({ maxLength: MAX_PAYLOAD_BYTES }) }, { additionalProperties: false }),
    join: Type.Object({ topic: Text }),
    leave: Type.Object({ topic: Text }),
    add: { request: Type.Object({ a: Type.Number(), b: Type.Number() }), reply: Type.Number() },
    later: { request: Type.Object({ text: Text }), reply: Text },
    fail: { request: Type.Object({ how: Type.String({ maxLength: 20 }) }), reply: Type.Null() },
    count: { request: Type.Object({ to: Type.Integer({ minimum: 0, maximum: 100 }), how: Type.String({ maxLength: 20 }) }), stream: Type.Integer() },
    ask: { request: Type.Object({ text: Text }), reply: Type.Boolean() },
    renew: { request: Type.Object({}), reply: Type.Null() },
    any: { request: Type.Object({ value: Type.Unknown() }), reply: Type.Unknown() }
  },
  serverToClient: {
    note: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({ text: Text }), reply: Type.Boolean() }
  },
  binary: { clientToServer: true, serverToClient: true }
})

type FuzzSocket = Socket<typeof fuzz>
type Fail = (socket: FuzzSocket) => unknown

const CALL_TIMEOUT_MS = 50
const HOUR_MS = 3_600_000

/** What goes on in the handlers, and has. */
export interface Tally {
  open: number
  closed: number
  /** Handlers that have begun and not ended. */
  running: number
  /** Generators that have begun and not ended. */
  generators: number
  /** What became of the server's own calls: `answered`, or the code of the error. */
  readonly calls: Record<string, number>
}

const failures: Readonly<Record<string, Fail>> = {
  throw () { throw new Error('thrown') },
  async reject () { await turn(); throw new Error('rejected') },
  client () { throw Object.assign(new Error('the client\'s'), { statusCode: 418, code: 'TEAPOT' }) },
  // eslint-disable-next-line no-throw-literal -- so would a careless handler
  nothing () { throw undefined },
  answer: () => 'not null',
  null: () => null,
  frozen () { throw Object.freeze(Object.assign(new Error('frozen'), { statusCode: 400 })) }
}

/** The server's routes: `/main` one by one, `/wide` at once, `/plain` by the defaults, `/canary` for whoever behaves. */
export async function startServer (t: Teardown, perMessageDeflate: boolean): Promise<{ app: FastifyInstance, tally: Tally }> {
  const tally: Tally = { open: 0, closed: 0, running: 0, generators: 0, calls: {} }
  const app = await createApp(t, { maxPayloadBytes: MAX_PAYLOAD_BYTES, perMessageDeflate, heartbeat: { intervalMs: 100, timeoutMs: 60_000 } }, { forceCloseConnections: true })
  const open: SharedOptions = { rateLimit: false, maxInvalidMessages: Number.MAX_SAFE_INTEGER, slowTimeoutMs: 100 }
  app.ws('/main', { contract: fuzz, ...open, highWaterMarkBytes: 65_536, ...handlersOf(tally) })
  app.ws('/wide', { contract: fuzz, ...open, concurrency: 8, maxStreams: 4, slowConsumer: 'drop', highWaterMarkBytes: 8192, ...handlersOf(tally) })
  app.ws('/plain', { contract: fuzz, ...handlersOf(tally) })
  app.ws('/canary', { contract: fuzz, rateLimit: false, ...handlersOf(tally) })
  return { app, tally }
}

function handlersOf (tally: Tally) {
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
      add: ({ a, b }: { a: number, b: number }) => a + b,
      later: async ({ text }: { text: string }) => await counted(tally, async () => {
        await turn()
        return text
      }),
      fail: ({ how }: { how: string }, socket: FuzzSocket) => failures[how]?.(socket) as null,
      count ({ to, how }: { to: number, how: string }) {
        if (how === 'none') return undefined as never
        if (how === 'deaf') return deaf()
        return generate(tally, to, how)
      },
      ask: async ({ text }: { text: string }, socket: FuzzSocket) => await counted(tally, () => confirm(tally, text, socket)),
      renew (_: object, socket: FuzzSocket) {
        socket.expiresAt = new Date(Date.now() + HOUR_MS)
        return null
      },
      any: ({ value }: { value?: unknown }) => value
    }
  }
}

async function confirm ({ calls }: Tally, text: string, socket: FuzzSocket): Promise<boolean> {
  try {
    const answer = await socket.call('confirm', { text }, { timeoutMs: CALL_TIMEOUT_MS })
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
