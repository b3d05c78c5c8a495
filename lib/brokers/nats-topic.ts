import type { HistoryBounds, HistoryPart, Position, Stored } from '../../types/broker.js'
import { ErrorCode, isRefusal, type JetStream } from './nats-jetstream.js'
import { EXPECTED_LAST, type Kept, type NatsReader } from './nats-reader.js'
import type { Deadline } from './nats-requests.js'
import type { NatsStream } from './nats-stream.js'
import { lifetimeOf } from './nats-streams.js'

/** The newest message of a topic: its sequence, and the offset that it has or stands for. */
export interface Newest {
  readonly seq: number
  readonly offset: number
}

/** A topic as one call needs it. */
export interface TopicCall {
  readonly stream: NatsStream
  readonly subject: string
  readonly bounds: HistoryBounds
  readonly deadline: Deadline
}

/**
 * The stored messages of a topic. A *marker* among them keeps the position, and is never told: a
 * topic without messages has one to begin with, and one whose newest message would be deleted soon
 * has it instead. Its text is the offset that it stands for; its own, where it has none.
 */
export class NatsTopic {
  readonly #jetStream: JetStream
  readonly #reader: NatsReader
  readonly #call: TopicCall

  constructor (jetStream: JetStream, reader: NatsReader, call: TopicCall) {
    this.#jetStream = jetStream
    this.#reader = reader
    this.#call = call
  }

  async newest (): Promise<Newest> {
    const { stream, subject, bounds, deadline } = this.#call
    for (;;) {
      const kept = await this.#reader.newest(stream, subject, deadline)
      const newest = kept && { seq: kept.seq, offset: offsetOf(stream, kept) }
      if (newest !== undefined && Date.now() - kept!.atMs < lifetimeOf(bounds) / 2) return newest
      const marker = await this.#mark(newest)
      if (marker !== undefined) return marker
    }
  }

  /** The newest messages behind a position, `limit` at most, up to the newest one or further. */
  async read (since: Position | undefined, limit: number, newest: Newest): Promise<HistoryPart> {
    const { stream, bounds } = this.#call
    const [last, messages]: [number, Stored[]] = [since?.offset ?? 0, []]
    let [previous, top] = [stream.base, newest.offset]
    for (const kept of await this.#range(since, newest)) {
      const offset = offsetOf(stream, kept)
      const isNews = !kept.isMarker && offset > last && isTold(kept, bounds)
      if (isNews) messages.push({ epoch: stream.epoch, offset, previous, message: kept.text })
      previous = offset
      top = Math.max(top, offset)
    }
    return { top: { epoch: stream.epoch, offset: top }, messages: messages.slice(-limit) }
  }

  // From the message at the position itself: if it is there, none behind it was deleted.
  #range (since: Position | undefined, newest: Newest): Promise<readonly Kept[]> {
    const { stream, subject, deadline } = this.#call
    const from = since?.epoch === stream.epoch ? since.offset - stream.base : 0
    return this.#reader.range(stream, subject, { from: Math.max(from, 1), to: newest.seq, isShort: from > 0 }, deadline)
  }

  /** @returns undefined where another message was stored meanwhile. */
  async #mark (newest: Newest | undefined): Promise<Newest | undefined> {
    const { stream, subject, deadline } = this.#call
    const headers = { [EXPECTED_LAST]: String(newest?.seq ?? 0), 'Nats-Expected-Stream': stream.name }
    try {
      const { seq } = await this.#jetStream.publish(subject, String(newest?.offset ?? ''), headers, deadline)
      return { seq, offset: newest?.offset ?? stream.base + seq }
    } catch (error) {
      if (isRefusal(error, ErrorCode.wrongLast)) return undefined
      throw error
    }
  }
}

/** Tells whether a message is young enough to be told. */
export function isTold ({ atMs }: Kept, { maxAgeMs }: HistoryBounds): boolean {
  return Date.now() - atMs <= maxAgeMs
}

/** The offset of a message, or the one that it stands for. */
export function offsetOf (stream: NatsStream, { seq, text, isMarker }: Omit<Kept, 'atMs'>): number {
  return isMarker && text !== '' ? Number(text) : stream.base + seq
}
