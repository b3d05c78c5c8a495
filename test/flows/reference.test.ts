// The app's OpenAPI and AsyncAPI documents in one page of Scalar's, as docs/asyncapi.md has it.
import { createRequire } from 'node:module'
import { Type } from '@sinclair/typebox'
import type { FastifyPluginCallback } from 'fastify'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { asyncapi } from '../../lib/asyncapi/index.js'
import { defineContract } from '../../lib/index.js'
import { startBrowser } from '../support/browser.js'
import { createApp, listen } from '../support/helper.js'

// Without their types: those of Scalar need a package that is not here, and those of the other
// change Fastify's for all files.
const require = createRequire(import.meta.url)
const swagger = require('@fastify/swagger') as FastifyPluginCallback<{ readonly openapi: object }>
const { default: scalar } = require('@scalar/fastify-api-reference') as { default: FastifyPluginCallback<ScalarOptions> }

interface ScalarOptions { readonly routePrefix: string, readonly configuration: object }

// Only for what never comes.
const PATIENCE_MS = 120_000
const POLICY = 'default-src \'none\'; script-src \'self\' \'unsafe-inline\'; style-src \'self\' \'unsafe-inline\'; ' +
  'img-src \'self\' data:; connect-src \'self\'; base-uri \'none\'; form-action \'none\'; frame-ancestors \'none\''
const WATCH = 'globalThis.violations = []; ' +
  'addEventListener(\'securitypolicyviolation\', ({ blockedURI }) => violations.push(blockedURI))'

const chat = defineContract({
  name: 'chat.v1',
  title: 'A room',
  clientToServer: {
    message: Type.Object({ text: Type.String() }, { title: 'Says something to all.' }),
    history: { summary: 'Asks for old messages.', request: Type.Object({}), reply: Type.Array(Type.String()) }
  },
  serverToClient: { message: Type.Object({ text: Type.String() }) },
  closeCodes: { 4001: 'The room is full' }
})

/** An app with routes of both kinds, and the page that shows them. */
async function startSite (t: Test): Promise<string> {
  const hidden: object = { hide: true }
  const rooms: object = { summary: 'All rooms' }
  const app = await createApp(t)
  await app.register(swagger, { openapi: { info: { title: 'Chat over HTTP', version: '1.0.0' } } })
  await app.register(asyncapi, { info: { title: 'Chat over WebSocket', version: '1.0.0' }, routePrefix: '/asyncapi' })
  app.get('/openapi/json', { schema: hidden }, () => (app as unknown as { swagger (): object }).swagger())
  await app.register(async (scope) => {
    scope.addHook('onSend', async (_request, reply) => { reply.header('content-security-policy', POLICY) })
    await scope.register(scalar, {
      routePrefix: '/reference',
      configuration: {
        sources: [
          { title: 'HTTP', slug: 'http', url: '/openapi/json' },
          { title: 'WebSocket', slug: 'websocket', url: '/asyncapi/json' }
        ],
        withDefaultFonts: false,
        telemetry: false,
        agent: { disabled: true },
        showDeveloperTools: 'never',
        hideClientButton: true
      }
    })
  })
  app.get('/rooms', { schema: rooms }, () => [])
  app.ws('/chat/:room', { contract: chat, on: { message () {}, history: () => [] } })
  return await listen(app)
}

const browser = await startBrowser(t)
const skip = typeof browser === 'string' && browser

t.test('Scalar shows the OpenAPI and the AsyncAPI document in one page, from this server alone', { skip }, async (t) => {
  const url = await startSite(t)
  const page = await (browser as Browser).newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const faults: string[] = []
  const requests: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => requests.push(request.url()))
  await page.addInitScript({ content: WATCH })

  await page.goto(`${url}/reference/`)
  await page.getByRole('heading', { name: 'Chat over HTTP' }).waitFor()
  await page.getByRole('heading', { name: 'All rooms' }).waitFor()
  await page.goto(`${url}/reference/?api=websocket`)
  await page.getByRole('heading', { name: 'Chat over WebSocket' }).waitFor()
  for (const name of ['→ message', '→ history', '← message', '← $error']) await page.getByRole('heading', { name }).waitFor()
  for (const text of ['/chat/{room}', 'The room is full', 'Asks for old messages.']) await page.getByText(text).first().waitFor()

  t.same(faults, [])
  t.same(requests.filter((request) => !request.startsWith(url)), [], 'no request leaves the server')
  // It asks once whether it may compile code, and goes on without.
  t.same((await page.evaluate<string[]>('violations')).filter((blocked) => blocked !== 'eval'), [])
})
