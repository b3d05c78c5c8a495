import t from 'tap'
import fc from 'fast-check'
import type { FastifyRequest } from 'fastify'
import type { OriginOption } from '../../../types/options.js'
import { compileOrigin, type OriginSubject, type OriginVerdict } from '../../../lib/server/handshake/origin.js'
import { codePoint } from '../../support/code-point.js'

const unrelated: OriginOption<OriginSubject> = [
  'https://other.test', 'https://*.other.test', /^https:\/\/pattern\.test$/, 'moz-extension://0000'
]

/** A handshake as Node parses it: Origin headers are joined in `headers`, apart in `rawHeaders`. */
function handshake (sent: string | readonly string[], url = 'https://example.com'): OriginSubject {
  const origins = [sent].flat()
  return {
    ...target(url),
    raw: {
      headers: origins.length === 0 ? {} : { origin: origins.join(', ') },
      rawHeaders: ['Host', 'example.com', 'X-Note', 'Origin', ...origins.flatMap((origin) => ['Origin', origin]), 'Upgrade', 'websocket']
    }
  }
}

function target (url: string): { protocol: string, host: string } {
  const [protocol = '', host = ''] = url.split('://')
  return { protocol, host }
}

function verdict (
  option: OriginOption<OriginSubject>,
  sent: string | readonly string[],
  url?: string
): OriginVerdict | Promise<OriginVerdict> {
  return compileOrigin(option, false)(handshake(sent, url))
}

interface Trick {
  readonly name: string
  readonly sent: string | readonly string[]
  readonly to?: string
  /** The verdict when the list has this very text; `throws` where it is no origin at all. */
  readonly listed: 'admitted' | 'refused' | 'throws'
}

const tricks: readonly Trick[] = [
  { name: 'null, from a sandboxed frame', sent: 'null', listed: 'admitted' },
  { name: 'empty', sent: '', listed: 'throws' },
  { name: 'user information', sent: 'https://example.com@evil.test', listed: 'throws' },
  { name: 'a suffix', sent: 'https://example.com.evil.test', listed: 'admitted' },
  { name: 'a prefix', sent: 'https://evilexample.com', listed: 'admitted' },
  { name: 'a path', sent: 'https://example.com/chat', listed: 'throws' },
  { name: 'a hash', sent: 'https://example.com#evil.test', listed: 'throws' },
  { name: 'a query', sent: 'https://example.com?evil.test', listed: 'throws' },
  { name: 'a backslash', sent: 'https://example.com\\.evil.test', listed: 'throws' },
  { name: 'a list with a space', sent: 'https://example.com https://evil.test', listed: 'throws' },
  { name: 'a list with a comma', sent: 'https://example.com,https://evil.test', listed: 'throws' },
  { name: 'two headers', sent: ['https://example.com', 'https://example.com'], listed: 'refused' },
  { name: 'an upper-case scheme', sent: 'HTTPS://example.com', listed: 'throws' },
  { name: 'an upper-case host', sent: 'https://EXAMPLE.com', to: 'https://EXAMPLE.com', listed: 'throws' },
  { name: 'the default port spelled out', sent: 'https://example.com:443', to: 'https://example.com:443', listed: 'throws' },
  { name: 'IDN in Unicode', sent: 'https://exämple.com', to: 'https://xn--exmple-cua.com', listed: 'refused' },
  { name: 'a trailing dot', sent: 'https://example.com.', listed: 'admitted' },
  { name: 'another scheme', sent: 'http://example.com', listed: 'admitted' },
  { name: 'another port', sent: 'https://example.com:8443', listed: 'admitted' },
  { name: 'an extension of Chrome', sent: 'chrome-extension://example.com', listed: 'admitted' },
  { name: 'an extension of Firefox', sent: 'moz-extension://example.com', listed: 'admitted' }
]

