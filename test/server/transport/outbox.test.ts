import { once } from 'node:events'
import { openAsBlob } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import type { WebSocket } from 'ws'
import { defineContract, type PluginOptions, type Socket } from '../../../lib/index.js'
import { frameOf, frameText } from '../../../lib/server/transport/frame.js'
import { Outbox } from '../../../lib/server/transport/outbox.js'
import { collectGarbage } from '../../support/gc.js'
import {
  connect, connectRaw, countTurns, createApp, handshakeText, listen, maskedFrame, type Client, type Teardown
} from '../../support/helper.js'

/** A stream that notes the bytes of each write to the system. */
class NotingStream extends Duplex {
  readonly writes: Buffer[] = []

  override _read (): void {}

  override _write (chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk)
    done()
  }

  override _writev (chunks: Array<{ chunk: Buffer }>, done: () => void): void {
    this.writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk)))
    done()
  }
}

function outboxOf (highWaterMarkBytes = 1000): { stream: NotingStream, outbox: Outbox, ws: { readyState: number } } {
  const stream = new NotingStream()
  const ws = { readyState: 1, extensions: '', get bufferedAmount () { return stream.writableLength } }
  return {
    stream,
    ws,
    outbox: new Outbox(ws as unknown as WebSocket, stream, highWaterMarkBytes, { onSlow () {}, onDrain () {}, unreadable () {} })
  }
}

t.test('messages of one turn leave in one write, in order', async (t) => {
  const { stream, outbox } = outboxOf()
  outbox.sendText('one')
  outbox.sendText('zwölf')
  outbox.sendBinary(Uint8Array.of(1, 2))
  outbox.sendFrame(frameOf('said', 'three'))
  t.equal(stream.writes.length, 0, 'the turn is not over')
  await turn()
  t.same(stream.writes, [
    Buffer.concat([
      Buffer.from('\x81\x03one', 'latin1'), Buffer.from('\x81\x06', 'latin1'), Buffer.from('zwölf'),
      Buffer.from([0x82, 2, 1, 2]), Buffer.from('\x81\x05three', 'latin1')
    ])
  ])
})

t.test('shared frames of every kind keep their order among texts', async (t) => {
  const { stream, outbox } = outboxOf()
  const texts = ['a', 'ü', 'x'.repeat(300), 'x'.repeat(70_000), 'ü', 'b']
  for (const text of texts) {
    outbox.sendFrame(frameOf('said', text))
    outbox.sendText(text)
  }
  await turn()
  const frames = texts.flatMap((text) => [frameText(text), frameText(text)])
  const bytes = frames.map((frame) => typeof frame === 'string' ? Buffer.from(frame, 'latin1') : frame)
  t.ok(Buffer.concat(stream.writes).equals(Buffer.concat(bytes)))
})

t.test('each connection gets the frames that it was sent, whatever others got in the same turn', async (t) => {
  const frames = ['a', 'b', 'x'.repeat(300), 'ü', 'c'].map((text) => frameOf('said', text))
  const bytesOf = (text: string): Buffer => Buffer.from(frameText(text) as never, 'latin1')
  const step = fc.record({ frame: fc.nat(frames.length - 1), members: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }) })
  const texts = fc.array(fc.record({ at: fc.nat(12), member: fc.nat(4) }), { maxLength: 4 })
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), texts, async (steps, texts) => {
    const members = Array.from({ length: 5 }, () => ({ ...outboxOf(), expected: [] as Buffer[] }))
    for (const [at, { frame, members: isMember }] of steps.entries()) {
      for (const { member } of texts.filter((text) => text.at === at)) {
        members[member]!.outbox.sendText('own')
        members[member]!.expected.push(bytesOf('own'))
      }
      for (const [n, { outbox, expected }] of members.entries()) {
        if (!isMember[n]!) continue
        outbox.sendFrame(frames[frame]!)
        expected.push(bytesOf(frames[frame]!.text))
      }
    }
    await turn()
    for (const { stream, expected } of members) {
      if (!Buffer.concat(stream.writes).equals(Buffer.concat(expected))) return false
    }
    return true
  }), { numRuns: 100 })
  t.pass()
})

