import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import fc from 'fast-check'
import { Type as Legacy, type TSchema } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { codePoint } from '../../support/code-point.js'
import { builders, eventOf, lines, replyOf, type Builder } from '../../support/lines.js'

const { Type } = builders[0]!

/** A schema, a value with more than it declares, and what of it may reach the wire. */
interface Row {
  readonly what: string
  readonly schema: (T: Builder) => TSchema
  readonly value: unknown
  readonly written: unknown
}

const secret = 'secret'
const rows: readonly Row[] = [
  {
    what: 'an object',
    schema: (T) => T.Object({ a: T.Number() }),
    value: { a: 1, secret },
    written: { a: 1 }
  },
  {
    what: 'a nested object',
    schema: (T) => T.Object({ a: T.Object({ b: T.Object({ c: T.Null() }) }) }),
    value: { a: { b: { c: null, secret }, secret }, secret },
    written: { a: { b: { c: null } } }
  },
  {
    what: 'an object that declares nothing',
    schema: (T) => T.Object({ a: T.Object({}) }),
    value: { a: { secret } },
    written: { a: {} }
  },
  {
    what: 'optional properties',
    schema: (T) => T.Object({ a: T.Optional(T.Number()), b: T.Number(), c: T.Optional(T.Number()) }),
    value: { a: undefined, b: 1, secret },
    written: { b: 1 }
  },
  {
    what: 'only optional properties',
    schema: (T) => T.Partial(T.Object({ a: T.Number(), b: T.Number(), c: T.Number() })),
    value: { b: 1, c: 2, secret },
    written: { b: 1, c: 2 }
  },
  {
    what: 'none of the optional properties',
    schema: (T) => T.Partial(T.Object({ a: T.Number() })),
    value: { secret },
    written: {}
  },
  {
    what: 'an array of objects',
    schema: (T) => T.Array(T.Object({ a: T.Number() })),
    value: [{ a: 1, secret }, { secret, a: 2 }],
    written: [{ a: 1 }, { a: 2 }]
  },
  {
    what: 'an array of arrays',
    schema: (T) => T.Array(T.Array(T.Object({ a: T.Number() }))),
    value: [[], [{ a: 1, secret }]],
    written: [[], [{ a: 1 }]]
  },
  {
    what: 'an empty array',
    schema: (T) => T.Array(T.Object({})),
    value: [],
    written: []
  },
  {
    what: 'a tuple',
    schema: (T) => T.Tuple([T.Number(), T.Object({ a: T.Number() }), T.Tuple([T.String()])]),
    value: [1, { a: 1, secret }, ['x']],
    written: [1, { a: 1 }, ['x']]
  },
  {
    what: 'an empty tuple',
    schema: (T) => T.Tuple([]),
    value: [],
    written: []
  },
  {
    what: 'a tuple with unions',
    schema: (T) => T.Tuple([
      T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]),
      T.Union([T.String(), T.Null()])
    ]),
    value: [{ b: 1, secret }, null],
    written: [{ b: 1 }, null]
  },
  {
    what: 'a record',
    schema: (T) => T.Record(T.String(), T.Object({ a: T.Number() })),
    value: { x: { a: 1, secret }, y: { a: 2 } },
    written: { x: { a: 1 }, y: { a: 2 } }
  },
  {
    what: 'a record of some names',
    schema: (T) => T.Record(T.Union([T.Literal('x'), T.Literal('y')]), T.Number()),
    value: { x: 1, y: 2, secret },
    written: { x: 1, y: 2 }
  },
  {
    what: 'a record of names with a pattern',
    schema: (T) => T.Record(T.String({ pattern: '^x' }), T.Number()),
    value: { x1: 1, secret },
    written: { x1: 1 }
  },
  {
    what: 'additional properties',
    schema: (T) => T.Object({ a: T.Number() }, { additionalProperties: true }),
    value: { a: 1, more: { b: [1] }, none: undefined },
    written: { a: 1, more: { b: [1] } }
  },
  {
    what: 'additional properties of a schema',
    schema: (T) => T.Object({ a: T.Optional(T.Number()) }, { additionalProperties: T.Object({ b: T.Number() }) }),
    value: { more: { b: 1, secret }, other: { b: 2 } },
    written: { more: { b: 1 }, other: { b: 2 } }
  },
  {
    what: 'no additional properties',
    schema: (T) => T.Object({ a: T.Number() }, { additionalProperties: false }),
    value: { a: 1 },
    written: { a: 1 }
  },
  {
    what: 'a union with null',
    schema: (T) => T.Object({
      a: T.Union([T.Object({ b: T.Number() }), T.Null()]),
      c: T.Union([T.Object({ b: T.Number() }), T.Null()])
    }),
    value: { a: { b: 1, secret }, c: null },
    written: { a: { b: 1 }, c: null }
  },
  {
    what: 'a union of scalars',
    schema: (T) => T.Array(T.Union([T.String(), T.Number(), T.Boolean(), T.Null()])),
    value: ['a', 1, true, null],
    written: ['a', 1, true, null]
  },
  {
    what: 'a union of different kinds',
    schema: (T) => T.Array(T.Union([T.Array(T.Object({ a: T.Number() })), T.Object({ b: T.Number() }), T.String()])),
    value: [[{ a: 1, secret }], { b: 1, secret }, 'x'],
    written: [[{ a: 1 }], { b: 1 }, 'x']
  },
  {
    what: 'a union told by a literal',
    schema: (T) => T.Array(T.Union([
      T.Object({ kind: T.Literal('a'), a: T.Number() }),
      T.Object({ kind: T.Literal('b'), b: T.Number() })
    ])),
    value: [{ kind: 'a', a: 1, b: secret }, { kind: 'b', b: 1, a: secret }],
    written: [{ kind: 'a', a: 1 }, { kind: 'b', b: 1 }]
  },
  {
    what: 'a union whose first branch matches and says less',
    schema: (T) => T.Union([T.Object({ a: T.Number() }), T.Object({ a: T.Number(), b: T.Number() })]),
    value: { a: 1, b: 2, secret },
    written: { a: 1, b: 2 }
  },
  {
    what: 'a union whose first branch matches and says less, deeper down',
    schema: (T) => T.Union([
      T.Object({ o: T.Object({ a: T.Number() }) }),
      T.Object({ o: T.Object({ a: T.Number(), b: T.Number() }) })
    ]),
    value: { o: { a: 1, b: 2, secret } },
    written: { o: { a: 1, b: 2 } }
  },
  {
    what: 'a union whose branches both match',
    schema: (T) => T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]),
    value: { a: 1, b: 2, secret },
    written: { a: 1, b: 2 }
  },
  {
    what: 'a union whose second branch does not match',
    schema: (T) => T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]),
    value: { a: 1, b: secret },
    written: { a: 1 }
  },
  {
    what: 'a union of arrays',
    schema: (T) => T.Union([T.Array(T.Object({ a: T.Number() })), T.Array(T.Object({ b: T.Number() }))]),
    value: [{ b: 1, secret }],
    written: [{ b: 1 }]
  },
  {
    what: 'a union within a union',
    schema: (T) => T.Union([
      T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]),
      T.Object({ c: T.Number() })
    ]),
    value: { b: 1, secret },
    written: { b: 1 }
  },
  {
    what: 'a union with a record',
    schema: (T) => T.Union([T.Object({ a: T.Number() }), T.Record(T.String(), T.Array(T.Number()))]),
    value: { x: [1] },
    written: { x: [1] }
  },
  {
    what: 'a union with anything',
    schema: (T) => T.Array(T.Union([T.Object({ a: T.Number() }), T.Any()])),
    value: [{ a: 1, secret }, { other: { a: 1 } }],
    written: [{ a: 1 }, { other: { a: 1 } }]
  },
  {
    what: 'an optional union',
    schema: (T) => T.Object({ u: T.Optional(T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })])) }),
    value: { u: { b: 1, secret } },
    written: { u: { b: 1 } }
  },
  {
    what: 'an intersection',
    schema: (T) => T.Intersect([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]),
    value: { a: 1, b: 2, secret },
    written: { a: 1, b: 2 }
  },
  {
    what: 'an intersection that meets deeper down',
    schema: (T) => T.Intersect([
      T.Object({ o: T.Object({ a: T.Number() }) }),
      T.Object({ o: T.Object({ b: T.Number() }) })
    ]),
    value: { o: { a: 1, b: 2, secret } },
    written: { o: { a: 1, b: 2 } }
  },
  {
    what: 'an intersection with a record',
    schema: (T) => T.Intersect([T.Object({ a: T.Number() }), T.Record(T.String(), T.Number())]),
    value: { a: 1, b: 2 },
    written: { a: 1, b: 2 }
  },
  {
    what: 'an intersection closed by a schema',
    schema: (T) => T.Intersect(
      [T.Object({ a: T.Number() }), T.Object({ b: T.Number() })],
      { unevaluatedProperties: T.Object({ c: T.Number() }) }
    ),
    value: { a: 1, b: 2, x: { c: 3, secret } },
    written: { a: 1, b: 2, x: { c: 3 } }
  },
  {
    what: 'an intersection of unions',
    schema: (T) => T.Intersect([
      T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]),
      T.Union([T.Object({ c: T.Number() }), T.Object({ d: T.Number() })])
    ]),
    value: { b: 1, d: 2, secret },
    written: { b: 1, d: 2 }
  },
  {
    what: 'an intersection with a union',
    schema: (T) => T.Intersect([
      T.Object({ z: T.Number() }),
      T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })])
    ]),
    value: { z: 0, b: 1, secret },
    written: { z: 0, b: 1 }
  },
  {
    what: 'an intersection of arrays',
    schema: (T) => T.Intersect([T.Array(T.Object({ a: T.Number() })), T.Array(T.Object({ b: T.Number() }))]),
    value: [{ a: 1, b: 2, secret }],
    written: [{ a: 1, b: 2 }]
  },
  {
    what: 'an intersection of a union and a number',
    schema: (T) => T.Object({ x: T.Intersect([T.Union([T.String(), T.Number()]), T.Number()]) }),
    value: { x: 1 },
    written: { x: 1 }
  },
  {
    what: 'an intersection of object and negation',
    schema: (T) => T.Intersect([T.Object({ a: T.Number() }), T.Unsafe<unknown>({ not: { required: ['z'] } })]),
    value: { a: 1, secret },
    written: { a: 1 }
  },
  {
    what: 'anything',
    schema: (T) => T.Object({ a: T.Any(), b: T.Unknown() }),
    value: { a: { b: [1, { c: null }] }, b: 'x' },
    written: { a: { b: [1, { c: null }] }, b: 'x' }
  },
  {
    what: 'anything in an array',
    schema: (T) => T.Array(T.Any()),
    value: [1, undefined, () => {}, NaN, { a: undefined }],
    written: [1, null, null, null, {}]
  },
  {
    what: 'inherited names',
    schema: (T) => T.Object({ constructor: T.String(), toString: T.Object({ a: T.Number() }) }),
    value: { constructor: 'Ford', toString: { a: 1, secret } },
    written: { constructor: 'Ford', toString: { a: 1 } }
  },
  {
    what: 'names that need quotes',
    // eslint-disable-next-line no-template-curly-in-string -- to be seen unchanged
    schema: (T) => T.Object({ 'a"b\\': T.Number(), '\u2028': T.Number(), '</script>': T.Number(), '${x}`': T.Number() }),
    // eslint-disable-next-line no-template-curly-in-string -- to be seen unchanged
    value: { 'a"b\\': 1, '\u2028': 2, '</script>': 3, '${x}`': 4, secret },
    // eslint-disable-next-line no-template-curly-in-string -- to be seen unchanged
    written: { 'a"b\\': 1, '\u2028': 2, '</script>': 3, '${x}`': 4 }
  },
  {
    what: 'a condition that holds',
    schema: (T) => T.Unsafe<unknown>({
      type: 'object',
      properties: { k: { type: 'string' } },
      if: { properties: { k: { const: 'a' } } },
      then: { properties: { v: { type: 'number' } } },
      else: { properties: { w: { type: 'number' } } }
    }),
    value: { k: 'a', v: 1, w: secret },
    written: { k: 'a', v: 1 }
  },
  {
    what: 'a condition that does not',
    schema: (T) => T.Unsafe<unknown>({
      type: 'object',
      properties: { k: { type: 'string' } },
      if: { properties: { k: { const: 'a' } } },
      then: { properties: { v: { type: 'number' } } },
      else: { properties: { w: { type: 'number' } } }
    }),
    value: { k: 'b', v: secret, w: 1 },
    written: { k: 'b', w: 1 }
  },
  {
    what: 'a condition without consequence',
    schema: (T) => T.Unsafe<unknown>({
      type: 'object',
      if: { properties: { k: { const: 'a' } }, required: ['k'] },
      then: {}
    }),
    value: { k: 'a', secret },
    written: { k: 'a' }
  },
  {
    what: 'a dependency',
    schema: (T) => T.Unsafe<unknown>({
      type: 'object',
      properties: { a: { type: 'number' } },
      dependencies: { a: { properties: { b: { type: 'number' } } }, b: ['a'], c: { properties: { d: {} } } }
    }),
    value: { a: 1, b: 2, d: secret },
    written: { a: 1, b: 2 }
  },
  {
    what: 'one of several',
    schema: (T) => T.Unsafe<unknown>({
      oneOf: [
        { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] },
        { type: 'object', properties: { b: { type: 'number' } }, required: ['b'] }
      ]
    }),
    value: { b: 1, secret },
    written: { b: 1 }
  },
  {
    what: 'an object without a type',
    schema: (T) => T.Object({ x: T.Unsafe<unknown>({ properties: { a: { type: 'number' } } }) }),
    value: { x: { a: 1, secret } },
    written: { x: { a: 1 } }
  },
  {
    what: 'an array where only properties are declared',
    schema: (T) => T.Object({ x: T.Unsafe<unknown>({ properties: { a: { type: 'number' } } }) }),
    value: { x: [{ secret }] },
    written: { x: [] }
  },
  {
    what: 'an object where only items are declared',
    schema: (T) => T.Object({ x: T.Unsafe<unknown>({ items: { type: 'number' } }) }),
    value: { x: { secret } },
    written: { x: {} }
  },
  {
    what: 'a list without items',
    schema: (T) => T.Object({ x: T.Unsafe<unknown>({ type: 'array' }) }),
    value: { x: [{ a: 1 }] },
    written: { x: [{ a: 1 }] }
  },
  {
    what: 'a plain tuple, with more behind',
    schema: (T) => T.Object({ x: T.Unsafe<unknown>({ type: 'array', items: [{ type: 'number' }] }) }),
    value: { x: [1, secret] },
    written: { x: [1] }
  },
  {
    what: 'a plain tuple, with more items declared',
    schema: (T) => T.Object({
      x: T.Unsafe<unknown>({
        type: 'array',
        items: [{ type: 'number' }],
        additionalItems: { type: 'object', properties: { a: {} } }
      })
    }),
    value: { x: [1, { a: 1, secret }] },
    written: { x: [1, { a: 1 }] }
  },
  {
    what: 'a constant object',
    schema: (T) => T.Object({ x: T.Unsafe<unknown>({ const: { a: 1 } }), y: T.Unsafe<unknown>({ enum: [1, { b: 2 }] }) }),
    value: { x: { a: 1 }, y: { b: 2 } },
    written: { x: { a: 1 }, y: { b: 2 } }
  },
  {
    what: 'items of several lists',
    schema: (T) => T.Object({
      x: T.Intersect([
        T.Array(T.Object({ a: T.Number() })),
        T.Unsafe<unknown>({ type: 'array', items: [{ type: 'object', properties: { b: { type: 'number' } } }] })
      ])
    }),
    value: { x: [{ a: 1, b: 2, secret }, { a: 1, b: secret }] },
    written: { x: [{ a: 1, b: 2 }, { a: 1 }] }
  },
  {
    what: 'first items of several lists',
    schema: (T) => T.Object({
      x: T.Intersect([
        T.Unsafe<unknown>({ type: 'array', items: [{ type: 'object', properties: { a: {} } }] }),
        T.Unsafe<unknown>({
          type: 'array',
          items: [{ type: 'object', properties: { b: {} } }, { type: 'object', properties: { c: {} } }]
        })
      ])
    }),
    value: { x: [{ a: 1, b: 2, secret }, { c: 3, secret }, secret] },
    written: { x: [{ a: 1, b: 2 }, { c: 3 }] }
  },
  {
    what: 'items as of JSON Schema 2020-12',
    schema: (T) => T.Object({
      x: T.Unsafe<unknown>({
        type: 'array',
        prefixItems: [{ type: 'object', properties: { a: {} } }],
        items: { type: 'object', properties: { b: {} } }
      })
    }),
    value: { x: [{ a: 1, secret }, { b: 2, secret }] },
    written: { x: [{ a: 1 }, { b: 2 }] }
  },
  {
    what: 'a union with true and false',
    schema: (T) => T.Object({
      x: T.Array(T.Unsafe<unknown>({
        anyOf: [true, false, { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] }]
      }))
    }),
    value: { x: [{ a: 1, secret }, { b: 1 }, 7] },
    written: { x: [{ a: 1 }, { b: 1 }, 7] }
  },
  {
    what: 'either type',
    schema: (T) => T.Array(T.Unsafe<unknown>({ type: ['object', 'null'], properties: { a: { type: 'number' } } })),
    value: [{ a: 1, secret }, null],
    written: [{ a: 1 }, null]
  },
  {
    what: 'several patterns',
    schema: (T) => T.Unsafe<unknown>({
      type: 'object',
      properties: { ab: { type: 'object', properties: { x: {} } } },
      patternProperties: {
        '^a': { type: 'object', properties: { y: {} } },
        b$: { type: 'object', properties: { z: {} } }
      }
    }),
    value: { ab: { x: 1, y: 2, z: 3, secret }, axb: { x: secret, y: 2, z: 3 }, secret },
    written: { ab: { x: 1, y: 2, z: 3 }, axb: { y: 2, z: 3 } }
  },
  {
    what: 'a boolean schema',
    schema: (T) => T.Unsafe<unknown>({ type: 'object', properties: { a: true, b: false } }),
    value: { a: { x: 1 }, secret },
    written: { a: { x: 1 } }
  },
  {
    what: 'not a text',
    schema: (T) => T.Object({ x: T.Unsafe<unknown>({ not: { type: 'string' } }) }),
    value: { x: { a: 1 } },
    written: { x: { a: 1 } }
  },
  {
    what: 'branches that only ask for properties',
    schema: (T) => T.Unsafe<unknown>({
      type: 'object',
      properties: { a: {}, b: {} },
      anyOf: [{ required: ['a'] }, { required: ['b'] }]
    }),
    value: { b: 1, secret },
    written: { b: 1 }
  }
]

