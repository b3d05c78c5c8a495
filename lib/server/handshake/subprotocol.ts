import type { IncomingMessage } from 'node:http'
import { isPublic, REFUSAL } from '../../protocol.js'

type Offer = Pick<IncomingMessage, 'headers'>

// RFC 6455 §4.1: one or more RFC 9110 tokens, each once.
const TOKEN_LIST = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*$/

/** True for a valid value of `Sec-WebSocket-Protocol`. */
export function isSubprotocolList (value: string): boolean {
  if (!TOKEN_LIST.test(value)) return false
  const tokens = tokensOf(value)
  return new Set(tokens).size === tokens.length
}

/** True when a client offers a contract's name, or no subprotocol at all. */
export function isOfferOf (request: Offer, contractNames: readonly string[]): boolean {
  const offered = offeredBy(request)
  return offered.length === 0 || offered.some((name) => contractNames.includes(name))
}

/** True when a client can tell a refusal from an open connection. */
export function offersRefusal (request: Offer): boolean {
  return isOffered(request, REFUSAL)
}

/** True when a client offers this subprotocol, perhaps beside others. */
export function isOffered (request: Offer, name: string): boolean {
  return offeredBy(request).includes(name)
}

/**
 * The option `handleProtocols` of a route's WebSocketServer: the client's order decides. A
 * handshake that offers none of the names was refused.
 */
export function choosing (contractNames: readonly string[]): (offered: ReadonlySet<string>) => string {
  return (offered) => [...offered].find((name) => contractNames.includes(name))!
}

/**
 * The option `handleProtocols` for routes that are not typed: the first one offered, as `ws` does
 * by default, but never a token.
 */
export function choosePublic (offered: ReadonlySet<string>): string | false {
  return [...offered].find(isPublic) ?? false
}

/**
 * The subprotocol of a connection that is opened to be closed. A browser that offered some takes
 * none for a failure, and would hide the close from its page. No message is sent here, so that any
 * public one will do.
 */
export function chooseForRefusal (request: Offer, contractNames: readonly string[]): string | undefined {
  const offered = offeredBy(request)
  return [REFUSAL, ...contractNames].find((name) => offered.includes(name)) ?? offered.find(isPublic)
}

/** The subprotocols that a client offers, in its order. */
export function offeredBy ({ headers }: Offer): string[] {
  const list = headers['sec-websocket-protocol']
  return list === undefined ? [] : tokensOf(list)
}

function tokensOf (list: string): string[] {
  return list.split(',').map((token) => token.trim())
}
