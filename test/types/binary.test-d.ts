// Events that have a binary frame, as the contract types them on both sides.
import { expectTypeOf } from 'expect-type'
import Fastify from 'fastify'
import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import typedWs, {
  defineContract, type MessageHandler, type MessageHandlers, type Payload, type ReceivedMessage, type Socket
} from '../../lib/index.js'
import { binaryEvents } from '../../lib/client/binary.js'
import { createClient } from '../../lib/client/index.js'
import { recovery } from '../../lib/client/recovery.js'
import { fakeMessage, fakeSocket } from '../../lib/testing/index.js'

const album = defineContract({
  name: 'album.v1',
  clientToServer: {
    picture: { payload: Type.Object({ title: Type.String() }), binary: true },
    say: Type.Object({ text: Type.String() })
  },
  serverToClient: {
    picture: { payload: Type1.Object({ title: Type1.String() }), binary: true },
    said: Type.Object({ text: Type.String() })
  }
})
type Album = typeof album

expectTypeOf<Payload<Album['clientToServer']['picture']>>().toEqualTypeOf<{ title: string }>()
expectTypeOf<Payload<Album['serverToClient']['picture']>>().toEqualTypeOf<{ title: string }>()

const app = Fastify()
await app.register(typedWs)
const data = Buffer.alloc(1)

app.ws('/', {
  contract: album,
  on: {
    picture ({ title }, socket, { binary, type }) {
      expectTypeOf(title).toEqualTypeOf<string>()
      expectTypeOf(binary).toEqualTypeOf<Buffer>()
      expectTypeOf(type).toEqualTypeOf<string | undefined>()
      expectTypeOf(socket.sendBinary('picture', { title }, binary)).toEqualTypeOf<boolean>()
      socket.sendBinary('picture', { title }, new Blob([]))
      socket.sendBinary('picture', { title }, new ArrayBuffer(1))
      // @ts-expect-error -- an event without a binary frame
      socket.sendBinary('said', { text: title }, binary)
      // @ts-expect-error -- an event that has a binary frame
      socket.send('picture', { title })
      // @ts-expect-error -- no topic carries a binary frame
      socket.publish('topic', 'picture', { title })
      // @ts-expect-error -- the bytes are missing
      socket.sendBinary('picture', { title })
      // @ts-expect-error -- a text is no bytes
      socket.sendBinary('picture', { title }, 'text')
      // @ts-expect-error -- a wrong payload
      socket.sendBinary('picture', { title: 1 }, binary)
      // @ts-expect-error -- the contract allows no binary frames without an event
      socket.sendBinary(binary)
    },
    say (_payload, _socket, { binary }) {
      expectTypeOf(binary).toEqualTypeOf<Buffer | undefined>()
    }
  }
})
app.ws('/cost', { contract: album, on: { picture: { cost: 5, handler: (_payload, _socket, { binary }) => binary.length }, say () {} } })
// @ts-expect-error -- no topic carries a binary frame
void app.channel(album).publish('topic', 'picture', { title: '' })
for (const socket of app.channel(album).sockets('topic')) socket.sendBinary('picture', { title: '' }, data)

const picture: MessageHandler<Album['clientToServer']['picture'], Album> = (_payload, _socket, { binary }) => binary.length
const on: MessageHandlers<Album> = { picture, say () {} }
app.ws('/apart', { contract: album, on, onMessage: (_payload, _socket, { binary }: ReceivedMessage) => binary?.length })

const socket = fakeSocket(album)
expectTypeOf(socket).toExtend<Socket<Album>>()
void on.picture({ title: '' }, socket, fakeMessage('picture', {}, undefined, data))
// @ts-expect-error -- a message without bytes
void on.picture({ title: '' }, socket, fakeMessage('picture'))
for (const sent of socket.sent) {
  if (sent.type === 'picture') expectTypeOf(sent.binary).toEqualTypeOf<Uint8Array | Blob>()
  else expectTypeOf(sent.payload).toEqualTypeOf<{ text: string }>()
}

const client = createClient<Album>('/album', { protocol: 'album.v1', binary: binaryEvents() })
client.sendBinary('picture', { title: '' }, data)
client.sendBinary('picture', { title: '' }, 'text')
client.on('picture', ({ title }, data) => {
  expectTypeOf(title).toEqualTypeOf<string>()
  expectTypeOf(data).toEqualTypeOf<ArrayBuffer>()
})
client.on('said', ({ text }) => expectTypeOf(text).toEqualTypeOf<string>())
// @ts-expect-error -- an event without a binary frame
client.sendBinary('say', { text: '' }, data)
// @ts-expect-error -- an event that has a binary frame
client.send('picture', { title: '' })
// @ts-expect-error -- the bytes are missing
client.sendBinary('picture', { title: '' })
// @ts-expect-error -- the contract allows no binary messages without an event
client.sendBinary(data)
// @ts-expect-error -- an event without a binary frame
client.on('said', ({ text }, data: ArrayBuffer) => [text, data])

const both = createClient<Album>('/album', { protocol: 'album.v1', binary: binaryEvents(), recover: recovery() })
both.onRecovered(() => {})
both.on('picture', (_payload, data) => data.byteLength)
const injected = await app.injectClient(album, '/')
injected.on('picture', (_payload, data) => data.byteLength)
injected.sendBinary('picture', { title: '' }, data)

const plain = createClient<Album>('/album')
// @ts-expect-error -- without the option binary the client knows no such event
plain.on('picture', () => {})
// @ts-expect-error -- without the option binary the client knows no such event
plain.sendBinary('picture', { title: '' }, data)