t.test('the serializer writes no property that is not declared', async (t) => {
  for (const { what, schema, value, written } of rows) {
    for (const { name, Type, of } of lines) {
      for (const validateOutgoing of [true, false]) {
        const text = replyOf(of(schema(Type)), { validateOutgoing, ajv: { customOptions: { strict: false } } })(value)
        t.strictSame(JSON.parse(text), written, `${name}: ${what}`)
        t.equal(text, JSON.stringify(JSON.parse(text)), 'without a needless byte')
      }
    }
  }
})

t.test('the serializer follows references within a schema', async (t) => {
  const value = { v: 1, kids: [{ v: 2, kids: [], secret }, { v: 3, kids: [{ v: 4, kids: [], secret }] }], secret }
  const written = { v: 1, kids: [{ v: 2, kids: [] }, { v: 3, kids: [{ v: 4, kids: [] }] }] }
  const legacy = Legacy.Module({
    Node: Legacy.Object({ v: Legacy.Number(), kids: Legacy.Array(Legacy.Ref('Node')) }),
    Either: Legacy.Object({ n: Legacy.Union([Legacy.Ref('Node'), Legacy.Object({ z: Legacy.Number() })]) })
  })
  const current = Current.Module({
    Node: Current.Object({ v: Current.Number(), kids: Current.Array(Current.Ref('Node')) }),
    Either: Current.Object({ n: Current.Union([Current.Ref('Node'), Current.Object({ z: Current.Number() })]) })
  })
  const nodes: Readonly<Record<string, object>> = {
    'Type.Recursive': Legacy.Recursive((This) => Legacy.Object({ v: Legacy.Number(), kids: Legacy.Array(This) })),
    'Type.Recursive with an $id': Legacy.Recursive(
      (This) => Legacy.Object({ v: Legacy.Number(), kids: Legacy.Array(This) }),
      { $id: 'Node' }
    ),
    'Module.Import': legacy.Import('Node'),
    'Type.Module': current.Node,
    'Type.Cyclic': Current.Cyclic({ Node: Current.Object({ v: Current.Number(), kids: Current.Array(Current.Ref('Node')) }) }, 'Node'),
    'a plain #': { type: 'object', properties: { v: { type: 'number' }, kids: { type: 'array', items: { $ref: '#' } } } },
    'a plain pointer': {
      $ref: '#/definitions/a~1%20node',
      definitions: {
        'a/ node': {
          type: 'object',
          properties: { v: { type: 'number' }, kids: { type: 'array', items: { $ref: '#/definitions/a~1%20node' } } }
        }
      }
    }
  }
  for (const [what, node] of Object.entries(nodes)) {
    t.strictSame(JSON.parse(replyOf(node)(value)), written, what)
    t.strictSame(JSON.parse(eventOf(node)(value)), { type: 'm', ...written }, `${what}, as an event`)
    if (!what.includes('plain')) {
      t.strictSame(
        JSON.parse(replyOf({ type: 'object', properties: { deep: { type: 'array', items: node } } })({ deep: [value] })),
        { deep: [written] },
        `${what}, deeper down`
      )
    }
    t.throws(
      () => replyOf(node)({ v: 1, kids: [{ v: '2', kids: [] }] }),
      { code: 'FST_TYPED_WS_OUTGOING_INVALID', message: 'message/kids/0/v must be number' },
      `${what}, invalid`
    )
  }
  for (const either of [legacy.Import('Either'), current.Either]) {
    t.strictSame(JSON.parse(replyOf(either)({ n: value })), { n: written })
    t.strictSame(JSON.parse(replyOf(either)({ n: { z: 1, v: secret } })), { n: { z: 1 } })
  }
})

