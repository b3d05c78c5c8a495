import { mock } from 'node:test'
import fc from 'fast-check'
import t from 'tap'
import { createClient } from '../../lib/client/index.js'
import { deferred } from '../support/deferred.js'
import { catchThrown, fakeTime, Network, Page, pass, start, startOpen, turn, type talk } from './fake.js'

const say = (text: string): unknown => ({ type: 'say', text })

t.test('messages sent while there is no connection go out when there is one, once and in order', async (t) => {
  const { client, network } = await start(t)
  t.notOk(client.send('say', { text: 'a' }), 'it waits')
  t.notOk(client.sendBinary('b'))
  client.send('say', { text: 'c' })
  network.last.open()
  t.ok(client.send('say', { text: 'd' }), 'it went out at once')
  t.same(network.last.sent, [say('a'), new TextEncoder().encode('b'), say('c'), say('d')])
  network.last.end()
  client.send('say', { text: 'e' })
  t.equal(network.sent.length, 4)
})

t.test('no message is sent twice, none is lost within the bound, and all are in order, whenever they are sent', async (t) => {
  fakeTime(t)
  const steps = fc.array(fc.constantFrom('send', 'send', 'open', 'end', 'pass'), { maxLength: 40 })
  await fc.assert(fc.asyncProperty(steps, async (list) => {
    const network = new Network()
    const client = createClient<typeof talk>('ws://server', {
      WebSocket: network.WebSocket,
      maxQueuedMessages: 50,
      heartbeat: false,
      openTimeoutMs: 1e8
    })
    await turn()
    let said = 0
    for (const step of list) {
      if (step === 'send') client.send('say', { text: String(said++) })
      else if (step === 'open' && network.last.readyState === 0) network.last.open()
      else if (step === 'end' && network.last.readyState < 2) network.last.end()
      else if (step === 'pass') await pass(21_000, 21_000)
    }
    await pass(21_000, 21_000)
    if (network.last.readyState === 0) network.last.open()
    client.close()
    const texts = network.sent.map((message) => (message as { text: string }).text)
    return texts.join() === Array.from({ length: said }, (_, n) => n).join()
  }), { numRuns: 200 })
})

t.test('a message beyond maxQueuedMessages throws, and a call rejects', async (t) => {
  const { client, network } = await start(t, { maxQueuedMessages: 2 })
  client.send('say', { text: 'a' })
  const answer = client.call('twice', { n: 1 })
  answer.catch(() => {})
  t.throws(() => client.send('say', { text: 'c' }), { code: 'FST_TYPED_WS_QUEUE_FULL', name: 'ClientError' })
  await t.rejects(client.call('twice', { n: 2 }), { code: 'FST_TYPED_WS_QUEUE_FULL' })
  network.last.open()
  t.same(network.last.sent, [say('a'), { type: 'twice', n: 1, ref: 1 }])
  t.equal((await start(t)).client.send('say', { text: '' }), false)
})

t.test('a client lets a hundred messages wait by default', async (t) => {
  const { client } = await start(t)
  for (let i = 0; i < 100; i++) client.send('say', { text: '' })
  t.throws(() => client.send('say', { text: '' }), { code: 'FST_TYPED_WS_QUEUE_FULL' })
})

t.test('with overflow: drop the oldest message is dropped, and a call that is dropped rejects', async (t) => {
  const { client, network } = await start(t, { maxQueuedMessages: 2, overflow: 'drop' })
  const answer = client.call('twice', { n: 1 })
  for (const text of ['a', 'b', 'c']) client.send('say', { text })
  await t.rejects(answer, { code: 'FST_TYPED_WS_QUEUE_FULL' })
  network.last.open()
  t.same(network.last.sent, [say('b'), say('c')])
  const none = await start(t, { maxQueuedMessages: 0, overflow: 'drop' })
  t.throws(() => none.client.send('say', { text: 'a' }), { code: 'FST_TYPED_WS_QUEUE_FULL' }, 'where none may wait there is none to drop')
})

