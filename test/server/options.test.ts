import t from 'tap'
import { Type } from '@sinclair/typebox'
import autoload from '@fastify/autoload'
import Fastify from 'fastify'
import typedWs, { defineContract, type PluginOptions } from '../../lib/index.js'
import { readPluginOptions, readRouteOptions, sharedOptionNames } from '../../lib/server/options.js'
import { createApp } from '../support/helper.js'

const echo = defineContract({ name: 'echo.v1', clientToServer: { say: Type.Object({ text: Type.String() }) } })

const notPositive = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, true, {}]
const notBoolean = [0, 1, 'true', null, {}]
/** Values each option cannot have, what it says then, and values it can have. */
const cases: Readonly<Record<string, readonly [bad: readonly unknown[], advice: RegExp, good: readonly unknown[]]>> = {
  origin: [
    [null, 5, true, {}, [5], [null], ['http://a.test', {}], [['http://a.test']]],
    /write 'same-origin', '\*', an origin like 'https:\/\/example\.com', a RegExp, a list of them, or a function/,
    ['same-origin', '*', 'https://example.com', /example/, [], ['https://example.com', /example/], () => true]
  ],
  allowMissingOrigin: [notBoolean, /write true or false/, [true, false]],
  host: [
    [null, 'chat.example', [], [5], {}, true],
    /write a list of names, \['chat\.example', '\*\.chat\.example', 'localhost:3000'\]/,
    [['chat.example'], ['a.test', '*.b.test:3000']]
  ],
  rejectWith: [[null, true, 'Close', 'https'], /write 'auto' or 'http' or 'close'/, ['auto', 'http', 'close']],
  handshakeTimeoutMs: [[...notPositive, 2 ** 31], /write milliseconds, 1 to 2147483647/, [1, 2 ** 31 - 1]],
  maxPayloadBytes: [[...notPositive, 2 ** 31], /write bytes, 1 to 2147483647/, [1, 2 ** 31 - 1]],
  maxBinaryBytes: [[...notPositive, 2 ** 31, { text: 5 }], /write bytes, 1 to 2147483647/, [1, 2 ** 31 - 1]],
  perMessageDeflate: [[0, 'true', null, []], /write true, false, or the options of ws/, [true, false, { threshold: 10 }]],
  heartbeat: [
    [true, null, [], 25_000, { intervalMs: 0 }, { timeoutMs: '1' }, { intervalMs: 2 ** 31 }, { everyMs: 5 }, { constructor: 5 }],
    /write \{ intervalMs: 25_000, timeoutMs: 10_000 \}, or false/,
    [false, { intervalMs: 1, timeoutMs: 2 }]
  ],
  concurrency: [notPositive, /write a positive integer/, [1, 8]],
  maxQueuedMessages: [notPositive, /write a positive integer/, [1]],
  maxQueuedBytes: [notPositive, /write a positive integer/, [1, 2 ** 40]],
  rateLimit: [
    [true, null, [], 100, { max: 0 }, { max: 1.5 }, { timeWindowMs: 0 }, { timeWindowMs: '1 second' }, { burst: 5 }],
    /write \{ max: 100, timeWindowMs: 1000 \}, or false/,
    [false, { max: 5, timeWindowMs: 60_000 }]
  ],
  maxInvalidMessages: [notPositive, /write a positive integer/, [1]],
  maxStreams: [notPositive, /write a positive integer/, [1]],
  maxPendingCalls: [notPositive, /write a positive integer/, [1]],
  highWaterMarkBytes: [notPositive, /write a positive integer/, [1, 2 ** 40]],
  slowConsumer: [[null, true, 'Close', 'keep'], /write 'close' or 'drop'/, ['close', 'drop']],
  slowTimeoutMs: [[...notPositive, 2 ** 31], /write milliseconds, 1 to 2147483647/, [1, 2 ** 31 - 1]],
  maxTopics: [notPositive, /write a positive integer/, [1]],
  validateOutgoing: [notBoolean, /write true or false/, [true, false]],
  unsafePatterns: [notBoolean, /write true or false/, [true, false]],
  ajv: [
    [true, null, 'strict', [], { customOption: {} }, { customOptions: [] }, { plugins: {} }, { onCreate () {} }],
    /write \{ customOptions, plugins \}, as for Fastify/,
    [{}, { customOptions: { allErrors: false }, plugins: [] }]
  ],
  errorHandler: [[true, null, 'log', {}], /write a function \(error, socket, message\) => \{\}/, [() => {}]]
}

t.test('every option of the plugin and its routes is tried here', async (t) => {
  t.same(Object.keys(cases).sort(), [...sharedOptionNames].sort())
})

