// Type providers, plugins, prefixes, decorations and other servers.
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { expectTypeOf } from 'expect-type'
import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider as TypeBox1TypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyPluginAsyncTypebox as FastifyPluginAsyncTypebox0, TypeBoxTypeProvider as TypeBox0TypeProvider
} from 'type-provider-typebox-5'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import typedWs, { defineContract, type PluginOptions } from '../../lib/index.js'

declare module 'fastify' {
  interface FastifyRequest {
    visitor: { id: string } | null
  }
}

const quiet = defineContract({ name: 'quiet', clientToServer: { hi: Type.Object({ n: Type.Number() }) } })

// No provider: what a schema says stays unknown, what a route is told is believed.
const plain = Fastify()
plain.register(typedWs, { origin: ['https://example.com'], errorHandler: (_error, socket) => { socket.close() } } satisfies PluginOptions)
plain.decorateRequest('visitor', null)
plain.ws('/:room', {
  contract: quiet,
  schema: { params: Type.Object({ room: Type.String() }) },
  onRequest: async (request) => { request.visitor = { id: 'x' } },
  open (socket) {
    expectTypeOf(socket.request.params).toEqualTypeOf<unknown>()
    expectTypeOf(socket.request.visitor).toEqualTypeOf<{ id: string } | null>()
  },
  on: { hi: ({ n }) => expectTypeOf(n).toEqualTypeOf<number>() }
})

// @sinclair/typebox
plain.withTypeProvider<TypeBox0TypeProvider>().ws('/:room', {
  contract: quiet,
  schema: {
    params: Type.Object({ room: Type.String() }),
    querystring: Type.Object({ since: Type.Optional(Type.Number()) }),
    headers: Type.Object({ 'X-Token': Type.String() })
  },
  onRequest: async (request) => { expectTypeOf(request.params).toEqualTypeOf<{ room: string }>() },
  preHandler: [async (request) => { expectTypeOf(request.query).toEqualTypeOf<{ since?: number }>() }],
  handler (request) { expectTypeOf(request.params.room).toEqualTypeOf<string>() },
  open (socket) {
    expectTypeOf(socket.request.params.room).toEqualTypeOf<string>()
    expectTypeOf(socket.request.query.since).toEqualTypeOf<number | undefined>()
    expectTypeOf(socket.request.headers['x-token']).toEqualTypeOf<string>()
  },
  on: {
    hi ({ n }, socket) {
      expectTypeOf(n).toEqualTypeOf<number>()
      expectTypeOf(socket.request.params.room).toEqualTypeOf<string>()
    }
  }
})

// typebox
plain.withTypeProvider<TypeBox1TypeProvider>().ws('/:room', {
  contract: quiet,
  schema: { params: Type1.Object({ room: Type1.String() }), querystring: Type1.Object({ since: Type1.Optional(Type1.Number()) }) },
  open: (socket) => {
    expectTypeOf(socket.request.params.room).toEqualTypeOf<string>()
    expectTypeOf(socket.request.query.since).toEqualTypeOf<number | undefined>()
  },
  on: { hi: (_, socket) => { expectTypeOf(socket.request.params.room).toEqualTypeOf<string>() } }
})

// Plugins: encapsulated, with a prefix, of either line, and not encapsulated at all.
const rooms: FastifyPluginAsync = async (scope) => {
  scope.decorate('greeting', 'hi')
  scope.ws('/', {
    contract: quiet,
    on: { hi: ({ n }, socket) => { expectTypeOf(n).toEqualTypeOf<number>(); socket.log.info(socket.request.url) } }
  })
}
const rooms0: FastifyPluginAsyncTypebox0 = async (scope) => {
  scope.ws('/:room', {
    contract: quiet,
    schema: { params: Type.Object({ room: Type.String() }) },
    open: (socket) => expectTypeOf(socket.request.params.room).toEqualTypeOf<string>(),
    on: { hi () {} }
  })
}
const rooms1: FastifyPluginAsyncTypebox = async (scope) => {
  scope.ws('/:room', {
    contract: quiet,
    schema: { params: Type1.Object({ room: Type1.String() }) },
    open: (socket) => expectTypeOf(socket.request.params.room).toEqualTypeOf<string>(),
    on: { hi () {} }
  })
}
plain.register(rooms, { prefix: '/rooms' })
plain.register(rooms0)
plain.register(rooms1)
plain.register(fastifyPlugin(rooms))
plain.register(fastifyPlugin(async (scope: FastifyInstance) => { scope.ws('/', { contract: quiet, on: { hi () {} } }) }))

// https, and HTTP/2 that also speaks HTTP/1.1.
const https = Fastify({ https: {} })
https.register(typedWs)
https.ws('/', { contract: quiet, open: (socket) => expectTypeOf(socket.request.url).toEqualTypeOf<string>(), on: { hi () {} } })
const http2: FastifyInstance<Http2SecureServer, Http2ServerRequest, Http2ServerResponse> = Fastify({
  http2: true,
  https: { allowHTTP1: true }
})
http2.register(typedWs)
http2.ws('/', { contract: quiet, open: (socket) => expectTypeOf(socket.request.url).toEqualTypeOf<string>(), on: { hi () {} } })

// @ts-expect-error -- an option that does not exist
plain.register(typedWs, { maxPayload: 1 })
// @ts-expect-error -- an option of a wrong type
plain.register(typedWs, { handshakeTimeoutMs: '10s' })
