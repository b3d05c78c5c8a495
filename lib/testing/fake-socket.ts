import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { FastifyBaseLogger, FastifyRequest, SocketData } from 'fastify'
import type { AnyContract } from '../../types/contract.js'
import type { BinaryData, CallOptions, MemberOptions, Socket, SubscribeOptions } from '../../types/socket.js'
import type { FakeSocket, FakeSocketOptions } from '../../types/testing.js'
import { CloseCode } from '../protocol.js'
import { messageOf } from '../schema/message.js'
import { closeFrameOf } from '../server/connection/close-frame.js'
import { Expiry } from '../server/connection/expiry.js'
import * as errors from '../server/errors.js'
import { checkTopic } from '../server/topics/hub.js'
import { expectPresence } from '../server/topics/topic-kind.js'
import { bytesOf } from '../server/transport/frame.js'

interface Sent {
  readonly type: string
  readonly payload: unknown
  readonly binary?: Uint8Array | Blob
}

type CallHandler = (payload: unknown) => unknown

const OPEN = 1
const CLOSED = 3

/**
 * Makes a socket without a connection, to call a handler with in a unit test. It does what a real
 * one does with names, topics, binary frames and close codes, and records the rest.
 *
 * @param contract - of the route whose handler is tested.
 * @param options - the request and the data that the handler reads.
 *
 * @example
 * const socket = fakeSocket(chat, { request: { person: ada } })
 * await on.message({ text: 'hello' }, socket, fakeMessage('message'))
 * assert.deepEqual(socket.sent, [{ type: 'message', payload: { text: 'hello', by: 'Ada' } }])
 */
export function fakeSocket<C extends AnyContract, Request = FastifyRequest> (
  contract: C,
  options: FakeSocketOptions<NoInfer<Request>> = {}
): FakeSocket<C, Request> {
  return new RecordingSocket(contract, options) as unknown as FakeSocket<C, Request>
}

class RecordingSocket implements Socket {
  readonly id: string
  readonly request: FastifyRequest
  readonly data: SocketData
  readonly log: FastifyBaseLogger
  readonly contract: AnyContract
  readonly bufferedAmount: number = 0
  readonly topics: Set<string> = new Set()
  readonly sent: Sent[] = []
  readonly published: Array<Sent & { readonly topic: string }> = []
  readonly called: Sent[] = []
  readonly sentBinary: Array<Uint8Array | Blob> = []
  closed: { readonly code: number, readonly reason: string } | undefined = undefined
  readonly #handlers: Map<string, CallHandler> = new Map()
  readonly #ended: AbortController = new AbortController()
  readonly #expiry: Expiry = new Expiry(() => this.close(CloseCode.expired, 'credentials expired'))

  constructor (contract: AnyContract, { request, data = {}, id = randomUUID() }: FakeSocketOptions) {
    this.id = id
    this.contract = contract
    this.data = data
    this.log = request?.log ?? quiet
    this.request = { log: quiet, ...request } as FastifyRequest
  }

  get protocol (): string {
    return this.contract.name
  }

  get readyState (): 1 | 3 {
    return this.closed === undefined ? OPEN : CLOSED
  }

  get raw (): never {
    throw new TypeError('A fake socket has no WebSocket below it: test what uses socket.raw by app.injectClient')
  }

  get signal (): AbortSignal {
    return this.#ended.signal
  }

  get expiresAt (): Date | undefined {
    return this.#expiry.at
  }

  set expiresAt (at: Date | undefined) {
    this.#expiry.move(at)
  }

  send (type: string, payload: unknown): boolean {
    this.#check('event', type)
    if (this.closed !== undefined) return false
    this.sent.push({ type, payload })
    return true
  }

  sendBinary (first: BinaryData | string, ...event: [] | [payload: unknown, data: BinaryData]): boolean {
    if (event.length > 0) return this.#sendWithBinary(first as string, ...event as [unknown, BinaryData])
    const { binary, name } = this.contract
    if (!binary.serverToClient) throw new errors.OutgoingBinary(name)
    const bytes = copyOf(first)
    if (this.closed !== undefined) return false
    this.sentBinary.push(bytes)
    return true
  }

