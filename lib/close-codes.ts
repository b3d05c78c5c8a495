import { REFUSED_BASE } from './protocol.js'

/** The protocol's close codes that an application's clients meet. */
export const protocolCloseCodes: ReadonlyArray<readonly [code: number, when: string]> = [
  [1003, 'a binary frame that the contract does not allow'],
  [1008, 'too many invalid messages in a row'],
  [1009, 'a message was too large; the reason says the limit'],
  [1011, 'the server failed while opening'],
  [1012, 'the server restarts; the reason says when to come back'],
  [1013, 'the server has no room; the reason may say when to come back'],
  [4401, 'the credentials have expired'],
  [4406, 'the server speaks none of the versions that were offered; the reason has those that it knows'],
  [4408, 'the client did not read what it was sent'],
  [4429, 'the client went on past its rate limit'],
  [4500, 'refused, as by HTTP 400, or by a page'],
  [4501, 'not signed in'],
  [4503, 'forbidden']
]

// Of every WebSocket (RFC 6455 §7.4.1), and those of the protocol from 4000 on, in a few words: the
// console has little room.
const MEANINGS: Readonly<Record<number, string>> = {
  1000: 'either side is done',
  1001: 'the page or the server goes away',
  1002: 'a broken frame',
  1003: 'data that is not accepted',
  1005: 'no code',
  1006: 'the link broke, or HTTP refused',
  1007: 'not UTF-8',
  1008: 'against a policy: too many invalid messages, say',
  1009: 'a message was too large',
  1011: 'the server failed',
  1012: 'the server restarts',
  1013: 'the server has no room',
  4401: 'the credentials are expired',
  4406: 'the server knows no version that was offered',
  4408: 'the client reads too slowly',
  4429: 'the client is past its rate limit'
}

/**
 * The meaning of a close code, as people read it.
 *
 * @param declared - those of the contract.
 * @param isTyped - the protocol's codes have a meaning.
 */
export function meaningOf (code: number, declared: Readonly<Record<string, unknown>>, isTyped: boolean): string {
  const own = declared[code]
  if (typeof own === 'string') return own
  const isRefused = isTyped && String(code).startsWith('45')
  const known = isTyped || code < 4000 ? MEANINGS[code] : undefined
  return known ?? (isRefused ? `refused, as by HTTP ${code - REFUSED_BASE}` : 'the application says why')
}
