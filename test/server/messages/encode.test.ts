import t from 'tap'
import { builders, compile, eventOf, lines, replyOf } from '../../support/lines.js'
import type { IncomingCall } from '../../../lib/server/compile/contract.js'
import { Encoder } from '../../../lib/server/messages/encode.js'

const { Type } = builders[0]!
const contract = {
  name: 'chat',
  clientToServer: { history: { request: Type.Object({}), reply: Type.Array(Type.String()) } },
  serverToClient: {
    said: Type.Object({ text: Type.String({ minLength: 1 }), n: Type.Optional(Type.Number()) }),
    bye: Type.Object({}),
    'a "b"': Type.Object({})
  }
}

function encoderOf (validateOutgoing: boolean, more: object = {}): Encoder {
  return new Encoder(compile({ ...contract, ...more }), validateOutgoing)
}

t.test('the encoder writes a message as one flat JSON object', async (t) => {
  for (const validateOutgoing of [true, false]) {
    const encoder = encoderOf(validateOutgoing)
    t.equal(encoder.event('said', { text: 'hi', n: 1.5 }), '{"type":"said","text":"hi","n":1.5}')
    t.equal(encoder.event('said', { n: undefined, text: 'hi', secret: 1 }), '{"type":"said","text":"hi"}')
    t.equal(encoder.event('bye', {}), '{"type":"bye"}')
    t.equal(encoder.event('a "b"', {}), '{"type":"a \\"b\\""}')
    t.equal(encoder.pong(), '{"type":"$pong"}')
    t.equal(
      encoder.error({ ref: 1, received: 'history', statusCode: 400, error: 'Bad Request', message: '"no"' }),
      '{"type":"$error","ref":1,"received":"history","statusCode":400,"error":"Bad Request","message":"\\"no\\""}'
    )
    const history = compile(contract).incoming.get('history') as IncomingCall
    t.equal(encoder.reply(history, 7, ['a']), '{"type":"$reply","ref":7,"data":["a"]}')
    t.equal(encoder.reply(history, undefined, []), '{"type":"$reply","data":[]}')
  }
})

t.test('the encoder writes the type as the property that the contract names', async (t) => {
  const encoder = encoderOf(true, { discriminator: '"op"' })
  t.equal(encoder.event('bye', {}), '{"\\"op\\"":"bye"}')
  t.equal(encoder.pong(), '{"\\"op\\"":"$pong"}')
  t.match(JSON.parse(encoder.error({ statusCode: 500, error: 'x', message: 'y' })), { '"op"': '$error' })
  const freed = new Encoder(compile({ name: 'x', discriminator: 'op', serverToClient: { m: Type.Object({ type: Type.String() }) } }), true)
  t.equal(freed.event('m', { type: 'x', op: 'y' }), '{"op":"m","type":"x"}', 'and frees the other name')
})

t.test('the encoder writes no part of a payload that breaks its schema', async (t) => {
  const encoder = encoderOf(true)
  t.throws(() => encoder.event('said', { text: '' }), {
    code: 'FST_TYPED_WS_OUTGOING_INVALID',
    statusCode: 500,
    message: 'Outgoing said breaks its schema: message/text must NOT have fewer than 1 characters'
  })
  t.throws(() => encoder.event('said', {}), {
    code: 'FST_TYPED_WS_OUTGOING_INVALID',
    message: 'message must have required property \'text\''
  })
  for (const payload of [undefined, null, 'text', 7, [], [{ text: 'a' }], new Map()]) {
    t.throws(() => encoder.event('said', payload), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  }
  const history = compile(contract).incoming.get('history') as IncomingCall
  t.throws(() => encoder.reply(history, 7, [1]), {
    code: 'FST_TYPED_WS_OUTGOING_INVALID',
    message: 'Outgoing reply to history breaks its schema: message/0 must be string'
  })
  t.throws(() => encoder.event('nope', {}), {
    code: 'FST_TYPED_WS_OUTGOING_UNKNOWN',
    message: 'Contract \'chat\' has no event \'nope\' from server to client'
  })
  t.throws(() => encoder.event('toString', {}), { code: 'FST_TYPED_WS_OUTGOING_UNKNOWN' })
  for (const n of [NaN, Infinity, -Infinity]) {
    t.throws(() => encoder.event('said', { text: 'a', n }), { code: 'FST_TYPED_WS_OUTGOING_INVALID', message: 'message/n must be number' })
  }
})

t.test('an unchecked encoder still writes an object or nothing', async (t) => {
  const encoder = encoderOf(false)
  t.equal(encoder.event('said', { text: '', n: '5' }), '{"type":"said","text":"","n":"5"}')
  for (const payload of [undefined, null, 'text', 7, [], [{ text: 'a' }]]) {
    t.throws(() => encoder.event('said', payload), {
      code: 'FST_TYPED_WS_OUTGOING_INVALID',
      message: `must be object, not ${payload === null ? 'null' : typeof payload}`
    })
  }
  t.throws(() => encoder.event('said', {}), { code: 'FST_TYPED_WS_OUTGOING_INVALID', message: 'must have required property \'text\'' })
})

for (const { name, Type, of } of lines) {
  t.test(`${name}: a payload cannot pass itself off as another message`, async (t) => {
    const open = [
      Type.Record(Type.String(), Type.Any()),
      Type.Object({}, { additionalProperties: true }),
      Type.Union([Type.Record(Type.String(), Type.Any()), Type.Object({ a: Type.Optional(Type.Number()) }, { additionalProperties: true })])
    ]
    for (const schema of open) {
      for (const validateOutgoing of [true, false]) {
        const write = eventOf(of(schema), { validateOutgoing })
        t.equal(write({ a: 1 }), '{"type":"m","a":1}')
        t.equal(write({ a: { type: '$error' } }), '{"type":"m","a":{"type":"$error"}}', 'deeper down it is a property like any other')
        for (const property of ['type', 'ref']) {
          t.throws(() => write({ a: 1, [property]: '$error' }), {
            code: 'FST_TYPED_WS_OUTGOING_INVALID',
            message: `must NOT have property '${property}', which is the protocol's own`
          })
        }
        t.equal(replyOf(of(schema), { validateOutgoing })({ type: '$error' }), '{"type":"$error"}', 'and so it is in a reply')
      }
    }
    t.equal(
      eventOf(of(Type.Object({ a: Type.Number() })))({ a: 1, type: '$error', ref: 7 }),
      '{"type":"m","a":1}',
      'an undeclared property is left out'
    )
  })

  t.test(`${name}: the encoder leaves the payload as it is`, async (t) => {
    const given = Object.freeze({ a: Object.freeze({ secret: 1 }) })
    const schema = of(Type.Object({ a: Type.Object({ b: Type.Optional(Type.Number({ default: 5 })) }) }))
    t.equal(eventOf(schema)(given), '{"type":"m","a":{}}', 'defaults are left to the client')
    t.strictSame(given, { a: { secret: 1 } })
    t.equal(
      eventOf(schema, { ajv: { customOptions: { coerceTypes: true, removeAdditional: 'all', useDefaults: true } } })(given),
      '{"type":"m","a":{}}'
    )
  })
}