t.test('the Origin check refuses every trick unless it is listed literally', async (t) => {
  t.equal(tricks.length, 21)

  for (const { name, sent, to, listed } of tricks) {
    t.equal(verdict('same-origin', sent, to), 'refused', `${name}: by default`)
    t.equal(verdict(unrelated, sent, to), 'refused', `${name}: by a list without it`)
    t.equal(verdict(['https://*.com', 'https://*.test:1'], sent, to), isUnderCom(sent) ? 'admitted' : 'refused', `${name}: by a wildcard`)

    const [literal = ''] = [sent].flat()
    if (listed === 'throws') t.throws(() => compileOrigin([literal], false), TypeError, `${name}: cannot be listed`)
    else t.equal(verdict([literal], sent, to), listed, `${name}: listed literally`)
  }
})

// The only trick that is a true name below .com.
function isUnderCom (sent: string | readonly string[]): boolean {
  return sent === 'https://evilexample.com'
}

t.test('the Origin check admits a page of the same origin', async (t) => {
  const check = compileOrigin('same-origin', false)
  const pairs = [
    ['https://example.com', 'https://example.com'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['https://[::1]:8443', 'https://[::1]:8443'],
    ['https://example.com', 'https://EXAMPLE.com'],
    ['https://example.com', 'https://example.com:443'],
    ['http://example.com', 'http://example.com:80'],
    ['http://example.com:443', 'http://example.com:443'],
    ['https://xn--exmple-cua.com', 'https://exämple.com'],
    ['https://xn--exmple-cua.com', 'https://xn--exmple-cua.com'],
    ['https://example.com.', 'https://example.com.'],
    ['https://example.com', 'HTTPS://example.com']
  ] as const
  for (const [sent, to] of pairs) t.equal(check(handshake(sent, to)), 'admitted', `${sent} on ${to}`)
})

t.test('the Origin check reads the host and the scheme of each request', async (t) => {
  const check = compileOrigin('same-origin', false)
  t.equal(check(handshake('https://a.test', 'https://a.test')), 'admitted')
  t.equal(check(handshake('https://a.test', 'https://b.test')), 'refused')
  t.equal(check(handshake('https://b.test', 'https://b.test')), 'admitted')
  t.equal(check(handshake('https://b.test', 'http://b.test')), 'refused')
  t.equal(check(handshake('http://b.test', 'http://b.test')), 'admitted')
  t.equal(check(handshake('https://b.test', 'https://')), 'refused')
})

t.test('the Origin check takes wss and ws from a proxy as https and http', async (t) => {
  t.equal(verdict('same-origin', 'https://example.com', 'wss://example.com'), 'admitted')
  t.equal(verdict('same-origin', 'http://example.com', 'ws://example.com'), 'admitted')
  t.equal(verdict('same-origin', 'http://example.com', 'wss://example.com'), 'refused')
  t.equal(verdict('same-origin', 'https://example.com', 'ws://example.com'), 'refused')
  t.equal(verdict('same-origin', 'wss://example.com', 'wss://example.com'), 'refused')
})

t.test('a request without a valid scheme or host has no origin of its own', async (t) => {
  const odd = [
    'https://', '://example.com', 'file://', 'chrome-extension://example.com', 'ftp://example.com', 'constructor://example.com',
    'https://example.com/', 'https://example.com/chat', 'https://example.com?', 'https://example.com#', 'https://example.com\\',
    'https://evil.test@example.com', 'https://example.com,example.com', 'https://exam ple.com', 'https://exam\tple.com',
    'https://example.com:99999', 'https://[::1'
  ]
  for (const to of odd) {
    for (const sent of ['https://example.com', 'null', 'undefined', 'undefined://example.com', to]) {
      t.equal(verdict('same-origin', sent, to), 'refused', `${JSON.stringify(sent)} on ${JSON.stringify(to)}`)
    }
  }
})

t.test('a missing Origin has another result than a refused one', async (t) => {
  const options: readonly OriginOption<OriginSubject>[] = ['same-origin', '*', [], 'https://example.com', /./, () => true]
  for (const option of options) {
    t.equal(compileOrigin(option, false)(handshake([])), 'missing')
    t.equal(compileOrigin(option, true)(handshake([])), 'admitted')
  }
  t.equal(compileOrigin('same-origin', true)(handshake('')), 'refused', 'an empty one is not missing')
  t.equal(compileOrigin('same-origin', true)(handshake('https://evil.test')), 'refused', 'a wrong one is not missing')
})

t.test('no option admits a header that is not exactly one origin', async (t) => {
  const options: readonly OriginOption<OriginSubject>[] = [
    'same-origin', '*', 'https://example.com', /example/, /^/, () => true, async () => true
  ]
  const none = [
    '', ' ', ' https://example.com', 'https://example.com ', 'https://example.com\t',
    'https://exam\u0000ple.com', 'https://example.com\u007f',
    'https://example.com https://example.com', 'https://example.com,https://example.com', 'https://example.com, null',
    ['https://example.com', 'https://example.com'], ['https://example.com', ''], ['', 'https://example.com']
  ]
  for (const option of options) {
    for (const sent of none) t.equal(compileOrigin(option, true)(handshake(sent)), 'refused', JSON.stringify(sent))
  }
})

t.test('the Origin check finds the Origin in headers and in rawHeaders', async (t) => {
  const check = compileOrigin('same-origin', false)
  const subject = (raw: OriginSubject['raw']): OriginSubject => ({ protocol: 'https', host: 'example.com', raw })

  t.equal(check(subject({ headers: { origin: 'https://example.com' } })), 'admitted', 'injected: no rawHeaders')
  t.equal(check(subject({ headers: {} })), 'missing', 'injected: neither')
  t.equal(check(subject({ headers: { origin: ['https://example.com', 'https://example.com'] } })), 'refused', 'injected: two')
  t.equal(check(subject({ headers: { origin: [] } })), 'missing', 'injected: an empty list')
  t.equal(check(subject({ headers: { origin: 'https://example.com' }, rawHeaders: [] })), 'admitted', 'put in by hand')
  t.equal(check(subject({ headers: {}, rawHeaders: ['oRiGiN', 'https://evil.test'] })), 'refused', 'in whatever case')
  t.equal(check(subject({
    headers: { origin: 'https://example.com' },
    rawHeaders: ['ORIGIN', 'https://example.com', 'origin', 'https://example.com']
  })), 'refused', 'two that Node merged')
  t.equal(check(subject({ headers: {}, rawHeaders: ['X-A', 'origin', 'https://example.com', 'x'] })), 'missing', 'a value is not a name')
})

t.test('a list admits exactly its entries', async (t) => {
  const list: OriginOption<OriginSubject> = [
    'https://example.com', 'http://localhost:3000', 'https://[::1]', 'safari-web-extension://E8E4F1C8-0A', 'file://',
    /^app:\/\//
  ]
  for (const sent of [
    'https://example.com', 'http://localhost:3000', 'https://[::1]', 'safari-web-extension://E8E4F1C8-0A', 'file://',
    'app://-'
  ]) {
    t.equal(verdict(list, sent, 'https://api.test'), 'admitted', sent)
  }
  for (const sent of [
    'https://api.test', 'http://localhost', 'http://localhost:3001', 'https://[::2]',
    'safari-web-extension://e8e4f1c8-0a', 'null'
  ]) {
    t.equal(verdict(list, sent, 'https://api.test'), 'refused', sent)
  }
  t.equal(verdict('https://example.com', 'https://example.com', 'https://api.test'), 'admitted', 'a lone string is a list of one')
  t.equal(verdict('null', 'null'), 'admitted')
  t.equal(verdict([], 'https://example.com'), 'refused', 'an empty list admits none')
})

t.test('a list may name a host in Unicode', async (t) => {
  t.equal(verdict(['https://exämple.com'], 'https://xn--exmple-cua.com'), 'admitted')
  t.equal(verdict(['https://EXÄMPLE.com:8443'], 'https://xn--exmple-cua.com:8443'), 'admitted')
  t.equal(verdict(['https://*.exämple.com'], 'https://a.xn--exmple-cua.com'), 'admitted')
  t.equal(verdict(['https://*.exämple.com'], 'https://xn--exmple-cua.com'), 'refused')
  t.equal(verdict(['https://exämple.com'], 'https://xn--exmple-4nf.com'), 'refused', 'the same shape with a Cyrillic letter')
})

t.test('a wildcard matches whole labels in front of the dot', async (t) => {
  const list: OriginOption<OriginSubject> = ['https://*.example.com', 'http://*.local.test:8080']
  for (const sent of [
    'https://a.example.com', 'https://a.b.example.com', 'https://xn--exmple-cua.example.com',
    'https://a_b-1.example.com', 'http://a.local.test:8080'
  ]) {
    t.equal(verdict(list, sent), 'admitted', sent)
  }
  const refused = [
    'https://example.com', 'https://.example.com', 'https://a..example.com', 'https://.a.example.com', 'https://evilexample.com',
    'https://example.com.evil.test', 'https://a.example.com.evil.test', 'https://a.example.com.', 'http://a.example.com',
    'https://a.example.com:443', 'https://a.example.com:8443', 'https://A.example.com', 'https://a.EXAMPLE.com', 'HTTPS://a.example.com',
    'https://*.example.com', 'https://evil.test/.example.com', 'https://evil.test/a.example.com', 'https://evil.test?.example.com',
    'https://evil.test#.example.com', 'https://evil.test\\.example.com', 'https://evil.test@a.example.com',
    'https://evil.test:1.example.com',
    'https://a.example.com/', 'https://ä.example.com', 'https://a%2e.example.com', 'https://[::1].example.com', 'xhttps://a.example.com',
    'http://local.test:8080', 'http://a.local.test', 'http://a.local.test:80', 'https://a.local.test:8080', 'a.example.com', 'null'
  ]
  for (const sent of refused) t.equal(verdict(list, sent), 'refused', sent)
})

t.test('a RegExp sees the whole header, as it was written', async (t) => {
  t.equal(verdict(/^https:\/\/[a-z]+\.example\.com$/, 'https://a.example.com'), 'admitted')
  t.equal(verdict(/^https:\/\/[a-z]+\.example\.com$/, 'https://a.example.com.evil.test'), 'refused')
  t.equal(verdict(/example\.com/, 'https://example.com.evil.test'), 'admitted', 'a RegExp is not anchored for the user')
  t.equal(verdict(/^null$/, 'null'), 'admitted')
})

t.test('a RegExp with flags gives the same answer every time and keeps its lastIndex', async (t) => {
  for (const flags of ['g', 'y', 'gy']) {
    const pattern = new RegExp('https://a\\.test', flags)
    pattern.lastIndex = 7
    const alone = compileOrigin(pattern, false)
    const listed = compileOrigin(['https://b.test', pattern], false)

    for (let i = 0; i < 4; i++) {
      t.equal(alone(handshake('https://a.test')), 'admitted', flags)
      t.equal(listed(handshake('https://a.test')), 'admitted', flags)
    }
    t.equal(pattern.lastIndex, 7)
    t.equal(alone(handshake('xhttps://a.test')), flags === 'g' ? 'admitted' : 'refused', 'sticky stays sticky')
  }
})

t.test('the option * admits every Origin', async (t) => {
  for (const sent of ['https://example.com', 'https://evil.test', 'null', 'chrome-extension://abc', 'what?']) {
    t.equal(verdict('*', sent), 'admitted', sent)
  }
})

t.test('an origin function decides by the header and the request', async (t) => {
  const request = handshake('https://a.test')
  const seen: unknown[] = []
  const check = compileOrigin((origin, given) => { seen.push(origin, given); return origin.endsWith('a.test') }, false)

  t.equal(check(request), 'admitted')
  t.equal(seen[0], 'https://a.test')
  t.equal(seen[1], request, 'the very same request')
  t.equal(check(handshake('https://b.test')), 'refused')
})

t.test('an origin function may return a promise', async (t) => {
  const check = compileOrigin(async (origin) => origin === 'https://a.test', false)
  const answer = check(handshake('https://a.test'))
  t.ok(answer instanceof Promise)
  t.equal(await answer, 'admitted')
  t.equal(await check(handshake('https://b.test')), 'refused')
  t.equal(check(handshake([])), 'missing', 'and is not asked when there is no Origin')
})

t.test('an origin function admits by true alone', async (t) => {
  const answers = ['true', 1, {}, [], undefined, null, 0, '']
  for (const answer of answers) {
    t.equal(await compileOrigin((() => answer) as never, false)(handshake('https://a.test')), 'refused')
    t.equal(await compileOrigin((async () => answer) as never, false)(handshake('https://a.test')), 'refused')
  }
})

t.test('an error of the origin function goes to the caller', async (t) => {
  const failure = new Error('database away')
  const request = handshake('https://a.test')
  t.throws(() => compileOrigin(() => { throw failure }, false)(request), failure)
  await t.rejects(async () => compileOrigin(async () => { throw failure }, false)(request), failure)
})

t.test('the check accepts a FastifyRequest, and a function that takes one', async (t) => {
  const option: OriginOption<FastifyRequest> = (origin, request) => request.url === '/chat' && origin === 'https://a.test'
  const check: (request: FastifyRequest) => OriginVerdict | Promise<OriginVerdict> = compileOrigin(option, false)
  t.equal(check({ ...handshake('https://a.test'), url: '/chat' } as never), 'admitted')
})

const misspelled = [
  ['', 'not exactly one origin', 'https://example.com'],
  [' https://a.test', 'not exactly one origin', 'https://a.test'],
  ['https://a.test, https://b.test', 'not exactly one origin', 'https://a.test'],
  ['https://a.test\u0000', 'not exactly one origin', 'https://a.test'],
  ['a.test', 'no scheme', 'https://a.test'],
  ['//a.test', 'no scheme', 'https://a.test'],
  ['://a.test', 'no scheme', 'https://a.test'],
  ['localhost:3000', 'no scheme', 'https://localhost:3000'],
  ['*.a.test', 'no scheme', 'https://*.a.test'],
  ['javascript:alert(1)', 'no scheme', 'https://example.com'],
  ['https://a.test\\', 'backslash', 'https://a.test'],
  ['https://a.test#b', 'hash', 'https://a.test'],
  ['https://a.test/?b', 'query', 'https://a.test'],
  ['https://me:secret@a.test', 'user name', 'https://a.test'],
  ['https://a.test/b', 'path', 'https://a.test'],
  ['https://a.test//', 'path', 'https://a.test'],
  ['https://a.test/*', 'path', 'https://a.test'],
  ['https://a.test/', 'slash', 'https://a.test'],
  ['wss://a.test', 'scheme of the socket', 'https://a.test'],
  ['WS://a.test:8080', 'scheme of the socket', 'http://a.test:8080'],
  ['https://*', 'wildcard', 'https://*.example.com'],
  ['https://*a.test', 'wildcard', 'https://*.example.com'],
  ['https://a.*.test', 'wildcard', 'https://*.example.com'],
  ['https://*.*.test', 'wildcard', 'https://*.example.com'],
  ['https://*.', 'wildcard', 'https://*.example.com'],
  ['https://*.:8443', 'wildcard', 'https://*.example.com'],
  ['*://a.test', 'no scheme', 'https://*.example.com'],
  ['http://localhost:*', 'wildcard', 'https://*.example.com'],
  ['chrome-extension://*', 'wildcard', 'https://*.example.com'],
  ['https://', 'not an origin', 'https://example.com'],
  ['https://a.test:99999', 'not an origin', 'https://example.com'],
  ['https://a<b.test', 'not an origin', 'https://example.com'],
  ['https://*.127.0.0.1', 'not an origin', 'https://*.example.com'],
  ['https://*.\u00ad', 'not an origin', 'https://*.example.com'],
  ['https://＊.a.test', 'not an origin', 'https://*.a.test'],
  ['https://＊a.test', 'not an origin', 'https://example.com'],
  ['HTTPS://A.test', 'not spelled', 'https://a.test'],
  ['https://a.test:443', 'not spelled', 'https://a.test'],
  ['http://a.test:080', 'not spelled', 'http://a.test'],
  ['http://127.1', 'not spelled', 'http://127.0.0.1'],
  ['https://[::0001]', 'not spelled', 'https://[::1]'],
  ['https://exämple.com:443', 'not spelled', 'https://xn--exmple-cua.com']
] as const

t.test('an entry that could never match throws, and the error says how to write it', async (t) => {
  for (const [entry, fault, instead] of misspelled) {
    const error = thrownBy(() => compileOrigin(['https://fine.test', entry], false))
    t.ok(error instanceof TypeError, JSON.stringify(entry))
    t.ok(error.message.startsWith(JSON.stringify(entry)), error.message)
    t.ok(error.message.includes(fault), error.message)
    t.ok(error.message.endsWith(`: write ${JSON.stringify(instead)}`), error.message)
    t.doesNotThrow(() => compileOrigin(instead, false), 'and that is taken')
    t.throws(() => compileOrigin(entry, false), { message: error.message }, 'alone as well')
  }
})

t.test('the words * and same-origin cannot be entries of a list', async (t) => {
  t.throws(() => compileOrigin(['*'], false), new TypeError('"*" cannot be one of a list: write it alone'))
  t.throws(() => compileOrigin(['https://a.test', 'same-origin'], false), new TypeError(
    '"same-origin" cannot be one of a list: write it alone'
  ))
})

t.test('a value that is no origin option throws', async (t) => {
  for (const option of [undefined, null, true, 5, {}, [true], [null], [['https://a.test']], [() => true]]) {
    t.throws(() => compileOrigin(option as never, false), {
      name: 'TypeError',
      message: /is none of a string, a RegExp/
    }, JSON.stringify(option))
  }
})

function thrownBy (act: () => unknown): Error {
  try { act() } catch (error) { return error as Error }
  return new Error('nothing was thrown')
}

// The tests below compare with the WHATWG parser: browsers send what it writes.

function isCanonical (sent: string): boolean {
  return URL.canParse(sent) && new URL(sent).origin === sent && !sent.includes(',') // a comma: see 'a list with a comma'
}

function isSameOrigin (sent: string, to: string): boolean {
  return isCanonical(sent) && URL.canParse(to) && new URL(to).origin === sent
}

const pieces = [
  '.', ':', '/', '//', '\\', '@', '#', '?', ',', ' ', '\t', '\n', '\u0000', '\u001f', '\u007f',
  '%', '%2e', '%00', '*', '[', ']', '|', '^', '<', '_', '-', '~', '!',
  ':80', ':443', ':8443', ':0', ':080', 'ä', 'Ä', 'а', '。', '．', '\u00ad', '\u200b',
  '℀', 'ß', 'K', '＊', '／', 'xn--', 'xn--exmple-cua', 'null', 'evil.test', 'www.',
  'A', 'a', 'm', '1', '0x7f'
]
const hostname = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'example.com',
      'a.example.com',
      'localhost',
      '127.0.0.1',
      '[::1]',
      'xn--exmple-cua.com',
      'example.com.',
      'a_b.test'
    )
  },
  { weight: 1, arbitrary: fc.domain() },
  { weight: 1, arbitrary: fc.ipV6().map((ip) => `[${ip}]`) }
)
const port = fc.constantFrom('', '', ':80', ':443', ':8443', ':1')
const origin = fc.tuple(fc.constantFrom('http', 'https'), hostname, port).map(([scheme, host, suffix]) => `${scheme}://${host}${suffix}`)

