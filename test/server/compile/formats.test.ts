import t from 'tap'
import fc from 'fast-check'
import { Ajv } from 'ajv'
import ajvFormats from 'ajv-formats'
import { FormatRegistry } from '@sinclair/typebox'
import { Format } from 'typebox/format'
import { ajvFormat, boundCheck, linearFormats } from '../../../lib/server/compile/formats.js'
import { codePoint } from '../../support/code-point.js'
import { isLinear } from '../../support/growth.js'
import { decoderOf, lines, refusalOf } from '../../support/lines.js'

const { Type } = lines[0]!
const url = ajvFormat('url') as RegExp
const isUrl = linearFormats.get('url') as (text: string) => boolean
// Machine code is made after some ten thousand calls.
const CALLS_UNTIL_COMPILED = 100_000
const namesOfAjv = Object.keys(ajvFormats.default(new Ajv()).formats)

t.test('the check of url takes exactly the texts that the regular expression of ajv-formats takes', async (t) => {
  const of = (...pieces: string[]): fc.Arbitrary<string> => {
    return fc.array(fc.constantFrom(...pieces), { maxLength: 10 }).map((parts) => parts.join(''))
  }
  const any = of('http://', 'https://', 'HTTP://', 'ftp://', 'http:/', 'a', 'b.cc', 'é.éé', '１', '-', '--', '.', ':',
    '::', ':8', ':80', ':80000', ':123456', '@', '/', '?', '#', ' ', '\n', '\u3000', '\u2028', '\ufeff', '\u00a0',
    '\u00a1',
    '\uffff', '\ud800', '😀', 'ſ', 'K', '%', '1.2.3.4', '10.0.0.1', '127.0.0.1', '192.168.0.1', '172.16.0.1',
    '172.32.0.1', '223.255.255.254', '224.0.0.1', '1.2.3.0', '01.2.3.4', 'user:pass@', 'a.bb/')
  const likely = fc.tuple(
    fc.constantFrom('', 'a@', ':@', '@', 'a:b@', '\u3000@'),
    of('a', 'é', '-', '.', '1', '\u3000'),
    fc.constantFrom('', '.cc', '.\u3000é'),
    fc.constantFrom('', ':8', ':80', ':99999', ':999999'),
    of('/', 'a.bb', '@', ' ', ':')
  ).map(
    (parts) => `ftp://${parts.join('')}`
  )
  let taken = 0
  fc.assert(fc.property(fc.oneof(
    any,
    any.map((rest) => `http://${rest}`),
    likely,
    fc.string({ unit: codePoint }).map((rest) => `http://${rest}`)
  ), (text) => {
    taken += Number(url.test(text))
    return isUrl(text) === url.test(text)
  }), { numRuns: 3_000 })
  t.ok(taken > 30, `${taken} texts were URLs`)
})

// Each is the worst of some format: of its own, of one that a library has repaired, or of a likely
// next one.
const worst: ReadonlyArray<(length: number) => string> = [
  (n) => `http://${'::'.repeat(n / 2)}`,
  (n) => `http://${':@'.repeat(n / 2)}\u0000`,
  (n) => `http://${'a.bb/@'.repeat(n / 6)} `,
  (n) => `http://${String.fromCharCode(...Array.from({ length: n / 3 }, (_, k) => 0x4e00 + k))}`,
  (n) => `http://${'%e4%b8%80'.repeat(n / 9)}`,
  (n) => `//a@${'é'.repeat(n)}`,
  (n) => `http://xn--${'a'.repeat(n)}`,
  (n) => `a${'\u0301'.repeat(n / 2)}${'\u0323'.repeat(n / 2)}@a.de`,
  (n) => `a@${'a-'.repeat(n / 2)}`,
  (n) => `http://a/${'/..'.repeat(n / 3)}\ud800`,
  (n) => `P${'1'.repeat(n)}`,
  (n) => `2020-01-01T00:00:00.${'0'.repeat(n)}`,
  (n) => `2020-01-01T00:00:00Z${'[a=b]'.repeat(n / 5)}[`,
  (n) => 'T'.repeat(n),
  (n) => `{a${',a:1'.repeat(n / 4)}`,
  (n) => '/~0'.repeat(n / 3) + '~',
  (n) => 'A\n'.repeat(n / 2) + '!',
  (n) => '[a-z'.repeat(n / 4)
]

