// The plugin: its options, its decorator, its routes.
import t from 'tap'
import { asyncapi, type AsyncApiOptions } from '../../lib/asyncapi/index.js'
import { createApp } from '../support/helper.js'
import { echoRoute } from '../support/echo.js'
import { createStudy } from './study.js'

const info = { title: 'Test', version: '1.0.0' }

t.test('wrong options stop the boot, and say what to write', async (t) => {
  const wrong: Array<[unknown, RegExp]> = [
    [{}, /'info': AsyncAPI requires a title and a version: write info: \{ title: 'Chat'/],
    [{ info: { title: 'x' } }, /'info'/],
    [{ info: { title: 'x', version: '' } }, /'info'/],
    [{ info, server: {} }, /'server': is none of info, servers, .*servers/],
    [{ info, servers: [] }, /'servers': is an object by name/],
    [{ info, securitySchemes: 'x' }, /'securitySchemes': is an object by name/],
    [{ info, tags: {} }, /'tags': is a list/],
    [{ info, transform: {} }, /'transform': is a function/],
    [{ info, transformObject: 1 }, /'transformObject': is a function/],
    [{ info, routePrefix: 'asyncapi' }, /'routePrefix': is a path/],
    [{ info, routePrefix: '/asyncapi', onRequest: 'x' }, /'onRequest': is a hook/],
    [{ info, onRequest: () => {} }, /'onRequest': guards the routes of the document/]
  ]
  for (const [options, message] of wrong) {
    const app = await createApp(t)
    const register = async (): Promise<unknown> => await app.register(asyncapi, options as AsyncApiOptions)
    await t.rejects(register, { code: 'FST_TYPED_WS_INVALID_OPTION', message }, String(message))
  }
})

t.test('wrong settings of app.asyncapi are told', async (t) => {
  const app = await createStudy(t)
  await app.ready()
  for (const settings of [null, 'yaml', { yml: true }, { perspective: 'both' }]) {
    t.throws(() => app.asyncapi(settings as never), { code: 'FST_TYPED_WS_INVALID_OPTION' })
  }
})

t.test('a route is left out by hide, also where it answers HTTP', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, { info })
  app.ws('/hidden', { ...echoRoute, schema: { hide: true } })
  app.ws('/page', { ...echoRoute, handler: () => 'page' })
  app.get('/http', () => 'http')
  await app.ready()
  t.same(Object.keys(app.asyncapi().channels), ['page'])
})

t.test('a route of a prefix is one channel, with the address that Fastify calls it by', async (t) => {
  const addresses = async (prefixTrailingSlash?: 'both' | 'slash' | 'no-slash', serverOptions: object = {}): Promise<unknown> => {
    const app = await createApp(t, {}, serverOptions)
    const told: string[] = []
    await app.register(asyncapi, {
      info,
      transform: ({ schema, url, route }) => {
        told.push(url, route.url)
        return { schema, url }
      }
    })
    const options = { ...echoRoute, ...(prefixTrailingSlash !== undefined && { prefixTrailingSlash }) }
    await app.register(async (scope) => { scope.ws('/', { ...options, handler: () => 'page' }) }, { prefix: '/scope' })
    await app.ready()
    const channels = Object.values(app.asyncapi().channels).map(({ address }) => address)
    t.same(told, [...channels, ...channels], 'as transform is told')
    return channels
  }
  t.same(await addresses(), ['/scope'])
  t.same(await addresses('both'), ['/scope'])
  t.same(await addresses('slash'), ['/scope/'])
  t.same(await addresses('no-slash'), ['/scope'])
  t.same(await addresses('both', { routerOptions: { ignoreTrailingSlash: true } }), ['/scope'])
})

t.test('transform changes a route of the document, and transformObject the whole', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, {
    info,
    transform: ({ schema, url, route, contract }) => {
      t.equal(route.url, url)
      t.equal(contract.name, 'echo.v1')
      return { schema: { ...schema, hide: url === '/b' }, url: `/v1${url}` }
    },
    transformObject: ({ asyncapiObject }) => ({ ...asyncapiObject, info: { ...asyncapiObject.info, 'x-made': true } })
  })
  app.ws('/a', echoRoute)
  app.ws('/b', echoRoute)
  await app.ready()
  const { channels, info: made } = app.asyncapi()
  t.match(channels, { v1A: { address: '/v1/a' } })
  t.equal(Object.keys(channels).length, 1)
  t.equal(made['x-made'], true)
})

t.test('a route\'s security names schemes that are declared', async (t) => {
  const app = await createApp(t)
  const oauth = { type: 'oauth2', flows: { implicit: { authorizationUrl: 'https://example.com', availableScopes: { read: 'x' } } } }
  await app.register(asyncapi, { info, securitySchemes: { oauth } })
  app.ws('/a', { ...echoRoute, schema: { security: [{ oauth: ['read'] }] } })
  await app.ready()
  t.match(app.asyncapi().operations['aReceiveSay'], { security: [{ type: 'oauth2', scopes: ['read'] }] })

  const other = await createApp(t)
  await other.register(asyncapi, { info })
  other.ws('/a', { ...echoRoute, schema: { security: [{ session: [] }] } })
  await other.ready()
  t.throws(() => other.asyncapi(), { code: 'FST_TYPED_WS_INVALID_OPTION', message: /route \/a names 'session': declare it here/ })
})

t.test('a document before the app is ready has the routes so far', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, { info })
  app.ws('/a', echoRoute)
  t.same(Object.keys(app.asyncapi().channels), ['a'])
  app.ws('/b', echoRoute)
  await app.ready()
  t.same(Object.keys(app.asyncapi().channels), ['a', 'b'])
})

t.test('the document is served under routePrefix, behind its hooks', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, {
    info,
    routePrefix: '/asyncapi/',
    onRequest: async (request, reply) => { if (request.headers['x-login'] === undefined) return reply.code(401).send() }
  })
  app.ws('/a', echoRoute)
  t.equal((await app.inject('/asyncapi/json')).statusCode, 401)
  const headers = { 'x-login': '1', host: 'chat.example.com' }
  const json = await app.inject({ url: '/asyncapi/json', headers })
  t.match(json.headers['content-type'], /^application\/json/)
  t.match(json.json(), { asyncapi: '3.0.0', servers: { default: { host: 'chat.example.com', protocol: 'ws' } } })
  t.same(Object.keys(json.json().channels), ['a'])
  const yaml = await app.inject({ url: '/asyncapi/yaml', headers })
  t.equal(yaml.headers['content-type'], 'application/yaml')
  t.match(yaml.body, /host: chat\.example\.com\n/)
})

t.test('the served document has the declared servers, or that of the request', async (t) => {
  const app = await createStudy(t, { routePrefix: '/docs' })
  t.match((await app.inject('/docs/json')).json().servers, { production: { protocol: 'wss' } })
  const secure = await createApp(t, {}, { trustProxy: true })
  await secure.register(asyncapi, { info, routePrefix: '/docs' })
  const headers = { 'x-forwarded-proto': 'https', host: 'x.example' }
  t.same((await secure.inject({ url: '/docs/json', headers })).json().servers, { default: { host: 'x.example', protocol: 'wss' } })
})
