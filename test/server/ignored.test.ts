// Promises of the library that nothing awaits: a client that leaves, refuses or is silent must not
// end the process by them.
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { WebSocket as WS } from 'ws'
import { createClient } from '../../lib/client/index.js'
import { attempt, ignorable } from '../../lib/server/ignorable.js'
import { connect, until, type Log } from '../support/helper.js'
import { live, start, type LiveSocket } from '../support/live.js'

const IGNORED = 'websocket promise rejected, and nothing awaits it'
// A socket whose methods also take what the contract does not allow.
type Loose = LiveSocket & { call (type: string, payload: unknown, options?: object): Promise<unknown> }

/** The levels and codes of what was logged, once there is so much of it. */
async function ignoredOf (log: Log, count: number): Promise<string[]> {
  await until(() => log.find(IGNORED).length >= count)
  return log.find(IGNORED).map(({ level, err }) => `${level} ${(err as { code?: string }).code ?? (err as Error).message}`)
}

t.test('a call that nothing awaits ends no process, whatever the client does, and is logged quietly', async (t) => {
  const { client, url, app, log } = await start(t, {}, { maxPendingCalls: 4 })
  const socket = app.channel(live).sockets().next().value as Loose
  for (const answer of [{ type: '$error', statusCode: 403, message: 'no' }, { type: '$reply', data: 'no boolean' }, undefined]) {
    void socket.call('confirm', { question: '' }, { timeoutMs: answer === undefined ? 1 : 60_000 })
    const { ref } = await client.next()
    if (answer !== undefined) client.send({ ...answer, ref })
  }
  void socket.call('confirm', { question: '' }, { signal: AbortSignal.abort(new Error('changed my mind')) })
  t.same(
    (await ignoredOf(log, 4)).sort(),
    ['20 FST_TYPED_WS_CALL_INVALID', '20 FST_TYPED_WS_CALL_REFUSED', '20 FST_TYPED_WS_CALL_TIMEOUT', '20 changed my mind']
  )
  const other = await connect(t, url)
  const [, second] = [...app.channel(live).sockets()] as Loose[]
  for (let n = 0; n < 5; n++) void second!.call('confirm', { question: '' })
  other.ws.terminate()
  await until(() => second!.readyState === 3)
  void second!.call('confirm', { question: '' })
  t.same(
    (await ignoredOf(log, 10)).slice(4).sort(),
    [...Array<string>(5).fill('20 FST_TYPED_WS_CONNECTION_CLOSED'), '20 FST_TYPED_WS_TOO_MANY_CALLS']
  )
})

t.test('a mistake of the app in a promise that nothing awaits is logged as an error, once', async (t) => {
  const { client, app, log } = await start(t, {}, { maxTopics: 1 })
  const socket = app.channel(live).sockets().next().value as Loose
  const room = app.channel(live)
  void socket.call('nope', {})
  void socket.call('confirm', {})
  void socket.call('confirm', { question: '' }, { timeoutMs: 0 })
  void socket.subscribe('é'.repeat(128))
  void socket.subscribe('a')
  void socket.subscribe('b')
  void room.publish('', 'said', { text: '' })
  void room.publish('a', 'nope' as never, {} as never)
  void room.publish('a', 'said', {} as never)
  void room.disconnect(() => { throw new Error('which?') })
  void room.disconnect(() => true, 999)
  void app.injectClient(live, '/nowhere')
  const codes = [
    'FST_TYPED_WS_OUTGOING_UNKNOWN', 'FST_TYPED_WS_OUTGOING_INVALID', 'FST_TYPED_WS_INVALID_OPTION',
    'FST_TYPED_WS_INVALID_TOPIC_NAME', 'FST_TYPED_WS_TOO_MANY_TOPICS', 'FST_TYPED_WS_INVALID_TOPIC_NAME',
    'FST_TYPED_WS_OUTGOING_UNKNOWN', 'FST_TYPED_WS_OUTGOING_INVALID', 'which?', 'FST_TYPED_WS_INVALID_CLOSE',
    'FST_TYPED_WS_HANDSHAKE_REFUSED'
  ]
  t.same((await ignoredOf(log, codes.length)).sort(), codes.map((code) => `50 ${code}`).sort())
  client.send({ type: 'ask', ref: 1, n: 1 })
  t.match(await client.next(), { type: '$reply' }, 'the connection lives')
})

