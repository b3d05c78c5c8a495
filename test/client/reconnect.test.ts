import { readFileSync } from 'node:fs'
import { mock } from 'node:test'
import fc from 'fast-check'
import t from 'tap'
import { Backoff } from '../../lib/client/backoff.js'
import { fakeRandom, fakeTime, Page, pass, start, startOpen, turn, type Network } from './fake.js'

const SETTINGS = { minDelayMs: 500, maxDelayMs: 20_000 }

// By docs/PROTOCOL.md, whose table must name the same codes.
const FINAL = [1000, 1002, 1003, 1007, 1008, 4500, 4501, 4503, 4504, 4999]
const COMES_BACK = [1001, 1005, 1006, 1009, 1011, 1012, 1013, 1014, 1015, 3000, 3999, 4000, 4401, 4406, 4408, 4429, 4499]

t.test('the codes of this test are those of the protocol\'s table', async (t) => {
  const [, table] = readFileSync('docs/PROTOCOL.md', 'utf8').split('## Close codes')
  const rows = Array.from(table!.matchAll(/^\| (?:other )?([\d, –]+) \|.*\| ([^|]+) \|$/gm), ([, codes, what]) => {
    return { codes: codes!.match(/\d+/g)!.map(Number), what: what! }
  })
  t.ok(rows.length > 10)
  for (const { codes, what } of rows) {
    const expected = what.startsWith('stays closed') ? FINAL : COMES_BACK
    for (const code of codes) t.ok(expected.includes(code), `${code} ${what}`)
  }
})

for (const code of FINAL) {
  t.test(`a client that was closed with ${code} stays closed`, async (t) => {
    fakeTime(t)
    const { client, network, states } = await startOpen(t)
    client.send('say', { text: '' })
    network.last.end(code, 'why')
    t.match(states.at(-1), { state: 'closed', code, reason: 'why' })
    await t.rejects(client.opened, { code: 'FST_TYPED_WS_CLIENT_CLOSED', closeCode: code, reason: 'why' })
    await pass(60_000, 1000)
    t.equal(network.sockets.length, 1)
  })
}

for (const code of COMES_BACK) {
  t.test(`a client that was closed with ${code} connects again`, async (t) => {
    fakeTime(t)
    const { client, network, states } = await startOpen(t)
    network.last.end(code, 'why')
    t.match(states.at(-1), { state: 'waiting', code, reason: 'why' })
    await pass(1000)
    t.equal(network.sockets.length, 2)
    network.last.open()
    t.equal(client.state, 'open')
  })
}

t.test('a client whose version the server does not speak comes back five times, and then stays closed', async (t) => {
  fakeTime(t)
  fakeRandom(t, 0)
  const { client, network, states } = await startOpen(t)
  const mismatch = async (): Promise<void> => {
    network.last.end(4406, 'chat.v2, chat.v1')
    await pass(500)
  }
  // An outage before it does not count.
  for (let i = 0; i < 8; i++) {
    network.last.end()
    await pass(500)
  }
  for (let i = 0; i < 5; i++) await mismatch()
  t.match(states.at(-1), { state: 'connecting' })
  await mismatch()
  t.match(states.at(-1), { state: 'closed', code: 4406, reason: 'chat.v2, chat.v1' })
  await t.rejects(client.opened, {
    code: 'FST_TYPED_WS_CLIENT_CLOSED', closeCode: 4406, message: 'The client is closed: 4406 chat.v2, chat.v1'
  })
})

t.test('a client that has found a server of its version again may lose it once more', async (t) => {
  fakeTime(t)
  fakeRandom(t, 0)
  const { network, states } = await startOpen(t)
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 5; i++) {
      network.last.end(4406, 'chat.v2')
      await pass(500)
    }
    network.last.open()
    await pass(5000)
  }
  t.match(states.at(-1), { state: 'open' })
})

