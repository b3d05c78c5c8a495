import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import fc from 'fast-check'
import { MAX_DEPTH, type ErrorBody } from '../../../lib/protocol.js'
import { Decoder, type Decoded } from '../../../lib/server/messages/decode.js'
import { codePoint } from '../../support/code-point.js'
import { builders, compile, decoderOf, entriesOf, lines } from '../../support/lines.js'

const { Type } = builders[0]!

/** Decoders of events and a call, one for each way in which a schema can come. */
function decoders (): Array<{ name: string, decode: (text: string) => Decoded }> {
  return lines.map(({ name, Type, of }) => {
    const { incoming } = compile({
      name: 'test',
      clientToServer: {
        message: of(Type.Object({ text: Type.String({ minLength: 1, maxLength: 20 }), n: Type.Optional(Type.Integer()) })),
        closed: of(Type.Object({ a: Type.Optional(Type.Number()) }, { additionalProperties: false })),
        open: of(Type.Object({ a: Type.Optional(Type.Number()) }, { additionalProperties: Type.Number() })),
        empty: of(Type.Object({})),
        history: { request: of(Type.Object({ before: Type.Optional(Type.Number()) })), reply: of(Type.Array(Type.String())) },
        toString: of(Type.Object({})),
        constructor: of(Type.Object({}))
      }
    })
    const decoder = new Decoder(entriesOf(incoming), 'type')
    return { name, decode: (text) => decoder.decode(text) }
  })
}

/** The error that the client is told of. */
function errorOf (decoded: Decoded): ErrorBody | undefined {
  return decoded.kind === 'rejection' ? decoded.error : undefined
}

function rejection (code: string, message: string, answered: object = {}): object {
  return { kind: 'rejection', error: { ...answered, statusCode: 400, error: 'Bad Request', code: `FST_TYPED_WS_${code}`, message } }
}

for (const { name, decode } of decoders()) {
  t.test(`${name}: the decoder reads type, ref and payload of a message`, async (t) => {
    t.match(decode('{"type":"message","text":"hi","n":5}'), {
      kind: 'event',
      type: 'message',
      ref: undefined,
      payload: { text: 'hi', n: 5 },
      entry: { name: 'message' }
    })
    t.match(decode('{"n":5,"text":"hi","type":"message"}'), { kind: 'event', payload: { text: 'hi', n: 5 } }, 'in any order')
    t.strictSame(
      (decode('{"type":"message","ref":7,"text":"hi"}') as { payload: unknown, ref: unknown }).payload,
      { text: 'hi' },
      'the type and the ref are not in the payload'
    )
    t.match(decode('{"type":"message","ref":7,"text":"hi"}'), { ref: undefined }, 'an event has no ref')
    t.match(decode('{"type":"empty"}'), { kind: 'event', payload: {} })
    t.match(decode('{"type":"toString"}'), { kind: 'event', type: 'toString' })
    t.match(decode('{"type":"constructor"}'), { kind: 'event', type: 'constructor' })
    t.strictSame(decode('{"type":"$ping"}'), { kind: 'ping' })
    t.strictSame(decode(' {"type":"$ping","ref":"x"}\n'), { kind: 'ping' })
  })

  t.test(`${name}: the decoder follows the schema for unknown properties, except type and ref`, async (t) => {
    t.strictSame((decode('{"type":"message","text":"a","more":true}') as { payload: unknown }).payload, { text: 'a', more: true })
    t.match(decode('{"type":"closed","ref":1,"a":1}'), { kind: 'event', payload: { a: 1 } })
    t.strictSame(
      decode('{"type":"closed","a":1,"b":1}'),
      rejection('VALIDATION', 'message must NOT have additional properties', { received: 'closed' })
    )
    t.match(decode('{"type":"open","ref":1,"b":1}'), { kind: 'event', payload: { b: 1 } })
    t.strictSame(decode('{"type":"open","b":"1"}'), rejection('VALIDATION', 'message/b must be number', { received: 'open' }))
  })

  t.test(`${name}: the decoder coerces no value`, async (t) => {
    t.strictSame(
      decode('{"type":"message","text":"a","n":"5"}'),
      rejection('VALIDATION', 'message/n must be integer', { received: 'message' })
    )
    t.strictSame(decode('{"type":"message","text":5}'), rejection('VALIDATION', 'message/text must be string', { received: 'message' }))
    t.strictSame(decode('{"type":"message","text":["a"]}'), rejection('VALIDATION', 'message/text must be string', { received: 'message' }))
    t.strictSame(
      decode('{"type":"message","text":"a","n":null}'),
      rejection('VALIDATION', 'message/n must be integer', { received: 'message' })
    )
    t.strictSame(
      decode('{"type":"message","text":"a","n":true}'),
      rejection('VALIDATION', 'message/n must be integer', { received: 'message' })
    )
  })

  t.test(`${name}: a rejected payload is named by its type and ref`, async (t) => {
    t.strictSame(
      decode('{"type":"message","text":""}'),
      rejection('VALIDATION', 'message/text must NOT have fewer than 1 characters', { received: 'message' })
    )
    t.strictSame(
      decode('{"type":"message"}'),
      rejection('VALIDATION', 'message must have required property \'text\'', { received: 'message' })
    )
    t.strictSame(
      decode('{"type":"history","ref":3,"before":"x"}'),
      rejection('VALIDATION', 'message/before must be number', { ref: 3, received: 'history' })
    )
    t.strictSame(
      decode('{"type":"history","before":"x"}'),
      rejection('VALIDATION', 'message/before must be number', { received: 'history' })
    )
    t.strictSame(
      decode('{"type":"message","ref":3}'),
      rejection('VALIDATION', 'message must have required property \'text\'', { ref: 3, received: 'message' }),
      'an event that the client took for a call keeps its ref'
    )
    t.strictSame(
      decode('{"type":"message","ref":"x"}'),
      rejection('VALIDATION', 'message must have required property \'text\'', { received: 'message' })
    )
  })
}