t.test('the serializer follows references to what the app shares', async (t) => {
  const sharedSchemas = {
    user: { $id: 'user', type: 'object', properties: { name: { type: 'string' }, boss: { $ref: 'user#' } }, required: ['name'] },
    'https://example.com/all.json': {
      $id: 'https://example.com/all.json',
      definitions: {
        tag: { $id: 'tag', type: 'object', properties: { t: { type: 'string' } } },
        tags: { type: 'array', items: { $ref: '#/definitions/tag' } }
      }
    }
  }
  for (const { name, Type, of } of lines) {
    const schema = of(Type.Object({
      user: Type.Ref('user'),
      users: Type.Array(Type.Unsafe<unknown>({ $ref: 'user#' })),
      either: Type.Union([Type.Ref('user'), Type.Object({ z: Type.Number() })]),
      name: Type.Unsafe<unknown>({ $ref: 'user#/properties/name' }),
      tags: Type.Optional(Type.Unsafe<unknown>({ $ref: 'https://example.com/all.json#/definitions/tags' }))
    }))
    const write = replyOf(schema, { sharedSchemas })
    const user = { name: 'Ada', secret, boss: { name: 'Bob', secret } }
    const clean = { name: 'Ada', boss: { name: 'Bob' } }
    t.strictSame(
      JSON.parse(write({ user, users: [user], either: user, name: 'x', tags: [{ t: 'a', secret }] })),
      { user: clean, users: [clean], either: clean, name: 'x', tags: [{ t: 'a' }] },
      name
    )
    t.strictSame(
      JSON.parse(write({ user, users: [], either: { z: 1, name: 1 }, name: 'x' })),
      { user: clean, users: [], either: { z: 1 }, name: 'x' },
      name
    )
    t.throws(() => write({ user: { name: 1 }, users: [], either: user, name: 'x' }), {
      code: 'FST_TYPED_WS_OUTGOING_INVALID',
      message: 'message/user/name must be string'
    })
    t.match(JSON.parse(eventOf(of(Type.Object({ user: Type.Ref('user') })), { sharedSchemas })({ user })), { type: 'm', user: clean })
    t.match(JSON.parse(eventOf(of(Type.Ref('user')), { sharedSchemas })(user)), { type: 'm', ...clean })
  }
})

