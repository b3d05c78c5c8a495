import * as errors from '../errors.js'
import { cutReason } from '../failure.js'

/** The body of a close frame (RFC 6455 §5.5.1): empty, or a code and a reason. */
export type CloseFrame = [code?: number, reason?: string]

// RFC 6455 §7.4.1: no code came, no close frame came, TLS failed. An end that was reported in this
// way is passed on by a frame without a code.
const UNSENDABLE: readonly unknown[] = [1005, 1006, 1015]
const RESERVED = 1004

/**
 * Reads the code and the reason that the app closes with. A reason may be bytes, as the close event
 * of ws has it.
 * @throws FST_TYPED_WS_INVALID_CLOSE
 */
export function closeFrameOf (code: unknown, reason: unknown): CloseFrame {
  const text = reason instanceof Uint8Array ? new TextDecoder().decode(reason) : reason
  if (typeof text !== 'string') throw new errors.InvalidClose(`the reason is a string, not ${kindOf(text)}`)
  if (UNSENDABLE.includes(code)) return []
  if (!isSendable(code)) {
    const shown = typeof code === 'number' ? code : kindOf(code)
    throw new errors.InvalidClose(`the code is 1000 to 1003, 1007 to 1014 or 3000 to 4999, not ${shown}`)
  }
  return [code, cutReason(text)]
}

function isSendable (code: unknown): code is number {
  if (typeof code !== 'number' || !Number.isInteger(code)) return false
  return (code >= 1000 && code <= 1014 && code !== RESERVED) || (code >= 3000 && code <= 4999)
}

function kindOf (value: unknown): string {
  return value === null ? 'null' : typeof value
}
