// The types that a client takes from its contract, and the calls that it refuses.
import { expectTypeOf } from 'expect-type'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Type as Type1 } from 'typebox'
import { Value as Value1 } from 'typebox/value'
import type { FastifyInstance } from 'fastify'
import { WebSocket as NodeWebSocket } from 'ws'
import { createClient, type Client, type ClientErrorLike, type ClientState, type StateChange } from '../../lib/client/index.js'
import { defineContract, type InjectedClient } from '../../lib/index.js'
import { recovery } from '../../lib/client/recovery.js'
import { validateBy } from '../../lib/validate.js'

declare const app: FastifyInstance

const chat = defineContract({
  name: 'chat.v1',
  clientToServer: {
    say: Type.Object({ text: Type.String(), to: Type.Optional(Type.String()) }),
    find: { request: Type.Object({ name: Type.String() }), reply: Type.Object({ found: Type.Boolean() }) },
    ticks: { request: Type.Object({ everyMs: Type.Integer() }), stream: Type.Object({ n: Type.Number() }) }
  },
  serverToClient: {
    said: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({ question: Type.String() }), reply: Type.Boolean() }
  },
  binary: { clientToServer: true, serverToClient: true }
})
const chat1 = defineContract({
  name: 'chat1.v1',
  clientToServer: {
    say: Type1.Object({ text: Type1.String(), to: Type1.Optional(Type1.String()) }),
    find: { request: Type1.Object({ name: Type1.String() }), reply: Type1.Object({ found: Type1.Boolean() }) },
    ticks: { request: Type1.Object({ everyMs: Type1.Integer() }), stream: Type1.Object({ n: Type1.Number() }) }
  },
  serverToClient: {
    said: Type1.Object({ text: Type1.String() }),
    confirm: { request: Type1.Object({ question: Type1.String() }), reply: Type1.Boolean() }
  }
})

const client = createClient<typeof chat>('/chat', {
  protocol: 'chat.v1',
  token: async () => 'abc',
  WebSocket: NodeWebSocket,
  retry: { minDelayMs: 100 },
  heartbeat: false,
  overflow: 'drop',
  validate: validateBy(chat, Value.Check)
})
const client1 = createClient<typeof chat1>(() => new URL('ws://server'), {
  WebSocket,
  heartbeat: { intervalMs: 1 },
  validate: validateBy(chat1, Value1.Check)
})

expectTypeOf(client.state).toEqualTypeOf<ClientState>()
expectTypeOf(client.protocol).toEqualTypeOf<string>()
expectTypeOf(client.opened).toEqualTypeOf<Promise<void>>()
client.onState((change) => expectTypeOf(change).toEqualTypeOf<StateChange<typeof chat>>())
client.onError((error) => expectTypeOf(error).toEqualTypeOf<ClientErrorLike | Error>())
client.onBinary((data) => expectTypeOf(data).toEqualTypeOf<ArrayBuffer>())
client1.onBinary((data) => expectTypeOf(data).toBeNever())
for (const data of ['text', new ArrayBuffer(1), new Uint8Array(1), new DataView(new ArrayBuffer(1)), new Blob([])]) client.sendBinary(data)

// Both lines of TypeBox alike.
expectTypeOf(client.send('say', { text: '', to: '' })).toEqualTypeOf<boolean>()
expectTypeOf(client1.send('say', { text: '' })).toEqualTypeOf<boolean>()
expectTypeOf(
  client.call('find', { name: '' }, { timeoutMs: 1, signal: new AbortController().signal })
).toEqualTypeOf<Promise<{ found: boolean }>>()
expectTypeOf(client1.call('find', { name: '' })).toEqualTypeOf<Promise<{ found: boolean }>>()
expectTypeOf(client.stream('ticks', { everyMs: 1 })).toEqualTypeOf<AsyncIterableIterator<{ n: number }>>()
expectTypeOf(client1.stream('ticks', { everyMs: 1 })).toEqualTypeOf<AsyncIterableIterator<{ n: number }>>()
expectTypeOf(client.on('said', (payload) => expectTypeOf(payload).toEqualTypeOf<{ text: string }>())).toEqualTypeOf<() => void>()
client1.on('said', (payload) => expectTypeOf(payload).toEqualTypeOf<{ text: string }>())
client.handle('confirm', ({ question }, { signal }) => {
  expectTypeOf(question).toEqualTypeOf<string>()
  expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
  return true
})
client1.handle('confirm', async ({ question }) => await Promise.resolve(question === ''))
for await (const { n } of client.stream('ticks', { everyMs: 1 })) expectTypeOf(n).toEqualTypeOf<number>()

