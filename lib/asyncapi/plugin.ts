import fastifyPlugin from 'fastify-plugin'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest, RouteOptions } from 'fastify'
import type { AsyncApiDocument, AsyncApiOptions, DocumentedSchema, DocumentSettings } from '../../types/asyncapi.js'
import type { AnyContract } from '../../types/contract.js'
import '../../types/asyncapi.js'
import { kRoute } from '../server/symbols.js'
import type { DocumentedRoute } from './channel.js'
import { makeDocument } from './document.js'
import { checkOptions, checkSettings } from './options.js'
import { yamlOf } from './yaml.js'

/** A typed route of the server, as far as a document tells of it. */
interface TypedRoute {
  readonly contract: AnyContract
  /** Its versions, the newest one first. */
  readonly contracts: readonly AnyContract[]
  readonly defaultVersion: string
  /** As the app gave it. */
  readonly schema: DocumentedSchema
  readonly needsOrigin: boolean
}

interface Declared {
  readonly scope: FastifyInstance
  readonly route: RouteOptions
  readonly url: string
  readonly typed: TypedRoute
}

/** The typed routes of an app, and their document. */
class Documentation {
  readonly #options: AsyncApiOptions
  readonly #declared = new Map<TypedRoute, Declared>()
  // The text of a document, once there will be no more routes.
  readonly #texts = new Map<string, string>()
  #isReady = false

  constructor (options: AsyncApiOptions) {
    this.#options = options
  }

  /**
   * Notes a typed route, of which Fastify tells once more for HEAD. The URL of the options changes
   * afterwards, where the route is served with a slash at its end as well.
   */
  add (scope: FastifyInstance, route: RouteOptions): void {
    const typed = (route.config as { [kRoute]?: TypedRoute } | undefined)?.[kRoute]
    if (typed !== undefined && !this.#declared.has(typed)) this.#declared.set(typed, { scope, route, url: route.url, typed })
  }

  ready (): void {
    this.#isReady = true
  }

  make (settings: DocumentSettings): AsyncApiDocument {
    const { perspective = 'server' } = settings
    const text = this.#texts.get(perspective) ?? JSON.stringify(makeDocument(this.#routes(), this.#options, perspective))
    if (this.#isReady) this.#texts.set(perspective, text)
    return JSON.parse(text) as AsyncApiDocument
  }

  /** The document for a reader of the server that is asked. */
  serve ({ host, protocol }: FastifyRequest): AsyncApiDocument {
    const { asyncapi, info, defaultContentType, servers, ...rest } = this.make({})
    const own = { default: { host, protocol: protocol === 'https' ? 'wss' : 'ws' } }
    return { asyncapi, info, defaultContentType, servers: servers ?? own, ...rest }
  }

  #routes (): DocumentedRoute[] {
    return [...this.#declared.values()].flatMap((declared) => {
      return declared.typed.contracts.flatMap((contract) => this.#versionOf(declared, contract))
    })
  }

  #versionOf ({ scope, route, url, typed }: Declared, contract: AnyContract): DocumentedRoute[] {
    const { contract: newest, defaultVersion, needsOrigin, schema } = typed
    const { transform = (route) => route } = this.#options
    const shown = transform({ schema, url, route: { ...route, url }, contract })
    if (shown.schema.hide === true) return []
    const isDefault = contract.name === defaultVersion
    return [{ contract, newest, isDefault, needsOrigin, url: shown.url, schema: shown.schema, sharedSchemas: scope.getSchemas() }]
  }
}

async function asyncapiPlugin (app: FastifyInstance, options: AsyncApiOptions): Promise<void> {
  checkOptions(options)
  const documentation = new Documentation(options)
  app.addHook('onRoute', function (route) { documentation.add(this, route) })
  app.addHook('onReady', async () => documentation.ready())
  app.decorate('asyncapi', ((settings: DocumentSettings = {}) => {
    checkSettings(settings)
    const document = documentation.make(settings)
    return settings.yaml === true ? yamlOf(document) : document
  }) as never)
  if (options.routePrefix !== undefined) serve(app, options.routePrefix, options, documentation)
}

function serve (app: FastifyInstance, prefix: string, { onRequest = [] }: AsyncApiOptions, documentation: Documentation): void {
  const shared = { schema: { hide: true } as object, onRequest: [onRequest].flat() as never }
  const path = prefix.replace(/\/$/, '')
  app.get(`${path}/json`, shared, (request) => documentation.serve(request))
  app.get(`${path}/yaml`, shared, (request, reply) => reply.type('application/yaml').send(yamlOf(documentation.serve(request))))
}

/**
 * The plugin: `app.register(asyncapi, options)` decorates the instance with `app.asyncapi()`, the
 * AsyncAPI 3.0.0 document of its typed routes. Register it before them, as `@fastify/swagger`.
 *
 * @throws `FST_TYPED_WS_INVALID_OPTION`, by rejecting.
 *
 * @example
 * const info = { title: 'Chat', version: '1.0.0' }
 * await app.register(asyncapi, { info, routePrefix: '/asyncapi' })
 */
export const asyncapi: FastifyPluginAsync<AsyncApiOptions> = fastifyPlugin(asyncapiPlugin, {
  fastify: '5.x',
  name: 'fastify-typed-ws/asyncapi'
})
