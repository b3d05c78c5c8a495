import { performance } from 'node:perf_hooks'
import { CloseCode, ErrorCode, Reserved } from '../../protocol.js'
import { after } from '../../timer.js'
import { arrivalMs } from '../transport/arrival.js'
import type { Decoded, Positions } from './decode.js'
import { failingMessage, type Received } from './message.js'
import type { InboundContext, InboundOwner } from './owner.js'
import { RateLimiter } from './rate-limit.js'
import { rejectionOf, TOO_MANY_REQUESTS, type Rejection } from './rejection.js'
import type { Responder } from './responder.js'
import type { Scheduler } from './scheduler.js'

// The time that handlers in front of the last rejection have before it is sent without them.
const ENDING_MS = 5000

/**
 * Admits the decoded messages of one connection, or rejects them: by the rate limit, and by the
 * number of invalid messages in a row. An admitted message goes to the scheduler.
 */
export class Admission {
  readonly #context: InboundContext
  readonly #owner: InboundOwner
  readonly #scheduler: Scheduler
  readonly #responder: Responder
  #limiter: RateLimiter | undefined = undefined
  // Until there is a token again.
  #throttle: NodeJS.Timeout | undefined = undefined
  #ending: NodeJS.Timeout | undefined = undefined
  // The number of invalid messages in a row.
  #invalid = 0

  constructor (context: InboundContext, owner: InboundOwner, scheduler: Scheduler, responder: Responder) {
    this.#context = context
    this.#owner = owner
    this.#scheduler = scheduler
    this.#responder = responder
  }

  /** True while nothing is read for want of tokens. */
  get isThrottled (): boolean {
    return this.#throttle !== undefined
  }

  /** @param bytes - the length of the frames the message came in. */
  take (decoded: Decoded, bytes: number): void {
    switch (decoded.kind) {
      case 'event':
      case 'call':
      case 'stream': return this.#takeMessage(decoded, bytes)
      case 'rejection': return this.#takeInvalid(decoded)
      case 'fault': return this.#takeMessage(failingMessage(decoded.error, decoded.type, decoded.ref, decoded.payload), bytes)
      case 'ping': return this.#takePing()
      case 'positions': return this.#takePositions(decoded)
      case 'cancel': return this.#scheduler.cancel(decoded.ref) ? undefined : this.#charge(Reserved.cancel, decoded.ref)
      case 'reply':
      case 'error': return this.#owner.takeAnswer(decoded) ? undefined : this.#charge(`$${decoded.kind}`, decoded.ref)
    }
  }

  /**
   * Charges a frame that ends no message.
   * @returns whether it may be read now.
   */
  admitsFrame (): boolean {
    if (this.#owner.isGone || this.#admits(1)) return true
    if (this.#limiter?.isFlood === true) {
      this.#reject()
      return true
    }
    this.#wait()
    return false
  }

  /** Stops the timers: the client is gone. */
  end (): void {
    clearTimeout(this.#throttle)
    clearTimeout(this.#ending)
    this.#throttle = undefined
  }

  #takeMessage (message: Received, bytes: number): void {
    const { entry } = message
    if (!this.#admits(entry.cost)) return this.#reject(entry.name, message.ref)
    this.#invalid = 0
    message.bytes = bytes
    this.#scheduler.push(message, entry.isUrgent)
  }

  #takeInvalid (rejection: Rejection): void {
    const { maxInvalidMessages } = this.#context.settings
    this.#invalid++
    if (this.#invalid >= maxInvalidMessages) this.#endWith(rejection, CloseCode.policyViolation, 'too many invalid messages')
    else if (this.#admits(1)) this.#scheduler.push(rejection)
    else this.#reject(rejection.error.received, rejection.error.ref)
  }

  #takePositions ({ value, rejection }: Positions): void {
    const fault = this.#owner.takePositions(value)
    if (fault === false) this.#takeInvalid(rejection)
    else if (fault !== true) this.#takeInvalid(rejectionOf(ErrorCode.validation, fault, { received: Reserved.recover }))
  }

  #takePing (): void {
    if (this.#admits(1)) this.#responder.pong()
    else this.#reject(Reserved.ping)
  }

  // An answer that no call awaits, or a cancel that meets nothing, costs as much as a message.
  #charge (type: string, ref: number | undefined): void {
    if (!this.#admits(1)) this.#reject(type, ref)
  }

  #admits (cost: number): boolean {
    const { rateLimit } = this.#context.settings
    if (rateLimit === false) return true
    this.#limiter ??= new RateLimiter(rateLimit, arrivalMs())
    return this.#limiter.takeEarly(cost, arrivalMs()) || this.#limiter.take(cost, performance.now())
  }

  // A rejection costs the server as much as a message: it is sent once, and then nothing is read
  // until there is a token.
  #reject (received?: string, ref?: number): void {
    const rejection = rejectionOf(ErrorCode.rateLimited, 'too many messages', { received, ref }, TOO_MANY_REQUESTS)
    if (this.#limiter?.isFlood === true) return this.#endWith(rejection, CloseCode.rateLimited, 'too many messages')
    this.#wait()
    this.#scheduler.push(rejection)
  }

  // A client that is gone sends no more: its last messages are admitted or rejected at once.
  #wait (): void {
    if (this.#owner.isGone) return
    this.#throttle = after(this.#limiter!.waitMs(performance.now()), () => this.#goOn(), this.#throttle).unref()
    this.#owner.input.pause()
  }

  #goOn (): void {
    this.#throttle = undefined
    if (this.#limiter!.waitMs(performance.now()) > 0) this.#wait()
    else this.#scheduler.onProgress()
  }

  // The last rejection keeps its place, but does not wait for a handler that hangs. All input is
  // ignored meanwhile.
  #endWith (rejection: Rejection, code: number, reason: string): void {
    const last: Rejection = { ...rejection, ending: [code, reason] }
    this.#ending = after(ENDING_MS, () => this.#responder.reject(last)).unref()
    this.#scheduler.push(last)
    this.#owner.input.ignore()
  }
}
