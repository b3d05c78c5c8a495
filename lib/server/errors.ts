import createError from '@fastify/error'

/** Every error of the server's own: code, message, HTTP status. Documented in docs/errors.md. */

type Named<Values extends unknown[]> = createError.FastifyErrorConstructor<{ code: string, statusCode: number }, Values>

// Configuration: thrown at boot.
export const InvalidOption: Named<[string, string]> = createError('FST_TYPED_WS_INVALID_OPTION', 'Option \'%s\': %s', 500, TypeError)
export const InvalidRoute: Named<[string, string]> = createError('FST_TYPED_WS_INVALID_ROUTE', 'WebSocket route %s: %s', 500, TypeError)
export const InvalidHook: Named<[string]> = createError('FST_TYPED_WS_INVALID_HOOK', 'addMessageHook: %s', 500, TypeError)
export const NotSupported: Named<[string, string]> = createError('FST_TYPED_WS_NOT_SUPPORTED', 'WebSocket route %s: %s', 500)
export const InvalidSchema: Named<[string, string]> = createError('FST_TYPED_WS_INVALID_SCHEMA', 'Message %s cannot be compiled: %s', 500)
export const UnsafePattern: Named<[string]> = createError(
  'FST_TYPED_WS_UNSAFE_PATTERN',
  'Message %s has a \'pattern\' and no \'maxLength\' beside it: a slow regular expression on a long text ' +
    'stalls the process. Add maxLength, or set the option unsafePatterns: true',
  500
)
export const ExponentialPattern: Named<[string, string]> = createError(
  'FST_TYPED_WS_EXPONENTIAL_PATTERN',
  'Message %s has the pattern \'%s\', which matches a text in so many ways that the time to refuse one doubles ' +
    'with every letter, whatever maxLength says: write it so that no part that repeats can match the same text ' +
    'in two ways, or set the option unsafePatterns: true',
  500
)
export const BrokerLacks: Named<[string, string]> = createError(
  'FST_TYPED_WS_BROKER_LACKS',
  'The broker \'%s\' stores nothing, and the contract \'%s\' has recoverable topics: ' +
    'take memory(), redis(client) or nats(connection), or remove recover',
  500
)
export const BrokerUnusable: Named<[string, string, string]> = createError(
  'FST_TYPED_WS_BROKER_UNUSABLE', 'The broker \'%s\' cannot store the recoverable topics \'%s\': %s', 500
)
export const BrokerLacksMembers: Named<[string, string]> = createError(
  'FST_TYPED_WS_BROKER_LACKS',
  'The broker \'%s\' keeps no members, and the contract \'%s\' has topics with presence: ' +
    'take memory() or redis(client), or remove presence',
  500
)
export const DuplicateContract: Named<[string]> = createError(
  'FST_TYPED_WS_DUPLICATE_CONTRACT',
  'Two different contracts are named \'%s\', which would share topics: give one another name, or use one value for both',
  500
)
export const DuplicatePlugin: Named<[]> = createError(
  'FST_TYPED_WS_DUPLICATE_PLUGIN',
  'fastify-typed-ws is registered twice on one server: register it once, on the outermost instance that declares WebSocket routes',
  500
)
export const UnsupportedRuntime: Named<[]> = createError(
  'FST_TYPED_WS_UNSUPPORTED_RUNTIME',
  'Bun cannot hand its sockets to a Fastify server\'s WebSockets: run the server in Node or Deno (the client runs in Bun as well)',
  500
)
export const UnguardedConsole: Named<[]> = createError(
  'FST_TYPED_WS_UNGUARDED_CONSOLE',
  'With NODE_ENV=production the console is for those that a hook lets in: ' +
    'write app.register(console, { prefix: \'/console\', onRequest: app.needsLogin }), with a hook of yours',
  500
)

export const InvalidVersion: Named<[string, string]> = createError('FST_TYPED_WS_INVALID_VERSION', 'Version \'%s\': %s', 500, TypeError)

