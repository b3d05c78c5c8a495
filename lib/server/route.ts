import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Duplex } from 'node:stream'
import type { AnyContract } from '../../types/contract.js'
import type { OlderVersion } from '../../types/versions.js'
import { hasRecoverable } from '../schema/message.js'
import type { ContractChannel } from './channel.js'
import { compileContract, type CompiledContract } from './compile/contract.js'
import { refuseSlowPatterns } from './compile/slow-patterns.js'
import { Connection, type RouteContext } from './connection/connection.js'
import { olderContext } from './connection/older-context.js'
import { sharedSchemasOf } from './compile/originals.js'
import { Decoder } from './messages/decode.js'
import { Encoder } from './messages/encode.js'
import * as errors from './errors.js'
import type { HandshakeRequest, HandshakeRoute } from './handshake/handshake.js'
import type { Heartbeat } from './connection/heartbeat.js'
import { hooked, messageHooksOf } from './messages/hooks.js'
import { uncheckedEntry, type Entry, type Handler } from './messages/message.js'
import { compileGuards } from './handshake/guards.js'
import { readRouteOptions, type RouteSettings } from './options.js'
import { choosing } from './handshake/subprotocol.js'
import { ProtocolSwitcher } from './handshake/switch-protocols.js'
import { ServerWebSocket } from './transport/websocket.js'
import { checkOptions, fastifyOptionsOf, type RouteOptions } from './route-options.js'
import type { Observer } from './stats.js'
import { kHandshake, kRoute } from './symbols.js'
import type { TypeBox } from './compile/typebox.js'

/** The plugin, as far as its routes need it. */
export interface RouteHost {
  readonly typebox: TypeBox
  readonly settings: RouteSettings
  /** The most that a connection is told of one topic's history. */
  readonly recoveryBytes: number
  channelOf (contract: AnyContract, scope: FastifyInstance): ContractChannel
  /** The one for all routes of the same setting. */
  heartbeatOf (settings: RouteSettings['heartbeat']): Heartbeat | undefined
}

/** The messages of a route's contract, as its scope reads and writes them. */
interface CompiledMessages {
  readonly incoming: CompiledContract['incoming']
  readonly encoder: Encoder
}

/** The contexts of a route's connections, by their subprotocol. */
interface Contexts {
  readonly bySubprotocol: ReadonlyMap<string, RouteContext>
  /** For clients that offer none. */
  readonly fallback: RouteContext
}

/** A typed WebSocket route: a contract and its handlers, as a Fastify route. */
export class TypedRoute implements HandshakeRoute {
  readonly contract: AnyContract
  /** As the app gave it: documents show it. */
  readonly schema: object
  readonly needsOrigin: boolean
  /** Older versions of the contract. */
  readonly versions: readonly OlderVersion[]
  readonly subprotocols: readonly string[]
  /** The version that a client speaks which offers no subprotocol. */
  readonly defaultVersion: string
  readonly rejectWith: HandshakeRoute['rejectWith']
  readonly timeoutMs: number
  readonly switcher: ProtocolSwitcher
  readonly isHost: HandshakeRoute['isHost']
  readonly checkOrigin: HandshakeRoute['checkOrigin']
  readonly observer: Observer
  /** Answers its requests, of both kinds. */
  readonly answer: Answerer
  readonly #scope: FastifyInstance
  readonly #options: RouteOptions
  readonly #settings: RouteSettings
  readonly #host: RouteHost
  readonly #channel: ContractChannel
  #compiled: CompiledMessages | undefined = undefined
  #contexts: Contexts | undefined = undefined