t.test('each close code after which a client may come back has a count of its own', async (t) => {
  fakeTime(t)
  fakeRandom(t, 0)
  const end = async (network: Network, code: number): Promise<void> => {
    network.last.end(code)
    await pass(500)
  }
  const { client, network } = await startOpen(t)
  for (let i = 0; i < 5; i++) await end(network, 4406)
  await end(network, 4401)
  t.equal(client.state, 'connecting', 'fresh credentials are tried, however often its version was not spoken')
  await end(network, 4401)
  t.equal(client.state, 'closed')

  const { client: other, network: otherNetwork } = await startOpen(t)
  await end(otherNetwork, 4401)
  for (let i = 0; i < 5; i++) await end(otherNetwork, 4406)
  t.equal(other.state, 'connecting', 'five times, although credentials had expired')
  await end(otherNetwork, 4406)
  t.equal(other.state, 'closed')
})

t.test('a connection that broke has code 1006, even when its WebSocket has 0', async (t) => {
  fakeTime(t)
  const { network, states } = await startOpen(t)
  network.last.end(0)
  t.match(states.at(-1), { state: 'waiting', code: 1006, reason: '' })
  await pass(1000)
  t.equal(network.sockets.length, 2)
})

t.test('opened rejects when the client is refused for good before it was ever open', async (t) => {
  const { client, network } = await start(t)
  const { opened } = client
  network.last.open().end(4501, 'sign in')
  await opened
  await t.rejects(client.opened, { code: 'FST_TYPED_WS_CLIENT_CLOSED', closeCode: 4501 })
  const never = await start(t)
  never.network.last.end(4503, 'forbidden')
  await t.rejects(never.client.opened, { code: 'FST_TYPED_WS_CLIENT_CLOSED', closeCode: 4503, reason: 'forbidden' })
})

