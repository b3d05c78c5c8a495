import t from 'tap'
import { Ajv } from 'ajv'
import type { TSchema } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { explain } from '../../../lib/server/compile/explain.js'
import { builders, decoderOf, lines, refusalOf, type Builder } from '../../support/lines.js'

const { Type } = builders[0]!

/** A schema of a property `x`, a value it refuses, and what the client is told. */
type Row = readonly [schema: (T: Builder) => TSchema, value: unknown, says: string]

// eslint-disable-next-line no-template-curly-in-string -- TypeBox's own
const user = 'user-${string}'

const rows: readonly Row[] = [
  [(T) => T.String(), 1, 'message/x must be string'],
  [(T) => T.String(), null, 'message/x must be string'],
  [(T) => T.String({ minLength: 1 }), '', 'message/x must NOT have fewer than 1 characters'],
  [(T) => T.String({ maxLength: 3 }), 'abcd', 'message/x must NOT have more than 3 characters'],
  [(T) => T.String({ maxLength: 3 }), '😀😀😀😀', 'message/x must NOT have more than 3 characters'],
  [(T) => T.String({ pattern: '^a+$', maxLength: 9 }), 'b', 'message/x must match pattern "^a+$"'],
  [(T) => T.String({ pattern: '^a+$', maxLength: 9 }), 'b'.repeat(10), 'message/x must NOT have more than 9 characters'],
  [(T) => T.String({ format: 'email' }), 'nobody', 'message/x must match format "email"'],
  [(T) => T.String({ format: 'date-time' }), 'today', 'message/x must match format "date-time"'],
  [(T) => T.String({ format: 'uuid' }), '1', 'message/x must match format "uuid"'],
  [(T) => T.String({ enum: ['a', 'b'] }), 'c', 'message/x must be equal to one of the allowed values'],
  [(T) => T.TemplateLiteral(user, { maxLength: 9 }), 'bot-1', 'message/x must match pattern'],
  [(T) => T.TemplateLiteral(user, { maxLength: 9 }), 'user-12345', 'message/x must NOT have more than 9 characters'],
  [(T) => T.Number(), '1', 'message/x must be number'],
  [(T) => T.Integer(), 1.5, 'message/x must be integer'],
  [(T) => T.Integer({ format: 'int32' }), 2 ** 31, 'message/x must match format "int32"'],
  [(T) => T.Number({ minimum: 1 }), 0, 'message/x must be >= 1'],
  [(T) => T.Number({ maximum: 1 }), 2, 'message/x must be <= 1'],
  [(T) => T.Number({ exclusiveMinimum: 1 }), 1, 'message/x must be > 1'],
  [(T) => T.Number({ exclusiveMaximum: 1 }), 1, 'message/x must be < 1'],
  [(T) => T.Integer({ minimum: 1 }), 0, 'message/x must be >= 1'],
  [(T) => T.Number({ multipleOf: 0.5 }), 0.7, 'message/x must be multiple of 0.5'],
  [(T) => T.Boolean(), 0, 'message/x must be boolean'],
  [(T) => T.Null(), 0, 'message/x must be null'],
  [(T) => T.Literal('a'), 'b', 'message/x must be equal to constant'],
  [(T) => T.Literal(1), 2, 'message/x must be equal to constant'],
  [(T) => T.Literal(1), '1', 'message/x must be number'],
  [(T) => T.Union([T.Literal('a'), T.Literal('b')]), 'c', 'message/x must match a schema in anyOf'],
  [(T) => T.Union([T.String(), T.Object({ a: T.Number() })]), { a: '1' }, 'message/x must match a schema in anyOf'],
  [(T) => T.Intersect([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]), { a: 1, b: '' }, 'message/x/b must be number'],
  [(T) => T.Object({}, { not: { required: ['a'] } }), { a: 1 }, 'message/x must NOT be valid'],
  [(T) => T.Array(T.Number()), {}, 'message/x must be array'],
  [(T) => T.Array(T.Number()), [1, '2', '3'], 'message/x/1 must be number'],
  [(T) => T.Array(T.Number(), { minItems: 2 }), [1], 'message/x must NOT have fewer than 2 items'],
  [(T) => T.Array(T.Number(), { maxItems: 1 }), [1, 2], 'message/x must NOT have more than 1 items'],
  [(T) => T.Array(T.Number(), { uniqueItems: true }), [1, 2, 1], 'message/x must NOT have duplicate items'],
  [(T) => T.Array(T.Any(), { uniqueItems: true }), [{ a: 1, b: [2] }, 1, { b: [2], a: 1 }], 'message/x must NOT have duplicate items'],
  [(T) => T.Array(T.Number(), { contains: T.Number({ minimum: 5 }) }), [1], 'message/x must contain at least 1 valid item(s)'],
  [(T) => T.Tuple([T.String(), T.Number()]), ['a', 'b'], 'message/x/1 must be number'],
  [(T) => T.Tuple([T.String()]), [], 'message/x must NOT have fewer than 1 items'],
  [(T) => T.Object({}), [], 'message/x must be object'],
  [(T) => T.Object({}), null, 'message/x must be object'],
  [(T) => T.Object({ a: T.Number() }), {}, 'message/x must have required property \'a\''],
  [(T) => T.Object({ 'a/b~c': T.Number() }), {}, 'message/x must have required property \'a/b~c\''],
  [(T) => T.Object({ 'a/b~c': T.Number() }), { 'a/b~c': '' }, 'message/x/a~1b~0c must be number'],
  [
    (T) => T.Object({ a: T.Number() }, { additionalProperties: false }),
    { a: 1, b: 1, c: 1 },
    'message/x must NOT have additional properties'
  ],
  [(T) => T.Object({ a: T.Number() }, { additionalProperties: T.String() }), { a: 1, b: 1 }, 'message/x/b must be string'],
  [(T) => T.Object({}, { minProperties: 1 }), {}, 'message/x must NOT have fewer than 1 properties'],
  [(T) => T.Object({}, { maxProperties: 1 }), { a: 1, b: 1 }, 'message/x must NOT have more than 1 properties'],
  [(T) => T.Object({}, { propertyNames: { maxLength: 2 } }), { abc: 1 }, 'message/x property name must be valid'],
  [(T) => T.Object({}, { dependencies: { a: ['b'] } }), { a: 1 }, 'message/x must have property b when property a is present'],
  [(T) => T.Object({}, { if: { required: ['a'] }, then: { required: ['b'] } }), { a: 1 }, 'message/x must have required property \'b\''],
  [(T) => T.Record(T.String(), T.Number()), { a: '' }, 'message/x/a must be number'],
  [(T) => T.Record(T.String(), T.Number()), { ['n'.repeat(300)]: '' }, `message/x/${'n'.repeat(246)}…`],
  [
    (T) => T.Unsafe<unknown>({ type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] }),
    { a: 1, b: 1 },
    'message/x must match exactly one schema in oneOf'
  ],
  // several faults: the first, in the order of the schema's keywords
  [(T) => T.Object({ a: T.Number(), b: T.String({ minLength: 1 }) }), { a: '', b: '' }, 'message/x/a must be number'],
  [(T) => T.Object({ a: T.Number(), b: T.String() }), { b: 1 }, 'message/x must have required property \'a\'']
]