// In memory the same, with the headers of the 101.
const injected = await app.injectClient(chat, '/chat', {
  headers: { cookie: 'a=b', origin: undefined },
  query: { page: 1, tags: ['a', 'b'] },
  callTimeoutMs: 1
})
expectTypeOf(injected).toEqualTypeOf<InjectedClient<typeof chat>>()
expectTypeOf(injected.call('find', { name: '' })).toEqualTypeOf<Promise<{ found: boolean }>>()
expectTypeOf(injected.headers['set-cookie']).toEqualTypeOf<string | string[] | undefined>()
const same: Client<typeof chat> = injected
same.close(4000, 'enough')

// @ts-expect-error -- an unknown event
client.send('shout', { text: '' })
// @ts-expect-error -- what only the server says
client.send('said', { text: '' })
// @ts-expect-error -- a call is no event
client.send('find', { name: '' })
// @ts-expect-error -- a wrong payload
client.send('say', { text: 1 })
// @ts-expect-error -- a wrong payload
client1.send('say', { text: 1 })
// @ts-expect-error -- part of a payload
client.send('say', {})
// @ts-expect-error -- a property the contract does not declare
client.send('say', { text: '', secret: 1 })
// @ts-expect-error -- an event is no call
void client.call('say', { text: '' })
// @ts-expect-error -- a stream is no call
void client.call('ticks', { everyMs: 1 })
// @ts-expect-error -- a wrong payload
void client.call('find', { name: 1 })
// @ts-expect-error -- a wrong payload
void client1.call('find', {})
// @ts-expect-error -- another reply
const wrong: Promise<{ found: string }> = client.call('find', { name: '' })
void wrong
// @ts-expect-error -- a call is no stream
client.stream('find', { name: '' })
// @ts-expect-error -- a wrong payload
client1.stream('ticks', { everyMs: 'often' })
// @ts-expect-error -- a stream takes as long as it takes
client.stream('ticks', { everyMs: 1 }, { timeoutMs: 1 })
// @ts-expect-error -- an unknown event
client.on('shouted', () => {})
// @ts-expect-error -- what only clients say
client.on('say', () => {})
// @ts-expect-error -- a call is handled, not listened to
client.on('confirm', () => {})
// @ts-expect-error -- a payload that is not the contract's
client.on('said', ({ texts }: { texts: string }) => texts)
// @ts-expect-error -- an event is not handled
client.handle('said', () => {})
// @ts-expect-error -- another reply
client.handle('confirm', () => 'yes')
// @ts-expect-error -- another reply, later
client1.handle('confirm', async () => await Promise.resolve('yes'))
// @ts-expect-error -- no reply
client.handle('confirm', () => {})
// @ts-expect-error -- the contract allows no binary messages
client1.sendBinary(new Uint8Array(1))
// @ts-expect-error -- not bytes
client.sendBinary({ a: 1 })
// @ts-expect-error -- shared memory, which the WebSocket API does not take
client.sendBinary(new SharedArrayBuffer(1))
// @ts-expect-error -- another contract's name
createClient<typeof chat>('/chat', { protocol: 'chat.v2' })
// @ts-expect-error -- an option that does not exist
createClient<typeof chat>('/chat', { reconnect: true })
// @ts-expect-error -- neither of the two ways
createClient<typeof chat>('/chat', { overflow: 'wait' })
// @ts-expect-error -- no address
createClient<typeof chat>()
// @ts-expect-error -- a state is not set
client.state = 'open'
// @ts-expect-error -- the network is in memory
void app.injectClient(chat, '/chat', { WebSocket: NodeWebSocket })
// @ts-expect-error -- not a contract
void app.injectClient({ name: 'chat.v1' }, '/chat')
// @ts-expect-error -- a wrong payload
injected.send('say', { text: 1 })

const recovering = createClient<typeof chat>('/chat', { protocol: 'chat.v1', recover: recovery({ positions: { 'room:1': 'e1.7' } }) })
recovering.onRecovered((outcome) => { if (!outcome.recovered) expectTypeOf(outcome.reason).toExtend<string>() })
// @ts-expect-error -- without the option recover there is nothing to hear
createClient<typeof chat>('/chat', { protocol: 'chat.v1' }).onRecovered(() => {})
