import { AsyncResource } from 'node:async_hooks'
import { createRequire } from 'node:module'
import { Duplex, type Writable } from 'node:stream'
import { constants, deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { WebSocket } from 'ws'
import { FrameReader, type FrameReaderOwner, type FrameReceiver, type TextReceiver } from '../../../lib/server/transport/frame-reader.js'
import { ServerWebSocket } from '../../../lib/server/transport/websocket.js'
import { codePoint } from '../../support/code-point.js'
import { fakeTime, pass, stopClock, turn } from '../../support/fake-time.js'
import type { Teardown } from '../../support/helper.js'

const { Receiver } = createRequire(import.meta.url)('ws') as { Receiver: new (options: object) => Writable }
const MAX_PAYLOAD_BYTES = 300
const LIMITS = { maxPayloadBytes: MAX_PAYLOAD_BYTES, maxBinaryBytes: undefined }
// `npm run fuzz` asks for more.
const RUNS = Math.ceil(Number(process.env['FUZZ_FRAMES'] ?? 30_000) / 100)

interface Frame { first: number, payload: Buffer, isMasked: boolean, form: 'short' | 16 | 64 }

function bytesOf ({ first, payload, isMasked, form }: Frame): Buffer {
  const mask = isMasked ? Buffer.from([0x37, 0xfa, 0x21, 0x3d]) : Buffer.alloc(0)
  const { length } = payload
  const marked = isMasked ? 0x80 : 0
  const header = form === 64 || length > 0xffff
    ? [first, marked | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 0xff, length & 0xff]
    : form === 16 || length > 125 ? [first, marked | 126, length >> 8, length & 0xff] : [first, marked | length]
  return Buffer.concat([Buffer.from(header), mask, isMasked ? payload.map((byte, i) => byte ^ mask[i % 4]!) : payload])
}

function text (payload: string): Frame {
  return { first: 0x81, payload: Buffer.from(payload), isMasked: true, form: 'short' }
}

/** The next part of the line and the connection, in one object. */
type Surroundings = TextReceiver & FrameReaderOwner

function frameReaderOf (around: Surroundings, receiver: FrameReceiver): FrameReader {
  return new FrameReader(around, around, receiver, MAX_PAYLOAD_BYTES)
}

/** An owner that takes everything. */
function ownerOf (others: Partial<Surroundings>): Surroundings {
  return {
    isFull: false,
    hasMessageListener: false,
    takeText () {},
    admitsFrame: () => true,
    pause () {},
    resumeInContext () {},
    gone () {},
    terminate () {},
    ...others
  }
}

function receiverOf (others: Partial<FrameReceiver>): FrameReceiver {
  return { writable: true, isBusy: false, write: () => true, beginMessage () {}, end () {}, ...others }
}

function wrapped (receiver: Writable): FrameReceiver {
  return {
    get writable () { return receiver.writable },
    isBusy: false,
    beginMessage () {},
    write: (bytes) => receiver.write(bytes),
    end: () => receiver.end()
  }
}

/** A receiver of ws that notes its events. */
function ownReceiver (heard: unknown[]): Writable {
  const receiver = new Receiver({ isServer: true, maxPayload: MAX_PAYLOAD_BYTES })
  receiver.on('message', (data: Buffer, isBinary: boolean) => heard.push(isBinary ? data.toString('hex') : data.toString()))
  receiver.on('ping', (data: Buffer) => heard.push(['ping', data.toString('hex')]))
  receiver.on('pong', (data: Buffer) => heard.push(['pong', data.toString('hex')]))
  receiver.on('conclude', (code: number, reason: Buffer) => heard.push(['close', code, reason.toString()]))
  receiver.on('error', (error: Error) => heard.push(['error', error.message]))
  return receiver
}

async function readByWs (chunks: Buffer[]): Promise<unknown[]> {
  const heard: unknown[] = []
  const receiver = ownReceiver(heard)
  for (const chunk of chunks) if (receiver.writable) receiver.write(Buffer.from(chunk))
  await new Promise(setImmediate)
  return heard
}

async function readByFrameReader (chunks: Buffer[], taken: { count: number } = { count: 0 }): Promise<unknown[]> {
  const heard: unknown[] = []
  const receiver = ownReceiver(heard)
  const frameReader = frameReaderOf(ownerOf({
    takeText (message) { taken.count++; heard.push(message) }
  }), wrapped(receiver))
  // As ws does: nothing is read after the last frame.
  for (const chunk of chunks) if (receiver.writable) frameReader.write(Buffer.from(chunk))
  await new Promise(setImmediate)
  return heard
}

function cut (bytes: Buffer, places: number[]): Buffer[] {
  const cuts = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end))
}

