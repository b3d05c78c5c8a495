/**
 * The wire: what both sides know of each other beyond a contract. See docs/PROTOCOL.md.
 */

// Constants of their own, so that a client's bundle has only those it needs.
export const REPLY = '$reply' as const
export const NEXT = '$next' as const
export const DONE = '$done' as const
export const ERROR = '$error' as const
export const CANCEL = '$cancel' as const
export const PING = '$ping' as const

/** Message types of the protocol's own; a contract's message names never begin with `$`. */
export const Reserved: {
  readonly reply: typeof REPLY
  readonly next: typeof NEXT
  readonly done: typeof DONE
  readonly error: typeof ERROR
  readonly cancel: typeof CANCEL
  readonly ping: typeof PING
  readonly pong: '$pong'
} = { reply: REPLY, next: NEXT, done: DONE, error: ERROR, cancel: CANCEL, ping: PING, pong: '$pong' }

/** The property that ties an answer to its question. */
export const REF = 'ref'

/** The subprotocol of a connection that only says why there is none: whoever offers it beside the contract's name takes no refusal for an opening. */
export const REFUSAL = 'typed-ws.refusal'

/** Whether an offered subprotocol may be named in an answer: a client's token, which it offers as `bearer.<token>`, is a secret. */
export function isPublic (subprotocol: string): boolean {
  return !/^bearer\./i.test(subprotocol)
}

/** The properties of the protocol's own messages: an application's discriminator is none of them. */
export const OWN_PROPERTIES: readonly string[] = [REF, 'data', 'received', 'statusCode', 'code', 'error', 'message']

/** Codes a peer may see in an `$error` beside those of the application's own errors. */
export const ErrorCode = {
  invalidJson: 'FST_TYPED_WS_INVALID_JSON',
  unknownType: 'FST_TYPED_WS_UNKNOWN_TYPE',
  validation: 'FST_TYPED_WS_VALIDATION',
  rateLimited: 'FST_TYPED_WS_RATE_LIMITED',
  tooManyStreams: 'FST_TYPED_WS_TOO_MANY_STREAMS',
  internal: 'FST_TYPED_WS_INTERNAL'
} as const

/** The close code that says: the credentials are over. By itself, because a client needs no other by name. */
export const EXPIRED = 4401 as const

/** The close code that says: a message was larger than the other side takes. A constant of its own, as `EXPIRED` is. */
export const MESSAGE_TOO_BIG = 1009 as const

/** Close codes (RFC 6455 §7.4) the server uses by itself. */
export const CloseCode = {
  /** A binary frame the contract does not allow. */
  unsupportedData: 1003,
  /** Too many invalid messages in a row. */
  policyViolation: 1008,
  /** A message was larger than `maxPayloadBytes`; the reason says so. */
  messageTooBig: 1009,
  /** `open` failed for a reason of the server's. */
  internalError: 1011,
  /** The server restarts; the reason says when to come back. */
  serviceRestart: 1012,
  /** A handshake was refused for a reason of the server's; the reason may say when to come back. */
  tryAgainLater: 1013,
  /** `socket.expiresAt` is over. */
  expired: 4401,
  /** The peer does not read what it is sent. */
  slowConsumer: 4408,
  /** The peer went on past its rate limit. */
  rateLimited: 4429,
  /** A client error `statusCode` of 4xx becomes a close code of 45xx: `refusedBase + statusCode`. */
  refusedBase: 4100,
  /** A handshake was answered, but with no error: by a page, say. */
  refused: 4500,
  /** A handshake was sent elsewhere, as visitors are who must sign in first. */
  unauthorized: 4501
} as const

const FINAL = /^(100[02378]|4[5-9]..)$/

/** Whether a client that was closed with this code stays away: see the close-code table in docs/PROTOCOL.md. */
export function isFinal (code: number): boolean {
  return FINAL.test(String(code))
}

/** RFC 6455 §5.5: a control frame carries 125 bytes, two of which are the close code. */
export const MAX_REASON_BYTES = 123

/** Deepest nesting of arrays and objects a message may have. */
export const MAX_DEPTH = 64

/** The body of an `$error`: Fastify's error body, with the call or the type it answers. */
export interface ErrorBody {
  /** The `ref` of the call that failed. */
  readonly ref?: number
  /** The type of the message that was refused. */
  readonly received?: string
  /** As an HTTP status code. */
  readonly statusCode: number
  /** One of ours, or the application's own when its error has one. */
  readonly code?: string
  /** The status code's name. */
  readonly error: string
  readonly message: string
}
