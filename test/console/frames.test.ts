// The frames of a connection: questions and their answers, the filters, the things made of a frame.
import t from 'tap'
import { meaningOf } from '../../lib/close-codes.js'
import { bytesOf, durationText, hexOf, sizeText } from '../../lib/console/page/bytes.js'
import { testOf, type Filter } from '../../lib/console/page/filter.js'
import { FrameLog, lineOf, MAX_FRAMES, withRef, type Vocabulary } from '../../lib/console/page/frames.js'
import { PreparedMessages, type TextStorage } from '../../lib/console/page/prepared.js'

const typed: Vocabulary = { discriminator: 'type', isTyped: true }
const foreign: Vocabulary = { discriminator: 'event', isTyped: false }
const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47])

function createLog (vocabulary = typed): FrameLog {
  const log = new FrameLog()
  log.open(vocabulary)
  return log
}

t.test('an answer belongs to its question, and knows the time since', async (t) => {
  const log = createLog()
  const asked = log.sent('{"type":"history","ref":1}', 1000)
  t.match(asked, { type: 'history', direction: 'sent', size: 26, waitedMs: undefined, isError: false, question: { ref: 1, isOurs: true } })
  t.equal(log.questions().length, 1)
  const answer = log.received('{"type":"$reply","ref":1,"data":[]}', 1012)
  t.equal(answer.question, asked.question)
  t.equal(answer.waitedMs, 12)
  t.same(log.questions(), [])
  t.match(log.received('{"type":"$reply","ref":8}', 1013), { question: undefined, waitedMs: undefined }, 'an answer to nothing')
})

t.test('a stream runs until its end, an error, or its $cancel', async (t) => {
  for (const [end, isReceived] of [['$done', true], ['$error', true], ['$cancel', false]] as const) {
    const log = createLog()
    log.sent('{"type":"ticks","ref":3}', 0)
    t.match(log.received('{"type":"$next","ref":3,"data":1}', 5), { waitedMs: 5, question: { type: 'ticks', isOpen: true } })
    t.equal(log.questions().length, 1)
    const last = isReceived ? log.received(`{"type":"${end}","ref":3}`, 9) : log.sent(`{"type":"${end}","ref":3}`, 9)
    t.match(last, { question: { type: 'ticks', isOpen: false }, isError: end === '$error' })
    t.same(log.questions(), [])
    t.match(log.received('{"type":"$next","ref":3,"data":2}', 12), { question: { type: 'ticks' } }, 'a late item is of this stream')
  }
})

t.test('a call of the server\'s has refs of its own, and waits for an answer or a $cancel', async (t) => {
  const log = createLog()
  log.sent('{"type":"history","ref":1}', 0)
  const call = log.received('{"type":"confirm","ref":1,"question":"Really?"}', 2)
  t.match(call, { question: { type: 'confirm', isOurs: false, isOpen: true }, waitedMs: undefined })
  t.match(log.questions().map(({ type }) => type), ['history', 'confirm'])
  t.match(log.sent('{"type":"$reply","ref":1,"data":true}', 7), { question: { type: 'confirm', isOpen: false }, waitedMs: 5 })
  t.match(log.questions().map(({ type }) => type), ['history'])
  log.received('{"type":"confirm","ref":2}', 8)
  log.received('{"type":"$cancel","ref":2}', 9)
  t.match(log.questions().map(({ type }) => type), ['history'])
})

t.test('a connection that ends leaves no question open', async (t) => {
  const log = createLog()
  const { question } = log.sent('{"type":"history","ref":1}', 0)
  t.equal(log.takeRef(), 2, 'the ref of an open question is not taken')
  log.close()
  t.equal(question!.isOpen, false)
  t.match(log.note('closed', '1006', 5, true), { direction: 'connection', type: 'closed', isError: true })
  log.open(typed)
  t.match(log.received('{"type":"$reply","ref":1}', 9), { question: undefined })
})

t.test('refs connect the messages of another protocol, too', async (t) => {
  const log = createLog(foreign)
  log.sent('{"event":"ask","ref":1}', 0)
  t.match(log.received('{"event":"told","ref":1}', 4), { type: 'told', waitedMs: 4, question: { type: 'ask', isOpen: false } })
  t.match(log.received('{"event":"asks","ref":1}', 6), { question: { type: 'asks', isOurs: false } })
})

t.test('a text that is no message of the contract is a frame all the same', async (t) => {
  const log = createLog()
  t.match(log.received('no JSON', 0), { type: '?', text: 'no JSON', size: 7, question: undefined })
  t.match(log.received('[1]', 0), { type: '?' })
  t.match(log.sent('{"type":5,"ref":"a"}', 0), { type: '?', question: undefined })
  t.equal(log.received('"ä"', 0).size, 4, 'in bytes')
})

t.test('a binary frame says which event it belongs to', async (t) => {
  const log = createLog()
  log.received('{"type":"picture","$binary":true}', 0)
  t.match(log.received(PNG, 1), { type: 'binary', size: 4, text: 'The bytes of picture', bytes: PNG })
  t.match(log.received(PNG, 2), { text: '' })
  log.received('{"type":"picture","$binary":true}', 3)
  t.match(log.sent(PNG, 4), { text: '' }, 'one of ours is none of its')
})

