import helmet from '@fastify/helmet'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import typedWs from 'fastify-typed-ws'
import asyncapi from 'fastify-typed-ws/asyncapi'
import console from 'fastify-typed-ws/console'
import { redis } from 'fastify-typed-ws/redis'
import { Redis } from 'ioredis'
import { MemoryHistory } from './history.js'
import { page } from './page.js'
import { RedisHistory } from './redis-history.js'
import { room } from './room.js'
import { signIn } from './sign-in.js'

export interface ServerOptions {
  /** Signs the cookies. */
  key: Buffer
  /** For https and wss. */
  tls?: { key: Buffer, cert: Buffer } | undefined
  logger?: FastifyServerOptions['logger']
  /** Several nodes: the Redis between them, and the name of this one. */
  cluster?: { redisUrl: string, node: string } | undefined
}

/** The whole service, HTTP and WebSocket on one port; it listens when told to. */
export function buildServer ({ key, tls, logger = true, cluster }: ServerOptions): FastifyInstance {
  const app = Fastify({ logger, https: tls ?? null })
  const client = cluster === undefined ? undefined : connectRedis(app, cluster.redisUrl)
  app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        // Is also the WebSocket of the same host and port.
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        requireTrustedTypesFor: ["'script'"]
      }
    },
    // With 'no-referrer' a browser would hide the Origin of the forms' POSTs.
    referrerPolicy: { policy: 'same-origin' },
    // Every other service on localhost would have to be https too.
    strictTransportSecurity: false
  })
  // A restart tells each page a time of its own within this one to come back at.
  app.register(typedWs, { shutdown: { spreadMs: 1000 }, ...(client && { broker: redis(client) }) })
  // The contract as a document, for people and for generators in other languages.
  app.register(asyncapi, {
    info: { title: 'Chat', version: '1.0.0' },
    securitySchemes: { person: { type: 'httpApiKey', in: 'cookie', name: 'person' } },
    routePrefix: '/asyncapi'
  })
  app.register(page)
  app.register(signIn, { key })
  app.register(room, { history: client === undefined ? new MemoryHistory() : new RedisHistory(client), node: cluster?.node })
  // A page that talks to the route, for those who are signed in: within a plugin the hook is there.
  app.register(async (app) => { await app.register(console, { prefix: '/console', onRequest: app.signedIn }) })
  app.get('/', (_request, reply) => reply.redirect('/chat'))
  return app
}

// A command that cannot be had soon is an error: nobody waits for a Redis that is away.
function connectRedis (app: FastifyInstance, url: string): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: 1, commandTimeout: 2000 })
  // The broker logs each change of its state.
  client.on('error', () => {})
  app.addHook('onClose', () => client.disconnect())
  return client
}
