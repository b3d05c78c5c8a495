import t from 'tap'
import { drained } from '../../lib/client/index.js'
import { fakeTime, pass, start, startOpen, turn } from './fake.js'

t.test('a call resolves with the data of its reply, in any order of replies', async (t) => {
  const { client, network } = await startOpen(t)
  const answers = [client.call('twice', { n: 1 }), client.call('twice', { n: 2 })]
  t.same(network.last.sent, [{ type: 'twice', n: 1, ref: 1 }, { type: 'twice', n: 2, ref: 2 }])
  network.last.say({ type: '$reply', ref: 2, data: 4 })
  network.last.say({ type: '$reply', ref: 1, data: 2 })
  network.last.say({ type: '$reply', ref: 1, data: 3 })
  network.last.say({ type: '$reply', ref: 77, data: 3 })
  t.same(await Promise.all(answers), [2, 4])
})

t.test('a call that the server refuses rejects with the server\'s error', async (t) => {
  const { client, network, errors } = await startOpen(t)
  const answer = client.call('twice', { n: 1 })
  network.last.say({ type: '$error', ref: 1, received: 'twice', statusCode: 409, code: 'TAKEN', error: 'Conflict', message: 'no' })
  await t.rejects(answer, { name: 'ClientError', code: 'TAKEN', statusCode: 409, received: 'twice', message: 'no' })
  t.same(errors, [])
})

t.test('a call whose payload cannot be written as JSON rejects, and waits for nothing', async (t) => {
  const { client, network } = await startOpen(t)
  await t.rejects(client.call('twice', { n: 1n } as never), TypeError)
  t.same(network.sent, [])
})

t.test('a call waits for its timeout, counted from the call', async (t) => {
  fakeTime(t)
  const { client, network } = await start(t)
  const timeout = { code: 'FST_TYPED_WS_CALL_TIMEOUT', message: "No answer to 'twice' within 1000 ms" }
  const unsent = client.call('twice', { n: 1 }, { timeoutMs: 1000 })
  await pass(600)
  const sent = client.call('twice', { n: 2 }, { timeoutMs: 1000 })
  const usual = client.call('twice', { n: 3 })
  for (const answer of [unsent, sent, usual]) answer.catch(() => {})
  await pass(400)
  await t.rejects(unsent, timeout)
  network.last.open()
  t.same(network.last.sent, [{ type: 'twice', n: 2, ref: 2 }, { type: 'twice', n: 3, ref: 3 }], 'what timed out unsent stays unsent')
  await pass(600)
  await t.rejects(sent, timeout)
  t.same(network.last.sent.slice(2), [{ type: '$cancel', ref: 2 }], 'and of what was sent the server is told')
  network.last.say({ type: '$reply', ref: 2, data: 4 })
  await pass(8900)
  t.same(network.last.sent.length, 3)
  await pass(100)
  await t.rejects(usual, { code: 'FST_TYPED_WS_CALL_TIMEOUT', message: /10000 ms/ })
  const { client: hasty, network: slow } = await startOpen(t, { callTimeoutMs: 50 })
  const answer = hasty.call('twice', { n: 1 })
  answer.catch(() => {})
  await pass(100)
  await t.rejects(answer, { code: 'FST_TYPED_WS_CALL_TIMEOUT' })
  t.equal(slow.last.sent.length, 2)
})

t.test('calls in flight reject with the connection and are not sent again, and queued calls go on waiting', async (t) => {
  fakeTime(t)
  const { client, network } = await startOpen(t)
  const inFlight = client.call('twice', { n: 1 })
  network.last.readyState = 2
  const waiting = client.call('twice', { n: 2 })
  network.last.end()
  await t.rejects(inFlight, { code: 'FST_TYPED_WS_DISCONNECTED' })
  const later = client.call('twice', { n: 3 })
  await pass(1000)
  network.last.open()
  t.same(network.last.sent, [{ type: 'twice', n: 2, ref: 2 }, { type: 'twice', n: 3, ref: 3 }])
  network.last.say({ type: '$reply', ref: 1, data: 'late' })
  network.last.say({ type: '$reply', ref: 2, data: 4 })
  network.last.say({ type: '$reply', ref: 3, data: 6 })
  t.same(await Promise.all([waiting, later]), [4, 6])
})

