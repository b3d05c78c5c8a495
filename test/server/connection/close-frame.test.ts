// Codes and reasons that a connection may be closed with.
import { once } from 'node:events'
import t from 'tap'
import fc from 'fast-check'
import { closeFrameOf } from '../../../lib/server/connection/close-frame.js'
import { connect } from '../../support/helper.js'
import { live, start } from '../../support/live.js'

const INVALID = { code: 'FST_TYPED_WS_INVALID_CLOSE', statusCode: 500 }
const NO_CODES: readonly unknown[] = [
  0, -1, 999, 1004, 1016, 2000, 2999, 5000, 65_536, 1000.5, NaN, Infinity, '1000', null, {}, Symbol('code'), 1000n,
  new Date()
]
const NO_REASONS: readonly unknown[] = [
  null, 7, {}, [], Symbol('reason'), () => {}, { toString: null }, new ArrayBuffer(1), new Uint16Array(1)
]

t.test('a close frame has a code of RFC 6455 §7.4 and a text, or is empty', async (t) => {
  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]) {
    t.same(closeFrameOf(code, 'why'), [code, 'why'])
  }
  for (const code of [1005, 1006, 1015]) t.same(closeFrameOf(code, 'why'), [], 'what only a close event may say')
  for (const code of NO_CODES) t.throws(() => closeFrameOf(code, ''), INVALID)
  for (const reason of NO_REASONS) for (const code of [1000, 1005]) t.throws(() => closeFrameOf(code, reason), INVALID)
  t.same(closeFrameOf(4000, Buffer.from('grüße')), [4000, 'grüße'], 'the reason as ws has it')
  t.same(closeFrameOf(4000, Buffer.from([0xff])), [4000, '\ufffd'])
  t.same(closeFrameOf(4000, 'x'.repeat(1000)), [4000, 'x'.repeat(123)])
})

t.test('a wrong code or reason throws FST_TYPED_WS_INVALID_CLOSE, whatever its type', async (t) => {
  fc.assert(fc.property(fc.anything(), fc.anything(), (code, reason) => {
    try {
      closeFrameOf(code, reason)
      return true
    } catch (error) {
      return (error as { code: string }).code === INVALID.code
    }
  }), { numRuns: 1000 })
  t.match(
    await Promise.resolve().then(() => closeFrameOf(999, '')).catch(({ message }: Error) => message),
    /the code is 1000 to 1003, 1007 to 1014 or 3000 to 4999, not 999$/
  )
  t.match(
    await Promise.resolve().then(() => closeFrameOf(1000, null)).catch(({ message }: Error) => message),
    /the reason is a string, not null$/
  )
})

t.test('a bridge can pass on the code and reason of its other connection, or their absence', async (t) => {
  const { url, app } = await start(t)
  for (const [code, expected] of [[1005, 1005], [1006, 1005], [1015, 1005], [4321, 4321], [undefined, 1000]] as const) {
    const client = await connect(t, url)
    const socket = [...app.channel(live).sockets()].at(-1)!
    socket.close(code, Buffer.from('gone'))
    t.same(await client.closed(), { code: expected, reason: expected === 1005 ? '' : 'gone' })
  }
})

t.test('a close with a wrong code throws, also after the end, and closes nothing', async (t) => {
  const { client, socket, app } = await start(t)
  const close = socket.close.bind(socket) as (code?: unknown, reason?: unknown) => void
  for (const code of NO_CODES) t.throws(() => close(code), INVALID)
  for (const reason of NO_REASONS) t.throws(() => close(1000, reason), INVALID)
  await t.rejects(app.channel(live).disconnect(() => true, 999), INVALID)
  await t.rejects(app.channel(live).disconnect(() => true, 1000, null as never), INVALID)
  t.equal(socket.readyState, 1)
  t.equal(await app.channel(live).disconnect(() => true, 1006, 'gone'), 1)
  t.same(await client.closed(), { code: 1005, reason: '' })
  if (socket.readyState !== 3) await once(socket.raw, 'close')
  t.throws(() => close(999), INVALID)
  close(1000)
  await t.rejects(app.channel(live).disconnect(() => true, 999), INVALID, 'also where nobody is there')
})
