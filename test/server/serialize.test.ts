import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import fc from 'fast-check'
import { Type as Legacy, type TSchema } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { builders, eventOf, lines, replyOf, type Builder } from '../support/lines.js'

const { Type } = builders[0]!

/** A schema, a value with more than it declares, and what of it may reach the wire. */
type Row = readonly [what: string, schema: (T: Builder) => TSchema, value: unknown, written: unknown]

const secret = 'secret'
const rows: readonly Row[] = [
  ['an object', (T) => T.Object({ a: T.Number() }), { a: 1, secret }, { a: 1 }],
  ['a nested object', (T) => T.Object({ a: T.Object({ b: T.Object({ c: T.Null() }) }) }), { a: { b: { c: null, secret }, secret }, secret }, { a: { b: { c: null } } }],
  ['an object that declares nothing', (T) => T.Object({ a: T.Object({}) }), { a: { secret } }, { a: {} }],
  ['optional properties', (T) => T.Object({ a: T.Optional(T.Number()), b: T.Number(), c: T.Optional(T.Number()) }), { a: undefined, b: 1, secret }, { b: 1 }],
  ['only optional properties', (T) => T.Partial(T.Object({ a: T.Number(), b: T.Number(), c: T.Number() })), { b: 1, c: 2, secret }, { b: 1, c: 2 }],
  ['none of the optional properties', (T) => T.Partial(T.Object({ a: T.Number() })), { secret }, {}],
  ['an array of objects', (T) => T.Array(T.Object({ a: T.Number() })), [{ a: 1, secret }, { secret, a: 2 }], [{ a: 1 }, { a: 2 }]],
  ['an array of arrays', (T) => T.Array(T.Array(T.Object({ a: T.Number() }))), [[], [{ a: 1, secret }]], [[], [{ a: 1 }]]],
  ['an empty array', (T) => T.Array(T.Object({})), [], []],
  ['a tuple', (T) => T.Tuple([T.Number(), T.Object({ a: T.Number() }), T.Tuple([T.String()])]), [1, { a: 1, secret }, ['x']], [1, { a: 1 }, ['x']]],
  ['an empty tuple', (T) => T.Tuple([]), [], []],
  ['a tuple with unions', (T) => T.Tuple([T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]), T.Union([T.String(), T.Null()])]), [{ b: 1, secret }, null], [{ b: 1 }, null]],
  ['a record', (T) => T.Record(T.String(), T.Object({ a: T.Number() })), { x: { a: 1, secret }, y: { a: 2 } }, { x: { a: 1 }, y: { a: 2 } }],
  ['a record of some names', (T) => T.Record(T.Union([T.Literal('x'), T.Literal('y')]), T.Number()), { x: 1, y: 2, secret }, { x: 1, y: 2 }],
  ['a record of names with a pattern', (T) => T.Record(T.String({ pattern: '^x' }), T.Number()), { x1: 1, secret }, { x1: 1 }],
  ['additional properties', (T) => T.Object({ a: T.Number() }, { additionalProperties: true }), { a: 1, more: { b: [1] }, none: undefined }, { a: 1, more: { b: [1] } }],
  ['additional properties of a schema', (T) => T.Object({ a: T.Optional(T.Number()) }, { additionalProperties: T.Object({ b: T.Number() }) }), { more: { b: 1, secret }, other: { b: 2 } }, { more: { b: 1 }, other: { b: 2 } }],
  ['no additional properties', (T) => T.Object({ a: T.Number() }, { additionalProperties: false }), { a: 1 }, { a: 1 }],
  ['a union with null', (T) => T.Object({ a: T.Union([T.Object({ b: T.Number() }), T.Null()]), c: T.Union([T.Object({ b: T.Number() }), T.Null()]) }), { a: { b: 1, secret }, c: null }, { a: { b: 1 }, c: null }],
  ['a union of scalars', (T) => T.Array(T.Union([T.String(), T.Number(), T.Boolean(), T.Null()])), ['a', 1, true, null], ['a', 1, true, null]],
  ['a union of different kinds', (T) => T.Array(T.Union([T.Array(T.Object({ a: T.Number() })), T.Object({ b: T.Number() }), T.String()])), [[{ a: 1, secret }], { b: 1, secret }, 'x'], [[{ a: 1 }], { b: 1 }, 'x']],
  ['a union told by a literal', (T) => T.Array(T.Union([T.Object({ kind: T.Literal('a'), a: T.Number() }), T.Object({ kind: T.Literal('b'), b: T.Number() })])), [{ kind: 'a', a: 1, b: secret }, { kind: 'b', b: 1, a: secret }], [{ kind: 'a', a: 1 }, { kind: 'b', b: 1 }]],
  ['a union whose first branch matches and says less', (T) => T.Union([T.Object({ a: T.Number() }), T.Object({ a: T.Number(), b: T.Number() })]), { a: 1, b: 2, secret }, { a: 1, b: 2 }],
  ['a union whose first branch matches and says less, deeper down', (T) => T.Union([T.Object({ o: T.Object({ a: T.Number() }) }), T.Object({ o: T.Object({ a: T.Number(), b: T.Number() }) })]), { o: { a: 1, b: 2, secret } }, { o: { a: 1, b: 2 } }],
  ['a union whose branches both match', (T) => T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]), { a: 1, b: 2, secret }, { a: 1, b: 2 }],
  ['a union whose second branch does not match', (T) => T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]), { a: 1, b: secret }, { a: 1 }],
  ['a union of arrays', (T) => T.Union([T.Array(T.Object({ a: T.Number() })), T.Array(T.Object({ b: T.Number() }))]), [{ b: 1, secret }], [{ b: 1 }]],
  ['a union within a union', (T) => T.Union([T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]), T.Object({ c: T.Number() })]), { b: 1, secret }, { b: 1 }],
  ['a union with a record', (T) => T.Union([T.Object({ a: T.Number() }), T.Record(T.String(), T.Array(T.Number()))]), { x: [1] }, { x: [1] }],
  ['a union with anything', (T) => T.Array(T.Union([T.Object({ a: T.Number() }), T.Any()])), [{ a: 1, secret }, { other: { a: 1 } }], [{ a: 1 }, { other: { a: 1 } }]],
  ['an optional union', (T) => T.Object({ u: T.Optional(T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })])) }), { u: { b: 1, secret } }, { u: { b: 1 } }],
  ['an intersection', (T) => T.Intersect([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]), { a: 1, b: 2, secret }, { a: 1, b: 2 }],
  ['an intersection that meets deeper down', (T) => T.Intersect([T.Object({ o: T.Object({ a: T.Number() }) }), T.Object({ o: T.Object({ b: T.Number() }) })]), { o: { a: 1, b: 2, secret } }, { o: { a: 1, b: 2 } }],
  ['an intersection with a record', (T) => T.Intersect([T.Object({ a: T.Number() }), T.Record(T.String(), T.Number())]), { a: 1, b: 2 }, { a: 1, b: 2 }],
  ['an intersection closed by a schema', (T) => T.Intersect([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })], { unevaluatedProperties: T.Object({ c: T.Number() }) }), { a: 1, b: 2, x: { c: 3, secret } }, { a: 1, b: 2, x: { c: 3 } }],
  ['an intersection of unions', (T) => T.Intersect([T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })]), T.Union([T.Object({ c: T.Number() }), T.Object({ d: T.Number() })])]), { b: 1, d: 2, secret }, { b: 1, d: 2 }],
  ['an intersection with a union', (T) => T.Intersect([T.Object({ z: T.Number() }), T.Union([T.Object({ a: T.Number() }), T.Object({ b: T.Number() })])]), { z: 0, b: 1, secret }, { z: 0, b: 1 }],
  ['an intersection of arrays', (T) => T.Intersect([T.Array(T.Object({ a: T.Number() })), T.Array(T.Object({ b: T.Number() }))]), [{ a: 1, b: 2, secret }], [{ a: 1, b: 2 }]],
  ['an intersection of a union and a number', (T) => T.Object({ x: T.Intersect([T.Union([T.String(), T.Number()]), T.Number()]) }), { x: 1 }, { x: 1 }],
  ['an intersection of object and negation', (T) => T.Intersect([T.Object({ a: T.Number() }), T.Unsafe<unknown>({ not: { required: ['z'] } })]), { a: 1, secret }, { a: 1 }],
  ['anything', (T) => T.Object({ a: T.Any(), b: T.Unknown() }), { a: { b: [1, { c: null }] }, b: 'x' }, { a: { b: [1, { c: null }] }, b: 'x' }],
  ['anything in an array', (T) => T.Array(T.Any()), [1, undefined, () => {}, NaN, { a: undefined }], [1, null, null, null, {}]],
  ['inherited names', (T) => T.Object({ constructor: T.String(), toString: T.Object({ a: T.Number() }) }), { constructor: 'Ford', toString: { a: 1, secret } }, { constructor: 'Ford', toString: { a: 1 } }],
  ['names that need quotes', (T) => T.Object({ 'a"b\\': T.Number(), '\u2028': T.Number(), '</script>': T.Number(), '${x}`': T.Number() }), { 'a"b\\': 1, '\u2028': 2, '</script>': 3, '${x}`': 4, secret }, { 'a"b\\': 1, '\u2028': 2, '</script>': 3, '${x}`': 4 }], // eslint-disable-line no-template-curly-in-string -- to be seen unchanged
  ['a condition that holds', (T) => T.Unsafe<unknown>({ type: 'object', properties: { k: { type: 'string' } }, if: { properties: { k: { const: 'a' } } }, then: { properties: { v: { type: 'number' } } }, else: { properties: { w: { type: 'number' } } } }), { k: 'a', v: 1, w: secret }, { k: 'a', v: 1 }],
  ['a condition that does not', (T) => T.Unsafe<unknown>({ type: 'object', properties: { k: { type: 'string' } }, if: { properties: { k: { const: 'a' } } }, then: { properties: { v: { type: 'number' } } }, else: { properties: { w: { type: 'number' } } } }), { k: 'b', v: secret, w: 1 }, { k: 'b', w: 1 }],
  ['a condition without consequence', (T) => T.Unsafe<unknown>({ type: 'object', if: { properties: { k: { const: 'a' } }, required: ['k'] }, then: {} }), { k: 'a', secret }, { k: 'a' }],
  ['a dependency', (T) => T.Unsafe<unknown>({ type: 'object', properties: { a: { type: 'number' } }, dependencies: { a: { properties: { b: { type: 'number' } } }, b: ['a'], c: { properties: { d: {} } } } }), { a: 1, b: 2, d: secret }, { a: 1, b: 2 }],
  ['one of several', (T) => T.Unsafe<unknown>({ oneOf: [{ type: 'object', properties: { a: { type: 'number' } }, required: ['a'] }, { type: 'object', properties: { b: { type: 'number' } }, required: ['b'] }] }), { b: 1, secret }, { b: 1 }],
  ['an object without a type', (T) => T.Object({ x: T.Unsafe<unknown>({ properties: { a: { type: 'number' } } }) }), { x: { a: 1, secret } }, { x: { a: 1 } }],
  ['an array where only properties are declared', (T) => T.Object({ x: T.Unsafe<unknown>({ properties: { a: { type: 'number' } } }) }), { x: [{ secret }] }, { x: [] }],
  ['an object where only items are declared', (T) => T.Object({ x: T.Unsafe<unknown>({ items: { type: 'number' } }) }), { x: { secret } }, { x: {} }],
  ['a list without items', (T) => T.Object({ x: T.Unsafe<unknown>({ type: 'array' }) }), { x: [{ a: 1 }] }, { x: [{ a: 1 }] }],
  ['a plain tuple, with more behind', (T) => T.Object({ x: T.Unsafe<unknown>({ type: 'array', items: [{ type: 'number' }] }) }), { x: [1, secret] }, { x: [1] }],
  ['a plain tuple, with more items declared', (T) => T.Object({ x: T.Unsafe<unknown>({ type: 'array', items: [{ type: 'number' }], additionalItems: { type: 'object', properties: { a: {} } } }) }), { x: [1, { a: 1, secret }] }, { x: [1, { a: 1 }] }],
  ['a constant object', (T) => T.Object({ x: T.Unsafe<unknown>({ const: { a: 1 } }), y: T.Unsafe<unknown>({ enum: [1, { b: 2 }] }) }), { x: { a: 1 }, y: { b: 2 } }, { x: { a: 1 }, y: { b: 2 } }],
  ['items of several lists', (T) => T.Object({ x: T.Intersect([T.Array(T.Object({ a: T.Number() })), T.Unsafe<unknown>({ type: 'array', items: [{ type: 'object', properties: { b: { type: 'number' } } }] })]) }), { x: [{ a: 1, b: 2, secret }, { a: 1, b: secret }] }, { x: [{ a: 1, b: 2 }, { a: 1 }] }],
  ['first items of several lists', (T) => T.Object({ x: T.Intersect([T.Unsafe<unknown>({ type: 'array', items: [{ type: 'object', properties: { a: {} } }] }), T.Unsafe<unknown>({ type: 'array', items: [{ type: 'object', properties: { b: {} } }, { type: 'object', properties: { c: {} } }] })]) }), { x: [{ a: 1, b: 2, secret }, { c: 3, secret }, secret] }, { x: [{ a: 1, b: 2 }, { c: 3 }] }],
  ['items as of JSON Schema 2020-12', (T) => T.Object({ x: T.Unsafe<unknown>({ type: 'array', prefixItems: [{ type: 'object', properties: { a: {} } }], items: { type: 'object', properties: { b: {} } } }) }), { x: [{ a: 1, secret }, { b: 2, secret }] }, { x: [{ a: 1 }, { b: 2 }] }],
  ['a union with true and false', (T) => T.Object({ x: T.Array(T.Unsafe<unknown>({ anyOf: [true, false, { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] }] })) }), { x: [{ a: 1, secret }, { b: 1 }, 7] }, { x: [{ a: 1 }, { b: 1 }, 7] }],
  ['either type', (T) => T.Array(T.Unsafe<unknown>({ type: ['object', 'null'], properties: { a: { type: 'number' } } })), [{ a: 1, secret }, null], [{ a: 1 }, null]],
  ['several patterns', (T) => T.Unsafe<unknown>({ type: 'object', properties: { ab: { type: 'object', properties: { x: {} } } }, patternProperties: { '^a': { type: 'object', properties: { y: {} } }, b$: { type: 'object', properties: { z: {} } } } }), { ab: { x: 1, y: 2, z: 3, secret }, axb: { x: secret, y: 2, z: 3 }, secret }, { ab: { x: 1, y: 2, z: 3 }, axb: { y: 2, z: 3 } }],
  ['a boolean schema', (T) => T.Unsafe<unknown>({ type: 'object', properties: { a: true, b: false } }), { a: { x: 1 }, secret }, { a: { x: 1 } }],
  ['not a text', (T) => T.Object({ x: T.Unsafe<unknown>({ not: { type: 'string' } }) }), { x: { a: 1 } }, { x: { a: 1 } }],
  ['branches that only ask for properties', (T) => T.Unsafe<unknown>({ type: 'object', properties: { a: {}, b: {} }, anyOf: [{ required: ['a'] }, { required: ['b'] }] }), { b: 1, secret }, { b: 1 }]
]

