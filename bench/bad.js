// @ts-check
// Clients that do one bad thing as fast as TCP takes it, and come back at once when they are
// closed. Told by the runner which, and how many.
import { connect } from 'node:net'
import { constants, deflateRawSync } from 'node:zlib'
import { upgradeRequest } from './wire.js'

const BATCH = 200
const COMES_BACK_MS = 10
const FLUSH_TAIL_BYTES = 4

/** @param {string | Uint8Array} payload */
function frame (payload, first = 0x81) {
  const data = Buffer.from(payload)
  const length = data.length < 126 ? [0x80 | data.length] : [0x80 | 126, data.length >> 8, data.length & 0xff]
  return Buffer.concat([Buffer.from([first, ...length, 0, 0, 0, 0]), data])
}

/** @param {(n: number) => Buffer} make */
function many (make, count = BATCH) {
  return Buffer.concat(Array.from({ length: count }, (_, n) => make(n)))
}

/** @param {string} text */
function deflated (text) {
  return deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -FLUSH_TAIL_BYTES)
}

const large = `{"type":"note","value":[${'{},'.repeat(20_000)}{}]}`

/**
 * @typedef {{ bytes: Buffer, reads?: boolean, compresses?: boolean }} Kind which reads, and does
 * not compress, unless it says so
 */

/** @type {Record<string, () => Kind>} */
const kinds = {
  'valid events': () => ({ bytes: many(() => frame('{"type":"note","value":1}')) }),
  'invalid messages': () => ({ bytes: many(() => frame('{"type":"nothing"}')) }),
  pings: () => ({ bytes: many(() => frame('', 0x89)) }),
  'large replies, unread': () => ({ bytes: many((n) => frame(`{"type":"ask","ref":${n + 1}}`)), reads: false }),
  'compressed events': () => ({
    bytes: many(() => frame(deflated(`{"type":"note","value":"${'x'.repeat(60_000)}"}`), 0xc1)),
    compresses: true
  }),
  'large JSON': () => ({ bytes: many(() => frame(large), 10) }),
  streams: () => ({ bytes: many((n) => frame(`{"type":"count","ref":${n + 1}}`)) }),
  'calls, cancelled': () => ({
    bytes: many((n) => Buffer.concat([frame(`{"type":"wait","ref":${n + 1}}`), frame(`{"type":"$cancel","ref":${n + 1}}`)]))
  })
}

let isOver = false
let closed = 0
/** @type {Set<import('node:net').Socket>} */
const sockets = new Set()

/**
 * @param {number} port
 * @param {Kind} kind
 */
function attack (port, kind) {
  const { bytes, reads = true, compresses = false } = kind
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  sockets.add(socket)
  const send = (/** @type {Error | null | undefined} */ error) => { if (!isOver && !error) socket.write(bytes, send) }
  const extensions = compresses ? '\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n' : '\r\n\r\n'
  socket.write(upgradeRequest(port, '/open').replace('\r\n\r\n', extensions), send)
  if (reads) socket.resume()
  socket.on('end', () => socket.destroy())
  socket.on('error', () => {})
  socket.on('close', () => {
    sockets.delete(socket)
    if (isOver) return
    closed++
    setTimeout(() => attack(port, kind), COMES_BACK_MS)
  })
}

const commands = {
  /** @param {{ port: number, kind: string, count: number }} command */
  begin ({ port, kind, count }) {
    isOver = false
    closed = 0
    for (let n = 0; n < count; n++) attack(port, kinds[kind]())
  },

  end () {
    isOver = true
    for (const socket of sockets) socket.resetAndDestroy()
    return { closed }
  },

  kinds: () => Object.keys(kinds)
}

process.on(
  'message',
  (/** @type {any} */ command) => process.send?.({
    result: commands[/** @type {'end'} */ (command.name)](/** @type {never} */ (command)) ?? null
  })
)
process.on('disconnect', () => process.exit())
