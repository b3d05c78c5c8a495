import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { FastifyReply } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyReply {
    /** Sends a file of the folder `page`. */
    sendPage: (name: string) => FastifyReply
  }
}

const FOLDER = join(import.meta.dirname, 'page')
// The script of the typed page and all that it imports, in one file: `npm run examples` makes it.
const BUNDLE = join(import.meta.dirname, 'dist/typed.js')
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}

/** The files a browser gets: a handful, read once. For more of them there is @fastify/static. */
export const page = fastifyPlugin(async (app) => {
  const names = readdirSync(FOLDER).filter((name) => extname(name) in TYPES)
  const files = new Map(names.map((name) => [name, readFileSync(join(FOLDER, name))]))
  files.set('typed.js', readFileSync(BUNDLE))
  // The same page, with another connection behind it.
  files.set('typed.html', Buffer.from(files.get('index.html')!.toString().replace('/page/chat.js', '/page/typed.js')))

  app.decorateReply('sendPage', function (this: FastifyReply, name: string) {
    return this.type(TYPES[extname(name)]!).header('cache-control', 'no-cache').send(files.get(name))
  })
  for (const name of names.filter((name) => !name.endsWith('.html'))) {
    app.get(`/page/${name}`, (_request, reply) => reply.sendPage(name))
  }
}, { name: 'page' })
