import { STATUS_CODES } from 'node:http'
import { CloseCode } from '../../protocol.js'
import { clientErrorOf, cutReason } from '../failure.js'

/** A refusal over HTTP, by what of it matters to a page. */
export interface HttpRefusal {
  readonly statusCode: number
  /** What it was answered with: an error where Fastify itself made the body. */
  readonly answer: unknown
  readonly retryAfter: unknown
}

/** How a connection ends. */
export interface CloseRefusal {
  readonly code: number
  readonly reason: string
}

const SECONDS = /^\d{1,9}$/

/** A refusal as a page may learn of it: a close (see the close-code table in docs/PROTOCOL.md). */
export function closingOf ({ statusCode, answer, retryAfter }: HttpRefusal): CloseRefusal {
  const status = STATUS_CODES[statusCode] ?? ''
  if (statusCode >= 500) return { code: CloseCode.tryAgainLater, reason: SECONDS.test(String(retryAfter)) ? `retry-after-ms=${Number(retryAfter) * 1000}` : status }
  // Where the app answered by itself, the error's message may be what it hides.
  const error = clientErrorOf(answer)
  return { code: codeOf(statusCode), reason: error?.statusCode === statusCode ? cutReason(error.message) : status }
}

function codeOf (statusCode: number): number {
  if (statusCode >= 400) return CloseCode.refusedBase + statusCode
  return statusCode >= 300 ? CloseCode.unauthorized : CloseCode.refused
}