t.test('every format of ajv-formats and of TypeBox takes linear time', async (t) => {
  const names = new Set([...namesOfAjv, ...Format.Entries().map(([name]) => name)])
  for (const { name: line, Type, of } of lines) {
    // One check of a format serves all validators: the others are asked for those that are
    // replaced.
    for (const format of line === 'TypeBox 1.x' ? names : [...linearFormats.keys(), 'iri', 'idn-email']) {
      const decode = decoderOf(of(Type.Object({ x: Type.String({ format }) })))
      for (const textOf of worst) {
        t.ok(isLinear((x) => decode(JSON.stringify({ type: 'm', x })), textOf),
        `${line}: ${format}: ${JSON.stringify(textOf(30))}`)
      }
    }
  }
})

t.test('a host in Unicode is accepted up to the length of a domain name', async (t) => {
  const of = (format: string) => decoderOf((lines[1]!.Type).Object({ x: Type.String({ format }) as never }))
  for (const format of ['iri', 'iri-reference']) {
    const take = (x: string): boolean => of(format)(JSON.stringify({ type: 'm', x })).kind === 'event'
    for (const host of [
      'é'.repeat(100), `${'é'.repeat(100)}:80`, 'a'.repeat(1000), `${'é'.repeat(252)}@a`, `a/${'é'.repeat(1000)}`,
      `a?${'é'.repeat(1000)}`
    ]) {
      t.ok(take(`http://${host}`), `${format}: ${host}`)
    }
    for (const text of [
      `http://${'é'.repeat(254)}`,
      `http://a@${'é'.repeat(254)}/`,
      `http://${'%C3%A9'.repeat(50)}`,
      `file://${'é'.repeat(254)}`
    ]) {
      t.notOk(take(text), `${format}: ${text}`)
    }
  }
})

t.test('a host in Latin-1 is accepted also by a check that is compiled to machine code', async (t) => {
  for (const format of ['iri', 'iri-reference']) {
    const decode = decoderOf((lines[1]!.Type).Object({ x: Type.String({ format }) as never }))
    const text = JSON.stringify({ type: 'm', x: 'http://\xe9t\xe9.fr/\xe9' })
    let accepted = 0
    for (let n = 0; n < CALLS_UNTIL_COMPILED; n++) accepted += Number(decode(text).kind === 'event')
    t.equal(accepted, CALLS_UNTIL_COMPILED, format)
  }
})

t.test('a text with combining marks is accepted as long as it is stream-safe', async (t) => {
  const decode = decoderOf((lines[1]!.Type).Object({ x: Type.String({ format: 'idn-email' }) as never }))
  t.equal(decode(JSON.stringify({ type: 'm', x: `a${'\u0301'.repeat(30)}@a.de` })).kind, 'event')
  t.equal(decode(JSON.stringify({ type: 'm', x: `a${'\u0301'.repeat(31)}@a.de` })).kind, 'rejection')
})

t.test('a format that the app registers replaces the one of that name', async (t) => {
  FormatRegistry.Set('url', (text) => text === 'own')
  Format.Set('iri', (text) => text === 'own')
  t.teardown(() => { FormatRegistry.Delete('url'); Format.Reset() })
  for (const { name, Type, of } of lines) {
    for (const format of ['url', 'iri']) {
      t.equal(refusalOf(of(Type.Object({ x: Type.String({ format }) })), { x: 'own' }), undefined, `${name}: ${format}`)
    }
  }
  const given = { ajv: { customOptions: { formats: { 'date-time': (text: string) => text === 'own' } } } }
  t.equal(refusalOf(Type.Object({ x: Type.String({ format: 'date-time' }) }), { x: 'own' }, given), undefined)
})

t.test('a format with the name of a property that every object has is unknown', async (t) => {
  for (const { name: line, Type, of } of lines) {
    for (const format of ['constructor', 'toString', '__proto__']) {
      const schema = of(Type.Object({ x: Type.String({ format }) }))
      for (const ajv of [{}, { customOptions: { coerceTypes: false, allErrors: true } }]) {
        t.throws(() => decoderOf(schema, { ajv }), { message: `unknown format "${format}"` }, `${line}: ${format}`)
      }
    }
  }
})

t.test('a format of an app may have the name of a property that every object has', async (t) => {
  const ajv = { customOptions: { formats: { constructor: (text: string) => text === 'own' } } }
  for (const { name: line, Type, of } of lines) {
    const schema = of(Type.Object({ x: Type.String({ format: 'constructor' }) }))
    t.equal(refusalOf(schema, { x: 'own' }, { ajv }), undefined, line)
    t.match(refusalOf(schema, { x: 'other' }, { ajv }), /format/, line)
  }
})

t.test('a check of TypeBox that is linear is not replaced', async (t) => {
  const check = (): boolean => true
  t.equal(boundCheck('hostname', check), check)
})