for (const [name, [bad, advice, good]] of Object.entries(cases)) {
  t.test(`${name}: a wrong value is refused at boot, with what to write instead`, async (t) => {
    const app = await createApp(t)
    const refusal = { code: 'FST_TYPED_WS_INVALID_OPTION', message: advice }
    for (const value of bad) {
      await t.rejects(async () => await Fastify().register(typedWs, { [name]: value }), refusal, `the plugin: ${JSON.stringify(value)}`)
      t.throws(() => app.ws('/', { contract: echo, on: { say () {} }, [name]: value }), refusal, `a route: ${JSON.stringify(value)}`)
    }
    for (const value of good) {
      const { route } = readPluginOptions({ [name]: value })
      t.same(route[name as keyof typeof route], value)
      t.same(readRouteOptions({ [name]: value }, route)[name as keyof typeof route], value)
    }
  })
}

t.test('an origin that could never match is refused at boot, on a route', async (t) => {
  const app = await createApp(t)
  t.throws(() => app.ws('/', { contract: echo, on: { say () {} }, origin: 'https://example.com/' }), {
    code: 'FST_TYPED_WS_INVALID_OPTION', message: 'Option \'origin\': "https://example.com/" ends in a slash: write "https://example.com"'
  })
})

t.test('an option of the plugin that could work for no route is refused by register, before the first route', async (t) => {
  const broken = (): void => { throw new Error('this plugin is broken') }
  const later = Object.assign(async () => true, { schema: true })
  const cases: ReadonlyArray<readonly [options: PluginOptions, message: string | RegExp]> = [
    [{ origin: 'https://example.com/' }, 'Option \'origin\': "https://example.com/" ends in a slash: write "https://example.com"'],
    [{ origin: ['https://a.test', '*'] }, 'Option \'origin\': "*" cannot be one of a list: write it alone'],
    [
      { host: ['https://a.test'] },
      'Option \'host\': "https://a.test" is no host: write a name as it stands in an address, ' +
        '\'chat.example\', \'*.chat.example\' or \'localhost:3000\''
    ],
    [{ ajv: { plugins: [broken] } }, 'Option \'ajv\': this plugin is broken'],
    [
      { ajv: { customOptions: { keywords: [{ keyword: 'known', validate: later }] } } },
      /^Option 'ajv': keyword 'known' is asynchronous/
    ]
  ]
  for (const [options, message] of cases) {
    await t.rejects(async () => await Fastify().register(typedWs, options), { code: 'FST_TYPED_WS_INVALID_OPTION', message })
  }
})

t.test('a misspelt option is refused at boot, and the message names the one that was meant', async (t) => {
  const misspelt = {
    maxPayload: 'maxPayloadBytes',
    origins: 'origin',
    orgin: 'origin',
    heartBeat: 'heartbeat',
    rateLimits: 'rateLimit',
    maxConnection: 'maxConnections',
    shutDown: 'shutdown',
    hosts: 'host',
    hsot: 'host',
    jav: 'ajv'
  }
  const app = await createApp(t)
  for (const [name, meant] of Object.entries(misspelt)) {
    await t.rejects(async () => await Fastify().register(typedWs, { [name]: 5 } as never), {
      code: 'FST_TYPED_WS_INVALID_OPTION', message: `Option '${name}': there is none of this name: did you mean '${meant}'?`
    })
  }
  t.throws(
    () => app.ws('/', { contract: echo, on: { say () {} }, origins: [] } as never),
    { code: 'FST_TYPED_WS_INVALID_ROUTE', message: /there is no option 'origins': did you mean 'origin'\?$/ }
  )
  t.throws(
    () => app.ws('/', { contract: echo, on: { say () {} }, wholly: [] } as never),
    { code: 'FST_TYPED_WS_INVALID_ROUTE', message: /there is no option 'wholly': remove it$/ }
  )
})

t.test('@fastify/autoload: options for other plugins do not stop the boot, a misspelt one does', async (t) => {
  const plugins = t.testdir({ 'ws.mjs': `export { default } from '${import.meta.resolve('../../lib/index.js')}'` })
  const app = Fastify()
  t.teardown(() => app.close())
  const options = {
    dir: plugins,
    prefix: '/v1',
    database: 'postgres://…',
    port: 3000,
    logger: true,
    options: {},
    dirNameRoutePrefix: true,
    ignorePattern: /^_/,
    maxDepth: 2,
    timeout: 5
  }
  await app.register(autoload, { dir: plugins, forceESM: true, options })
  await app.ready()
  t.ok(app.ws)
  const other = Fastify()
  await t.rejects(
    async () => await other.register(autoload, { dir: plugins, forceESM: true, options: { ...options, maxTopic: 5 } }),
    { message: /did you mean 'maxTopics'\?/ }
  )
})