t.test('the last 2,000 frames are kept', async (t) => {
  const log = createLog()
  for (let i = 0; i < MAX_FRAMES + 5; i++) log.received(`{"type":"n","i":${i}}`, i)
  t.equal(log.frames.length, 2000)
  t.equal(log.dropped, 5)
  t.equal(log.frames[0]!.at, 5)
  log.clear()
  t.same([log.frames.length, log.dropped], [0, 0])
})

t.test('filters find frames by direction, type, ref and text', async (t) => {
  const log = createLog()
  log.note('open', 'ws://localhost', 0)
  log.sent('{"type":"history","ref":3}', 1)
  log.received('{"type":"$reply","ref":3,"data":"Hello World"}', 2)
  log.received('{"type":"message","text":"hello"}', 3)
  log.sent('{"type":"$ping"}', 4)
  log.received('{"type":"$pong"}', 5)
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
})

t.test('a frame is a line of JSON', async (t) => {
  const log = createLog()
  const at = Date.UTC(2026, 0, 1)
  const time = '2026-01-01T00:00:00.000Z'
  t.same(JSON.parse(lineOf(log.sent('{"type":"a"}', at))), { time, direction: 'sent', data: { type: 'a' } })
  t.same(JSON.parse(lineOf(log.received('no\nJSON', at))), { time, direction: 'received', data: 'no\nJSON' })
  t.same(JSON.parse(lineOf(log.received(PNG, at))), { time, direction: 'received', hex: '89504e47' })
  t.same(JSON.parse(lineOf(log.note('closed', '1000', at))), { time, direction: 'connection', type: 'closed', text: '1000' })
})

t.test('another ref stands behind the name of the message', async (t) => {
  t.equal(withRef('{"type":"a","ref":1,"x":2}', 5), '{"type":"a","ref":5,"x":2}')
  t.equal(withRef('{}', 5), '{"ref":5}')
  t.equal(withRef('[]', 5), '[]')
})

t.test('bytes are read and written as hex', async (t) => {
  t.same(bytesOf('89 50, 4E:47\n0x0a'), Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0a]))
  t.same(bytesOf(' '), new Uint8Array())
  t.throws(() => bytesOf('8g'), { message: 'g is no hex digit.' })
  t.throws(() => bytesOf('895'), { message: 'A byte has two hex digits.' })
  t.equal(hexOf(PNG, 100).replaceAll(/ +/g, ' '), '000000 89 50 4e 47 .PNG')
  t.match(hexOf(new Uint8Array(40), 20), /^000000 .*\n000010 {2}00 00 00 00 .*\n… 20 more bytes$/)
  t.same([999, 1000, 3_400_000].map(sizeText), ['999 B', '1.0 kB', '3.4 MB'])
  t.same([3.4, 1250].map(durationText), ['3 ms', '1.25 s'])
})

t.test('a close code has the meaning of the contract, of the protocol, or of the standard', async (t) => {
  const declared = { 4001: 'The room is full', 4002: 5 }
  t.equal(meaningOf(4001, declared, true), 'The room is full')
  t.equal(meaningOf(4002, declared, true), 'the application says why')
  t.equal(meaningOf(1008, {}, true), 'too many invalid messages in a row')
  t.equal(meaningOf(1008, {}, false), 'a policy was violated')
  t.equal(meaningOf(1006, {}, true), 'the link broke, or the handshake was refused over HTTP')
  t.equal(meaningOf(4504, {}, true), 'refused, as by HTTP 404')
  t.equal(meaningOf(4504, {}, false), 'the application says why')
  t.equal(meaningOf(4999, {}, true), 'the application says why')
  t.equal(meaningOf(1015, {}, true), 'no meaning is known')
})

t.test('prepared messages are kept by document and route', async (t) => {
  const kept = new Map<string, string>()
  const storage: TextStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) }
  const hello = { name: 'Hello', message: 'sent message', text: '{}' }
  const messages = new PreparedMessages(storage, '/a.json', 'chat')
  t.ok(messages.save(hello))
  t.ok(messages.save({ ...hello, text: '{ }' }))
  t.same(new PreparedMessages(storage, '/a.json', 'chat').list, [{ ...hello, text: '{ }' }], 'one of a name')
  t.same(new PreparedMessages(storage, '/b.json', 'chat').list, [])
  t.same(new PreparedMessages(storage, '/a.json', 'other').list, [])
  t.ok(messages.remove('Hello'))
  t.same(new PreparedMessages(storage, '/a.json', 'chat').list, [])
})

t.test('a storage that is closed, full or spoiled loses nothing but the next visit', async (t) => {
  const hello = { name: 'Hello', message: 'sent message', text: '{}' }
  const fail = () => { throw new Error('no') }
  for (const storage of [undefined, { getItem: fail, setItem: fail }]) {
    const messages = new PreparedMessages(storage, '/a.json', 'chat')
    t.notOk(messages.save(hello))
    t.same(messages.list, [hello])
  }
  for (const text of ['{', '{}', '[5,{"name":"a"}]']) {
    t.same(new PreparedMessages({ getItem: () => text, setItem: fail }, '/a.json', 'chat').list, [])
  }
})