const [{ decode } = { decode: decoderOf({}) }] = decoders()

t.test('the decoder rejects text that is no JSON object', async (t) => {
  for (const text of [
    '', ' ', 'hello', '{', '{}}', '{"type":"message",}', '\ufeff{"type":"$ping"}', 'undefined', 'NaN',
    '{"type":\'message\'}', '{"a":01}', '"\u0001"'
  ]) {
    t.strictSame(decode(text), rejection('INVALID_JSON', 'message is not valid JSON'), JSON.stringify(text))
  }
  for (const text of ['null', 'true', '7', '"message"', '[]', '[{"type":"message","text":"a"}]']) {
    t.strictSame(decode(text), rejection('INVALID_JSON', 'message must be a JSON object'), text)
  }
})

t.test('the decoder rejects properties that could poison a prototype, however they are written', async (t) => {
  const poisons: ReadonlyArray<[text: string, key: string]> = [
    ['{"type":"empty","__proto__":{}}', '__proto__'],
    ['{"type":"empty","__proto__":null}', '__proto__'],
    ['{"type":"empty","__proto__":1}', '__proto__'],
    ['{"type":"empty","\\u005f_proto__":{"isAdmin":true}}', '__proto__'],
    ['{"type":"empty","\\u005F\\u005fproto\\u005f_":{}}', '__proto__'],
    ['{"type":"empty","a":[{"b":{"__proto__":[]}}]}', '__proto__'],
    ['{"type":"empty","constructor":{"prototype":{}}}', 'constructor'],
    ['{"type":"empty","con\\u0073tructor":{"prot\\u006ftype":{"isAdmin":true}}}', 'constructor'],
    ['{"type":"empty","a":{"constructor":{"prototype":null}}}', 'constructor'],
    ['{"__proto__":{"type":"$ping"}}', '__proto__']
  ]
  for (const [text, key] of poisons) {
    t.strictSame(decode(text), rejection('INVALID_JSON', `message has a forbidden property '${key}'`), text)
  }
  for (const text of [
    '{"type":"empty","constructor":"Ford"}',
    '{"type":"empty","constructor":{"name":"Ford"}}',
    '{"type":"empty","prototype":{}}',
    '{"type":"empty","a":"__proto__"}'
  ]) {
    t.match(decode(text), { kind: 'event' }, text)
  }
})