t.test('the serializer reads the names of a record as its compiler does', async (t) => {
  // No regular expression with the flag `u`, which 1.x and Ajv want.
  const write = replyOf(Type.Record(Type.String({ pattern: '^\\-' }), Type.Number()))
  t.equal(write({ '-a': 1, secret }), '{"-a":1}')
})

t.test('the serializer refuses by name a value that cannot be written, without a schema\'s check', async (t) => {
  const unchecked = { validateOutgoing: false }
  const refusals: ReadonlyArray<[schema: object, value: unknown, says: string]> = [
    [Type.String(), { secret }, 'object is not what its schema declares'],
    [Type.String(), [secret], 'object is not what its schema declares'],
    [Type.String(), undefined, 'undefined is not what its schema declares'],
    [Type.Array(Type.String()), ['a', undefined], 'undefined is not what its schema declares'],
    [Type.Number(), NaN, 'NaN is not what its schema declares'],
    [Type.Number(), -Infinity, '-Infinity is not what its schema declares'],
    [Type.Number(), 5n, 'bigint is not what its schema declares'],
    [Type.Boolean(), Symbol('x'), 'symbol is not what its schema declares'],
    [Type.Object({ a: Type.Number() }), {}, 'must have required property \'a\''],
    [Type.Object({ a: Type.Object({ b: Type.Any() }) }), { a: { b: undefined } }, 'must have required property \'b\''],
    [Type.Object({ toString: Type.String() }), {}, 'must have required property \'toString\''],
    [Type.Union([Type.Object({ a: Type.Number() }), Type.Object({ b: Type.Number() })]), { secret }, 'must match a schema in anyOf'],
    [Type.Any(), { big: 5n }, 'Do not know how to serialize a BigInt'],
    [Type.Object({ a: Type.Number() }), { get a () { throw new Error('a getter of its own') } }, 'a getter of its own'],
    [Type.Any(), { toJSON () { throw 'no error' } }, 'no error'] // eslint-disable-line no-throw-literal -- some do
  ]
  for (const [schema, value, says] of refusals) {
    t.throws(
      () => replyOf(schema, unchecked)(value),
      { code: 'FST_TYPED_WS_OUTGOING_INVALID', message: `Outgoing reply to m breaks its schema: ${says}` },
      says
    )
  }

  const circular: Record<string, unknown> = { v: 1 }
  circular['kids'] = [circular]
  const node = Type.Recursive((This) => Type.Object({ v: Type.Number(), kids: Type.Array(This) }))
  for (const validateOutgoing of [true, false]) {
    t.throws(() => replyOf(node, { validateOutgoing })(circular), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  }
  t.equal(
    replyOf({ type: 'object', properties: { a: {} }, dependencies: { a: { $ref: '#' } } }, unchecked)({ a: 1, secret }),
    '{"a":1}',
    'a schema that depends on itself'
  )
  t.throws(
    () => replyOf({ anyOf: [{ $ref: '#' }, { type: 'object' }, { type: 'object' }] }, unchecked)({}),
    { code: 'FST_TYPED_WS_OUTGOING_INVALID' },
    'a schema that is its own branch'
  )
})

t.test('the serializer writes scalars of another type unchecked, since they hide nothing', async (t) => {
  const write = replyOf(
    Type.Object({ s: Type.String(), n: Type.Number(), b: Type.Boolean(), o: Type.Object({}), a: Type.Array(Type.Number()) }),
    { validateOutgoing: false }
  )
  t.equal(write({ s: 5, n: '5', b: null, o: 'x', a: true }), '{"s":5,"n":"5","b":null,"o":"x","a":true}')
})

t.test('the serializer writes what JSON.stringify writes', async (t) => {
  const write = replyOf(Type.Object({ s: Type.Array(Type.String()), n: Type.Array(Type.Number()) }))
  const same = (value: unknown): boolean => write(value) === JSON.stringify(value)
  t.ok(
    same({
      s: [
        '',
        '"',
        '\\',
        '\n\u0000\u001f',
        '\u007f\u2028\u2029',
        '\ud800',
        '\udc00\ud800',
        '😀',
        'a'.repeat(41),
        'a'.repeat(42),
        'é'.repeat(42),
        `${'a'.repeat(42)}"`,
        `${'a'.repeat(42)}\\`,
        `${'a'.repeat(42)}\ud800`,
        `${'a'.repeat(42)}\n`,
        'a'.repeat(5000),
        `${'a'.repeat(5000)}\ud800`
      ],
      n: [
        0, -0, 1.5, 1e21, 1e-7, Number.MAX_VALUE, Number.MIN_VALUE, -1, 2147483647, 2147483648, 4e9, 3999999999, 2147483648.5, -2147483649,
        1767225600000, 999999999999999, 999999000000000, 1e15, 1e15 + 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER
      ]
    })
  )
  fc.assert(
    fc.property(
      fc.record({
        s: fc.array(
          fc.oneof(
            fc.string({ unit: codePoint }),
            fc.string({ unit: fc.constantFrom('a', '"', '\\', '\ud800', '\udc00', '\n', 'é'), maxLength: 60 })
          )
        ),
        n: fc.array(
          fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger(), fc.maxSafeNat().map((n) => n % 1e15))
        )
      }),
      same
    ),
    { numRuns: 500 }
  )
  t.equal(replyOf(Type.Any())(undefined), 'null', 'nothing is null')
  t.equal(replyOf(Type.Array(Type.Any()))([new Date(0)]), '["1970-01-01T00:00:00.000Z"]')
  t.equal(replyOf(Type.Unsafe<unknown>({ minLength: 1 }))('x'), '"x"')
  t.equal(replyOf(Type.Object({ x: Type.Unsafe<unknown>({ const: { toJSON: 1 } }) }))({ x: { toJSON: 1 } }), '{"x":{"toJSON":1}}')
})

