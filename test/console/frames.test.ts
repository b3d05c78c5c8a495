// The frames of a connection: questions and their answers, the filters, the things made of a frame.
import t from 'tap'
import { meaningOf } from '../../lib/close-codes.js'
import { bytesOf, durationText, hexOf, sizeText } from '../../lib/console/page/bytes.js'
import { testOf, type Filter } from '../../lib/console/page/filter.js'
import { createLog, lineOf, MAX_FRAMES, withRef, type FrameLog, type Vocabulary } from '../../lib/console/page/frames.js'
import { readPrepared, replaced } from '../../lib/console/page/prepared.js'

const typed: Vocabulary = { discriminator: 'type', isTyped: true }
const foreign: Vocabulary = { discriminator: 'event', isTyped: false }
const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47])

function opened (vocabulary = typed): FrameLog {
  const log = createLog()
  log.open(vocabulary)
  return log
}

t.test('an answer belongs to its question, and knows the time since', async (t) => {
  const log = opened()
  const asked = log.message('sent', '{"type":"history","ref":1}', 1000)
  t.match(asked, { type: 'history', direction: 'sent', size: 26, waitedMs: undefined, isError: false, question: { ref: 1, isOurs: true } })
  t.equal(log.questions().length, 1)
  const answer = log.message('received', '{"type":"$reply","ref":1,"data":[]}', 1012)
  t.equal(answer.question, asked.question)
  t.equal(answer.waitedMs, 12)
  t.same(log.questions(), [])
  t.match(log.message('received', '{"type":"$reply","ref":8}', 1013), { question: undefined, waitedMs: undefined }, 'an answer to nothing')
})

t.test('a stream runs until its end, an error, or its $cancel', async (t) => {
  for (const [end, isReceived] of [['$done', true], ['$error', true], ['$cancel', false]] as const) {
    const log = opened()
    log.message('sent', '{"type":"ticks","ref":3}', 0)
    t.match(log.message('received', '{"type":"$next","ref":3,"data":1}', 5), { waitedMs: 5, question: { type: 'ticks', isOpen: true } })
    t.equal(log.questions().length, 1)
    const last = isReceived ? log.message('received', `{"type":"${end}","ref":3}`, 9) : log.message('sent', `{"type":"${end}","ref":3}`, 9)
    t.match(last, { question: { type: 'ticks', isOpen: false }, isError: end === '$error' })
    t.same(log.questions(), [])
    const late = log.message('received', '{"type":"$next","ref":3,"data":2}', 12)
    t.match(late, { question: { type: 'ticks' } }, 'a late item is of this stream')
  }
})

t.test('a call of the server\'s has refs of its own, and waits for an answer or a $cancel', async (t) => {
  const log = opened()
  log.message('sent', '{"type":"history","ref":1}', 0)
  const call = log.message('received', '{"type":"confirm","ref":1,"question":"Really?"}', 2)
  t.match(call, { question: { type: 'confirm', isOurs: false, isOpen: true }, waitedMs: undefined })
  t.match(log.questions().map(({ type }) => type), ['history', 'confirm'])
  t.match(log.message('sent', '{"type":"$reply","ref":1,"data":true}', 7), { question: { type: 'confirm', isOpen: false }, waitedMs: 5 })
  t.match(log.questions().map(({ type }) => type), ['history'])
  log.message('received', '{"type":"confirm","ref":2}', 8)
  log.message('received', '{"type":"$cancel","ref":2}', 9)
  t.match(log.questions().map(({ type }) => type), ['history'])
})

t.test('a connection that ends leaves no question open', async (t) => {
  const log = opened()
  const { question } = log.message('sent', '{"type":"history","ref":1}', 0)
  t.equal(log.nextRef, 2, 'the ref of an open question is not taken')
  log.open(typed)
  t.equal(question!.isOpen, false)
  const closed = log.add({ at: 5, direction: 'connection', type: 'closed', text: '1006', isError: true })
  t.match(closed, { direction: 'connection', type: 'closed', isError: true })
  log.open(typed)
  t.match(log.message('received', '{"type":"$reply","ref":1}', 9), { question: undefined })
})

t.test('refs connect the messages of another protocol, too', async (t) => {
  const log = opened(foreign)
  log.message('sent', '{"event":"ask","ref":1}', 0)
  t.match(log.message('received', '{"event":"told","ref":1}', 4), { type: 'told', waitedMs: 4, question: { type: 'ask', isOpen: false } })
  t.match(log.message('received', '{"event":"asks","ref":1}', 6), { question: { type: 'asks', isOurs: false } })
})

t.test('a text that is no message of the contract is a frame all the same', async (t) => {
  const log = opened()
  t.match(log.message('received', 'no JSON', 0), { type: '?', text: 'no JSON', size: 7, question: undefined })
  t.match(log.message('received', '[1]', 0), { type: '?' })
  t.match(log.message('sent', '{"type":5,"ref":"a"}', 0), { type: '?', question: undefined })
  t.equal(log.message('received', '"ä"', 0).size, 4, 'in bytes')
})

t.test('a binary frame says which event it belongs to', async (t) => {
  const log = opened()
  log.message('received', '{"type":"picture","$binary":true}', 0)
  t.match(log.message('received', PNG, 1), { type: 'binary', size: 4, text: 'The bytes of picture', bytes: PNG })
  t.match(log.message('received', PNG, 2), { text: '' })
  log.message('received', '{"type":"picture","$binary":true}', 3)
  t.match(log.message('sent', PNG, 4), { text: '' }, 'one of ours is none of its')
})

