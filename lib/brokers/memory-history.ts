import { randomBytes } from 'node:crypto'
import type { BrokerHistory, HistoryBounds, HistoryPart, Position, Stored } from '../../types/broker.js'

interface Kept {
  readonly stored: Stored
  readonly id: string | undefined
  readonly atMs: number
}

/** The messages of one topic, oldest first. */
interface Ring {
  readonly kept: Kept[]
  readonly ids: Map<string, number>
  top: number
  usedMs: number
  maxAgeMs: number
}

const SWEEP_MS = 60_000
// The top outlives the messages: a client that returns to a topic without news missed nothing.
const TOP_LIFETIMES = 10

/** Recoverable topics in the memory of one process. */
export class MemoryHistory implements BrokerHistory {
  readonly #announce: (topic: string, stored: Stored) => void
  readonly #epoch = randomBytes(6).toString('base64url')
  readonly #rings = new Map<string, Ring>()
  // One counter for all topics: a topic that was forgotten does not use an offset again.
  #offset = 0
  #sweep: NodeJS.Timeout | undefined

  constructor (announce: (topic: string, stored: Stored) => void) {
    this.#announce = announce
  }

  async append (topic: string, message: string, bounds: HistoryBounds, id?: string): Promise<Position> {
    const [epoch, ring] = [this.#epoch, this.#ringOf(topic, bounds)]
    const known = id === undefined ? undefined : ring.ids.get(id)
    if (known !== undefined) return { epoch, offset: known }
    const stored = { epoch, offset: ++this.#offset, previous: ring.top, message }
    ring.top = stored.offset
    ring.kept.push({ stored, id, atMs: ring.usedMs })
    if (id !== undefined) ring.ids.set(id, stored.offset)
    if (ring.kept.length > bounds.maxMessages) forget(ring, ring.kept.length - bounds.maxMessages)
    this.#announce(topic, stored)
    return { epoch, offset: stored.offset }
  }

  async read (topic: string, since: Position | undefined, limit: number, bounds: HistoryBounds): Promise<HistoryPart> {
    const { kept, top } = this.#ringOf(topic, bounds)
    const newer = limit === 0 ? [] : kept.filter(({ stored }) => stored.offset > (since?.offset ?? 0)).slice(-limit)
    return { top: { epoch: this.#epoch, offset: top }, messages: newer.map(({ stored }) => stored) }
  }

  close (): void {
    clearInterval(this.#sweep)
  }

  #ringOf (topic: string, { maxAgeMs }: HistoryBounds): Ring {
    const nowMs = Date.now()
    const ring = this.#rings.get(topic) ?? { kept: [], ids: new Map(), top: ++this.#offset, usedMs: nowMs, maxAgeMs }
    this.#rings.set(topic, ring)
    ring.usedMs = nowMs
    ring.maxAgeMs = maxAgeMs
    forgetOld(ring, nowMs)
    this.#sweep ??= setInterval(() => this.#sweepAll(), SWEEP_MS).unref()
    return ring
  }

  #sweepAll (): void {
    const nowMs = Date.now()
    for (const [topic, ring] of this.#rings) {
      forgetOld(ring, nowMs)
      if (nowMs - ring.usedMs > ring.maxAgeMs * TOP_LIFETIMES) this.#rings.delete(topic)
    }
  }
}

function forgetOld (ring: Ring, nowMs: number): void {
  const young = ring.kept.findIndex(({ atMs }) => nowMs - atMs <= ring.maxAgeMs)
  forget(ring, young < 0 ? ring.kept.length : young)
}

function forget ({ kept, ids }: Ring, count: number): void {
  for (const { id } of kept.splice(0, count)) if (id !== undefined) ids.delete(id)
}