t.test('the frames of a turn that is over take no memory', async (t) => {
  const bytes = 30_000_000
  const { outbox, stream } = outboxOf(10 * bytes)
  stream._write = (_chunk, _encoding, done) => done()
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < bytes / 60_000; n++) outbox.sendFrame(frameOf('said', `${n}`.padEnd(60_000)))
  await turn()
  collectGarbage()
  t.ok(process.memoryUsage().heapUsed - before < bytes / 2)
})

t.test('messages of promises that settle in the same turn leave with it', async (t) => {
  const { stream, outbox } = outboxOf()
  outbox.sendText('1')
  void Promise.resolve().then(async () => { outbox.sendText('2'); await Promise.resolve(); outbox.sendText('3') })
  await turn()
  t.equal(Buffer.concat(stream.writes).toString('latin1'), '\x81\x011\x81\x012\x81\x013')
  t.equal(stream.writes.length, 1)
})

t.test('answers to one chunk leave when it is read, in one write; in a turn that has others, with them', async (t) => {
  const { stream, outbox } = outboxOf()
  outbox.beginRead()
  outbox.sendText('1')
  outbox.sendText('2')
  t.equal(stream.writes.length, 0, 'the chunk is not read')
  outbox.endRead()
  t.equal(Buffer.concat(stream.writes).toString('latin1'), '\x81\x011\x81\x012')
  t.equal(stream.writes.length, 1)
  outbox.beginRead()
  outbox.endRead()
  outbox.sendText('3')
  outbox.beginRead()
  outbox.sendText('4')
  outbox.endRead()
  t.equal(stream.writes.length, 1, 'the turn is not over')
  await turn()
  t.equal(stream.writes.at(-1)!.toString('latin1'), '\x81\x013\x81\x014')
  t.equal(stream.writes.length, 2)
})

t.test('frames that ws writes by itself keep their place, in the same write', async (t) => {
  const { stream, outbox } = outboxOf()
  for (const n of [1, 2]) {
    outbox.sendText('before')
    outbox.flushBefore()
    stream.write(Buffer.from([0x8a, 0]))
    outbox.flushBefore()
    outbox.sendText('after')
    await turn()
    t.equal(stream.writes.length, n, 'one write a turn')
    t.equal(stream.writes[n - 1]!.toString('latin1'), '\x81\x06before\x8a\x00\x81\x05after')
  }
})

t.test('a stream that has ended gets no frame, and the outbox keeps none', async (t) => {
  const { stream, outbox } = outboxOf()
  outbox.sendText('too late')
  outbox.sendText('zu spät')
  stream.end()
  await turn()
  t.equal(Buffer.concat(stream.writes).length, 0)
  t.equal(outbox.bufferedAmount, 0)
})

t.test('an outbox accepts nothing for a connection that is not open', (t) => {
  const { ws, outbox } = outboxOf()
  ws.readyState = 2
  t.equal(outbox.sendText('x'), false)
  t.equal(outbox.sendBinary(Uint8Array.of(1)), false)
  t.equal(outbox.sendFrame(frameOf('said', 'x')), false)
  t.equal(outbox.sendBlob(new Blob(['x'])), false)
  t.equal(outbox.bufferedAmount, 0)
  t.end()
})

t.test('the memory of a binary message is free again as soon as it is sent', async (t) => {
  const { stream, outbox } = outboxOf()
  const data = Uint8Array.of(1)
  outbox.sendBinary(data)
  data[0] = 9
  await turn()
  t.same(stream.writes, [Buffer.from([0x82, 1, 1])])
})

