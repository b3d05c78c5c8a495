import fc from 'fast-check'

/**
 * Any code point of Unicode but half a surrogate pair: `fc.string({ unit: codePoint })`.
 *
 * fast-check's own unit 'binary' says the same, but makes a table of all million code points first.
 */
export const codePoint: fc.Arbitrary<string> = fc.nat(0x10ffff - 0x800).map((n) => String.fromCodePoint(n < 0xd800 ? n : n + 0x800))
