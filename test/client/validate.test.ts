import t from 'tap'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Type as Type1 } from 'typebox'
import { Value as Value1 } from 'typebox/value'
import { defineContract } from '../../lib/contract.js'
import { validateBy } from '../../lib/validate.js'
import { startOpen, talk, turn } from './fake.js'

const talk1 = defineContract({
  name: 'talk.v1',
  clientToServer: {
    say: Type1.Object({ text: Type1.String() }),
    twice: { request: Type1.Object({ n: Type1.Number() }), reply: Type1.Number() },
    ticks: { request: Type1.Object({}), stream: Type1.Number() }
  },
  serverToClient: {
    said: Type1.Object({ text: Type1.String() }),
    confirm: { request: Type1.Object({ question: Type1.String() }), reply: Type1.Boolean() }
  },
  topics: { room: { presence: Type1.Object({ name: Type1.String() }) }, plain: {} }
})
const talk034 = defineContract({ ...talk, topics: { room: { presence: Type.Object({ name: Type.String() }) }, plain: {} } })
const lines = { 'TypeBox 0.34': validateBy(talk034, Value.Check), 'TypeBox 1.x': validateBy(talk1, Value1.Check) }

for (const [line, validate] of Object.entries(lines)) {
  t.test(`a message that keeps the schemas of ${line} passes, one that breaks them is named`, async (t) => {
    t.equal(validate('event', 'said', { text: 'a' }), undefined)
    t.equal(validate('call', 'confirm', { question: 'a' }), undefined)
    t.equal(validate('reply', 'twice', 1), undefined)
    t.equal(validate('item', 'ticks', 1), undefined)
    t.equal(validate('event', 'said', { text: 1 }), "event 'said' breaks its schema")
    t.equal(validate('call', 'confirm', {}), "call 'confirm' breaks its schema")
    t.equal(validate('reply', 'twice', '1'), "reply 'twice' breaks its schema")
    t.equal(validate('item', 'ticks', null), "item 'ticks' breaks its schema")
  })

  t.test(`an info of ${line} is judged by the kind of its topic`, async (t) => {
    t.equal(validate('info', 'room:1', { name: 'Ada' }), undefined)
    t.equal(validate('info', 'room', { name: 'Ada' }), undefined)
    t.equal(validate('info', 'room:1', {}), "info 'room:1' breaks its schema")
    for (const topic of ['plain', 'rooms:1', 'toString', '']) {
      t.equal(validate('info', topic, {}), `there is no info '${topic}' from the server in contract 'talk.v1'`)
    }
  })

  t.test(`a message that the schemas of ${line} do not have is refused`, async (t) => {
    for (const [kind, type] of [
      ['event', 'say'], ['event', 'confirm'], ['event', 'toString'], ['event', '__proto__'], ['call', 'said'],
      ['call', 'twice'], ['reply', 'ticks'], ['reply', 'say'], ['item', 'twice'], ['item', 'confirm']
    ] as const) {
      t.equal(validate(kind, type, {}), `there is no ${kind} '${type}' from the server in contract 'talk.v1'`)
    }
  })
}

const invalid = { code: 'FST_TYPED_WS_INVALID_MESSAGE' }

t.test('an invalid event reaches no listener', async (t) => {
  const { client, network, errors } = await startOpen(t, { validate: lines['TypeBox 0.34'] })
  const heard: unknown[] = []
  client.on('said', (payload) => { heard.push(payload) })
  network.last.say({ type: 'said', text: 5 })
  network.last.say({ type: 'said', text: 'a' })
  network.last.say({ type: 'shouted', text: 'a' })
  t.same(heard, [{ text: 'a' }])
  t.match(errors, [{ ...invalid, message: "event 'said' breaks its schema" }, { ...invalid, message: /no event 'shouted'/ }])
})

t.test('an invalid call reaches no handler, and is answered at once', async (t) => {
  const { client, network, errors } = await startOpen(t, { validate: lines['TypeBox 0.34'] })
  client.handle('confirm', () => t.fail('asked'))
  network.last.say({ type: 'confirm', ref: 1, question: 5 })
  await turn()
  t.match(errors, [invalid])
  t.match(network.last.sent, [
    { type: '$error', ref: 1, received: 'confirm', statusCode: 400, message: "call 'confirm' breaks its schema", ...invalid }
  ])
})

t.test('a validate that throws ends a call of either side with an error', async (t) => {
  const cause = new Error('a fault in a check')
  const { client, network, errors } = await startOpen(t, { validate () { throw cause } })
  client.handle('confirm', () => t.fail('asked'))
  client.on('said', () => t.fail('heard'))
  network.last.say({ type: 'said', text: 'a' })
  network.last.say({ type: 'confirm', ref: 1, question: '' })
  await turn()
  t.match(network.last.sent, [{ type: '$error', ref: 1, received: 'confirm', statusCode: 500, ...invalid }])
  t.match(errors, [{ ...invalid, cause }, { ...invalid, cause }])
  const answer = client.call('twice', { n: 1 })
  network.last.say({ type: '$reply', ref: 1, data: 2 })
  await t.rejects(answer, { ...invalid, cause })
})

t.test('an invalid reply rejects the call', async (t) => {
  const { client, network, errors } = await startOpen(t, { validate: lines['TypeBox 0.34'] })
  const answer = client.call('twice', { n: 1 })
  network.last.say({ type: '$reply', ref: 1, data: 'two' })
  await t.rejects(answer, { ...invalid, message: "reply 'twice' breaks its schema" })
  const right = client.call('twice', { n: 1 })
  network.last.say({ type: '$reply', ref: 2, data: 2 })
  t.equal(await right, 2)
  t.same(errors, [])
})

t.test('an invalid item ends the loop, and the stream on the server', async (t) => {
  const { client, network } = await startOpen(t, { validate: lines['TypeBox 0.34'] })
  const ticks = client.stream('ticks', {})
  const first = ticks.next()
  network.last.say({ type: '$next', ref: 1, data: 1 })
  network.last.say({ type: '$next', ref: 1, data: 'two' })
  t.equal((await first).value, 1)
  await t.rejects(ticks.next(), invalid)
  t.same(network.last.sent.slice(1), [{ type: '$cancel', ref: 1 }])
})
