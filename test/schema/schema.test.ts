import t from 'tap'
import { explainUnfit, hasUnboundedPattern, idOf, Subschema, partsIn, References, referrersIn } from '../../lib/schema/schema.js'
import { Type as Current } from 'typebox'
import { Type as Legacy } from '@sinclair/typebox'
import { builders } from '../support/lines.js'

t.test('the walk through a schema finds every schema within a schema, and nothing that only looks like one', async (t) => {
  const schemasIn = (schema: unknown): object[] => Array.from(partsIn(new Subschema(schema, '')), (part) => part.schema)
  const names = (schema: object): unknown[] => schemasIn(schema).map((part) => (part as { title?: string }).title).filter((title) => title !== undefined)
  const s = (title: string): object => ({ title })
  t.same(names({
    title: 'root',
    properties: { const: s('p1'), enum: s('p2'), default: s('p3'), properties: { title: 'p4', properties: { title: s('p5') } } },
    patternProperties: { '^a': s('pp') },
    additionalProperties: s('ap'),
    unevaluatedProperties: s('up'),
    propertyNames: s('pn'),
    dependencies: { a: s('d'), b: ['c'] },
    dependentSchemas: { a: s('ds') },
    items: [s('i1'), { title: 'i2', items: s('i3') }],
    prefixItems: [s('pi')],
    additionalItems: s('ai'),
    unevaluatedItems: s('ui'),
    contains: s('c'),
    anyOf: [s('any')],
    oneOf: [s('one')],
    allOf: [s('all')],
    not: s('not'),
    if: s('if'),
    then: s('then'),
    else: s('else'),
    $defs: { a: s('def') },
    definitions: { a: s('definition') },
    const: s('no'),
    enum: [s('no')],
    default: s('no'),
    examples: [s('no')],
    'x-note': s('no')
  }), ['root', 'p1', 'p2', 'p3', 'p4', 'p5', 'pp', 'ap', 'up', 'pn', 'd', 'ds', 'i1', 'i2', 'i3', 'pi', 'ai', 'ui', 'c', 'any', 'one', 'all', 'not', 'if', 'then', 'else', 'def', 'definition'])

  const circular: Record<string, unknown> = { title: 'round' }
  circular['items'] = circular
  t.same(names(circular), ['round'])
  t.same(names({ properties: null, anyOf: null, items: 'text', $defs: 'text' }), [])
  for (const none of [true, false, null, undefined, 'text', []]) t.same(schemasIn(none), [])
})

t.test('the walk through a schema names a part as a reference would', async (t) => {
  const { root } = new References({ properties: { 'a/b ~c': { items: [{}, { title: 'here' }] } } })
  t.same(Array.from(partsIn(root), ({ uri }) => uri), ['__message#', '__message#/properties/a~1b%20~0c', '__message#/properties/a~1b%20~0c/items/0', '__message#/properties/a~1b%20~0c/items/1'])
  t.equal(root.child('nope'), undefined)
  t.equal(root.child('toString'), undefined)
  t.equal(new Subschema(true, '').child('a'), undefined)
  t.equal(new Subschema(true, '').get('a'), undefined)
  t.same(root.subschemas('anyOf'), [])
})

t.test('the walk through a schema follows references as Fastify does: by $id and pointer', async (t) => {
  const shared = {
    user: { $id: 'user#', type: 'object', properties: { name: { title: 'name' }, self: { $ref: '#/properties/name' } } },
    'http://example.com/x': { $id: 'http://example.com/x', definitions: { inner: { $id: 'inner', title: 'inner', properties: { up: { $ref: '#/title' } } } } }
  }
  const schema = {
    $id: 'root',
    properties: {
      self: { $ref: '#' },
      byId: { $ref: 'root#' },
      pointer: { $ref: '#/properties/x~1y' },
      encoded: { $ref: '#/properties/a%20b' },
      'x/y': { title: 'slash' },
      'a b': { title: 'space' },
      user: { $ref: 'user' },
      userHash: { $ref: 'user#' },
      userName: { $ref: 'user#/properties/name' },
      userSelf: { $ref: 'user#/properties/self' },
      inner: { $ref: 'inner' },
      nested: { $id: 'nested', title: 'nested', items: { $ref: '#' } },
      lost: { $ref: 'nobody' },
      astray: { $ref: '#/properties/nobody/items' },
      text: { $ref: '#/properties/nested/title/0' },
      anchor: { $ref: '#nested' },
      foreignAnchor: { $ref: 'user#name' },
      'a%zz': { title: 'percent' },
      percent: { $ref: '#/properties/a%zz' }
    }
  }
  const references = new References(schema, shared)
  const at = (name: string): Subschema => references.root.child('properties')!.child(name)!
  const titleAt = (name: string): unknown => references.find(at(name))?.get('title')
  t.equal(references.find(at('self')), references.root)
  t.equal(references.find(at('byId')), references.root)
  t.same(['pointer', 'encoded', 'percent', 'userName', 'inner'].map(titleAt), ['slash', 'space', 'percent', 'name', 'inner'])
  t.equal(references.find(at('user'))?.uri, 'user#')
  t.equal(references.find(at('userHash'))?.uri, 'user#')
  t.equal(references.find(references.find(at('userSelf'))!)?.get('title'), 'name', 'a reference within what is referred to')
  t.equal(references.find(at('nested').child('items')!)?.get('title'), 'nested', '# is the nearest schema with an $id')
  for (const name of ['lost', 'astray', 'text', 'anchor', 'foreignAnchor']) t.throws(() => references.resolve(at(name)), { message: 'leads nowhere: add a schema of that $id with app.addSchema' })
  t.equal(idOf({ $id: 'a#' }), 'a')
  t.equal(idOf({ $id: 7 }), undefined)
})

