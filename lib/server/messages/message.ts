import type { ReceivedMessage } from '../../../types/handler.js'
import type { Socket } from '../../../types/socket.js'
import type { IncomingCall, IncomingEvent, IncomingStream } from '../compile/contract.js'
import type { ObservedMessage } from '../stats.js'

export type Handler = (payload: unknown, socket: Socket, message: ReceivedMessage) => unknown

/** The part of an entry that the route adds. */
export interface Handling {
  readonly handler: Handler
  /** The name that handlers know; its own is the one that the client said. */
  readonly type: string | undefined
  /** Tokens of the rate limit. */
  readonly cost: number
  /** True for a message that overtakes the others. */
  readonly isUrgent: boolean
}

/** A client message, as the contract declares and the route handles it. */
export type Entry = (IncomingEvent & Handling) | CallEntry | StreamEntry
export type CallEntry = IncomingCall & Handling
export type StreamEntry = IncomingStream & Handling

/** An entry without a schema: a binary frame has no name and no answer. */
export interface UncheckedEntry extends Handling {
  readonly kind: 'event'
  readonly name: string | undefined
  readonly payload: undefined
  readonly hasBinary: false
  readonly answer: undefined
}

export type EventMessage = Message<(IncomingEvent & Handling) | UncheckedEntry>
export type CallMessage = Message<CallEntry>
/** A stream always has a `ref`. */
export type StreamMessage = Message<StreamEntry, number>
/** A message that a handler may get. */
export type Received = EventMessage | CallMessage | StreamMessage

/** A message of the client whose payload may be handled. */
export class Message<E extends Entry | UncheckedEntry, R extends number | undefined = number | undefined> implements ObservedMessage {
  readonly kind: E['kind']
  /** The declaration and the handler of this message. */
  readonly entry: E
  readonly type: string | undefined
  readonly ref: R
  readonly payload: unknown
  /** The bytes of an event's own frame. */
  binary: Buffer | undefined = undefined
  /** The length of the frames it came in. */
  bytes = 0
  /** True once its outcome is known: a later one is not observed. */
  isHandled = false
  trace: ObservedMessage['trace'] = undefined
  #isOver = false
  #abort: AbortController | undefined = undefined

  constructor (entry: E, ref: R, payload: unknown) {
    this.kind = entry.kind
    this.entry = entry
    this.type = entry.type
    this.ref = ref
    this.payload = payload
  }

  /** True once nothing awaits its answer. */
  get isOver (): boolean {
    return this.#isOver
  }

  get signal (): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#isOver) this.#abort.abort()
    return this.#abort.signal
  }

  /** Notes that the caller has cancelled, or is gone. */
  abort (): void {
    this.#isOver = true
    this.#abort?.abort()
  }
}

/** Makes the entry of a message that is not checked. */
export function uncheckedEntry (handler: Handler, name?: string): UncheckedEntry {
  return { kind: 'event', name, payload: undefined, hasBinary: false, answer: undefined, handler, type: name, cost: 1, isUrgent: false }
}

/** Makes a message that fails in its place among the others, as if its handler had thrown. */
export function failingMessage (error: unknown, type?: string, ref?: number, payload?: unknown): EventMessage {
  return new Message(uncheckedEntry(() => { throw error }, type), ref, payload)
}