const payload = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 12 }).map((value) => Buffer.from(value)) },
  { weight: 2, arbitrary: fc.string({ unit: codePoint, maxLength: 12 }).map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: fc.constantFrom(124, 125, 126, 127, 299, 300, 301).map((length) => Buffer.alloc(length, 'x')) }
)
const frame: fc.Arbitrary<Frame> = fc.record({
  first: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0x81) },
    { weight: 4, arbitrary: fc.constantFrom(0x01, 0x00, 0x80, 0x82, 0x02, 0x89, 0x8a) },
    { weight: 1, arbitrary: fc.nat(255) }
  ),
  payload,
  isMasked: fc.oneof({ weight: 20, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  form: fc.oneof({ weight: 8, arbitrary: fc.constant('short' as const) }, { weight: 1, arbitrary: fc.constantFrom<16 | 64>(16, 64) })
})
const arrival = fc.record({ frames: fc.array(frame, { maxLength: 12 }), cuts: fc.array(fc.nat(), { maxLength: 8 }) })

t.test('frames cut at any place are read as ws alone reads them', async (t) => {
  const taken = { count: 0 }
  await fc.assert(fc.asyncProperty(arrival, async ({ frames, cuts }) => {
    const chunks = cut(Buffer.concat(frames.map(bytesOf)), cuts)
    const [ours, theirs] = [await readByFrameReader(chunks, taken), await readByWs(chunks)]
    t.strictSame(ours, theirs)
  }), { numRuns: 3000 })
  t.ok(taken.count > 1000, 'the frame reader has taken its share')
})

t.test('random bytes are read as ws alone reads them', async (t) => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.array(fc.nat(), { maxLength: 5 }), async (noise, cuts) => {
    const chunks = cut(Buffer.from(noise), cuts)
    t.strictSame(await readByFrameReader(chunks), await readByWs(chunks))
  }), { numRuns: 1000 })
})

t.test('the character that stands for a fault is read where it was sent, and a fault goes to ws as it was sent', async (t) => {
  const heard: string[] = []
  const handed: Buffer[] = []
  const receiver = receiverOf({ write: (bytes) => handed.push(Buffer.from(bytes)) > 0 })
  const frameReader = frameReaderOf(ownerOf({ takeText: (text) => { heard.push(text) } }), receiver)
  frameReader.write(bytesOf(text('é\ufffd')))
  t.same(heard, ['é\ufffd'])
  const fault = bytesOf({ ...text(''), payload: Buffer.from([0xc3, 0xa9, 0xc3]) })
  frameReader.write(Buffer.from(fault))
  t.same(heard, ['é\ufffd'])
  t.same(handed, [fault])
})

t.test('the header of a frame of more than 4 GiB goes to ws, which reports it as too big', async (t) => {
  const header = Buffer.from([0x81, 0xff, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 3, 4])
  t.same(await readByFrameReader([header]), [['error', 'Max payload size exceeded']])
})

