// Connections that end while their messages wait: all messages that were read are handled, in
// order, and `close` is told the code that was sent.
import type { Socket as TcpSocket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type Socket } from '../../lib/index.js'
import { closing, fragmented, several, type Burst, type Style } from './frames.js'
import type { Random } from './random.js'

// Many contracts: what waits is counted for all connections of one, and few connections share it.
const LANES = 24
const lanes = Array.from({ length: LANES }, (_, lane) => defineContract({
  name: `last-words-${lane}.v1`,
  clientToServer: { count: Type.Object({ n: Type.Number() }) },
  serverToClient: {}
}))

const MAX_QUEUED = 64
const HOLDS_MS = [10, 30, 250]
const QUIET_MS = 200
const MAX_HOLD_MS = 2000
// After this time messages that still wait may be left out (docs/limits.md, "What waits").
const LATE_MS = 4900
const MAX_IN_FRAGMENTS = 70
const ABNORMAL_CLOSURE = 1006
const ENDS = ['fin', 'fin', 'reset'] as const

/** The messages of one client, and how the server handled them. */
interface Words {
  readonly count: number
  readonly code: number | undefined
  readonly end: typeof ENDS[number]
  /** The time for which the first message holds up the others. */
  readonly holdMs: number
  readonly handled: number[]
  closed: number | undefined
  endedMs: number
  closedMs: number
}

/** The clients of one route, whose first message holds up all others. */
export class LastWords {
  readonly #words = new Map<string, Words>()
  readonly #faults: Set<string>
  readonly #connections: number[] = lanes.map(() => 0)
  /** The number of clients that spoke. */
  spoken = 0

  constructor (faults: Set<string>) {
    this.#faults = faults
  }

  declare (app: FastifyInstance): void {
    for (const [lane, contract] of lanes.entries()) {
      app.ws(`/last-${lane}`, {
        contract,
        rateLimit: false,
        maxQueuedMessages: MAX_QUEUED,
        open: () => { this.#connections[lane]!++ },
        close: (socket, { code }) => {
          this.#connections[lane]!--
          Object.assign(this.#wordsOf(socket), { closed: code, closedMs: performance.now() })
        },
        on: {
          count: ({ n }, socket) => {
            this.#wordsOf(socket).handled.push(n)
            this.#look(app, lane)
            return n === 0 ? this.#hold(app, lane, socket) : undefined
          }
        }
      })
    }
  }

  /** Connections, and messages that wait or are handled, of all lanes. */
  remains (app: FastifyInstance): { connections: number, queued: number, running: number } {
    const sum = { connections: 0, queued: 0, running: 0 }
    for (const contract of lanes) {
      const { connections, queued, running } = app.channel(contract).stats
      sum.connections += connections
      sum.queued += queued
      sum.running += running
    }
    return sum
  }

  /** The path of the next client. */
  pathOf (id: number): string {
    return `/last-${id % LANES}?${id}`
  }

  /** Says everything in one write, and leaves. */
  async speak (random: Random, socket: TcpSocket, path: string, style: Style): Promise<Burst> {
    const count = random.pick([1, 66, 150, 150, 600])
    const words: Words = {
      count,
      code: random.chance(0.5) ? random.pick([1000, 3000, 4999]) : undefined,
      end: random.pick(ENDS),
      holdMs: random.pick(HOLDS_MS),
      handled: [],
      closed: undefined,
      endedMs: 0,
      closedMs: 0
    }
    this.#words.set(path, words)
    const burst = speech(random, words, style)
    socket.write(burst.bytes)
    if (random.chance(0.5)) await delay(random.below(words.holdMs))
    words.endedMs = performance.now()
    if (words.end === 'fin') socket.end()
    else socket.resetAndDestroy()
    return burst
  }

  /** The faults of the connections that have ended. */
  judge (): string[] {
    const wrong = [...this.#words].flatMap(([path, words]) => {
      return faultsOf(words).map((fault) => {
        const elapsedMs = Math.round(words.closedMs - words.endedMs)
        return `${path}: ${fault} (${words.count} messages, ${words.code}, ${words.end}, after ${elapsedMs} ms)`
      })
    })
    this.spoken += this.#words.size
    this.#words.clear()
    return wrong
  }

  // Goes on until as many wait as may, and a while longer: compressed messages come one by one, and
  // those beyond the limit later.
  async #hold (app: FastifyInstance, lane: number, { request, signal }: Pick<Socket, 'request' | 'signal'>): Promise<void> {
    const { count, holdMs } = this.#wordsOf({ request })
    const queued = (): number => app.channel(lanes[lane]!).stats.queued
    await delay(holdMs)
    const isFilling = (): boolean => queued() < Math.min(count - 1, MAX_QUEUED) && !signal.aborted
    for (let leftMs = MAX_HOLD_MS; isFilling() && leftMs > 0; leftMs -= QUIET_MS) await delay(QUIET_MS)
    if (count > MAX_QUEUED) await delay(QUIET_MS)
    this.#look(app, lane)
  }

  #look (app: FastifyInstance, lane: number): void {
    if (app.channel(lanes[lane]!).stats.queued > MAX_QUEUED * this.#connections[lane]!) {
      this.#faults.add('more messages wait than maxQueuedMessages admits')
    }
  }

  #wordsOf ({ request }: Pick<Socket, 'request'>): Words {
    return this.#words.get(request.url)!
  }
}

function speech (random: Random, { count, code }: Words, style: Style): Burst {
  const texts = Array.from({ length: count }, (_, n) => `{"type":"count","n":${n}}`)
  // ws cuts a client off for whom sixty pongs wait: not too many pings between the fragments.
  const burst = count > MAX_IN_FRAGMENTS || random.chance(0.5) ? several(random, texts, style) : inFragments(random, texts)
  return code === undefined ? burst : { bytes: Buffer.concat([burst.bytes, closing(random, code, 'bye')]), frames: burst.frames + 1 }
}

function inFragments (random: Random, texts: readonly string[]): Burst {
  const bursts = texts.map((text) => fragmented(random, Buffer.from(text)))
  return { bytes: Buffer.concat(bursts.map(({ bytes }) => bytes)), frames: bursts.reduce((sum, { frames }) => sum + frames, 0) }
}

// A reset may overtake what was not read yet, but takes nothing out of the middle.
function faultsOf ({ count, code = ABNORMAL_CLOSURE, end, handled, closed, endedMs, closedMs }: Words): string[] {
  const faults: string[] = []
  if (handled.some((n, index) => n !== index)) faults.push(`handled ${handled.join()}`)
  if (closedMs - endedMs > LATE_MS) return faults
  if (end === 'fin' && handled.length !== count) faults.push(`handled ${handled.length}`)
  const isCut = end === 'reset' && closed === ABNORMAL_CLOSURE
  if (closed !== code && !isCut) faults.push(`closed with ${closed}`)
  if (!isCut && handled.length !== count) faults.push(`closed with ${closed} after ${handled.length}`)
  return faults
}
