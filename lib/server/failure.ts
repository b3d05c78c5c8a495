import { STATUS_CODES } from 'node:http'
import { CloseCode, ErrorCode, MAX_REASON_BYTES, type ErrorBody } from '../protocol.js'
import type { ReceivedMessage } from '../../types/handler.js'

const INTERNAL = { statusCode: 500, code: ErrorCode.internal, error: 'Internal Server Error', message: 'Internal Server Error' } as const

/** What the peer learns of an error: all of one with a status of 4xx, nothing of any other. */
export function bodyOf (error: unknown, message: Pick<ReceivedMessage, 'type' | 'ref'> | undefined): ErrorBody {
  const answered = {
    ...(message?.ref !== undefined && { ref: message.ref }),
    ...(message?.type !== undefined && { received: message.type })
  }
  if (!isClientError(error)) return { ...answered, ...INTERNAL }
  const { statusCode, code } = error
  return { ...answered, statusCode, ...(typeof code === 'string' && { code }), error: STATUS_CODES[statusCode] ?? 'Error', message: error.message }
}

/** How a connection ends whose `open` failed. */
export function closeOf (error: unknown): { code: number, reason: string } {
  if (!isClientError(error)) return { code: CloseCode.internalError, reason: '' }
  return { code: CloseCode.refusedBase + error.statusCode, reason: error.message }
}

/** RFC 6455 §5.5: cuts a reason at 123 bytes, between characters. */
export function cutReason (reason: string): string {
  if (Buffer.byteLength(reason) <= MAX_REASON_BYTES) return reason
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(reason).subarray(0, MAX_REASON_BYTES), { stream: true })
}

/** Whether an error only says that its signal was aborted. */
export function isAbort (error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'))
}

/** Whether the fault is the client's: an error with a `statusCode` of 4xx. */
export function isClientError (error: unknown): error is Error & { statusCode: number, code?: unknown } {
  if (!(error instanceof Error) || !('statusCode' in error)) return false
  const { statusCode } = error
  return Number.isInteger(statusCode) && Number(statusCode) >= 400 && Number(statusCode) < 500
}
