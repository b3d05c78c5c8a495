// The fakes, as unit tests of an app use them: handlers are called directly.
import t from 'tap'
import createError from '@fastify/error'
import { Type } from '@sinclair/typebox'
import {
  defineContract, type MessageHandlers, type MessageHook, type Payload, type ReceivedMessage, type Socket
} from '../../../lib/index.js'
import { fakeMessage, fakeSocket } from '../../../lib/testing/index.js'
import { fakeTime, pass } from '../../support/fake-time.js'

const chat = defineContract({
  name: 'chat.v1',
  clientToServer: { say: Type.Object({ text: Type.String() }) },
  serverToClient: {
    said: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({ question: Type.String() }), reply: Type.Boolean() }
  },
  binary: { serverToClient: true }
})
type Chat = typeof chat
const silent = defineContract({ name: 'silent' })

async function say ({ text }: Payload<Chat['clientToServer']['say']>, socket: Socket<Chat>, message: ReceivedMessage): Promise<void> {
  await socket.subscribe('room')
  socket.send('said', { text })
  const isSure = await socket.call('confirm', { question: 'All of them?' }, { signal: message.signal })
  if (isSure) socket.publish('room', 'said', { text })
  socket.log.child({}).info(socket.request.id)
}

t.test('a fake socket records the events, calls, topics and publications of a handler', async (t) => {
  const socket = fakeSocket(chat, { id: 'one', request: { id: 'r1' } })
  socket.handle('confirm', ({ question }) => question === 'All of them?')
  await say({ text: 'hello' }, socket, fakeMessage('say'))
  t.same(socket.sent, [{ type: 'said', payload: { text: 'hello' } }])
  t.same(socket.called, [{ type: 'confirm', payload: { question: 'All of them?' } }])
  t.same(socket.published, [{ topic: 'room', type: 'said', payload: { text: 'hello' } }])
  t.same([...socket.topics], ['room'])
  t.match(socket, { id: 'one', readyState: 1, protocol: 'chat.v1', bufferedAmount: 0, contract: chat, closed: undefined })
  socket.unsubscribe('room')
  t.same([...socket.topics], [])
  await socket.drained()
})

t.test('a hook is called with a fake socket and a fake message', async (t) => {
  const Forbidden = createError('APP_FORBIDDEN', 'not you', 403)
  const hook: MessageHook = (_payload, { id }, { type }) => { if (type === 'say' && id !== 'ada') throw new Forbidden() }
  const socket = fakeSocket(chat)
  t.match(socket.id, /^[\da-f-]{36}$/)
  t.throws(() => hook.call(undefined as never, {}, socket as never, fakeMessage('say', {}, 5)), { code: 'APP_FORBIDDEN' })
  const message = fakeMessage(undefined, Buffer.of(1), 5)
  t.match(message, { type: undefined, payload: Buffer.of(1), ref: 5, signal: { aborted: false } })
  message.abort()
  t.ok(message.signal.aborted)
})

t.test('a call is refused without a handler, or by one that throws', async (t) => {
  const socket = fakeSocket(chat)
  await t.rejects(socket.call('confirm', { question: '' }), {
    code: 'FST_TYPED_WS_CALL_REFUSED', message: /no handler for 'confirm'/, body: { statusCode: 501 }
  })
  socket.handle('confirm', () => { throw new Error('busy') })
  await t.rejects(socket.call('confirm', { question: '' }), {
    code: 'FST_TYPED_WS_CALL_REFUSED', message: /busy/, body: { statusCode: 500 }
  })
})

t.test('a call that waits ends with its signal, or with the socket', async (t) => {
  const socket = fakeSocket(chat)
  socket.handle('confirm', async () => await new Promise(() => {}))
  const message = fakeMessage('say')
  const cancelled = say({ text: 'hello' }, socket, message)
  const closed = socket.call('confirm', { question: '' })
  await Promise.resolve()
  message.abort()
  await t.rejects(cancelled, { name: 'AbortError' })
  await t.rejects(socket.call('confirm', { question: '' }, { signal: message.signal }), { name: 'AbortError' })
  socket.close()
  await t.rejects(closed, { code: 'FST_TYPED_WS_CONNECTION_CLOSED' })
  t.equal(socket.called.length, 2)
})

t.test('a fake socket that was closed says so and sends nothing more', async (t) => {
  const socket = fakeSocket(chat)
  await socket.subscribe('room')
  socket.close(4000, 'enough')
  socket.terminate()
  t.same(socket.closed, { code: 4000, reason: 'enough' })
  t.match(socket, { readyState: 3, signal: { aborted: true }, topics: new Set() })
  t.notOk(socket.send('said', { text: 'too late' }))
  t.notOk(socket.sendBinary(Buffer.of(1)))
  t.notOk(await socket.subscribe('room'))
  t.same([socket.sent, socket.sentBinary], [[], []])
  await t.rejects(socket.drained(), { code: 'FST_TYPED_WS_CONNECTION_CLOSED' })
  await t.rejects(socket.call('confirm', { question: '' }), { code: 'FST_TYPED_WS_CONNECTION_CLOSED' })
  const others = [fakeSocket(chat), fakeSocket(chat)] as const
  others[0].terminate()
  others[1].close(1006)
  t.same(others.map(({ closed }) => closed), [{ code: 1006, reason: '' }, { code: 1005, reason: '' }])
})