/** A near miss: a piece inserted or in place of a character, a character removed, another case. */
const mutation = fc.oneof(
  fc.tuple(fc.constantFrom('insert', 'replace', 'remove', 'raise'), fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(...pieces)),
  fc.tuple(
    fc.constantFrom('insert', 'replace'),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.string({ unit: codePoint, minLength: 1, maxLength: 2 })
  ),
  fc.tuple(fc.constantFrom('insert'), fc.constantFrom(0, 1), fc.constantFrom(...pieces))
)
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never

function mutate (text: string, [how, where, piece]: Mutation): string {
  const at = Math.floor(where * text.length)
  const [before, char, after] = [text.slice(0, at), text.slice(at, at + 1), text.slice(at + 1)]
  if (how === 'insert') return before + piece + char + after
  if (how === 'replace') return before + piece + after
  if (how === 'remove') return before + after
  return before + char.toUpperCase() + after
}

const nearMiss = fc.tuple(origin, fc.array(mutation, { maxLength: 2 })).map(([text, mutations]) => mutations.reduce(mutate, text))
const pair = fc.oneof(
  fc.tuple(nearMiss, fc.constantFrom('https://example.com', 'http://localhost:8443', 'https://xn--exmple-cua.com')),
  origin.chain((to) => fc.tuple(fc.oneof(
    fc.constant(to),
    fc.constant(canonicalOf(to)),
    mutation.map((m) => mutate(to, m)),
    mutation.map((m) => mutate(canonicalOf(to), m))
  ), fc.constant(to)))
)