t.test('a wait is random, between half a second and a limit that doubles up to 20 s, and never nothing', async (t) => {
  fc.assert(fc.property(fc.integer({
    min: 1,
    max: 2000
  }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (failures, random) => {
    const fake = mock.method(Math, 'random', () => random)
    try {
      const retry = new Backoff(SETTINGS)
      const delays = Array.from({ length: failures }, () => retry.delayMs(1006, '')!)
      return delays.every((ms, n) => ms >= 500 && ms <= Math.min(20_000, 500 * 2 ** (n + 1)))
    } finally {
      fake.mock.restore()
    }
  }))
  const retry = new Backoff(SETTINGS)
  const late = Array.from({ length: 5000 }, () => retry.delayMs(1006, '')!).slice(10)
  t.ok(Math.min(...late) < 1500 && Math.max(...late) > 19_000, 'all of it is used')
  t.equal(retry.attempt, 5000)
})

t.test('the limits of the option retry work without each other', async (t) => {
  fakeTime(t)
  fakeRandom(t, 1)
  const { network, states } = await startOpen(t, { retry: { maxDelayMs: 1500 } })
  network.last.end()
  await pass(1000)
  network.last.end()
  t.same(states.map(({ retryInMs }) => retryInMs).filter(Boolean), [1000, 1500])
  const other = await startOpen(t, { retry: { minDelayMs: 10 } })
  other.network.last.end()
  t.equal(other.states.at(-1)!.retryInMs, 20)
})

t.test('a client comes back at the time that the server gives, neither before nor after', async (t) => {
  fakeTime(t)
  for (const code of [1012, 1013]) {
    for (const hintMs of [1, 100, 7300, 45_000]) {
      const { network, states } = await startOpen(t)
      network.last.end(code, `retry-after-ms=${hintMs}`)
      t.match(states.at(-1), { state: 'waiting', retryInMs: hintMs })
      await pass(hintMs - 1, 1000)
      t.equal(network.sockets.length, 1)
      await pass(1)
      t.equal(network.sockets.length, 2, `${code} ${hintMs}`)
    }
  }
})

t.test('a hint of 0, or an invalid one, leaves the random wait as it is', async (t) => {
  for (const reason of [
    'retry-after-ms=0',
    'retry-after-ms=',
    'retry-after-ms=-5',
    'retry-after-ms=1e3',
    'retry-after-ms=12345678901',
    ' retry-after-ms=50',
    'retry-after-ms=50!',
    'later'
  ]) {
    const delayMs = new Backoff(SETTINGS).delayMs(1012, reason)!
    t.ok(delayMs >= 500 && delayMs <= 1000, `${reason}: ${delayMs}`)
  }
})

t.test('a server that says "at once" every time gets no flood of attempts, and one that says "later" is obeyed every time', async (t) => {
  fakeRandom(t, 1)
  const retry = new Backoff(SETTINGS)
  t.same(Array.from({ length: 8 }, () => retry.delayMs(1013, 'retry-after-ms=1')), [1, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000])
  t.equal(retry.delayMs(1013, 'retry-after-ms=60000'), 60_000)
})

t.test('a connection resets the waits only when it has held', async (t) => {
  fakeTime(t)
  fakeRandom(t, 1)
  const { network, states } = await startOpen(t)
  network.last.end()
  const born: number[] = []
  for (let i = 0; i < 6; i++) {
    while (network.last.readyState === 3) await pass(500, 500)
    born.push(network.last.bornMs)
    network.last.open()
    await pass(4900)
    network.last.end()
  }
  t.same(
    states.filter(({ state }) => state === 'waiting').map(({ retryInMs }) => retryInMs),
    [1000, 2000, 4000, 8000, 16_000, 20_000, 20_000],
    'one that accepts and closes is not hammered'
  )
  await pass(20_000, 1000)
  network.last.open()
  await pass(5000)
  network.last.end()
  t.match(states.at(-1), { state: 'waiting', attempt: 1, retryInMs: 1000 })
})

t.test('expired credentials are fetched anew, once', async (t) => {
  fakeTime(t)
  let token = 0
  const { client, network } = await startOpen(t, { protocol: 'talk.v1', token: () => `t${++token}` })
  network.last.end(4401, 'expired')
  await pass(1000)
  t.equal(network.last.protocols[2], 'bearer.t2')
  network.last.open()
  network.last.end(4401, 'expired')
  await t.rejects(client.opened, { code: 'FST_TYPED_WS_CLIENT_CLOSED', closeCode: 4401, reason: 'expired' })
  await pass(60_000, 1000)
  t.equal(network.sockets.length, 2)
})

t.test('credentials that expire once an hour are fetched once an hour', async (t) => {
  fakeTime(t)
  const { client, network } = await startOpen(t, { heartbeat: false })
  for (let hour = 0; hour < 3; hour++) {
    await pass(3_600_000, 600_000)
    network.last.end(4401)
    await pass(1000)
    network.last.open()
  }
  t.equal(client.state, 'open')
  network.last.end(4401)
  await pass(1000)
  network.last.end(1006)
  await pass(3000)
  network.last.open()
  network.last.end(4401)
  t.equal(client.state, 'closed', 'a failure in between makes fresh ones no better')
})

t.test('an attempt that does not open in time is given up, and the next one follows', async (t) => {
  fakeTime(t)
  const { network, states } = await start(t)
  await pass(14_900)
  t.equal(states.length, 0)
  await pass(100)
  t.match(states, [{ state: 'waiting', attempt: 1, code: 1006 }])
  t.ok(network.sockets[0]!.closedBy)
  await pass(1000)
  t.equal(network.sockets.length, 2)
  network.sockets[0]!.open()
  t.equal(states.at(-1)!.state, 'connecting', 'whatever becomes of the first')
  const hasty = await start(t, { openTimeoutMs: 100 })
  await pass(100)
  t.match(hasty.states, [{ state: 'waiting' }])
})

t.test('a url or a token that never comes is given up after openTimeoutMs', async (t) => {
  fakeTime(t)
  for (const name of ['url', 'token'] as const) {
    const asked: Later[] = []
    const ask = (): Promise<string> => {
      asked.push(later())
      return asked.at(-1)!.promise
    }
    const { client, network, states, errors } = await start(t, { protocol: 'talk.v1', [name]: ask })
    await pass(14_900)
    t.same([states.length, asked.length], [0, 1])
    await pass(100)
    t.match(states, [{ state: 'waiting', attempt: 1, code: 1006 }])
    await pass(1000)
    t.equal(asked.length, 2)
    asked[0]!.resolve('ws://too.late')
    await turn()
    t.equal(network.sockets.length, 0, 'what comes too late opens nothing')
    asked[1]!.resolve('ws://in.time')
    await turn()
    t.equal(network.sockets.length, 1)
    network.last.open()
    t.equal(client.state, 'open')
    t.same(errors, [])
  }
})

t.test('a url or a token that fails after it was given up reaches no listener', async (t) => {
  fakeTime(t)
  const never = later()
  const { client, network, errors } = await start(t, { url: () => never.promise })
  client.close()
  never.reject(new Error('offline'))
  await turn()
  t.same([client.state, network.sockets.length, errors.length], ['closed', 0, 0])
})

t.test('an option that is undefined is left at its default, and Infinity is for ever', async (t) => {
  fakeTime(t)
  fakeRandom(t, 1)
  const none = undefined as never
  const { client, network, states } = await start(t, {
    discriminator: none,
    openTimeoutMs: none,
    callTimeoutMs: none,
    maxQueuedMessages: none,
    maxBufferedItems: none,
    heartbeat: {
      intervalMs: none,
      timeoutMs: none
    },
    retry: { minDelayMs: none, maxDelayMs: none }
  })
  client.send('say', { text: 'a' })
  await pass(14_900, 14_900)
  network.last.open()
  t.same(network.last.sent, [{ type: 'say', text: 'a' }])
  const late = client.call('twice', { n: 1 }, { timeoutMs: none })
  late.catch(() => {})
  await pass(10_000, 1000)
  await t.rejects(late, { code: 'FST_TYPED_WS_CALL_TIMEOUT', message: /10000 ms/ })
  t.same(network.last.sent.slice(-2), [{ type: '$ping' }, { type: '$cancel', ref: 1 }])
  await pass(5000, 1000)
  t.match(states.at(-1), { state: 'waiting', retryInMs: 1000 })

  const patient = await start(t, { openTimeoutMs: Infinity, callTimeoutMs: Infinity, heartbeat: { intervalMs: Infinity } })
  const answer = patient.client.call('twice', { n: 1 })
  await pass(1e9, 1e8)
  patient.network.last.open()
  await pass(1e9, 1e8)
  patient.network.last.say({ type: '$reply', ref: 1, data: 2 })
  t.equal(await answer, 2)
  t.same(patient.network.last.sent.length, 1)
})

t.test('a long wait is cut short when the network is back or the page is shown', async (t) => {
  const page = new Page(t)
  for (const name of ['online', 'visibilitychange'] as const) {
    fakeTime(t)
    const random = mock.method(Math, 'random', () => 0.999)
    const { client, network, states } = await start(t)
    for (let i = 0; i < 6; i++) {
      while (network.last.readyState === 3) await pass(500)
      network.last.end()
    }
    const waiting = states.at(-1)!
    t.equal(waiting.attempt, 6)
    const { length } = network.sockets
    page.fire(name)
    await pass(400)
    t.equal(network.sockets.length, length, 'not at once: everybody has the same network')
    random.mock.restore()
    await pass(600)
    t.equal(network.sockets.length, length + 1)
    client.close()
    mock.timers.reset()
  }
})

t.test('retry() ends a wait, and changes nothing in any other state', async (t) => {
  fakeTime(t)
  const { client, network } = await startOpen(t)
  client.retry()
  t.equal(client.state, 'open')
  network.last.end(1012, 'retry-after-ms=60000')
  client.retry()
  await pass(1)
  t.equal(network.sockets.length, 2)
  client.retry()
  await pass(1)
  t.equal(network.sockets.length, 2, 'an attempt is under way already')
  client.close()
  client.retry()
  t.equal(client.state, 'closed')
})

t.test('a refusal by a close does not count as open: queued messages go on waiting', async (t) => {
  fakeTime(t)
  const { client, network, states } = await start(t, { protocol: 'talk.v1' })
  client.sendBinary(new Uint8Array([1]))
  network.last.open('typed-ws.refusal')
  t.equal(client.state, 'connecting')
  network.last.end(1013, 'retry-after-ms=100')
  t.match(states, [{ state: 'waiting', code: 1013, retryInMs: 100 }])
  await pass(100)
  t.equal(network.sockets.length, 2)
  network.last.open()
  await client.opened
  t.same(network.sockets.map(({ sent }) => sent.length), [0, 1])
})

t.test('events of the page never make a wait longer, however many there are', async (t) => {
  fakeTime(t)
  const page = new Page(t)
  const { network, states } = await startOpen(t)
  network.last.end()
  for (let waitedMs = 0; waitedMs < states.at(-1)!.retryInMs! && network.sockets.length === 1; waitedMs += 50) {
    page.fire('online')
    await pass(50, 50)
  }
  t.equal(network.sockets.length, 2)
})

t.test('the time that the server asked for is kept, whatever the network does', async (t) => {
  fakeTime(t)
  const page = new Page(t)
  const { network } = await startOpen(t)
  network.last.end(1012, 'retry-after-ms=15000')
  for (let i = 0; i < 149; i++) {
    page.fire('online')
    await pass(100)
  }
  t.equal(network.sockets.length, 1)
  await pass(100)
  t.equal(network.sockets.length, 2)
})

t.test('an attempt that is stuck when the page wakes is replaced at once', async (t) => {
  const page = new Page(t)
  fakeTime(t)
  const { client, network } = await start(t, { heartbeat: false })
  page.fire('online')
  await turn()
  t.equal(network.sockets.length, 1, 'it has just begun')
  await pass(2000)
  page.fire('online')
  await turn()
  t.equal(network.sockets.length, 2)
  t.ok(network.sockets[0]!.closedBy)
  network.last.open()
  t.equal(client.state, 'open')
  await pass(15_000)
  t.equal(client.state, 'open', 'the time of the former attempt is no longer counted')
})

t.test('a message too large for the server reaches onError, and the client comes back', async (t) => {
  fakeTime(t)
  const { client, network, errors } = await startOpen(t)
  const answer = client.call('twice', { n: 1 })
  network.last.end(1009, 'message larger than maxPayloadBytes 100')
  const error = {
    code: 'FST_TYPED_WS_DISCONNECTED',
    closeCode: 1009,
    message: 'The connection was lost: 1009 message larger than maxPayloadBytes 100'
  }
  t.match(errors, [error])
  await t.rejects(answer, error)
  t.equal(client.state, 'waiting')
})

t.test('the error of a client that is closed says the code and the reason in its message', async (t) => {
  const { client, network } = await startOpen(t)
  network.last.end(4503, 'not a member')
  await t.rejects(client.opened, { message: 'The client is closed: 4503 not a member' })
  t.throws(() => client.send('say', { text: '' }), {
    code: 'FST_TYPED_WS_CLIENT_CLOSED',
    message: 'The client is closed: 4503 not a member'
  })
})

t.test('the text of an error of the WebSocket itself reaches onError', async (t) => {
  fakeTime(t)
  const { network, errors } = await start(t)
  const error = new Error('Unexpected server response: 403')
  network.last.end(1006, '', { error, message: error.message })
  t.same(errors, [error])
  await pass(1000)
  network.last.end(1006, '', { message: 'no route to host' })
  t.equal(errors[1]?.message, 'no route to host')
})

t.test('a client reports once what to check after three attempts in a row that never opened', async (t) => {
  fakeTime(t)
  const { network, errors } = await start(t, { openTimeoutMs: 1e8 })
  const fail = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      network.last.end()
      await pass(21_000, 1000)
    }
  }
  await fail(2)
  t.equal(errors.length, 0)
  await fail(1)
  t.match(errors, [{ code: 'FST_TYPED_WS_UNREACHABLE', message: /check the URL and the server's option origin/ }])
  await fail(3)
  t.equal(errors.length, 1)
  network.last.open()
  await fail(3)
  t.equal(errors.length, 1, 'a connection that opened is no such attempt')
  await fail(1)
  t.equal(errors.length, 2)
})

t.test('a closed client has no listener on the page any more', async (t) => {
  const page = new Page(t)
  const { client } = await start(t)
  t.same([...page.listening], ['online', 'visibilitychange'])
  client.close()
  t.equal(page.listening.size, 0)
  page.fire('online')
  await turn()
  t.equal(client.state, 'closed')
})

interface Later { readonly promise: Promise<string>, resolve (value: string): void, reject (error: Error): void }

/** A promise that the test settles. */
function later (): Later {
  let settle!: Omit<Later, 'promise'>
  const promise = new Promise<string>((resolve, reject) => { settle = { resolve, reject } })
  return { promise, ...settle }
}