t.test('an aborted call rejects with the reason; the server is told, if it was asked', async (t) => {
  fakeTime(t)
  const { client, network } = await start(t)
  const reason = new Error('no more')
  const [unsent, sent] = [new AbortController(), new AbortController()]
  const answers = [client.call('twice', { n: 1 }, { signal: unsent.signal }), client.call('twice', { n: 2 }, { signal: sent.signal })]
  for (const answer of answers) answer.catch(() => {})
  unsent.abort(reason)
  await t.rejects(answers[0]!, reason)
  network.last.open()
  t.same(network.last.sent, [{ type: 'twice', n: 2, ref: 2 }])
  sent.abort(reason)
  await t.rejects(answers[1]!, reason)
  t.same(network.last.sent.slice(1), [{ type: '$cancel', ref: 2 }])
  await t.rejects(client.call('twice', { n: 3 }, { signal: AbortSignal.abort(reason) }), reason, 'before it was asked')
  t.equal(network.last.sent.length, 2)
})

t.test('a signal that is aborted after the answer sends nothing, and keeps no listener', async (t) => {
  const { client, network } = await startOpen(t)
  const controller = new AbortController()
  const { signal } = controller
  const listening = new Set<unknown>()
  signal.addEventListener = (_: string, listener: unknown) => { listening.add(listener) }
  signal.removeEventListener = (_: string, listener: unknown) => { listening.delete(listener) }
  const answer = client.call('twice', { n: 1 }, { signal })
  t.equal(listening.size, 1)
  network.last.say({ type: '$reply', ref: 1, data: 2 })
  t.equal(await answer, 2)
  t.equal(listening.size, 0)
  controller.abort()
  t.equal(network.last.sent.length, 1)
})

t.test('an abort while the connection closes is not sent', async (t) => {
  const { client, network } = await startOpen(t)
  const controller = new AbortController()
  const answer = client.call('twice', { n: 1 }, { signal: controller.signal })
  network.last.readyState = 2
  controller.abort()
  await t.rejects(answer, { name: 'AbortError' })
  t.equal(network.last.sent.length, 1)
})

t.test('a stream is requested with its first next(), and ends when the server ends it', async (t) => {
  const { client, network } = await startOpen(t)
  const ticks = client.stream('ticks', {})
  t.same(network.sent, [], 'not before')
  const first = ticks.next()
  t.same(network.sent, [{ type: 'ticks', ref: 1 }])
  for (const data of [1, 2, 3]) network.last.say({ type: '$next', ref: 1, data })
  network.last.say({ type: '$done', ref: 1 })
  t.same(await first, { done: false, value: 1 })
  const rest: number[] = []
  for await (const n of ticks) rest.push(n)
  t.same(rest, [2, 3])
  t.same(await ticks.next(), { done: true, value: undefined })
  t.equal(network.last.sent.length, 1)
})

t.test('several next() at once get different items', async (t) => {
  const { client, network } = await startOpen(t)
  const ticks = client.stream('ticks', {})
  const wanted = [ticks.next(), ticks.next(), ticks.next()]
  network.last.say({ type: '$next', ref: 1, data: 1 })
  network.last.say({ type: '$next', ref: 1, data: 2 })
  network.last.say({ type: '$done', ref: 1 })
  t.same((await Promise.all(wanted)).map(({ value }) => value), [1, 2, undefined])
})

t.test('leaving the loop cancels the stream on the server', async (t) => {
  const { client, network } = await startOpen(t)
  const loop = (async () => { for await (const n of client.stream('ticks', {})) if (n === 2) break })()
  for (const data of [1, 2, 3]) network.last.say({ type: '$next', ref: 1, data })
  await loop
  t.same(network.last.sent.slice(1), [{ type: '$cancel', ref: 1 }])
  network.last.say({ type: '$next', ref: 1, data: 4 })
})

t.test('a stream that is left before it begins is not requested', async (t) => {
  const { client, network } = await startOpen(t)
  const ticks = client.stream('ticks', {})
  t.same(await ticks.return?.(), { done: true, value: undefined })
  t.same(await ticks.next(), { done: true, value: undefined })
  t.same(network.sent, [])
})