  constructor (scope: FastifyInstance, options: RouteOptions, host: RouteHost) {
    const { contract } = options
    const settings = readRouteOptions(options, host.settings)
    this.contract = contract
    this.versions = options.versions ?? []
    if (!settings.unsafePatterns) for (const one of this.contracts) refuseSlowPatterns(one)
    this.#scope = scope
    this.#options = options
    this.#settings = settings
    this.#host = host
    this.#channel = host.channelOf(contract, scope)
    if (hasRecoverable(contract)) checkRecoveryBytes(host.recoveryBytes, settings)
    this.observer = this.#channel.observer
    this.schema = options.schema ?? {}
    this.needsOrigin = !settings.allowMissingOrigin
    this.subprotocols = this.contracts.map(({ name }) => name)
    this.defaultVersion = options.defaultVersion ?? this.subprotocols.at(-1)!
    this.rejectWith = settings.rejectWith
    this.answer = answererOf(options.handler)
    this.timeoutMs = settings.handshakeTimeoutMs
    const { isHost, checkOrigin } = compileGuards(settings)
    this.isHost = isHost
    this.checkOrigin = checkOrigin
    this.switcher = new ProtocolSwitcher({
      WebSocket: ServerWebSocket,
      autoPong: false, // ServerWebSocket answers pings
      maxPayload: settings.maxPayloadBytes,
      perMessageDeflate: settings.perMessageDeflate,
      handleProtocols: choosing(this.subprotocols)
    })
  }

  /**
   * Compiles every schema, once: after the scope has all of its shared schemas.
   * @throws FST_TYPED_WS_INVALID_SCHEMA, FST_TYPED_WS_UNSAFE_PATTERN,
   * FST_TYPED_WS_EXPONENTIAL_PATTERN
   */
  compile (): Contexts {
    this.#contexts ??= this.#makeContexts()
    return this.#contexts
  }

  /** The newest one first. */
  get contracts (): readonly AnyContract[] {
    return [this.contract, ...this.versions.map(({ contract }) => contract)]
  }

  /** Writes its contract's messages, also before the app is ready. */
  get encoder (): Encoder {
    return this.#messages.encoder
  }

  /** The shared schemas of its scope (`addSchema`), by `$id`. */
  get sharedSchemas (): Readonly<Record<string, unknown>> {
    return sharedSchemasOf(this.#scope)
  }

  connect (ws: ServerWebSocket, socket: Duplex, request: FastifyRequest): void {
    const { bySubprotocol, fallback } = this.compile()
    new Connection(bySubprotocol.get(ws.protocol) ?? fallback, ws, socket, request).start()
  }

  get #messages (): CompiledMessages {
    this.#compiled ??= this.#compile()
    return this.#compiled
  }

  #compile (): CompiledMessages {
    const compiled = this.#compileContract(this.contract)
    return { incoming: compiled.incoming, encoder: new Encoder(compiled, this.#settings.validateOutgoing) }
  }

  #compileContract (contract: AnyContract): CompiledContract {
    const { sharedSchemas } = this
    const { unsafePatterns, ajv } = this.#settings
    // Once more: what a message refers to is known only now.
    if (!unsafePatterns) refuseSlowPatterns(contract, sharedSchemas)
    return compileContract(contract, { typebox: this.#host.typebox, ajv, sharedSchemas })
  }

  #makeContexts (): Contexts {
    const { encoder, versions } = this
    const hooks = this.#hooks()
    const entries = this.#entries(hooks)
    const newest = this.#makeContext(hooks, entries)
    const compile = (contract: AnyContract): CompiledContract => this.#compileContract(contract)
    const contexts = [newest, ...versions.map((version) => olderContext(version, { context: newest, entries, encoder, compile }))]
    const bySubprotocol = new Map(contexts.map((context) => [context.version, context]))
    return { bySubprotocol, fallback: bySubprotocol.get(this.defaultVersion)! }
  }

  #makeContext (hooks: readonly Handler[], entries: ReadonlyMap<string, Entry>): RouteContext {
    const { contract, open, close, binary, errorHandler } = this.#options
    return {
      contract,
      version: contract.name,
      decoder: new Decoder(entries, contract.discriminator),
      encoder: this.encoder,
      publisher: this.encoder,
      frames: undefined,
      registry: this.#channel,
      heartbeat: this.#host.heartbeatOf(this.#settings.heartbeat),
      settings: this.#settings,
      observer: this.observer,
      open,
      close,
      binary: binary === undefined ? undefined : uncheckedEntry(hooked(hooks, binary as Handler)),
      errorHandler: errorHandler ?? this.#settings.errorHandler
    }
  }