t.test('lets nothing out that is not declared', async (t) => {
  for (const [what, schema, value, written] of rows) {
    for (const { name, Type, of } of lines) {
      for (const validateOutgoing of [true, false]) {
        const text = replyOf(of(schema(Type)), { validateOutgoing, ajv: { customOptions: { strict: false } } })(value)
        t.strictSame(JSON.parse(text), written, `${name}: ${what}`)
        t.equal(text, JSON.stringify(JSON.parse(text)), 'without a needless byte')
      }
    }
  }
})

t.test('follows references within a schema', async (t) => {
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
    'Type.Recursive with an $id': Legacy.Recursive((This) => Legacy.Object({ v: Legacy.Number(), kids: Legacy.Array(This) }), { $id: 'Node' }),
    'Module.Import': legacy.Import('Node'),
    'Type.Module': current.Node,
    'Type.Cyclic': Current.Cyclic({ Node: Current.Object({ v: Current.Number(), kids: Current.Array(Current.Ref('Node')) }) }, 'Node'),
    'a plain #': { type: 'object', properties: { v: { type: 'number' }, kids: { type: 'array', items: { $ref: '#' } } } },
    'a plain pointer': { $ref: '#/definitions/a~1%20node', definitions: { 'a/ node': { type: 'object', properties: { v: { type: 'number' }, kids: { type: 'array', items: { $ref: '#/definitions/a~1%20node' } } } } } }
  }
  for (const [what, node] of Object.entries(nodes)) {
    t.strictSame(JSON.parse(replyOf(node)(value)), written, what)
    t.strictSame(JSON.parse(eventOf(node)(value)), { type: 'm', ...written }, `${what}, as an event`)
    if (!what.includes('plain')) t.strictSame(JSON.parse(replyOf({ type: 'object', properties: { deep: { type: 'array', items: node } } })({ deep: [value] })), { deep: [written] }, `${what}, deeper down`)
    t.throws(() => replyOf(node)({ v: 1, kids: [{ v: '2', kids: [] }] }), { code: 'FST_TYPED_WS_OUTGOING_INVALID', message: 'message/kids/0/v must be number' }, `${what}, invalid`)
  }
  for (const either of [legacy.Import('Either'), current.Either]) {
    t.strictSame(JSON.parse(replyOf(either)({ n: value })), { n: written })
    t.strictSame(JSON.parse(replyOf(either)({ n: { z: 1, v: secret } })), { n: { z: 1 } })
  }
})

