import type { Broker } from '../../../types/broker.js'

/** A time in which messages of a topic may have been missed. */
export interface Gap {
  readonly topic: string
  readonly from: Date
  readonly to: Date
}

// A page that reloads finds its topic subscribed.
const RELEASE_AFTER_MS = 10_000

/**
 * A topic at the engine.
 *
 * | state | meaning |
 * | --- | --- |
 * | subscribing | the engine was asked, and has not answered |
 * | live | messages are heard |
 * | interrupted | the engine cannot vouch for it; the broker goes on trying |
 *
 * Each of them may be kept: the last member has left, and the topic is unsubscribed in 10 s.
 */
interface Subscription {
  isLive: boolean
  asked: Promise<boolean> | undefined
  // The engine has come back while it is asked for the first time: the answer is still its own.
  hasResumed: boolean
  interruptedAt: Date | undefined
  releaseTimer: NodeJS.Timeout | undefined
}

/** The topics with members on this node, of all contracts, as the engine knows them. */
export class NodeSubscriptions {
  readonly #broker: Broker
  readonly #topics = new Map<string, Subscription>()

  constructor (broker: Broker) {
    this.#broker = broker
  }

  /**
   * @returns whether the topic is heard; `false`, by a promise, where the engine cannot say so: it
   * is heard once the engine is back.
   */
  join (topic: string): true | Promise<boolean> {
    const subscription = this.#find(topic)
    clearTimeout(subscription.releaseTimer)
    subscription.releaseTimer = undefined
    if (subscription.isLive) return true
    subscription.asked ??= this.#ask(topic, subscription)
    return subscription.asked
  }

  /** The last member has left. */
  leave (topic: string): void {
    const subscription = this.#topics.get(topic)
    if (subscription !== undefined) subscription.releaseTimer = setTimeout(() => this.drop(topic), RELEASE_AFTER_MS).unref()
  }

  /** Ends the subscription at once. */
  drop (topic: string): void {
    this.#topics.delete(topic)
    this.#broker.unsubscribe(topic)
  }

  interrupted (topics: Iterable<string> = this.#topics.keys()): void {
    const interruptedAt = new Date()
    for (const topic of topics) {
      const subscription = this.#topics.get(topic)
      if (subscription?.isLive !== true) continue
      subscription.isLive = false
      subscription.interruptedAt = interruptedAt
    }
  }

  /** @returns the gaps of topics that were live before. */
  resumed (topics: Iterable<string> = this.#topics.keys()): readonly Gap[] {
    const [to, gaps]: [Date, Gap[]] = [new Date(), []]
    for (const topic of topics) {
      const subscription = this.#topics.get(topic)
      if (subscription === undefined) continue
      subscription.hasResumed = true
      if (subscription.asked !== undefined && subscription.interruptedAt === undefined) continue
      subscription.isLive = true
      if (subscription.interruptedAt !== undefined) gaps.push({ topic, from: subscription.interruptedAt, to })
      subscription.interruptedAt = undefined
    }
    return gaps
  }

  close (): void {
    for (const { releaseTimer } of this.#topics.values()) clearTimeout(releaseTimer)
  }

  #find (topic: string): Subscription {
    const known = this.#topics.get(topic)
    if (known !== undefined) return known
    const subscription: Subscription = {
      isLive: false,
      asked: undefined,
      hasResumed: false,
      interruptedAt: undefined,
      releaseTimer: undefined
    }
    this.#topics.set(topic, subscription)
    return subscription
  }

  // A refusal that an outage has overtaken is no answer: the engine, which is back, is asked again.
  async #ask (topic: string, subscription: Subscription): Promise<boolean> {
    let isHeard: boolean
    do {
      subscription.hasResumed = false
      isHeard = await this.#broker.subscribe(topic).then(() => true, () => false)
    } while (!isHeard && subscription.hasResumed && this.#topics.get(topic) === subscription)
    subscription.asked = undefined
    if (isHeard) subscription.isLive = true
    return isHeard
  }
}