t.test('the last 2,000 frames are kept', async (t) => {
  const log = opened()
  for (let i = 0; i < MAX_FRAMES + 5; i++) log.message('received', `{"type":"n","i":${i}}`, i)
  t.equal(log.frames.length, 2000)
  t.equal(log.dropped, 5)
  t.equal(log.frames[0]!.at, 5)
  log.clear()
  t.same([log.frames.length, log.dropped], [0, 0])
})

t.test('filters find frames by direction, type, ref and text', async (t) => {
  const log = opened()
  log.add({ at: 0, direction: 'connection', type: 'open', text: 'ws://localhost' })
  log.message('sent', '{"type":"history","ref":3}', 1)
  log.message('received', '{"type":"$reply","ref":3,"data":"Hello World"}', 2)
  log.message('received', '{"type":"message","text":"hello"}', 3)
  log.message('sent', '{"type":"$ping"}', 4)
  log.message('received', '{"type":"$pong"}', 5)
  const find = (filter: Partial<Filter>) => {
    return log.frames.filter(testOf({ direction: '', type: '', text: '', hasPings: false, ...filter })).map(({ type }) => type).join()
  }
  t.equal(find({}), 'open,history,$reply,message')
  t.equal(find({ hasPings: true }), 'open,history,$reply,message,$ping,$pong')
  t.equal(find({ direction: 'sent' }), 'history')
  t.equal(find({ type: 'history' }), 'history,$reply', 'with the answers')
  t.equal(find({ text: 'ref:3' }), 'history,$reply')
  t.equal(find({ text: 'ref:' }), 'open,history,$reply,message', 'while it is typed')
  t.equal(find({ text: ' HELLO  world ' }), '$reply')
  t.equal(find({ text: 'ref:3 hello' }), '$reply')
  t.equal(find({ text: 'mess' }), 'message', 'the type is a text as well')
  log.message('sent', '{"type":"later","ref":31}', 6)
  t.equal(find({ text: 'ref:3' }), 'history,$reply', 'a number is the whole of it')
  t.equal(find({ text: 'ref:31' }), 'later')
})

t.test('a frame is a line of JSON', async (t) => {
  const log = opened()
  const at = Date.UTC(2026, 0, 1)
  const time = '2026-01-01T00:00:00.000Z'
  t.same(JSON.parse(lineOf(log.message('sent', '{"type":"a"}', at))), { time, direction: 'sent', data: { type: 'a' } })
  t.same(JSON.parse(lineOf(log.message('received', 'no\nJSON', at))), { time, direction: 'received', data: 'no\nJSON' })
  t.same(JSON.parse(lineOf(log.message('received', PNG, at))), { time, direction: 'received', hex: '89504e47' })
  const closed = log.add({ at, direction: 'connection', type: 'closed', text: '1000' })
  t.same(JSON.parse(lineOf(closed)), { time, direction: 'connection', type: 'closed', text: '1000' })
})

t.test('another ref stands behind the name of the message', async (t) => {
  t.equal(withRef('{"type":"a","ref":1,"x":2}', 5), '{"type":"a","ref":5,"x":2}')
  t.equal(withRef('{}', 5), '{"ref":5}')
  t.equal(withRef('[]', 5), '[]')
})

t.test('bytes are read and written as hex', async (t) => {
  t.same(bytesOf('89 50, 4E:47\n0x0a'), Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0a]))
  t.same(bytesOf(' '), new Uint8Array())
  for (const wrong of ['8g', '895']) t.throws(() => bytesOf(wrong), { message: 'A byte has two hex digits.' })
  t.equal(hexOf(PNG, 100).replaceAll(/ +/g, ' '), '000000 89 50 4e 47 .PNG')
  t.match(hexOf(new Uint8Array(40), 20), /^000000 .*\n000010 {2}00 00 00 00 .*\n… 20 more bytes$/)
  t.same([999, 1000, 3_400_000].map(sizeText), ['999 B', '1.0 kB', '3400.0 kB'])
  t.same([3.4, 1250].map(durationText), ['3 ms', '1.25 s'])
})

t.test('a close code has the meaning of the contract, of the protocol, or of the standard', async (t) => {
  const declared = { 4001: 'The room is full', 4002: 5 }
  t.equal(meaningOf(4001, declared, true), 'The room is full')
  t.equal(meaningOf(4002, declared, true), 'the application says why')
  t.equal(meaningOf(1008, {}, true), 'against a policy: too many invalid messages, say')
  t.equal(meaningOf(1008, {}, false), 'against a policy: too many invalid messages, say')
  t.equal(meaningOf(1006, {}, true), 'the link broke, or HTTP refused')
  t.equal(meaningOf(4401, {}, true), 'the credentials are expired')
  t.equal(meaningOf(4401, {}, false), 'the application says why')
  t.equal(meaningOf(4504, {}, true), 'refused, as by HTTP 404')
  t.equal(meaningOf(4504, {}, false), 'the application says why')
  t.equal(meaningOf(4999, {}, true), 'the application says why')
})

t.test('a prepared message is kept under its name, and one of a name', async (t) => {
  const hello = { name: 'Hello', message: 'sent message', text: '{}' }
  const list = replaced(replaced([], 'Hello', hello), 'Hello', { ...hello, text: '{ }' })
  t.same(list, [{ ...hello, text: '{ }' }])
  t.same(readPrepared(() => ({ getItem: (key) => key === 'chat' ? JSON.stringify(list) : null }), 'chat'), list)
  t.same(readPrepared(() => ({ getItem: () => null }), 'chat'), [])
  t.same(replaced(list, 'Hello'), [])
})

t.test('a storage that is closed or spoiled has no prepared message', async (t) => {
  const fail = () => { throw new Error('no') }
  for (const open of [fail, () => ({ getItem: fail }), () => ({ getItem: () => '{' }), () => ({ getItem: () => '{}' })]) {
    t.same(readPrepared(open, 'chat'), [])
  }
})