t.test('a length that is too big is reported before the mask of its header has come', async (t) => {
  const header = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff])
  for (const chunks of [[header], [header.subarray(0, 1), header.subarray(1, 4), header.subarray(4)], [header, Buffer.from([1])]]) {
    const found = await readByFrameReader(chunks.map((chunk) => Buffer.from(chunk)))
    t.same(found, [['error', 'Max payload size exceeded']])
    t.same(found, await readByWs(chunks))
  }
  t.same(await readByFrameReader([bytesOf(text('whole')).subarray(0, 3)]), [], 'the mask of another is waited for')
})

t.test('frames wait while the owner is full, and go on in their order when it has room', (t) => {
  const heard: string[] = []
  const owner = {
    ...ownerOf({}),
    room: 2,
    get isFull (): boolean { return this.room === 0 },
    takeText (message: string) { this.room--; heard.push(message) }
  }
  const frameReader = frameReaderOf(owner, receiverOf({ write: () => t.fail('ws is not asked') }))
  t.equal(frameReader.readOn(), true)
  frameReader.write(Buffer.concat(['1', '2', '3', '4'].map((n) => bytesOf(text(n)))))
  frameReader.write(bytesOf(text('5')))
  t.same(heard, ['1', '2'])
  t.equal(frameReader.readOn(), false)
  owner.room = 2
  t.equal(frameReader.readOn(), false)
  t.same(heard, ['1', '2', '3', '4'])
  owner.room = 9
  t.equal(frameReader.readOn(), true)
  frameReader.write(bytesOf(text('6')))
  t.same(heard, ['1', '2', '3', '4', '5', '6'])
  t.end()
})

/** Messages of 1,500 bytes, one for each name. */
function large (names: string): Buffer {
  return Buffer.concat(names.split('').map((name) => bytesOf({ ...text(name.repeat(1500)), form: 16 })))
}

/** Messages that take 2 ms each, for a reader whose owner lets it go on in later turns. */
function heavyReader (t: Teardown & { fail (text: string): boolean }) {
  const clock = stopClock(t)
  const heard: string[] = []
  const calls = { pause: 0, gone: 0, end: 0, terminate: 0 }
  const owner = ownerOf({
    takeText (message) { heard.push(message.slice(0, 1)); clock.nowMs += 2 },
    pause () { calls.pause++ },
    resumeInContext () { reader.readOn() },
    gone () { calls.gone++ },
    terminate () { calls.terminate++ }
  })
  const reader = new FrameReader(owner, owner, receiverOf({ write: () => t.fail('ws is not asked'), end () { calls.end++ } }), 4096)
  return { clock, heard, calls, reader, large }
}

t.test('a message that takes long makes those behind it wait for a turn each, and the chunks behind them too', async (t) => {
  const { heard, calls, reader } = heavyReader(t)
  reader.write(large('abc'))
  t.same(heard, ['a'])
  t.equal(calls.pause > 0, true)
  reader.write(large('d'))
  t.same(heard, ['a'])
  for (const name of ['b', 'c', 'd']) {
    await turn()
    t.equal(heard.at(-1), name)
  }
  reader.write(large('e'))
  t.equal(heard.at(-1), 'd', 'a chunk that arrives later waits for a turn, too')
  await turn()
  t.same(heard, ['a', 'b', 'c', 'd', 'e'])
})

t.test('a connection that has taken little time for a second is read at once again', async (t) => {
  const { clock, heard, reader } = heavyReader(t)
  reader.write(large('ab'))
  await turn()
  await turn()
  clock.nowMs += 1010
  reader.write(large('c'))
  t.same(heard, ['a', 'b', 'c'])
  await turn()
})

t.test('a stream that ends while its bytes wait for their turn ends behind them', async (t) => {
  const { heard, calls, reader } = heavyReader(t)
  reader.write(large('abc'))
  reader.end()
  t.same(calls.gone, 1)
  while (calls.end === 0) await turn()
  t.same(heard, ['a', 'b', 'c'])
})