t.test('a message sent while the connection is being closed waits for the next', async (t) => {
  fakeTime(t)
  const { client, network } = await startOpen(t)
  network.last.readyState = 2
  t.notOk(client.send('say', { text: 'late' }))
  const answer = client.call('twice', { n: 2 })
  network.last.end()
  await pass(1000)
  network.last.open()
  network.last.say({ type: '$reply', ref: 1, data: 4 })
  t.equal(await answer, 4)
  t.same(network.sent, [say('late'), { type: 'twice', n: 2, ref: 1 }])
})

t.test('no payload changes a message\'s type or a call\'s ref, whatever the discriminator is', async (t) => {
  const { client, network } = await startOpen(t)
  client.send('say', { type: 'drop', text: 'a' } as never)
  client.call('twice', { type: 'drop', ref: 99, n: 1 } as never).catch(() => {})
  t.same(network.last.sent, [say('a'), { type: 'twice', n: 1, ref: 1 }])
  const other = await startOpen(t, { discriminator: 'op' })
  const heard: unknown[] = []
  other.client.on('said', (payload) => { heard.push(payload) })
  other.client.send('say', { op: 'drop', type: 'mine', text: 'a' } as never)
  other.network.last.say({ op: 'said', text: 'b', type: 'yours' })
  t.same(other.network.last.sent, [{ op: 'say', type: 'mine', text: 'a' }])
  t.same(heard, [{ text: 'b', type: 'yours' }])
})

t.test('bytes are sent as they are given, and arrive as an ArrayBuffer', async (t) => {
  const { client, network } = await startOpen(t)
  const all = [new Uint8Array([1, 2]), new ArrayBuffer(2), new Blob(['x'])]
  for (const data of all) client.sendBinary(data)
  client.sendBinary('ä')
  t.same(network.last.sent.slice(0, 3).map((data, i) => data === all[i]), [true, true, true])
  t.same(network.last.sent[3], new Uint8Array([0xc3, 0xa4]), 'a string as its UTF-8')
  t.equal(network.last.binaryType, 'arraybuffer')
  const heard: ArrayBuffer[] = []
  const off = client.onBinary((data) => { heard.push(data) })
  const bytes = new Uint8Array([1, 2, 3]).buffer
  network.last.say(bytes)
  off()
  network.last.say(bytes)
  t.equal(heard.length, 1)
  t.equal(heard[0], bytes)
})

t.test('an event reaches every listener, until it is removed', async (t) => {
  const { client, network } = await startOpen(t)
  const heard: string[] = []
  const offFirst = client.on('said', ({ text }) => {
    heard.push(`first ${text}`)
    offSecond()
    client.on('said', () => { heard.push('late') })
  })
  const offSecond = client.on('said', ({ text }) => { heard.push(`second ${text}`) })
  client.on('said', ({ text }) => { heard.push(`third ${text}`) })
  network.last.say({ type: 'said', text: 'a' })
  t.same(heard, ['first a', 'third a'], 'who has stopped hears nothing, who has just begun not yet')
  offFirst()
  network.last.say({ type: 'said', text: 'b' })
  t.same(heard.slice(2), ['third b', 'late'])
  network.last.say({ type: 'unheard' })
})

t.test('a listener that throws does not stop the others, and its error is not lost', async (t) => {
  const thrown = catchThrown(t)
  const { client, network, states } = await start(t)
  const oops = new Error('oops')
  const fail = (): void => { throw oops }
  const heard: string[] = []
  client.onState(fail)
  client.onError(fail)
  client.onBinary(fail)
  client.on('said', fail)
  client.on('said', ({ text }) => { heard.push(text) })
  client.send('say', { text: 'waits' })
  network.last.open()
  network.last.say({ type: 'said', text: 'a' })
  network.last.say(new ArrayBuffer(1))
  network.last.say('nonsense')
  t.same(heard, ['a'])
  t.same(network.last.sent, [say('waits')])
  t.same(thrown, [oops, oops, oops, oops], 'of state, event, binary and error')
  t.equal(states.at(-1)!.state, 'open')
})

