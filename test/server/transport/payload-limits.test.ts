// Texts and binary messages with a limit each, in every form in which frames may come.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { constants, deflateRawSync } from 'node:zlib'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import { defineContract, type PluginOptions } from '../../../lib/index.js'
import { connectRaw, createApp, handshakeText, listen, maskedFrame, type Teardown } from '../../support/helper.js'

const both = defineContract({
  name: 'both',
  clientToServer: { say: Type.Object({ text: Type.String() }) },
  serverToClient: { took: Type.Object({ bytes: Type.Integer() }) },
  binary: { clientToServer: true }
})

// With it, ws leaves short messages as they are.
const DEFLATE = 'permessage-deflate; server_no_context_takeover'
const TEXT = 0x01
const BINARY = 0x02
const FINAL = 0x80
const COMPRESSED = 0x40

/** A message as the frames that a client sends. */
type Form = (opcode: number, payload: Buffer) => Buffer[]

const forms: Readonly<Record<string, Form>> = {
  'in one frame': (opcode, payload) => [maskedFrame(payload, FINAL | opcode)],
  'in one frame, byte by byte': (opcode, payload) => Array.from(maskedFrame(payload, FINAL | opcode), (byte) => Buffer.of(byte)),
  'in fragments': (opcode, payload) => [Buffer.concat([
    maskedFrame(payload.subarray(0, 50), opcode),
    maskedFrame(payload.subarray(50, 60), 0),
    maskedFrame(payload.subarray(60), FINAL)
  ])],
  compressed: (opcode, payload) => [maskedFrame(deflated(payload), FINAL | COMPRESSED | opcode)]
}

function deflated (payload: Buffer): Buffer {
  return deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
}

/** A text message of as many bytes. */
function say (bytes: number): Buffer {
  const [before, after] = ['{"type":"say","text":"', '"}']
  return Buffer.from(before + 'x'.repeat(bytes - before.length - after.length) + after)
}

async function open (t: Teardown, options: PluginOptions): Promise<Socket> {
  const app = await createApp(t, { perMessageDeflate: true, rateLimit: false, ...options })
  app.ws('/', {
    contract: both,
    on: { say: ({ text }, socket) => socket.send('took', { bytes: JSON.stringify({ type: 'say', text }).length }) },
    binary: (data, socket) => socket.send('took', { bytes: data.length })
  })
  await listen(app)
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/', { 'Sec-WebSocket-Extensions': DEFLATE }))
  await once(socket, 'data')
  return socket
}

/** Sends a message; returns the bytes that were taken, or the reason of the close. */
async function send (socket: Socket, chunks: Buffer[]): Promise<number | string> {
  let answer = ''
  const closed = once(socket, 'close').then(() => { throw new Error(`closed after ${JSON.stringify(answer)}`) })
  closed.catch(() => {})
  for (const chunk of chunks) socket.write(chunk)
  while (!/"bytes":\d+\}|^\x88[^]{40}/.test(answer)) {
    answer += (await Promise.race([once(socket, 'data') as Promise<[Buffer]>, closed]))[0].toString('latin1')
  }
  const [, bytes] = /"bytes":(\d+)\}/.exec(answer) ?? []
  return bytes === undefined ? `${answer.charCodeAt(2) * 256 + answer.charCodeAt(3)} ${answer.slice(4)}` : Number(bytes)
}

for (const [name, form] of Object.entries(forms)) {
  t.test(`${name}: a text up to maxPayloadBytes and a binary message up to maxBinaryBytes are taken, one after the other`, async (t) => {
    for (const limits of [{ maxPayloadBytes: 100, maxBinaryBytes: 300 }, { maxPayloadBytes: 300, maxBinaryBytes: 100 }]) {
      const { maxPayloadBytes, maxBinaryBytes } = limits
      for (const [bytes, opcode, reason] of [
        [maxPayloadBytes + 1, TEXT, `1009 message larger than maxPayloadBytes ${maxPayloadBytes}`],
        [maxBinaryBytes + 1, BINARY, `1009 message larger than maxBinaryBytes ${maxBinaryBytes}`]
      ] as const) {
        const socket = await open(t, limits)
        for (let round = 0; round < 2; round++) {
          t.equal(await send(socket, form(TEXT, say(maxPayloadBytes))), maxPayloadBytes)
          t.equal(await send(socket, form(BINARY, Buffer.alloc(maxBinaryBytes))), maxBinaryBytes)
        }
        const payload = opcode === TEXT ? say(bytes) : Buffer.alloc(bytes)
        t.equal(await send(socket, form(opcode, payload)), reason)
        socket.destroy()
      }
    }
  })
}

t.test('without maxBinaryBytes, maxPayloadBytes limits a binary message and is named', async (t) => {
  const socket = await open(t, { maxPayloadBytes: 200 })
  t.equal(await send(socket, [maskedFrame(Buffer.alloc(200), FINAL | BINARY)]), 200)
  t.equal(await send(socket, [maskedFrame(Buffer.alloc(201), FINAL | BINARY)]), '1009 message larger than maxPayloadBytes 200')
})

t.test('a binary message over its limit is not buffered: its header is enough', async (t) => {
  const socket = await open(t, { maxPayloadBytes: 10_000, maxBinaryBytes: 1000 })
  const frame = maskedFrame(Buffer.alloc(1001), FINAL | BINARY)
  t.equal(await send(socket, [frame.subarray(0, 4)]), '1009 message larger than maxBinaryBytes 1000')
})

t.test('a compressed binary message is inflated up to its limit and no further', async (t) => {
  const socket = await open(t, { maxPayloadBytes: 1_000_000_000, maxBinaryBytes: 50_000 })
  // Bytes that would be a fault of their own, 1007, if they were inflated as well.
  const fault = Buffer.alloc(16, 0xff)
  const bomb = Buffer.concat([deflateRawSync(Buffer.alloc(1_000_000), { finishFlush: constants.Z_SYNC_FLUSH }), fault])
  t.equal(await send(socket, [maskedFrame(bomb, FINAL | COMPRESSED | BINARY)]), '1009 message larger than maxBinaryBytes 50000')
})

t.test('a route has a maxBinaryBytes of its own beside the plugin\'s maxPayloadBytes', async (t) => {
  const app = await createApp(t, { maxPayloadBytes: 100 })
  app.ws('/', {
    contract: both,
    maxBinaryBytes: 300,
    on: { say () {} },
    binary: (data, socket) => socket.send('took', { bytes: data.length })
  })
  await listen(app)
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/'))
  await once(socket, 'data')
  t.equal(await send(socket, [maskedFrame(Buffer.alloc(300), FINAL | BINARY)]), 300)
  t.equal(await send(socket, [maskedFrame(say(101))]), '1009 message larger than maxPayloadBytes 100')
})