t.test('binary frames are recorded: bytes as a copy, a Blob as it is', async (t) => {
  const socket = fakeSocket(chat)
  const [bytes, blob] = [Buffer.from('ab'), new Blob(['c'])]
  t.ok(socket.sendBinary(bytes))
  t.ok(socket.sendBinary(blob))
  bytes.fill(0)
  t.same(socket.sentBinary[0], Buffer.from('ab'))
  t.equal(socket.sentBinary[1], blob)
})

t.test('an event that has a binary frame is recorded with its bytes, among the events', async (t) => {
  const album = defineContract({
    name: 'album.v1',
    clientToServer: { picture: { payload: Type.Object({ title: Type.String() }), binary: true } },
    serverToClient: {
      picture: { payload: Type.Object({ title: Type.String() }), binary: true },
      said: Type.Object({ text: Type.String() })
    }
  })
  const on: MessageHandlers<typeof album> = {
    picture ({ title }, socket, { binary }) {
      socket.send('said', { text: title })
      socket.sendBinary('picture', { title }, binary)
    }
  }
  const socket = fakeSocket(album)
  const bytes = Buffer.from('ab')
  await on.picture({ title: 'sea' }, socket, fakeMessage('picture', { title: 'sea' }, undefined, bytes))
  bytes.fill(0)
  t.same(socket.sent, [
    { type: 'said', payload: { text: 'sea' } }, { type: 'picture', payload: { title: 'sea' }, binary: Buffer.from('ab') }
  ])
  t.same(socket.sentBinary, [])
  t.throws(() => socket.send('picture' as 'said', { title: '' } as never), { code: 'FST_TYPED_WS_OUTGOING_BINARY' })
  t.throws(() => socket.publish('room', 'picture' as 'said', { title: '' } as never), { code: 'FST_TYPED_WS_OUTGOING_BINARY' })
  t.throws(() => socket.sendBinary('said' as 'picture', { text: '' } as never, bytes), { code: 'FST_TYPED_WS_OUTGOING_BINARY' })
  t.throws(() => socket.sendBinary('picture', { title: '' }, 'text' as never), { code: 'FST_TYPED_WS_INVALID_BINARY' })
  socket.close()
  t.equal(socket.sendBinary('picture', { title: 'late' }, bytes), false)
  t.equal(fakeMessage('picture').binary, undefined)
})

t.test('names, topics, codes and bytes that a real socket refuses, a fake one refuses with the same error', async (t) => {
  const socket = fakeSocket(chat)
  const untyped = socket as unknown as Socket & { handle (type: string, handler: () => void): void }
  t.throws(() => untyped.send('nothing', {}), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
  t.throws(() => untyped.send('confirm', {}), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
  t.throws(() => untyped.publish('room', 'toString', {}), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
  t.throws(() => untyped.handle('said', () => {}), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
  await t.rejects(untyped.call('said' as never, {}), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
  t.throws(() => socket.publish('', 'said', { text: '' }), { code: 'FST_TYPED_WS_INVALID_TOPIC_NAME' })
  await t.rejects(untyped.subscribe('room', { info: {} }), { code: 'FST_TYPED_WS_TOPIC_WITHOUT_PRESENCE' })
  await t.rejects(untyped.subscribe('room', { key: 'ada' }), { code: 'FST_TYPED_WS_TOPIC_WITHOUT_PRESENCE' })
  await t.rejects(socket.subscribe(''), { code: 'FST_TYPED_WS_INVALID_TOPIC_NAME' })
  t.throws(() => socket.close(999), { code: 'FST_TYPED_WS_INVALID_CLOSE' })
  t.throws(() => { socket.expiresAt = 'now' as never }, { code: 'FST_TYPED_WS_INVALID_EXPIRES_AT' })
  t.throws(() => socket.sendBinary('text' as never), { code: 'FST_TYPED_WS_INVALID_BINARY' })
  t.throws(() => fakeSocket(silent).sendBinary(Buffer.of(1) as never), { code: 'FST_TYPED_WS_OUTGOING_BINARY' })
  t.throws(() => socket.raw, { message: /app\.injectClient/ })
})

t.test('a fake socket takes info and a key for a topic whose kind has presence, and for no other', async (t) => {
  const lobby = defineContract({ name: 'lobby.v1', topics: { room: { presence: Type.Object({ name: Type.String() }) } } })
  const socket = fakeSocket(lobby)
  t.ok(await socket.subscribe('room:1', { info: { name: 'Ada' }, key: 'ada' }))
  t.ok(await socket.subscribe('news'))
  const untyped = socket.subscribe.bind(socket) as (topic: string, options: object) => Promise<boolean>
  await t.rejects(untyped('news', { key: 'ada' }), { code: 'FST_TYPED_WS_TOPIC_WITHOUT_PRESENCE' })
  t.same([...socket.topics], ['room:1', 'news'])
})

t.test('a fake socket is closed with 4401 at expiresAt, and its data and log are those that were given', async (t) => {
  fakeTime(t)
  const log = { info () {} } as never
  const socket = fakeSocket(chat, { data: { person: 'ada' } as never, request: { log } })
  t.same(socket.data, { person: 'ada' })
  t.equal(socket.log, log)
  socket.expiresAt = new Date(Date.now() + 1000)
  t.ok(socket.expiresAt)
  await pass(1000)
  t.same(socket.closed, { code: 4401, reason: 'credentials expired' })
})