t.test('a promise that is awaited rejects, and is not logged', async (t) => {
  const { client, app, log } = await start(t)
  const socket = app.channel(live).sockets().next().value as Loose
  const room = app.channel(live)
  const rejections: ReadonlyArray<readonly [string, () => Promise<unknown>]> = [
    ['FST_TYPED_WS_OUTGOING_UNKNOWN', async () => await socket.call('nope', {})],
    ['FST_TYPED_WS_INVALID_TOPIC_NAME', async () => await Promise.all([socket.subscribe(''), socket.subscribe('')])],
    ['FST_TYPED_WS_INVALID_TOPIC_NAME', async () => await room.publish('', 'said', { text: '' }).finally(() => {})],
    ['FST_TYPED_WS_INVALID_CLOSE', async () => { await room.disconnect(() => true, 7) }],
    ['FST_TYPED_WS_HANDSHAKE_REFUSED', async () => { await app.injectClient(live, '/nowhere') }]
  ]
  for (const [code, reject] of rejections) await t.rejects(reject(), { code })
  client.ws.terminate()
  await until(() => socket.readyState === 3)
  await t.rejects(socket.drained(), { code: 'FST_TYPED_WS_CONNECTION_CLOSED' })
  await delay(5)
  t.same(log.find(IGNORED), [])
})

t.test('a drained() that nothing awaits ends no process, and is not logged, since the close is', async (t) => {
  const { client, socket, log } = await start(t, {}, { highWaterMarkBytes: 1000, slowConsumer: 'drop' })
  client.ws.pause()
  while (socket.bufferedAmount <= 1000) socket.send('said', { text: 'x'.repeat(10_000) })
  void socket.drained()
  socket.terminate()
  await until(() => socket.readyState === 3)
  void socket.drained()
  await delay(5)
  t.same(log.find(IGNORED), [])
})

t.test('a call of the typed client that nothing awaits ends no process', async (t) => {
  let asked = 0
  const {
    url,
    app
  } = await start(t, { ask () { asked++; throw Object.assign(new Error('no room'), { statusCode: 404, code: 'NO_ROOM' }) } })
  for (const client of [await app.injectClient(live, '/'), createClient<typeof live>(url, { WebSocket: withOrigin(url) })]) {
    await client.opened
    void client.call('ask', { n: 1 })
    await t.rejects(client.call('ask', { n: 1 }), { code: 'NO_ROOM' })
    client.close()
    void client.call('ask', { n: 1 })
  }
  await delay(5)
  t.equal(asked, 4)
})

function withOrigin (origin: string) {
  return class extends WS {
    constructor (url: string, protocols: string[]) { super(url, protocols, { origin }) }
  }
}

t.test('an ignorable promise resolves and rejects as any other', async (t) => {
  const told: unknown[] = []
  const ignored = (error: unknown): void => { told.push(error) }
  t.equal(await ignorable(Promise.resolve(5), ignored), 5)
  await t.rejects(ignorable(Promise.reject(new Error('no')), ignored), { message: 'no' })
  t.equal(await ignorable(Promise.reject(new Error('no')), ignored).catch(() => 6), 6)
  t.equal(await attempt(() => 7, ignored), 7)
  t.equal(ignorable(Promise.resolve(5), ignored).then().constructor, Promise, 'what follows is a plain promise')
  await delay(5)
  t.same(told, [])
  void attempt(() => { throw new Error('unseen') }, ignored)
  await until(() => told.length === 1)
})