t.test('the decoder rejects a message nested deeper than 64 levels', async (t) => {
  const nested = (depth: number, open: string, close: string): string => {
    return `{"type":"empty","a":${open.repeat(depth - 1)}1${close.repeat(depth - 1)}}`
  }
  for (const [open, close] of [['[', ']'], ['{"a":', '}'], ['[{"a":', '}]']] as const) {
    const levels = open.length > 5 ? 2 : 1
    t.match(decode(nested((MAX_DEPTH - 1) / levels + 1, open, close)), { kind: 'event' }, `64 of ${open}`)
    t.strictSame(
      decode(nested(MAX_DEPTH / levels + 1, open, close)),
      rejection('INVALID_JSON', 'message is nested deeper than 64 levels'),
      `more of ${open}`
    )
  }
  t.equal(MAX_DEPTH, 64)
  t.match(decode(nested(64, '[', ']')), { kind: 'event' }, 'an object and 63 arrays')
  t.match(decode(nested(65, '[', ']')), { kind: 'rejection' }, 'an object and 64 arrays')
  t.strictSame(decode('['.repeat(65536)), rejection('INVALID_JSON', 'message is not valid JSON'))
  t.strictSame(decode('{"a":'.repeat(13107)), rejection('INVALID_JSON', 'message is not valid JSON'))
  t.strictSame(decode(nested(32000, '[', ']')), rejection('INVALID_JSON', 'message is nested deeper than 64 levels'))
  t.strictSame(decode(nested(10000, '{"a":', '}')), rejection('INVALID_JSON', 'message is nested deeper than 64 levels'))
})

t.test('the decoder names a type that it does not know', async (t) => {
  t.strictSame(
    decode('{"type":"nope","ref":4}'),
    rejection('UNKNOWN_TYPE', 'message has an unknown type \'nope\'', { ref: 4, received: 'nope' })
  )
  t.strictSame(decode('{"type":"nope","ref":"4"}'), rejection('UNKNOWN_TYPE', 'message has an unknown type \'nope\'', { received: 'nope' }))
  for (const type of ['$next', '$done', '$pong', '$pin', '', 'hasOwnProperty', '__proto__']) {
    t.strictSame(
      decode(JSON.stringify({ type })),
      rejection('UNKNOWN_TYPE', `message has an unknown type '${type}'`, { received: type }),
      type
    )
  }
  for (const text of ['{}', '{"ref":4}', '{"type":7,"ref":4}', '{"type":["message"],"ref":4}', '{"type":null}', '{"op":"message"}']) {
    t.strictSame(
      decode(text),
      rejection('UNKNOWN_TYPE', 'message must have a string property \'type\'', text.includes('ref') ? { ref: 4 } : {}),
      text
    )
  }
  t.strictSame(
    decode(JSON.stringify({ type: 'x'.repeat(128) })),
    rejection('UNKNOWN_TYPE', `message has an unknown type '${'x'.repeat(128)}'`, { received: 'x'.repeat(128) })
  )
  t.strictSame(
    decode(JSON.stringify({ type: 'x'.repeat(129), ref: 1 })),
    rejection('UNKNOWN_TYPE', 'message has an unknown type', { ref: 1 }),
    'a longer type is not sent back'
  )
})

t.test('the decoder knows the messages of the protocol itself', async (t) => {
  t.strictSame(decode('{"type":"$ping"}'), { kind: 'ping' })
  t.strictSame(decode('{"type":"$cancel","ref":4}'), { kind: 'cancel', ref: 4 })
  t.strictSame(decode('{"type":"$reply","ref":4,"data":[1]}'), { kind: 'reply', ref: 4, data: [1] })
  t.strictSame(decode('{"type":"$reply","ref":4}'), { kind: 'reply', ref: 4, data: undefined })
  t.match(decode('{"type":"$error","ref":4,"message":"no"}'), { kind: 'error', ref: 4, data: { message: 'no' } })
  t.match(decode('{"type":"$error","message":"no"}'), { kind: 'error', ref: undefined }, 'an error needs no ref')
  for (const type of ['$reply', '$cancel']) {
    for (const ref of ['0', '"1"', '1.5', 'null']) {
      t.strictSame(
        decode(`{"type":"${type}","ref":${ref}}`),
        rejection('VALIDATION', 'message/ref must be a positive integer', { received: type })
      )
    }
    t.strictSame(decode(`{"type":"${type}"}`), rejection('VALIDATION', 'message/ref must be a positive integer', { received: type }))
  }
})

