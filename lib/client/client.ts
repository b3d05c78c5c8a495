import type { BinaryClient } from '../../types/binary.js'
import type {
  Binary, CallSettings, Client, ClientOptions, ClientOptionsWith, ClientUrls, Fresh, NoContract, Off, StateChange, StreamSettings, Validate
} from '../../types/client.js'
import type { AnyContract } from '../../types/contract.js'
import type { PresenceClient } from '../../types/presence.js'
import type { RecoveringClient } from '../../types/recovery.js'
import { CANCEL, DONE, ERROR, NEXT, REPLY, MESSAGE_TOO_BIG, REF } from '../protocol.js'
import { Reconnector } from './reconnect.js'
import { Emitter } from './emitter.js'
import { ended, errorOf, invalidMessage } from './errors.js'
import { SendQueue, type Unsent } from './send-queue.js'
import { PendingCalls, type MessageSender } from './calls.js'
import { quiet } from './quiet.js'
import { CallHandlers, type CallHandler, type ReplySender } from './call-handlers.js'
import { Stream } from './stream.js'

type Payload = Readonly<Record<string, unknown>>
type Message = Record<string, unknown>

// The names of the client's own events; an event of the contract has a string.
const BINARY = 0
const STATE = 1
const REOPEN = 2
const FAILURE = 3

const ANSWERS: readonly string[] = [REPLY, NEXT, DONE, ERROR]
/** The number of attempts in a row without an opening, after which an error says what to check. */
const MAX_MISSES = 3

/** A client of one route, over as many connections as it takes. */
export class TypedClient extends Reconnector implements MessageSender, ReplySender {
  readonly #queue: SendQueue = new SendQueue()
  readonly #pendingCalls: PendingCalls = new PendingCalls(this, this.#queue)
  readonly #callHandlers: CallHandlers = new CallHandlers(this)
  readonly #emitter: Emitter = new Emitter()
  readonly #discriminator: string
  opened!: Promise<void>
  #settlers!: readonly [resolve: () => void, reject: (error: Error) => void]
  #end: Error | undefined
  #isOpen = false
  #openings = 0
  #misses = 0

  constructor (url: Fresh<string | URL>, options: ClientOptions) {
    super(url, options)
    this.#renewOpened()
    this.#discriminator = options.discriminator ?? 'type'
    void this.connect()
  }

  get protocol (): string {
    return this.ws?.protocol ?? ''
  }

  get bufferedAmount (): number {
    return this.ws?.bufferedAmount ?? 0
  }

  send (type: string, payload: Payload): boolean {
    return this.put({ data: this.textOf(type, payload) })
  }

  sendBinary (data: Binary): boolean {
    return this.put({ data: typeof data === 'string' ? new TextEncoder().encode(data) : data })
  }

  call (type: string, payload: Payload, { signal, timeoutMs = this.options.callTimeoutMs ?? 10_000 }: CallSettings = {}): Promise<unknown> {
    return quiet(new Promise((resolve, reject) => {
      this.#pendingCalls.ask(type, payload, { complete: resolve, error: reject }, signal, timeoutMs)
    }))
  }

