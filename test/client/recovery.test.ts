// Recovery in the client: against a network in the test's hands, and against the server.
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { createClient } from '../../lib/client/index.js'
import { recovery } from '../../lib/client/recovery.js'
import { defineContract } from '../../lib/contract.js'
import type { RecoveringClient, Recovered } from '../../types/recovery.js'
import { createApp, listen, until } from '../support/helper.js'
import { SameOriginWebSocket } from '../support/same-origin.js'
import { fakeTime, Network, Page, pass, startOpen, turn, type Talk, type talk } from './fake.js'

interface Recovering extends Omit<Talk, 'client'> {
  readonly client: RecoveringClient<typeof talk>
  readonly outcomes: Recovered[]
  readonly said: string[]
}

async function start (t: Parameters<typeof startOpen>[0], positions?: Record<string, string>): Promise<Recovering> {
  const talking = await startOpen(t, { protocol: 'talk.v1', recover: recovery(positions && { positions }) })
  const client = talking.client as RecoveringClient<typeof talk>
  const outcomes: Recovered[] = []
  const said: string[] = []
  client.onRecovered((outcome) => { outcomes.push(outcome) })
  client.on('said', (payload) => { said.push(payload.text, ...Object.keys(payload).slice(1)) })
  return { ...talking, client, outcomes, said }
}

t.test('a client that recovers offers so, and tells its positions first', async (t) => {
  fakeTime(t)
  const { client, network, outcomes } = await start(t, { 'room:1': 'e1.7' })
  client.send('say', { text: 'a' })
  t.same(network.last.protocols, ['talk.v1', 'typed-ws.refusal', 'typed-ws.recover'])
  const [first, second] = network.last.sent as [Record<string, unknown>, unknown]
  t.match(first, { type: '$recover', client: /^[\w-]{8,64}$/, topics: { 'room:1': ['e1', 7] } })
  t.same(second, { type: 'say', text: 'a' })
  network.last.end()
  client.send('say', { text: 'b' })
  await pass(1000)
  network.last.open()
  t.same(network.last.sent, [first, { type: 'say', text: 'b' }], 'of the same name, before what waited')
  t.same(outcomes, [])
})

t.test('places are kept over connections, and none reaches a listener', async (t) => {
  fakeTime(t)
  const { network, outcomes, said } = await start(t)
  network.last.say({ type: '$topic', topic: 'room:1', epoch: 'e1', offset: 7 })
  network.last.say({ $at: ['room:1', 9], type: 'said', text: 'a' })
  network.last.say({ $at: ['room:1', 9], type: 'said', text: 'doubled' })
  network.last.say({ $at: ['room:1', 8], type: 'said', text: 'older' })
  network.last.say({ $at: ['room:2', 3], type: 'said', text: 'unknown topic' })
  network.last.say({ type: 'said', text: 'direct' })
  network.last.say({ type: '$topic', topic: 'room:3', epoch: 'e1', offset: 1 })
  network.last.say({ type: '$topic', topic: 'room:3' })
  t.same(said, ['a', 'unknown topic', 'direct'])
  network.last.end()
  await pass(1000)
  network.last.open()
  t.match(network.last.sent, [{ topics: { 'room:1': ['e1', 9] } }])
  t.same(Object.keys((network.last.sent[0] as { topics: object }).topics), ['room:1'])
  t.same(outcomes, [])
})

t.test('listeners hear the outcome in front of what was missed', async (t) => {
  const { client, network, outcomes, said } = await start(t)
  const order: string[] = []
  client.onRecovered(({ topic }) => { order.push(topic) })
  client.on('said', ({ text }) => { order.push(text) })
  const off = client.onRecovered(() => { order.push('never') })
  off()
  network.last.say({ type: '$topic', topic: 'room:1', epoch: 'e1', offset: 7, recovered: true, missed: 1 })
  network.last.say({ $at: ['room:1', 9], type: 'said', text: 'a' })
  network.last.say({ type: '$topic', topic: 'room:1', epoch: 'e2', offset: 3, recovered: false, reason: 'lost' })
  network.last.say({ $at: ['room:1', 4], type: 'said', text: 'b' })
  network.last.say({ type: '$topic', topic: 'room:1', recovered: false, reason: 'unavailable' })
  t.same(order, ['room:1', 'a', 'room:1', 'b', 'room:1'])
  t.same(said, ['a', 'b'])
  t.same(outcomes, [
    { topic: 'room:1', recovered: true, missed: 1 },
    { topic: 'room:1', recovered: false, reason: 'lost' },
    { topic: 'room:1', recovered: false, reason: 'unavailable' }
  ])
})

t.test('recovery needs the option protocol and a WebSocket', async (t) => {
  const { WebSocket } = new Network()
  const error = { code: 'FST_TYPED_WS_INVALID_OPTION' }
  t.throws(() => createClient<typeof talk>('ws://server', { WebSocket, recover: recovery() }), { ...error, message: /recover needs/ })
  const global = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  Reflect.deleteProperty(globalThis, 'WebSocket')
  t.teardown(() => global && Object.defineProperty(globalThis, 'WebSocket', global))
  t.throws(() => createClient<typeof talk>('ws://server', { protocol: 'talk.v1', recover: recovery() }), { ...error, message: /WebSocket/ })
})

t.test('the WebSocket of the page is the default', async (t) => {
  const page = new Page(t)
  const network = new Network()
  const before = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  Object.defineProperty(globalThis, 'WebSocket', { value: network.WebSocket, configurable: true })
  t.teardown(() => {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'WebSocket')
    else Object.defineProperty(globalThis, 'WebSocket', before)
  })
  const client = createClient<typeof talk>('ws://server', { protocol: 'talk.v1', recover: recovery() })
  await turn()
  t.ok(network.last.protocols.includes('typed-ws.recover'))
  client.close()
  t.same([...page.listening], [])
})

t.test('a client that reconnects hears each event once, and its own ones never', async (t) => {
  const rooms = defineContract({
    name: 'rooms.v1',
    clientToServer: { say: Type.Object({ text: Type.String() }) },
    serverToClient: { said: Type.Object({ text: Type.String() }) },
    topics: { room: { recover: true } }
  })
  const app = await createApp(t)
  app.ws('/', {
    contract: rooms,
    open: async (socket) => { await socket.subscribe('room:1') },
    on: { say: ({ text }, socket) => socket.publish('room:1', 'said', { text }) }
  })
  const url = await listen(app)
  const channel = app.channel(rooms)
  const say = (text: string): Promise<void> => channel.publish('room:1', 'said', { text })
  const position = await channel.position('room:1')
  await say('rendered meanwhile')
  const client = createClient<typeof rooms>(url, {
    protocol: 'rooms.v1',
    recover: recovery({ positions: { 'room:1': position } }),
    retry: { minDelayMs: 1, maxDelayMs: 1 },
    WebSocket: SameOriginWebSocket
  })
  t.teardown(() => client.close())
  const heard: unknown[] = []
  client.onRecovered(({ topic, recovered }) => { heard.push([topic, recovered]) })
  client.on('said', ({ text }) => { heard.push(text) })
  await until(() => heard.length === 2)
  client.send('say', { text: 'mine' })
  await say('live')
  await until(() => heard.length === 3)
  for (const socket of channel.sockets()) socket.terminate()
  await say('missed')
  await until(() => heard.length === 5)
  await say('live again')
  await until(() => heard.length === 6)
  t.same(heard, [['room:1', true], 'rendered meanwhile', 'live', ['room:1', true], 'missed', 'live again'])
})
