import fastifyPlugin from 'fastify-plugin'
import fastifyWebsocket from '@fastify/websocket'
import type { Duplex } from 'node:stream'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { AnyContract } from '../../types/contract.js'
import type { MessageHook } from '../../types/handler.js'
import type { InjectedClient, InjectOptions } from '../../types/inject.js'
import type { PluginOptions } from '../../types/options.js'
import '../../types/fastify.js'
import { ConnectionLimit } from './handshake/connection-limit.js'
import { ContractChannel } from './channel.js'
import { isContract } from '../schema/message.js'
import { compileContract, vocabularyOf } from './compile/contract.js'
import { refuseOtherMeaning } from './compile/shared-schemas.js'
import { noteOriginals, sharedSchemasOf } from './compile/originals.js'
import { Encoder } from './messages/encode.js'
import * as errors from './errors.js'
import { logIgnored } from './failure.js'
import { compileGuards } from './handshake/guards.js'
import { keepStream } from './handshake/hand-over.js'
import type { UpgradeRequest } from './handshake/request.js'
import { choosePublic } from './handshake/subprotocol.js'
import { interceptUpgrades, type UpgradeHost } from './handshake/upgrade.js'
import { Handshake, type HandshakeRequest } from './handshake/handshake.js'
import { Heartbeat } from './connection/heartbeat.js'
import { addMessageHook, keepMessageHooks } from './messages/hooks.js'
import { ignorable } from './ignorable.js'
import { readPluginOptions, type PluginSettings, type RouteSettings } from './options.js'
import { declareRoute, routeOf, type RouteHost, type TypedRoute } from './route.js'
import { shutDown } from './shutdown.js'
import { TopicNode } from './topics/node.js'
import { kHandshake, kHttpOnly, kUpgradable, kUpgrade } from './symbols.js'
import { loadTypeBox, type TypeBox } from './compile/typebox.js'

/** The state that the typed routes of one app share. */
class TypedWs implements RouteHost, UpgradeHost {
  readonly handshakes: Set<Handshake> = new Set()
  readonly streams: Set<Duplex> = new Set()
  /** Clients of tests, which have no other end than the app's. */
  readonly injectedClients: Set<InjectedClient> = new Set()
  readonly connectionLimit: ConnectionLimit
  readonly typebox: TypeBox
  readonly settings: PluginSettings['route']
  readonly log: FastifyInstance['log']
  isClosing = false
  #isCompiled = false
  readonly node: TopicNode
  readonly #channels = new Map<string, ContractChannel>()
  readonly #routes: TypedRoute[] = []
  readonly #heartbeats = new Map<string, Heartbeat>()
  readonly #shutdown: PluginSettings['shutdown']
  readonly #topics: PluginSettings['topics']

  constructor (settings: PluginSettings, typebox: TypeBox, log: FastifyInstance['log']) {
    const { route, shutdown, broker, topics, maxConnections, maxConnectionsPerIp } = settings
    this.settings = route
    this.connectionLimit = new ConnectionLimit(maxConnections, maxConnectionsPerIp)
    this.typebox = typebox
    this.log = log
    // A wrong value is found here, and not with the first route that inherits it.
    compileGuards(route)
    vocabularyOf({ typebox, ajv: route.ajv })
    this.node = new TopicNode(broker, log)
    this.#shutdown = shutdown
    this.#topics = topics
  }

  declare (scope: FastifyInstance, path: string, options: unknown): void {
    this.#routes.push(declareRoute(scope, path, options, this))
  }