t.test('with compression, the buffer given to sendBinary may be reused', async (t) => {
  const contract = defineContract({ name: 'bytes', binary: { serverToClient: true } })
  const app = await createApp(t, { perMessageDeflate: true })
  app.ws('/', {
    contract,
    open (socket) {
      const data = Buffer.alloc(100_000, 1)
      socket.sendBinary(data)
      socket.sendBinary(data)
      data.fill(9)
    }
  })
  const client = await connect(t, await listen(app), { perMessageDeflate: true })
  for (let i = 0; i < 2; i++) t.ok((await client.nextRaw() as Buffer).every((byte) => byte === 1))
})

const stream = defineContract({
  name: 'stream',
  clientToServer: { burst: Type.Object({ sizes: Type.Array(Type.Integer()), then: Type.Optional(Type.String()) }) },
  serverToClient: { item: Type.Object({ n: Type.Number(), text: Type.String() }) },
  binary: { serverToClient: true }
})

/** A route that answers with the messages asked for: ASCII, UTF-8 and binary in turn. */
async function start (t: Teardown, options: PluginOptions = {}): Promise<{ url: string, app: Awaited<ReturnType<typeof createApp>> }> {
  const app = await createApp(t, options)
  app.ws('/', {
    contract: stream,
    on: {
      burst ({ sizes, then }, socket) {
        for (const [n, size] of sizes.entries()) send(socket, n, size)
        if (then === 'close') socket.close(4000, 'done')
        if (then === 'ping') socket.raw.ping()
        if (then === 'raw') socket.raw.send('"raw"')
      }
    }
  })
  return { app, url: await listen(app) }
}

function send (socket: Socket<typeof stream>, n: number, size: number): void {
  if (n % 3 === 2) socket.sendBinary(Buffer.alloc(size + 1, n))
  else socket.send('item', { n, text: (n % 3 === 0 ? 'x' : 'ü').repeat(size) })
}

async function expectBurst (t: Tap, client: Client, sizes: number[]): Promise<void> {
  for (const [n, size] of sizes.entries()) {
    const message = await client.next()
    if (n % 3 === 2) t.same(message, Buffer.alloc(size + 1, n))
    else t.same(message, { type: 'item', n, text: (n % 3 === 0 ? 'x' : 'ü').repeat(size) })
  }
}

type Tap = Pick<typeof import('tap').t, 'same'>

const deflates: Array<[string, PluginOptions, boolean]> = [
  ['without compression', {}, false],
  ['with compression', { perMessageDeflate: true }, true],
  ['with compression of long messages only', { perMessageDeflate: { threshold: 100, serverNoContextTakeover: true } }, true]
]

