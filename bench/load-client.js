// @ts-check
import { connect } from 'node:net'
import { CYCLE, MAX_WINDOW, Reader, framesFrom, upgradeRequest } from './wire.js'

// One buffer for all reads: what arrives is counted before the next read begins, never kept.
const buffer = new Uint8Array(65_536)

/**
 * A WebSocket client on a bare TCP socket that sends frames made beforehand and counts what comes
 * back.
 */
export class LoadClient {
  #socket
  #reader = new Reader()
  #sentAt = new Float64Array(MAX_WINDOW)
  #next = 0            // number of the next message to send
  #oldest = 0          // place in #sentAt of the oldest message in flight
  #newest = 0
  #isClosing = false

  /** @type {(replies: number, client: LoadClient) => void} */
  onReplies = () => {}

  /**
   * @param {number} port
   * @param {string} path
   * @param {{ onOpen: () => void, onError: (error: Error) => void }} listener
   */
  constructor (port, path, { onOpen, onError }) {
    this.onOpen = onOpen
    this.onError = onError
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer, callback: (length) => this.#read(length) }
    })
    this.#socket.write(upgradeRequest(port, path))
    this.#socket.on('error', onError)
    this.#socket.on('close', () => this.#isClosing || onError(new Error('a connection was closed by the server')))
  }

  /** @param {number} n number of the first message to send */
  startAt (n) {
    this.#next = n % CYCLE
  }

  /**
   * @param {number} count
   * @param {number} now
   */
  send (count, now) {
    this.#socket.write(framesFrom(this.#next, count))
    this.#next = (this.#next + count) % CYCLE
    for (let i = 0; i < count; i++) {
      this.#sentAt[this.#newest] = now
      this.#newest = (this.#newest + 1) % MAX_WINDOW
    }
  }

  /**
   * When the oldest message in flight was sent; replies come in order, so it is the one just
   * answered.
   */
  takeSentAt () {
    const sentAt = this.#sentAt[this.#oldest]
    this.#oldest = (this.#oldest + 1) % MAX_WINDOW
    return sentAt
  }

  close () {
    this.#isClosing = true
    const closed = new Promise((resolve) => this.#socket.once('close', resolve))
    this.#socket.destroy()
    return closed
  }

  /** @param {number} length */
  #read (length) {
    try {
      this.#count(length)
    } catch (error) {
      this.onError(/** @type {Error} */ (error))
    }
    return true
  }

  /** @param {number} length */
  #count (length) {
    const wasOpen = this.#reader.isOpen
    const replies = this.#reader.read(buffer, length)
    if (!wasOpen && this.#reader.isOpen) this.onOpen()
    if (this.#reader.pongDue) this.#sendPong(this.#reader.pongDue)
    if (replies > 0) this.onReplies(replies, this)
  }

  /** @param {Buffer} frame */
  #sendPong (frame) {
    this.#reader.pongDue = undefined
    this.#socket.write(frame)
  }
}
