import type { Binary, CallSettings, Client, ClientOptions, ClientState, Fresh, Off, StateChange, StreamSettings } from '../../types/client.js'
import type { AnyContract } from '../../types/contract.js'
import { REF, Reserved } from '../protocol.js'
import { Connector, type ConnectorOwner } from './connector.js'
import { Emitter } from './emitter.js'
import { clientClosed, errorOf, invalidMessage } from './errors.js'
import { Queue, type Unsent } from './queue.js'
import { Questions, type Asker, type Line } from './questions.js'
import { Served, type CallHandler, type Desk } from './served.js'
import { Stream } from './stream.js'

type Payload = Readonly<Record<string, unknown>>
type Message = Record<string, unknown>

/** A promise that somebody else settles. */
interface Opening {
  readonly promise: Promise<void>
  resolve (): void
  reject (error: Error): void
}

// What is heard beside events, whose names are strings.
const BINARY = 0
const STATE = 1
const REOPEN = 2
const ERROR = 3

/** One conversation, whatever becomes of its connections. */
class Conversation implements ConnectorOwner, Line, Desk {
  readonly #connector: Connector
  readonly #queue: Queue
  readonly #questions: Questions
  readonly #served: Served = new Served(this)
  readonly #emitter: Emitter = new Emitter()
  readonly #options: ClientOptions
  readonly #discriminator: string
  #opening: Opening = openingOf()
  #end: Error | undefined
  #isOpen = false
  #hasOpened = false

  constructor (url: Fresh<string | URL>, options: ClientOptions) {
    this.#options = options
    this.#discriminator = options.discriminator ?? 'type'
    this.#queue = new Queue(options)
    this.#questions = new Questions(this, options.validate)
    this.#connector = new Connector(this, url, this.#textOf(Reserved.ping), options)
    void this.#connector.connect()
  }

  get state (): ClientState {
    return this.#connector.state
  }

  get protocol (): string {
    return this.#connector.protocol
  }

  get opened (): Promise<void> {
    return this.#opening.promise
  }

