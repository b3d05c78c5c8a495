import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { WebSocket, WebSocketServer } from 'ws'
import type { Upgrade } from './request.js'

// RFC 9110 §7.6.1
const HOP_BY_HOP = /^(?:connection|upgrade|keep-alive|proxy-connection|te|trailer|transfer-encoding)$/i
// RFC 9110 §8, RFC 6455 §4.2.2: a 101 has no body, and ws writes the headers of the handshake.
const OF_BODY_OR_WS = /^(?:content-(?:length|type|encoding)|sec-websocket-.+)$/i

/**
 * Lets `ws` write the 101, with further header lines in it.
 * @returns why `ws` refuses the handshake: a bad offer of extensions, say. Undefined when the 101
 * is out, and when the client has left in this very turn.
 */
export function completeUpgrade (
  server: WebSocketServer,
  request: IncomingMessage,
  { stream, head }: Upgrade,
  lines: readonly string[],
  connected: (ws: WebSocket) => void
): Error | undefined {
  let failure: Error | undefined
  const addLines = (headers: string[]): void => void headers.push(...lines)
  const setFailure = (error: Error): void => void (failure = error)
  server.once('headers', addLines)
  server.once('wsClientError', setFailure)
  try {
    server.handleUpgrade(request, stream, head, connected)
  } finally {
    server.removeListener('headers', addLines)
    server.removeListener('wsClientError', setFailure)
  }
  return failure
}

/** The headers of a reply as lines of a 101, without those that are not the app's to set. */
export function headerLines (headers: OutgoingHttpHeaders): string[] {
  const sent = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.test(name) && !OF_BODY_OR_WS.test(name))
  return sent.flatMap(([name, value]) => [value].flat().map((item) => `${name}: ${item}`))
}
