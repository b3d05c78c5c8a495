import t from 'tap'
import { until } from '../../support/helper.js'
import { deferred } from '../../support/deferred.js'
import { live, start, type LiveSocket } from '../../support/live.js'

async function codeOf (answer: Promise<unknown>): Promise<unknown> {
  return await answer.then(() => 'answered', ({ code }: { code?: string }) => code)
}

t.test('a call resolves to the client\'s reply, in a handler as well as in open', async (t) => {
  const answers: boolean[] = []
  const { client } = await start(t, {
    async open (socket) { answers.push(await socket.call('confirm', { question: 'open?' })) },
    async ask ({ n }, socket) { answers.push(await socket.call('confirm', { question: 'ask?' })); return n }
  })
  t.same(await client.next(), { type: 'confirm', ref: 1, question: 'open?' })
  client.send({ type: 'ask', ref: 1, n: 5 })
  client.send({ type: '$reply', ref: 1, data: true })
  t.same(await client.next(), { type: 'confirm', ref: 2, question: 'ask?' })
  client.send({ type: '$reply', ref: 2, data: false })
  t.same(await client.next(), { type: '$reply', ref: 1, data: 5 })
  t.same(answers, [true, false])
})

t.test('a handler that waits for an answer waits for no message before it', async (t) => {
  const said: string[] = []
  const { client } = await start(t, {
    async ask ({ n }, socket) { await socket.call('confirm', { question: '' }); return n },
    say: ({ text }) => said.push(text)
  }, { maxQueuedMessages: 4 })
  client.send({ type: 'ask', ref: 1, n: 5 })
  for (let n = 0; n < 20; n++) client.send({ type: 'say', text: 'x'.repeat(10_000) })
  await client.next()
  client.send({ type: '$reply', ref: 1, data: true })
  t.match(await client.next(), { type: '$reply', ref: 1 })
  await until(() => said.length === 20)
  t.pass('and what stood before the answer was handled behind it')
})

t.test('a call on a connection that is not read resumes reading', async (t) => {
  const go = deferred()
  const { client, socket } = await start(t, {
    async ask ({ n }, socket) { await go.promise; await socket.call('confirm', { question: '' }); return n }
  }, { maxQueuedMessages: 4, rateLimit: false })
  client.send({ type: 'ask', ref: 1, n: 5 })
  for (let n = 0; n < 8; n++) client.send({ type: 'say', text: 'x'.repeat(60_000) })
  await until(() => socket.raw.isPaused)
  go.resolve()
  await client.next()
  client.send({ type: '$reply', ref: 1, data: true })
  t.match(await client.next(), { type: '$reply', ref: 1 })
})

t.test('a reply that breaks its schema rejects the call and is answered with an error', async (t) => {
  const { client, socket } = await start(t)
  const answer = codeOf(socket.call('confirm', { question: '' }))
  await client.next()
  client.send({ type: '$reply', ref: 1, data: 'yes' })
  t.match(await client.next(), { type: '$error', received: '$reply', code: 'FST_TYPED_WS_VALIDATION', message: 'message must be boolean' })
  t.equal(await answer, 'FST_TYPED_WS_CALL_INVALID')
})

t.test('an $error of the client rejects the call, with its body', async (t) => {
  const { client, socket } = await start(t)
  const answer = socket.call('confirm', { question: '' })
  await client.next()
  client.send({ type: '$error', ref: 1, statusCode: 403, message: 'not now' })
  await t.rejects(answer, {
    code: 'FST_TYPED_WS_CALL_REFUSED',
    statusCode: 502,
    message: 'The client refused call \'confirm\': not now',
    body: { statusCode: 403 }
  })
})

