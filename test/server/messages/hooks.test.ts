import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { defineContract, type MessageHook } from '../../../lib/index.js'
import { connect, createApp, listen } from '../../support/helper.js'
import { deferred } from '../../support/deferred.js'
import { echo, echoRoute } from '../../support/echo.js'
import { start } from '../../support/live.js'

t.test('hooks run before the handler, from the plugin\'s to the route\'s, each after the one before it', async (t) => {
  const order: string[] = []
  const note = (name: string): MessageHook => () => { order.push(name) }
  const noteLater = (name: string): MessageHook => async () => { await turn(); order.push(name) }
  const app = await createApp(t, { onMessage: [noteLater('plugin 1'), note('plugin 2')] })
  app.addMessageHook(note('app'))
  await app.register(async (scope) => {
    scope.ws('/', { contract: echo, onMessage: [note('route 1'), noteLater('route 2')], on: { say: () => { order.push('handler') } } })
    scope.addMessageHook(noteLater('scope'))
  })
  const client = await connect(t, await listen(app))
  client.send({ type: 'say', text: 'a' })
  await client.flushed()
  await client.close()
  t.same(order, ['plugin 1', 'plugin 2', 'app', 'scope', 'route 1', 'route 2', 'handler'])
})

t.test('a hook of one scope does not run in another, nor a hook that the parent gets later', async (t) => {
  const seen: string[] = []
  const app = await createApp(t)
  const scoped = (name: string) => async (scope: FastifyInstance): Promise<void> => {
    scope.addMessageHook((_, __, { type }) => { seen.push(`${name} ${type}`) })
    scope.ws(`/${name}`, echoRoute)
  }
  await app.register(scoped('inner'))
  await app.register(scoped('other'))
  app.addMessageHook(() => { seen.push('late') })
  app.ws('/outer', echoRoute)
  const url = await listen(app)
  for (const path of ['inner', 'other', 'outer']) {
    const client = await connect(t, `${url}/${path}`)
    client.send({ type: 'say', text: path })
    t.match(await client.next(), { type: 'said', text: path })
  }
  t.same(seen, ['inner say', 'other say', 'late'])
})

t.test('a hook sees events, calls, streams, refreshes and binary frames, checked', async (t) => {
  const seen: unknown[] = []
  const { client } = await start(t, { refresh: 'renew' }, { onMessage: (payload, _, { type, ref }) => { seen.push([type, ref, payload]) } })
  const bytes = Buffer.from([1, 2])
  client.send({ type: 'say', text: 'a' })
  client.send({ type: 'say', text: 1 })
  t.match(await client.next(), { type: '$error', code: 'FST_TYPED_WS_VALIDATION' })
  client.send({ type: 'ask', ref: 1, n: 5 })
  t.match(await client.next(), { type: '$reply', ref: 1, data: 5 })
  client.send({ type: 'count', ref: 2, to: 1 })
  t.match(await client.next(), { type: '$next', ref: 2 })
  t.match(await client.next(), { type: '$done', ref: 2 })
  client.send({ type: 'renew' })
  client.send(bytes)
  await client.flushed()
  t.same(seen, [
    ['say', undefined, { text: 'a' }],
    ['ask', 1, { n: 5 }],
    ['count', 2, { to: 1 }],
    ['renew', undefined, {}],
    [undefined, undefined, bytes]
  ])
})

t.test('an error of a hook rejects the message as one of its handler would, and no later hook runs', async (t) => {
  const ran: string[] = []
  const forbidden = Object.assign(new Error('moderators only'), { statusCode: 403, code: 'FORBIDDEN' })
  for (const refuse of [() => { throw forbidden }, async () => { throw forbidden }]) {
    const handlers = { say: () => ran.push('say'), ask: () => ran.push('ask') }
    const { client } = await start(t, handlers, { onMessage: [refuse, () => { ran.push('hook') }] })
    const body = { type: '$error', statusCode: 403, code: 'FORBIDDEN', message: 'moderators only' }
    client.send({ type: 'say', text: 'a' })
    t.match(await client.next(), body)
    client.send({ type: 'ask', ref: 7, n: 1 })
    t.match(await client.next(), { ...body, ref: 7 })
    client.send({ type: 'count', ref: 8, to: 1 })
    t.match(await client.next(), { ...body, ref: 8 })
    client.send(Buffer.from([1]))
    t.match(await client.next(), body)
  }
  t.same(ran, [])
})

t.test('messages keep their order while a hook waits', async (t) => {
  const gate = deferred()
  const order: string[] = []
  const { client } = await start(t, { say: ({ text }) => { order.push(text) } }, {
    onMessage: async (payload) => { if ((payload as { text: string }).text === 'first') await gate.promise }
  })
  client.send({ type: 'say', text: 'first' })
  client.send({ type: 'say', text: 'second' })
  await client.flushed()
  t.same(order, [])
  gate.resolve()
  client.send({ type: 'ask', ref: 1, n: 1 })
  await client.next()
  t.same(order, ['first', 'second'])
})

t.test('a hook has the request and context of its connection, and its route\'s instance as this', async (t) => {
  const store = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const app = await createApp(t)
  app.addHook('onRequest', (request, _, done) => store.run(String(request.headers['x-person']), done))
  app.decorate('named', 'the app')
  app.addMessageHook(async function (_, { request }) {
    await turn()
    seen.push([(this as unknown as { named: string }).named, store.getStore(), request.headers['x-person']])
  })
  app.ws('/', { contract: echo, on: { say: (_, socket) => { socket.send('said', { text: store.getStore()! }) } } })
  const url = await listen(app)
  const clients = await Promise.all(['ann', 'bob'].map((person) => connect(t, url, { headers: { 'x-person': person } })))
  for (const [n, client] of clients.entries()) {
    client.send({ type: 'say', text: '' })
    t.match(await client.next(), { text: ['ann', 'bob'][n] })
  }
  t.same(seen, [['the app', 'ann', 'ann'], ['the app', 'bob', 'bob']])
})

t.test('a hook that no route would run, or that is no function, is refused by name', async (t) => {
  const app = await createApp(t)
  t.throws(() => app.addMessageHook('check' as never), { code: 'FST_TYPED_WS_INVALID_HOOK', message: /write a function/ })
  t.throws(() => app.ws('/', { ...echoRoute, onMessage: ['check'] as never }), {
    code: 'FST_TYPED_WS_INVALID_ROUTE',
    message: /onMessage is a function/
  })
  await t.rejects(createApp(t, { onMessage: {} as never }), {
    code: 'FST_TYPED_WS_INVALID_OPTION',
    message: /'onMessage'.*write a function/
  })
  await app.ready()
  t.throws(() => app.addMessageHook(() => {}), { code: 'FST_TYPED_WS_INVALID_HOOK', message: /before the app is ready/ })
})

t.test('a hook that is added after a channel has published runs all the same', async (t) => {
  const contract = defineContract({
    name: 'early.v1',
    clientToServer: { ask: { request: Type.Object({}), reply: Type.Null() } },
    serverToClient: { said: Type.Object({}) }
  })
  const app = await createApp(t)
  app.ws('/', { contract, on: { ask: () => null } })
  await app.channel(contract).publish('a', 'said', {})
  app.addMessageHook(() => { throw Object.assign(new Error('no'), { statusCode: 401 }) })
  const client = await connect(t, await listen(app))
  client.send({ type: 'ask', ref: 1 })
  t.match(await client.next(), { type: '$error', statusCode: 401 })
})
