// @ts-check
// Texts made to cost a check as much as they can.

const OPENINGS = [
  '', 'http://', 'http://a', 'http://a.', 'http://a/', 'http://a:1', 'http://a?', 'http://a#', 'http://a@', 'http://[',
  'http://[::', 'http://é', 'http://xn--', 'xn--', '//', 'file:///', 'a:', 'urn:uuid:', 'a', 'a@', 'a@a', '"', 'P',
  'PT', 'P1', '#', '/', '0', '0/', '00:00:00', '00:00:00.', '2020-01-01T00:00:00.', '2020-01-01T00:00:00Z[',
  '2020-01-01T00:00:00Z[a=', '[', '{'
]
const REPEATED = [
  'a', 'A', '0', '-', '.', ':', '::', '@', ':@', '@:', 'a@', 'a@a.', 'a-', 'a.', '-a', '.a', '/', '//', '/a', '/..',
  '/a/..', '\\', '[', ']', '[v1.', '[a=b]', '[a', '(', '(?:', '(?<a>', '[a-z', '|', '*', 'a*', '()', '\\1', '\\p{L}',
  '{a}', '{', '{a,', '{a:1', '#', '?', '%', '%41', '=', '+', '~', '~0', '"', '!', '$', '&', ' ', '\n', 'A\n', '\t', 't',
  '1Y', '1M', '1:', 'T1', '::1', '00:', 'xn--', 'xn--a.', 'é', 'ß', 'ﷺ', '１', 'א', '1א', '\u0301', '\u0301\u0323',
  '\u0323\u0301', '\u{10400}', '\u200d', '・', '·', 'l·l', 'क्\u200d'
]
const ENDINGS = ['', '!', '@', '@a', '@a.', '"@a.b', '@a.aa:99 ', '.', '\n', ' ', 'Z', '-', '/', ']', '}', '\u0000', '\ud800']
const LETTERS = 20_000 // of them a script has no more

/**
 * Every text of so many characters that begins, goes on and ends in one of these ways.
 *
 * @param {number} length
 * @param {ReadonlySet<string>} [only] by their names
 * @returns {Generator<{ name: string, text: string }>}
 */
export function * hostileTexts (length, only) {
  for (const opening of OPENINGS) {
    for (const { name, middle } of middles(length)) {
      for (const ending of ENDINGS) {
        const text = { name: JSON.stringify([opening, name, ending]), text: opening + middle + ending }
        if (only?.has(text.name) ?? true) yield text
      }
    }
  }
}

/** @param {number} length */
function * middles (length) {
  for (const part of REPEATED) yield { name: part, middle: repeat(part, length) }
  for (const [one, other] of [['\u0301', '\u0323'], ['a', ':'], [':', '@'], ['@', 'a'], ['a', '-'], ['/a', '/..']]) {
    yield { name: `${one}…${other}…`, middle: repeat(one, length / 2) + repeat(other, length / 2) }
  }
  yield { name: 'many letters', middle: String.fromCharCode(...Array.from({ length: Math.min(length, LETTERS) }, (_, n) => 0x4e00 + n)) }
  yield { name: 'many groups', middle: Array.from({ length: length / 8 }, (_, n) => `(?<a${n}>)`).join('') }
}

/**
 * @param {string} part
 * @param {number} length
 */
function repeat (part, length) {
  return part.repeat(Math.floor(length / part.length))
}
