import type { HistoryBounds } from '../../types/broker.js'
import { BrokerError } from './failure.js'
import { tokenOf } from './nats-connection.js'
import { ErrorCode, isRefusal, JetStreamError, type JetStream } from './nats-jetstream.js'
import { Deadline, NoResponder } from './nats-requests.js'
import { NatsStream } from './nats-stream.js'

/** The part of a stream's configuration that matters here. */
interface StreamConfig {
  readonly name: string
  readonly subjects: readonly string[]
  readonly retention: string
  readonly max_msgs_per_subject: number
  readonly max_age: number
  readonly duplicate_window: number
  readonly republish?: { readonly src: string, readonly dest: string, readonly headers_only?: boolean }
}

interface StreamInfo {
  readonly config: StreamConfig
  readonly state: { readonly last_seq: number }
}

interface Entry {
  readonly bounds: HistoryBounds
  readonly stream: Promise<NatsStream>
}

// The position of a topic outlives its messages: a client that returns to a topic without news
// missed nothing. It lives as long as a message is stored, so that all of them are stored longer.
const LIFETIMES = 10
const MIN_LIFETIME_MS = 600_000
const MIN_WINDOW_MS = 100
const NANOSECONDS = 1_000_000
const BOUNDS = ['max_msgs_per_subject', 'max_age', 'duplicate_window'] as const

/** How long JetStream stores the messages of a topic, told or not. */
export function lifetimeOf ({ maxAgeMs }: HistoryBounds): number {
  return Math.max(maxAgeMs * LIFETIMES, MIN_LIFETIME_MS)
}

/** A stream that has the subjects of recoverable topics, and cannot store them. */
export class StreamConflict extends BrokerError {
  constructor (name: string, subject: string) {
    super('UNAVAILABLE', `the stream '${name}' has the subject '${subject}' of recoverable topics and is configured otherwise: ` +
      'remove it, or give nats() another prefix')
  }
}

/** The streams of JetStream: one for each kind of topics. They are made when they are needed. */
export class NatsStreams {
  readonly #jetStream: JetStream
  readonly #prefix: string
  readonly #replicas: number
  readonly #entries = new Map<string, Entry>()
  // By their names; a kind may have had several of them.
  readonly #known = new Map<string, NatsStream>()

  constructor (jetStream: JetStream, prefix: string, replicas: number) {
    this.#jetStream = jetStream
    this.#prefix = prefix
    this.#replicas = replicas
  }

  /** The subject by which a message of a topic is stored. */
  subjectOf (topic: string): string {
    return `${this.#prefix}.@store.${tokenOf(kindOf(topic))}.${tokenOf(topic)}`
  }

  /** @returns undefined for a stream of others. */
  named (name: string): NatsStream | undefined {
    const stream = this.#known.get(name) ?? NatsStream.of(name)
    if (stream !== undefined) this.#known.set(name, stream)
    return stream
  }