t.test('a call that takes too long, or whose signal is aborted, rejects, and the client is told', async (t) => {
  const { client, socket } = await start(t)
  const late = codeOf(socket.call('confirm', { question: '' }, { timeoutMs: 5 }))
  await client.next()
  t.same(await client.next(), { type: '$cancel', ref: 1 })
  t.equal(await late, 'FST_TYPED_WS_CALL_TIMEOUT')
  const controller = new AbortController()
  const aborted = t.rejects(socket.call('confirm', { question: '' }, { signal: controller.signal }), { message: 'changed my mind' })
  await client.next()
  controller.abort(new Error('changed my mind'))
  t.same(await client.next(), { type: '$cancel', ref: 2 })
  await aborted
  await t.rejects(
    socket.call('confirm', { question: '' }, { signal: controller.signal }),
    { message: 'changed my mind' },
    'and one that is aborted already is not sent'
  )
  t.equal(client.unread, 0)
  client.send({ type: '$reply', ref: 1, data: true })
  client.send({ type: '$error', ref: 2 })
  client.send({ type: 'ask', ref: 9, n: 9 })
  t.match(await client.next(), { type: '$reply', ref: 9 }, 'answers that come too late are ignored')
})

t.test('an abort that comes with the answer changes nothing', async (t) => {
  const controller = new AbortController()
  const { client, socket } = await start(t)
  const answer = socket.call('confirm', { question: '' }, { signal: controller.signal }).then((value) => value)
  await client.next()
  const raw = socket.raw as unknown as { emit (name: string, data: Buffer, isBinary: boolean): void }
  raw.emit('message', Buffer.from('{"type":"$reply","ref":1,"data":true}'), false)
  controller.abort()
  t.equal(await answer, true)
  await client.flushed()
  t.equal(client.unread, 0)
})

t.test('calls end with their connection, and none begins after', async (t) => {
  const { client, socket, app } = await start(t)
  const answers = [1, 2, 3].map(async () => await codeOf(socket.call('confirm', { question: '' })))
  await client.next()
  client.ws.terminate()
  t.same(await Promise.all(answers), Array(3).fill('FST_TYPED_WS_CONNECTION_CLOSED'))
  t.equal(await codeOf(socket.call('confirm', { question: '' })), 'FST_TYPED_WS_CONNECTION_CLOSED')
  t.equal(app.channel(live).stats.pendingCalls, 0)
})

t.test('a call beyond maxPendingCalls rejects', async (t) => {
  const { socket } = await start(t, {}, { maxPendingCalls: 2 })
  const ask = async () => await socket.call('confirm', { question: '' })
  const first = [codeOf(ask()), codeOf(ask())]
  await t.rejects(ask(), {
    code: 'FST_TYPED_WS_TOO_MANY_CALLS',
    message: 'At most 2 calls may wait for one client: the option \'maxPendingCalls\' says so'
  })
  socket.terminate()
  await Promise.all(first)
})

t.test('a call that cannot be made rejects by name', async (t) => {
  const { socket } = await start(t)
  const call = socket.call.bind(socket) as (type: string, payload: unknown, options?: object) => Promise<unknown>
  t.equal(await codeOf(call('said', { text: '' })), 'FST_TYPED_WS_OUTGOING_UNKNOWN')
  t.equal(await codeOf(call('nope', {})), 'FST_TYPED_WS_OUTGOING_UNKNOWN')
  t.equal(await codeOf(call('confirm', {})), 'FST_TYPED_WS_OUTGOING_INVALID')
  for (const timeoutMs of [0, -1, NaN, Infinity, 2 ** 31]) {
    t.equal(await codeOf(call('confirm', { question: '' }, { timeoutMs })), 'FST_TYPED_WS_INVALID_OPTION')
  }
  t.throws(
    () => (socket as unknown as LiveSocket & { send (type: string, payload: object): void }).send(
      'confirm' as never,
      { question: '' } as never
    ),
    { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN', message: 'Contract \'live.v1\' has no event \'confirm\' from server to client' }
  )
})

t.test('answers from a client that was never called are ignored', async (t) => {
  const { client } = await start(t)
  client.send({ type: '$reply', ref: 1, data: true })
  client.send({ type: '$error', message: 'what?' })
  client.send({ type: 'ask', ref: 9, n: 9 })
  t.match(await client.next(), { type: '$reply', ref: 9 })
})