  drained (): Promise<void> {
    return this.closed === undefined ? Promise.resolve() : unawaited(Promise.reject(new errors.ConnectionClosed()))
  }

  call (type: string, payload: unknown, { signal }: CallOptions = {}): Promise<unknown> {
    return unawaited(this.#call(type, payload, signal))
  }

  handle (type: string, handler: CallHandler): void {
    this.#check('call', type)
    this.#handlers.set(type, handler)
  }

  async subscribe (topic: string, { info, key }: SubscribeOptions & Partial<MemberOptions> = {}): Promise<boolean> {
    checkTopic(topic)
    if (info !== undefined || key !== undefined) expectPresence(this.contract, topic)
    if (this.closed === undefined) this.topics.add(topic)
    return this.closed === undefined
  }

  unsubscribe (topic: string): void {
    this.topics.delete(topic)
  }

  publish (topic: string, type: string, payload: unknown): void {
    checkTopic(topic)
    this.#check('event', type)
    this.published.push({ topic, type, payload })
  }

  close (code: number = CloseCode.normal, reason: string | Uint8Array = ''): void {
    const [sentCode = 1005, sentReason = ''] = closeFrameOf(code, reason)
    this.#end(sentCode, sentReason)
  }

  terminate (): void {
    this.#end(CloseCode.abnormal, '')
  }

  #sendWithBinary (type: string, payload: unknown, data: BinaryData): boolean {
    const binary = copyOf(data)
    this.#check('event', type, true)
    if (this.closed !== undefined) return false
    this.sent.push({ type, payload, binary })
    return true
  }

  #end (code: number, reason: string): void {
    if (this.closed !== undefined) return
    this.closed = { code, reason }
    this.#expiry.stop()
    this.topics.clear()
    this.#ended.abort()
  }

  async #call (type: string, payload: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    this.#check('call', type)
    signal?.throwIfAborted()
    if (this.closed !== undefined) throw new errors.ConnectionClosed()
    this.called.push({ type, payload })
    const ends = [failAfter(this.signal, () => new errors.ConnectionClosed())]
    if (signal !== undefined) ends.push(failAfter(signal, () => signal.reason))
    return await Promise.race([this.#answer(type, payload), ...ends])
  }

  async #answer (type: string, payload: unknown): Promise<unknown> {
    const handler = this.#handlers.get(type)
    if (handler === undefined) throw refused(type, { statusCode: 501, message: `no handler for '${type}'` })
    try {
      return await handler(payload)
    } catch (error) {
      throw refused(type, error as Error)
    }
  }

  #check (kind: 'event' | 'call', type: string, hasBinary: boolean = false): void {
    const { name, serverToClient } = this.contract
    const message = Object.hasOwn(serverToClient, type) ? messageOf(serverToClient[type]!) : undefined
    if (message?.kind !== kind) throw new errors.OutgoingUnknown(name, kind, type)
    if (message.hasBinary !== hasBinary) throw errors.binaryMismatch(type, message.hasBinary)
  }
}

function copyOf (data: unknown): Uint8Array | Blob {
  const bytes = bytesOf(data)
  return bytes instanceof Blob ? bytes : Buffer.from(bytes)
}

function refused (type: string, { message, statusCode = 500 }: { readonly message: string, readonly statusCode?: number }): Error {
  return Object.assign(new errors.CallRefused(type, message), { body: { statusCode, message } })
}

async function failAfter (signal: AbortSignal, error: () => unknown): Promise<never> {
  await once(signal, 'abort')
  throw error()
}

// A rejection that nothing awaits does not end the process.
function unawaited<T> (promise: Promise<T>): Promise<T> {
  promise.catch(ignore)
  return promise
}

function ignore (): void {}

const quiet = {
  level: 'silent',
  msgPrefix: '',
  fatal: ignore,
  error: ignore,
  warn: ignore,
  info: ignore,
  debug: ignore,
  trace: ignore,
  silent: ignore,
  child: () => quiet
} as FastifyBaseLogger
