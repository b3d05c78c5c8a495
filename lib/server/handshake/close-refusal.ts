import { STATUS_CODES, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import type { WebSocket } from 'ws'
import { CloseCode, MAX_REASON_BYTES, writeRetryAfter } from '../../protocol.js'
import { clientErrorOf, cutReason } from '../failure.js'
import type { Upgrade } from './request.js'
import { destroyAfter, CLOSE_AFTER_MS } from './stream.js'
import { chooseForRefusal } from './subprotocol.js'
import { headerLines, ProtocolSwitcher } from './switch-protocols.js'

/** An answer over HTTP that refuses a handshake. */
export interface HttpRefusal {
  readonly statusCode: number
  /** The payload of the reply: an error where Fastify itself made the body. */
  readonly payload: unknown
  readonly headers: OutgoingHttpHeaders
  /** True where only other versions were offered than those that are spoken here. */
  readonly isUnknownVersion: boolean
}

/** The close that refuses a handshake. */
interface CloseRefusal {
  readonly code: number
  readonly reason: string
}

// Over in a while, as a 5xx is: Request Timeout, Too Early, Too Many Requests.
const PASSING = new Set([408, 425, 429])
const SECONDS = /^\d{1,9}$/

// Opens connections only to close them: compresses nothing, and drops what the client sends.
const switcher = new ProtocolSwitcher({
  perMessageDeflate: false,
  maxPayload: 65_536,
  handleProtocols: () => false
})

/**
 * Refuses a handshake by a 101 and a close: a page can read a close code and its reason, but not
 * the answer to a handshake.
 */
export function refuseByClose (request: IncomingMessage, upgrade: Upgrade, contractNames: readonly string[], refusal: HttpRefusal): void {
  const closing = refusal.isUnknownVersion ? unknownVersion(contractNames) : closeRefusalOf(refusal)
  const lines = [...headerLines(refusal.headers), ...subprotocolLines(chooseForRefusal(request, contractNames))]
  switcher.switch(request, upgrade, lines, (ws) => closeAtOnce(ws, closing))
  destroyAfter(upgrade.stream, CLOSE_AFTER_MS)
}

function closeAtOnce (ws: WebSocket, { code, reason }: CloseRefusal): void {
  // An error in frames that the client still sends changes nothing: it has been told.
  ws.on('error', () => {})
  ws.close(code, reason)
}

function subprotocolLines (chosen: string | undefined): string[] {
  return chosen === undefined ? [] : [`Sec-WebSocket-Protocol: ${chosen}`]
}

// Whole names, as many as find room.
function unknownVersion (names: readonly string[]): CloseRefusal {
  const reason = names.reduce((list, name) => {
    const longer = list === '' ? name : `${list}, ${name}`
    return longer.length > MAX_REASON_BYTES ? list : longer
  }, '')
  return { code: CloseCode.unknownVersion, reason }
}

// Codes and reasons are those of the close-code table in docs/PROTOCOL.md.
function closeRefusalOf ({ statusCode, payload, headers }: HttpRefusal): CloseRefusal {
  const status = STATUS_CODES[statusCode] ?? ''
  // Where the app made the body, the message of its error may be what it wants to hide.
  const error = clientErrorOf(payload)
  const reason = error?.statusCode === statusCode ? cutReason(error.message) : status
  if (statusCode < 500 && !PASSING.has(statusCode)) return { code: codeOf(statusCode), reason }
  return { code: CloseCode.tryAgainLater, reason: retryReasonOf(headers) ?? reason }
}

function retryReasonOf (headers: OutgoingHttpHeaders): string | undefined {
  const seconds = Object.entries(headers).find(([name]) => name.toLowerCase() === 'retry-after')?.[1]
  return SECONDS.test(String(seconds)) ? writeRetryAfter(Number(seconds) * 1000) : undefined
}

function codeOf (statusCode: number): number {
  if (statusCode >= 400) return CloseCode.refusedBase + statusCode
  return statusCode >= 300 ? CloseCode.unauthorized : CloseCode.refused
}
