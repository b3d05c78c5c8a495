// @ts-check
// RFC 6455 by hand, as little of it as a load generator needs: everything that can be made
// beforehand is.
import { DIALECTS } from './dialects.js'
import { DIFFERENT, messageText } from './messages.js'

export const CYCLE = DIFFERENT
export const MAX_WINDOW = 32       // messages one connection may send in one write

const TEXT_FRAME = 0x81
const PING_FRAME = 0x89
const EXTENDED = 126               // the length is in two bytes of its own
const MASKED_EMPTY_PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
const HEAD_END = '\r\n\r\n'

/** All that a client says and expects, made beforehand. */
export class Script {
  #frames
  #offsets = [0]
  /** Lengths of the replies, and of frames that are neither replies nor faults. */
  replies = new Set()
  others = new Set()

  /**
   * @param {import('./dialects.js').DialectName} name
   * @param {import('./messages.js').Exchange} exchange
   */
  constructor (name, exchange) {
    const dialect = /** @type {import('./dialects.js').Dialect} */ (DIALECTS[name])
    const frames = []
    // The first frames once more at the end: any run of up to MAX_WINDOW frames is then one slice.
    for (let i = 0; i < CYCLE + MAX_WINDOW; i++) {
      const n = i % CYCLE
      frames.push(maskedFrame(dialect.request(messageText(n, exchange), exchange), n))
      this.#offsets.push(this.#offsets[i] + frames[i].length)
      this.replies.add(Buffer.byteLength(dialect.reply(n, exchange)))
      for (const text of dialect.others(n, exchange)) this.others.add(Buffer.byteLength(text))
    }
    this.#frames = Buffer.concat(frames)
    this.url = dialect.url(exchange.path)
    this.hello = Buffer.concat(dialect.hello(exchange).map((text) => maskedFrame(text, 0)))
    this.greetings = dialect.greetings(exchange)
    this.pingBytes = dialect.ping && Buffer.byteLength(dialect.ping.text)
    this.pong = dialect.ping && maskedFrame(dialect.ping.pong, 0)
  }

  /**
   * `count` masked frames beginning with message number `first`, ready for one write.
   *
   * @param {number} first
   * @param {number} count
   */
  framesFrom (first, count) {
    return this.#frames.subarray(this.#offsets[first], this.#offsets[first + count])
  }
}

/**
 * @param {string} text
 * @param {number} n
 */
function maskedFrame (text, n) {
  const payload = Buffer.from(text)
  const { length } = payload
  const mask = Buffer.from([n * 7 + 1, n * 13 + 5, n * 29 + 11, n * 53 + 17])
  for (let i = 0; i < length; i++) payload[i] ^= mask[i & 3]
  const head = length < EXTENDED ? [TEXT_FRAME, 0x80 | length] : [TEXT_FRAME, 0x80 | EXTENDED, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), mask, payload])
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
  #script
  #head = ''
  #isOpen = false
  #greetings
  #header = new Uint8Array(4)      // of a frame, which the network may cut anywhere
  #headerBytes = 0
  #missing = 0                     // payload bytes of the current frame still to come
  #isReply = false
  pongDue = /** @type {Buffer | undefined} */ (undefined)

  /** @param {Script} script */
  constructor (script) {
    this.#script = script
    this.#greetings = script.greetings
  }

  get isOpen () {
    return this.#isOpen
  }

  /** True once messages may be sent. */
  get isReady () {
    return this.#isOpen && this.#greetings === 0
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
      if (this.#missing === 0) at = this.#readHeader(bytes, at, end)
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
    while (at < end) {
      this.#header[this.#headerBytes++] = bytes[at++]
      const [first, second, high, low] = this.#header
      if (this.#headerBytes < 2 || (second === EXTENDED && this.#headerBytes < 4)) continue
      this.#headerBytes = 0
      this.#beginFrame(first, second === EXTENDED ? high << 8 | low : second, bytes, at, end)
      break
    }
    return at
  }

  /**
   * @param {number} first
   * @param {number} length
   * @param {Uint8Array} bytes
   * @param {number} at
   * @param {number} end
   */
  #beginFrame (first, length, bytes, at, end) {
    const { replies, others, pingBytes, pong } = this.#script
    this.#missing = length
    if (first === PING_FRAME) this.pongDue = MASKED_EMPTY_PONG
    else if (first === TEXT_FRAME && this.#greetings > 0) this.#greetings--
    else if (first === TEXT_FRAME && replies.has(length)) this.#isReply = true
    else if (first === TEXT_FRAME && length === pingBytes) this.pongDue = pong
    else if (first !== TEXT_FRAME || !others.has(length)) {
      const text = Buffer.from(bytes.subarray(at, Math.min(end, at + 300))).toString('latin1')
      throw new Error(`not one of the replies: 0x${first.toString(16)} ${length} ${text}`)
    }
  }
}
