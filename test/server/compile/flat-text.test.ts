import { isDeepStrictEqual } from 'node:util'
import type { TSchema } from '@sinclair/typebox'
import fc from 'fast-check'
import t from 'tap'
import type { CompiledContract } from '../../../lib/server/compile/contract.js'
import { Decoder, type Decoded } from '../../../lib/server/messages/decode.js'
import { builders, compile, entriesOf, lines } from '../../support/lines.js'

const { Type } = builders[0]!

// A space behind a text means nothing in JSON, and the text is not flat any more.
const SPACE = ' '

/** An event `m`, a call and a stream of one schema. */
function incomingOf (schema: object, discriminator: string): CompiledContract['incoming'] {
  const clientToServer = { m: schema, call: { request: schema, reply: Type.Null() }, stream: { request: schema, stream: Type.Null() } }
  return compile({ name: 'test', discriminator, clientToServer }).incoming
}

function decoderOf (schema: object, discriminator = 'type'): Decoder {
  return new Decoder(entriesOf(incomingOf(schema, discriminator)), discriminator)
}

/** The pattern and the reader of a message. */
function readerOf (schema: object, name = 'm'): (text: string) => unknown {
  const { flat } = incomingOf(schema, 'type').get(name)!
  return (text) => {
    const match = flat?.pattern.exec(text)
    return match && flat!.payloadOf(match)
  }
}

function isSame (decoder: Decoder, text: string): boolean {
  const [flat, parsed] = [decoder.decode(text), decoder.decode(text + SPACE)]
  return isDeepStrictEqual(flat, parsed) && JSON.stringify(payloadOf(flat)) === JSON.stringify(payloadOf(parsed))
}

function payloadOf (decoded: Decoded): unknown {
  return 'payload' in decoded ? decoded.payload : undefined
}

for (const { name, Type, of } of lines) {
  t.test(`${name}: the text of a message is read without a JSON parser when its members are scalars in order`, async (t) => {
    const schema = of(Type.Object({
      text: Type.String(),
      id: Type.Integer(),
      isLast: Type.Boolean(),
      note: Type.Optional(Type.String()),
      score: Type.Optional(Type.Union([Type.Number(), Type.Null(), Type.Literal('none')]))
    }))
    const read = readerOf(schema)
    t.strictSame(read('{"type":"m","text":"hé 😀","id":-12,"isLast":true}'), { text: 'hé 😀', id: -12, isLast: true })
    t.strictSame(
      read('{"type":"m","text":"","id":0,"isLast":false,"note":"n","score":1.5e3}'),
      { text: '', id: 0, isLast: false, note: 'n', score: 1500 }
    )
    const readCall = readerOf(schema, 'call')
    t.strictSame(readCall('{"type":"call","ref":7,"text":"","id":0,"isLast":true}'), { text: '', id: 0, isLast: true })
    t.strictSame(readCall('{"type":"call","text":"","id":0,"isLast":true,"ref":7}'), { text: '', id: 0, isLast: true })
    t.strictSame(read('{"type":"m","text":"","id":0,"isLast":false,"score":"none"}'), { text: '', id: 0, isLast: false, score: 'none' })
    t.strictSame(read('{"type":"m","text":"","id":0,"isLast":false,"score":null}'), { text: '', id: 0, isLast: false, score: null })
    for (const other of [
      '{"type":"m","id":1,"text":"","isLast":true}', '{"type":"m","text":"","id":1,"isLast":true,"more":1}',
      '{"type":"m","text":"a\\n","id":1,"isLast":true}', '{"type":"m","text":"a\n","id":1,"isLast":true}',
      '{"type":"m", "text":"","id":1,"isLast":true}', '{"type":"m","text":"","id":01,"isLast":true}',
      '{"type":"m","text":"","id":"1","isLast":true}', '{"type":"m","text":"","id":1}',
      '{"type":"m","ref":7,"text":"","id":1,"isLast":true}', '{"type":"call","text":"","id":1,"isLast":true}'
    ]) t.equal(read(other), null, `left to the parser: ${other}`)
    for (const ref of ['0', '-1', '1000000000000000', '"7"']) {
      t.equal(readCall(`{"type":"call","ref":${ref},"text":"","id":1,"isLast":true}`), null, `left to the parser: ${ref}`)
    }
  })
}