t.test('a connection that is full reads on in a turn of its own, once it has room', async (t) => {
  const clock = stopClock(t)
  const heard: string[] = []
  const owner = {
    ...ownerOf({}),
    isFull: false,
    takeText (message: string) { heard.push(message.slice(0, 1)); clock.nowMs += 2; this.isFull = true },
    resumeInContext () { reader.readOn() }
  }
  const reader = new FrameReader(owner, owner, receiverOf({}), 4096)
  reader.write(large('ab'))
  await turn()
  owner.isFull = false
  t.equal(reader.readOn(), false)
  t.same(heard, ['a'])
  await turn()
  t.same(heard, ['a', 'b'])
})

t.test('of a connection that is not heard any more a chunk is left out in a turn', async (t) => {
  const { heard, calls, reader } = heavyReader(t)
  reader.ignore()
  reader.write(large('a'.repeat(20)))
  t.equal(calls.pause > 0, true)
  await turn()
  t.equal(reader.readOn(), true, 'the next chunk may come')
  t.same(heard, [])
})

t.test('a connection that floods on after the close frame is read slowly, and cut off after 16 MiB', async (t) => {
  const { heard, calls, reader } = heavyReader(t)
  fakeTime(t, ['setTimeout'])
  reader.ignore()
  const chunk = large('a'.repeat(20))
  let chunks = 0
  while (calls.terminate === 0) {
    reader.write(chunk)
    chunks++
    await turn()
    if (chunks === 3) t.equal(reader.readOn(), true, '64 KiB were on the way, or a little more')
    if (chunks === 4) {
      for (let n = 0; n < 5; n++) await turn()
      t.equal(reader.readOn(), false, 'the next chunk waits for some ms, not only for a turn')
    }
    await pass(10)
  }
  t.equal(chunks * chunk.length > 16 * 2 ** 20, true)
  t.same(heard, [])
})

t.test('a header that arrives in parts is left out as a whole, and a close frame behind it is read', async (t) => {
  const written: Buffer[] = []
  const owner = ownerOf({ takeText: () => t.fail('nothing is heard'), resumeInContext () { reader.readOn() } })
  const reader = new FrameReader(owner, owner, receiverOf({ write: (bytes) => written.push(bytes) > 0 }), 4096)
  const close = bytesOf({ ...text(''), first: 0x88 })
  const bytes = Buffer.concat([large('ab'), close])
  const second = large('a').length
  reader.ignore()
  let at = 0
  for (const end of [1, 3, second + 1, second + 2, bytes.length]) {
    reader.write(bytes.subarray(at, end))
    at = end
    await turn()
  }
  t.same(Buffer.concat(written), close)
})

t.test('a stream that ends while its owner has little room is read only as far as there is room', (t) => {
  const heard: string[] = []
  let ends = 0
  const owner = {
    ...ownerOf({}),
    room: 2,
    get isFull (): boolean { return this.room === 0 },
    takeText (message: string) { this.room--; heard.push(message) }
  }
  const reader = frameReaderOf(owner, receiverOf({ write: () => t.fail('ws is not asked'), end () { ends++ } }))
  reader.write(Buffer.concat(['1', '2', '3', '4', '5', '6'].map((n) => bytesOf(text(n)))))
  owner.room = 1
  reader.end()
  t.same(heard, ['1', '2', '3'])
  t.equal(ends, 0)
  owner.room = 9
  reader.readOn()
  t.same(heard, ['1', '2', '3', '4', '5', '6'])
  t.equal(ends, 1)
  t.end()
})

