import * as errors from '../errors.js'
import type { Frame } from '../transport/frame.js'
import type { TopicNode } from './node.js'

/** A member of topics: a connection. */
export interface Subscriber {
  deliver (frame: Frame): void
}

const MAX_TOPIC_BYTES = 255

/** The topics of one contract and their members on this node. */
export class Hub<S extends Subscriber> {
  readonly #contract: string
  readonly #node: TopicNode
  readonly #topics = new Map<string, Set<S>>()

  constructor (contract: string, node: TopicNode) {
    this.#contract = contract
    this.#node = node
  }

  /** @returns whether the topic is heard from other nodes; see `TopicNode.join`. */
  subscribe (topic: string, subscriber: S): true | Promise<boolean> {
    const members = this.#topics.get(topic)
    if (members === undefined) this.#topics.set(topic, new Set([subscriber]))
    else members.add(subscriber)
    return this.#node.join(this.#contract, topic)
  }

  unsubscribe (topic: string, subscriber: S): void {
    const members = this.#topics.get(topic)
    if (members === undefined) return
    members.delete(subscriber)
    if (members.size > 0) return
    this.#topics.delete(topic)
    this.#node.leave(this.#contract, topic)
  }

  /**
   * Delivers one frame to every member here but its sender, at once, and hands it to the other
   * nodes.
   * @returns undefined where there are none; rejects as `TopicNode.publish` does.
   */
  publish (topic: string, frame: Frame, sender?: S): Promise<void> | undefined {
    this.deliver(topic, frame, sender)
    return this.#node.isLocal ? undefined : this.#node.publish(this.#contract, topic, frame)
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
}

// A lone surrogate has no bytes of its own in UTF-8, by which topics travel.
const LONE_SURROGATE = /\p{Surrogate}/u

/** @throws FST_TYPED_WS_INVALID_TOPIC_NAME */
export function checkTopic (topic: unknown): asserts topic is string {
  if (typeof topic !== 'string' || topic === '' || Buffer.byteLength(topic) > MAX_TOPIC_BYTES || LONE_SURROGATE.test(topic)) {
    throw new errors.InvalidTopicName()
  }
}
