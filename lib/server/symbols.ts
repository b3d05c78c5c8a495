/** On a raw request: an upgrade that may become a WebSocket. */
export const kUpgrade: unique symbol = Symbol('fastify-typed-ws.upgrade')
/** On a route's config: the typed route it is. */
export const kRoute: unique symbol = Symbol('fastify-typed-ws.route')
/** On a route's config: it has no WebSocket. */
export const kHttpOnly: unique symbol = Symbol('fastify-typed-ws.http-only')
export const kUpgradable: unique symbol = Symbol('fastify-typed-ws.upgradable')
/** On a stream: its other end is a client of `injectClient`, which reads any answer. */
export const kInjected: unique symbol = Symbol('fastify-typed-ws.injected')
/** On an instance: the message hooks of its scope. */
export const kMessageHooks: unique symbol = Symbol('fastify-typed-ws.message-hooks')
/** On an HTTP server: its upgrades are intercepted. */
export const kUpgrades: unique symbol = Symbol('fastify-typed-ws.upgrades')
/** On a raw request: its handshake, while it is under way. */
export const kHandshake: unique symbol = Symbol('fastify-typed-ws.handshake')
