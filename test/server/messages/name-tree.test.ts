import fc from 'fast-check'
import t from 'tap'
import { NameTree } from '../../../lib/server/messages/name-tree.js'

const OPENING = '{"type":"'

function treeOf (names: readonly string[]): NameTree<string> {
  return new NameTree(names.map((name) => [JSON.stringify(name).slice(1), name]))
}

function find (names: readonly string[], name: string): string | undefined {
  return treeOf(names).find(`{"type":${JSON.stringify(name)},"a":1}`, OPENING.length)
}

t.test('a tree of names finds each of them, and for any other text no name but one of its own', async (t) => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '"', '\\', 'é', '\n', '😀'), maxLength: 5 })
  fc.assert(fc.property(fc.uniqueArray(name, { maxLength: 12 }), name, (names, other) => {
    const found = find(names, other)
    return names.every((name) => find(names, name) === name) && (found === undefined || names.includes(found))
  }), { numRuns: 1000 })
  t.pass()
})

t.test('a tree of names tells apart a name and the beginning of it, also in a text that ends too soon', async (t) => {
  const names = ['say', 'say-more', 'say-most', '']
  for (const name of names) t.equal(find(names, name), name)
  const tree = treeOf(names)
  t.equal(tree.find('{"type":"say', OPENING.length), undefined)
  t.equal(tree.find('', OPENING.length), undefined)
  t.equal(treeOf([]).find('{"type":"say"}', OPENING.length), undefined)
  t.equal(find(['say'], 'said'), 'say', 'the text is still to be compared with the only name')
})
