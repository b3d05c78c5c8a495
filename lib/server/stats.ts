import type { FastifyRequest } from 'fastify'
import type { AnyContract } from '../../types/contract.js'
import type { MessageTrace } from '../../types/diagnostics.js'
import type { CloseEvent, ReceivedMessage } from '../../types/handler.js'
import type { ChannelStats } from '../../types/channel.js'
import type { RecoveryReason, Socket } from '../../types/socket.js'
import type { ErrorBody } from '../protocol.js'
import * as diagnostics from './diagnostics.js'
import { clientErrorOf, isAbort, logError } from './failure.js'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** The numbers of one connection: at this moment, and since it opened. */
export interface ConnectionStats {
  readonly queued: number
  readonly running: number
  readonly streams: number
  readonly pendingCalls: number
  readonly bufferedBytes: number
  readonly messagesReceived: number
  readonly messagesSent: number
  readonly bytesReceived: number
  readonly bytesSent: number
}

/** A connection, for its numbers. */
interface Counted {
  readonly stats: ConnectionStats
}

/** A message whose handling is observed. */
export interface ObservedMessage extends ReceivedMessage {
  /** True once its outcome is known: a later one is not observed. */
  isHandled: boolean
  trace: Mutable<MessageTrace> | undefined
}

/** The outcome for a connection that may have missed something in a recoverable topic. */
export type Recovery =
  | { readonly recovered: true, readonly missed: number }
  | { readonly recovered: false, readonly reason: RecoveryReason }

type Names = ReadonlyArray<keyof ConnectionStats>

const ZERO: ConnectionStats = {
  queued: 0, running: 0, streams: 0, pendingCalls: 0, bufferedBytes: 0, messagesReceived: 0, messagesSent: 0, bytesReceived: 0, bytesSent: 0
}
const ALL = Object.keys(ZERO) as Names
// Sums that keep the part of a connection after its end.
const LASTING: Names = ['messagesReceived', 'messagesSent', 'bytesReceived', 'bytesSent']
// Work of the app that may go on after its connection has ended.
const UNSETTLED: Names = ['queued', 'running', 'streams']

/**
 * Observes the connections of one contract: each occurrence has one method, which counts it,
 * publishes it and logs it. Nothing is allocated for a diagnostics channel without subscribers.
 */
export class Observer {
  readonly #contract: AnyContract
  readonly #errors: Record<string, number> = Object.create(null) as Record<string, number>
  readonly #handshakesRefused: Record<number, number> = {}
  readonly #ended: Mutable<ConnectionStats> = { ...ZERO }
  #opened = 0
  #slowed = 0
  #dropped = 0
  #publishFailed = 0
  #gaps = 0
  #recovered = 0
  #unrecovered = 0

  constructor (contract: AnyContract) {
    this.#contract = contract
  }