t.test('an explanation is the same from every compiler', async (t) => {
  for (const [build, value, says] of rows) {
    for (const { name, Type, of } of lines) {
      const told = refusalOf(of(Type.Object({ x: build(Type) })), { x: value })
      t.equal(
        says === 'message/x must match pattern' ? told?.slice(0, says.length) : told,
        says,
        `${name}: ${JSON.stringify(value).slice(0, 60)}`
      )
    }
  }
})

t.test('an explanation of a closed intersection says its place', async (t) => {
  for (const { name, Type, of } of lines) {
    const schema = of(
      Type.Object({
        x: Type.Intersect([Type.Object({ a: Type.Number() }), Type.Object({ b: Type.Number() })], { unevaluatedProperties: false })
      })
    )
    t.equal(refusalOf(schema, { x: { a: 1, b: 1, c: 1 } }), 'message/x must NOT have unevaluated properties', name)
    t.equal(refusalOf(schema, { x: { a: 1, b: '' } }), 'message/x/b must be number', name)
    t.equal(refusalOf(schema, { x: { a: 1, b: 1 } }), undefined, name)
  }
})

t.test('an explanation of a refinement is its author\'s text', async (t) => {
  const Range = Current.Refine(
    Current.Object({ from: Current.Number(), to: Current.Number() }),
    ({ from, to }) => from < to,
    () => 'must go from less to more'
  )
  t.equal(refusalOf(Range, { from: 2, to: 1 }), 'message must go from less to more')
  t.equal(refusalOf(Range, { from: 1, to: 2 }), undefined)
  t.equal(
    refusalOf(Current.Object({ ranges: Current.Array(Range) }), { ranges: [{ from: 1, to: 2 }, { from: 2, to: 1 }] }),
    'message/ranges/1 must go from less to more'
  )
})

t.test('an explanation of a regular expression quotes it', async (t) => {
  t.equal(
    refusalOf(Current.Object({ x: Current.String({ pattern: /^a$/, maxLength: 2 }) }), { x: 'b' }),
    'message/x must match pattern "^a$"'
  )
})

t.test('an explanation without details names only the place', async (t) => {
  t.equal(explain(undefined), 'message is invalid')
  t.equal(explain(null), 'message is invalid')
  t.equal(explain([]), 'message is invalid')
  t.equal(explain([{ keyword: 'own', instancePath: '/a' }]), 'message/a is invalid')
  t.equal(explain([{ keyword: 'own' }]), 'message is invalid')
  t.equal(explain([{ keyword: 'if', message: 'must match "then" schema' }]), 'message is invalid')
  t.equal(
    refusalOf(Type.Object({ x: Type.String({ pattern: '^\\-$', maxLength: 2 }) }), { x: 'b' }),
    'message/x must match pattern "^\\-$"',
    'a pattern that bears no flag u'
  )
})

t.test('a schema that Ajv cannot explain costs one attempt, and not one for each refusal', async (t) => {
  const refuse = decoderOf(Current.Object({ x: Current.Enum([]) }))
  const attempts = t.capture(Ajv.prototype, 'compile', Ajv.prototype.compile)
  for (let n = 0; n < 3; n++) t.match(refuse('{"type":"m","x":"a"}'), { kind: 'rejection', error: { message: 'message is invalid' } })
  t.equal(attempts().length, 1)
})

t.test('an explanation that is too large for the engine is not tried again, any other that fails is', async (t) => {
  for (const [error, times] of [[new RangeError('Maximum call stack size exceeded'), 1], [new Error('no'), 3]] as const) {
    let asked = 0
    const refuse = decoderOf(Current.Refine(Current.Object({}), () => false, () => {
      asked++
      throw error
    }))
    for (let n = 0; n < 3; n++) t.match(refuse('{"type":"m"}'), { kind: 'rejection', error: { message: 'message is invalid' } })
    t.equal(asked, times, error.message)
  }
})
