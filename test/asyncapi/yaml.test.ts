import t from 'tap'
import fc from 'fast-check'
import { parse } from 'yaml'
import { yamlOf } from '../../lib/asyncapi/yaml.js'
import { codePoint } from '../support/code-point.js'

t.test('YAML is written for people', async (t) => {
  const value = { asyncapi: '3.0.0', list: [{ $ref: '#/a', n: 1 }, ['a', []], 'b'], none: {}, text: 'a: b', yes: 'yes', ok: true, no: null }
  t.equal(yamlOf(value), `asyncapi: "3.0.0"
list:
  - $ref: "#/a"
    "n": 1
  - - a
    - []
  - b
none: {}
text: "a: b"
"yes": "yes"
ok: true
"no": null
`)
  t.equal(yamlOf({}), '{}\n')
})

t.test('YAML says what the JSON says', async () => {
  const doubtful = ['yes', 'null', '~', '1e3', '0x1', ' a', 'a ', 'a #b', '- a', '\u2028', '\ufeff', '...', '---']
  const text = fc.oneof(fc.string({ unit: codePoint }), fc.constantFrom(...doubtful))
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      text, fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(text.filter((key) => key !== '__proto__'), tie('tree'), { maxKeys: 4 })
    )
  }))
  fc.assert(fc.property(tree, (value) => {
    const json = JSON.parse(JSON.stringify(value)) as unknown
    return JSON.stringify(parse(yamlOf(value), { version: '1.2' })) === JSON.stringify(json)
  }))
})
