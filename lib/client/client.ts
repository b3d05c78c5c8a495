import type { Binary, CallSettings, Client, ClientOptions, Fresh, Off, StateChange, StreamSettings, Validate } from '../../types/client.js'
import type { AnyContract } from '../../types/contract.js'
import { CANCEL, DONE, ERROR, NEXT, REPLY, MESSAGE_TOO_BIG, REF } from '../protocol.js'
import { Reconnector } from './reconnect.js'
import { Emitter } from './emitter.js'
import { ended, errorOf, invalidMessage } from './errors.js'
import { SendQueue, type Unsent } from './send-queue.js'
import { PendingCalls, type MessageSender } from './calls.js'
import { quiet } from './quiet.js'
import { CallHandlers, type CallHandler, type MessageReplier } from './call-handlers.js'
import { Stream } from './stream.js'

type Payload = Readonly<Record<string, unknown>>
type Message = Record<string, unknown>

// What is heard beside events, whose names are strings.
const BINARY = 0
const STATE = 1
const REOPEN = 2
const FAILURE = 3

const ANSWERS: readonly string[] = [REPLY, NEXT, DONE, ERROR]
/** After so many attempts in a row that never opened, an error says what to check. */
const MAX_MISSES = 3

/** One conversation, whatever becomes of its connections. */
class TypedClient extends Reconnector implements MessageSender, MessageReplier {
  readonly #queue: SendQueue
  readonly #questions: PendingCalls
  readonly #served: CallHandlers = new CallHandlers(this)
  readonly #emitter: Emitter = new Emitter()
  readonly #discriminator: string
  opened!: Promise<void>
  #settle!: readonly [resolve: () => void, reject: (error: Error) => void]
  #end: Error | undefined
  #isOpen = false
  #hasOpened = false
  #misses = 0

