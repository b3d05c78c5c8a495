import { createHash } from 'node:crypto'
import type { BrokerHistory, HistoryBounds, HistoryPart, Position, Stored } from '../../types/broker.js'
import { BrokerError } from './failure.js'
import type { NatsConnection, NatsHeaders, NatsHeaderValues } from './nats-connection.js'
import { ErrorCode, isRefusal, JetStream, type PublishAck } from './nats-jetstream.js'
import { EXPECTED_LAST, NatsReader } from './nats-reader.js'
import { Deadline, NatsRequests, NoResponder } from './nats-requests.js'
import type { NatsStream } from './nats-stream.js'
import { mistakeOf, NatsStreams } from './nats-streams.js'
import { isTold, NatsTopic, offsetOf, type TopicCall } from './nats-topic.js'

/** A marker: its own offset, and the one that it stands for. */
interface Marker {
  readonly at: number
  readonly offset: number
}

const NO_MARKER: Marker = { at: 0, offset: 0 }

/**
 * Recoverable topics in JetStream. A stream stores the messages of all topics of one kind, numbers
 * them, and announces each with the sequence of the one before it.
 */
export class NatsHistory implements BrokerHistory {
  readonly #isReady: () => boolean
  readonly #requests: NatsRequests
  readonly #jetStream: JetStream
  readonly #streams: NatsStreams
  readonly #reader: NatsReader
  // The newest marker of each topic that is heard.
  readonly #markers = new Map<string, Marker>()

  constructor (connection: NatsConnection, prefix: string, replicas: number, isReady: () => boolean) {
    this.#isReady = isReady
    this.#requests = new NatsRequests(connection, prefix)
    this.#jetStream = new JetStream(this.#requests)
    this.#streams = new NatsStreams(this.#jetStream, prefix, replicas)
    this.#reader = new NatsReader(this.#jetStream, this.#requests)
  }

  async prepare (kind: string, bounds: HistoryBounds): Promise<void> {
    try {
      await this.#streams.of(kind, bounds)
    } catch (error) {
      throw mistakeOf(error) ?? error
    }
  }

  async append (topic: string, message: string, bounds: HistoryBounds, id?: string): Promise<Position> {
    const deadline = this.#begin()
    if (id !== undefined) return this.#appendOnce(topic, message, bounds, id, deadline)
    const { stream, seq } = await this.#publish(topic, message, bounds, {}, deadline)
    return this.#streams.named(stream)!.positionOf(seq)
  }

  async read (topic: string, since: Position | undefined, limit: number, bounds: HistoryBounds): Promise<HistoryPart> {
    const deadline = this.#begin()
    return this.#retry(topic, bounds, (error) => isRefusal(error, ErrorCode.noStream), async (stream) => {
      const reading = this.#topic({ stream, subject: this.#streams.subjectOf(topic), bounds, deadline })
      const newest = await reading.newest()
      this.#note(topic, { at: stream.base + newest.seq, offset: newest.offset })
      const hasNews = limit > 0 && newest.offset > (since?.offset ?? 0)
      return hasNews ? reading.read(since, limit, newest) : { top: { epoch: stream.epoch, offset: newest.offset }, messages: [] }
    })
  }

  /** A topic is heard from now on. */
  hear (topic: string): void {
    this.#markers.set(topic, NO_MARKER)
  }

  leave (topic: string): void {
    this.#markers.delete(topic)
  }

  /**
   * Takes a message apart that JetStream announces.
   * @returns undefined for any other; a text for one that is not told.
   */
  storedOf (topic: string, headers: NatsHeaders, message: string): Stored | 'marker' | undefined {
    const stream = this.#streams.named(headers.get('Nats-Stream'))
    if (stream === undefined) return undefined
    const [seq, last] = [Number(headers.get('Nats-Sequence')), Number(headers.get('Nats-Last-Sequence'))]
    const position = stream.positionOf(seq)
    if (headers.get(EXPECTED_LAST) !== '') {
      this.#note(topic, { at: position.offset, offset: offsetOf(stream, { seq, text: message, isMarker: true }) })
      return 'marker'
    }
    const { at, offset } = this.#markers.get(topic) ?? NO_MARKER
    const previous = stream.base + last
    return { ...position, previous: previous === at ? offset : previous, message }
  }

  /** After an outage; resolves in any case. */
  check (): Promise<void> {
    return this.#streams.check()
  }

  close (): Promise<void> {
    return this.#requests.close()
  }

  #begin (): Deadline {
    if (!this.#isReady()) throw new BrokerError('UNAVAILABLE', 'NATS is away')
    return new Deadline()
  }

  // JetStream knows an id for a time, and not as long as its message: one whose message was
  // forgotten is given another name, which all publishers find in the same way.
  async #appendOnce (
    topic: string, message: string, bounds: HistoryBounds, id: string, deadline: Deadline, forgotten: string = ''
  ): Promise<Position> {
    const name = createHash('sha256').update(JSON.stringify([topic, id])).digest('base64url')
    const headers = { 'Nats-Msg-Id': `${name}${forgotten}` }
    const { duplicate, seq, ...ack } = await this.#publish(topic, message, bounds, headers, deadline)
    const stream = this.#streams.named(ack.stream)!
    const kept = duplicate === true ? await this.#reader.at(stream, seq, deadline) : undefined
    if (duplicate !== true || (kept !== undefined && isTold(kept, bounds))) return stream.positionOf(seq)
    return this.#appendOnce(topic, message, bounds, id, deadline, ` ${seq}`)
  }

  #publish (topic: string, text: string, bounds: HistoryBounds, headers: NatsHeaderValues, deadline: Deadline): Promise<PublishAck> {
    const subject = this.#streams.subjectOf(topic)
    const isGone = (error: unknown): boolean => error instanceof NoResponder
    return this.#retry(topic, bounds, isGone, () => this.#jetStream.publish(subject, text, headers, deadline))
  }

  // A stream that is gone is made anew, once.
  async #retry<T> (
    topic: string, bounds: HistoryBounds, isGone: (error: unknown) => boolean, run: (stream: NatsStream) => Promise<T>
  ): Promise<T> {
    const stream = this.#streams.of(topic, bounds)
    try {
      return await run(await stream)
    } catch (error) {
      if (!isGone(error)) throw error
      this.#streams.forget(topic, stream)
    }
    return run(await this.#streams.of(topic, bounds))
  }

  #topic (call: TopicCall): NatsTopic {
    return new NatsTopic(this.#jetStream, this.#reader, call)
  }

  // A read may be overtaken by what is announced.
  #note (topic: string, marker: Marker): void {
    const known = this.#markers.get(topic)
    if (known !== undefined && known.at < marker.at) this.#markers.set(topic, marker)
  }
}
