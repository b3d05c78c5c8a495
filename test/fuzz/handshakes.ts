// Requests that are almost handshakes (RFC 6455 §4).
import { bearable, type Style } from './frames.js'
import type { Random } from './random.js'

type Header = readonly [name: string, value: string]

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const KEYS = ['', 'x', KEY.slice(1), `${KEY}=`, KEY.replace('=', '!'), 'A'.repeat(24), ' '.repeat(24), 'é'.repeat(12), 'A'.repeat(9000)]
const VERSIONS = ['', '0', '7', '8', '12', '14', '13, 8', '-13', '13.0', 'x', '99999999999']
const EXTENSIONS = [
  'permessage-deflate; client_max_window_bits=7', 'permessage-deflate; x', 'permessage-deflate; server_max_window_bits',
  'permessage-deflate;;', ',', '=', 'x-unknown',
  'permessage-deflate; client_no_context_takeover; client_no_context_takeover',
  'permessage-deflate; server_max_window_bits=99', `${'permessage-deflate,'.repeat(300)}x`
]
const PROTOCOLS = [
  'other', 'fuzz.v2', '', ',', 'fuzz.v1,fuzz.v1', 'fuzz.v1, other', '(', 'a b', '"fuzz.v1"', 'toString', '__proto__',
  `${'a,'.repeat(2000)}b`
]
const ORIGINS = [
  'null', '', 'http://', 'http://evil.example', 'file://', 'http://127.0.0.1', 'http://127.0.0.1:99999', '%', 'http://[::1', 'é',
  '*'
]
const PATHS = [
  '/',
  '/none',
  '/main/',
  '/main?',
  '/main?%',
  '/%',
  '/main#x',
  '//main',
  'http://127.0.0.1/main',
  '*',
  '/main?x=' + 'y'.repeat(2000),
  '/..',
  '/main%00'
]
const METHODS = ['POST', 'HEAD', 'PUT', 'OPTIONS', 'CONNECT', 'get', 'BREW', 'TRACE']
const NOISE = [
  'X-A: b\r\n c', 'X-A', ': x', 'X A: b', 'X-A: b\nX-B: c', 'X-A: b\rX-B: c', 'X-A: \u0000', 'Transfer-Encoding: chunked',
  'Content-Length: 10', 'Content-Length: -1', 'Expect: 100-continue'
]

/** The lines of a good one. */
export function handshake (port: number, path: string, headers: readonly Header[] = []): string {
  return textOf(`GET ${path} HTTP/1.1`, [...usual(port), ...headers])
}

/** One with something wrong, or gone on with before it was answered. */
export function badHandshake (random: Random, port: number, path: string, style: Style): Buffer {
  const good = handshake(port, path)
  return Buffer.concat(random.pick<() => Array<string | Buffer>>([
    () => [without(random, port, path)],
    () => [replaced(port, path, 'Sec-WebSocket-Key', random.pick(KEYS))],
    () => [replaced(port, path, 'Sec-WebSocket-Version', random.pick(VERSIONS))],
    () => [replaced(port, path, 'Upgrade', random.pick(['', 'h2c', 'websocket2', 'websocket, h2c', 'WEBSOCKET', 'é']))],
    () => [replaced(port, path, 'Connection', random.pick(['', 'close', 'keep-alive', 'upgrade, close', 'keep-alive, Upgrade']))],
    () => [replaced(port, path, 'Origin', random.pick(ORIGINS))],
    () => [replaced(port, path, 'Host', random.pick(['', 'x', 'a b', '127.0.0.1:0', '[', 'é']))],
    () => [handshake(port, path, [['Sec-WebSocket-Extensions', random.pick(EXTENSIONS)]])],
    () => [handshake(port, path, [['Sec-WebSocket-Protocol', random.pick(PROTOCOLS)]])],
    () => [handshake(port, path, [random.pick(usual(port))])],
    () => [handshake(port, random.pick(PATHS))],
    () => [good.replace('GET', random.pick(METHODS))],
    () => [good.replace('HTTP/1.1', random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.1 ', 'HTTP']))],
    () => [good.replace('\r\n\r\n', `\r\n${random.pick(NOISE)}\r\n\r\n`)],
    () => [good.replaceAll('\r\n', '\n')],
    () => [good, good],
    () => [good, random.bytes(random.below(200))],
    () => [good, ...Array.from({ length: random.between(1, 20) }, () => bearable(random, style).bytes)],
    () => [without(random, port, path), ...Array.from({ length: random.between(1, 20) }, () => bearable(random, style).bytes)],
    () => [good.slice(0, random.below(good.length))],
    () => [mutated(random, good)],
    () => [random.bytes(random.between(1, 400))],
    () => [good.replace('\r\n\r\n', `\r\n${'X-Long: y\r\n'.repeat(3000)}\r\n`)],
    () => [`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`, good]
  ])().map((part) => typeof part === 'string' ? Buffer.from(part, 'latin1') : part))
}

function usual (port: number): Header[] {
  const host = `127.0.0.1:${port}`
  return [
    [
      'Host',
      host
    ], [
      'Connection',
      'Upgrade'
    ], ['Upgrade', 'websocket'], ['Origin', `http://${host}`], ['Sec-WebSocket-Version', '13'], ['Sec-WebSocket-Key', KEY]
  ]
}

function without (random: Random, port: number, path: string): string {
  const headers = usual(port)
  headers.splice(random.below(headers.length), 1)
  return textOf(`GET ${path} HTTP/1.1`, headers)
}

function replaced (port: number, path: string, name: string, value: string): string {
  return textOf(`GET ${path} HTTP/1.1`, usual(port).map((header) => header[0] === name ? [name, value] : header))
}

function mutated (random: Random, text: string): string {
  const at = random.below(text.length)
  return text.slice(0, at) + random.pick([
    '', '\r', '\n', '\r\n', '\u0000', ' ', ':', '\t', 'é', '\r\n\r\n'
  ]) + text.slice(at + random.below(3))
}

function textOf (requestLine: string, headers: readonly Header[]): string {
  return `${[requestLine, ...headers.map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`
}