t.test('a message that cannot be understood is reported to onError, and the client goes on', async (t) => {
  const { client, network, errors } = await startOpen(t)
  const frames = [
    '',
    'nonsense',
    '{',
    'null',
    '5',
    '"said"',
    '[]',
    '[1]',
    '{}',
    '{"type":5}',
    '{"type":null}',
    '{"type":{"toString":1}}',
    '{"type":"$error","code":{"toString":1}}',
    '{"type":"$error","message":{"toString":1}}'
  ]
  for (const frame of frames) network.last.say(frame)
  t.same(errors.map((error) => (error as { code?: string }).code), frames.map(() => 'FST_TYPED_WS_INVALID_MESSAGE'))
  t.ok(errors[1]!.cause instanceof SyntaxError)
  t.equal(client.state, 'open')
})

t.test('no text from the server makes the client throw', async (t) => {
  const { client, network } = await startOpen(t)
  client.handle('confirm', () => true)
  const types = fc.constantFrom(
    '$reply', '$next', '$done', '$error', '$cancel', '$pong', '$ping', '$no', 'said', 'confirm', '__proto__', 'toString'
  )
  const message = fc.record(
    {
      type: fc.oneof(types, fc.jsonValue()),
      ref: fc.oneof(fc.nat(5), fc.jsonValue()),
      data: fc.jsonValue(),
      code: fc.jsonValue(),
      message: fc.jsonValue(),
      __proto__: fc.jsonValue()
    },
    { requiredKeys: [] }
  )
  client.call('twice', { n: 1 }).catch(() => {})
  client.stream('ticks', {}).next().catch(() => {})
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), message.map((value) => JSON.stringify(value))), (text) => { network.last.say(text) }),
    { numRuns: 2000 }
  )
  await turn()
  t.equal(client.state, 'open')
  t.equal(({} as { polluted?: unknown }).polluted, undefined)
})

t.test('an $error that no call waits for reaches onError, with all its fields', async (t) => {
  const { network, errors } = await startOpen(t)
  network.last.say({
    type: '$error',
    received: 'say',
    statusCode: 400,
    code: 'FST_TYPED_WS_VALIDATION',
    error: 'Bad Request',
    message: 'say/text must be string'
  })
  network.last.say({ type: '$error', statusCode: 500, message: 'oh' })
  t.match(errors, [
    { name: 'ClientError', received: 'say', statusCode: 400, code: 'FST_TYPED_WS_VALIDATION', message: 'say/text must be string' },
    { code: '', statusCode: 500, message: 'oh' }
  ])
})

t.test('an error without a listener is written to the console', async (t) => {
  const warn = mock.method(console, 'warn', () => {})
  t.teardown(() => warn.mock.restore())
  const network = new Network()
  const client = createClient<typeof talk>('ws://server', { WebSocket: network.WebSocket })
  await turn()
  network.last.open().say('nonsense')
  t.match(warn.mock.calls[0]!.arguments, [{ code: 'FST_TYPED_WS_INVALID_MESSAGE' }])
  client.close()
})

t.test('an error that the console cannot write is no end of the client', async (t) => {
  const warn = mock.method(console, 'warn', () => { throw new Error('this console cannot read it') })
  t.teardown(() => warn.mock.restore())
  const network = new Network()
  const client = createClient<typeof talk>('ws://server', { WebSocket: network.WebSocket })
  await turn()
  network.last.open().say('nonsense')
  t.equal(warn.mock.callCount(), 1)
  t.equal(client.state, 'open')
  client.close()
})

t.test('every change of state reaches onState, with its details', async (t) => {
  fakeTime(t)
  const { client, network, states } = await start(t)
  t.equal(client.state, 'connecting')
  network.last.open()
  t.equal(client.state, 'open')
  network.last.end(1001, 'away')
  t.equal(client.state, 'waiting')
  const { retryInMs } = states[1]!
  await pass(retryInMs!, 10)
  t.equal(client.state, 'connecting')
  network.last.open()
  network.last.end(4503, 'forbidden')
  t.equal(client.state, 'closed')
  t.same(states, [
    { state: 'open', attempt: 0 },
    { state: 'waiting', attempt: 1, retryInMs, code: 1001, reason: 'away' },
    { state: 'connecting', attempt: 1 },
    { state: 'open', attempt: 1 },
    { state: 'closed', attempt: 1, code: 4503, reason: 'forbidden' }
  ])
})

