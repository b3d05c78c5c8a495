// The server's side of the console: who gets the page, and what stands in its way.
import { existsSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import { asyncapi } from '../../lib/asyncapi/index.js'
import consolePlugin, { type ConsoleOptions } from '../../lib/console/index.js'
import { createApp } from '../support/helper.js'
import { startRoom } from './console-app.js'

const MAX_BYTES = 12_800
const FILES = ['', 'main.js', 'style.css', 'icon.svg']
const page = new URL('../../dist/lib/console/page/main.js', import.meta.url)

t.ok(existsSync(page), 'the page is built: npm run build')

async function createPage (t: Test, options: ConsoleOptions = {}, prefix = '/console'): Promise<FastifyInstance> {
  const app = await createApp(t)
  await app.register(asyncapi, { info: { title: 'Test', version: '1' } })
  await app.register(consolePlugin, { prefix, ...options })
  return app
}

/** Sets NODE_ENV for as long as a test runs. */
function setNodeEnv (t: Test, value: string): void {
  const before = process.env['NODE_ENV']
  process.env['NODE_ENV'] = value
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = before
  })
}

t.test('the page and its files have a policy under which nothing foreign loads and nothing inline runs', async (t) => {
  const app = await createPage(t)
  for (const name of [...FILES, 'document.json']) {
    const { statusCode, headers } = await app.inject(`/console/${name}`)
    t.equal(statusCode, 200, name)
    t.equal(headers['content-security-policy'], 'default-src \'none\'; script-src \'self\'; style-src \'self\'; img-src \'self\'; ' +
      'connect-src \'self\'; base-uri \'none\'; form-action \'none\'; frame-ancestors \'none\'; require-trusted-types-for \'script\'; ' +
      'trusted-types \'none\'')
    t.match(headers, { 'x-content-type-options': 'nosniff', 'cross-origin-opener-policy': 'same-origin', 'cache-control': 'no-cache' })
  }
  const { body } = await app.inject('/console/')
  t.notMatch(body, /<script(?! type=module src=main\.js>)|<style| on\w+=| style=|https?:/)
  t.match(body, 'data-document="document.json"')
})

t.test(`the page has ${MAX_BYTES / 1000} kB gzipped at most, in all`, async (t) => {
  const app = await createPage(t)
  const sizes = await Promise.all(
    FILES.map(async (name) => gzipSync((await app.inject(`/console/${name}`)).rawPayload, { level: 9 }).length)
  )
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  t.comment(`${bytes} bytes: ${FILES.map((name, i) => `${name || 'index.html'} ${sizes[i]}`).join(', ')}`)
  t.ok(bytes <= MAX_BYTES, `${bytes} of ${MAX_BYTES} bytes`)
})

t.test('the picture of the docs is there, in light and in dark', async (t) => {
  const docs = new URL('../../docs/', import.meta.url)
  const names = Array.from(readFileSync(new URL('console.md', docs), 'utf8').matchAll(/src(?:set)?="([^"]+)"/g), ([, name]) => name!)
  t.same(names, ['console-dark.png', 'console-light.png'])
  for (const name of names) t.equal(readFileSync(new URL(name, docs)).toString('latin1', 1, 4), 'PNG', name)
})

t.test('a file that a browser has is not sent again', async (t) => {
  const app = await createPage(t)
  const { headers: { etag } } = await app.inject('/console/main.js')
  const again = await app.inject({ url: '/console/main.js', headers: { 'if-none-match': String(etag) } })
  t.equal(again.statusCode, 304)
  t.equal(again.body, '')
  t.equal((await app.inject({ url: '/console/main.js', headers: { 'if-none-match': '"other"' } })).statusCode, 200)
})

t.test('the page without a slash at its end leads to the one that has it, with its query', async (t) => {
  const app = await createPage(t)
  t.equal((await app.inject('/console')).headers.location, 'console/')
  t.equal((await app.inject('/console?document=/a?b')).headers.location, 'console/?document=/a?b')
  t.equal((await (await createPage(t, {}, '')).inject('/')).statusCode, 200, 'and needs no prefix')
})

t.test('a server that ignores slashes has the page as well', async (t) => {
  const app = Fastify({ routerOptions: { ignoreTrailingSlash: true } })
  t.teardown(() => app.close())
  await app.register(consolePlugin, { prefix: '/console', document: '/asyncapi/json' })
  t.equal((await app.inject('/console/')).statusCode, 200)
})

t.test('the document is that of the app\'s routes', async (t) => {
  const { app } = await startRoom(t)
  const document = (await app.inject('/console/document.json')).json<{ channels: object }>()
  t.same(document, app.asyncapi())
  t.same(Object.keys(document.channels), ['roomsRoom', 'plain'])
})

t.test('a document of another path is named in the page, and none is served beside it', async (t) => {
  const app = await createPage(t, { document: '/api?a="1"&b' })
  t.match((await app.inject('/console/')).body, 'data-document="/api?a=&quot;1&quot;&amp;b"')
  t.equal((await app.inject('/console/document.json')).statusCode, 404)
})

t.test('hooks stand before the page, its files and its document', async (t) => {
  for (const onRequest of [refuse, [refuse]]) {
    const app = await createPage(t, { onRequest })
    for (const name of [...FILES, 'document.json']) t.equal((await app.inject(`/console/${name}`)).statusCode, 401, name)
  }
})

t.test('with NODE_ENV=production a console without a hook stops the boot, and says what to write', async (t) => {
  setNodeEnv(t, 'production')
  await t.rejects(createPage(t), {
    code: 'FST_TYPED_WS_UNGUARDED_CONSOLE',
    message: 'With NODE_ENV=production the console is for those that a hook lets in: ' +
      'write app.register(console, { prefix: \'/console\', onRequest: app.needsLogin }), with a hook of yours'
  })
  await t.rejects(createPage(t, { onRequest: [] }), { code: 'FST_TYPED_WS_UNGUARDED_CONSOLE' })
  await createPage(t, { onRequest: refuse })
})

t.test('a wrong option stops the boot', async (t) => {
  const wrong: ReadonlyArray<readonly [object, string]> = [
    [
      { onrequest: refuse },
      'Option \'onrequest\': is none of prefix, onRequest, document, logLevel, logSerializers: did you mean \'onRequest\'?'
    ],
    [{ onRequest: 'login' }, 'Option \'onRequest\': is a hook, or a list of them'],
    [{ document: 'https://example.com/a.json' }, 'Option \'document\': is a path of the same origin: write document: \'/asyncapi/json\''],
    [{ document: '//example.com/a.json' }, 'Option \'document\': is a path of the same origin: write document: \'/asyncapi/json\''],
    [{ document: 5 }, 'Option \'document\': is a path of the same origin: write document: \'/asyncapi/json\'']
  ]
  for (const [options, message] of wrong) await t.rejects(createPage(t, options), { code: 'FST_TYPED_WS_INVALID_OPTION', message })
})

t.test('a console without any document stops the boot', async (t) => {
  const app = await createApp(t)
  await t.rejects(async () => { await app.register(consolePlugin, { prefix: '/console' }) }, {
    code: 'FST_TYPED_WS_INVALID_OPTION',
    message: 'Option \'document\': the console reads an AsyncAPI document: register fastify-typed-ws/asyncapi before it, ' +
      'or write document: \'/asyncapi/json\''
  })
})

async function refuse (_request: unknown, reply: { code (status: number): { send (body: object): unknown } }): Promise<unknown> {
  return reply.code(401).send({ error: 'Unauthorized' })
}