for (const [how, options, perMessageDeflate] of deflates) {
  t.test(`${how}, messages of all sizes and kinds keep their order`, async (t) => {
    const { url } = await start(t, options)
    const client = await connect(t, url, { perMessageDeflate })
    t.equal(client.ws.extensions !== '', perMessageDeflate)
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(fc.nat(200), fc.constantFrom(
      0,
      125,
      126,
      65_535,
      65_536,
      70_000
    )), { maxLength: 12 }), async (sizes) => {
      client.send({ type: 'burst', sizes })
      await expectBurst(t, client, sizes)
    }), { numRuns: 60 })
  })

  t.test(`${how}, a close frame follows the messages sent before it`, async (t) => {
    const { url } = await start(t, options)
    const client = await connect(t, url, { perMessageDeflate })
    const sizes = [1, 2, 300, 4, 5, 600]
    client.send({ type: 'burst', sizes, then: 'close' })
    await expectBurst(t, client, sizes)
    t.same(await client.closed(), { code: 4000, reason: 'done' })
  })

  t.test(`${how}, a ping and a message of socket.raw follow the messages sent before them`, async (t) => {
    const { url } = await start(t, options)
    const client = await connect(t, url, { perMessageDeflate })
    client.send({ type: 'burst', sizes: [1, 2, 3], then: 'raw' })
    await expectBurst(t, client, [1, 2, 3])
    t.equal(await client.next(), 'raw')
    const pinged = once(client.ws, 'ping')
    client.send({ type: 'burst', sizes: [1], then: 'ping' })
    await expectBurst(t, client, [1])
    await pinged
  })

  t.test(`${how}, a Blob keeps its place among messages of all kinds`, async (t) => {
    const { app, url } = await start(t, options)
    const client = await connect(t, url, { perMessageDeflate })
    const socket = app.channel(stream).sockets().next().value!
    const pinged = once(client.ws, 'ping')
    const reused = Buffer.from('reused')
    for (let round = 0; round < 2; round++) {
      send(socket, 0, 3)
      t.equal(socket.sendBinary(new Blob(['one ', 'blob'])), true)
      t.ok(socket.bufferedAmount >= 8, 'its bytes wait')
      send(socket, 1, 3)
      socket.sendBinary(reused)
      reused.fill('x')
      socket.sendBinary(new File(['a file'], 'name'))
      await app.channel(stream).publish('nobody', 'item', { n: 1, text: 'a' })
      socket.raw.send(new Blob(['raw']), { binary: true })
      socket.raw.send(new Blob([]))
      send(socket, 2, 3)
      if (round === 0) socket.raw.ping()
      t.same(await client.next(), { type: 'item', n: 0, text: 'xxx' })
      t.same(await client.next(), Buffer.from('one blob'))
      t.same(await client.next(), { type: 'item', n: 1, text: 'üüü' })
      t.same(await client.next(), Buffer.from('reused'))
      for (const text of ['a file', 'raw', '']) t.same(await client.next(), Buffer.from(text))
      t.same(await client.next(), Buffer.alloc(4, 2))
      reused.write('reused')
    }
    await pinged
    t.equal(socket.bufferedAmount, 0)
    socket.sendBinary(new Blob(['the last']))
    socket.close(4000, 'done')
    t.same(await client.next(), Buffer.from('the last'))
    t.same(await client.closed(), { code: 4000, reason: 'done' })
  })
}

t.test('a Blob beyond the high-water mark makes its sender wait until it is written', async (t) => {
  const { app, url } = await start(t, { highWaterMarkBytes: 1000 })
  const client = await connect(t, url)
  const socket = app.channel(stream).sockets().next().value!
  t.equal(socket.sendBinary(new Blob([Buffer.alloc(2000)])), false)
  t.equal(socket.bufferedAmount, 2000)
  await socket.drained()
  t.equal(socket.bufferedAmount, 0)
  t.equal((await client.nextRaw()).length, 2000)
  t.equal(app.channel(stream).stats.messagesSent, 1)
})

t.test('a Blob that cannot be read goes to errorHandler and ends its connection', async (t) => {
  const path = join(t.testdir({ file: 'before' }), 'file')
  const blob = await openAsBlob(path)
  await writeFile(path, 'longer than before')
  const failed: unknown[] = []
  const app = await createApp(t)
  app.ws('/', { contract: stream, on: { burst () {} }, errorHandler: (error) => { failed.push(error) } })
  const url = await listen(app)
  const client = await connect(t, url)
  const other = await connect(t, url)
  const [socket, neighbor] = app.channel(stream).sockets()
  socket!.sendBinary(blob)
  socket!.send('item', { n: 1, text: 'behind it' })
  t.equal((await client.closed()).code, 1006)
  t.match(failed, [{ name: 'NotReadableError' }])
  neighbor!.send('item', { n: 2, text: 'not hindered' })
  t.match(await other.next(), { n: 2 })
})