  send (type: string, payload: Payload): boolean {
    return this.put({ data: this.#textOf(type, payload) })
  }

  sendBinary (data: Binary): boolean {
    return this.put({ data: typeof data === 'string' ? new TextEncoder().encode(data) : data })
  }

  call (type: string, payload: Payload, { signal, timeoutMs = this.#options.callTimeoutMs ?? 10_000 }: CallSettings = {}): Promise<unknown> {
    const answer = new Promise((resolve, reject) => {
      this.#ask(type, payload, { done: resolve, failed: reject }, signal, timeoutMs)
    })
    // Not to await it ends no process.
    answer.catch(() => {})
    return answer
  }

  stream (type: string, payload: Payload, { signal }: StreamSettings = {}): Stream {
    return new Stream(type, (asker) => this.#ask(type, payload, asker, signal), this.#options.maxBufferedItems)
  }

  on (type: string, listener: (payload: unknown) => void): Off {
    return this.#emitter.on(type, listener)
  }

  handle (type: string, handler: CallHandler): Off {
    const { handlers } = this.#served
    handlers.set(type, handler)
    return () => { if (handlers.get(type) === handler) handlers.delete(type) }
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
    return this.#emitter.on(ERROR, listener)
  }

  retry (): void {
    this.#connector.retry()
  }

  close (code: number = 1000, reason: string = ''): void {
    this.#connector.close(code, reason)
  }

  // What its questions and its answers ask of it.

  put (message: Unsent): boolean {
    if (this.#end !== undefined) throw this.#end
    const { isOpen } = this.#connector
    if (isOpen) this.#connector.send(message.data)
    else this.#queue.push(message)
    return isOpen
  }

  isUnsent (question: Unsent): boolean {
    return this.#queue.has(question)
  }

  withdraw (question: Unsent & { readonly ref: number }): void {
    if (!this.#queue.remove(question)) this.say(Reserved.cancel, { ref: question.ref })
  }

  say (type: string, body: object): void {
    if (this.#connector.isOpen) this.#connector.send(this.#textOf(type, body))
  }

  // What its connections tell it.

  changed (change: StateChange): void {
    const { state } = change
    if (this.#isOpen) this.#lost()
    this.#isOpen = state === 'open'
    if (this.#isOpen) this.#greet()
    if (state === 'waiting') this.#questions.disconnect()
    if (state === 'closed') this.#finish(change)
    this.#emitter.tell(STATE, change)
  }

  failed (error: unknown): void {
    this.#report(error as Error)
  }

  received (data: string | ArrayBuffer): void {
    if (typeof data !== 'string') return void this.#emitter.tell(BINARY, data)
    try {
      const { [this.#discriminator]: type, [REF]: ref, ...payload } = JSON.parse(data) as Message
      if (typeof type !== 'string') throw new TypeError('no type')
      this.#receive(type, ref as number | undefined, payload)
    } catch (cause) {
      this.#report(invalidMessage('not a message', { cause }))
    }
  }

  #greet (): void {
    this.#opening.resolve()
    if (this.#hasOpened) this.#emitter.tell(REOPEN)
    this.#hasOpened = true
    let message: Unsent | undefined
    while (this.#connector.isOpen && (message = this.#queue.shift()) !== undefined) this.#connector.send(message.data)
  }

  #lost (): void {
    this.#opening = openingOf()
    this.#served.cancelAll()
  }

  #finish ({ code, reason }: StateChange): void {
    this.#end = clientClosed({ closeCode: code!, reason: reason! })
    this.#opening.reject(this.#end)
    this.#questions.end(this.#end)
  }

  #receive (type: string, ref: number | undefined, payload: Message): void {
    switch (type) {
      case Reserved.pong: return
      case Reserved.cancel: return this.#served.cancel(ref!)
      case Reserved.reply:
      case Reserved.next:
      case Reserved.done: return this.#questions.take(type, ref!, payload)
      case Reserved.error: return ref === undefined ? this.#report(errorOf(payload)) : this.#questions.take(type, ref, payload)
      default: this.#hear(type, ref, payload)
    }
  }

  #hear (type: string, ref: number | undefined, payload: Message): void {
    const reason = this.#options.validate?.(ref === undefined ? 'event' : 'call', type, payload)
    const refusal = reason === undefined ? undefined : invalidMessage(reason)
    if (refusal !== undefined) this.#report(refusal)
    if (ref !== undefined) void this.#served.answer(type, ref, payload, refusal)
    else if (refusal === undefined) this.#emitter.tell(type, payload)
  }

  #ask (type: string, payload: Payload, asker: Asker, signal?: AbortSignal, timeoutMs?: number): () => void {
    return this.#questions.ask(type, (ref) => this.#textOf(type, { ...payload, [REF]: ref }), asker, signal, timeoutMs)
  }

  #textOf (type: string, payload?: object): string {
    // First, for whoever reads it; and last, because no payload may change it.
    return JSON.stringify({ [this.#discriminator]: type, ...payload, [this.#discriminator]: type })
  }

  #report (error: Error): void {
    if (!this.#emitter.tell(ERROR, error)) console.warn(error)
  }
}

function openingOf (): Opening {
  const opening = {} as { -readonly [K in keyof Opening]: Opening[K] }
  opening.promise = new Promise((resolve, reject) => Object.assign(opening, { resolve, reject }))
  // Nobody has to wait for it.
  opening.promise.catch(() => {})
  return opening
}

/**
 * Opens a conversation with a typed route, and keeps it: it comes back when the connection is lost, unless the server said that it shall not.
 *
 * @param url - of the route, relative to the page or absolute, of http or ws; or a function that gives it before each attempt.
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
  return new Conversation(url, options) as unknown as Client<C>
}
