import { STATUS_CODES } from 'node:http'
import type { FastifyBaseLogger } from 'fastify'
import { CloseCode, ErrorCode, MAX_REASON_BYTES, type ErrorBody } from '../protocol.js'
import type { ReceivedMessage } from '../../types/handler.js'
import * as errors from './errors.js'

type Level = 'debug' | 'info' | 'error'

const INTERNAL = { statusCode: 500, code: ErrorCode.internal, error: 'Internal Server Error', message: 'Internal Server Error' } as const

const CLIENT_FAULTS = [errors.ConnectionClosed, errors.CallTimeout, errors.CallRefused, errors.CallInvalid, errors.TooManyCalls] as const

/** The error that the client is told of; in a box, since a thrown value may itself be a promise. */
export interface Failure {
  readonly error: unknown
}

/** An error of the client's own. */
export interface ClientError {
  readonly statusCode: number
  readonly message: string
  readonly code: unknown
}

/** The body for a client: all of an error with a status of 4xx, nothing of any other. */
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

/** An error in words. It may be anything, and to look at it may throw. */
export function textOf (error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error)
  } catch {
    return 'an error that cannot be read'
  }
}

/** Logs an error that may be anything. Never throws: it is what is done when something else has. */
export function logError (log: FastifyBaseLogger, level: Level, error: unknown, text: string, fields: object = {}): void {
  try {
    log[level]({ err: error, ...fields }, text)
  } catch {
    // Neither what was thrown can be read nor, perhaps, what looking at it threw.
    logText(log, level, { err: textOf(error), ...fields }, `${text}, and its error cannot be logged`)
  }
}

function logText (log: FastifyBaseLogger, level: Level, fields: object, text: string): void {
  try {
    log[level](fields, text)
  } catch {
    // A logger that is closed, or broken, takes nothing at all.
  }
}

/**
 * Logs that a promise was rejected which nothing awaits: as an error where the app is to mend it,
 * else quietly.
 */
export function logIgnored (log: FastifyBaseLogger, error: unknown, isExpected: boolean = false): void {
  logError(log, isExpected || isOfClient(error) ? 'debug' : 'error', error, 'websocket promise rejected, and nothing awaits it')
}

// A client that leaves, refuses or is silent is no fault of the app's.
function isOfClient (error: unknown): boolean {
  try {
    return CLIENT_FAULTS.some((Fault) => error instanceof Fault)
  } catch {
    return false
  }
}

/** An error of ours, with what was behind it. */
export function causedBy<E extends Error> (error: E, cause: unknown): E {
  return Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true })
}

/** How a connection ends whose `open` failed. */
export function closeOf (error: unknown): { code: number, reason: string } {
  const shown = clientErrorOf(error)
  return shown === undefined
    ? {
        code: CloseCode.internalError,
        reason: ''
      }
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

/** Tells whether an error reports only that its signal was aborted. */
export function isAbort (error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false
  try {
    return error === signal.reason || (error instanceof Error && error.name === 'AbortError')
  } catch {
    return false
  }
}

/**
 * The part of an error that the client may know, if the fault is its own: a status of 4xx. It may
 * be anything, and to look at it may throw again.
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