/** A schema, and values for it: with more than it declares, and the declared part alone. */
interface Shape {
  readonly build: (T: Builder) => TSchema
  readonly values: fc.Arbitrary<Value>
}

interface Value {
  readonly given: unknown
  readonly declared: unknown
}

const undeclared = fc.dictionary(fc.constantFrom('x1', 'x2', 'secret'), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 })
const scalars: readonly Shape[] = [
  { build: (T) => T.String(), values: fc.string({ unit: codePoint }).map(whole) },
  { build: (T) => T.Number(), values: fc.double({ noNaN: true, noDefaultInfinity: true }).map(whole) },
  { build: (T) => T.Integer(), values: fc.integer().map(whole) },
  { build: (T) => T.Boolean(), values: fc.boolean().map(whole) },
  { build: (T) => T.Null(), values: fc.constant(null).map(whole) },
  { build: (T) => T.Literal('x'), values: fc.constant('x').map(whole) },
  { build: (T) => T.Any(), values: fc.jsonValue({ maxDepth: 2 }).map(whole) }
]
const names = ['a', 'b', 'c', 'toString', 'é"', '`${a\\']

type Properties = Array<[name: string, shape: Shape, isOptional: boolean]>

const { shape, object } = fc.letrec<{ shape: Shape, object: Shape, properties: Properties }>((tie) => ({
  properties: fc.uniqueArray(fc.tuple(fc.constantFrom(...names), tie('shape'), fc.boolean()), { selector: ([name]) => name, maxLength: 4 }),
  object: fc.oneof(
    { depthSize: 'small' },
    fc.tuple(tie('properties'), fc.constantFrom(undefined, true, false)).map(([properties, additional]) => {
      return objectOf(properties, additional)
    }),
    fc.tuple(tie('shape'), tie('shape'), fc.boolean()).map(([left, right, isOptional]) => {
      return intersectionOf(objectOf([['l', left, isOptional]]), objectOf([['r', right, !isOptional]]))
    }),
    fc.array(tie('properties'), { minLength: 2, maxLength: 3 }).map(unionOf)
  ),
  shape: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      ...scalars
    ), tie(
      'object'
    ), tie('object').map(
      orNull
    ), tie('shape').map(listOf), fc.array(tie('shape'), { minLength: 1, maxLength: 3 }).map(tupleOf), tie('shape').map(recordOf)
  )
}))