t.test('a connection that ends while a Blob is read reports no error', async (t) => {
  const failed: unknown[] = []
  const app = await createApp(t)
  app.ws('/', { contract: stream, on: { burst () {} }, errorHandler: (error) => { failed.push(error) } })
  const client = await connect(t, await listen(app))
  const socket = app.channel(stream).sockets().next().value!
  socket.sendBinary(new Blob([Buffer.alloc(1000)]))
  socket.raw.send(new Blob(['raw']), () => {})
  socket.terminate()
  t.equal(socket.sendBinary(new Blob(['too late'])), false)
  await client.closed()
  for (let i = 0; i < 10; i++) await turn()
  t.same(failed, [])
})

t.test('sendBinary takes bytes of another realm, shared memory and parts of it', async (t) => {
  const { app, url } = await start(t)
  const client = await connect(t, url)
  const socket = app.channel(stream).sockets().next().value!
  const shared = new Uint8Array(new SharedArrayBuffer(3)).fill(7)
  socket.sendBinary(shared.buffer)
  socket.sendBinary(shared.subarray(1))
  shared.fill(0)
  for (const code of [
    'new Uint8Array([1, 2, 3]).buffer',
    'new Uint8Array([1, 2, 3])',
    'new DataView(new Uint8Array([0, 1, 2, 3, 4]).buffer, 1, 3)'
  ]) {
    socket.sendBinary(runInNewContext(code) as Uint8Array)
  }
  t.same(await client.next(), Buffer.from([7, 7, 7]))
  t.same(await client.next(), Buffer.from([7, 7]))
  for (let i = 0; i < 3; i++) t.same(await client.next(), Buffer.from([1, 2, 3]))
})

t.test('sendBinary refuses a value that holds no bytes, and sends nothing', async (t) => {
  const { app, url } = await start(t)
  const client = await connect(t, url)
  const socket = app.channel(stream).sockets().next().value!
  const detached = new Uint8Array(3)
  structuredClone(detached, { transfer: [detached.buffer] })
  const values = ['text', '', null, undefined, 5, 0n, true, {}, [1, 2], new Date(), { byteLength: 3 }, () => {}, detached, detached.buffer]
  for (const data of values) {
    try {
      socket.sendBinary(data)
      t.fail('it was taken')
    } catch (error) {
      t.ok(error instanceof TypeError)
      t.match(error, { code: 'FST_TYPED_WS_INVALID_BINARY' })
    }
  }
  t.throws(() => socket.sendBinary('text'), /given a value of type string: give a text as Buffer\.from/)
  t.throws(() => socket.sendBinary(null), /given null/)
  t.throws(() => socket.sendBinary(detached), /given memory that was transferred/)
  send(socket, 2, 0)
  t.same(await client.next(), Buffer.from([2]))
  t.equal(client.unread, 0)
})

t.test('a client that closes right behind its call gets the reply, and nothing after the close frame', async (t) => {
  const { app } = await start(t)
  const socket = await connectRaw(t, app)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = once(socket, 'close')
  const question = maskedFrame(JSON.stringify({ type: 'burst', sizes: [1, 1] }))
  socket.write(Buffer.concat([Buffer.from(handshakeText(app, '/')), question, maskedFrame(Buffer.from([0x03, 0xe8]), 0x88)]))
  await closed
  const bytes = Buffer.concat(chunks)
  const frames = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)
  t.same(frames, Buffer.concat([
    Buffer.from(frameText('{"type":"item","n":0,"text":"x"}') as string, 'latin1'),
    frameText('{"type":"item","n":1,"text":"ü"}') as Buffer,
    Buffer.from([0x88, 2, 0x03, 0xe8])
  ]))
})

t.test('pongs and replies of one turn leave in the order of the pings and calls', async (t) => {
  const { app } = await start(t)
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/'))
  await once(socket, 'data')
  const question = maskedFrame(JSON.stringify({ type: 'burst', sizes: [1] }))
  socket.write(Buffer.concat([question, maskedFrame('1', 0x89), question, maskedFrame('2', 0x89)]))
  const answer = frameText('{"type":"item","n":0,"text":"x"}') as string
  const expected = `${answer}\x8a\x011${answer}\x8a\x012`
  let received = ''
  while (received.length < expected.length) received += (await once(socket, 'data') as [Buffer])[0].toString('latin1')
  t.equal(received, expected)
})

