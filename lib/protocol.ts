/**
 * The wire: the knowledge that both sides share beyond a contract. See docs/PROTOCOL.md.
 */

// A constant for each, so that a client's bundle contains only those it needs.
export const REPLY = '$reply' as const
export const NEXT = '$next' as const
export const DONE = '$done' as const
export const ERROR = '$error' as const
export const CANCEL = '$cancel' as const
export const PING = '$ping' as const
export const TOPIC = '$topic' as const
export const MEMBERS = '$members' as const

/** Message types of the protocol itself; a contract's message names never begin with `$`. */
export const Reserved: {
  readonly reply: typeof REPLY
  readonly next: typeof NEXT
  readonly done: typeof DONE
  readonly error: typeof ERROR
  readonly cancel: typeof CANCEL
  readonly ping: typeof PING
  readonly pong: '$pong'
  readonly recover: '$recover'
  readonly topic: typeof TOPIC
  readonly members: typeof MEMBERS
} = {
  reply: REPLY,
  next: NEXT,
  done: DONE,
  error: ERROR,
  cancel: CANCEL,
  ping: PING,
  pong: '$pong',
  recover: '$recover',
  topic: TOPIC,
  members: MEMBERS
}

/** The property that connects an answer with its call. */
export const REF = 'ref'

/** The property of an event that carries its place in a recoverable topic. */
export const AT = '$at'

/** The property of an event of the server's whose bytes are the frame that follows it. */
export const HAS_BINARY = '$binary'

/** The subprotocol that a client offers when it asks for positions in recoverable topics. */
export const RECOVER = 'typed-ws.recover'

/** The subprotocol that a client offers when it asks who is in its topics. */
export const PRESENCE = 'typed-ws.presence'

/**
 * The subprotocol of a connection whose only message is a close with the reason of a refusal: a
 * client that offers it beside the contract's name does not take the refusal for an open
 * connection.
 */
export const REFUSAL = 'typed-ws.refusal'

/**
 * Tells whether an offered subprotocol may be named in an answer: a token, which a client offers as
 * `bearer.<token>`, is a secret.
 */
export function isPublic (subprotocol: string): boolean {
  return !/^bearer\./i.test(subprotocol)
}

/** Properties of the reserved messages: an application's discriminator is none of them. */
export const OWN_PROPERTIES: readonly string[] = [REF, 'data', 'received', 'statusCode', 'code', 'error', 'message']

/** Those of the messages about recoverable topics, which only a contract that has some sends. */
export const RECOVERY_PROPERTIES: readonly string[] = [
  AT, 'client', 'topics', 'topic', 'epoch', 'offset', 'recovered', 'missed', 'reason'
]

/** Those of the messages about members, which only a contract that has presence sends. */
export const PRESENCE_PROPERTIES: readonly string[] = ['topic', 'members', 'joined', 'left', 'updated', 'count']

/** Codes a client may see in an `$error` beside those of the application's own errors. */
export const ErrorCode = {
  invalidJson: 'FST_TYPED_WS_INVALID_JSON',
  unknownType: 'FST_TYPED_WS_UNKNOWN_TYPE',
  validation: 'FST_TYPED_WS_VALIDATION',
  missingBinary: 'FST_TYPED_WS_MISSING_BINARY',
  rateLimited: 'FST_TYPED_WS_RATE_LIMITED',
  tooManyStreams: 'FST_TYPED_WS_TOO_MANY_STREAMS',
  internal: 'FST_TYPED_WS_INTERNAL'
} as const

// A close code that a client knows by name: a constant, for its bundle.
export const MESSAGE_TOO_BIG = 1009 as const

// A client error of 4xx becomes a close code of 45xx.
export const REFUSED_BASE = 4100 as const

/** Every close code (RFC 6455 §7.4) with a meaning here; docs/PROTOCOL.md has the same table. */
export const CloseCode = {
  /** Either side is done. */
  normal: 1000,
  /** A binary frame that the contract does not allow. */
  unsupportedData: 1003,
  /** Never sent: the connection ended without a close frame. */
  abnormal: 1006,
  /** Too many invalid messages in a row. */
  policyViolation: 1008,
  /**
   * A message was larger than `maxPayloadBytes`, or `maxBinaryBytes`; the reason names the limit.
   */
  messageTooBig: MESSAGE_TOO_BIG as typeof MESSAGE_TOO_BIG,
  /** `open` failed, and the client is not at fault. */
  internalError: 1011,
  /** The server restarts; the reason is written by `writeRetryAfter`. */
  serviceRestart: 1012,
  /**
   * A handshake was refused with a 5xx, 408, 425 or 429; the reason may be written by
   * `writeRetryAfter`.
   */
  tryAgainLater: 1013,
  /** `socket.expiresAt` is over. */
  expired: 4401,
  /**
   * A handshake offered none of the versions that are spoken here; the reason has their names.
   */
  unknownVersion: 4406,
  /** The client does not read the messages it is sent. */
  slowConsumer: 4408,
  /** The client went on past its rate limit. */
  rateLimited: 4429,
  /**
   * A client error `statusCode` of 4xx becomes a close code of 45xx: `refusedBase + statusCode`.
   */
  refusedBase: REFUSED_BASE as typeof REFUSED_BASE,
  /** A handshake was answered with a status below 300: by a page, say. */
  refused: 4500,
  /** A handshake was answered with a redirect: usually to the page where a person signs in. */
  unauthorized: 4501,
  /** `channel.disconnect` closed the connection. */
  forbidden: 4503
} as const

/**
 * How often in a row a client comes back after some codes, each counted by itself: fresh
 * credentials were no better than those that had expired (4401); a server that does not speak the
 * client's version is not being replaced by one that does (4406).
 */
export const MAX_RETURNS: Readonly<Record<number, number>> = { 4401: 1, 4406: 5 }

/** Tells whether a client stays closed after this code: see the table in docs/PROTOCOL.md. */
export function isFinal (code: number): boolean {
  return /^(100[02378]|4[5-9]..)$/.test(String(code))
}

// Nine digits, which a timer can hold.
const MAX_RETRY_AFTER_MS = 999_999_999

/** The reason of a close that tells the client how long to wait before it comes back. */
export function writeRetryAfter (ms: number): string {
  return `retry-after-ms=${Math.min(ms, MAX_RETRY_AFTER_MS)}`
}

/** Reads a close reason: milliseconds to wait, 0 if it does not tell. */
export function readRetryAfter (reason: string): number {
  return Number(/^retry-after-ms=(\d{1,9})$/.exec(reason)?.[1] ?? 0)
}

/** RFC 6455 §5.5: a control frame carries 125 bytes, two of which are the close code. */
export const MAX_REASON_BYTES = 123

/** Deepest nesting of arrays and objects a message may have. */
export const MAX_DEPTH = 64

/** The body of an `$error`: Fastify's error body, with the call or the type it answers. */
export interface ErrorBody {
  /** The `ref` of the call that failed. */
  readonly ref?: number
  /** The type of the message that was rejected. */
  readonly received?: string
  /** As an HTTP status code. */
  readonly statusCode: number
  /** One of `ErrorCode`, or the application's own when its error has one. */
  readonly code?: string
  /** The status code's name. */
  readonly error: string
  readonly message: string
}