t.test('opened resolves, is a new promise after a loss, and rejects at the end', async (t) => {
  fakeTime(t)
  const { client, network } = await start(t)
  const first = client.opened
  network.last.end()
  t.equal(client.opened, first, 'as long as it was not open there is one')
  await pass(1000)
  network.last.open()
  await first
  network.last.end()
  const second = client.opened
  t.not(second, first)
  await pass(2000)
  network.last.open()
  await second
  network.last.end(4504, 'gone')
  await t.rejects(client.opened, { code: 'FST_TYPED_WS_CLIENT_CLOSED', closeCode: 4504, reason: 'gone' })
})

t.test('a closed client sends nothing more, neither at once nor later', async (t) => {
  const { client, network, states } = await startOpen(t)
  client.send('say', { text: 'sent already' })
  const answer = client.call('twice', { n: 1 })
  client.close(4000, 'enough')
  t.same(network.last.closedBy, { code: 4000, reason: 'enough' })
  t.same(states.at(-1), { state: 'closed', attempt: 0, code: 4000, reason: 'enough' })
  await t.rejects(answer, { code: 'FST_TYPED_WS_CLIENT_CLOSED' })
  const closed = { code: 'FST_TYPED_WS_CLIENT_CLOSED', closeCode: 4000, reason: 'enough' }
  t.throws(() => client.send('say', { text: 'more' }), closed)
  t.throws(() => client.sendBinary('more'), closed)
  await t.rejects(client.call('twice', { n: 1 }), closed)
  await t.rejects(client.stream('ticks', {}).next(), closed)
  await t.rejects(client.opened, closed)
  network.last.end(1000)
  client.close()
  t.equal(network.last.sent.length, 2)
  t.equal(states.length, 2)
})

t.test('a client can be closed in every state, and calls that waited reject', async (t) => {
  fakeTime(t)
  const { client, network } = await start(t)
  const unsent = client.call('twice', { n: 1 })
  client.close()
  t.same(network.last.closedBy, { code: 1000, reason: '' }, 'while it connects')
  await t.rejects(unsent, { code: 'FST_TYPED_WS_CLIENT_CLOSED', closeCode: 1000 })
  network.last.open()
  network.last.say({ type: 'said', text: '' })
  t.equal(client.state, 'closed', 'whatever the socket does')

  const other = await startOpen(t)
  other.network.last.end()
  other.client.close()
  await pass(60_000, 1000)
  t.equal(other.network.sockets.length, 1, 'while it waits')
  await t.rejects(other.client.opened, { code: 'FST_TYPED_WS_CLIENT_CLOSED' })

  const url = deferred<string>()
  const early = await start(t, { url: () => url.promise })
  early.client.close()
  url.resolve('ws://server')
  await turn()
  t.equal(early.network.sockets.length, 0, 'before it knows where to')
})

t.test('a close with a code that no page may use throws, and changes nothing', async (t) => {
  const { client } = await startOpen(t)
  t.throws(() => client.close(1012), RangeError)
  t.equal(client.state, 'open')
  t.ok(client.send('say', { text: '' }))
})

