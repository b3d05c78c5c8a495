import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import '../../types/asyncapi.js'
import type { ConsoleOptions } from '../../types/console.js'
import { readPage, type PageFile } from './files.js'
import { checkOptions } from './options.js'

// Beside the page, so that it needs no name of its own.
const DOCUMENT = 'document.json'

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    'default-src \'none\'',
    'script-src \'self\'',
    'style-src \'self\'',
    'img-src \'self\'',
    // Is also the WebSocket of the same host and port.
    'connect-src \'self\'',
    'base-uri \'none\'',
    'form-action \'none\'',
    'frame-ancestors \'none\'',
    'require-trusted-types-for \'script\'',
    'trusted-types \'none\''
  ].join('; '),
  'cache-control': 'no-cache',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff'
}

/**
 * The plugin: `app.register(console, { prefix: '/console' })` serves a page that talks to the typed
 * routes of the app. It is for developers: with `NODE_ENV=production` it wants a hook.
 *
 * @throws `FST_TYPED_WS_UNGUARDED_CONSOLE` with `NODE_ENV=production` and without `onRequest`;
 * `FST_TYPED_WS_INVALID_OPTION`. Both by rejecting.
 *
 * @example
 * await app.register(asyncapi, { info: { title: 'Chat', version: '1.0.0' } })
 * await app.register(console, { prefix: '/console', onRequest: app.needsLogin })
 */
export const consolePlugin: FastifyPluginAsync<ConsoleOptions> = async (app, options) => {
  checkOptions(options, app.hasDecorator('asyncapi'))
  const { onRequest = [], document } = options
  const shared = { schema: { hide: true } as object, onRequest: [onRequest].flat() as never }
  for (const file of readPage(document ?? DOCUMENT)) {
    const path = file.name === 'index.html' ? '/' : `/${file.name}`
    app.get(path, shared, (request, reply) => path === '/' ? sendPage(file, request, reply) : sendFile(file, request, reply))
  }
  if (document === undefined) serveDocument(app, shared)
}

function serveDocument (app: FastifyInstance, shared: object): void {
  app.get(`/${DOCUMENT}`, shared, (_request, reply) => reply.headers(HEADERS).send(app.asyncapi()))
}

// Its links are relative, for a proxy that puts a path in front: they need the slash at the end.
function sendPage (file: PageFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = '', query] = request.url.split(/\?(.*)/s)
  if (path.endsWith('/')) return sendFile(file, request, reply)
  return reply.redirect(`${path.slice(path.lastIndexOf('/') + 1)}/${query === undefined ? '' : `?${query}`}`)
}

function sendFile ({ type, body, etag }: PageFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers({ ...HEADERS, etag })
  return request.headers['if-none-match'] === etag ? reply.code(304).send() : reply.type(type).send(body)
}
