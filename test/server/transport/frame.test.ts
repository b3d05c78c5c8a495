import { createRequire } from 'node:module'
import t from 'tap'
import fc from 'fast-check'
import { frameBinary, frameText, unmask, wordsBelow, type Bytes } from '../../../lib/server/transport/frame.js'

const { Receiver } = createRequire(import.meta.url)('ws') as { Receiver: new (options: object) => NodeJS.WritableStream }

/** The bytes that go to the stream. */
function bytesOf (frame: Bytes): Buffer {
  return typeof frame === 'string' ? Buffer.from(frame, 'latin1') : frame
}

// RFC 6455 §5.2
t.test('the frame writer writes a header of 2, 4 or 10 bytes', async (t) => {
  const headers: ReadonlyArray<[length: number, header: string]> = [
    [0, '8100'], [1, '8101'], [125, '817d'],
    [126, '817e007e'], [127, '817e007f'], [256, '817e0100'], [65535, '817effff'],
    [65536, '817f0000000000010000'], [70000, '817f0000000000011170']
  ]
  for (const [length, header] of headers) {
    const text = bytesOf(frameText('a'.repeat(length)))
    t.equal(text.toString('hex', 0, header.length / 2), header, `${length} bytes of text`)
    t.equal(text.toString('latin1', header.length / 2), 'a'.repeat(length))
    const binary = frameBinary(Buffer.alloc(length, 0xff))
    t.equal(binary.toString('hex', 0, header.length / 2), header.replace('81', '82'), `${length} bytes`)
    t.ok(binary.subarray(header.length / 2).equals(Buffer.alloc(length, 0xff)))
  }
})

t.test('the frame writer counts bytes, not characters', async (t) => {
  t.equal(bytesOf(frameText('é')).toString('hex'), '8102c3a9')
  t.equal(bytesOf(frameText('😀')).toString('hex'), '8104f09f9880')
  t.equal(bytesOf(frameText('é'.repeat(63))).toString('hex', 0, 4), '817e007e')
  t.equal(bytesOf(frameText('é'.repeat(32768))).toString('hex', 0, 10), '817f0000000000010000')
})

t.test('the frame writer keeps ASCII as a string, which is cheap to join', async (t) => {
  t.type(frameText('{"type":"message"}'), 'string')
  t.ok(Buffer.isBuffer(frameText('{"type":"é"}')))
  t.ok(Buffer.isBuffer(frameBinary(new Uint8Array([1, 2]))))
})

t.test('ws reads the frames of the frame writer', async (t) => {
  const message = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.string({ maxLength: 70_000 }),
    fc.constantFrom(125, 126, 65535, 65536).map((length) => 'x'.repeat(length)),
    fc.uint8Array({ maxLength: 300 })
  )
  await fc.assert(fc.asyncProperty(fc.array(message, { maxLength: 5 }), async (messages) => {
    const heard: unknown[] = []
    const receiver = new Receiver({ isServer: false })
    receiver.on('message', (data: Buffer, isBinary: boolean) => heard.push(isBinary ? [...data] : data.toString()))
    const frames = messages.map((message) => typeof message === 'string' ? frameText(message) : frameBinary(message))
    receiver.write(Buffer.concat(frames.map(bytesOf)))
    while (heard.length < messages.length) await new Promise(setImmediate)
    return JSON.stringify(heard) === JSON.stringify(messages.map((message) => typeof message === 'string' ? message : [...message]))
  }), { numRuns: 50 })
  t.pass('every frame')
})

t.test('a payload is unmasked at every place in memory, and known to be ASCII or not', async (t) => {
  for (let length = 0; length < 70; length++) {
    for (let place = 0; place < 4; place++) {
      for (const letter of [undefined, 0, length - 1]) {
        // The mask is 0xff, 1, 2, 3; bytes behind the payload are 0.
        const bytes = Buffer.from(new ArrayBuffer(100), place, 80)
        bytes.set([0xff, 1, 2, 3], 2)
        const payload = Buffer.alloc(length, 0x61)
        if (letter !== undefined && length > 0) payload[letter] = 0xe9
        bytes.set(payload.map((byte, n) => byte ^ bytes[2 + n % 4]!), 6)
        const isAscii = letter === undefined || length === 0
        t.equal(unmask(bytes, 6, 6 + length, wordsBelow(bytes)), isAscii, `${length} bytes at ${place}`)
        t.same(bytes.subarray(6), Buffer.concat([payload, Buffer.alloc(74 - length)]), `${length} bytes at ${place}, and none behind them`)
      }
    }
  }
})