t.test('follows references to what the app shares', async (t) => {
  const sharedSchemas = {
    user: { $id: 'user', type: 'object', properties: { name: { type: 'string' }, boss: { $ref: 'user#' } }, required: ['name'] },
    'https://example.com/all.json': { $id: 'https://example.com/all.json', definitions: { tag: { $id: 'tag', type: 'object', properties: { t: { type: 'string' } } }, tags: { type: 'array', items: { $ref: '#/definitions/tag' } } } }
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
    t.strictSame(JSON.parse(write({ user, users: [user], either: user, name: 'x', tags: [{ t: 'a', secret }] })), { user: clean, users: [clean], either: clean, name: 'x', tags: [{ t: 'a' }] }, name)
    t.strictSame(JSON.parse(write({ user, users: [], either: { z: 1, name: 1 }, name: 'x' })), { user: clean, users: [], either: { z: 1 }, name: 'x' }, name)
    t.throws(() => write({ user: { name: 1 }, users: [], either: user, name: 'x' }), { code: 'FST_TYPED_WS_OUTGOING_INVALID', message: 'message/user/name must be string' })
    t.match(JSON.parse(eventOf(of(Type.Object({ user: Type.Ref('user') })), { sharedSchemas })({ user })), { type: 'm', user: clean })
    t.match(JSON.parse(eventOf(of(Type.Ref('user')), { sharedSchemas })(user)), { type: 'm', ...clean })
  }
})

