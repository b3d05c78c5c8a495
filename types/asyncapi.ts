import type {
  FastifyBaseLogger, FastifyReply, FastifyRequest, FastifyTypeProvider, FastifyTypeProviderDefault, HookHandlerDoneFunction,
  RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerBase, RawServerDefault, RouteOptions
} from 'fastify'
import type { AnyContract } from './contract.js'
import type { RouteWords } from './route.js'

/** An object of AsyncAPI 3.0, or a JSON Schema: plain data. */
export type AsyncApiObject = Readonly<Record<string, unknown>>

/** AsyncAPI's Info Object: its `externalDocs` and `tags` are options of the plugin's own. */
export interface AsyncApiInfo {
  readonly title: string
  readonly version: string
  readonly description?: string
  readonly termsOfService?: string
  readonly contact?: AsyncApiObject
  readonly license?: AsyncApiObject
  readonly [extension: `x-${string}`]: unknown
}

/** A document of AsyncAPI 3.0.0. */
export interface AsyncApiDocument {
  asyncapi: '3.0.0'
  info: AsyncApiInfo & { externalDocs?: AsyncApiObject, tags?: readonly AsyncApiObject[] }
  defaultContentType: 'application/json'
  servers?: Record<string, AsyncApiObject>
  channels: Record<string, AsyncApiObject>
  operations: Record<string, AsyncApiObject>
  components: Record<string, Record<string, AsyncApiObject>>
}

/** The schema of a route as the document shows it: of Fastify, with its words for people. */
export type DocumentedSchema = RouteWords & { readonly params?: unknown, readonly querystring?: unknown, readonly headers?: unknown }

/** The options of `app.register(asyncapi, options)`. */
export interface AsyncApiOptions {
  /** AsyncAPI requires the title and the version. */
  readonly info: AsyncApiInfo
  /**
   * Server Objects, by name. Default: none; the documents that are served have one, which is the
   * host of the request.
   */
  readonly servers?: Readonly<Record<string, AsyncApiObject>>
  readonly tags?: readonly AsyncApiObject[]
  readonly externalDocs?: AsyncApiObject
  /** Security Scheme Objects, by the name that a route's `schema.security` says. */
  readonly securitySchemes?: Readonly<Record<string, AsyncApiObject>>
  /**
   * Tell of `$cancel`, `$ping` and `$pong`, of `$recover` and `$topic` where topics are
   * recoverable, and of the protocol's close codes. Default `false`.
   */
  readonly protocol?: boolean
  /**
   * Changes the schema or the URL of a route in the document; the route itself stays as it is. A
   * schema with `hide: true` leaves the route out. It runs for each version of the route, with its
   * contract.
   */
  readonly transform?: (route: {
    readonly schema: DocumentedSchema
    readonly url: string
    readonly route: RouteOptions
    readonly contract: AnyContract
  }) => { readonly schema: DocumentedSchema, readonly url: string }
  /** Changes the whole document, last. */
  readonly transformObject?: (made: { readonly asyncapiObject: AsyncApiDocument }) => AsyncApiDocument
  /**
   * `'/asyncapi'` serves `/asyncapi/json` and `/asyncapi/yaml`. Default: the document is not
   * served.
   */
  readonly routePrefix?: string
  /** Hooks of these two routes, for example one that asks for a login. */
  readonly onRequest?: DocumentHook | readonly DocumentHook[]
}

/** A hook as Fastify's `onRequest`: it calls `done`, or is asynchronous. */
export type DocumentHook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => unknown

/** How a document is written. */
export interface DocumentSettings {
  /** `true`: a string of YAML instead of an object. Default `false`. */
  readonly yaml?: boolean
  /**
   * `'server'` (default): the server receives what clients send, as AsyncAPI says. `'client'`: the
   * document of a client, for generators of clients, with `send` and `receive` the other way round.
   */
  readonly perspective?: 'server' | 'client'
}

/** Makes the document of an app. */
export interface MakeDocument {
  (settings: DocumentSettings & { readonly yaml: true }): string
  (settings?: DocumentSettings & { readonly yaml?: false }): AsyncApiDocument
}

declare module 'fastify' {
  /* eslint-disable @typescript-eslint/no-unused-vars -- interfaces merge by the same parameters */
  interface FastifyInstance<
    RawServer extends RawServerBase = RawServerDefault,
    RawRequest extends RawRequestDefaultExpression<RawServer> = RawRequestDefaultExpression<RawServer>,
    RawReply extends RawReplyDefaultExpression<RawServer> = RawReplyDefaultExpression<RawServer>,
    Logger extends FastifyBaseLogger = FastifyBaseLogger,
    TypeProvider extends FastifyTypeProvider = FastifyTypeProviderDefault
  > {
    /**
     * The AsyncAPI 3.0.0 document of the typed routes that were declared after
     * `fastify-typed-ws/asyncapi` was registered. Call it when the app is ready.
     *
     * @throws `FST_TYPED_WS_INVALID_OPTION` when a route names a security scheme that is not
     * declared, or a setting is unknown.
     *
     * @example
     * await app.ready()
     * await writeFile('asyncapi.yaml', app.asyncapi({ yaml: true }))
     */
    asyncapi: MakeDocument
  }
}
