import t from 'tap'
import { Type as Legacy } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { explainUnfit, hasUnboundedPattern } from '../../lib/schema/checks.js'
import { References } from '../../lib/schema/references.js'
import { builders } from '../support/lines.js'

const isUnbounded = (schema: object, sharedSchemas = {}): boolean => hasUnboundedPattern(new References(schema, sharedSchemas))

t.test('the walk through a schema finds regular expressions that a long text could meet', async (t) => {
  for (const { name, Type } of builders) {
    const unbounded: readonly object[] = [
      Type.String({ pattern: '^(a+)+$' }),
      Type.Object({ a: Type.Array(Type.Union([Type.Null(), Type.String({ pattern: 'a' })])) }),
      Type.Object({ default: Type.String({ pattern: 'a' }) }),
      Type.Object({ const: Type.String({ pattern: 'a', minLength: 3 }) }),
      Type.TemplateLiteral('${string}-${string}'), // eslint-disable-line no-template-curly-in-string -- TypeBox's own
      Type.Record(Type.String({ pattern: '^(a+)+$' }), Type.Number()),
      Type.Unsafe<unknown>({ type: 'object', patternProperties: { '^a': {} }, propertyNames: { minLength: 1 } })
    ]
    const bounded: readonly object[] = [
      Type.String({ pattern: '^a', maxLength: 10 }),
      Type.Object({ pattern: Type.String() }),
      Type.Object({ a: Type.Literal('a', { default: { pattern: 'a' } }) }),
      Type.Record(Type.String(), Type.Number()),
      Type.Record(Type.Number(), Type.Number()),
      Type.Record(Type.Integer(), Type.Number()),
      Type.Unsafe<unknown>({ type: 'object', patternProperties: { '^(a+)+$': {} }, propertyNames: { maxLength: 20 } })
    ]
    for (const schema of unbounded) t.equal(isUnbounded(schema), true, `${name}: ${JSON.stringify(schema)}`)
    for (const schema of bounded) t.equal(isUnbounded(schema), false, `${name}: ${JSON.stringify(schema)}`)
  }
  t.equal(isUnbounded(Current.String({ pattern: /^(a+)+$/ })), true)

  const sharedSchemas = {
    room: { $id: 'room', type: 'object', properties: { name: { $ref: 'name#' }, rooms: { type: 'array', items: { $ref: 'room' } } } },
    name: { $id: 'name', type: 'string', pattern: '^(a+)+$' },
    other: { $id: 'other', type: 'object', properties: { lost: { $ref: 'nobody' } } }
  }
  t.equal(
    isUnbounded({ type: 'object', properties: { room: { $ref: 'room' } } }, sharedSchemas),
    true,
    'where references of references lead'
  )
  t.equal(isUnbounded({ type: 'object', properties: { room: { $ref: 'room' } } }), false, 'not known yet')
  t.equal(isUnbounded({ type: 'object', properties: { other: { $ref: 'other' } } }, sharedSchemas), false, 'only there')
})

t.test('explainUnfit names a type that JSON cannot express, and the one to write instead', async (t) => {
  const unfit: ReadonlyArray<[schema: object, says: string]> = [
    [Legacy.Date(), 'type \'Date\' cannot travel as JSON: write Type.String({ format: \'date-time\' })'],
    [
      Legacy.Object({ at: Legacy.Array(Legacy.Date()) }),
      'type \'Date\' at /properties/at/items cannot travel as JSON: write Type.String({ format: \'date-time\' })'
    ],
    [Legacy.BigInt(), 'type \'bigint\' cannot travel as JSON: write Type.String(), or Type.Integer() where 53 bits are enough'],
    [Current.BigInt(), 'type \'bigint\' cannot travel as JSON'],
    [
      Legacy.Uint8Array(),
      'type \'Uint8Array\' cannot travel as JSON: write Type.String({ contentEncoding: \'base64\' }), or send it as a binary frame'
    ],
    [
      Legacy.Union([Legacy.String(), Legacy.Undefined()]),
      'type \'undefined\' at /anyOf/1 cannot travel as JSON: write Type.Null(), or Type.Optional(…) around the property'
    ],
    [Current.Undefined(), 'type \'undefined\' cannot travel as JSON'],
    [Legacy.Void(), 'type \'void\' cannot travel as JSON: write Type.Null()'],
    [Current.Void(), 'type \'void\' cannot travel as JSON: write Type.Null()'],
    [Legacy.Symbol(), 'type \'symbol\' cannot travel as JSON: write what stands for it on the wire'],
    [Current.Symbol(), 'type \'symbol\' cannot travel as JSON'],
    [Legacy.Function([], Legacy.Any()), 'type \'Function\' cannot travel as JSON'],
    [Current.Function([], Current.Any()), 'type \'function\' cannot travel as JSON'],
    [Legacy.Promise(Legacy.Any()), 'type \'Promise\' cannot travel as JSON'],
    [Legacy.Constructor([], Legacy.Any()), 'type \'Constructor\' cannot travel as JSON'],
    [Legacy.Iterator(Legacy.Any()), 'type \'Iterator\' cannot travel as JSON'],
    [Legacy.AsyncIterator(Legacy.Any()), 'type \'AsyncIterator\' cannot travel as JSON'],
    [Legacy.RegExp(/a/), 'type \'RegExp\' cannot travel as JSON: write Type.String({ pattern: \'…\', maxLength: … })'],
    [{ type: ['string', 'Date'] }, 'type \'Date\' cannot travel as JSON'],
    [
      Legacy.Object({ at: Legacy.Transform(Legacy.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString()) }),
      'a codec at /properties/at would not be run: declare the type on the wire and convert it in the handler'
    ],
    [Current.Codec(Current.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString()), 'a codec would not be run'],
    [
      Legacy.Object({ constructor: Legacy.Optional(Legacy.String()) }),
      'property \'constructor\' is never absent from a JavaScript object: make it required, or give it another name'
    ],
    [
      Current.Object({ a: Current.Object({ valueOf: Current.Optional(Current.String()) }) }),
      'property \'valueOf\' at /properties/a is never absent'
    ]
  ]
  const standard = { '~standard': { vendor: 'zod' } }
  t.match(
    explainUnfit(new References(standard)),
    'a schema of zod is no JSON Schema: write z.toJSONSchema(schema), or write it with TypeBox (the whole)'
  )
  t.match(explainUnfit(new References({ properties: { a: standard } })), '(at /properties/a)')
  for (const [schema, says] of unfit) t.match(explainUnfit(new References(schema)), says)

  const fit: readonly object[] = [
    Legacy.Object({ a: Legacy.String(), b: Legacy.Never(), c: Legacy.Unknown(), d: Legacy.Null(), e: Legacy.Enum({ a: 'a', b: 1 }) }),
    Current.Script('{ a: string, b?: number[], c: "x" | null }'),
    Legacy.Object({ type: Legacy.String(), constructor: Legacy.String() }),
    Current.Refine(Current.String(), () => true),
    { type: { not: 'a type' } }
  ]
  for (const schema of fit) t.equal(explainUnfit(new References(schema)), undefined, JSON.stringify(schema))
})
