import type { FastifyRequest } from 'fastify'
import type { PerMessageDeflateOptions } from 'ws'
import type { Broker } from './broker.js'
import type { ErrorHandler, MessageHook } from './handler.js'

/**
 * Which Origins may open a route. Each entry of a list is written as a browser sends it
 * (`https://example.com`: no slash at the end, no default port, lower case), except that a host may
 * be in Unicode. `https://*.example.com` is every name below `example.com` and not `example.com`
 * itself; `'null'` is what sandboxed pages and files send. An empty list admits no Origin at all.
 * `'*'` admits every one, and says nothing of a missing one: that is `allowMissingOrigin`. A
 * function admits by answering exactly `true`.
 *
 * A RegExp is tested against the whole header just as it is written: anchor both ends and escape
 * the dots, or `https://example.com.evil.net` gets in.
 *
 * @example
 * origin: ['https://example.com', 'https://*.example.com']
 * origin: /^https:\/\/[a-z]+\.example\.com$/
 * origin: async (origin, request) => await tenants.own(origin)
 */
export type OriginOption<Request = FastifyRequest> =
  | 'same-origin'
  | '*'
  | (string & {}) // keeps the two words above in an editor's completions
  | RegExp
  | ReadonlyArray<string | RegExp>
  | ((origin: string, request: Request) => boolean | Promise<boolean>)

/** Options a route takes, and the plugin as the default for its routes. */
export interface SharedOptions {
  /**
   * `'same-origin'` (default), a list of origins (`https://*.example.com` allowed), a RegExp, a
   * function, or `'*'`.
   */
  origin?: OriginOption
  /** Admit clients that send no Origin, which no browser does. Default `false`. */
  allowMissingOrigin?: boolean
  /**
   * The names by which clients may address this server, as they stand in `request.host`:
   * `'chat.example'` at any port, `'localhost:3000'` at this one, `'*.chat.example'` for every name
   * below. Any other is refused with a 421, `FST_TYPED_WS_HOST_REFUSED`, before hooks run. Default:
   * not checked; then `'same-origin'` believes the Host, and a page whose name an attacker points
   * at this server (DNS rebinding) is of the same origin.
   *
   * @example
   * host: ['chat.example', '*.chat.example']
   */
  host?: readonly string[]
  /**
   * How a handshake is refused. `'http'`: by the HTTP answer itself, which browsers hide from their
   * pages behind a 1006. `'close'`: by a 101 with the answer's headers, closed at once with 45xx
   * for a 4xx, 4501 for a redirect, 1013 for a 5xx and for 408, 425 and 429, and the error's
   * message as the reason. `'auto'` (default): by a close for a client that offers the subprotocol
   * `typed-ws.refusal`, as the typed client does; over HTTP for any other.
   */
  rejectWith?: 'auto' | 'http' | 'close'
  /** For all hooks together, before the 101. Past it the client gets a 503. Default 10 000. */
  handshakeTimeoutMs?: number
  /**
   * Per message, after inflation; a larger one closes the connection with 1009, and the reason
   * names this limit. Default 65 536.
   */
  maxPayloadBytes?: number
  /**
   * The same for a binary message alone, where it may be larger or must be smaller than a text.
   * Default: `maxPayloadBytes`.
   *
   * @example
   * // Texts of 64 KiB, images of 4 MiB.
   * maxBinaryBytes: 4 * 1024 * 1024
   */
  maxBinaryBytes?: number
  /** As in `ws`. Default `false`: it costs memory and is an attack surface. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions
  /**
   * A ping frame every `intervalMs`; a client from which nothing arrives within `timeoutMs` of it
   * is cut off with 1006. Default `{ intervalMs: 25_000, timeoutMs: 10_000 }`: below the minute
   * after which proxies drop what is idle. `false`: none.
   */
  heartbeat?: { intervalMs?: number, timeoutMs?: number } | false
  /**
   * Handlers of one connection that may run at once. Default 1: they run one after the other, in
   * order of arrival.
   */
  concurrency?: number
  /**
   * Messages waiting per connection; past it the socket is not read until half are done. Default
   * 64.
   */
  maxQueuedMessages?: number
  /**
   * Bytes of the frames in which those messages came, after inflation; past it the socket is not
   * read until half are done. One message may exceed it by itself. Default 262 144: as values of
   * JavaScript, bytes of JSON may take twenty times as much memory.
   */
  maxQueuedBytes?: number
  /**
   * A token bucket per connection: `max` messages per `timeWindowMs`, twice that at once; a ping, a
   * pong that answers none and a fragment cost one token each. A message that finds none gets an
   * `$error` of 429, and the socket is not read until there is one again; when that goes on for ten
   * windows the connection is closed with 4429. Default `{ max: 100, timeWindowMs: 1000 }`;
   * `false`: none.
   */
  rateLimit?: { max?: number, timeWindowMs?: number } | false
  /** Refused messages in a row before the connection is closed with 1008. Default 10. */
  maxInvalidMessages?: number
  /**
   * Streams of one connection that may be live at once; a further one gets an `$error` of 429.
   * Default 32.
   */
  maxStreams?: number
  /**
   * Calls of the server's that may wait for one client, to be read or to be answered; a further one
   * throws. Default 64.
   */
  maxPendingCalls?: number
  /** Outgoing bytes waiting for one connection; past it `send` returns false. Default 1 048 576. */
  highWaterMarkBytes?: number
  /**
   * Treatment of a client for which more than `highWaterMarkBytes` wait. `'close'` (default): it
   * is closed with 4408 after `slowTimeoutMs`, or at once when a further message finds no room,
   * since to leave one out would be silent. `'drop'`: events that find no room are left out, and
   * counted; replies never are.
   */
  slowConsumer?: 'close' | 'drop'
  /** How long a slow client may take to read what waits. Default 10 000. */
  slowTimeoutMs?: number
  /** Topics one connection may be in. Default 128. */
  maxTopics?: number
  /** Check what the server sends against its schema too. Default `true`. */
  validateOutgoing?: boolean
  /**
   * Take every `pattern`: also one of a client's texts without a `maxLength` beside it, and one
   * whose time doubles with every letter. Default `false`: a slow regular expression stalls the
   * process.
   */
  unsafePatterns?: boolean
  /**
   * As Fastify's option of the same name: keywords, formats and plugins of the app's own, for every
   * schema. Default: no coercion, no removal, no defaults filled in. An option that changes this,
   * or how a keyword of JSON Schema is read, makes Ajv check every message, those of TypeBox too.
   */
  ajv?: { customOptions?: Record<string, unknown>, plugins?: readonly unknown[] }
}

