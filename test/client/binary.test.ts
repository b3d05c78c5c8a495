// Events that have a binary frame, in the client: against a network in the test's hands, and
// against the server.
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import t from 'tap'
import { binaryEvents } from '../../lib/client/binary.js'
import { createClient } from '../../lib/client/index.js'
import { recovery } from '../../lib/client/recovery.js'
import { defineContract } from '../../lib/contract.js'
import { validateBy } from '../../lib/validate.js'
import type { BinaryClient } from '../../types/binary.js'
import type { ClientOptions } from '../../types/client.js'
import { createApp, type Teardown } from '../support/helper.js'
import { catchThrown, fakeTime, Network, pass, turn } from './fake.js'

const album = defineContract({
  name: 'album.v1',
  clientToServer: { picture: { payload: Type.Object({ title: Type.String() }), binary: true }, say: Type.Object({ text: Type.String() }) },
  serverToClient: { picture: { payload: Type.Object({ title: Type.String() }), binary: true }, said: Type.Object({ text: Type.String() }) },
  binary: { clientToServer: true, serverToClient: true }
})

interface Album {
  readonly client: BinaryClient<typeof album>
  readonly network: Network
  readonly errors: Error[]
  /** The arguments of the listeners. */
  readonly heard: unknown[]
}

async function start (t: Teardown, options: ClientOptions<typeof album> = {}): Promise<Album> {
  const network = new Network()
  const client = createClient<typeof album>('ws://server/album', { WebSocket: network.WebSocket, ...options, binary: binaryEvents() })
  t.teardown(() => client.close())
  const [errors, heard]: [Error[], unknown[]] = [[], []]
  client.onError((error) => { errors.push(error) })
  client.on('picture', (payload, data) => { heard.push([payload, data]) })
  client.on('said', (...args) => { heard.push(args) })
  client.onBinary((...args) => { heard.push(args) })
  await turn()
  return { client, network, errors, heard }
}

const bytes = (text: string): ArrayBuffer => new Uint8Array(Buffer.from(text)).buffer

t.test('an event reaches its listener with the bytes of the frame that follows it', async (t) => {
  const { network, heard, errors } = await start(t)
  const { last } = network
  last.open()
  last.say({ type: 'picture', $binary: true, title: 'sea' })
  t.same(heard, [])
  last.say(bytes('abc'))
  last.say({ type: 'said', text: 'hi' })
  last.say(bytes('plain'))
  t.same(heard, [[{ title: 'sea' }, bytes('abc')], [{ text: 'hi' }, undefined], [bytes('plain')]])
  t.same(errors, [])
})

t.test('an event without its frame is reported, and the message in its place is taken', async (t) => {
  const { network, heard, errors } = await start(t)
  const { last } = network
  last.open()
  last.say({ type: 'picture', $binary: true, title: 'sea' })
  last.say({ type: 'said', text: 'hi' })
  last.say(bytes('plain'))
  t.same(heard, [[{ text: 'hi' }, undefined], [bytes('plain')]])
  t.match(errors, [{ code: 'FST_TYPED_WS_INVALID_MESSAGE', message: 'an event came without its binary frame' }])
  last.say({ type: 7, $binary: true })
  last.say({ type: '$pong', $binary: true })
  t.match(errors.slice(1), [{ code: 'FST_TYPED_WS_INVALID_MESSAGE', message: 'not a message' }])
})

t.test('the frame of an event that breaks its schema reaches no listener', async (t) => {
  const { network, heard, errors } = await start(t, { validate: validateBy(album, Value.Check) })
  const { last } = network
  last.open()
  last.say({ type: 'picture', $binary: true, title: 7 })
  last.say(bytes('of a broken event'))
  last.say({ type: 'picture', $binary: true, title: 'fine' })
  last.say(bytes('abc'))
  t.same(heard, [[{ title: 'fine' }, bytes('abc')]])
  t.match(errors, [{ code: 'FST_TYPED_WS_INVALID_MESSAGE', message: /picture/ }])
})

t.test('an event whose connection was lost before its frame came does not take a frame of the next one', async (t) => {
  fakeTime(t)
  const { network, heard, errors } = await start(t)
  network.last.open()
  network.last.say({ type: 'picture', $binary: true, title: 'sea' })
  network.last.end()
  await pass(1000)
  network.last.open()
  network.last.say(bytes('plain'))
  t.same(heard, [[bytes('plain')]])
  t.same(errors, [])
})