  /** @throws FST_TYPED_WS_INVALID_HOOK */
  addMessageHook (scope: FastifyInstance, hook: MessageHook): void {
    if (this.#isCompiled) throw new errors.InvalidHook('call it before the app is ready: afterwards no route would run the hook')
    addMessageHook(scope, hook)
  }

  compile (): void {
    this.#isCompiled = true
    for (const route of this.#routes) route.compile()
    for (const contract of new Set(this.#routes.flatMap(({ contracts }) => contracts))) {
      refuseOtherMeaning(contract, this.#routes.filter(({ contracts }) => contracts.includes(contract)).map((route) => route.sharedSchemas))
    }
  }

  /** @throws FST_TYPED_WS_BROKER_UNUSABLE, by rejecting. */
  async start (): Promise<void> {
    this.node.start()
    await Promise.all(Array.from(this.#channels.values(), (channel) => channel.prepare()))
  }

  get recoveryBytes (): number {
    return this.#topics.recovery.maxBytes
  }

  channelOf (contract: AnyContract, scope: FastifyInstance): ContractChannel {
    const known = this.#channels.get(contract.name)
    if (known !== undefined && known.contract !== contract) throw new errors.DuplicateContract(contract.name)
    const channel = known ?? new ContractChannel(contract, once(() => this.#encoderOf(contract, scope)), this.node, this.#topics, this.log)
    this.#channels.set(contract.name, channel)
    return channel
  }

  heartbeatOf (settings: RouteSettings['heartbeat']): Heartbeat | undefined {
    if (settings === false) return undefined
    const { intervalMs, timeoutMs } = settings
    const key = `${intervalMs} ${timeoutMs}`
    const heartbeat = this.#heartbeats.get(key) ?? new Heartbeat({ intervalMs, timeoutMs })
    this.#heartbeats.set(key, heartbeat)
    return heartbeat
  }

  async close (): Promise<void> {
    const { handshakes, streams, log } = this
    const channels = Array.from(this.#channels.values())
    const connections = channels.flatMap((channel) => [...channel.connections])
    const unsettled = channels.flatMap((channel) => [...channel.unsettled])
    await shutDown({ handshakes, connections, unsettled, streams, log }, this.#shutdown)
    await this.node.close()
  }

  // A route knows its scope's shared schemas; a channel without a route has only its own.
  #encoderOf (contract: AnyContract, scope: FastifyInstance): Encoder {
    const route = this.#routes.find((route) => route.contract === contract)
    if (route !== undefined) return route.encoder
    const { ajv, validateOutgoing } = this.settings
    return new Encoder(compileContract(contract, { typebox: this.typebox, ajv, sharedSchemas: sharedSchemasOf(scope) }), validateOutgoing)
  }
}

async function typedWs (app: FastifyInstance, options: PluginOptions): Promise<void> {
  if ('Bun' in globalThis) throw new errors.UnsupportedRuntime()
  const settings = readPluginOptions(options)
  const host = new TypedWs(settings, await loadTypeBox(settings.typebox), app.log)
  const isWebsocketOurs = !app.hasDecorator('websocketServer')
  if (isWebsocketOurs) await app.register(fastifyWebsocket, { options: { handleProtocols: choosePublic } })
  refuseVerifyClient(app)
  noteOriginals(app)
  keepMessageHooks(app, settings.onMessage)
  const restoreUpgrades = interceptUpgrades(app.server, host)
  app.addHook('onClose', async () => restoreUpgrades())

  await runFirst(app, 'onRequest', (request, reply, done) => {
    const upgrade = (request.raw as UpgradeRequest)[kUpgrade]
    if (upgrade === undefined) return done()
    if (isForOthers(request, isWebsocketOurs) && upgrade.handOver()) return void reply.hijack()
    const route = routeOf(request)
    expectNoMore(request, reply, route !== undefined)
    if (route === undefined) return done()
    const handshake = new Handshake(route, request, reply, host)
    const checked = handshake.check()
    try {
      // Hooks that do not wait, the handler and the 101 run within `done`.
      if (checked === undefined) done()
    } finally {
      handshake.watch()
    }
    // Fastify waits for the promise, and takes a rejection for a refusal whatever its reason is.
    return checked
  })
  await runFirst(app, 'preClose', async () => { host.isClosing = true })
  app.addHook('onError', noteError)
  app.addHook('onRoute', keepHandler)
  app.addHook('onReady', async () => host.compile())
  app.addHook('onReady', async () => host.start())
  app.addHook('preClose', async () => host.close())
  app.addHook('onClose', async () => { for (const client of host.injectedClients) client.close() })

  app.decorate('ws', function (this: FastifyInstance, path: string, routeOptions: unknown) {
    host.declare(this, path, routeOptions)
    return this
  } as never)
  app.decorate('addMessageHook', function (this: FastifyInstance, hook: MessageHook) {
    host.addMessageHook(this, hook)
    return this
  } as never)
  app.decorate('channel', function (this: FastifyInstance, contract: unknown) {
    if (!isContract(contract)) throw new errors.InvalidOption('contract', 'write app.channel(defineContract({ … }))')
    return host.channelOf(contract, this)
  } as never)
  app.decorate('injectClient', function (this: FastifyInstance, contract: AnyContract, path: string, injectOptions: InjectOptions = {}) {
    const inject = async (): Promise<InjectedClient> => {
      const { injectClient } = await import('./inject.js')
      const client = await injectClient(this, contract, path, injectOptions)
      host.injectedClients.add(client)
      return client
    }
    return ignorable(inject(), (error) => logIgnored(this.log, error))
  } as never)
}

// upstream-private: fastify fastify.hooks
// Fastify runs hooks in the order of their registration, and has no way to say "before any hook of
// the app". Where a later Fastify hides the list, the order of registration decides again.
async function runFirst (app: FastifyInstance, name: 'onRequest' | 'preClose', hook: Hook): Promise<void> {
  await app.addHook(name as 'onRequest', hook).after()
  const symbol = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.hooks')!
  const hooks = (app as unknown as Partial<Record<symbol, Record<string, Hook[]>>>)[symbol]?.[name]
  hooks?.unshift(...hooks.splice(hooks.indexOf(hook), 1))
}

function refuseVerifyClient (app: FastifyInstance): void {
  if (!app.websocketServer.options.verifyClient) return
  const advice = 'write a hook, app.addHook(\'onRequest\', async (request) => { … }), which guards them all'
  throw new errors.InvalidOption('verifyClient', `of the app's @fastify/websocket guards no typed route: ${advice}`)
}

// A route that was declared before the plugin, as by @fastify/http-proxy, has no mark of ours: it
// upgrades only where the app itself registered @fastify/websocket before it.
function isForOthers ({ is404, routeOptions }: FastifyRequest, isWebsocketOurs: boolean): boolean {
  if (is404) return true
  const marks = routeOptions.config as { [kHttpOnly]?: true, [kUpgradable]?: true }
  return marks[kHttpOnly] === true || (isWebsocketOurs && marks[kUpgradable] !== true)
}

function isUpgrade (request: FastifyRequest): boolean {
  return (request.raw as UpgradeRequest)[kUpgrade] !== undefined
}

// upgrade.ts closes the stream once the client had time to read the answer. A route that is not
// ours needs the stream of @fastify/websocket until then.
function expectNoMore (request: FastifyRequest, { raw }: FastifyReply, isOurs: boolean): void {
  request.ws = true
  // upstream-private: node ServerResponse#shouldKeepAlive
  raw.shouldKeepAlive = false
  if (isOurs) keepStream(request.raw)
  else raw.prependOnceListener('finish', () => keepStream(request.raw))
}

function noteError ({ raw }: FastifyRequest, _reply: FastifyReply, error: unknown, done: () => void): void {
  (raw as HandshakeRequest)[kHandshake]?.noteError(error)
  done()
}

// upstream-private: @fastify/websocket onRoute
// @fastify/websocket replaces the handler of every route by one that upgrades at once.
function keepHandler (routeOptions: RouteOptions): void {
  const route = routeOf({ routeOptions })
  const isUpgradable = route !== undefined || routeOptions.websocket === true || routeOptions.wsHandler !== undefined
  if (route !== undefined) routeOptions.handler = route.answer
  else if (!isUpgradable) routeOptions.handler = withoutUpgrade(routeOptions.handler)
  routeOptions.config = { ...routeOptions.config, [isUpgradable ? kUpgradable : kHttpOnly]: true }
}

// An HTTP route is not found where a WebSocket is looked for.
function withoutUpgrade (handler: RouteOptions['handler']): RouteOptions['handler'] {
  return function (request, reply) {
    return isUpgrade(request) ? reply.callNotFound() : handler.call(this, request, reply)
  }
}

function once<T> (make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

type Hook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void | Promise<void>

/**
 * The plugin: `app.register(fastifyTypedWs, options)` decorates the instance with `app.ws` and
 * `app.channel`. Registers `@fastify/websocket` unless the app already did. Register it on the
 * outermost instance that declares WebSocket routes, before their plugins.
 *
 * @throws `FST_TYPED_WS_INVALID_OPTION`, `FST_TYPED_WS_DUPLICATE_PLUGIN`,
 * `FST_TYPED_WS_UNSUPPORTED_RUNTIME`, by rejecting.
 *
 * @example
 * await app.register(fastifyTypedWs, { origin: ['https://example.com'] })
 */
export const fastifyTypedWs: FastifyPluginAsync<PluginOptions> = fastifyPlugin(typedWs, { fastify: '5.x', name: 'fastify-typed-ws' })