t.test('the decoder rejects a stream without a ref', async (t) => {
  const { incoming } = compile({ name: 'test', clientToServer: { ticks: { request: Type.Object({}), stream: Type.Number() } } })
  const decoder = new Decoder(entriesOf(incoming), 'type')
  t.match(decoder.decode('{"type":"ticks","ref":1}'), { kind: 'stream', ref: 1 })
  t.strictSame(decoder.decode('{"type":"ticks"}'), rejection('VALIDATION', 'message/ref must be a positive integer', { received: 'ticks' }))
})

t.test('the decoder accepts a positive integer as the ref of a call, or no ref', async (t) => {
  for (const ref of [1, 7, Number.MAX_SAFE_INTEGER]) t.match(decode(JSON.stringify({ type: 'history', ref })), { kind: 'call', ref })
  t.match(decode('{"type":"history"}'), { kind: 'call', ref: undefined })
  for (const ref of ['0', '-1', '1.5', '1e400', '9007199254740992', '"1"', 'null', 'true', '[1]', '{}']) {
    t.strictSame(
      decode(`{"type":"history","ref":${ref}}`),
      rejection('VALIDATION', 'message/ref must be a positive integer', { received: 'history' }),
      ref
    )
  }
})

t.test('the decoder reads the type from the property that the contract names', async (t) => {
  const { incoming } = compile({ name: 'test', discriminator: 'op', clientToServer: { m: Type.Object({ type: Type.String() }) } })
  const decoder = new Decoder(entriesOf(incoming), 'op')
  t.match(decoder.decode('{"op":"m","type":"x"}'), { kind: 'event', payload: { type: 'x' } })
  t.match(decoder.decode('{"op":"$ping"}'), { kind: 'ping' })
  t.strictSame(errorOf(decoder.decode('{"type":"m"}'))?.message, 'message must have a string property \'op\'')
})

/** JSON as a hostile client may write it. */
const key = fc.oneof(fc.constantFrom('type', 'ref', 'text', 'a', '__proto__', 'constructor', 'prototype', 'toString'), fc.string())
const hostile = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom('message', 'empty', 'open', 'history', '$ping', 1, null, ''),
    fc.string(),
    fc.double(),
    fc.array(tie('value')),
    fc.array(fc.tuple(key, tie('value'))).map(objectOf)
  )
})).value
const hostileText = fc.oneof(
  fc.string({ unit: codePoint }),
  fc.json(),
  hostile.map((value) => JSON.stringify(value)),
  fc.tuple(fc.constantFrom('message', 'empty', 'open', 'history', 'closed'), hostile).map(([type, value]) => {
    return `{"type":"${type}",${(JSON.stringify(objectOf([['a', value]]))).slice(1)}`
  }),
  fc.tuple(hostile, fc.nat(), fc.string({ unit: codePoint, maxLength: 3 })).map(([value, at, noise]) => {
    const text = JSON.stringify(value)
    return text.slice(0, at % (text.length + 1)) + noise + text.slice(at % (text.length + 1))
  })
)

