import { STATUS_CODES } from 'node:http'
import type { FastifyBaseLogger } from 'fastify'
import { CloseCode, ErrorCode, MAX_REASON_BYTES, type ErrorBody } from '../protocol.js'
import type { ReceivedMessage } from '../../types/handler.js'
import * as errors from './errors.js'

type Level = 'debug' | 'info' | 'error'

const INTERNAL = { statusCode: 500, code: ErrorCode.internal, error: 'Internal Server Error', message: 'Internal Server Error' } as const

// Faults that are told of elsewhere: by the end of the connection, or by the state of the broker.
const EXPECTED_FAULTS = [
  errors.ConnectionClosed, errors.CallTimeout, errors.CallRefused, errors.CallInvalid, errors.TooManyCalls,
  errors.BrokerUnavailable, errors.BrokerTimeout
] as const

/** The error that the client is told of; in an object, since a thrown value may be a promise. */
export interface Failure {
  readonly error: unknown
}

/** An error of the client's own. */
export interface ClientError {
  readonly statusCode: number
  readonly message: string
  readonly code: unknown
}

/** The part of an error that the client is told: all of it with a status of 4xx, else nothing. */
export function bodyOf (error: unknown, message: Pick<ReceivedMessage, 'type' | 'ref'> | undefined): ErrorBody {
  const answered = {
    ...(message?.ref !== undefined && { ref: message.ref }),
    ...(message?.type !== undefined && { received: message.type })
  }
  const shown = clientErrorOf(error)
  if (shown === undefined) return { ...answered, ...INTERNAL }
  const { statusCode, code, message: text } = shown
  return { ...answered, statusCode, ...(typeof code === 'string' && { code }), error: STATUS_CODES[statusCode] ?? 'Error', message: text }
}

/** The text of an error. The error may be any value, and a look at it may throw. */
export function textOf (error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error)
  } catch {
    return 'an error that cannot be read'
  }
}

/**
 * Logs an error, which may be any value. Never throws: it runs after another function has thrown.
 */
export function logError (log: FastifyBaseLogger, level: Level, error: unknown, text: string, fields: object = {}): void {
  try {
    log[level]({ err: error, ...fields }, text)
  } catch {
    // The error cannot be read, nor perhaps the error that a look at it threw.
    logText(log, level, { err: textOf(error), ...fields }, `${text}, and its error cannot be logged`)
  }
}

function logText (log: FastifyBaseLogger, level: Level, fields: object, text: string): void {
  try {
    log[level](fields, text)
  } catch {
    // A logger that is closed or broken takes no line at all.
  }
}

/**
 * Logs the rejection of a promise that nothing awaits: at level `error` for a fault of the app's,
 * else at level `debug`.
 */
export function logIgnored (log: FastifyBaseLogger, error: unknown, isExpected: boolean = false): void {
  logError(log, isExpected || isTold(error) ? 'debug' : 'error', error, 'websocket promise rejected, and nothing awaits it')
}

// A client that leaves, or a broker that is away, is no fault of the app's.
function isTold (error: unknown): boolean {
  try {
    return EXPECTED_FAULTS.some((Fault) => error instanceof Fault)
  } catch {
    return false
  }
}

/** Adds the cause to an error of the plugin's. */
export function causedBy<E extends Error> (error: E, cause: unknown): E {
  return Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true })
}

/** The close frame of a connection whose `open` failed. */
export function closeOf (error: unknown): { code: number, reason: string } {
  const shown = clientErrorOf(error)
  return shown === undefined
    ? { code: CloseCode.internalError, reason: '' }
    : { code: CloseCode.refusedBase + shown.statusCode, reason: shown.message }
}

/** RFC 6455 §5.5: cuts a reason at 123 bytes, between characters. */
export function cutReason (reason: string): string {
  if (Buffer.byteLength(reason) <= MAX_REASON_BYTES) return reason
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(reason).subarray(0, MAX_REASON_BYTES), { stream: true })
}

/** The error an `errorHandler` chose, or the one it was given. */
export function chosen (answer: unknown, error: unknown): Failure {
  try {
    return { error: answer instanceof Error ? answer : error }
  } catch (fault) {
    return { error: fault }
  }
}

/** True for an error that only tells of the abort of its signal. */
export function isAbort (error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false
  try {
    return error === signal.reason || (error instanceof Error && error.name === 'AbortError')
  } catch {
    return false
  }
}

/**
 * Reads the part of an error that the client may know, if the fault is the client's: a status of
 * 4xx. The error may be any value, and a look at it may throw.
 */
export function clientErrorOf (error: unknown): ClientError | undefined {
  try {
    if (!(error instanceof Error)) return undefined
    const statusCode = statusOf(error)
    if (!isClientStatus(statusCode)) return undefined
    const { message, code } = error as Error & { code?: unknown }
    return typeof message === 'string' ? { statusCode, message, code } : undefined
  } catch {
    return undefined
  }
}

// As Fastify decides: `status` counts where `statusCode` is no status of an error.
function statusOf (error: Error & { readonly statusCode?: unknown, readonly status?: unknown }): unknown {
  const { statusCode } = error
  return isErrorStatus(statusCode) ? statusCode : error.status
}

function isErrorStatus (status: unknown): boolean {
  return Number(status) >= 400 && Number(status) <= 599
}

function isClientStatus (status: unknown): status is number {
  return Number.isInteger(status) && Number(status) >= 400 && Number(status) < 500
}