t.test('a stream that is left while its next item is awaited ends the wait', async (t) => {
  const { client, network } = await startOpen(t)
  const ticks = client.stream('ticks', {})
  const wanted = [ticks.next(), ticks.next()]
  await ticks.return?.()
  t.same(await Promise.all(wanted), [{ done: true, value: undefined }, { done: true, value: undefined }])
  t.same(network.sent, [{ type: 'ticks', ref: 1 }, { type: '$cancel', ref: 1 }])
  await ticks.return?.()
  t.equal(network.sent.length, 2)
})

t.test('a stream that is left before its request is sent sends none', async (t) => {
  const { client, network } = await start(t)
  const ticks = client.stream('ticks', {})
  const wanted = ticks.next()
  await ticks.return?.()
  t.same(await wanted, { done: true, value: undefined })
  network.last.open()
  t.same(network.sent, [])
})

t.test('a stream that fails gives its items, then the error once, then its end', async (t) => {
  const { client, network } = await startOpen(t)
  const ticks = client.stream('ticks', {})
  const first = ticks.next()
  network.last.say({ type: '$next', ref: 1, data: 1 })
  network.last.say({ type: '$next', ref: 1, data: 2 })
  network.last.say({ type: '$error', ref: 1, received: 'ticks', statusCode: 500, code: 'OUT', message: 'out of ticks' })
  t.equal((await first).value, 1)
  t.equal((await ticks.next()).value, 2)
  await t.rejects(ticks.next(), { code: 'OUT', statusCode: 500 })
  t.same(await ticks.next(), { done: true, value: undefined })
})

t.test('a loop that has left a stream gets no error from it', async (t) => {
  const { client, network } = await startOpen(t)
  const ticks = client.stream('ticks', {})
  const first = ticks.next()
  network.last.say({ type: '$next', ref: 1, data: 1 })
  network.last.say({ type: '$error', ref: 1, statusCode: 500, message: 'out of ticks' })
  t.equal((await first).value, 1)
  await ticks.return?.()
  t.same(await ticks.next(), { done: true, value: undefined })
  t.equal(network.sent.length, 1)
})

t.test('a stream ends with its connection and is not requested again, and has no time limit', async (t) => {
  fakeTime(t)
  const { client, network } = await startOpen(t, { heartbeat: false })
  const ticks = client.stream('ticks', {})
  const first = ticks.next()
  await pass(60_000, 1000)
  network.last.say({ type: '$next', ref: 1, data: 1 })
  t.equal((await first).value, 1)
  network.last.end()
  await t.rejects(ticks.next(), { code: 'FST_TYPED_WS_DISCONNECTED' })
  await pass(1000)
  network.last.open()
  t.equal(network.sent.length, 1)
})

t.test('an aborted stream rejects with the reason, and the server is told', async (t) => {
  const { client, network } = await startOpen(t)
  const controller = new AbortController()
  const ticks = client.stream('ticks', {}, { signal: controller.signal })
  const first = ticks.next()
  const reason = new Error('enough')
  controller.abort(reason)
  await t.rejects(first, reason)
  t.same(network.last.sent, [{ type: 'ticks', ref: 1 }, { type: '$cancel', ref: 1 }])
  const late = client.stream('ticks', {}, { signal: controller.signal })
  await t.rejects(late.next(), reason)
  t.same(await late.next(), { done: true, value: undefined })
})

t.test('a loop that is too slow gets an error after the kept items, and the server gets a $cancel at once', async (t) => {
  const { client, network } = await startOpen(t, { maxBufferedItems: 2 })
  const ticks = client.stream('ticks', {})
  const first = ticks.next()
  for (const data of [1, 2, 3]) network.last.say({ type: '$next', ref: 1, data })
  t.equal(network.last.sent.length, 1)
  network.last.say({ type: '$next', ref: 1, data: 4 })
  t.same(network.last.sent.slice(1), [{ type: '$cancel', ref: 1 }])
  const had = [(await first).value]
  await t.rejects(async () => { for await (const n of ticks) had.push(n) }, { code: 'FST_TYPED_WS_STREAM_OVERFLOW', message: /'ticks'/ })
  t.same(had, [1, 2, 3, 4])
})