t.test('a message that must hold an object or an array, or that has very many properties, has no flat text', async (t) => {
  const { flat, nested, list, many, union } = Object.fromEntries(compile({
    name: 'test',
    clientToServer: {
      flat: Type.Object({ a: Type.String(), b: Type.Optional(Type.Object({})) }),
      nested: Type.Object({ a: Type.Object({}) }),
      list: Type.Object({ a: Type.Array(Type.String()) }),
      many: Type.Object(Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`p${n}`, Type.String()]))),
      union: Type.Union([Type.Object({ a: Type.Literal(1) }), Type.Object({ a: Type.Literal(2) })])
    }
  }).incoming) as Record<string, { flat: unknown }>
  t.ok(flat!.flat)
  t.strictSame([nested, list, many, union].map((message) => message!.flat), [undefined, undefined, undefined, undefined])
})

t.test('a property named __proto__ is refused, whatever the schema says', async (t) => {
  const properties = JSON.parse('{"a":{"type":"string"},"__proto__":{"type":"string"}}') as Record<string, TSchema>
  const decoder = decoderOf({ type: 'object', properties, required: ['a', '__proto__'] })
  for (const end of ['', SPACE]) {
    const decoded = decoder.decode(`{"type":"m","a":"","__proto__":"x"}${end}`)
    t.match(decoded, { kind: 'rejection', error: { message: 'message has a forbidden property \'__proto__\'' } })
  }
})

t.test('a long number is a ref that is read, or refused, in the same way', async (t) => {
  const decoder = decoderOf(Type.Object({ a: Type.Optional(Type.String()) }))
  for (const name of ['m', 'call', 'stream']) {
    const safe = ['1', '999999999999999', '1000000000000000', '9007199254740991']
    for (const ref of [...safe, '9007199254740992', '0', '-1', '1.5', '1e3', '"1"', 'null']) {
      t.ok(isSame(decoder, `{"type":"${name}","ref":${ref}}`), `${name} ${ref}`)
      t.ok(isSame(decoder, `{"type":"${name}","ref":${ref},"a":"b"}`), `${name} ${ref}`)
      t.ok(isSame(decoder, `{"type":"${name}","a":"b","ref":${ref}}`), `${name} ${ref} behind`)
      t.ok(isSame(decoder, `{"type":"${name}","ref":3,"a":"b","ref":${ref}}`), `${name} ${ref} twice`)
    }
  }
})

const NAMES = [
  'a', 'b', 'text', 'toString', 'constructor', '0', '17', '', 'a.b', '$x', '"', '\\', 'é', '😀', '\u0000', ']', '(a|b)*', '$&'
]
const KINDS = [
  Type.String(), Type.Number(), Type.Integer(), Type.Boolean(), Type.Null(), Type.Unknown(), Type.Literal('a'), Type.Literal(1),
  Type.Union([Type.String(), Type.Number()]), Type.Array(Type.Number()), Type.Object({ x: Type.Optional(Type.Number()) }),
  Type.Unsafe<unknown>({ type: ['string', 'null'] })
]
const TAILS = [
  '"', '\\', '\\"', ',', ':', '{', '}', '[', ']', ' ', '\n', '0', '1', '-', '+', '.', 'e', 'true', 'null', '\u0000', 'é', '😀', ',"a":1',
  '\\u0061'
]