t.test('bytes that have waited are not copied', (t) => {
  const written: Buffer[] = []
  const owner = { ...ownerOf({}), isFull: false, takeText () { this.isFull = true } }
  const frameReader = frameReaderOf(owner, receiverOf({ write: (bytes) => written.push(bytes) > 0 }))
  const chunk = Buffer.concat([bytesOf(text('x')), bytesOf({ ...text(''), first: 0x89 })])
  frameReader.write(chunk)
  owner.isFull = false
  frameReader.readOn()
  t.equal(written.length, 1)
  t.equal(written[0]!.buffer, chunk.buffer)
  t.equal(written[0]!.byteOffset, chunk.byteOffset + bytesOf(text('x')).length)
  t.end()
})

t.test('a ws with a message listener gets every message', async (t) => {
  const heard: unknown[] = []
  const receiver = ownReceiver(heard)
  const frameReader = frameReaderOf(ownerOf({
    hasMessageListener: true,
    takeText: () => t.fail('taken')
  }), wrapped(receiver))
  frameReader.write(bytesOf(text('x')))
  t.same(heard, ['x'])
})

t.test('the frame reader returns false when ws takes no more', (t) => {
  const answers = [true, false, true]
  const frameReader = frameReaderOf(ownerOf({}), receiverOf({ write: () => answers.shift()! }))
  const ping = bytesOf({ ...text(''), first: 0x89 })
  t.equal(frameReader.write(ping), true)
  t.equal(frameReader.write(Buffer.concat([ping, ping])), false)
  t.end()
})

/** A stream in memory: pushed bytes have arrived. */
class MemoryStream extends Duplex {
  override _read (): void {}
  override _write (_chunk: Buffer, _encoding: string, done: () => void): void { done() }
}

const { PerMessageDeflate } = createRequire(import.meta.url)('ws') as {
  PerMessageDeflate: { new (options: object): { accept (offers: object[]): void }, extensionName: string }
}

/** Gives a WebSocket its stream, as ws does after a handshake. */
function begin (ws: WebSocket, stream: MemoryStream, isDeflated: boolean): void {
  if (isDeflated) {
    const deflate = new PerMessageDeflate({ isServer: true, maxPayload: MAX_PAYLOAD_BYTES })
    deflate.accept([{}])
    Object.assign((ws as unknown as { _extensions: object })._extensions, { [PerMessageDeflate.extensionName]: deflate })
  }
  const settable = ws as unknown as { setSocket (socket: Duplex, head: Buffer, options: object): void }
  settable.setSocket(stream, Buffer.alloc(0), { maxPayload: MAX_PAYLOAD_BYTES })
}

function listenTo (ws: WebSocket): { heard: unknown[], closed: Promise<unknown> } {
  const heard: unknown[] = []
  ws.on('message', (data: Buffer, isBinary) => heard.push(isBinary ? data.toString('hex') : data.toString()))
  ws.on('ping', (data: Buffer) => heard.push(['ping', data.toString('hex')]))
  ws.on('pong', (data: Buffer) => heard.push(['pong', data.toString('hex')]))
  ws.on('error', (error: Error) => heard.push(['error', error.message]))
  return { heard, closed: new Promise((resolve) => ws.on('close', (code, reason) => resolve([code, reason.toString()]))) }
}

type End = 'fin' | 'reset'
interface Flow { readonly chunks: readonly Buffer[], readonly end: End, readonly isDeflated: boolean }

async function feed (stream: MemoryStream, { chunks, end }: Flow): Promise<void> {
  for (const chunk of chunks) {
    stream.push(Buffer.from(chunk))
    await new Promise(setImmediate)
  }
  if (end === 'fin') stream.push(null)
  else stream.destroy(new Error('reset'))
}

// After a fault in a compressed message ws reads on, and may throw: not compared.
function stopAtFaults (ws: WebSocket): void {
  const { _receiver: receiver } = ws as unknown as {
    _receiver: { _errored: boolean, _write: (chunk: Buffer, encoding: string, done: () => void) => void }
  }
  const write = receiver._write.bind(receiver)
  receiver._write = (chunk, encoding, done) => receiver._errored ? done() : write(chunk, encoding, done)
}

