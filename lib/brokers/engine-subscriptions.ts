import { BrokerError } from './failure.js'

/** Tells the engine; each list has at most 512 topics, all of one group. */
export interface EngineSubscriptionsOwner {
  sendSubscribe (topics: readonly string[]): Promise<unknown>
  sendUnsubscribe (topics: readonly string[]): Promise<unknown>
  /** Topics of different groups do not travel in one command. */
  groupOf (topic: string): number
}

const MAX_BATCH = 512
const RETRY_MS = 500

/**
 * The topics that a node wants to hear, and those that the engine was told of. Changes of one turn
 * of the event loop travel together.
 */
export class EngineSubscriptions {
  readonly #owner: EngineSubscriptionsOwner
  readonly #wanted = new Set<string>()
  readonly #told = new Map<string, Promise<unknown>>()
  readonly #changed = new Set<string>()
  #flushed: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #isOpen = false

  constructor (owner: EngineSubscriptionsOwner) {
    this.#owner = owner
  }

  /**
   * Resolves once the topic is heard.
   * @throws BrokerError, by rejecting, when that is not known; the topic stays wanted.
   */
  async add (topic: string): Promise<void> {
    this.#wanted.add(topic)
    if (!this.#isOpen) throw away()
    if (!this.#told.has(topic)) await this.#flushSoon(topic)
    const answer = this.#told.get(topic)
    if (answer === undefined) throw away()
    await answer
  }

  remove (topic: string): void {
    if (this.#wanted.delete(topic) && this.#isOpen) void this.#flushSoon(topic)
  }

  /** The connection is new: the engine knows of no topic. Resolves once all are heard again. */
  async open (): Promise<void> {
    this.#isOpen = true
    this.#told.clear()
    for (const topic of this.#wanted) this.#changed.add(topic)
    this.#flush()
    await Promise.all(this.#told.values())
  }

  /** The connection is gone. */
  close (): void {
    this.#isOpen = false
    this.#changed.clear()
    clearTimeout(this.#retry)
  }

  #flushSoon (topic: string): Promise<void> {
    this.#changed.add(topic)
    this.#flushed ??= new Promise((resolve) => setImmediate(() => {
      this.#flushed = undefined
      if (this.#isOpen) this.#flush()
      resolve()
    }))
    return this.#flushed
  }

  #flush (): void {
    const changed = [...this.#changed]
    this.#changed.clear()
    const removed = changed.filter((topic) => this.#told.has(topic) && !this.#wanted.has(topic))
    const added = changed.filter((topic) => !this.#told.has(topic) && this.#wanted.has(topic))
    for (const batch of this.#batches(removed)) this.#unsubscribe(batch)
    for (const batch of this.#batches(added)) this.#subscribe(batch)
  }

  #subscribe (batch: readonly string[]): void {
    const answer = this.#owner.sendSubscribe(batch)
    for (const topic of batch) this.#told.set(topic, answer)
    answer.catch(() => this.#askAgain(batch, answer))
  }

  // An engine that keeps a subscription sends messages that no topic takes: that does no harm.
  #unsubscribe (batch: readonly string[]): void {
    for (const topic of batch) this.#told.delete(topic)
    this.#owner.sendUnsubscribe(batch).catch(() => {})
  }

  #askAgain (batch: readonly string[], answer: Promise<unknown>): void {
    const failed = batch.filter((topic) => this.#told.get(topic) === answer)
    for (const topic of failed) this.#told.delete(topic)
    clearTimeout(this.#retry)
    if (this.#isOpen) this.#retry = setTimeout(() => this.#retryAll(), RETRY_MS).unref()
  }

  #retryAll (): void {
    for (const topic of this.#wanted) if (!this.#told.has(topic)) this.#changed.add(topic)
    this.#flush()
  }

  * #batches (topics: readonly string[]): Iterable<readonly string[]> {
    const groups = new Map<number, string[]>()
    for (const topic of topics) {
      const group = this.#owner.groupOf(topic)
      const list = groups.get(group)
      if (list === undefined) groups.set(group, [topic])
      else list.push(topic)
    }
    for (const list of groups.values()) {
      for (let start = 0; start < list.length; start += MAX_BATCH) yield list.slice(start, start + MAX_BATCH)
    }
  }
}

function away (): BrokerError {
  return new BrokerError('UNAVAILABLE', 'the engine is away')
}