t.test('an item for a call, or a reply for a stream, is ignored', async (t) => {
  const { client, network } = await startOpen(t)
  const answer = client.call('twice', { n: 1 })
  const wanted = client.stream('ticks', {}).next()
  network.last.say({ type: '$next', ref: 1, data: 1 })
  network.last.say({ type: '$reply', ref: 1, data: 2 })
  network.last.say({ type: '$reply', ref: 2, data: 3 })
  t.equal(await answer, 2)
  t.equal((await wanted).done, true)
})

t.test('a call of the server is answered with the result or the error of its handler', async (t) => {
  const { client, network } = await startOpen(t)
  const answer = async (handler: () => unknown): Promise<unknown> => {
    client.handle('confirm', handler as never)
    network.last.say({ type: 'confirm', ref: 7, question: 'sure?' })
    await turn()
    return network.last.sent.at(-1)
  }
  const asked: unknown[] = []
  t.same(await answer((...args: unknown[]) => { asked.push(args[0]); return true }), { type: '$reply', ref: 7, data: true })
  t.same(asked, [{ question: 'sure?' }])
  t.same(await answer(async () => await turn(false)), { type: '$reply', ref: 7, data: false })
  const error = { type: '$error', ref: 7, received: 'confirm', error: 'Error' }
  t.same(await answer(() => { throw new Error('no idea') }), { ...error, statusCode: 500, message: 'no idea' })
  t.same(
    await answer(async () => { throw Object.assign(new Error('busy'), { statusCode: 409, code: 'BUSY' }) }),
    { ...error, statusCode: 409, code: 'BUSY', message: 'busy' }
  )
  for (const thrown of ['text', undefined, null, 5]) {
    t.same(await answer(() => { throw thrown }), { ...error, statusCode: 500, message: String(thrown) })
  }
  t.match(await answer(() => 1n), { ...error, statusCode: 500, message: /BigInt/ })
  t.equal(network.last.sent.length, 9)
})

t.test('a call without a handler is answered with 501; a later handler replaces the former', async (t) => {
  const { client, network } = await startOpen(t)
  const ask = async (): Promise<unknown> => {
    network.last.say({ type: 'confirm', ref: 1, question: '' })
    await turn()
    return network.last.sent.at(-1)
  }
  const unhandled = { type: '$error', ref: 1, received: 'confirm', statusCode: 501, message: "no handler for 'confirm'" }
  t.match(await ask(), unhandled)
  const offFirst = client.handle('confirm', () => false)
  const offSecond = client.handle('confirm', () => true)
  offFirst()
  t.match(await ask(), { type: '$reply', data: true })
  offSecond()
  t.match(await ask(), unhandled)
})

t.test('a handler whose call is cancelled has its signal aborted, and its answer is not sent', async (t) => {
  fakeTime(t)
  const { client, network } = await startOpen(t)
  const running: Array<{ signal: AbortSignal, finish: (value: boolean) => void, fail: (error: Error) => void }> = []
  client.handle('confirm', (_, { signal }) => new Promise((resolve, reject) => running.push({ signal, finish: resolve, fail: reject })))
  for (const ref of [1, 2, 3, 4]) network.last.say({ type: 'confirm', ref, question: '' })
  network.last.say({ type: '$cancel', ref: 1 })
  network.last.say({ type: '$cancel', ref: 99 })
  t.same(running.map(({ signal }) => signal.aborted), [true, false, false, false])
  running[0]!.finish(true)
  running[3]!.finish(true)
  await turn()
  t.same(network.last.sent, [{ type: '$reply', ref: 4, data: true }])
  network.last.end()
  t.same(running.map(({ signal }) => signal.aborted), [true, true, true, false])
  await pass(1000)
  network.last.open()
  running[1]!.finish(true)
  running[2]!.fail(new Error('too late'))
  await turn()
  t.same(network.last.sent, [])
})

