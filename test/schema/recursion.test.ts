import t from 'tap'
import { Type as Legacy } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { References } from '../../lib/schema/references.js'
import { unwind } from '../../lib/schema/recursion.js'
import { decoderOf, eventOf, plain, refusalOf } from '../support/lines.js'

type Options = Parameters<typeof decoderOf>[1]
type Node = Record<string, unknown> | null

/**
 * Counts how often the property `seen` of a value is read: what a check costs, in steps rather than
 * in time.
 */
function countedNodes (depth: number, leaf: Record<string, unknown>): { value: Node, reads: () => number } {
  let reads = 0
  let value: Node = null
  for (let level = 0; level < depth; level++) {
    const child: Node = value
    value = { ...(level === 0 ? leaf : { kind: 'or' }), get child (): Node { reads++; return child } }
  }
  return { value, reads: () => reads }
}

function nested (depth: number, leaf: Record<string, unknown>): Node {
  return JSON.parse(JSON.stringify(countedNodes(depth, leaf).value)) as Node
}

const legacyBranches = (child: never): never => {
  return Legacy.Union([
    Legacy.Object({ child, kind: Legacy.Literal('and') }),
    Legacy.Object({ child, kind: Legacy.Literal('or') }),
    Legacy.Null()
  ]) as never
}
const currentBranches = Current.Union([
  Current.Object({ child: Current.Ref('N'), kind: Current.Literal('and') }),
  Current.Object({ child: Current.Ref('N'), kind: Current.Literal('or') }),
  Current.Null()
])
const legacy = Legacy.Recursive((This) => legacyBranches(This as never), { $id: 'N' })

/** The same recursive union, by everything that can say it. */
const unions: ReadonlyArray<[name: string, schema: object, options?: Options]> = [
  ['Type.Recursive', Legacy.Object({ x: legacy })],
  ['Type.Module of 0.34', Legacy.Object({ x: Legacy.Module({ N: legacyBranches(Legacy.Ref('N') as never) }).Import('N') })],
  ['Type.Cyclic', Current.Object({ x: Current.Cyclic({ N: currentBranches }, 'N') })],
  ['Type.Module of 1.x', Current.Object({ x: Current.Module({ N: currentBranches }).N })],
  ['plain JSON Schema', plain(Legacy.Object({ x: legacy }))],
  ['a schema of the app', Legacy.Object({ x: Legacy.Ref('N') }), { sharedSchemas: { N: plain(legacy) } }]
]

t.test('a recursive union that tells its branches apart late costs a message a few steps for each level', async (t) => {
  for (const [name, schema, options] of unions) {
    const decode = decoderOf(schema, options)
    const event = eventOf(schema, options)
    t.equal(decode(JSON.stringify({ type: 'm', x: nested(60, { kind: 'and' }) })).kind, 'event', `${name}: taken`)
    t.match(
      decode(JSON.stringify({ type: 'm', x: nested(60, { kind: 'nope' }) })),
      { kind: 'rejection', error: { message: 'message/x must match a schema in anyOf' } },
      `${name}: refused and explained`
    )
    const good = countedNodes(60, { kind: 'and', secret: 1 })
    t.same(JSON.parse(event({ x: good.value })), { type: 'm', x: nested(60, { kind: 'and' }) }, `${name}: written`)
    t.ok(good.reads() < 60 * 60 * 10, `${name}: read ${good.reads()} times`)
    const bad = countedNodes(60, { kind: 'nope' })
    t.throws(() => event({ x: bad.value }), { code: 'FST_TYPED_WS_OUTGOING_INVALID' }, `${name}: not written`)
    t.ok(bad.reads() < 60 * 60 * 10, `${name}: read ${bad.reads()} times`)
  }
})

t.test('a check does not depend on the messages that were checked before', async (t) => {
  for (const [name, schema, options] of unions) {
    const check = decoderOf(schema, options)
    const kinds = ['and', 'nope', 'or', 'nope'].map((kind) => check(JSON.stringify({ type: 'm', x: nested(3, { kind }) })).kind)
    t.same(kinds, ['event', 'rejection', 'event', 'rejection'], name)
  }
})