  stream (type: string, payload: Payload, { signal }: StreamSettings = {}): Stream {
    return new Stream(type, (sink) => this.#pendingCalls.ask(type, payload, sink, signal), this.options.maxBufferedItems)
  }

  on (type: string, listener: (payload: unknown) => void): Off {
    return this.#emitter.on(type, listener)
  }

  handle (type: string, handler: CallHandler): Off {
    const handlers = this.#callHandlers.set(type, handler)
    return () => { if (handlers.get(type) === handler) handlers.delete(type) }
  }

  onBinary (listener: (data: unknown) => void): Off {
    return this.#emitter.on(BINARY, listener)
  }

  onState (listener: (change: StateChange) => void): Off {
    // The state may have changed again meanwhile: another listener may have closed the client.
    return this.#emitter.on(STATE, (change: StateChange) => { if (change.state === this.state) listener(change) })
  }

  onReopen (listener: () => void): Off {
    return this.#emitter.on(REOPEN, listener)
  }

  onError (listener: (error: Error) => void): Off {
    return this.#emitter.on(FAILURE, listener)
  }

  // Sending, for calls and answers too.

  put (message: Unsent): boolean {
    if (this.#end) throw this.#end
    const { isOpen } = this
    if (isOpen) this.ws!.send(message.data as never)
    else this.#queue.push(message, this.options)
    return isOpen
  }

  textOf (type: string, payload?: object): string {
    // The type stands first for a reader, and is set last because no payload may change it.
    return JSON.stringify({ [this.#discriminator]: type, ...payload, [this.#discriminator]: type })
  }

  sendReserved (type: string, body?: object): void {
    if (this.isOpen) this.ws!.send(this.textOf(type, body) as never)
  }

  check (...received: Parameters<Validate>): Error | undefined {
    try {
      const reason = this.options.validate?.(...received)
      return reason === undefined ? reason : invalidMessage(reason, received[0] === 'call' ? { statusCode: 400 } : {})
    } catch (cause) {
      return invalidMessage('validate failed', { cause })
    }
  }

  // Events of the connections.

  changed (change: StateChange): void {
    const { state, code } = change
    if (this.#isOpen) {
      this.#renewOpened()
      this.#callHandlers.cancelAll()
    }
    this.#isOpen = state === 'open'
    if (this.#isOpen) {
      this.#flush()
    } else if (state === 'waiting') {
      const error = ended('FST_TYPED_WS_DISCONNECTED', 'The connection was lost', change)
      this.#pendingCalls.disconnect(error)
      if (code === MESSAGE_TOO_BIG) this.failed(error)
      if (++this.#misses === MAX_MISSES) {
        this.failed(ended('FST_TYPED_WS_UNREACHABLE', 'No attempt has opened: check the URL and the server\'s option origin', change))
      }
    } else if (state === 'closed') {
      this.#end = ended('FST_TYPED_WS_CLIENT_CLOSED', 'The client is closed', change)
      this.#settlers[1](this.#end)
      this.#queue.clear()
      this.#pendingCalls.disconnect(this.#end)
    }
    this.#emitter.emit(STATE, change)
  }

  failed (error: unknown): void {
    try {
      if (!this.#emitter.emit(FAILURE, error)) console.warn(error)
    } catch {
      // The console throws at an error that cannot be read: that is no end of the app.
    }
  }

  received (data: string | ArrayBuffer): void {
    if (typeof data !== 'string') return void this.#emitter.emit(BINARY, data)
    try {
      const { [this.#discriminator]: type, [REF]: ref, ...payload } = JSON.parse(data) as Message
      // This throws when the type is no string.
      this.take(type as string, ref as number | undefined, payload)
    } catch (cause) {
      this.failed(invalidMessage('not a message', { cause }))
    }
  }

  #flush (): void {
    this.#settlers[0]()
    // The end of this connection counts up to 0: it is no attempt without an opening.
    this.#misses = -1
    if (this.#openings++ > 0) this.#emitter.emit(REOPEN)
    for (const message of this.#queue) {
      if (!this.isOpen) return
      this.#queue.delete(message)
      this.put(message)
    }
  }

  #renewOpened (): void {
    this.opened = quiet(new Promise((...settlers) => { this.#settlers = settlers }))
  }

  protected take (type: string, ref: number | undefined, payload: Message): void {
    if (!type.startsWith('$')) this.#takePayload(type, ref, payload)
    else if (type === CANCEL) this.#callHandlers.cancel(ref!)
    else if (type === ERROR && typeof ref !== 'number') this.failed(errorOf(payload))
    else if (ANSWERS.includes(type)) this.#pendingCalls.take(type, ref!, payload)
  }

  #takePayload (type: string, ref: number | undefined, payload: Message): void {
    const refusal = this.check(ref === undefined ? 'event' : 'call', type, payload)
    if (refusal) this.failed(refusal)
    if (ref !== undefined) void this.#callHandlers.answer(type, ref, payload, refusal)
    else if (!refusal) this.#emitter.emit(type, payload)
  }
}

/**
 * Connects to a typed route, and again when the connection is lost, unless the server has ended it
 * for good.
 *
 * @param url - of the route, relative to the page or absolute, of http or ws; or a function that
 * returns it before each attempt.
 * @throws `FST_TYPED_WS_INVALID_OPTION`
 *
 * @example
 * import type { chat } from '../contracts/chat.js'
 *
 * const client = createClient<typeof chat>('/chat/lobby', { protocol: 'chat.v1' })
 * client.on('message', ({ text }) => show(text))
 * client.send('message', { text: 'Hello', date: Date.now() })
 */
export function createClient<C extends AnyContract = NoContract> (
  url: ClientUrls[C['name']], options: ClientOptionsWith<C, 'recover' | 'presence' | 'binary'>
): RecoveringClient<C> & PresenceClient<C> & BinaryClient<C>
export function createClient<C extends AnyContract = NoContract> (
  url: ClientUrls[C['name']], options: ClientOptionsWith<C, 'recover' | 'presence'>
): RecoveringClient<C> & PresenceClient<C>
export function createClient<C extends AnyContract = NoContract> (
  url: ClientUrls[C['name']], options: ClientOptionsWith<C, 'recover' | 'binary'>
): RecoveringClient<C> & BinaryClient<C>
export function createClient<C extends AnyContract = NoContract> (
  url: ClientUrls[C['name']], options: ClientOptionsWith<C, 'presence' | 'binary'>
): PresenceClient<C> & BinaryClient<C>
export function createClient<C extends AnyContract = NoContract> (
  url: ClientUrls[C['name']], options: ClientOptionsWith<C, 'recover'>
): RecoveringClient<C>
export function createClient<C extends AnyContract = NoContract> (
  url: ClientUrls[C['name']], options: ClientOptionsWith<C, 'presence'>
): PresenceClient<C>
export function createClient<C extends AnyContract = NoContract> (
  url: ClientUrls[C['name']], options: ClientOptionsWith<C, 'binary'>
): BinaryClient<C>
export function createClient<C extends AnyContract = NoContract> (url: ClientUrls[C['name']], options?: ClientOptions<C>): Client<C>
export function createClient<C extends AnyContract> (url: Fresh<string | URL>, options: ClientOptions<C> = {}): Client<C> {
  let Base = TypedClient
  for (const extend of [options.binary, options.presence, options.recover]) if (extend) Base = extend(Base)
  return new Base(url, options) as unknown as Client<C>
}