  #entries (hooks: readonly Handler[]): Map<string, Entry> {
    const { on = {}, refresh } = this.#options
    return new Map(Array.from(this.#messages.incoming, ([name, incoming]) => {
      const { handler, cost } = withCost(on, name)
      return [name, { ...incoming, handler: hooked(hooks, handler), type: name, cost, isUrgent: name === refresh }]
    }))
  }

  #hooks (): readonly Handler[] {
    const hooks = [messageHooksOf(this.#scope), this.#options.onMessage ?? []].flat()
    return hooks.map((hook) => hook.bind(this.#scope))
  }
}

/**
 * Declares a typed route on a scope.
 * @throws FST_TYPED_WS_INVALID_ROUTE, FST_TYPED_WS_NOT_SUPPORTED, FST_TYPED_WS_INVALID_OPTION,
 * FST_TYPED_WS_UNSAFE_PATTERN, FST_TYPED_WS_EXPONENTIAL_PATTERN
 */
export function declareRoute (scope: FastifyInstance, path: string, options: unknown, host: RouteHost): TypedRoute {
  checkOptions(path, options)
  const route = new TypedRoute(scope, options, host)
  const config: object = { ...options.config, [kRoute]: route }
  scope.route({
    ...fastifyOptionsOf(options),
    method: 'GET',
    url: path,
    // Without a handler no GET is answered, so that there is nothing for HEAD to tell.
    ...(options.handler === undefined && { exposeHeadRoute: false }),
    // Not a resource of an HTTP API, unless it answers HTTP too.
    schema: { hide: options.handler === undefined, ...options.schema },
    config,
    handler: route.answer
  })
  return route
}

type Answerer = (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply) => unknown

// One handler for both: what asked for a WebSocket gets it, what asked for a page gets that.
function answererOf (http: Answerer | undefined): Answerer {
  return function (request, reply) {
    const handshake = (request.raw as HandshakeRequest)[kHandshake]
    if (handshake !== undefined) return handshake.accept()
    if (http !== undefined) return http.call(this, request, reply)
    askForUpgrade(request, reply)
    throw new errors.UpgradeRequired()
  }
}

// RFC 9110 §15.5.22, §7.8. HTTP/2 knows no such headers (RFC 9113 §8.2.2).
function askForUpgrade ({ raw: { httpVersionMajor } }: FastifyRequest, reply: FastifyReply): void {
  void reply.code(426)
  if (httpVersionMajor === 2) return
  // upstream-private: node ServerResponse#shouldKeepAlive
  void reply.headers({ connection: reply.raw.shouldKeepAlive ? 'upgrade' : 'close, upgrade', upgrade: 'websocket' })
}

/** The typed route a request or a route's options belong to. */
export function routeOf ({ routeOptions }: { readonly routeOptions: { readonly config?: unknown } }): TypedRoute | undefined {
  return (routeOptions.config as { [kRoute]?: TypedRoute } | undefined)?.[kRoute]
}

function withCost (on: object, name: string): { handler: Handler, cost: number } {
  const handler = (on as Record<string, Handler | { handler: Handler, cost: number }>)[name]!
  if (typeof handler === 'function') return { handler: handler.bind(on), cost: 1 }
  return { handler: handler.handler.bind(on), cost: handler.cost }
}

// A replay must leave room for the events that follow it.
function checkRecoveryBytes (maxBytes: number, { highWaterMarkBytes }: RouteSettings): void {
  if (maxBytes <= highWaterMarkBytes / 2) return
  const advice = `maxBytes is ${maxBytes}, and may be half of highWaterMarkBytes: write ${Math.floor(highWaterMarkBytes / 2)}, or less`
  throw new errors.InvalidOption('recovery', advice)
}
