import { createRequire } from 'node:module'
import fc from 'fast-check'
import t from 'tap'
import { Intake, type Reader } from '../../lib/server/intake.js'

const { Receiver } = createRequire(import.meta.url)('ws') as { Receiver: new (options: object) => Reader & NodeJS.EventEmitter }
const MAX_PAYLOAD_BYTES = 300

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

/** What a reader makes of bytes that arrive in these chunks. */
function ownReceiver (heard: unknown[]): Reader {
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

async function readByIntake (chunks: Buffer[], taken: { count: number } = { count: 0 }): Promise<unknown[]> {
  const heard: unknown[] = []
  const receiver = ownReceiver(heard)
  const intake = new Intake({ isFull: false, isOverheard: false, takeText (message) { taken.count++; heard.push(message) } }, receiver, MAX_PAYLOAD_BYTES)
  // As ws does: after the last frame nobody reads.
  for (const chunk of chunks) if (receiver.writable) intake.write(Buffer.from(chunk))
  await new Promise(setImmediate)
  return heard
}

function cut (bytes: Buffer, places: number[]): Buffer[] {
  const cuts = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end))
}

const payload = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 12 }).map((value) => Buffer.from(value)) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: fc.constantFrom(124, 125, 126, 127, 299, 300, 301).map((length) => Buffer.alloc(length, 'x')) }
)
const frame: fc.Arbitrary<Frame> = fc.record({
  first: fc.oneof({ weight: 8, arbitrary: fc.constant(0x81) }, { weight: 4, arbitrary: fc.constantFrom(0x01, 0x00, 0x80, 0x82, 0x02, 0x89, 0x8a) }, { weight: 1, arbitrary: fc.nat(255) }),
  payload,
  isMasked: fc.oneof({ weight: 20, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  form: fc.oneof({ weight: 8, arbitrary: fc.constant('short' as const) }, { weight: 1, arbitrary: fc.constantFrom<16 | 64>(16, 64) })
})
const arrival = fc.record({ frames: fc.array(frame, { maxLength: 12 }), cuts: fc.array(fc.nat(), { maxLength: 8 }) })

t.test('any bytes, however they are cut, are read as ws alone reads them', async (t) => {
  const taken = { count: 0 }
  await fc.assert(fc.asyncProperty(arrival, async ({ frames, cuts }) => {
    const chunks = cut(Buffer.concat(frames.map(bytesOf)), cuts)
    const [ours, theirs] = [await readByIntake(chunks, taken), await readByWs(chunks)]
    t.strictSame(ours, theirs)
  }), { numRuns: 3000 })
  t.ok(taken.count > 1000, 'and the intake took its share')
})

t.test('bytes that are no frames at all are read as ws alone reads them', async (t) => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.array(fc.nat(), { maxLength: 5 }), async (noise, cuts) => {
    const chunks = cut(Buffer.from(noise), cuts)
    t.strictSame(await readByIntake(chunks), await readByWs(chunks))
  }), { numRuns: 1000 })
})

t.test('a frame of more than 4 GiB is announced to ws, which refuses it', async (t) => {
  const header = Buffer.from([0x81, 0xff, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 3, 4])
  t.same(await readByIntake([header]), [['error', 'Max payload size exceeded']])
})

t.test('while its taker is full, frames wait, and go on in order when there is room', (t) => {
  const heard: string[] = []
  const taker = { isOverheard: false, room: 2, get isFull () { return this.room === 0 }, takeText (message: string) { this.room--; heard.push(message) } }
  const intake = new Intake(taker, { writable: true, write: () => t.fail('ws is not asked') }, MAX_PAYLOAD_BYTES)
  intake.resume()
  intake.write(Buffer.concat(['1', '2', '3', '4'].map((n) => bytesOf(text(n)))))
  intake.write(bytesOf(text('5')))
  t.same(heard, ['1', '2'])
  taker.room = 2
  intake.resume()
  t.same(heard, ['1', '2', '3', '4'])
  taker.room = 9
  intake.resume()
  intake.write(bytesOf(text('6')))
  t.same(heard, ['1', '2', '3', '4', '5', '6'])
  t.end()
})

t.test('bytes that waited are not copied to go on', (t) => {
  const written: Buffer[] = []
  const taker = { isOverheard: false, isFull: false, takeText () { this.isFull = true } }
  const intake = new Intake(taker, { writable: true, write: (bytes) => written.push(bytes) > 0 }, MAX_PAYLOAD_BYTES)
  const chunk = Buffer.concat([bytesOf(text('x')), bytesOf({ ...text(''), first: 0x89 })])
  intake.write(chunk)
  taker.isFull = false
  intake.resume()
  t.equal(written.length, 1)
  t.equal(written[0]!.buffer, chunk.buffer)
  t.equal(written[0]!.byteOffset, chunk.byteOffset + bytesOf(text('x')).length)
  t.end()
})

t.test('with a listener on ws, every message goes through ws', async (t) => {
  const heard: unknown[] = []
  const receiver = ownReceiver(heard)
  const intake = new Intake({ isFull: false, isOverheard: true, takeText: () => t.fail('taken') }, receiver, MAX_PAYLOAD_BYTES)
  intake.write(bytesOf(text('x')))
  t.same(heard, ['x'])
})

t.test('the frame reader says when ws wants no more', (t) => {
  const answers = [true, false, true]
  const intake = new Intake({ isFull: false, isOverheard: false, takeText: () => {} }, { writable: true, write: () => answers.shift()! }, MAX_PAYLOAD_BYTES)
  const ping = bytesOf({ ...text(''), first: 0x89 })
  t.equal(intake.write(ping), true)
  t.equal(intake.write(Buffer.concat([ping, ping])), false)
  t.end()
})