t.test('a listener that throws keeps no bytes from the others, nor gives them to another event', async (t) => {
  const thrown = catchThrown(t)
  const { client, network, heard } = await start(t)
  client.on('picture', () => { throw new Error('mine') })
  const off = client.on('picture', () => { heard.push('never') })
  off()
  network.last.open()
  network.last.say({ type: 'picture', $binary: true, title: 'sea' })
  network.last.say(bytes('abc'))
  network.last.say({ type: 'said', text: 'hi' })
  t.same(heard, [[{ title: 'sea' }, bytes('abc')], [{ text: 'hi' }, undefined]])
  t.match(thrown, [{ message: 'mine' }])
})

t.test('an event and its bytes are sent together, and wait together as one message', async (t) => {
  const { client, network } = await start(t, { maxQueuedMessages: 2 })
  t.equal(client.sendBinary('picture', { title: 'waits' }, bytes('1')), false)
  t.equal(client.sendBinary('plain'), false)
  t.throws(() => client.sendBinary('picture', { title: 'too much' }, bytes('2')), { code: 'FST_TYPED_WS_QUEUE_FULL' })
  network.last.open()
  t.equal(client.sendBinary('picture', { title: 'now' }, 'text'), true)
  client.send('say', { text: 'hi' })
  t.same(network.last.sent, [
    { type: 'picture', title: 'waits' }, bytes('1'), new TextEncoder().encode('plain'),
    { type: 'picture', title: 'now' }, new TextEncoder().encode('text'), { type: 'say', text: 'hi' }
  ])
  client.close()
  t.throws(() => client.sendBinary('picture', { title: 'late' }, bytes('3')), { code: 'FST_TYPED_WS_CLIENT_CLOSED' })
})

t.test('the oldest event is dropped with its bytes', async (t) => {
  const { client, network } = await start(t, { maxQueuedMessages: 1, overflow: 'drop' })
  client.sendBinary('picture', { title: 'dropped' }, bytes('1'))
  client.sendBinary('picture', { title: 'kept' }, bytes('2'))
  network.last.open()
  t.same(network.last.sent, [{ type: 'picture', title: 'kept' }, bytes('2')])
})

t.test('a client that recovers may have binary events, too', async (t) => {
  const network = new Network()
  const client = createClient<typeof album>(
    'ws://server/album', { protocol: 'album.v1', WebSocket: network.WebSocket, recover: recovery(), binary: binaryEvents() }
  )
  t.teardown(() => client.close())
  const heard: unknown[] = []
  client.on('picture', (...args) => { heard.push(args) })
  client.on('said', ({ text }) => { heard.push(text) })
  client.onRecovered(({ topic }) => { heard.push(topic) })
  await turn()
  network.last.open()
  network.last.say({ type: '$topic', topic: 'room', epoch: 'e', offset: 1, recovered: true, missed: 1 })
  network.last.say({ $at: ['room', 2], type: 'said', text: 'a' })
  network.last.say({ type: 'picture', $binary: true, title: 'sea' })
  network.last.say(bytes('abc'))
  t.same(heard, ['room', 'a', [{ title: 'sea' }, bytes('abc')]])
})

t.test('client and server exchange events with their bytes, Blobs and an empty one too', async (t) => {
  const app = await createApp(t)
  app.ws('/', {
    contract: album,
    on: { picture: ({ title }, socket, { binary }) => socket.sendBinary('picture', { title }, binary), say () {} },
    binary () {}
  })
  const client = await app.injectClient(album, '/')
  t.teardown(() => client.close())
  const heard: unknown[] = []
  const all = new Promise<void>((resolve) => client.on('picture', ({ title }, data) => {
    heard.push([title, Buffer.from(data).toString()])
    if (title === 'last') resolve()
  }))
  client.sendBinary('picture', { title: 'bytes' }, Buffer.from('abc'))
  client.sendBinary('picture', { title: 'blob' }, new Blob(['of a ', 'Blob']))
  client.sendBinary('picture', { title: 'empty' }, new ArrayBuffer(0))
  client.sendBinary('picture', { title: 'last' }, 'ü')
  await all
  t.same(heard, [['bytes', 'abc'], ['blob', 'of a Blob'], ['empty', ''], ['last', 'ü']])
})