t.test('a client can be closed by every kind of listener', async (t) => {
  fakeTime(t)
  for (const when of ['open', 'waiting', 'connecting'] as const) {
    const { client, network, states } = await start(t)
    const later: string[] = []
    client.send('say', { text: 'a' })
    client.onState(({ state }) => { if (state === when) client.close() })
    client.onState(({ state }) => { later.push(state) })
    network.last.open()
    network.last.end()
    await pass(30_000, 1000)
    t.equal(client.state, 'closed', when)
    t.equal(network.sockets.length, 1)
    t.same(states.map(({ state }) => state).slice(-2), [when, 'closed'])
    t.equal(later.at(-1), 'closed', 'who listens after him hears how it is, not how it was')
    t.notOk(later.includes(when))
    await t.rejects(client.opened)
    t.throws(() => client.send('say', { text: 'b' }), { code: 'FST_TYPED_WS_CLIENT_CLOSED' })
  }
  const reopening = await startOpen(t)
  reopening.network.last.end()
  reopening.client.send('say', { text: 'never' })
  reopening.client.onReopen(() => reopening.client.close())
  await pass(1000)
  reopening.network.last.open()
  t.same(reopening.network.sent, [])
  t.notOk(reopening.states.slice(-2).some(({ state }) => state === 'open'))

  const losing = await startOpen(t)
  losing.network.last.end()
  losing.client.send('say', { text: 'kept' })
  const off = losing.client.onReopen(() => { off(); losing.network.last.end() })
  await pass(1000)
  losing.network.last.open()
  t.same(losing.network.sent, [], 'a connection that is lost while it is told of takes nothing')

  const serving = await startOpen(t)
  serving.client.handle('confirm', (_, { signal }) => new Promise(() => signal.addEventListener('abort', () => serving.client.close())))
  serving.network.last.say({ type: 'confirm', ref: 1, question: '' })
  serving.network.last.end()
  t.equal(serving.client.state, 'closed')
  t.same(serving.states.map(({ state }) => state), ['open', 'closed'])
  await t.rejects(serving.client.opened)
  await pass(30_000, 1000)
  t.equal(serving.network.sockets.length, 1)
})

t.test('a message sent in onReopen goes out in front of those that waited', async (t) => {
  fakeTime(t)
  const { client, network } = await start(t)
  let reopened = 0
  const off = client.onReopen(() => client.send('say', { text: `again ${++reopened}` }))
  network.last.open()
  t.equal(reopened, 0, 'the first is no comeback')
  network.last.end()
  client.send('say', { text: 'waits' })
  await pass(1000)
  network.last.open()
  t.same(network.last.sent, [say('again 1'), say('waits')])
  off()
  network.last.end()
  await pass(2000)
  network.last.open()
  t.same(network.last.sent, [])
})

t.test('a client offers the contract\'s name and the token, and has the chosen protocol', async (t) => {
  const { client, network } = await start(t, { protocol: 'talk.v1', token: 'abc' })
  t.same(network.last.protocols, ['talk.v1', 'typed-ws.refusal', 'bearer.abc'])
  t.equal(client.protocol, '')
  network.last.open('talk.v1')
  t.equal(client.protocol, 'talk.v1')
  client.close()
  t.equal(client.protocol, '')
  t.same((await start(t)).network.last.protocols, [])
  t.same(
    (await start(t, { protocol: 'talk.v1', token: async () => '' })).network.last.protocols,
    ['talk.v1', 'typed-ws.refusal'],
    'no token, none offered'
  )
})

t.test('the functions url and token are called before each attempt', async (t) => {
  fakeTime(t)
  let attempt = 0
  const { network } = await start(t, { url: async () => `ws://server/${++attempt}`, protocol: 'talk.v1', token: () => `t${attempt}` })
  network.last.open()
  network.last.end()
  await pass(1000)
  network.last.end()
  await pass(2000)
  t.same(network.sockets.map(({ url, protocols }) => [url, protocols[2]]), [
    ['ws://server/1', 'bearer.t1'],
    ['ws://server/2', 'bearer.t2'],
    ['ws://server/3', 'bearer.t3']
  ])
})

t.test('a url or a token that fails reaches onError, and is tried again', async (t) => {
  fakeTime(t)
  let attempt = 0
  const offline = new Error('offline')
  const url = (): string => { if (++attempt === 1) throw offline; return 'ws://server' }
  const token = async (): Promise<string> => { if (attempt === 2) throw offline; return 'abc' }
  const { client, network, states, errors } = await start(t, { url, protocol: 'talk.v1', token })
  t.same(errors, [offline])
  t.match(states, [{ state: 'waiting', attempt: 1, code: 1006, reason: '' }])
  await pass(1000)
  t.same(errors, [offline, offline])
  t.equal(network.sockets.length, 0)
  await pass(2000)
  network.last.open()
  t.equal(client.state, 'open')
})

t.test('a listener of onError may close the client when a token fails', async (t) => {
  fakeTime(t)
  const { client, network, states } = await start(t, {
    protocol: 'talk.v1',
    token: async () => await turn().then(() => { throw new Error('signed out') })
  })
  client.onError(() => client.close())
  await turn()
  await turn()
  await pass(60_000, 1000)
  t.same(states, [{ state: 'closed', attempt: 0, code: 1000, reason: '' }])
  t.equal(network.sockets.length, 0)
})

