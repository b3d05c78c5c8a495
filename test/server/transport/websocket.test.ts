import { AsyncResource } from 'node:async_hooks'
import { once } from 'node:events'
import { deflateRawSync } from 'node:zlib'
import t from 'tap'
import type { PluginOptions } from '../../../lib/index.js'
import type { FrameReaderOwner, TextReceiver } from '../../../lib/server/transport/frame-reader.js'
import { ServerWebSocket } from '../../../lib/server/transport/websocket.js'
import type { PayloadLimits } from '../../../lib/server/transport/ws-receiver.js'
import { connect, connectRaw, createApp, handshakeText, listen, maskedFrame, type Teardown } from '../../support/helper.js'
import { deferred } from '../../support/deferred.js'
import { echo } from '../../support/echo.js'

async function start (
  t: Teardown,
  options: PluginOptions = {},
  heard?: string[]
): Promise<{ app: Awaited<ReturnType<typeof createApp>>, url: string }> {
  const app = await createApp(t, options)
  app.ws('/', {
    contract: echo,
    open (socket) { if (heard !== undefined) socket.raw.on('message', (data: Buffer) => heard.push(data.toString())) },
    on: { say ({ text }, socket) { socket.send('said', { text }) } }
  })
  return { app, url: await listen(app) }
}

t.test('a listener on socket.raw gets every message, and so does the handler', async (t) => {
  const heard: string[] = []
  const { url } = await start(t, {}, heard)
  const client = await connect(t, url)
  client.send('{"type":"say","text":"a"}')
  client.send('{"type":"say","text":"é"}')
  t.same(await client.next(), { type: 'said', text: 'a' })
  t.same(await client.next(), { type: 'said', text: 'é' })
  t.same(heard, ['{"type":"say","text":"a"}', '{"type":"say","text":"é"}'])
})

t.test('a message in fragments, between pings, is one message', async (t) => {
  const { app } = await start(t)
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/'))
  await once(socket, 'data')
  socket.write(Buffer.concat([
    maskedFrame('{"type":"say",', 0x01), maskedFrame('1', 0x89), maskedFrame('"text":', 0x00), maskedFrame('"x"}', 0x80),
    maskedFrame('{"type":"say","text":"y"}')
  ]))
  const expected = '\x8a\x011\x81\x1a{"type":"said","text":"x"}\x81\x1a{"type":"said","text":"y"}'
  let received = ''
  while (received.length < expected.length) received += (await once(socket, 'data') as [Buffer])[0].toString('latin1')
  t.equal(received, expected)
})

t.test('a client that sends a thousand pings at once stays, and the last of them is answered', async (t) => {
  const { app } = await start(t, { rateLimit: false })
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/'))
  await once(socket, 'data')
  socket.write(Buffer.concat(Array.from({ length: 1000 }, (_, n) => maskedFrame(String(n).padStart(4, '0'), 0x89))))
  let received = ''
  while (!received.endsWith('0999')) received += (await once(socket, 'data') as [Buffer])[0].toString('latin1')
  t.equal(received.startsWith('\x8a\x040000\x8a\x040001'), true)
  t.ok(received.length < 1000 * 6, 'not each of them')
  socket.write(maskedFrame('{"type":"say","text":"x"}'))
  t.match(String((await once(socket, 'data') as [Buffer])[0]), '"said"')
})

t.test('a text that is not UTF-8 closes with 1007', async (t) => {
  const { url } = await start(t)
  const client = await connect(t, url)
  const [socket] = [(client.ws as unknown as { _socket: { write (bytes: Buffer): void } })._socket]
  socket.write(maskedFrame(Buffer.from([0xc3, 0x28])))
  t.equal((await client.closed()).code, 1007)
})

t.test('a listener on socket.raw hears an error, a close and a ping, and an app without listeners is served as well', async (t) => {
  for (const isListening of [true, false]) {
    const heard: string[] = []
    const app = await createApp(t)
    const ended = deferred()
    app.ws('/', {
      contract: echo,
      open ({ raw }) {
        if (isListening) for (const event of ['ping', 'error', 'close']) raw.on(event, () => { heard.push(event) })
        else raw.removeAllListeners()
      },
      close: () => ended.resolve(),
      on: { say () {} }
    })
    await listen(app)
    const socket = await connectRaw(t, app)
    socket.write(handshakeText(app, '/'))
    await once(socket, 'data')
    socket.write(maskedFrame('1', 0x89))
    t.match(String((await once(socket, 'data') as [Buffer])[0]), '1', 'the ping is answered')
    socket.end(maskedFrame(Buffer.from([0xc3, 0x28])))
    await ended.promise
    t.same(heard, isListening ? ['ping', 'error', 'close'] : [])
  }
})

t.test('maxPayloadBytes limits the inflated size of a compressed message', async (t) => {
  const { app } = await start(t, { perMessageDeflate: true })
  const before = process.memoryUsage().rss
  const bomb = maskedFrame(deflateRawSync(Buffer.alloc(60_000_000), { level: 9 }).subarray(0, 65_000), 0xc1)
  for (let i = 0; i < 100; i++) {
    const socket = await connectRaw(t, app)
    socket.write(handshakeText(app, '/', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }))
    const [head] = await once(socket, 'data') as [Buffer]
    t.match(head.toString(), /permessage-deflate/)
    socket.write(bomb)
    const [answer] = await once(socket, 'data') as [Buffer]
    t.equal(answer.toString('latin1'), '\x88\x2b\x03\xf1message larger than maxPayloadBytes 65536')
    socket.destroy()
  }
  t.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024)
})

t.test('a fault behind a compressed message ends its own connection and no other', async (t) => {
  const { app, url } = await start(t, { perMessageDeflate: true })
  const client = await connect(t, url, { perMessageDeflate: true })
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }))
  await once(socket, 'data')
  const closed = once(socket, 'close')
  socket.resume()
  const message = maskedFrame(deflateRawSync('{"type":"say","text":"x"}'), 0xc1)
  socket.write(Buffer.concat([message, Buffer.from([0xff, 0x80, 0, 0, 0, 0]), message]))
  socket.write(message)
  await closed
  client.send({ type: 'say', text: 'still here' })
  t.same(await client.next(), { type: 'said', text: 'still here' })
})

t.test('a ws without a receiver gets no frame reader', (t) => {
  const ws = new ServerWebSocket(null as never, undefined, {})
  t.equal(ws.readThrough({} as TextReceiver, {} as FrameReaderOwner, {} as PayloadLimits, new AsyncResource('test')), undefined)
  t.end()
})

t.test('a receiver that has found a fault in a compressed message reads nothing more', async (t) => {
  let receiver: { _errored: boolean, _write (chunk: Buffer, encoding: string, done: () => void): void } | undefined
  const app = await createApp(t, { perMessageDeflate: true })
  app.ws('/', {
    contract: echo,
    open (socket) { receiver = (socket.raw as never as { _receiver: typeof receiver })._receiver },
    on: { say: () => t.fail('was read') }
  })
  await connect(t, await listen(app), { perMessageDeflate: true })
  receiver!._errored = true
  await new Promise<void>((resolve) => receiver!._write(maskedFrame('{"type":"say","text":"x"}'), 'buffer', resolve))
})
