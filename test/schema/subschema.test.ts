import t from 'tap'
import { Subschema, subschemasIn } from '../../lib/schema/subschema.js'
import { References } from '../../lib/schema/references.js'

t.test('the walk through a schema finds every subschema, and nothing that only looks like one', async (t) => {
  const schemasIn = (schema: unknown): object[] => Array.from(subschemasIn(new Subschema(schema, '')), (part) => part.schema)
  const names = (schema: object): unknown[] => {
    return schemasIn(schema).map((part) => (part as { title?: string }).title).filter((title) => title !== undefined)
  }
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
  }), [
    'root', 'p1', 'p2', 'p3', 'p4', 'p5', 'pp', 'ap', 'up', 'pn', 'd', 'ds', 'i1', 'i2', 'i3', 'pi', 'ai', 'ui', 'c',
    'any', 'one', 'all', 'not', 'if', 'then', 'else', 'def', 'definition'
  ])

  const circular: Record<string, unknown> = { title: 'round' }
  circular['items'] = circular
  t.same(names(circular), ['round'])
  t.same(names({ properties: null, anyOf: null, items: 'text', $defs: 'text' }), [])
  for (const none of [true, false, null, undefined, 'text', []]) t.same(schemasIn(none), [])
})

t.test('the walk through a schema names a part as a reference would', async (t) => {
  const { root } = new References({ properties: { 'a/b ~c': { items: [{}, { title: 'here' }] } } })
  t.same(Array.from(subschemasIn(root), ({ uri }) => uri), [
    '__message#',
    '__message#/properties/a~1b%20~0c',
    '__message#/properties/a~1b%20~0c/items/0',
    '__message#/properties/a~1b%20~0c/items/1'
  ])
  t.equal(root.child('nope'), undefined)
  t.equal(root.child('toString'), undefined)
  t.equal(new Subschema(true, '').child('a'), undefined)
  t.equal(new Subschema(true, '').get('a'), undefined)
  t.same(root.subschemas('anyOf'), [])
})
