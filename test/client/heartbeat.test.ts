import { mock } from 'node:test'
import t from 'tap'
import { fakeTime, Page, pass, start, startOpen, turn, type FakeSocket } from './fake.js'

const pings = ({ sent }: FakeSocket): number => sent.filter((message) => (message as { type: string }).type === '$ping').length
const pong = { type: '$pong' }

t.test('a server that was silent for ten seconds gets a $ping', async (t) => {
  fakeTime(t)
  const { network, client } = await startOpen(t)
  await pass(9900)
  t.equal(pings(network.last), 0)
  await pass(100)
  t.same(network.last.sent, [{ type: '$ping' }])
  network.last.say(pong)
  for (let i = 0; i < 10; i++) {
    await pass(10_000)
    network.last.say(pong)
  }
  t.equal(client.state, 'open')
  t.equal(pings(network.last), 11)
})

t.test('a server that sends any message gets no $ping', async (t) => {
  fakeTime(t)
  const { network } = await startOpen(t)
  for (let i = 0; i < 20; i++) {
    await pass(9000)
    network.last.say(i % 2 === 0 ? { type: 'said', text: '' } : new ArrayBuffer(1))
  }
  t.equal(pings(network.last), 0)
})

t.test('a dead connection is given up 15 s after its last message, whenever that came', async (t) => {
  fakeTime(t)
  for (const lastWordMs of [0, 3700, 10_500, 12_000]) {
    const { network, states } = await startOpen(t)
    await pass(lastWordMs)
    network.last.say(pong)
    await pass(14_900)
    t.equal(states.at(-1)!.state, 'open')
    await pass(100)
    t.match(states.at(-1), { state: 'waiting', code: 1006, reason: '' })
    t.ok(network.last.closedBy, 'and closed, for what that is worth')
    network.last.say({ type: 'said', text: 'from beyond' })
    await pass(1000)
    t.equal(network.sockets.length, 2)
  }
})

t.test('the options intervalMs and timeoutMs work without each other', async (t) => {
  fakeTime(t)
  const { network, client } = await startOpen(t, { heartbeat: { intervalMs: 1000 } })
  await pass(1000)
  t.equal(pings(network.last), 1)
  await pass(4900)
  t.equal(client.state, 'open')
  await pass(100)
  t.equal(client.state, 'waiting')
  const hasty = await startOpen(t, { heartbeat: { timeoutMs: 100 } })
  await pass(10_100)
  t.equal(hasty.client.state, 'waiting')
})

t.test('a client without a heartbeat sends no $ping, and gives up no connection', async (t) => {
  fakeTime(t)
  const page = new Page(t)
  const { network, client } = await startOpen(t, { heartbeat: false })
  page.fire('online')
  await pass(600_000, 1000)
  t.same(network.last.sent, [])
  t.equal(client.state, 'open')
})

t.test('a client that slept sends another $ping before it gives up a connection', async (t) => {
  fakeTime(t)
  const { network, client } = await startOpen(t)
  await pass(10_000)
  t.equal(pings(network.last), 1)
  await pass(3_600_000, 3_600_000)
  t.equal(client.state, 'open')
  t.equal(pings(network.last), 2)
  await pass(4900)
  network.last.say(pong)
  await pass(100)
  t.equal(client.state, 'open')
  await pass(3_600_000, 3_600_000)
  t.equal(pings(network.last), 3, 'asked as soon as it wakes')
  await pass(5000)
  t.equal(client.state, 'waiting', 'but who is silent then is gone')
})

t.test('a clock that is set back closes no connection that lives', async (t) => {
  fakeTime(t)
  const { network, client } = await startOpen(t)
  await pass(10_000)
  const { now } = Date
  const clock = mock.method(Date, 'now', () => now() - 3_600_000)
  t.teardown(() => clock.mock.restore())
  network.last.say(pong)
  await pass(5000)
  t.equal(client.state, 'open')
})

t.test('a clock that is set back does not keep a dead connection', async (t) => {
  fakeTime(t)
  const { client } = await startOpen(t)
  const { now } = Date
  await pass(1000)
  const clock = mock.method(Date, 'now', () => now() - 3_600_000)
  t.teardown(() => clock.mock.restore())
  await pass(14_000)
  t.equal(client.state, 'waiting')
})

t.test('an open connection gets one $ping when the network is back or the page is shown', async (t) => {
  const page = new Page(t)
  for (const name of ['online', 'visibilitychange'] as const) {
    fakeTime(t)
    const { network, client } = await startOpen(t)
    await pass(1000)
    page.fire(name)
    page.fire(name)
    t.equal(pings(network.last), 1)
    network.last.say(pong)
    await pass(5000)
    t.equal(client.state, 'open')
    page.fire(name)
    t.equal(pings(network.last), 2)
    await pass(5000)
    t.equal(client.state, 'waiting', 'who does not answer is gone sooner')
    client.close()
    mock.timers.reset()
  }
})

t.test('a connection that is not open gets no $ping', async (t) => {
  const page = new Page(t)
  const { network } = await start(t)
  page.fire('online')
  network.last.open()
  network.last.readyState = 2
  page.fire('online')
  await turn()
  t.same(network.last.sent, [])
})

t.test('a closed client sends no $ping, and keeps no timer', async (t) => {
  fakeTime(t)
  const { network, client } = await startOpen(t)
  await pass(10_000)
  client.close()
  await pass(60_000, 1000)
  t.equal(network.sockets.length, 1)
  t.equal(pings(network.last), 1)
})