const property = fc.record({ name: fc.constantFrom(...NAMES), kind: fc.constantFrom(...KINDS), isOptional: fc.boolean() })
  // Every object inherits these: a schema must require them.
  .map(({ isOptional, ...rest }) => ({ ...rest, isOptional: isOptional && !['toString', 'constructor'].includes(rest.name) }))
const properties = fc.uniqueArray(property, { selector: ({ name }) => name, maxLength: 6 })
const scalar = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', ' ', '"', '\\', '\n', 'é', '😀', '\ud800', '\u2028'), maxLength: 20 }),
  fc.double(), fc.integer(), fc.maxSafeInteger(), fc.boolean(), fc.constantFrom(null, -0, 'constructor', '__proto__')
)
const value = fc.oneof({ weight: 9, arbitrary: scalar }, { weight: 1, arbitrary: fc.constantFrom([], [1], {}, { x: 1 }, { prototype: 1 }) })
const edit = fc.record({ at: fc.nat(200), removed: fc.nat(3), added: fc.constantFrom('', ...TAILS) })
const ref = fc.option(fc.integer({ min: -1, max: 20 }), { nil: undefined, freq: 1 }).map((ref) => ref === undefined ? '' : `,"ref":${ref}`)
const attempts = fc.array(fc.record({
  type: fc.constantFrom('m', 'm', 'm', 'call', 'stream', 'other'),
  refs: fc.tuple(ref, ref),
  values: fc.array(value, { minLength: 6, maxLength: 6 }),
  keeps: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 6, maxLength: 6 }),
  edits: fc.oneof(fc.array(edit, { maxLength: 0 }), fc.array(edit, { minLength: 1, maxLength: 2 }))
}), { minLength: 20, maxLength: 20 })

// A value of the property's own type, most often: a pattern that never matches shows nothing.
function fitting ({ type }: TSchema, value: unknown): unknown {
  switch (type as unknown) {
    case 'string': return typeof value === 'string' ? value : String(value)
    case 'number': return Number.isFinite(value) ? value : 1.5
    case 'integer': return Number.isInteger(value) ? value : 3
    case 'boolean': return Boolean(value)
    case 'null': return null
    default: return value
  }
}

t.test('a text that is read without a JSON parser has the value that the parser finds, and no other text is read so', async (t) => {
  let flat = 0
  fc.assert(fc.property(properties, attempts, (properties, attempts) => {
    const schema = Type.Object(Object.fromEntries(properties.map(({ name, kind, isOptional }) => {
      return [name, isOptional ? Type.Optional(kind) : kind]
    })))
    const decoder = decoderOf(schema)
    const incoming = incomingOf(schema, 'type')
    return attempts.every(({ type, refs: [first, last], values, keeps, edits }) => {
      const members = properties.map(({ name, kind, isOptional }, n) => {
        if (isOptional && keeps[n]! < 3) return ''
        return `,${JSON.stringify(name)}:${JSON.stringify(keeps[n]! < 8 ? fitting(kind, values[n]) : values[n])}`
      })
      const text = edits.reduce((text, { at, removed, added }) => {
        const place = at % text.length
        return text.slice(0, place) + added + text.slice(place + removed)
      }, `{"type":${JSON.stringify(type)}${first}${members.join('')}${last}}`)
      if (incoming.get(type)?.flat?.pattern.test(text) === true) flat++
      return isSame(decoder, text)
    })
  }), { numRuns: 400 })
  t.ok(flat > 300, `${flat} of 8,000 texts were flat`)
})

t.test('a discriminator with letters that mean something in a pattern is read as it is', async (t) => {
  const schema = Type.Object({ a: Type.String() })
  for (const discriminator of ['$.', '"', '\\', 'op', 'é']) {
    const decoder = decoderOf(schema, discriminator)
    const text = `{${JSON.stringify(discriminator)}:"m","a":"b"}`
    t.match(decoder.decode(text), { kind: 'event', payload: { a: 'b' } }, discriminator)
    t.ok(isSame(decoder, text))
  }
})
