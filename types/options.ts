import type {
  ContextConfigDefault, FastifyBaseLogger, FastifyRequest, FastifySchema, FastifyTypeProvider, FastifyTypeProviderDefault,
  RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerBase, RawServerDefault, RouteGenericInterface, RouteHandlerMethod, RouteShorthandOptions
} from 'fastify'
import type { PerMessageDeflateOptions } from 'ws'
import type { AnyContract, Messages } from './contract.js'
import type { BinaryHandler, CloseHandler, ErrorHandler, MessageHandlers, OpenHandler } from './handler.js'

/**
 * Which Origins may open a route. Each entry of a list is written as a browser sends it (`https://example.com`: no
 * slash at the end, no default port, lower case), except that a host may be in Unicode. `https://*.example.com` is
 * every name below `example.com` and not `example.com` itself; `'null'` is what sandboxed pages and files send. An
 * empty list admits no Origin at all. `'*'` admits every one, and says nothing of a missing one: that is
 * `allowMissingOrigin`. A function admits by answering exactly `true`.
 *
 * A RegExp is tested against the whole header just as it is written: anchor both ends and escape the dots, or
 * `https://example.com.evil.net` gets in.
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
   * `'same-origin'` (default), a list of origins (`https://*.example.com` allowed), a RegExp, a function, or `'*'`.
   */
  origin?: OriginOption
  /** Admit clients that send no Origin, which no browser does. Default `false`. */
  allowMissingOrigin?: boolean
  /** For all hooks together, before the 101. Past it the client gets a 503. Default 10 000. */
  handshakeTimeoutMs?: number
  /** Per message, after inflation; a larger one closes the connection with 1009. Default 65 536. */
  maxPayloadBytes?: number
  /** As in `ws`. Default `false`: it costs memory and is an attack surface. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions
  /** Messages waiting per connection; past it the socket is not read until half are done. Default 64. */
  maxQueuedMessages?: number
  /** Outgoing bytes waiting for one connection; past it `send` returns false. Default 1 048 576. */
  highWaterMarkBytes?: number
  /** Topics one connection may be in. Default 128. */
  maxTopics?: number
  /** Check what the server sends against its schema too. Default `true`. */
  validateOutgoing?: boolean
  /** Take client messages with a `pattern` and no `maxLength` beside it. Default `false`: a slow regular expression on a long text stalls the process. */
  unsafePatterns?: boolean
  /** The Ajv for schemas TypeBox's own compiler cannot take, as Fastify's option of the same name. Default: strict, no coercion, no removal, defaults and formats on. */
  ajv?: { customOptions?: Record<string, unknown>, plugins?: readonly unknown[] }
}

/** What `app.register(typedWs, options)` takes. */
export interface PluginOptions extends SharedOptions {
  /** Default for all routes. */
  errorHandler?: ErrorHandler
  /** `app.close()`: connections get a 1012 and have `timeoutMs` (default 5000) to say goodbye, then they are cut. */
  shutdown?: { timeoutMs?: number }
}

type LifecycleOption =
  | 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler' | 'preSerialization' | 'onSend' | 'onResponse' | 'onTimeout' | 'onError' | 'onRequestAbort'
  | 'attachValidation' | 'validatorCompiler' | 'serializerCompiler' | 'schemaErrorFormatter' | 'childLoggerFactory'
  | 'handlerTimeout' | 'logLevel' | 'logSerializers' | 'config' | 'constraints' | 'prefixTrailingSlash'

/** What `app.ws(path, options)` takes: Fastify's route options that make sense for a GET, and the live connection's handlers. */
export type WebSocketRouteOptions<
  C extends AnyContract = AnyContract,
  RawServer extends RawServerBase = RawServerDefault,
  RawRequest extends RawRequestDefaultExpression<RawServer> = RawRequestDefaultExpression<RawServer>,
  RawReply extends RawReplyDefaultExpression<RawServer> = RawReplyDefaultExpression<RawServer>,
  RouteGeneric extends RouteGenericInterface = RouteGenericInterface,
  ContextConfig = ContextConfigDefault,
  Schema extends FastifySchema = FastifySchema,
  TypeProvider extends FastifyTypeProvider = FastifyTypeProviderDefault,
  Logger extends FastifyBaseLogger = FastifyBaseLogger
> =
  & Pick<RouteShorthandOptions<RawServer, RawRequest, RawReply, RouteGeneric, ContextConfig, Schema, TypeProvider, Logger>, LifecycleOption>
  & SharedOptions
  & ConnectionHandlers<C, FastifyRequest<RouteGeneric, RawServer, RawRequest, NoInfer<Schema>, TypeProvider, ContextConfig, Logger>>
  & {
    /** What may be said, in both directions. */
    contract: C
    /** The handshake's own schemas: params, querystring, headers. */
    schema?: Schema
    /** Answers plain HTTP on the same path. Default: 426 with `Upgrade: websocket` (RFC 9110 §15.5.22). */
    handler?: RouteHandlerMethod<RawServer, RawRequest, RawReply, RouteGeneric, ContextConfig, NoInfer<Schema>, TypeProvider, Logger>
  }

/** The handlers of a live connection. */
export type ConnectionHandlers<C extends AnyContract, Request> =
  & {
    /** Runs after the 101; messages wait, in order, until it settles. A throw closes with 1011, or 45xx for an error of status 4xx. */
    open?: OpenHandler<C, Request>
    /** Called exactly once for every connection that opened. */
    close?: CloseHandler<C, Request>
    errorHandler?: ErrorHandler<C, Request>
  }
  & HandlersOf<C['clientToServer'], C, Request>
  & BinaryHandlerOf<C['binary']['clientToServer'], C, Request>

type HandlersOf<M extends Messages, C extends AnyContract, Request> = {} extends M
  ? { on?: MessageHandlers<C, Request> }
  : { /** One for every client message. */ on: MessageHandlers<C, Request> }

type BinaryHandlerOf<Allowed extends boolean, C extends AnyContract, Request> = Allowed extends true
  ? { /** Takes binary frames; `binary.clientToServer` of the contract allows them. */ binary: BinaryHandler<C, Request> }
  : { binary?: never }