/** The options of `app.register(typedWs, options)`. */
export interface PluginOptions extends SharedOptions {
  /** Default for all routes. */
  errorHandler?: ErrorHandler
  /** Runs before every handler of all routes, in front of the hooks of scopes and routes. */
  onMessage?: MessageHook | readonly MessageHook[]
  /**
   * The builds of TypeBox in which the app registers its kinds and formats:
   * `require('@sinclair/typebox')`, the namespace of `typebox/format`, or a list. Default: those
   * the plugin can see, which are its own, every one that was loaded by `require`, and the one the
   * app's main file would import.
   */
  typebox?: object | readonly object[]
  /**
   * Connections of all typed routes together; past it a handshake gets a 503 with `Retry-After`.
   * Default: no limit.
   */
  maxConnections?: number
  /**
   * Connections per `request.ip`, which is the client's own only behind a proxy that `trustProxy`
   * trusts; past it a handshake gets a 429 with `Retry-After`. Of an IPv6 address the first 64 bits
   * count: the rest is the client's to choose (RFC 6177). Default: no limit.
   */
  maxConnectionsPerIp?: number
  /**
   * Carries topics between the nodes of a service: `redis(app.redis)` of `fastify-typed-ws/redis`,
   * `nats(connection)` of `fastify-typed-ws/nats`, `shards([…])`, or one of your own. Default
   * `memory()`: topics reach this process only.
   */
  broker?: Broker
  /**
   * How much is stored of each recoverable topic whose kind has no bounds of its own: the newest
   * `maxMessages` (default 1000) of the last `maxAgeMs` (default 300 000).
   */
  history?: { maxMessages?: number, maxAgeMs?: number }
  /**
   * How much of one topic's history a client is given that returns: no more than `maxMessages`
   * (default 500) of `maxBytes` (default 524 288, at most half of `highWaterMarkBytes`) together; a
   * client that missed more is told so. A broker that does not answer is asked for `timeoutMs`
   * (default 5000).
   */
  recovery?: { maxMessages?: number, maxBytes?: number, timeoutMs?: number }
  /**
   * Topics that have presence. A member whose last connection has ended leaves after `leaveDelayMs`
   * (default 5000), so that a reload is no departure. Of a topic with more than `maxMembers`
   * members (default 1000) clients are told the number alone. The members of a node that was killed
   * leave `leaseMs` (default 15 000) later, and a third of it at most.
   */
  presence?: { leaveDelayMs?: number, maxMembers?: number, leaseMs?: number }
  /**
   * `app.close()`: handlers finish, what waits is sent, and every client gets a 1012 whose reason
   * is `retry-after-ms=N`, N at random below `spreadMs` (default 0). It waits until nothing of the
   * app's runs for any connection. After `timeoutMs` (default 5000) what is left is cut, and what
   * still runs is counted in the log.
   */
  shutdown?: { timeoutMs?: number, spreadMs?: number }
}
