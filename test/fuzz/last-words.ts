// Connections that end while their messages wait: all messages that were read are handled, in
// order, and `close` is told the code that was sent.
import type { Socket as TcpSocket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type Socket } from '../../lib/index.js'
import { closing, fragmented, several, type Burst, type Style } from './frames.js'
import type { Random } from './random.js'

export const lastWords = defineContract({
  name: 'last-words.v1',
  clientToServer: { count: Type.Object({ n: Type.Number() }) },
  serverToClient: {}
})

const MAX_QUEUED = 64
const HOLDS_MS = [10, 30, 250]
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
  #connections = 0
  /** The number of clients that spoke. */
  spoken = 0

  constructor (faults: Set<string>) {
    this.#faults = faults
  }

  declare (app: FastifyInstance): void {
    app.ws('/last', {
      contract: lastWords,
      rateLimit: false,
      maxQueuedMessages: MAX_QUEUED,
      open: () => { this.#connections++ },
      close: (socket, { code }) => {
        this.#connections--
        Object.assign(this.#wordsOf(socket), { closed: code, closedMs: performance.now() })
      },
      on: {
        count: ({ n }, socket) => {
          const { handled, holdMs } = this.#wordsOf(socket)
          handled.push(n)
          this.#look(app)
          return n === 0 ? delay(holdMs).then(() => this.#look(app)) : undefined
        }
      }
    })
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

  #look (app: FastifyInstance): void {
    if (app.channel(lastWords).stats.queued > MAX_QUEUED * this.#connections) {
      this.#faults.add('more messages wait than maxQueuedMessages admits')
    }
  }

  #wordsOf ({ request }: Socket<typeof lastWords>): Words {
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