  /**
   * The stream of a topic, with these bounds.
   * @throws BrokerError, by rejecting.
   */
  of (topic: string, bounds: HistoryBounds): Promise<NatsStream> {
    const kind = kindOf(topic)
    const known = this.#entries.get(kind)
    if (known !== undefined && isSame(known.bounds, bounds)) return known.stream
    const entry = { bounds, stream: this.#ensure(kind, bounds) }
    this.#entries.set(kind, entry)
    entry.stream.catch(() => this.forget(kind, entry.stream))
    return entry.stream
  }

  /** A stream that was told by `of` is gone. */
  forget (topic: string, stream: Promise<NatsStream>): void {
    const kind = kindOf(topic)
    if (this.#entries.get(kind)?.stream === stream) this.#entries.delete(kind)
  }

  /**
   * After an outage: JetStream counts, and a stream that has lost its newest messages would use
   * their sequences again. It is given up: the next one is of another epoch.
   */
  async check (): Promise<void> {
    await Promise.all(Array.from(this.#entries, ([kind, entry]) => this.#check(kind, entry).catch(() => {})))
  }

  async #check (kind: string, entry: Entry): Promise<void> {
    const [{ name, seen }, deadline] = [await entry.stream, new Deadline()]
    const { state } = await this.#infoOf(name, deadline)
    if (state.last_seq >= seen) return
    await this.#jetStream.ask(`STREAM.DELETE.${name}`, {}, deadline)
    this.forget(kind, entry.stream)
  }

  async #ensure (kind: string, bounds: HistoryBounds): Promise<NatsStream> {
    const [config, deadline] = [this.#configOf(kind, bounds), new Deadline()]
    const name = await this.#find(config, deadline) ?? await this.#create(config, deadline)
    if (name !== config.name) await this.#adopt(name, config, deadline)
    return this.named(name)!
  }

  async #find ({ subjects: [subject] }: StreamConfig, deadline: Deadline): Promise<string | undefined> {
    const { streams } = await this.#jetStream.ask<{ streams: readonly string[] | null }>('STREAM.NAMES', { subject }, deadline)
    return streams?.[0]
  }

  // Another node may have been faster.
  async #create (config: StreamConfig, deadline: Deadline): Promise<string> {
    try {
      await this.#jetStream.ask(`STREAM.CREATE.${config.name}`, config, deadline)
      return config.name
    } catch (error) {
      const name = isRefusal(error, ErrorCode.overlaps) ? await this.#find(config, deadline) : undefined
      if (name === undefined) throw error
      return name
    }
  }

  // The bounds are those of the node that came last, as after a deploy. All else stays.
  async #adopt (name: string, wanted: StreamConfig, deadline: Deadline): Promise<void> {
    const { config } = await this.#infoOf(name, deadline)
    if (this.named(name) === undefined || !isAlike(config, wanted)) throw new StreamConflict(name, wanted.subjects[0]!)
    if (BOUNDS.every((name) => config[name] === wanted[name])) return
    const bounds = Object.fromEntries(BOUNDS.map((name) => [name, wanted[name]]))
    await this.#jetStream.ask(`STREAM.UPDATE.${name}`, { ...config, ...bounds }, deadline)
  }

  async #infoOf (name: string, deadline: Deadline): Promise<StreamInfo> {
    return this.#jetStream.ask<StreamInfo>(`STREAM.INFO.${name}`, {}, deadline)
  }

  // A stored message is announced where plain ones are, and its headers tell them apart. Memory
  // would be slower: with republish, nats-server 2.9 needs more time with each message it has.
  #configOf (kind: string, bounds: HistoryBounds): StreamConfig & Readonly<Record<string, unknown>> {
    const subject = `${this.#prefix}.@store.${tokenOf(kind)}.*`
    return {
      name: NatsStream.newName(this.#prefix, kind),
      subjects: [subject],
      retention: 'limits',
      discard: 'old',
      storage: 'file',
      num_replicas: this.#replicas,
      max_msgs_per_subject: bounds.maxMessages,
      max_age: lifetimeOf(bounds) * NANOSECONDS,
      // An id lives as long as its message is told.
      duplicate_window: Math.max(bounds.maxAgeMs, MIN_WINDOW_MS) * NANOSECONDS,
      republish: { src: subject, dest: `${this.#prefix}.$1` }
    }
  }
}

// The part in front of the first colon: no name of a contract has one.
function kindOf (topic: string): string {
  const end = topic.indexOf(':')
  return end < 0 ? topic : topic.slice(0, end)
}

/** Stores and announces what ours does, whatever its bounds are. */
function isAlike ({ retention, subjects, republish }: StreamConfig, wanted: StreamConfig): boolean {
  const { src, dest } = wanted.republish!
  const isRepublished = republish?.src === src && republish.dest === dest && republish.headers_only !== true
  return isRepublished && retention === wanted.retention && subjects.join() === wanted.subjects.join()
}

function isSame (one: HistoryBounds, other: HistoryBounds): boolean {
  return one.maxMessages === other.maxMessages && one.maxAgeMs === other.maxAgeMs
}

/** An error that stays until NATS is configured otherwise, in words for the boot of an app. */
export function mistakeOf (error: unknown): Error | undefined {
  const code = error instanceof JetStreamError ? error.errorCode : undefined
  if (error instanceof NoResponder || code === ErrorCode.notEnabled || code === ErrorCode.notEnabledForAccount) {
    return new Error('JetStream is not enabled: start nats-server with -js, and enable it for the account', { cause: error })
  }
  const isRefused = code !== undefined && code !== ErrorCode.noCluster && code !== ErrorCode.notLeader
  return isRefused || error instanceof StreamConflict ? new Error((error as Error).message, { cause: error }) : undefined
}
