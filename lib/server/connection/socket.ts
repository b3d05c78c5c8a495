import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger, FastifyRequest, SocketData } from 'fastify'
import type { AnyContract } from '../../../types/contract.js'
import type { BinaryData, CallOptions, MemberOptions, Socket, SubscribeOptions } from '../../../types/socket.js'
import * as errors from '../errors.js'
import { isAbort, logIgnored } from '../failure.js'
import { attempt, ignorable } from '../ignorable.js'
import type { Encoder, MessageEncoder } from '../messages/encode.js'
import { checkTopic, type Hub, type Joining, type Subscriber } from '../topics/hub.js'
import { memberOf } from '../topics/presence.js'
import { bytesOf } from '../transport/frame.js'
import type { ServerWebSocket } from '../transport/websocket.js'
import type { Output } from './output.js'

/** A connection, as its socket needs it. */
export interface SocketOwner extends Subscriber {
  readonly route: {
    readonly contract: AnyContract
    readonly encoder: MessageEncoder
    /** Writes in the newest version. */
    readonly publisher: Encoder
    readonly registry: { readonly hub: Hub<SocketOwner> }
  }
  readonly request: FastifyRequest
  readonly ws: ServerWebSocket
  readonly output: Output
  readonly isOpen: boolean
  readonly signal: AbortSignal
  readonly topics: ReadonlySet<string>
  expiresAt: Date | undefined
  call (type: string, payload: unknown, options: CallOptions): Promise<unknown>
  /** Both expect a valid topic. Returns whether the topic is heard from other nodes. */
  subscribe (topic: string, joining: Joining): boolean | Promise<boolean>
  unsubscribe (topic: string): void
  close (code?: number, reason?: string | Uint8Array): void
  terminate (): void
}

let ownerOf: (socket: object) => SocketOwner | undefined

/** @returns undefined for an object that is no socket of this package. */
export function connectionOf (socket: object): SocketOwner | undefined {
  return ownerOf(socket)
}

/**
 * The object that handlers hold: the members of `Socket` and nothing else. The connection behind it
 * has many more; it is kept in a private field, so that code of the app cannot reach them.
 */
export class TypedSocket implements Socket {
  readonly #connection: SocketOwner
  #id: string | undefined = undefined
  #data: SocketData | undefined = undefined

  constructor (connection: SocketOwner) {
    this.#connection = connection
  }

  // A static method would be in reach of the app, by `socket.constructor`.
  static {
    ownerOf = (socket) => #connection in socket ? socket.#connection : undefined
  }

  // Made when it is first read: Node puts a UUID together from 15 strings and keeps them all.
  get id (): string {
    this.#id ??= randomUUID()
    return this.#id
  }

  get data (): SocketData {
    this.#data ??= {}
    return this.#data
  }

  get request (): FastifyRequest {
    return this.#connection.request
  }

  get log (): FastifyBaseLogger {
    return this.#connection.request.log
  }

  get contract (): AnyContract {
    return this.#connection.route.contract
  }

  get protocol (): string {
    return this.#connection.ws.protocol
  }

  get readyState (): 0 | 1 | 2 | 3 {
    return this.#connection.ws.readyState
  }

  get raw (): ServerWebSocket {
    return this.#connection.ws
  }

  get signal (): AbortSignal {
    return this.#connection.signal
  }

  get bufferedAmount (): number {
    return this.#connection.output.bufferedAmount
  }

  get topics (): ReadonlySet<string> {
    return this.#connection.topics
  }

  get expiresAt (): Date | undefined {
    return this.#connection.expiresAt
  }

  set expiresAt (at: Date | undefined) {
    this.#connection.expiresAt = at
  }

  send (type: string, payload: unknown): boolean {
    const connection = this.#connection
    if (!connection.isOpen) return false
    const text = connection.route.encoder.event(type, payload)
    return text === undefined || connection.output.sendEvent(text, type)
  }

  sendBinary (first: BinaryData | string, ...event: [] | [payload: unknown, data: BinaryData]): boolean {
    if (event.length > 0) return this.#sendWithBinary(first as string, ...event as [unknown, BinaryData])
    const { binary, name } = this.contract
    if (!binary.serverToClient) throw new errors.OutgoingBinary(name)
    return this.#connection.output.sendBinary(bytesOf(first))
  }

  drained (): Promise<void> {
    const drained = this.#connection.output.drained()
    // The end of the connection is known to the app in other ways: it need not await this one.
    drained.catch(() => {})
    return drained
  }

  call (type: string, payload: unknown, options: CallOptions = {}): Promise<unknown> {
    const { signal } = options
    return ignorable(this.#connection.call(type, payload, options), (error) => {
      logIgnored(this.log, error, signal !== undefined && isAbort(error, signal))
    })
  }

  subscribe (topic: string, { recover, ...given }: SubscribeOptions & Partial<MemberOptions> = {}): Promise<boolean> {
    return attempt(() => {
      checkTopic(topic)
      const { publisher: encoder } = this.#connection.route
      const member = memberOf(this.contract, topic, given, { socket: this, encoder })
      return this.#connection.subscribe(topic, { isRecovering: recover, member })
    }, (error) => logIgnored(this.log, error))
  }

  unsubscribe (topic: string): void {
    this.#connection.unsubscribe(topic)
  }

  publish (topic: string, type: string, payload: unknown): void {
    checkTopic(topic)
    const { publisher, registry } = this.#connection.route
    // The node counts a failure of the broker and tells of it.
    registry.hub.publish(topic, { type, text: publisher.event(type, payload) }, this.#connection)?.catch(() => {})
  }

  close (code?: number, reason?: string | Uint8Array): void {
    this.#connection.close(code, reason)
  }

  terminate (): void {
    this.#connection.terminate()
  }

  #sendWithBinary (type: string, payload: unknown, data: BinaryData): boolean {
    const { isOpen, output, route } = this.#connection
    const bytes = bytesOf(data)
    if (!isOpen) return false
    const text = route.encoder.event(type, payload, true)
    return text === undefined || output.sendBinary(bytes, { type, text })
  }
}
