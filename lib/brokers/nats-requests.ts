import { randomBytes } from 'node:crypto'
import { BrokerError, within } from './failure.js'
import { headersOf, type NatsConnection, type NatsHeaderValues, type NatsMessage, type NatsSubscription } from './nats-connection.js'

const TIMEOUT_MS = 1000
const NO_RESPONDERS = 503

/** A request that no one has heard: it was not answered, and nothing was done. */
export class NoResponder extends BrokerError {
  constructor (subject: string) {
    super('UNAVAILABLE', `NATS: nobody answers at '${subject}'`)
  }
}

/** A time that several requests share: one second. */
export class Deadline {
  readonly #endMs = performance.now() + TIMEOUT_MS

  /** @throws BrokerError TIMEOUT, by rejecting, when the time is over. */
  within<T> (promise: Promise<T>): Promise<T> {
    return within(promise, Math.max(0, this.#endMs - performance.now()), 'NATS')
  }

  /** @throws BrokerError UNAVAILABLE when the time is over: nothing is sent any more. */
  check (): void {
    if (performance.now() >= this.#endMs) throw new BrokerError('UNAVAILABLE', 'NATS was too slow: it was not asked')
  }
}

/**
 * Requests over a connection. Answers come to subjects of ours, so that a user of NATS needs no
 * permission for other ones.
 */
export class NatsRequests {
  readonly #connection: NatsConnection
  readonly #inbox: string
  readonly #answers = new Map<string, (message: NatsMessage) => void>()
  readonly #pending = new Set<Promise<unknown>>()
  #subscription: NatsSubscription | undefined
  #count = 0

  constructor (connection: NatsConnection, prefix: string) {
    this.#connection = connection
    this.#inbox = `${prefix}.@inbox.${randomBytes(9).toString('base64url')}`
  }

  /**
   * @throws BrokerError, by rejecting: `UNAVAILABLE` when nobody has the request, `TIMEOUT` when
   *   that is not known.
   */
  async ask (subject: string, text: string, headers: NatsHeaderValues = {}, deadline: Deadline = new Deadline()): Promise<NatsMessage> {
    deadline.check()
    const answer = this.#ask(subject, text, headers, deadline)
    this.#pending.add(answer)
    try {
      return await answer
    } finally {
      this.#pending.delete(answer)
    }
  }

  async #ask (subject: string, text: string, headers: NatsHeaderValues, deadline: Deadline): Promise<NatsMessage> {
    this.#subscription ??= this.#connection.subscribe(`${this.#inbox}.*`, { callback: (error, message) => this.#take(error, message) })
    const reply = `${this.#inbox}.${this.#count++}`
    const answered = new Promise<NatsMessage>((resolve) => this.#answers.set(reply, resolve))
    try {
      this.#publish(subject, text, reply, headers)
      const answer = await deadline.within(answered)
      if (answer.headers?.code === NO_RESPONDERS) throw new NoResponder(subject)
      return answer
    } finally {
      this.#answers.delete(reply)
    }
  }

  /** Hears a subject of ours that nobody else knows. */
  listen (take: (message: NatsMessage) => void): { readonly subject: string, readonly subscription: NatsSubscription } {
    const subject = `${this.#inbox}.${this.#count++}.all`
    const callback = (error: Error | null, message: NatsMessage): void => { if (error === null) take(message) }
    return { subject, subscription: this.#connection.subscribe(subject, { callback }) }
  }

  /** Waits for what is on its way. */
  async close (): Promise<void> {
    await Promise.allSettled(this.#pending)
    this.#subscription?.unsubscribe()
  }

  #publish (subject: string, text: string, reply: string, headers: NatsHeaderValues): void {
    try {
      this.#connection.publish(subject, text, Object.keys(headers).length === 0 ? { reply } : { reply, headers: headersOf(headers) })
    } catch (error) {
      throw new BrokerError('UNAVAILABLE', `NATS: ${(error as Error).message}`, error)
    }
  }

  #take (error: Error | null, message: NatsMessage): void {
    if (error === null) this.#answers.get(message.subject)?.(message)
  }
}
