import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { AnyContract } from '../../../types/contract.js'
import type { CallOptions, Socket } from '../../../types/socket.js'
import type { ServerWebSocket } from '../transport/websocket.js'

/** A connection as its socket needs it: it does what the socket is asked to do. */
export type SocketOwner = Socket & { readonly raw: ServerWebSocket }

/**
 * The object that handlers hold: the members of `Socket` and nothing else. The connection behind it
 * has many more, and is kept in a private field, so that no code of the app's reaches them.
 */
export class TypedSocket implements Socket {
  readonly #connection: SocketOwner

  constructor (connection: SocketOwner) {
    this.#connection = connection
  }

  get id (): string {
    return this.#connection.id
  }

  get request (): FastifyRequest {
    return this.#connection.request
  }

  get log (): FastifyBaseLogger {
    return this.#connection.log
  }

  get contract (): AnyContract {
    return this.#connection.contract
  }

  get protocol (): string {
    return this.#connection.protocol
  }

  get readyState (): 0 | 1 | 2 | 3 {
    return this.#connection.readyState
  }

  get raw (): ServerWebSocket {
    return this.#connection.raw
  }

  get signal (): AbortSignal {
    return this.#connection.signal
  }

  get bufferedAmount (): number {
    return this.#connection.bufferedAmount
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
    return this.#connection.send(type, payload as never)
  }

  sendBinary (data: ArrayBufferView | ArrayBufferLike | Blob): boolean {
    return this.#connection.sendBinary(data as never)
  }

  drained (): Promise<void> {
    return this.#connection.drained()
  }

  call (type: string, payload: unknown, options?: CallOptions): Promise<unknown> {
    return this.#connection.call(type as never, payload as never, options)
  }

  subscribe (topic: string): Promise<void> {
    return this.#connection.subscribe(topic)
  }

  unsubscribe (topic: string): void {
    this.#connection.unsubscribe(topic)
  }

  publish (topic: string, type: string, payload: unknown): void {
    this.#connection.publish(topic, type, payload as never)
  }

  close (code?: number, reason?: string | Uint8Array): void {
    this.#connection.close(code, reason)
  }

  terminate (): void {
    this.#connection.terminate()
  }
}
