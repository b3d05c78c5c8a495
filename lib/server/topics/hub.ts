import type { HistoryBounds } from '../../../types/broker.js'
import type { AnyContract } from '../../../types/contract.js'
import * as errors from '../errors.js'
import { frameOf, type Frame } from '../transport/frame.js'
import type { TopicNode } from './node.js'
import type { RecoverableTopics } from './recoverable-topics.js'
import type { Member, MemberRecipient, Presence } from './presence.js'
import type { Recipient } from './topic-member.js'

/** A member of topics: a connection. */
export interface Subscriber {
  deliver (frame: Frame): void
  /** The connection, as its topics need it that are recoverable or have presence. */
  readonly recipient: Recipient & MemberRecipient & { readonly sender: string | Promise<string> }
}

/** How a topic is joined. */
export interface Joining {
  /** In a recoverable topic: begin at the position that the client brought, as by default. */
  readonly isRecovering?: boolean | undefined
  /** In a topic with presence. */
  readonly member?: Member | undefined
}

/** An event to be published: its name, and the text of the whole message. */
type Event = Pick<Frame, 'type' | 'text'>

const MAX_TOPIC_BYTES = 255

/** The topics of one contract and their members on this node. */
export class Hub<S extends Subscriber> {
  readonly #contract: string
  readonly #node: TopicNode
  readonly #recoverable: RecoverableTopics | undefined
  readonly #presence: Presence | undefined
  readonly #topics = new Map<string, Set<S>>()

  constructor ({ name }: AnyContract, node: TopicNode, recoverable?: RecoverableTopics, presence?: Presence) {
    this.#contract = name
    this.#presence = presence
    this.#node = node
    this.#recoverable = recoverable
  }

  /** @returns whether the topic is heard from other nodes; see `TopicNode.join`. */
  subscribe (topic: string, subscriber: S, { isRecovering = true, member }: Joining = {}): true | Promise<boolean> {
    const members = this.#topics.get(topic)
    if (members === undefined) this.#topics.set(topic, new Set([subscriber]))
    else members.add(subscriber)
    const isHeard = this.#boundsOf(topic) === undefined
      ? this.#node.join(this.#contract, topic)
      : this.#recoverable!.join(topic, subscriber.recipient, isRecovering)
    if (member !== undefined) this.#presence!.join(topic, subscriber.recipient, member)
    return isHeard
  }

  /** @param hasEnded - the connection is gone. */
  unsubscribe (topic: string, subscriber: S, hasEnded: boolean = false): void {
    const members = this.#topics.get(topic)
    if (members === undefined) return
    members.delete(subscriber)
    if (members.size === 0) this.#topics.delete(topic)
    if (this.#boundsOf(topic) !== undefined) this.#recoverable!.leave(topic, subscriber.recipient)
    else if (members.size === 0) this.#node.leave(this.#contract, topic)
    if (this.#presence !== undefined) this.#presence.leave(topic, subscriber.recipient, hasEnded)
  }

  /**
   * Delivers one event to every member here but its sender, at once, and hands it to the other
   * nodes. One of a recoverable topic comes back from the engine, also for members here: a copy
   * that came first would have an order of its own.
   * @param id - of a recoverable topic: one that was stored already is not stored again.
   * @returns undefined where there are no other nodes; rejects as `TopicNode.publish` does.
   * @throws FST_TYPED_WS_TOPIC_NOT_RECOVERABLE for an `id` in a plain topic.
   */
  publish (topic: string, event: Event, sender?: S, id?: string): Promise<void> | undefined {
    const bounds = this.#boundsOf(topic)
    if (bounds !== undefined) {
      const append = (name: string): Promise<void> => this.#node.append(this.#contract, topic, event, bounds, { sender: name, id })
      const name = sender?.recipient.sender ?? ''
      return typeof name === 'string' ? append(name) : name.then(append)
    }
    if (id !== undefined) throw new errors.TopicNotRecoverable(topic, this.#contract)
    const frame = frameOf(event.type, event.text)
    this.deliver(topic, frame, sender)
    return this.#node.isLocal ? undefined : this.#node.publish(this.#contract, topic, frame)
  }

  /** A topic's position, as text. */
  async position (topic: string): Promise<string> {
    if (this.#boundsOf(topic) === undefined) throw new errors.TopicNotRecoverable(topic, this.#contract)
    const { epoch, offset } = await this.#recoverable!.position(topic)
    return `${epoch}.${offset}`
  }

  /** Delivers one frame to every member here but its sender. */
  deliver (topic: string, frame: Frame, sender?: S): void {
    const members = this.#topics.get(topic)
    if (members === undefined) return
    for (const member of members) {
      if (member !== sender) member.deliver(frame)
    }
  }

  /** The number of topics that have a member. */
  get topics (): number {
    return this.#topics.size
  }

  /** The number of a topic's members. */
  size (topic: string): number {
    return this.#topics.get(topic)?.size ?? 0
  }

  /** A topic's members, as they are now. */
  members (topic: string): readonly S[] {
    return [...this.#topics.get(topic) ?? []]
  }

  #boundsOf (topic: string): HistoryBounds | undefined {
    return this.#recoverable?.boundsOf(topic)
  }
}

// A lone surrogate has no bytes of its own in UTF-8, by which topics travel.
const LONE_SURROGATE = /\p{Surrogate}/u

/** @throws FST_TYPED_WS_INVALID_TOPIC_NAME */
export function checkTopic (topic: unknown): asserts topic is string {
  if (typeof topic !== 'string' || topic === '' || Buffer.byteLength(topic) > MAX_TOPIC_BYTES || LONE_SURROGATE.test(topic)) {
    throw new errors.InvalidTopicName()
  }
}