t.test('reads the names of a record as its compiler does', async (t) => {
  // No regular expression with the flag `u`, which 1.x and Ajv want.
  const write = replyOf(Type.Record(Type.String({ pattern: '^\\-' }), Type.Number()))
  t.equal(write({ '-a': 1, secret }), '{"-a":1}')
})

t.test('refuses without a schema\'s check what cannot be written, by name', async (t) => {
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
  for (const [schema, value, says] of refusals) t.throws(() => replyOf(schema, unchecked)(value), { code: 'FST_TYPED_WS_OUTGOING_INVALID', message: `Outgoing reply to m breaks its schema: ${says}` }, says)

  const circular: Record<string, unknown> = { v: 1 }
  circular['kids'] = [circular]
  const node = Type.Recursive((This) => Type.Object({ v: Type.Number(), kids: Type.Array(This) }))
  for (const validateOutgoing of [true, false]) t.throws(() => replyOf(node, { validateOutgoing })(circular), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
  t.equal(replyOf({ type: 'object', properties: { a: {} }, dependencies: { a: { $ref: '#' } } }, unchecked)({ a: 1, secret }), '{"a":1}', 'a schema that depends on itself')
  t.throws(() => replyOf({ anyOf: [{ $ref: '#' }, { type: 'object' }, { type: 'object' }] }, unchecked)({}), { code: 'FST_TYPED_WS_OUTGOING_INVALID' }, 'a schema that is its own branch')
})

t.test('writes scalars of another type unchecked, for they hide nothing', async (t) => {
  const write = replyOf(Type.Object({ s: Type.String(), n: Type.Number(), b: Type.Boolean(), o: Type.Object({}), a: Type.Array(Type.Number()) }), { validateOutgoing: false })
  t.equal(write({ s: 5, n: '5', b: null, o: 'x', a: true }), '{"s":5,"n":"5","b":null,"o":"x","a":true}')
})

t.test('writes what JSON.stringify writes', async (t) => {
  const write = replyOf(Type.Object({ s: Type.Array(Type.String()), n: Type.Array(Type.Number()) }))
  const same = (value: unknown): boolean => write(value) === JSON.stringify(value)
  t.ok(same({ s: ['', '"', '\\', '\n\u0000\u001f', '\u007f\u2028\u2029', '\ud800', '\udc00\ud800', '😀', 'a'.repeat(41), 'a'.repeat(42), 'é'.repeat(42), `${'a'.repeat(42)}"`, `${'a'.repeat(42)}\ud800`, `${'a'.repeat(42)}\n`, 'a'.repeat(5000), `${'a'.repeat(5000)}\ud800`], n: [0, -0, 1.5, 1e21, 1e-7, Number.MAX_VALUE, Number.MIN_VALUE, -1] }))
  fc.assert(fc.property(fc.record({ s: fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('a', '"', '\\', '\ud800', '\udc00', '\n', 'é'), maxLength: 60 }))), n: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })) }), same), { numRuns: 500 })
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
  { build: (T) => T.String(), values: fc.string({ unit: 'binary' }).map(whole) },
  { build: (T) => T.Number(), values: fc.double({ noNaN: true, noDefaultInfinity: true }).map(whole) },
  { build: (T) => T.Integer(), values: fc.integer().map(whole) },
  { build: (T) => T.Boolean(), values: fc.boolean().map(whole) },
  { build: (T) => T.Null(), values: fc.constant(null).map(whole) },
  { build: (T) => T.Literal('x'), values: fc.constant('x').map(whole) },
  { build: (T) => T.Any(), values: fc.jsonValue({ maxDepth: 2 }).map(whole) }
]
const names = ['a', 'b', 'c', 'toString', 'é"']