function whole (value: unknown): Value {
  return { given: value, declared: value }
}

function orNull ({ build, values }: Shape): Shape {
  return { build: (T) => T.Union([build(T), T.Null()]), values: fc.oneof(values, fc.constant(whole(null))) }
}

function listOf ({ build, values }: Shape): Shape {
  return { build: (T) => T.Array(build(T)), values: fc.array(values, { maxLength: 3 }).map(joinItems) }
}

function tupleOf (shapes: Shape[]): Shape {
  return {
    build: (T) => T.Tuple(shapes.map(({ build }) => build(T))),
    values: fc.tuple(...shapes.map(({ values }) => values)).map(joinItems)
  }
}

function recordOf ({ build, values }: Shape): Shape {
  return {
    build: (T) => T.Record(T.String(), build(T)),
    values: fc.dictionary(fc.constantFrom('k1', 'k2', 'constructor'), values, { noNullPrototype: true }).map(joinMembers)
  }
}

// Told apart by a literal, so that one branch matches.
function unionOf (branches: Properties[]): Shape {
  const tagged = branches.map((properties, n) => {
    return objectOf([['tag', { build: (T) => T.Literal(`t${n}`), values: fc.constant(whole(`t${n}`)) }, false], ...properties])
  })
  return { build: (T) => T.Union(tagged.map(({ build }) => build(T))), values: fc.oneof(...tagged.map(({ values }) => values)) }
}

