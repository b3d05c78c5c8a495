import t from 'tap'
import { Type as Legacy } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { References, referrersIn } from '../../lib/schema/references.js'
import { idOf, type Subschema } from '../../lib/schema/subschema.js'

t.test('the walk through a schema follows references as Fastify does: by $id and pointer', async (t) => {
  const shared = {
    user: { $id: 'user#', type: 'object', properties: { name: { title: 'name' }, self: { $ref: '#/properties/name' } } },
    'http://example.com/x': {
      $id: 'http://example.com/x',
      definitions: { inner: { $id: 'inner', title: 'inner', properties: { up: { $ref: '#/title' } } } }
    }
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
  for (const name of ['lost', 'astray', 'text', 'anchor', 'foreignAnchor']) {
    t.throws(() => references.resolve(at(name)), { message: 'leads nowhere: add a schema of that $id with app.addSchema' })
  }
  t.equal(idOf({ $id: 'a#' }), 'a')
  t.equal(idOf({ $id: 7 }), undefined)
})

t.test('the references of a message name the documents that it is checked with', async (t) => {
  const module = Legacy.Module({ Node: Legacy.Object({ next: Legacy.Optional(Legacy.Ref('Node')) }) })
  const own: readonly object[] = [
    {}, module.Import('Node'), Legacy.Object({ list: Legacy.Array(module.Import('Node')) }),
    Legacy.Recursive((This) => Legacy.Object({ next: Legacy.Optional(This) })),
    Current.Module({ Node: Current.Object({ next: Current.Optional(Current.Ref('Node')) }) }).Node,
    { $id: 'a', items: { $ref: 'a#' } }, { items: { $ref: '#' } }, { $ref: '#/definitions/x', definitions: { x: {} } },
    { properties: { $ref: { type: 'string' } } }
  ]
  const foreign: readonly object[] = [
    Legacy.Ref('user'),
    Legacy.Object({ user: Legacy.Ref('user#') }),
    { items: { $ref: 'user#/definitions/x' } }
  ]
  const shared = { user: { $id: 'user', definitions: { x: {} } }, other: { $id: 'other' } }
  for (const schema of own) t.equal(new References(schema, shared).documents().size, 1, JSON.stringify(schema).slice(0, 60))
  for (const schema of foreign) {
    t.same([...new References(schema, shared).documents().keys()], ['user#', '__message#'], JSON.stringify(schema))
  }
  t.equal(referrersIn(new References({ $ref: '#', items: { $ref: '#' } }).root).length, 2)
})
