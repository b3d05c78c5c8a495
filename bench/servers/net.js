// @ts-check
// The ceiling of what a server on Node can do by public API: frames on bare sockets, JSON.parse and
// checks by TypeBox, texts written as the schemas say, one write for each chunk. No order, limits,
// heartbeat, hooks, pings or fragments: nothing that a service needs.
import { hash } from 'node:crypto'
import { createServer } from 'node:http'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { MAX_PAYLOAD_BYTES, incoming } from '../messages.js'
import { report } from '../row.js'

const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const HEAD = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: '
const LENGTH_16 = 126
const LENGTH_64 = 127
const MASK_BYTES = 4
const TOO_BIG = Buffer.from([0x88, 2, 1009 >> 8, 1009 & 0xff])
const REFUSED = '{"type":"$error"}'
// eslint-disable-next-line no-control-regex -- RFC 8259 §7
const ESCAPED = /["\\\u0000-\u001f\u0080-\uffff]/

/** @typedef {import('node:stream').Duplex} Duplex */

/** @typedef {{ isValid: (message: any) => boolean, write: (message: any) => string }} Kind */

/** @type {Record<string, Kind>} */
const kinds = {
  say: {
    isValid: checkOf(incoming.say),
    write: ({ room, text, date }) => `{"type":"said","room":${quote(room)},"text":${quote(text)},"date":${date}}`
  },
  move: {
    isValid: checkOf(incoming.move),
    write: ({ unit, x, y, last, note }) => `{"type":"moved","unit":${quote(unit)},"x":${x},"y":${y},"last":${last},"note":${quote(note)}}`
  },
  vote: {
    isValid: checkOf(incoming.vote),
    write: ({ poll, choice, why }) => `{"type":"voted","poll":${quote(poll)},"choice":${choice},"why":${quote(why)}}`
  }
}

/** @type {Set<Duplex>} */
const room = new Set()

const server = createServer()

server.on('upgrade', ({ url, headers }, socket) => {
  socket.on('error', () => {})
  socket.write(`${HEAD}${hash('sha1', `${headers['sec-websocket-key']}${ACCEPT_GUID}`, 'base64')}\r\n\r\n`)
  if (url === '/room') joinRoom(socket)
  else read(socket, (frames) => socket.write(frames, 'latin1'))
})

/** @param {Duplex} socket */
function joinRoom (socket) {
  room.add(socket)
  socket.on('close', () => room.delete(socket))
  read(socket, (frames) => {
    for (const member of room) if (member !== socket) member.write(frames, 'latin1')
  })
}

/**
 * Answers the texts of each chunk, in one piece.
 *
 * @param {Duplex} socket
 * @param {(frames: string) => void} answer
 */
function read (socket, answer) {
  /** @type {Buffer | undefined} */
  let rest
  socket.on('data', (/** @type {Buffer} */ chunk) => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    let frames = ''
    let at = 0
    for (let end = endOf(bytes, at); end <= bytes.length; end = endOf(bytes, at)) {
      frames += framed(replyTo(textOf(bytes, at, end)))
      at = end
    }
    if (frames !== '') answer(frames)
    rest = at < bytes.length ? bytes.subarray(at) : undefined
    if (rest !== undefined && rest.length > 1 && (rest[1] & LENGTH_64) === LENGTH_64) socket.end(TOO_BIG)
  })
}

/**
 * The end of the frame that begins here; no number while its header is not whole.
 *
 * @param {Buffer} bytes
 * @param {number} at
 */
function endOf (bytes, at) {
  const short = bytes[at + 1] & LENGTH_64
  if (short < LENGTH_16) return at + 2 + MASK_BYTES + short
  return at + 4 + MASK_BYTES + (short === LENGTH_16 ? bytes[at + 2] << 8 | bytes[at + 3] : MAX_PAYLOAD_BYTES * 2)
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @param {number} end
 */
function textOf (bytes, at, end) {
  const key = at + ((bytes[at + 1] & LENGTH_64) === LENGTH_16 ? 4 : 2)
  const [a, b, c, d] = bytes.subarray(key, key + MASK_BYTES)
  const start = key + MASK_BYTES
  let n = start
  for (const last = end - 3; n < last; n += 4) {
    bytes[n] ^= a
    bytes[n + 1] ^= b
    bytes[n + 2] ^= c
    bytes[n + 3] ^= d
  }
  for (; n < end; n++) bytes[n] ^= bytes[key + (n - start & 3)]
  return bytes.toString('latin1', start, end)
}

/** @param {string} text */
function replyTo (text) {
  const message = JSON.parse(text)
  const kind = kinds[message.type]
  return kind.isValid(message) ? kind.write(message) : REFUSED
}

/** @param {string} text */
function framed (text) {
  const { length } = text
  return (length < LENGTH_16 ? String.fromCharCode(0x81, length) : String.fromCharCode(0x81, LENGTH_16, length >> 8, length & 0xff)) + text
}

/** @param {string} text */
function quote (text) {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`
}

/** @param {import('@sinclair/typebox').TSchema} schema */
function checkOf (schema) {
  const check = TypeCompiler.Compile(schema)
  return (/** @type {unknown} */ message) => check.Check(message)
}

server.listen({ host: '127.0.0.1', port: 0 }, () => report(/** @type {import('node:net').AddressInfo} */ (server.address()).port))