function intersectionOf (left: Shape, right: Shape): Shape {
  const merge = ([a, b]: [Value, Value]): Value => {
    return { given: { ...a.given as object, ...b.given as object }, declared: { ...a.declared as object, ...b.declared as object } }
  }
  return { build: (T) => T.Intersect([left.build(T), right.build(T)]), values: fc.tuple(left.values, right.values).map(merge) }
}

function objectOf (properties: Properties, additionalProperties?: boolean): Shape {
  // A name that every object inherits cannot be optional.
  const isAbsentable = (name: string, isOptional: boolean): boolean => isOptional && name !== 'toString'
  const members = fc.record(
    Object.fromEntries(
      properties.map(([name, { values }, isOptional]) => {
        return [name, isAbsentable(name, isOptional) ? fc.option(values, { nil: undefined }) : values]
      })
    ),
    { noNullPrototype: true }
  )
  return {
    build: (T) => T.Object(
      Object.fromEntries(
        properties.map(([name, { build }, isOptional]) => [name, isAbsentable(name, isOptional) ? T.Optional(build(T)) : build(T)])
      ),
      additionalProperties === undefined ? {} : { additionalProperties }
    ),
    values: fc.tuple(members, undeclared).map(([values, more]) => {
      const { given, declared } = joinMembers(values)
      if (additionalProperties === false) return { given, declared }
      return {
        given: { ...more, ...given as object },
        declared: additionalProperties === true ? { ...more, ...declared as object } : declared
      }
    })
  }
}