t.test('a call of an earlier connection that ends late does not end the signal of one with the same ref', async (t) => {
  fakeTime(t)
  const { client, network } = await startOpen(t)
  const running: Array<{ signal: AbortSignal, finish: (value: boolean) => void }> = []
  client.handle('confirm', (_, { signal }) => new Promise((resolve) => running.push({ signal, finish: resolve })))
  network.last.say({ type: 'confirm', ref: 1, question: 'old' })
  network.last.end()
  await pass(1000)
  network.last.open()
  network.last.say({ type: 'confirm', ref: 1, question: 'new' })
  running[0]!.finish(true)
  await turn()
  network.last.say({ type: '$cancel', ref: 1 })
  t.ok(running[1]!.signal.aborted)
})

t.test('an answer that is ready while the connection is being closed is not sent', async (t) => {
  const { client, network } = await startOpen(t)
  client.handle('confirm', () => true)
  network.last.readyState = 2
  network.last.say({ type: 'confirm', ref: 1, question: '' })
  await turn()
  t.same(network.sent, [])
})

t.test('a handler that throws an error that cannot be read answers with an $error, without an unhandled rejection', async (t) => {
  const { client, network } = await startOpen(t)
  const unreadable = [
    { get message () { throw new Error('trap') } },
    { message: { toString: null } },
    Object.create(null),
    { statusCode: 1n },
    Symbol('s'),
    null,
    undefined
  ] as Error[]
  for (const [i, thrown] of unreadable.entries()) {
    client.handle('confirm', () => { throw thrown })
    network.last.say({ type: 'confirm', ref: i, question: '' })
    await turn()
  }
  t.match(network.last.sent, unreadable.map((_, ref) => ({ type: '$error', ref, received: 'confirm', message: String })))
})

t.test('a call whose $error cannot be read is rejected at once', async (t) => {
  const { client, network } = await startOpen(t)
  const unreadable = 'FST_TYPED_WS_INVALID_MESSAGE'
  const bodies = [
    [{ message: { toString: 1 } }, unreadable],
    [{ code: { toString: 1 } }, unreadable],
    [{ statusCode: {} }, ''],
    [{}, ''],
    [{ message: null, code: null }, 'null'],
    [{ message: [] }, '']
  ] as const
  for (const [body, code] of bodies) {
    const answer = client.call('twice', { n: 1 })
    const { ref } = network.last.sent.at(-1) as { ref: number }
    network.last.say({ type: '$error', ref, ...body })
    await t.rejects(answer, { name: 'ClientError', code })
  }
})

t.test('a message of the protocol that the client does not know answers no call', async (t) => {
  const { client, network } = await startOpen(t)
  const answer = client.call('twice', { n: 1 })
  for (const type of ['$later', '$pong', '$', '$ping']) network.last.say({ type, ref: 1, data: 'not a reply' })
  network.last.say({ type: '$reply', ref: 1, data: 2 })
  t.equal(await answer, 2)
})

t.test('a signal that has only aborted and reason ends a call', async (t) => {
  const { client } = await startOpen(t)
  const signal = { aborted: true, reason: new Error('given up') } as unknown as AbortSignal
  await t.rejects(client.call('twice', { n: 1 }, { signal }), { message: 'given up' })
})

t.test('no promise of the client that the app does not await is an unhandled rejection', async (t) => {
  const unhandled: unknown[] = []
  const keep = (reason: unknown): void => { unhandled.push(reason) }
  const before = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', keep)
  t.teardown(() => {
    process.removeListener('unhandledRejection', keep)
    for (const listener of before) process.on('unhandledRejection', listener)
  })
  const { client, network } = await startOpen(t, { maxBufferedItems: 1 })
  void client.call('twice', { n: 1 })
  void client.stream('ticks', {}).next()
  const unread = client.stream('ticks', {})
  void unread.next()
  network.last.say({ type: '$error', ref: 1, message: 'no' })
  network.last.end()
  void client.call('twice', { n: 1 }, { signal: AbortSignal.abort() })
  void client.opened
  void drained(client)
  client.close()
  void drained(client)
  void client.call('twice', { n: 1 })
  await turn()
  await turn()
  t.same(unhandled, [])
})
