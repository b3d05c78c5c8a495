import { setTimeout as pause } from 'node:timers/promises'
import type { Position } from '../../../types/broker.js'
import type { RecoveryReason } from '../../../types/socket.js'
import type { Recovery } from '../stats.js'
import type { Frame } from '../transport/frame.js'
import type { RecoverableTopic, TopicReader } from './recoverable-topic.js'
import type { StoredEvent } from './stored-event.js'
import type { Place, RecoverySettings } from './tail.js'

/** A connection, as its recoverable topics need it. None of these methods throws. */
export interface Recipient {
  /** The client asked for positions. */
  readonly asks: boolean
  /** The client reads too slowly, and an event that finds no room must not be handed over. */
  readonly mustWait: boolean
  isSender (sender: string): boolean
  /** The position that the client brought; it is given once. Waits for the client to tell. */
  positionIn (topic: string): Promise<Position | undefined>
  /** Sends an event. */
  send (frame: Frame): void
  /** Sends an event that was missed: it finds room. */
  replay (frame: Frame): void
  /** Tells a client that asked where it is in a topic; without a position, that it left. */
  tell (topic: string, position?: Position, recovery?: Recovery): void
  /** Observes the outcome. */
  recovered (topic: string, recovery: Recovery): void
}

// A read, and a repair that was waited for first; once more where others moved the tail meanwhile.
const MAX_TRIES = 4
const RETRY_MS = 250
const REASONS = { ahead: 'lost', behind: 'expired', unknown: 'expired' } as const
// A sender that hears nothing but its own events would keep an old position.
const MAX_OWN = 64

/**
 * One connection in one recoverable topic. It is *current* when it is among the topic's readers; or
 * it has a position of its own, from which it catches up: as a newcomer, or because it was slow.
 */
export class TopicMember implements TopicReader {
  readonly #name: string
  readonly #topic: RecoverableTopic
  readonly #recipient: Recipient
  readonly #settings: RecoverySettings
  #position: Position | undefined = undefined
  // The client has not been told yet where it is.
  #isNew = true
  #hasBrought = false
  #isWaiting = false
  #isOver = false
  #own = 0

  constructor (name: string, topic: RecoverableTopic, recipient: Recipient, settings: RecoverySettings) {
    this.#name = name
    this.#topic = topic
    this.#recipient = recipient
    this.#settings = settings
  }

  /**
   * @param isRecovering - use the position that the client brought.
   * @returns as `RecoverableTopic.live` does.
   */
  join (isRecovering: boolean): true | Promise<boolean> {
    const live = this.#topic.live()
    if (live === true && !this.#recipient.asks) this.#topic.readers.add(this)
    else void this.#enter(isRecovering)
    return live
  }

  leave (): void {
    this.#isOver = true
    this.#topic.readers.delete(this)
    if (this.#recipient.asks) this.#recipient.tell(this.#name)
  }

  /** The client has caught up. */
  onDrain (): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    void this.#catchUp()
  }

  take (event: StoredEvent): void {
    const recipient = this.#recipient
    if (recipient.isSender(event.sender)) this.#skip(event)
    else if (recipient.mustWait) this.#fallBehind(event)
    else this.#send(event)
  }

  broken (): void {
    this.#outcome({ recovered: false, reason: 'lost' })
  }

  #send (event: StoredEvent): void {
    this.#own = 0
    this.#recipient.send(this.#recipient.asks ? event.placed : event.plain)
  }

  #skip ({ offset }: StoredEvent): void {
    if (!this.#recipient.asks || ++this.#own < MAX_OWN) return
    this.#own = 0
    this.#recipient.tell(this.#name, { ...this.#topic.tail.top, offset })
  }