// Makes the object as JSON.parse does: `__proto__` is a property like any other.
function objectOf (members: ReadonlyArray<[string, unknown]>): object {
  return JSON.parse(`{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value ?? null)}`).join()}}`) as object
}

function isClean (value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  const isPlain = [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value) as never)
  return isPlain && !Object.hasOwn(value, '__proto__') && Object.values(value).every(isClean)
}

t.test('the decoder never throws, and never returns a changed prototype', async (t) => {
  const all = decoders()
  fc.assert(fc.property(hostileText, (text) => {
    for (const { decode } of all) {
      const decoded = decode(text)
      if (decoded.kind === 'rejection' && !/^FST_TYPED_WS_(?:INVALID_JSON|UNKNOWN_TYPE|VALIDATION)$/.test(errorOf(decoded)?.code ?? '')) {
        return false
      }
      if ('entry' in decoded && !isClean(decoded.payload)) return false
    }
    return true
  }), { numRuns: 2000 })
  t.equal(Object.hasOwn(Object.prototype, 'isAdmin'), false)
})

t.test('the decoder accepts a valid payload as it is, whatever the order of its keys', async (t) => {
  const payload = fc.record({
    text: fc.string({ unit: codePoint, minLength: 1, maxLength: 10 }),
    n: fc.integer(),
    list: fc.array(fc.record({ a: fc.double({ noNaN: true, noDefaultInfinity: true }), b: fc.boolean() }, { requiredKeys: ['a'] })),
    map: fc.dictionary(fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'), fc.integer()),
    some: fc.constantFrom('x', 'y', 1, null)
  }, { requiredKeys: ['text', 'list'] })
  for (const { name, Type, of } of lines) {
    const decode = decoderOf(of(Type.Object({
      text: Type.String({ minLength: 1, maxLength: 20 }),
      n: Type.Optional(Type.Integer()),
      list: Type.Array(Type.Object({ a: Type.Number(), b: Type.Optional(Type.Boolean()) })),
      map: Type.Optional(Type.Unsafe<object>({ type: 'object', additionalProperties: { type: 'integer' } })),
      some: Type.Optional(Type.Union([Type.Literal('x'), Type.Literal('y'), Type.Literal(1), Type.Null()]))
    })))
    fc.assert(fc.property(payload, fc.nat(), (value, seed) => {
      const members = Object.entries({ ...value, type: 'm' })
      const rotated = Object.fromEntries([...members.slice(seed % members.length), ...members.slice(0, seed % members.length)])
      const decoded = decode(JSON.stringify(rotated))
      return decoded.kind === 'event' && isDeepStrictEqual(decoded.payload, JSON.parse(JSON.stringify(value)))
    }), { numRuns: 300 })
    t.pass(name)
  }
})

t.test('the decoder names the first fault of a message of 64 KiB', async (t) => {
  const fill = <T>(item: (n: number) => T): T[] => {
    return Array.from({ length: Math.floor(64_000 / (JSON.stringify(item(1000)).length + 1)) }, (_, n) => item(n))
  }
  const shapes = (T: typeof Type): Record<string, [schema: object, payload: object, text: string]> => ({
    'numbers that are texts': [T.Object({ a: T.Array(T.Number()) }), { a: fill(() => '') }, 'message/a/0 must be number'],
    'a wrong one at the end': [
      T.Object({ a: T.Array(T.Union([T.Object({ a: T.Number() }), T.String()])) }),
      { a: [...fill(() => 'a'), 1] },
      `message/a/${fill(() => 'a').length} must match a schema in anyOf`
    ],
    'a union that nothing matches': [
      T.Object({ a: T.Array(T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })])) }),
      { a: fill(() => 1) },
      'message/a/0 must match a schema in anyOf'
    ],
    'unknown names': [
      T.Object({}, { additionalProperties: false }),
      Object.fromEntries(fill((n) => `name${n}`).map((name) => [name, 1])),
      'message must NOT have additional properties'
    ],
    'a record of texts': [
      T.Object({ a: T.Record(T.String(), T.Number()) }),
      { a: Object.fromEntries(fill((n) => `name${n}`).map((name) => [name, ''])) },
      'message/a/name0 must be number'
    ],
    'different objects that must be unique': [
      T.Object({ a: T.Array(T.Any(), { uniqueItems: true }), b: T.Number() }),
      { a: fill((n) => ({ n })) },
      'message must have required property \'b\''
    ],
    'objects that must be unique and are not': [
      T.Object({ a: T.Array(T.Any(), { uniqueItems: true }) }),
      { a: [...fill((n) => ({ n, m: [n] })), { m: [0], n: 0 }] },
      'message/a must NOT have duplicate items'
    ]
  })
  for (const { name, Type, of } of lines) {
    for (const [what, [schema, payload, text]] of Object.entries(shapes(Type))) {
      const decode = decoderOf(of(schema))
      t.strictSame(decode(JSON.stringify({ type: 'm', ...payload })), rejection('VALIDATION', text, { received: 'm' }), `${name}: ${what}`)
    }
  }
})