const deep = (key: string, depth: number): object => Array.from({ length: depth }).reduce<object>((value) => ({ [key]: value }), {})
const array = (depth: number): unknown => Array.from({ length: depth }).reduce<unknown>((value) => [value], 1)

t.test('a check that doubles with each level takes little time', async (t) => {
  const self = { $ref: 'N' }
  const doubles: ReadonlyArray<[schema: object, value: unknown]> = [
    [{ type: 'object', allOf: [{ properties: { a: self } }, { properties: { a: self } }] }, deep('a', 50)],
    [{ type: 'object', properties: { a: self }, not: { required: ['b'], properties: { a: self } } }, deep('a', 50)],
    [{ type: 'object', if: { properties: { a: self }, required: ['b'] }, then: {}, else: { properties: { a: self } } }, deep('a', 50)],
    [{ type: 'object', properties: { a: self }, dependencies: { a: { properties: { a: self } } } }, deep('a', 50)],
    [
      {
        anyOf: [
          { allOf: [{ $ref: '#/$defs/body' }, { required: ['b'] }] },
          { allOf: [{ $ref: '#/$defs/body' }] },
          { $ref: '#/$defs/body' }
        ],
        $defs: { body: { type: 'object', properties: { a: self } } }
      },
      deep('a', 50)
    ],
    [{ anyOf: [{ type: 'array', items: self, minItems: 2 }, { type: 'array', items: self }, { type: 'number' }] }, array(50)],
    [{ anyOf: [{ type: 'array', items: self, contains: self }, { type: 'number' }] }, array(50)],
    [{ anyOf: [{ type: 'array', items: [self], minItems: 2 }, { type: 'array', items: [self] }, { type: 'number' }] }, array(50)]
  ]
  for (const [schema, value] of doubles) {
    const root = { type: 'object', properties: { x: { ...schema, $id: 'N' } } }
    t.ok(unwind(new References(root)), JSON.stringify(schema))
    t.type(refusalOf(root, { x: value }) ?? '', 'string', 'in time')
    t.match(refusalOf(root, { x: [{ a: 'text' }] }), /^message/, 'refused')
  }
})

t.test('ordinary schemas boot, and those that meet a value once remember nothing', async (t) => {
  const json = Legacy.Recursive((This) => {
    return Legacy.Union([
      Legacy.String(),
      Legacy.Number(),
      Legacy.Boolean(),
      Legacy.Null(),
      Legacy.Array(This),
      Legacy.Record(Legacy.String(), This)
    ])
  })
  const everyday: ReadonlyArray<[schema: object, value: unknown]> = [
    [
      Legacy.Recursive((This) => Legacy.Object({ name: Legacy.String(), children: Legacy.Array(This) })),
      { name: 'a', children: [{ name: 'b', children: [] }] }
    ],
    [Legacy.Recursive((This) => Legacy.Object({ value: Legacy.Number(), next: Legacy.Optional(This) })), { value: 1, next: { value: 2 } }],
    [Legacy.Recursive((This) => Legacy.Object({ next: Legacy.Union([This, Legacy.Null()]) })), { next: { next: null } }],
    [
      Legacy.Recursive((This) => {
        return Legacy.Object({ left: Legacy.Optional(This), right: Legacy.Optional(This) }, { additionalProperties: false })
      }),
      { left: {}, right: { left: {} } }
    ],
    [json, { a: [1, 'b', null, { c: [true] }] }],
    [plain(json), { a: [1, 'b', null, { c: [true] }] }],
    [
      Legacy.Union([
        Legacy.Object({ kind: Legacy.Literal('a'), a: Legacy.Number() }),
        Legacy.Object({ kind: Legacy.Literal('b'), a: Legacy.String() })
      ]),
      { kind: 'b', a: '' }
    ],
    [
      Legacy.Module({
        A: Legacy.Object({ b: Legacy.Optional(Legacy.Ref('B')) }),
        B: Legacy.Object({ a: Legacy.Array(Legacy.Ref('A')) })
      }).Import(
        'A'
      ),
      { b: { a: [{}] } }
    ],
    [
      Current.Cyclic(
        { A: Current.Object({ b: Current.Optional(Current.Ref('B')) }), B: Current.Object({ a: Current.Array(Current.Ref('A')) }) },
        'A'
      ),
      { b: { a: [{}] } }
    ],
    [Legacy.Recursive((This) => Legacy.Tuple([Legacy.Number(), Legacy.Union([This, Legacy.Null()])])), [1, [2, null]]],
    [
      {
        $id: 'N',
        type: 'object',
        properties: { a: { $ref: 'N' } },
        patternProperties: { '^x': { type: 'number' } },
        additionalProperties: { $ref: 'N' }
      },
      { a: {}, x: 1, b: {} }
    ]
  ]
  for (const [schema, value] of everyday) {
    const root = { type: 'object', properties: { x: schema }, required: ['x'] }
    t.equal(unwind(new References(root)), undefined, JSON.stringify(schema))
    const kind =
      Symbol.for('TypeBox.Kind') in schema
        ? Legacy.Object({ x: schema as never })
        : '~kind' in schema ? Current.Object({ x: schema }) : root
    t.equal(refusalOf(kind, { x: value }), undefined, JSON.stringify(value))
    t.same(JSON.parse(eventOf(kind)({ x: value })), { type: 'm', x: value })
  }
})

