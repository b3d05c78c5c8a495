import type { NatsMessage } from './nats-connection.js'
import { ErrorCode, isRefusal, type JetStream } from './nats-jetstream.js'
import type { Deadline, NatsRequests } from './nats-requests.js'
import type { NatsStream } from './nats-stream.js'

/** A stored message, as JetStream has it. */
export interface Kept {
  readonly seq: number
  readonly atMs: number
  readonly text: string
  readonly isMarker: boolean
}

/** Sequences; `isShort` where few messages are expected between them. */
export interface Range {
  readonly from: number
  readonly to: number
  readonly isShort: boolean
}

interface ApiMessage {
  readonly subject: string
  readonly seq: number
  readonly hdrs?: string
  readonly data?: string
  readonly time: string
}

/** Stands in a marker alone: it is stored only behind the message that it names. */
export const EXPECTED_LAST = 'Nats-Expected-Last-Subject-Sequence'

// A consumer costs as much as about six requests, however many messages it brings.
const MAX_GETS = 6
const LEFT_AFTER_NS = 5_000_000_000
const NS_PER_MS = 1_000_000n

/**
 * Reads what JetStream has stored of a subject. The leader of the stream is asked, and not its
 * replicas by a direct get: one that is behind would tell less than what was announced.
 */
export class NatsReader {
  readonly #jetStream: JetStream
  readonly #requests: NatsRequests

  constructor (jetStream: JetStream, requests: NatsRequests) {
    this.#jetStream = jetStream
    this.#requests = requests
  }

  /** The newest message of a subject. */
  newest ({ name }: NatsStream, subject: string, deadline: Deadline): Promise<Kept | undefined> {
    return this.#get(name, { last_by_subj: subject }, deadline)
  }

  /** The message at a sequence. */
  at ({ name }: NatsStream, seq: number, deadline: Deadline): Promise<Kept | undefined> {
    return this.#get(name, { seq }, deadline)
  }

  /** The messages of a subject from one sequence to another, where that is stored. */
  async range ({ name }: NatsStream, subject: string, { from, to, isShort }: Range, deadline: Deadline): Promise<readonly Kept[]> {
    const some: Kept[] = []
    let seq = from
    while (isShort && some.length < MAX_GETS) {
      const next = await this.#get(name, { seq, next_by_subj: subject }, deadline)
      if (next === undefined) return some
      some.push(next)
      if (next.seq >= to) return some
      seq = next.seq + 1
    }
    return [...some, ...await this.#consume(name, subject, seq, to, deadline)]
  }

  async #get (name: string, request: object, deadline: Deadline): Promise<Kept | undefined> {
    try {
      const { message } = await this.#jetStream.ask<{ message: ApiMessage }>(`STREAM.MSG.GET.${name}`, request, deadline)
      return keptOf(message)
    } catch (error) {
      if (isRefusal(error, ErrorCode.notFound)) return undefined
      throw error
    }
  }

  async #consume (name: string, subject: string, from: number, to: number, deadline: Deadline): Promise<readonly Kept[]> {
    const kept: Kept[] = []
    let end!: () => void
    const ended = new Promise<void>((resolve) => { end = resolve })
    const inbox = this.#requests.listen((message) => {
      const { pending, ...one } = deliveredOf(message)
      kept.push(one)
      if (one.seq >= to || pending === 0) end()
    })
    try {
      const config = {
        deliver_subject: inbox.subject,
        deliver_policy: 'by_start_sequence',
        opt_start_seq: from,
        ack_policy: 'none',
        replay_policy: 'instant',
        filter_subject: subject,
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: LEFT_AFTER_NS
      }
      const consumer = await this.#jetStream.ask<{ name: string }>(`CONSUMER.CREATE.${name}`, { stream_name: name, config }, deadline)
      await deadline.within(ended)
      // Otherwise it ends by itself, 5 s after its subject is not heard any more.
      this.#jetStream.ask(`CONSUMER.DELETE.${name}.${consumer.name}`, {}).catch(() => {})
      return kept
    } finally {
      inbox.subscription.unsubscribe()
    }
  }
}

function keptOf ({ seq, time, data = '', hdrs = '' }: ApiMessage): Kept {
  const text = Buffer.from(data, 'base64').toString()
  return { seq, atMs: Date.parse(time), text, isMarker: Buffer.from(hdrs, 'base64').includes(EXPECTED_LAST) }
}

// `$JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<ns>.<pending>`;
// newer servers put a domain and an account in front of the stream, and a token at the end.
function deliveredOf (message: NatsMessage): Kept & { readonly pending: number } {
  const tokens = message.reply!.split('.')
  const [seq, , ns, pending] = tokens.slice(tokens.length > 9 ? 7 : 5) as [string, string, string, string]
  const isMarker = (message.headers?.get(EXPECTED_LAST) ?? '') !== ''
  return { seq: Number(seq), atMs: Number(BigInt(ns) / NS_PER_MS), text: message.string(), isMarker, pending: Number(pending) }
}