function joinItems (values: readonly Value[]): Value {
  return { given: values.map(({ given }) => given), declared: values.map(({ declared }) => declared) }
}

function joinMembers (values: Readonly<Record<string, Value | undefined>>): Value {
  const members = Object.entries(values)
  return {
    given: Object.fromEntries(members.map(([name, value]) => [name, value?.given])),
    declared: Object.fromEntries(members.flatMap(([name, value]) => value === undefined ? [] : [[name, value.declared]]))
  }
}

for (const { name, Type, of } of lines) {
  t.test(`${name}: the serializer writes the declared part of any value of any schema`, async (t) => {
    // Ajv takes twenty times as long as TypeBox to compile a schema.
    const numRuns = name.startsWith('TypeBox') ? 100 : 20
    const sample = (shapes: fc.Arbitrary<Shape>): fc.Arbitrary<[schema: object, values: Value[]]> =>
      shapes.chain(({ build, values }) => fc.tuple(fc.constant(of(build(Type))), fc.array(values, { minLength: 1, maxLength: 3 })))
    const isExact = (text: string, { declared }: Value, more: object = {}): boolean =>
      isDeepStrictEqual(
        JSON.parse(text),
        JSON.parse(
          JSON.stringify(
            typeof declared === 'object' && declared !== null && !Array.isArray(declared) ? { ...more, ...declared } : declared
          )
        )
      ) &&
        text === JSON.stringify(JSON.parse(text))

    fc.assert(fc.property(sample(shape), ([schema, values]) => {
      const write = replyOf(schema)
      return values.every((value) => isExact(write(value.given), value))
    }), { numRuns })
    fc.assert(fc.property(sample(object), fc.boolean(), ([schema, values], validateOutgoing) => {
      const write = eventOf(schema, { validateOutgoing })
      return values.every((value) => isExact(write(value.given), value, { type: 'm' }))
    }), { numRuns })
    t.pass(`${numRuns} of them, twice`)
  })
}