t.test('a doubling recursion that depends on properties its branches have checked is refused at boot', async (t) => {
  const root = {
    type: 'object',
    properties: {
      x: {
        $id: 'N',
        type: 'object',
        allOf: [{ properties: { a: { $ref: 'N' } } }, { properties: { a: { $ref: 'N' } } }],
        unevaluatedProperties: false
      }
    }
  }
  t.throws(() => decoderOf(root), {
    code: 'FST_TYPED_WS_INVALID_SCHEMA',
    message: /'unevaluatedProperties' stands in a recursion .* write 'additionalProperties'/
  })
})

t.test('a doubling recursion is checked with the schemas that it refers to', async (t) => {
  const user = (Type: typeof Legacy): never => Type.Object({ name: Type.String() }) as never
  const node = (Type: typeof Legacy): never => {
    return Type.Union(
      ['and', 'or'].map((kind) => {
        return Type.Object({ child: Type.Union([Type.Ref('Node'), Type.Null()]), user: Type.Ref('User'), kind: Type.Literal(kind) })
      })
    ) as never
  }
  const N = {
    $id: 'Node',
    anyOf: ['and', 'or'].map((kind) => {
      return {
        type: 'object',
        properties: { child: { $ref: 'Node' }, user: { $ref: 'User' }, kind: { const: kind } },
        required: ['user', 'kind']
      }
    })
  }
  const schemas: ReadonlyArray<[name: string, schema: object, options?: Options]> = [
    ['Type.Module of 0.34', Legacy.Object({ x: Legacy.Module({ User: user(Legacy), Node: node(Legacy) }).Import('Node') as never })],
    [
      'a schema of the app',
      Legacy.Object({ x: Legacy.Ref('Node') }),
      { sharedSchemas: { Node: N, User: { $id: 'User', ...plain(user(Legacy)) } } }
    ]
  ]
  for (const [name, schema, options] of schemas) {
    const leaf = (user: unknown): object => name.startsWith('a ') ? { kind: 'or', user } : { kind: 'or', user, child: null }
    const tree = (user: unknown): object => ({ x: { kind: 'and', user: { name: 'a' }, child: leaf(user) } })
    t.equal(refusalOf(schema, tree({ name: 'b' }), options), undefined, `${name}: taken`)
    t.match(refusalOf(schema, tree({ name: 5 }), options), /^message\/x/, `${name}: refused`)
  }
})