// Before the 101: sent over HTTP.
export const InvalidHandshake: Named<[string]> = createError('FST_TYPED_WS_INVALID_HANDSHAKE', 'Not a WebSocket handshake: %s', 400)
export const UnsupportedVersion: Named<[]> = createError(
  'FST_TYPED_WS_UNSUPPORTED_VERSION',
  'Only WebSocket version 13 is spoken here',
  426
)
export const UnknownSubprotocol: Named<[string]> = createError(
  'FST_TYPED_WS_UNKNOWN_SUBPROTOCOL',
  'None of the offered subprotocols is spoken here: offer %s, or none',
  400
)
export const HostRefused: Named<[]> = createError(
  'FST_TYPED_WS_HOST_REFUSED',
  'This server does not go by the name in Host: its option \'host\' would have to list it',
  421
)
export const OriginRefused: Named<[]> = createError(
  'FST_TYPED_WS_ORIGIN_REFUSED',
  'Pages of this origin may not open a WebSocket here: the server\'s option \'origin\' would have to admit it',
  403
)
export const OriginMissing: Named<[]> = createError(
  'FST_TYPED_WS_ORIGIN_MISSING',
  'A handshake without an Origin is refused here: send one, or set the server\'s option \'allowMissingOrigin\'',
  403
)
export const UpgradeRequired: Named<[]> = createError(
  'FST_TYPED_WS_UPGRADE_REQUIRED',
  'This is a WebSocket route: open it with new WebSocket(url)',
  426
)
export const HandshakeTimeout: Named<[]> = createError('FST_TYPED_WS_HANDSHAKE_TIMEOUT', 'The handshake took too long', 503)
export const Closing: Named<[]> = createError('FST_TYPED_WS_CLOSING', 'The server is closing: come back in a moment', 503)
export const TooManyConnections: Named<[]> = createError(
  'FST_TYPED_WS_TOO_MANY_CONNECTIONS',
  'There is no room for another connection: come back in a moment',
  503
)
export const TooManyConnectionsPerIp: Named<[]> = createError(
  'FST_TYPED_WS_TOO_MANY_CONNECTIONS_PER_IP',
  'Too many connections from this address: close one first',
  429
)
export const InvalidHeader: Named<[string]> = createError(
  'FST_TYPED_WS_INVALID_HEADER',
  'Header \'%s\' of the reply has a character no header may have',
  500
)

// After the 101: thrown to the handler that asked for it.
export const OutgoingInvalid: Named<[string, string]> = createError(
  'FST_TYPED_WS_OUTGOING_INVALID',
  'Outgoing %s breaks its schema: %s',
  500
)
export const OutgoingUnknown: Named<[string, 'event' | 'call', string]> = createError(
  'FST_TYPED_WS_OUTGOING_UNKNOWN',
  'Contract \'%s\' has no %s \'%s\' from server to client',
  500
)
export const OutgoingBinary: Named<[string]> = createError(
  'FST_TYPED_WS_OUTGOING_BINARY',
  'Contract \'%s\' allows no binary frames from server to client: declare binary: { serverToClient: true }',
  500
)
const OutgoingBinaryEvent: Named<[string, string]> = createError('FST_TYPED_WS_OUTGOING_BINARY', 'Event \'%s\' %s', 500)

/** The error of an event that is sent without its binary frame, or with one that it has not. */
export function binaryMismatch (type: string, hasBinary: boolean): Error {
  const instead = `write socket.sendBinary('${type}', payload, data), for a topic to each of channel.sockets(topic)`
  return new OutgoingBinaryEvent(type, hasBinary
    ? `has a binary frame, which no topic carries: ${instead}`
    : `has no binary frame: write socket.send('${type}', payload), or declare { payload, binary: true }`)
}