async function endByWs (flow: Flow): Promise<unknown[]> {
  const stream = new MemoryStream()
  const ws = new WebSocket(null as never, undefined, {})
  const { heard, closed } = listenTo(ws)
  ;(ws as unknown as { _isServer: boolean })._isServer = true
  begin(ws, stream, flow.isDeflated)
  stopAtFaults(ws)
  await feed(stream, flow)
  const end = await closed
  return [...heard, end]
}

/** Takes `room` messages, and then none until `turns` turns of the event loop have passed. */
async function endByFrameReader (flow: Flow, room: number, turns: number): Promise<unknown[]> {
  const stream = new MemoryStream()
  const ws = new ServerWebSocket(null as never, undefined, {})
  const { heard, closed } = listenTo(ws)
  let left = room
  let most = 0
  const take = (): void => {
    most = Math.max(most, room - --left)
    if (left === 0) void rest()
  }
  const rest = async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    left = room
    resume()
  }
  const owner = ownerOf({ takeText (message) { heard.push(message); take() }, pause: () => ws.pause(), resumeInContext: () => resume() })
  Object.defineProperty(owner, 'isFull', { get: () => left <= 0 })
  ws.on('message', take)
  ;(ws as unknown as { _isServer: boolean })._isServer = true
  begin(ws, stream, flow.isDeflated)
  const frameReader = ws.readThrough(owner, owner, LIMITS, new AsyncResource('test'))!
  const resume = (): void => { if (frameReader.readOn() && ws.isPaused) ws.resume() }
  await feed(stream, flow)
  const end = await closed
  if (most > room) heard.push('more messages than there was room for')
  return [...heard, end]
}

function deflated (data: Buffer): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
}

const deflatedFrame = payload.map((data): Frame => ({ first: 0xc1, payload: deflated(data), isMasked: true, form: 'short' }))
const closing = fc.record({ code: fc.constantFrom(1000, 4000, 1), reason: fc.constantFrom('', 'bye') }).map(({ code, reason }): Frame => {
  return {
    first: 0x88,
    payload: Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]),
    isMasked: true,
    form: 'short'
  }
})
const good: fc.Arbitrary<Frame> = fc.record({
  first: fc.constantFrom(0x81, 0x81, 0x81, 0x82, 0x89, 0x8a),
  payload: fc.string({ unit: codePoint, maxLength: 20 }).map((value) => Buffer.from(value)),
  isMasked: fc.constant(true),
  form: fc.constant('short')
})

for (const isDeflated of [false, true]) {
  const flow = fc.record({
    frames: fc.array(fc.oneof(
      { weight: 12, arbitrary: good },
      { weight: isDeflated ? 12 : 0, arbitrary: deflatedFrame },
      { weight: 1, arbitrary: frame }
    ), { maxLength: 30 }),
    last: fc.option(closing),
    cuts: fc.array(fc.nat(), { maxLength: 4 }),
    lostBytes: fc.oneof(fc.constant(0), fc.nat(20)),
    end: fc.constantFrom<End>('fin', 'reset'),
    room: fc.integer({ min: 1, max: 5 }),
    turns: fc.nat(2)
  })
  const kind = isDeflated ? 'compressed messages' : 'messages'
  t.test(`${kind} in front of FIN or RST at any point are read as ws alone reads them, also while the owner is full`, async (t) => {
    await fc.assert(fc.asyncProperty(flow, async ({ frames, last, cuts, lostBytes, end, room, turns }) => {
      const bytes = Buffer.concat([...frames, ...last === null ? [] : [last]].map(bytesOf))
      const one = { chunks: cut(bytes.subarray(0, Math.max(0, bytes.length - lostBytes)), cuts), end, isDeflated }
      const [ours, theirs] = await Promise.all([endByFrameReader(one, room, turns), endByWs(one)])
      t.strictSame(ours, theirs)
    }), { numRuns: RUNS })
  })
}