  constructor (url: Fresh<string | URL>, options: ClientOptions) {
    super(url, options)
    this.#expect()
    this.#discriminator = options.discriminator ?? 'type'
    this.#queue = new SendQueue(options)
    this.#questions = new PendingCalls(this, this.#queue)
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
      this.#questions.ask(type, payload, { complete: resolve, error: reject }, signal, timeoutMs)
    }))
  }

  stream (type: string, payload: Payload, { signal }: StreamSettings = {}): Stream {
    return new Stream(type, (asker) => this.#questions.ask(type, payload, asker, signal), this.options.maxBufferedItems)
  }

  on (type: string, listener: (payload: unknown) => void): Off {
    return this.#emitter.on(type, listener)
  }

  handle (type: string, handler: CallHandler): Off {
    const served = this.#served.set(type, handler)
    return () => { if (served.get(type) === handler) served.delete(type) }
  }

  onBinary (listener: (data: unknown) => void): Off {
    return this.#emitter.on(BINARY, listener)
  }

  onState (listener: (change: StateChange) => void): Off {
    // Unless it has changed again meanwhile: another listener may have closed the client.
    return this.#emitter.on(STATE, (change: StateChange) => { if (change.state === this.state) listener(change) })
  }

  onReopen (listener: () => void): Off {
    return this.#emitter.on(REOPEN, listener)
  }

  onError (listener: (error: Error) => void): Off {
    return this.#emitter.on(FAILURE, listener)
  }

  // What its questions and its answers ask of it.

  put (message: Unsent): boolean {
    if (this.#end) throw this.#end
    const { isOpen } = this
    if (isOpen) this.ws!.send(message.data as never)
    else this.#queue.push(message)
    return isOpen
  }

  textOf (type: string, payload?: object): string {
    // First, for whoever reads it; and last, because no payload may change it.
    return JSON.stringify({ [this.#discriminator]: type, ...payload, [this.#discriminator]: type })
  }

  say (type: string, body?: object): void {
    if (this.isOpen) this.ws!.send(this.textOf(type, body) as never)
  }

  check (...received: Parameters<Validate>): Error | undefined {
    try {
      const reason = this.options.validate?.(...received)
      return reason === undefined ? undefined : invalidMessage(reason, received[0] === 'call' ? { statusCode: 400 } : {})
    } catch (cause) {
      return invalidMessage('validate failed', { cause })
    }
  }

  // What its connections tell it.

  changed (change: StateChange): void {
    const { state, code } = change
    if (this.#isOpen) {
      this.#expect()
      this.#served.cancelAll()
    }
    this.#isOpen = state === 'open'
    if (this.#isOpen) {
      this.#greet()
    } else if (state === 'waiting') {
      const error = ended('FST_TYPED_WS_DISCONNECTED', 'The connection was lost', change)
      this.#questions.disconnect(error)
      if (code === MESSAGE_TOO_BIG) this.failed(error)
      if (++this.#misses === MAX_MISSES) {
        this.failed(ended('FST_TYPED_WS_UNREACHABLE', 'No attempt has opened: check the URL and the server\'s option origin', change))
      }
    } else if (state === 'closed') {
      this.#end = ended('FST_TYPED_WS_CLIENT_CLOSED', 'The client is closed', change)
      this.#settle[1](this.#end)
      this.#queue.clear()
      this.#questions.disconnect(this.#end)
    }
    this.#emitter.tell(STATE, change)
  }

  failed (error: unknown): void {
    void quiet(this.#report(error))
  }

  received (data: string | ArrayBuffer): void {
    if (typeof data !== 'string') return void this.#emitter.tell(BINARY, data)
    try {
      const { [this.#discriminator]: type, [REF]: ref, ...payload } = JSON.parse(data) as Message
      // Throws where the type is no string.
      this.#receive(type as string, ref as number | undefined, payload)
    } catch (cause) {
      this.failed(invalidMessage('not a message', { cause }))
    }
  }

  #greet (): void {
    this.#settle[0]()
    // Its own end is no attempt that never opened.
    this.#misses = -1
    if (this.#hasOpened) this.#emitter.tell(REOPEN)
    this.#hasOpened = true
    for (const message of this.#queue) {
      if (!this.isOpen) return
      this.#queue.delete(message)
      this.ws!.send(message.data as never)
    }
  }

  #expect (): void {
    this.opened = quiet(new Promise((...settle) => { this.#settle = settle }))
  }

  #receive (type: string, ref: number | undefined, payload: Message): void {
    if (!type.startsWith('$')) this.#hear(type, ref, payload)
    else if (type === CANCEL) this.#served.cancel(ref!)
    else if (type === ERROR && typeof ref !== 'number') this.failed(errorOf(payload))
    else if (ANSWERS.includes(type)) this.#questions.take(type, ref!, payload)
  }

  #hear (type: string, ref: number | undefined, payload: Message): void {
    const refusal = this.check(ref === undefined ? 'event' : 'call', type, payload)
    if (refusal) this.failed(refusal)
    if (ref !== undefined) void this.#served.answer(type, ref, payload, refusal)
    else if (!refusal) this.#emitter.tell(type, payload)
  }

  // Asynchronous for the sake of an error that cannot be read, which the console throws at.
  async #report (error: unknown): Promise<void> {
    if (!this.#emitter.tell(FAILURE, error)) console.warn(error)
  }
}

/**
 * Opens a conversation with a typed route, and keeps it: it comes back when the connection is lost,
 * unless the server said that it shall not.
 *
 * @param url - of the route, relative to the page or absolute, of http or ws; or a function that
 * gives it before each attempt.
 * @throws `FST_TYPED_WS_INVALID_OPTION`
 *
 * @example
 * import type { chat } from '../contracts/chat.js'
 *
 * const client = createClient<typeof chat>('/chat/lobby', { protocol: 'chat.v1' })
 * client.on('message', ({ text }) => show(text))
 * client.send('message', { text: 'Hello', date: Date.now() })
 */
export function createClient<C extends AnyContract> (url: Fresh<string | URL>, options: ClientOptions<C> = {}): Client<C> {
  return new TypedClient(url, options) as unknown as Client<C>
}