  /**
   * Adds up the numbers of the contract.
   * @param unsettled - connections that have ended while work of the app goes on for them.
   */
  statsOf (connections: ReadonlySet<Counted>, unsettled: ReadonlySet<Counted>, topics: number): Omit<ChannelStats, 'versions'> {
    const sum = { ...this.#ended }
    for (const connection of connections) add(sum, connection.stats, ALL)
    for (const connection of unsettled) add(sum, connection.stats, UNSETTLED)
    return {
      connections: connections.size,
      ...sum,
      topics,
      opened: this.#opened,
      slowed: this.#slowed,
      dropped: this.#dropped,
      publishFailed: this.#publishFailed,
      gaps: this.#gaps,
      recovered: this.#recovered,
      unrecovered: this.#unrecovered,
      errors: { ...this.#errors },
      handshakesRefused: { ...this.#handshakesRefused }
    }
  }

  handshakeRefused (request: FastifyRequest, statusCode: number, error: unknown): void {
    count(this.#handshakesRefused, statusCode)
    if (!diagnostics.handshakeRefused.hasSubscribers) return
    diagnostics.handshakeRefused.publish({ request, contract: this.#contract, statusCode, error })
  }

  connectionOpened (socket: Socket): void {
    this.#opened++
    if (diagnostics.connectionOpen.hasSubscribers) diagnostics.connectionOpen.publish({ socket })
  }

  connectionClosed (socket: Socket, { code, reason }: CloseEvent, durationMs: number, stats: ConnectionStats): void {
    add(this.#ended, stats, LASTING)
    const { messagesReceived, messagesSent, bytesReceived, bytesSent } = stats
    socket.log.info({ code, durationMs, messagesReceived, messagesSent, bytesReceived, bytesSent }, 'websocket connection closed')
    if (diagnostics.connectionClose.hasSubscribers) diagnostics.connectionClose.publish({ socket, code, reason, durationMs })
  }

  messageSent (socket: Socket, type: string | undefined): void {
    if (diagnostics.messageSent.hasSubscribers) diagnostics.messageSent.publish({ socket, type })
  }

  /** An `$error` is sent. */
  errorSent (socket: Socket, error: ErrorBody): void {
    count(this.#errors, error.code ?? error.statusCode)
    if (diagnostics.messageRefused.hasSubscribers) diagnostics.messageRefused.publish({ socket, error })
  }

  /**
   * A function of the app threw or rejected.
   * @param hasErrorHandler - the app's `errorHandler` is told, and takes the place of the log line.
   */
  failed (socket: Socket, error: unknown, message: ReceivedMessage | undefined, hasErrorHandler: boolean): void {
    if (diagnostics.failed.hasSubscribers) diagnostics.failed.publish({ socket, error, message })
    if (!hasErrorHandler) logError(socket.log, levelOf(error, message), error, 'websocket handler failed', { received: message?.type })
  }

  slow (socket: Socket): void {
    this.#slowed++
    if (diagnostics.slow.hasSubscribers) diagnostics.slow.publish({ socket, bufferedAmount: socket.bufferedAmount })
  }

  /** An event was left out, because the client is slow. */
  dropped (socket: Socket, type: string | undefined): void {
    this.#dropped++
    if (diagnostics.dropped.hasSubscribers) diagnostics.dropped.publish({ socket, type })
  }

  /** An event did not reach the other nodes, or perhaps not. */
  publishFailed (topic: string, error: unknown): void {
    this.#publishFailed++
    if (diagnostics.publishFailed.hasSubscribers) diagnostics.publishFailed.publish({ contract: this.#contract, topic, error })
  }

  /** Messages of other nodes may have been missed. */
  missed ({ topic, from, to }: { readonly topic: string, readonly from: Date, readonly to: Date }): void {
    this.#gaps++
    if (diagnostics.topicGap.hasSubscribers) diagnostics.topicGap.publish({ contract: this.#contract, topic, from, to })
  }

  /** A connection was told what it missed in a recoverable topic, or that this cannot be told. */
  recovered (socket: Socket, topic: string, recovery: Recovery): void {
    if (recovery.recovered) this.#recovered++
    else this.#unrecovered++
    if (!diagnostics.topicRecovered.hasSubscribers) return
    diagnostics.topicRecovered.publish({ socket, topic, missed: 0, reason: undefined, ...recovery })
  }

  /** True while a channel that follows the run of a handler has subscribers. */
  get isTracing (): boolean {
    return diagnostics.messageReceived.hasSubscribers || diagnostics.handlerRun.hasSubscribers
  }

  /** Runs a handler in the stores that are bound to its channels. */
  trace<R> (socket: Socket, message: ObservedMessage, run: () => R): R {
    const { start, end } = diagnostics.handlerRun
    const trace: Mutable<MessageTrace> = { socket, message, async: false }
    message.trace = trace
    return start.runStores(trace, () => {
      try {
        return diagnostics.messageReceived.runStores({ socket, message }, run)
      } finally {
        trace.async = !message.isHandled
        end.publish(trace)
      }
    })
  }

  /** A message was answered, its stream is done, or the answer has no reader any more. */
  messageHandled (socket: Socket, message: ObservedMessage): void {
    if (!message.isHandled) publishHandled(socket, message, undefined)
  }

  /** A message's handler failed with this error. */
  messageFailed (socket: Socket, message: ObservedMessage, error: unknown): void {
    if (message.isHandled) return
    if (message.trace !== undefined) {
      message.trace.error = error
      diagnostics.handlerRun.error.publish(message.trace)
    }
    publishHandled(socket, message, error)
  }
}

function publishHandled (socket: Socket, message: ObservedMessage, error: unknown): void {
  message.isHandled = true
  if (diagnostics.messageHandled.hasSubscribers) diagnostics.messageHandled.publish({ socket, message, error })
  // A handler that is still in its synchronous part ends by `end` alone.
  if (message.trace?.async !== true) return
  diagnostics.handlerRun.asyncStart.publish(message.trace)
  diagnostics.handlerRun.asyncEnd.publish(message.trace)
}

// An error that only tells of the message's own abort is expected; a 4xx is the client's fault.
function levelOf (error: unknown, message: ReceivedMessage | undefined): 'debug' | 'info' | 'error' {
  if (message?.signal.aborted === true && isAbort(error, message.signal)) return 'debug'
  return clientErrorOf(error) !== undefined ? 'info' : 'error'
}

function add (to: Mutable<ConnectionStats>, stats: ConnectionStats, names: Names): void {
  for (const name of names) to[name] += stats[name]
}

function count (counts: Record<string | number, number>, key: string | number): void {
  counts[key] = (counts[key] ?? 0) + 1
}
