import type {
  ContextConfigDefault, FastifyBaseLogger, FastifyRequest, FastifySchema, FastifyTypeProvider, FastifyTypeProviderDefault,
  RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerBase, RawServerDefault, RouteGenericInterface,
  RouteHandlerMethod, RouteShorthandOptions
} from 'fastify'
import type { AnyContract, Messages } from './contract.js'
import type { BinaryHandler, CloseHandler, ErrorHandler, MessageHandlers, MessageHook, OpenHandler } from './handler.js'
import type { SharedOptions } from './options.js'
import type { OlderVersion } from './versions.js'

type LifecycleOption =
  | 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler' | 'preSerialization' | 'onSend' | 'onResponse'
  | 'onTimeout' | 'onError' | 'onRequestAbort'
  | 'attachValidation' | 'validatorCompiler' | 'serializerCompiler' | 'schemaErrorFormatter' | 'childLoggerFactory'
  | 'handlerTimeout' | 'logLevel' | 'logSerializers' | 'config' | 'constraints' | 'prefixTrailingSlash'

/** The words of a route for documents, in `schema` as for `@fastify/swagger`. */
export interface RouteWords {
  /** Leaves the route out of all documents. */
  readonly hide?: boolean
  readonly tags?: readonly string[]
  /** One line. */
  readonly summary?: string
  /** Markdown. Default in an AsyncAPI document: the contract's `description`. */
  readonly description?: string
  /** The channel's name in an AsyncAPI document. Default: made of the path. */
  readonly operationId?: string
  /** Alternatives: names of security schemes, and scopes of theirs. */
  readonly security?: ReadonlyArray<Readonly<Record<string, readonly string[]>>>
  readonly externalDocs?: { readonly url: string, readonly description?: string }
}

/**
 * The options of `app.ws(path, options)`: Fastify's route options that make sense for a GET, and
 * the live connection's handlers.
 */
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
  & Pick<
    RouteShorthandOptions<RawServer, RawRequest, RawReply, RouteGeneric, ContextConfig, Schema, TypeProvider, Logger>,
    // `handlerTimeout` is younger than Fastify 5.0.
    LifecycleOption & keyof RouteShorthandOptions
  >
  & SharedOptions
  & {
    /** The messages of both directions. */
    contract: C
    /**
     * Older versions of the contract that clients may still speak, from the newer to the older. The
     * subprotocol chooses; handlers see the messages of `contract` only.
     *
     * @example
     * versions: [older(chatV2, {
     *   contract: chatV1,
     *   clientToServer: { message: { up: ({ text }) => ({ body: { text } }) } },
     *   serverToClient: { message: { down: ({ body }) => ({ text: body.text }) } }
     * })]
     */
    versions?: ReadonlyArray<OlderVersion<NoInfer<C>>>
    /**
     * The name of the version for a client that offers no subprotocol. Default: the last one of
     * `versions`, since such a client was most likely written before there were two.
     */
    defaultVersion?: string
    /** The handshake's own schemas: params, querystring, headers; and words for documents. */
    schema?: Schema & RouteWords
    /**
     * Answers plain HTTP on the same path. Default: 426 with `Upgrade: websocket` (RFC 9110
     * §15.5.22).
     */
    handler?: RouteHandlerMethod<RawServer, RawRequest, RawReply, RouteGeneric, ContextConfig, NoInfer<Schema>, TypeProvider, Logger>
  }
  // Last, because TypeScript copies the last part of what a generic helper spreads.
  & ConnectionHandlers<C, FastifyRequest<RouteGeneric, RawServer, RawRequest, NoInfer<Schema>, TypeProvider, ContextConfig, Logger>>

/** The handlers of a live connection. */
export type ConnectionHandlers<C extends AnyContract, Request> =
  & {
    /**
     * Runs after the 101; messages wait, in order, until it settles. A throw closes with 1011, or
     * 45xx for an error of status 4xx.
     */
    open?: OpenHandler<C, Request>
    /** Called exactly once for every connection that opened. */
    close?: CloseHandler<C, Request>
    errorHandler?: ErrorHandler<C, Request>
    /** Runs before every handler of this route, after the hooks of the plugin and of scopes. */
    onMessage?: MessageHook<NoInfer<C>, Request> | ReadonlyArray<MessageHook<NoInfer<C>, Request>>
    /**
     * The client message that renews credentials: its handler may move `socket.expiresAt`. It does
     * not wait behind other messages, so that a slow handler costs nobody the session. While the
     * client does not read what it is sent, one such message is handled, and the next when it has
     * caught up.
     */
    refresh?: keyof C['clientToServer'] & string
  }
  & HandlersOf<C['clientToServer'], C, Request>
  & BinaryHandlerOf<C['binary']['clientToServer'], C, Request>

type HandlersOf<M extends Messages, C extends AnyContract, Request> = {} extends M
  ? { on?: MessageHandlers<C, Request, true> }
  : { /** One for every client message. */ on: MessageHandlers<C, Request, true> }

type BinaryHandlerOf<Allowed extends boolean, C extends AnyContract, Request> = Allowed extends true
  ? { /** Takes binary frames; `binary.clientToServer` of the contract allows them. */ binary: BinaryHandler<C, Request> }
  : { binary?: never }