export const InvalidBinary: Named<[string]> = createError(
  'FST_TYPED_WS_INVALID_BINARY',
  'sendBinary takes an ArrayBuffer, a view of one or a Blob, and was given %s: give a text as Buffer.from(text)',
  500,
  TypeError
)
export const ConnectionClosed: Named<[]> = createError('FST_TYPED_WS_CONNECTION_CLOSED', 'The connection has ended', 499)
export const InvalidTranslation: Named<[string, string]> = createError(
  'FST_TYPED_WS_INVALID_TRANSLATION',
  'Version \'%s\': %s',
  500
)
export const Gone: Named<[string]> = createError('FST_TYPED_WS_GONE', '\'%s\' is gone: a newer version has none', 410)
export const CallTimeout: Named<[string, number]> = createError(
  'FST_TYPED_WS_CALL_TIMEOUT',
  'The client did not answer call \'%s\' within %s ms',
  504
)
export const CallRefused: Named<[string, string]> = createError('FST_TYPED_WS_CALL_REFUSED', 'The client refused call \'%s\': %s', 502)
export const CallInvalid: Named<[string, string]> = createError(
  'FST_TYPED_WS_CALL_INVALID',
  'The client\'s reply to call \'%s\' breaks its schema: %s',
  502
)
export const CheckFailed: Named<[string, string]> = createError(
  'FST_TYPED_WS_CHECK_FAILED',
  'The check of the reply to call \'%s\' failed: %s',
  500
)
export const TooManyCalls: Named<[number]> = createError(
  'FST_TYPED_WS_TOO_MANY_CALLS',
  'At most %s calls may wait for one client: the option \'maxPendingCalls\' says so',
  503
)
export const InvalidStreamResult: Named<[string]> = createError(
  'FST_TYPED_WS_INVALID_STREAM_RESULT',
  'The handler of stream \'%s\' must return an async iterable: write async * (payload, socket) { yield … }',
  500
)
export const InvalidExpiresAt: Named<[]> = createError(
  'FST_TYPED_WS_INVALID_EXPIRES_AT',
  'expiresAt is a valid Date, or undefined',
  500,
  TypeError
)
export const InvalidClose: Named<[string]> = createError(
  'FST_TYPED_WS_INVALID_CLOSE',
  'A connection cannot be closed like this: %s',
  500,
  TypeError
)
export const InvalidTopicName: Named<[]> = createError(
  'FST_TYPED_WS_INVALID_TOPIC_NAME',
  'A topic\'s name is a string of 1 to 255 bytes of UTF-8',
  500,
  TypeError
)
export const TooManyTopics: Named<[number]> = createError(
  'FST_TYPED_WS_TOO_MANY_TOPICS',
  'A connection may be in %s topics at most: the option \'maxTopics\' says so',
  500
)

export const TopicNotRecoverable: Named<[string, string]> = createError(
  'FST_TYPED_WS_TOPIC_NOT_RECOVERABLE',
  'Topic \'%s\' is plain, and has no history: declare its kind in the contract \'%s\', topics: { room: { recover: true } }',
  500
)

export const TopicWithoutPresence: Named<[string, string]> = createError(
  'FST_TYPED_WS_TOPIC_WITHOUT_PRESENCE',
  'Topic \'%s\' has no presence: declare its kind in the contract \'%s\', topics: { room: { presence: Type.Object({ … }) } }',
  500
)
export const NotASocket: Named<[]> = createError(
  'FST_TYPED_WS_NOT_A_SOCKET',
  'The option except of publish is a socket of this process, as open and handlers are given it',
  500,
  TypeError
)
export const InvalidMemberKey: Named<[]> = createError(
  'FST_TYPED_WS_INVALID_MEMBER_KEY',
  'A member\'s key is a string of 1 to 255 bytes of UTF-8',
  500,
  TypeError
)

export const BrokerUnavailable: Named<[string, string]> = createError(
  'FST_TYPED_WS_BROKER_UNAVAILABLE', 'The broker \'%s\' is away: %s', 503
)
export const BrokerTimeout: Named<[string, string]> = createError(
  'FST_TYPED_WS_BROKER_TIMEOUT', 'The broker \'%s\' did not answer: %s', 504
)

// In tests.
export const HandshakeRefused: Named<[number | string]> = createError(
  'FST_TYPED_WS_HANDSHAKE_REFUSED',
  'The handshake was answered with %s',
  500
)