type Properties = Array<[name: string, shape: Shape, isOptional: boolean]>

const { shape, object } = fc.letrec<{ shape: Shape, object: Shape, properties: Properties }>((tie) => ({
  properties: fc.uniqueArray(fc.tuple(fc.constantFrom(...names), tie('shape'), fc.boolean()), { selector: ([name]) => name, maxLength: 4 }),
  object: fc.oneof(
    { depthSize: 'small' },
    fc.tuple(tie('properties'), fc.constantFrom(undefined, true, false)).map(([properties, additional]) => objectOf(properties, additional)),
    fc.tuple(tie('shape'), tie('shape'), fc.boolean()).map(([left, right, isOptional]) => intersectionOf(objectOf([['l', left, isOptional]]), objectOf([['r', right, !isOptional]]))),
    fc.array(tie('properties'), { minLength: 2, maxLength: 3 }).map(unionOf)
  ),
  shape: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...scalars), tie('object'), tie('object').map(orNull), tie('shape').map(listOf), fc.array(tie('shape'), { minLength: 1, maxLength: 3 }).map(tupleOf), tie('shape').map(recordOf)
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
  return { build: (T) => T.Tuple(shapes.map(({ build }) => build(T))), values: fc.tuple(...shapes.map(({ values }) => values)).map(joinItems) }
}

function recordOf ({ build, values }: Shape): Shape {
  return { build: (T) => T.Record(T.String(), build(T)), values: fc.dictionary(fc.constantFrom('k1', 'k2', 'constructor'), values, { noNullPrototype: true }).map(joinMembers) }
}

// Told apart by a literal, so that one branch matches.
function unionOf (branches: Properties[]): Shape {
  const tagged = branches.map((properties, n) => objectOf([['tag', { build: (T) => T.Literal(`t${n}`), values: fc.constant(whole(`t${n}`)) }, false], ...properties]))
  return { build: (T) => T.Union(tagged.map(({ build }) => build(T))), values: fc.oneof(...tagged.map(({ values }) => values)) }
}

function intersectionOf (left: Shape, right: Shape): Shape {
  const merge = ([a, b]: [Value, Value]): Value => ({ given: { ...a.given as object, ...b.given as object }, declared: { ...a.declared as object, ...b.declared as object } })
  return { build: (T) => T.Intersect([left.build(T), right.build(T)]), values: fc.tuple(left.values, right.values).map(merge) }
}

function objectOf (properties: Properties, additionalProperties?: boolean): Shape {
  // A name that every object inherits cannot be optional.
  const isAbsentable = (name: string, isOptional: boolean): boolean => isOptional && name !== 'toString'
  const members = fc.record(Object.fromEntries(properties.map(([name, { values }, isOptional]) => [name, isAbsentable(name, isOptional) ? fc.option(values, { nil: undefined }) : values])), { noNullPrototype: true })
  return {
    build: (T) => T.Object(Object.fromEntries(properties.map(([name, { build }, isOptional]) => [name, isAbsentable(name, isOptional) ? T.Optional(build(T)) : build(T)])), additionalProperties === undefined ? {} : { additionalProperties }),
    values: fc.tuple(members, undeclared).map(([values, more]) => {
      const { given, declared } = joinMembers(values)
      if (additionalProperties === false) return { given, declared }
      return { given: { ...more, ...given as object }, declared: additionalProperties === true ? { ...more, ...declared as object } : declared }
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
  t.test(`${name}: writes the declared part of any value of any schema`, async (t) => {
    // Ajv takes twenty times as long as TypeBox to compile a schema.
    const numRuns = name.startsWith('TypeBox') ? 300 : 40
    const sample = (shapes: fc.Arbitrary<Shape>): fc.Arbitrary<[schema: object, values: Value[]]> =>
      shapes.chain(({ build, values }) => fc.tuple(fc.constant(of(build(Type))), fc.array(values, { minLength: 1, maxLength: 3 })))
    const isExact = (text: string, { declared }: Value, more: object = {}): boolean =>
      isDeepStrictEqual(JSON.parse(text), JSON.parse(JSON.stringify(typeof declared === 'object' && declared !== null && !Array.isArray(declared) ? { ...more, ...declared } : declared))) &&
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