/** A socket that hands on nothing until it is told to. */
class Stalled extends Duplex {
  #done: Array<() => void> = []

  override _read (): void {}

  override _write (_chunk: Buffer, _encoding: string, done: () => void): void {
    this.#done.push(done)
  }

  async release (): Promise<void> {
    while (this.#done.length > 0) {
      this.#done.shift()!()
      await turn()
    }
  }
}

function stalled (highWaterMarkBytes: number): { wire: Stalled, outbox: Outbox, ws: { readyState: number }, told: string[] } {
  const wire = new Stalled()
  const told: string[] = []
  const ws = { readyState: 1, extensions: '', get bufferedAmount () { return wire.writableLength } }
  const owner = { onSlow: () => { told.push('slowed') }, onDrain: () => { told.push('caught up') }, unreadable () {} }
  return { wire, ws, told, outbox: new Outbox(ws as unknown as WebSocket, wire, highWaterMarkBytes, owner) }
}

t.test('an outbox reports once that its client is slow, and once that it caught up', async (t) => {
  const { wire, outbox, told } = stalled(100)
  t.equal(outbox.sendText('x'.repeat(90)), true)
  t.equal(outbox.isSlow, false)
  t.equal(outbox.sendText('y'), true)
  t.equal(outbox.sendText('z'.repeat(90)), false, 'what crosses the mark is sent, and says so')
  t.equal(outbox.sendText('z'), false)
  t.same([outbox.isSlow, outbox.isFull, outbox.sent], [true, true, 4])
  t.same(told, ['slowed'])
  const drained = outbox.drained()
  await wire.release()
  await drained
  t.same([outbox.isSlow, outbox.isFull, outbox.bufferedAmount], [false, false, 0])
  t.same(told, ['slowed', 'caught up'])
  await outbox.drained()
  t.equal(outbox.sendText('x'), true)
})

t.test('bytes that the system takes at once make no connection slow', async (t) => {
  const { outbox, wire, told } = stalled(100)
  wire._write = (_chunk, _encoding, done) => done()
  for (let i = 0; i < 10; i++) {
    await turn()
    t.equal(outbox.sendText('x'.repeat(200)), true)
  }
  t.same(told, [])
})

t.test('a sender that is never told to wait gives way to others, and so does one that is always told to wait', async (t) => {
  for (const isAlwaysAwaited of [false, true]) {
    const { outbox, wire, told } = stalled(100)
    wire._write = (_chunk, _encoding, done) => done()
    const turns = countTurns(t)
    for (let n = 0; turns.count < 3; n++) {
      if (n === 10_000_000) throw new Error('nobody else was served')
      if (!outbox.sendText('x'.repeat(90)) || isAlwaysAwaited) await outbox.drained()
    }
    t.same(told, [], 'and nobody is slow')
  }
})

t.test('a loop around drained() whose client has left gives way to others', async (t) => {
  const { outbox, ws } = stalled(100)
  ws.readyState = 3
  const turns = countTurns(t)
  while (turns.count < 3) await t.rejects(outbox.drained(), { code: 'FST_TYPED_WS_CONNECTION_CLOSED' })
})

t.test('a caller that waits for an outbox is told when it ends', async (t) => {
  const { outbox, ws } = stalled(100)
  outbox.sendText('x'.repeat(200))
  const drained = outbox.drained()
  ws.readyState = 3
  outbox.end()
  await t.rejects(drained, { code: 'FST_TYPED_WS_CONNECTION_CLOSED' })
  await t.rejects(outbox.drained(), { code: 'FST_TYPED_WS_CONNECTION_CLOSED' }, 'and who comes later')
  t.equal(outbox.isSlow, false)
})
