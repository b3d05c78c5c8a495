import * as errors from '../errors.js'
import type { Hub, Joining, Subscriber } from './hub.js'

/** The topics of one subscriber. */
export class SubscriberTopics<S extends Subscriber> {
  readonly #topics: Set<string> = new Set()
  readonly #hub: Hub<S>
  readonly #subscriber: S
  readonly #max: number

  constructor (hub: Hub<S>, subscriber: S, max: number) {
    this.#hub = hub
    this.#subscriber = subscriber
    this.#max = max
  }

  get names (): ReadonlySet<string> {
    return this.#topics
  }

  /**
   * Returns whether the topic is heard from other nodes, as `Hub.subscribe` does.
   * @throws FST_TYPED_WS_TOO_MANY_TOPICS
   */
  add (topic: string, joining: Joining): true | Promise<boolean> {
    if (this.#topics.size >= this.#max && !this.#topics.has(topic)) throw new errors.TooManyTopics(this.#max)
    this.#topics.add(topic)
    return this.#hub.subscribe(topic, this.#subscriber, joining)
  }

  remove (topic: string, hasEnded: boolean = false): void {
    if (this.#topics.delete(topic)) this.#hub.unsubscribe(topic, this.#subscriber, hasEnded)
  }

  /** The subscriber has ended. */
  clear (): void {
    for (const topic of this.#topics) this.remove(topic, true)
  }
}
