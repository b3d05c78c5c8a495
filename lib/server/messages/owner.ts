import type { ReceivedMessage } from '../../../types/handler.js'
import type { Socket } from '../../../types/socket.js'
import type { ErrorBody } from '../../protocol.js'
import type { Failure } from '../failure.js'
import type { RouteSettings } from '../options.js'
import type { Observer } from '../stats.js'
import type { Answer, MessageDecoder } from './decode.js'
import type { MessageEncoder } from './encode.js'
import type { UncheckedEntry } from './message.js'

/** The things that the messages of all connections of one route share. */
export interface InboundContext {
  readonly decoder: MessageDecoder
  readonly encoder: MessageEncoder
  readonly settings: RouteSettings
  readonly observer: Observer
  /** The handler of binary frames, where the contract allows them. */
  readonly binary: UncheckedEntry | undefined
}

/** The reading from the client. */
export interface InboundInput {
  /** True once every frame but a close frame is left out. */
  readonly isIgnored: boolean
  /** Leaves out every frame but a close frame from now on. */
  ignore (): void
  /** @returns whether a pong that has arrived answers a ping of the server's. */
  takePong (): boolean
  /** Reads no more, until `resume`. */
  pause (): void
  resume (): void
}

/** The way of answers to the client. */
export interface InboundOutput {
  /** True while the client reads too slowly for more. */
  readonly isSlow: boolean
  /** @throws FST_TYPED_WS_CONNECTION_CLOSED, by rejecting */
  drained (): Promise<void>
  /** Sends a message of the protocol's own: an answer, an error, a pong. */
  sendReserved (text: string, type: string): void
  sendError (body: ErrorBody): void
}

/** A connection, as its messages need it. None of these methods throws. */
export interface InboundOwner {
  /** The object that handlers hold. */
  readonly socket: Socket
  readonly input: InboundInput
  readonly output: InboundOutput
  readonly isOpen: boolean
  /** True once the client is gone: nothing it has sent gets an answer. */
  readonly isGone: boolean
  /** True while calls of the server's await an answer. */
  readonly hasPendingCalls: boolean
  /**
   * Takes the answer to a call.
   * @returns false when no call awaits it.
   */
  takeAnswer (answer: Answer): boolean
  /**
   * Takes the client's positions in recoverable topics.
   * @returns whether the client asked for positions, or the fault of these.
   */
  takePositions (positions: Readonly<Record<string, unknown>>): boolean | string
  /** @returns the error that the client is told of, or a promise of it that never rejects. */
  report (error: unknown, message: ReceivedMessage | undefined): Failure | Promise<Failure>
  close (code: number, reason: string): void
  /** Notes that there may be nothing left to do. */
  onIdle (): void
  /** Notes that the source of a stream has ended. */
  sourceEnded (): void
}