function canonicalOf (text: string): string {
  return URL.canParse(text) ? new URL(text).origin : text
}

t.test('same-origin admits exactly the origins that the URL parser reads as the same', async (t) => {
  const check = compileOrigin('same-origin', false)
  const counts = { admitted: 0, refused: 0 }

  fc.assert(fc.property(pair, ([sent, to]) => {
    const expected = isSameOrigin(sent, to) ? 'admitted' : 'refused'
    counts[expected]++
    return check(handshake(sent, to)) === expected
  }), { numRuns: 20_000 })

  t.ok(counts.admitted > 1000 && counts.refused > 1000, `both were tried: ${JSON.stringify(counts)}`)
})

t.test('a manipulated host admits no more than the URL parser would', async (t) => {
  const check = compileOrigin('same-origin', false)
  let admitted = 0
  fc.assert(fc.property(origin, mutation, (sent, change) => {
    const { protocol, host } = target(sent)
    const to = `${protocol}://${mutate(host, change)}`
    const isAdmitted = check({ ...handshake(canonicalOf(sent)), protocol, host: mutate(host, change) }) === 'admitted'
    if (isAdmitted) admitted++
    return !isAdmitted || isSameOrigin(canonicalOf(sent), to)
  }), { numRuns: 5000 })

  t.ok(admitted > 50, `some were admitted: ${admitted}`)
})

