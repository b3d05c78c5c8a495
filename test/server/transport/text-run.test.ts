import t from 'tap'
import fc from 'fast-check'
import { frameText, type Bytes } from '../../../lib/server/transport/frame.js'
import { MAX_LETTER_BYTES, MAX_RUN_TEXT, bytesOfRun, nonAsciiOf, runHeader } from '../../../lib/server/transport/text-run.js'

/** The bytes of a run of these texts. */
function runOf (texts: readonly string[]): Bytes {
  const headers = texts.map(runHeader)
  const run = texts.map((text, n) => headers[n]! + text).join('')
  return bytesOfRun(run, headers.reduce((sum, header) => sum + nonAsciiOf(header), 0))
}

/** The frames that they have alone. */
function framesOf (texts: readonly string[]): Buffer {
  return Buffer.concat(texts.map(frameText).map((frame) => typeof frame === 'string' ? Buffer.from(frame, 'latin1') : frame))
}

t.test('a run of texts has the bytes of their frames', async (t) => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 150 }),
    fc.string({ maxLength: 400 }),
    fc.tuple(
      fc.constantFrom('a', 'é', '\u0081', '\u0100', '€', '😀', '\ud800'),
      fc.constantFrom(41, 42, 62, 63, 125, 126, 127, 128, 255, 256, 32768)
    ).map(([letter, count]) => letter.repeat(count).slice(0, MAX_RUN_TEXT))
  )
  fc.assert(fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), (texts) => {
    const bytes = runOf(texts)
    const isAscii = texts.every((text) => Buffer.byteLength(text) === text.length)
    return (typeof bytes === 'string') === isAscii &&
      (typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes).equals(framesOf(texts))
  }), { numRuns: 300 })
  t.pass('every run')
})

t.test('a run takes the longest text', async (t) => {
  for (const letter of ['a', 'é', '€']) {
    const text = letter.repeat(MAX_RUN_TEXT)
    const bytes = runOf(['a', text, 'b'])
    t.ok((typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes).equals(framesOf(['a', text, 'b'])), letter)
    const letters = 2 + 'a'.length + 4 + text.length + 2 + 'b'.length
    t.ok(bytes.length <= MAX_LETTER_BYTES * letters, 'no more bytes than are counted for its letters')
  }
})
