import type { FastifyRequest } from 'fastify'
import type { Position } from '../../../types/broker.js'
import type { Socket } from '../../../types/socket.js'
import { PRESENCE, RECOVER, Reserved } from '../../protocol.js'
import { isRecord } from '../../record.js'
import { after } from '../../timer.js'
import { isOffered } from '../handshake/subprotocol.js'
import type { MessageEncoder } from '../messages/encode.js'
import type { Observer, Recovery } from '../stats.js'
import type { MemberRecipient } from '../topics/presence.js'
import type { Recipient } from '../topics/topic-member.js'
import type { Frame } from '../transport/frame.js'
import type { Output } from './output.js'

/** A connection, as its recipient needs it. */
export interface RecipientOwner {
  readonly socket: Socket
  readonly request: FastifyRequest
  readonly output: Output
  readonly route: {
    readonly encoder: MessageEncoder
    readonly observer: Observer
    readonly settings: { readonly maxTopics: number, readonly slowConsumer: 'close' | 'drop' }
  }
}

// A client that asked for positions tells its own in its first message.
const POSITIONS_MS = 5000
const CLIENT_NAME = /^[\w-]{8,64}$/

/**
 * A connection in its topics that are recoverable or have presence: the positions that its client
 * brought, its way out.
 */
export class ConnectionRecipient implements Recipient, MemberRecipient {
  readonly asks: boolean
  readonly asksMembers: boolean
  readonly #owner: RecipientOwner
  #positions: Map<string, Position> | undefined = undefined
  #client: string | undefined = undefined
  #own: string | undefined = undefined
  #naming: Promise<string> | undefined = undefined
  #timer: NodeJS.Timeout | undefined = undefined
  #waiting: Array<() => void> = []

  constructor (owner: RecipientOwner) {
    this.#owner = owner
    this.asks = isOffered(owner.request.raw, RECOVER)
    this.asksMembers = isOffered(owner.request.raw, PRESENCE)
  }

  /**
   * The name by which the events that it publishes are known. A client that asks tells its own in
   * its first message: by another one it would be given these events when it comes back.
   */
  get sender (): string | Promise<string> {
    if (this.#naming !== undefined) return this.#naming
    if (!this.asks || this.#positions !== undefined) return this.#name
    const naming = this.#told().then(() => this.#name)
    this.#naming = naming
    // Events that wait are published in front of those that need not.
    void naming.then(() => setImmediate(() => { this.#naming = undefined }))
    return naming
  }

  get #name (): string {
    if (this.#client !== undefined) return this.#client
    // A client chooses its name: that of a connection is none that it could choose.
    this.#own ??= `@${this.#owner.socket.id}`
    return this.#own
  }

  /** Only the client's own outbox is full: a client that does not ask is closed for that. */
  get mustWait (): boolean {
    const { output, route } = this.#owner
    return output.isSlow && (this.asks || route.settings.slowConsumer === 'drop')
  }

  get isSlow (): boolean {
    return this.#owner.output.isSlow
  }

  tellMembers (frame: Frame): void {
    this.#owner.output.replayFrame(frame)
  }

  isSender (sender: string): boolean {
    return sender !== '' && (sender === this.#client || sender === this.#own)
  }

  /**
   * Takes the client's positions.
   * @returns the fault of the message, or nothing.
   */
  takePositions ({ client, topics }: Readonly<Record<string, unknown>>): string | undefined {
    if (this.#positions !== undefined) return 'message may be sent once, as the first one'
    if (typeof client !== 'string' || !CLIENT_NAME.test(client)) return 'message/client must be 8 to 64 letters, digits, _ or -'
    const { maxTopics } = this.#owner.route.settings
    const given = isRecord(topics) ? Object.entries(topics) : [['', undefined]] as const
    if (given.length > maxTopics || !given.every(([, position]) => isPosition(position))) {
      return `message/topics must have positions [epoch, offset], ${maxTopics} at most`
    }
    this.#client = client
    this.#begin(new Map(given.map(([topic, position]) => [topic, toPosition(position as [string, number])])))
    return undefined
  }

  async positionIn (topic: string): Promise<Position | undefined> {
    if (this.#positions === undefined) await this.#told()
    const position = this.#positions!.get(topic)
    this.#positions!.delete(topic)
    return position
  }

  send (frame: Frame): void {
    this.#owner.output.sendFrame(frame)
  }

  replay (frame: Frame): void {
    this.#owner.output.replayFrame(frame)
  }

  tell (topic: string, position?: Position, recovery?: Recovery): void {
    const { output, route } = this.#owner
    output.sendReserved(route.encoder.topic({ topic, ...position, ...recovery }), Reserved.topic)
  }

  recovered (topic: string, recovery: Recovery): void {
    this.#owner.route.observer.recovered(this.#owner.socket, topic, recovery)
  }

  /** The connection has ended. */
  end (): void {
    if (this.#positions === undefined) this.#begin(new Map())
  }

  // The client has told its positions and its name, or its time for that is over.
  async #told (): Promise<void> {
    this.#timer ??= after(POSITIONS_MS, () => this.#begin(new Map())).unref()
    await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
  }

  #begin (positions: Map<string, Position>): void {
    clearTimeout(this.#timer)
    this.#positions = positions
    for (const resolve of this.#waiting) resolve()
    this.#waiting = []
  }
}

function isPosition (value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && Number.isSafeInteger(value[1])
}

function toPosition ([epoch, offset]: [string, number]): Position {
  return { epoch, offset }
}