t.test('a list admits a header only if the URL parser would write the same text', async (t) => {
  const counts = { taken: 0, thrown: 0 }

  fc.assert(fc.property(nearMiss.filter((entry) => !entry.includes('*')), (entry) => {
    const error = thrownBy(() => compileOrigin([entry], false))
    if (error instanceof TypeError) {
      counts.thrown++
      // An entry that is refused at boot is really no Origin, and the advice is one.
      const advice = JSON.parse(error.message.slice(error.message.lastIndexOf(': write ') + 8)) as string
      return !isCanonical(entry) && verdict([advice], advice.replace('*', 'any')) === 'admitted'
    }
    counts.taken++
    const canonical = new URL(entry).origin
    const isKnown = canonical === 'null' ? /^(?!https?:)/.test(entry) : verdict([entry], canonical) === 'admitted'
    return isKnown && (entry === canonical || canonical === 'null' || verdict([entry], entry) === 'refused')
  }), { numRuns: 10_000 })

  t.ok(counts.taken > 500 && counts.thrown > 500, `both were tried: ${JSON.stringify(counts)}`)
})

t.test('a wildcard admits only canonical origins whose host lies below', async (t) => {
  const check = compileOrigin('https://*.example.com', false)
  const below = fc.tuple(fc.array(
    fc.constantFrom('a', 'www', 'x-1', 'xn--exmple-cua'),
    { maxLength: 3 }
  ), fc.array(mutation, { maxLength: 2 }))
    .map(([names, mutations]) => mutations.reduce(mutate, `https://${[...names, 'example.com'].join('.')}`))
  const counts = { admitted: 0, refused: 0 }

  fc.assert(fc.property(below, (sent) => {
    const expected = isBelowExample(sent) ? 'admitted' : 'refused'
    counts[expected]++
    return check(handshake(sent)) === expected
  }), { numRuns: 10_000 })

  t.ok(counts.admitted > 500 && counts.refused > 500, `both were tried: ${JSON.stringify(counts)}`)
})

// No browser sends an A-label that decodes to nothing, but example.com may have one: not compared.
function isBelowExample (sent: string): boolean {
  if (!isCanonical(sent.replaceAll('xn--', ''))) return false
  const [, scheme, host = ''] = /^([a-z]+):\/\/(.*)$/.exec(sent) ?? []
  const names = host.split('.').slice(0, -2)
  return scheme === 'https' && host.endsWith('.example.com') && names.every((name) => /^[\w-]+$/.test(name))
}
