// @ts-check
// RFC 6455 by hand, as little of it as a load generator needs: everything that can be made
// beforehand is.
import { MESSAGE_BYTES, REPLY_BYTES, messageText } from './messages.js'

export const CYCLE = 96            // different messages, a multiple of the three types
export const MAX_WINDOW = 32       // messages one connection may have in flight

const FRAME_BYTES = 2 + 4 + MESSAGE_BYTES
const TEXT_FRAME = 0x81
const PING_FRAME = 0x89
const MASKED_EMPTY_PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
const HEAD_END = '\r\n\r\n'

// The first frames once more at the end: any run of up to MAX_WINDOW frames is then one slice.
const frames = Buffer.concat(Array.from({ length: CYCLE + MAX_WINDOW }, (_, i) => maskedFrame(i % CYCLE)))

/**
 * `count` masked frames beginning with message number `first`, ready for one write.
 *
 * @param {number} first
 * @param {number} count
 */
export function framesFrom (first, count) {
  return frames.subarray(first * FRAME_BYTES, (first + count) * FRAME_BYTES)
}

/** @param {number} n */
function maskedFrame (n) {
  const payload = Buffer.from(messageText(n))
  const mask = Buffer.from([n * 7 + 1, n * 13 + 5, n * 29 + 11, n * 53 + 17])
  for (let i = 0; i < payload.length; i++) payload[i] ^= mask[i & 3]
  return Buffer.concat([Buffer.from([TEXT_FRAME, 0x80 | MESSAGE_BYTES]), mask, payload])
}

/**
 * @param {number} port
 * @param {string} path
 * @param {string} [protocols] that are offered
 */
export function upgradeRequest (port, path, protocols) {
  const offer = protocols === undefined ? '' : `Sec-WebSocket-Protocol: ${protocols}\r\n`
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${offer}` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13${HEAD_END}`
}

/**
 * Reads what a server sends by frame headers alone; throws at the first thing that is not one of
 * the replies.
 */
export class Reader {
  #head = ''
  #isOpen = false
  #firstByte = 0       // of a header cut in two by the network, else 0
  #missing = 0         // payload bytes of the current frame still to come
  #isReply = false
  pongDue = /** @type {Buffer | undefined} */ (undefined)

  get isOpen () {
    return this.#isOpen
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} end
   * @returns {number} replies completed by these bytes
   */
  read (bytes, end) {
    return this.#countReplies(bytes, this.#isOpen ? 0 : this.#readHead(bytes, end), end)
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} end
   * @returns {number} where the frames begin
   */
  #readHead (bytes, end) {
    const before = this.#head.length
    this.#head += Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1')
    const stop = this.#head.indexOf(HEAD_END)
    if (stop === -1) return end
    if (!this.#head.startsWith('HTTP/1.1 101')) throw new Error(`the handshake was refused: ${this.#head.slice(0, 300)}`)
    this.#isOpen = true
    return stop + HEAD_END.length - before
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} at
   * @param {number} end
   */
  #countReplies (bytes, at, end) {
    let replies = 0
    while (at < end) {
      if (this.#missing === 0) {
        at = this.#readHeader(bytes, at, end)
      }
      const taken = Math.min(this.#missing, end - at)
      at += taken
      this.#missing -= taken
      if (this.#missing === 0 && this.#isReply) {
        replies++
        this.#isReply = false
      }
    }
    return replies
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} at
   * @param {number} end
   */
  #readHeader (bytes, at, end) {
    const first = this.#firstByte === 0 ? bytes[at++] : this.#firstByte
    if (at === end) {
      this.#firstByte = first
      return at
    }
    this.#firstByte = 0
    this.#beginFrame(first, bytes[at++], bytes, at, end)
    return at
  }

  /**
   * @param {number} first
   * @param {number} second
   * @param {Uint8Array} bytes
   * @param {number} at
   * @param {number} end
   */
  #beginFrame (first, second, bytes, at, end) {
    if (first === TEXT_FRAME && second === REPLY_BYTES) {
      this.#missing = second
      this.#isReply = true
    } else if (first === PING_FRAME && second === 0) {
      this.pongDue = MASKED_EMPTY_PONG
    } else {
      const text = Buffer.from(bytes.subarray(at, Math.min(end, at + 300))).toString('latin1')
      throw new Error(`not one of the replies: 0x${first.toString(16)} 0x${second.toString(16)} ${text}`)
    }
  }
}
