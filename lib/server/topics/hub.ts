import type { Frame } from '../transport/frame.js'
import * as errors from '../errors.js'

/** A member of topics: a connection. */
export interface Subscriber {
  deliver (frame: Frame): void
}

const MAX_TOPIC_BYTES = 255

/** The topics of one contract and their members, in this process. */
export class Hub<S extends Subscriber> {
  readonly #topics = new Map<string, Set<S>>()

  subscribe (topic: string, subscriber: S): void {
    const members = this.#topics.get(topic)
    if (members === undefined) this.#topics.set(topic, new Set([subscriber]))
    else members.add(subscriber)
  }

  unsubscribe (topic: string, subscriber: S): void {
    const members = this.#topics.get(topic)
    if (members === undefined) return
    members.delete(subscriber)
    if (members.size === 0) this.#topics.delete(topic)
  }

  /** Delivers one frame to every member but its sender. */
  publish (topic: string, frame: Frame, sender?: S): void {
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
}

/** @throws FST_TYPED_WS_INVALID_TOPIC_NAME */
export function checkTopic (topic: unknown): asserts topic is string {
  if (typeof topic !== 'string' || topic === '' || Buffer.byteLength(topic) > MAX_TOPIC_BYTES) throw new errors.InvalidTopicName()
}
