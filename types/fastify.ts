import type {
  ContextConfigDefault, FastifyBaseLogger, FastifySchema, FastifyTypeProvider, FastifyTypeProviderDefault,
  RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerBase, RawServerDefault, RouteGenericInterface
} from 'fastify'
// For its own augmentation: `injectWS`, `request.ws`, `{ websocket: true }`.
import '@fastify/websocket'
import type { Channel } from './channel.js'
import type { AnyContract } from './contract.js'
import type { MessageHook } from './handler.js'
import type { InjectClient } from './inject.js'
import type { WebSocketRouteOptions } from './route.js'

declare module 'fastify' {
  /** The properties of `socket.data`: declare your own here. */
  interface SocketData {}

  interface FastifyInstance<
    RawServer extends RawServerBase = RawServerDefault,
    RawRequest extends RawRequestDefaultExpression<RawServer> = RawRequestDefaultExpression<RawServer>,
    RawReply extends RawReplyDefaultExpression<RawServer> = RawReplyDefaultExpression<RawServer>,
    Logger extends FastifyBaseLogger = FastifyBaseLogger,
    TypeProvider extends FastifyTypeProvider = FastifyTypeProviderDefault
  > {
    /**
     * Declares a WebSocket route, typed by its contract. The handshake goes through the whole
     * lifecycle of a Fastify request.
     *
     * @param path - as for `app.get`, under the prefix of the scope.
     * @param options - the contract, its handlers, and any route option that makes sense for a GET.
     * @returns the instance.
     * @throws `FST_TYPED_WS_INVALID_ROUTE` and its like when the options could not work; schemas
     * are compiled, and refused, when the app gets ready.
     *
     * @example
     * app.ws('/chat/:room', {
     *   contract: chat,
     *   async open (socket) { await socket.subscribe('lobby') },
     *   on: {
     *     message ({ text }, socket) {
     *       socket.publish('lobby', 'message', { text, id: socket.id })
     *     },
     *     history: ({ before }) => db.before(before)
     *   }
     * })
     */
    ws: <
      const C extends AnyContract,
      RouteGeneric extends RouteGenericInterface = RouteGenericInterface,
      const Schema extends FastifySchema = FastifySchema,
      ContextConfig = ContextConfigDefault
    >(
      path: string,
      options: WebSocketRouteOptions<C, RawServer, RawRequest, RawReply, RouteGeneric, ContextConfig, Schema, TypeProvider, Logger>
    ) => FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider>

    /**
     * Adds a hook that runs before the handler of every client message: for the typed routes of
     * this scope and of those that it registers from now on, as Fastify's own hooks are
     * encapsulated. Hooks run in this order: the plugin's option `onMessage`, those of outer
     * scopes, of inner ones, the route's option `onMessage`.
     *
     * @returns the instance.
     * @throws `FST_TYPED_WS_INVALID_HOOK` when it is no function, or the app is ready already.
     *
     * @example
     * app.addMessageHook(async (payload, socket, { type }) => {
     *   await audit.write({ person: socket.request.person, type, payload })
     * })
     */
    addMessageHook: (hook: MessageHook) => FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider>

    /**
     * A contract seen from anywhere in the service: publish to its topics, count and close its
     * connections.
     *
     * @example
     * await app.channel(chat).publish('lobby', 'message', { text: 'hello', id: 'server' })
     */
    channel: <const C extends AnyContract>(contract: C) => Channel<C>

    /**
     * For tests: the client of `fastify-typed-ws/client`, open, without a port. The handshake goes
     * through all hooks; what the server sends at once is kept until the caller had the chance to
     * listen. When the app closes, so does the client.
     *
     * @param path - of the route, with or without a query.
     * @throws by rejecting: `FST_TYPED_WS_HANDSHAKE_REFUSED` with the `statusCode`, `headers` and
     * `body` of the answer.
     *
     * @example
     * const headers = { cookie: 'person=1' }
     * const client = await app.injectClient(chat, '/chat/lobby', { headers })
     * t.same(await client.call('history', {}), [])
     */
    injectClient: InjectClient
  }
}