t.test('the references of a message know which documents it is checked with', async (t) => {
  const module = Legacy.Module({ Node: Legacy.Object({ next: Legacy.Optional(Legacy.Ref('Node')) }) })
  const own: readonly object[] = [
    {}, module.Import('Node'), Legacy.Object({ list: Legacy.Array(module.Import('Node')) }),
    Legacy.Recursive((This) => Legacy.Object({ next: Legacy.Optional(This) })),
    Current.Module({ Node: Current.Object({ next: Current.Optional(Current.Ref('Node')) }) }).Node,
    { $id: 'a', items: { $ref: 'a#' } }, { items: { $ref: '#' } }, { $ref: '#/definitions/x', definitions: { x: {} } },
    { properties: { $ref: { type: 'string' } } }
  ]
  const foreign: readonly object[] = [Legacy.Ref('user'), Legacy.Object({ user: Legacy.Ref('user#') }), { items: { $ref: 'user#/definitions/x' } }]
  const shared = { user: { $id: 'user', definitions: { x: {} } }, other: { $id: 'other' } }
  for (const schema of own) t.equal(new References(schema, shared).documents().size, 1, JSON.stringify(schema).slice(0, 60))
  for (const schema of foreign) t.same([...new References(schema, shared).documents().keys()], ['user#', '__message#'], JSON.stringify(schema))
  t.equal(referrersIn(new References({ $ref: '#', items: { $ref: '#' } }).root).length, 2)
})

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
    for (const schema of unbounded) t.equal(hasUnboundedPattern(schema as never), true, `${name}: ${JSON.stringify(schema)}`)
    for (const schema of bounded) t.equal(hasUnboundedPattern(schema as never), false, `${name}: ${JSON.stringify(schema)}`)
  }
  t.equal(hasUnboundedPattern(Current.String({ pattern: /^(a+)+$/ }) as never), true)

  const sharedSchemas = {
    room: { $id: 'room', type: 'object', properties: { name: { $ref: 'name#' }, rooms: { type: 'array', items: { $ref: 'room' } } } },
    name: { $id: 'name', type: 'string', pattern: '^(a+)+$' },
    other: { $id: 'other', type: 'object', properties: { lost: { $ref: 'nobody' } } }
  }
  t.equal(hasUnboundedPattern({ type: 'object', properties: { room: { $ref: 'room' } } }, sharedSchemas), true, 'where references of references lead')
  t.equal(hasUnboundedPattern({ type: 'object', properties: { room: { $ref: 'room' } } }), false, 'not known yet')
  t.equal(hasUnboundedPattern({ type: 'object', properties: { other: { $ref: 'other' } } }, sharedSchemas), false, 'only there')
})

t.test('knows what JSON cannot say, and what to write instead', async (t) => {
  const unfit: ReadonlyArray<[schema: object, says: string]> = [
    [Legacy.Date(), 'type \'Date\' cannot travel as JSON: write Type.String({ format: \'date-time\' })'],
    [Legacy.Object({ at: Legacy.Array(Legacy.Date()) }), 'type \'Date\' at /properties/at/items cannot travel as JSON: write Type.String({ format: \'date-time\' })'],
    [Legacy.BigInt(), 'type \'bigint\' cannot travel as JSON: write Type.String(), or Type.Integer() where 53 bits are enough'],
    [Current.BigInt(), 'type \'bigint\' cannot travel as JSON'],
    [Legacy.Uint8Array(), 'type \'Uint8Array\' cannot travel as JSON: write Type.String({ contentEncoding: \'base64\' }), or send it as a binary frame'],
    [Legacy.Union([Legacy.String(), Legacy.Undefined()]), 'type \'undefined\' at /anyOf/1 cannot travel as JSON: write Type.Null(), or Type.Optional(…) around the property'],
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
    [Legacy.Object({ at: Legacy.Transform(Legacy.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString()) }), 'a codec at /properties/at would not be run: declare the type on the wire and convert it in the handler'],
    [Current.Codec(Current.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString()), 'a codec would not be run'],
    [Legacy.Object({ constructor: Legacy.Optional(Legacy.String()) }), 'property \'constructor\' is never absent from a JavaScript object: make it required, or give it another name'],
    [Current.Object({ a: Current.Object({ valueOf: Current.Optional(Current.String()) }) }), 'property \'valueOf\' at /properties/a is never absent']
  ]
  const standard = { '~standard': { vendor: 'zod' } }
  t.match(explainUnfit(standard), 'a schema of zod is no JSON Schema: write z.toJSONSchema(schema), or write it with TypeBox (the whole)')
  t.match(explainUnfit({ properties: { a: standard } }), '(at /properties/a)')
  for (const [schema, says] of unfit) t.match(explainUnfit(schema as never), says)

  const fit: readonly object[] = [
    Legacy.Object({ a: Legacy.String(), b: Legacy.Never(), c: Legacy.Unknown(), d: Legacy.Null(), e: Legacy.Enum({ a: 'a', b: 1 }) }),
    Current.Script('{ a: string, b?: number[], c: "x" | null }'),
    Legacy.Object({ type: Legacy.String(), constructor: Legacy.String() }),
    Current.Refine(Current.String(), () => true),
    { type: { not: 'a type' } }
  ]
  for (const schema of fit) t.equal(explainUnfit(schema as never), undefined, JSON.stringify(schema))
})
