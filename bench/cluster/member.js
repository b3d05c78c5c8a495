// @ts-check
import { connect } from 'node:net'
import { upgradeRequest } from '../wire.js'

const HEAD_END = '\r\n\r\n'
const TEXT = 0x81
const PING = 0x89
const PONG = 0x8a
const LONG = 126                   // the length is in two bytes more
const LONGER = 127
const MAX_SHORT = 125
const NOTHING = new Uint8Array(0)

// One buffer for all reads: what arrives is counted before the next read begins.
const buffer = new Uint8Array(65_536)

/**
 * @typedef {object} Listener
 * @property {() => void} [onOpen]
 * @property {(text: string) => void} onText
 * @property {(count: number) => void} onEvents
 * @property {(text: string) => void} [onEvent] for a client that reads them
 * @property {(error: Error) => void} onError
 */

/**
 * A WebSocket client on a bare TCP socket. Texts of more than 125 bytes are events: they are
 * counted by their headers, and not read. All others are shorter, and are handed over.
 */
export class Member {
  #socket
  #rest = NOTHING                  // of a frame that the network has cut
  #isOpen = false
  #isClosing = false

  /**
   * @param {{ port: number, path: string, protocols?: string | undefined }} target
   * @param {Listener} listener
   */
  constructor ({ port, path, protocols }, listener) {
    this.listener = listener
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer, callback: (length) => this.#read(length) }
    })
    this.#socket.write(upgradeRequest(port, path, protocols))
    this.#socket.on('error', (error) => listener.onError(error))
    this.#socket.on('close', () => this.#isClosing || listener.onError(new Error('a connection was closed by the server')))
  }

  /** @param {Uint8Array} frame */
  send (frame) {
    this.#socket.write(frame)
  }

  close () {
    this.#isClosing = true
    const closed = new Promise((resolve) => this.#socket.once('close', resolve))
    this.#socket.destroy()
    return closed
  }

  /** @param {number} length */
  #read (length) {
    const chunk = buffer.subarray(0, length)
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    try {
      const at = this.#isOpen ? 0 : this.#readHead(bytes)
      const end = this.#isOpen ? this.#readFrames(bytes, at) : 0
      this.#rest = end === bytes.length ? NOTHING : Buffer.from(bytes.subarray(end))
    } catch (error) {
      this.listener.onError(/** @type {Error} */ (error))
    }
    return true
  }

  /**
   * @param {Uint8Array} bytes
   * @returns {number} where the frames begin
   */
  #readHead (bytes) {
    const head = Buffer.from(bytes).toString('latin1')
    const end = head.indexOf(HEAD_END)
    if (end < 0) return 0
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(`the handshake was refused: ${head.slice(0, 300)}`)
    this.#isOpen = true
    this.listener.onOpen?.()
    return end + HEAD_END.length
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} at
   * @returns {number} the end of the last whole frame
   */
  #readFrames (bytes, at) {
    let events = 0
    while (at + 2 <= bytes.length) {
      const isLong = bytes[at + 1] === LONG
      const start = at + (isLong ? 4 : 2)
      if (start > bytes.length) break
      const end = start + (isLong ? bytes[at + 2] << 8 | bytes[at + 3] : bytes[at + 1])
      if (bytes[at + 1] === LONGER) throw new Error('a frame is longer than any of the bench')
      if (end > bytes.length) break
      if (isLong) events++
      if (!isLong || this.listener.onEvent !== undefined) this.#take(bytes[at], Buffer.from(bytes.subarray(start, end)), isLong)
      at = end
    }
    if (events > 0) this.listener.onEvents(events)
    return at
  }

  /**
   * @param {number} first byte of the frame
   * @param {Buffer} payload
   * @param {boolean} isEvent
   */
  #take (first, payload, isEvent) {
    if (first === PING) return this.send(maskedFrame(payload, PONG))
    if (first !== TEXT) throw new Error(`a frame begins with 0x${first.toString(16)}: ${payload.toString('latin1')}`)
    if (isEvent) this.listener.onEvent?.(payload.toString())
    else this.listener.onText(payload.toString())
  }
}

/**
 * @param {string | Buffer} payload
 * @param {number} [first] byte of the frame
 */
export function maskedFrame (payload, first = TEXT) {
  const bytes = Buffer.from(payload)
  const mask = Buffer.from([0x5a, 0x13, 0xc7, 0x91])
  for (let i = 0; i < bytes.length; i++) bytes[i] ^= mask[i & 3]
  const length = bytes.length <= MAX_SHORT ? [0x80 | bytes.length] : [0x80 | LONG, bytes.length >> 8, bytes.length & 0xff]
  return Buffer.concat([Buffer.from([first, ...length]), mask, bytes])
}