t.test('an address may be relative to the page, and have the scheme http or ws', async (t) => {
  const page = new Page(t).at('https://example.com/app/page?x#y')
  t.equal((await start(t, { url: '/chat' })).network.last.url, 'wss://example.com/chat')
  t.equal((await start(t, { url: 'chat' })).network.last.url, 'wss://example.com/app/chat')
  t.equal((await start(t, { url: new URL('http://other/chat') })).network.last.url, 'ws://other/chat')
  page.at('http://localhost:3000/')
  t.equal((await start(t, { url: 'chat?http=1' })).network.last.url, 'ws://localhost:3000/chat?http=1')
})

t.test('an absolute address is used unchanged, without its fragment', async (t) => {
  const NativeURL = globalThis.URL
  const given = {
    'wss://server/chat': 'wss://server/chat',
    'ws://server/chat?a=%20#part': 'ws://server/chat?a=%20',
    'https://server': 'wss://server',
    'HTTP://server/x': 'ws://server/x'
  }
  t.teardown(() => { globalThis.URL = NativeURL })
  // As React Native's does.
  globalThis.URL = class { readonly href: string; constructor (url: string) { this.href = `${url}/` } } as unknown as typeof URL
  for (const [url, expected] of Object.entries(given)) t.equal((await start(t, { url })).network.last.url, expected)
  globalThis.URL = NativeURL
})

t.test('bufferedAmount is that of the WebSocket, and 0 without a connection', async (t) => {
  fakeTime(t)
  const { client, network } = await startOpen(t)
  network.last.bufferedAmount = 5
  t.equal(client.bufferedAmount, 5)
  network.last.end()
  t.equal(client.bufferedAmount, 0)
})

t.test('a client that can never open is closed: it has no page to be relative to, or no subprotocol', async (t) => {
  const { client, network, states, errors } = await start(t, { url: '/chat' })
  t.equal(network.sockets.length, 0)
  t.match(errors, [{ code: 'ERR_INVALID_URL' }])
  t.match(states, [{ state: 'closed', code: 1006, reason: '' }])
  await t.rejects(client.opened, { code: 'FST_TYPED_WS_CLIENT_CLOSED', closeCode: 1006 })
  class Refusing {
    constructor () { throw new SyntaxError('not a subprotocol') }
  }
  const other = await start(t, { WebSocket: Refusing as never })
  t.match(other.errors, [SyntaxError])
  t.equal(other.client.state, 'closed')
})

t.test('a client without a WebSocket, or with a token and no protocol, throws', async (t) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  t.teardown(() => { if (before !== undefined) Object.defineProperty(globalThis, 'WebSocket', before) })
  Reflect.deleteProperty(globalThis, 'WebSocket')
  t.throws(() => createClient<typeof talk>('ws://server'), { code: 'FST_TYPED_WS_INVALID_OPTION', message: /option WebSocket/ })
  const network = new Network()
  for (const token of ['x', '', async () => '']) {
    t.throws(() => createClient<typeof talk>('ws://server', { WebSocket: network.WebSocket, token }), {
      code: 'FST_TYPED_WS_INVALID_OPTION',
      message: /option protocol/
    })
  }
  Object.defineProperty(globalThis, 'WebSocket', { value: network.WebSocket, configurable: true, writable: true })
  const client = createClient<typeof talk>('ws://server')
  await turn()
  t.equal(network.sockets.length, 1, 'else the global one is taken')
  client.close()
  Reflect.deleteProperty(globalThis, 'WebSocket')
})

t.test('a closed client leaves no timer', async (t) => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const connecting = await start(t)
  const open = await startOpen(t)
  const waiting = await startOpen(t)
  waiting.network.last.end()
  const asking = await startOpen(t)
  const answer = asking.client.call('twice', { n: 1 })
  t.ok(timers() > before)
  for (const { client } of [connecting, open, waiting, asking]) client.close()
  await t.rejects(answer)
  t.equal(timers(), before)
})