  #fallBehind ({ previous }: StoredEvent): void {
    this.#topic.readers.delete(this)
    this.#position = { ...this.#topic.tail.top, offset: previous }
    this.#isWaiting = true
  }

  async #enter (isRecovering: boolean): Promise<void> {
    const here = this.#topic.position
    const asked = this.#recipient.asks && isRecovering
    const brought = asked ? await this.#recipient.positionIn(this.#name) : undefined
    const isLate = brought !== undefined && !await this.#starts()
    if (this.#isOver) return
    if (isLate) this.#recipient.recovered(this.#name, this.#tellUnavailable())
    const start = here ?? await this.#topic.started
    if (this.#isOver) return
    this.#hasBrought = brought !== undefined && !isLate
    this.#position = this.#hasBrought ? brought : start
    await this.#catchUp()
  }

  #tellUnavailable (): Recovery {
    const recovery = { recovered: false, reason: 'unavailable' } as const
    this.#recipient.tell(this.#name, undefined, recovery)
    return recovery
  }

  async #starts (): Promise<boolean> {
    const { timeoutMs } = this.#settings
    if (this.#topic.position !== undefined) return true
    const controller = new AbortController()
    const late = pause(timeoutMs, false, { ref: false, signal: controller.signal }).catch(() => false)
    const started = await Promise.race([this.#topic.started.then(() => true), late])
    controller.abort()
    return started
  }

  // The last step awaits nothing: what follows the position, and then the place among the readers.
  async #catchUp (): Promise<void> {
    const endMs = Date.now() + this.#settings.timeoutMs
    for (let tries = 0; !this.#isOver;) {
      if (this.#recipient.mustWait) {
        this.#isWaiting = true
        return
      }
      const place = this.#topic.tail.placeOf(this.#position!)
      if (typeof place === 'number') return this.#replay(place)
      const reason = tries++ < MAX_TRIES ? await this.#seek(place, endMs) : this.#reasonFor(place)
      if (reason !== undefined) return this.#fail(reason)
    }
  }

  async #seek (place: Place, endMs: number): Promise<RecoveryReason | undefined> {
    const { tail } = this.#topic
    if (place === 'unknown') return 'expired'
    if (place === 'behind' && tail.beyond !== undefined) return tail.beyond
    while (!this.#isOver && !await this.#topic.seek(place)) {
      if (Date.now() >= endMs) return 'unavailable'
      await pause(RETRY_MS, undefined, { ref: false })
    }
    return place === 'ahead' && tail.placeOf(this.#position!) === 'ahead' ? this.#reasonFor(place) : undefined
  }

  #reasonFor (place: 'ahead' | 'behind' | 'unknown'): RecoveryReason {
    const isSameHistory = this.#position!.epoch === this.#topic.tail.top.epoch
    return place === 'ahead' && isSameHistory ? 'expired' : REASONS[place]
  }

  #replay (index: number): void {
    const recipient = this.#recipient
    const events = this.#topic.tail.from(index).filter(({ text, sender }) => text !== undefined && !recipient.isSender(sender))
    if (this.#isTooMuch(events)) return this.#fail('limit')
    if (this.#hasBrought) this.#outcome({ recovered: true, missed: events.length }, this.#position)
    else if (this.#isNew && recipient.asks) recipient.tell(this.#name, this.#position)
    for (const event of events) recipient.replay(recipient.asks ? event.placed : event.plain)
    this.#join()
  }

  #isTooMuch (events: readonly StoredEvent[]): boolean {
    const { maxMessages, maxBytes } = this.#settings
    return events.length > maxMessages || events.reduce((sum, { size }) => sum + size, 0) > maxBytes
  }

  #fail (reason: RecoveryReason): void {
    if (this.#isOver) return
    this.#outcome({ recovered: false, reason: this.#isNew ? reason : 'slow' })
    this.#join()
  }

  #join (): void {
    this.#isNew = this.#hasBrought = false
    this.#own = 0
    this.#position = undefined
    this.#topic.readers.add(this)
  }

  #outcome (recovery: Recovery, position: Position = this.#topic.tail.top): void {
    if (this.#recipient.asks) this.#recipient.tell(this.#name, position, recovery)
    this.#recipient.recovered(this.#name, recovery)
  }
}