t.test('the plugin accepts Fastify\'s own options of register', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(typedWs, { prefix: '/unused', logLevel: 'warn' } as never)
  t.ok(app.ws)
})

t.test('an option of the plugin alone is refused if it is wrong', async (t) => {
  const refusal = (name: string, advice: string) => ({ code: 'FST_TYPED_WS_INVALID_OPTION', message: `Option '${name}': ${advice}` })
  for (const value of [
    null,
    true,
    5,
    [],
    { timeoutMs: 0 },
    { timeoutMs: '5' },
    { timeoutMs: 2 ** 31 },
    { spreadMs: -1 },
    { spreadMs: 1.5 },
    { spread: 5 }
  ]) {
    t.throws(
      () => readPluginOptions({ shutdown: value } as never),
      refusal('shutdown', 'write { timeoutMs: 5000, spreadMs: 0 }'),
      JSON.stringify(value)
    )
  }
  for (const value of notPositive) {
    t.throws(
      () => readPluginOptions({ maxConnections: value } as never),
      refusal('maxConnections', 'write a positive integer'),
      JSON.stringify(value)
    )
    t.throws(
      () => readPluginOptions({ maxConnectionsPerIp: value } as never),
      refusal('maxConnectionsPerIp', 'write a positive integer'),
      JSON.stringify(value)
    )
  }
  t.match(
    readPluginOptions({}),
    { shutdown: { timeoutMs: 5000, spreadMs: 0 }, maxConnections: Number.POSITIVE_INFINITY, maxConnectionsPerIp: Number.POSITIVE_INFINITY }
  )
  t.same(readPluginOptions({ shutdown: {} }).shutdown, { timeoutMs: 5000, spreadMs: 0 })
  t.match(
    readPluginOptions({ shutdown: { timeoutMs: 1, spreadMs: 5 }, maxConnections: 2, maxConnectionsPerIp: 3 }),
    { shutdown: { timeoutMs: 1, spreadMs: 5 }, maxConnections: 2, maxConnectionsPerIp: 3 }
  )
})

t.test('a part of an option that is not given has the plugin\'s value, or the default', async (t) => {
  const heartbeatOf = (plugin: unknown, route: unknown) => readRouteOptions({
    heartbeat: route
  }, readPluginOptions({ heartbeat: plugin } as never).route).heartbeat
  t.same(heartbeatOf({ intervalMs: 5 }, undefined), { intervalMs: 5, timeoutMs: 10_000 })
  t.same(heartbeatOf({ intervalMs: 5 }, { timeoutMs: 6 }), { intervalMs: 5, timeoutMs: 6 })
  t.same(heartbeatOf(false, { timeoutMs: 6 }), { intervalMs: 25_000, timeoutMs: 6 })
  t.equal(heartbeatOf({ intervalMs: 5 }, false), false)
  t.equal(heartbeatOf(false, undefined), false)
  t.same(readPluginOptions({ rateLimit: { max: 5 } }).route.rateLimit, { max: 5, timeWindowMs: 1000 })
})

t.test('every option has a default, and a route\'s own wins over the plugin\'s', async (t) => {
  const { route } = readPluginOptions({})
  t.match(route, {
    origin: 'same-origin',
    allowMissingOrigin: false,
    host: undefined,
    rejectWith: 'auto',
    handshakeTimeoutMs: 10_000,
    maxPayloadBytes: 65_536,
    maxBinaryBytes: undefined,
    perMessageDeflate: false,
    heartbeat: { intervalMs: 25_000, timeoutMs: 10_000 },
    concurrency: 1,
    maxQueuedMessages: 64,
    maxQueuedBytes: 262_144,
    rateLimit: { max: 100, timeWindowMs: 1000 },
    maxInvalidMessages: 10,
    maxStreams: 32,
    maxPendingCalls: 64,
    highWaterMarkBytes: 1_048_576,
    slowConsumer: 'close',
    slowTimeoutMs: 10_000,
    maxTopics: 128,
    validateOutgoing: true,
    unsafePatterns: false,
    ajv: {},
    errorHandler: undefined
  })
  t.same(Object.keys(route).sort(), [...sharedOptionNames].sort())
  const plugin = readPluginOptions({ maxTopics: 5, maxPayloadBytes: undefined } as never).route
  t.match(plugin, { maxTopics: 5, maxPayloadBytes: 65_536 }, 'undefined is as if it were not there')
  t.match(readRouteOptions({ maxTopics: 6 }, plugin), { maxTopics: 6, maxPayloadBytes: 65_536 })
  t.match(readRouteOptions({}, plugin), { maxTopics: 5 })
})
