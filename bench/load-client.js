// @ts-check
import { connect } from 'node:net'
import { CYCLE, Reader, upgradeRequest } from './wire.js'

const MAX_IN_FLIGHT = 1024         // on one connection: paced load does not wait for answers

// One buffer for all reads: what arrives is counted before the next read begins, never kept.
const buffer = new Uint8Array(65_536)

/**
 * A WebSocket client on a bare TCP socket that sends frames made beforehand and counts what comes
 * back.
 */
export class LoadClient {
  #socket
  #script
  #reader
  /** @type {Float64Array | undefined} */
  #sentAt
  #next = 0            // number of the next message to send
  #oldest = 0          // place in #sentAt of the oldest message in flight
  #newest = 0
  #inFlight = 0
  #isClosing = false

  /** @type {(replies: number, client: LoadClient) => void} */
  onReplies = () => {}

  /**
   * @param {number} port
   * @param {import('./wire.js').Script} script
   * @param {{ onOpen: () => void, onError: (error: Error) => void }} listener
   */
  constructor (port, script, { onOpen, onError }) {
    this.#script = script
    this.#reader = new Reader(script)
    this.onOpen = onOpen
    this.onError = onError
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer, callback: (length) => this.#read(length) }
    })
    this.#socket.write(upgradeRequest(port, script.url))
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
    // Made with the first message: a connection that says nothing is as small as it can be.
    this.#sentAt ??= new Float64Array(MAX_IN_FLIGHT)
    this.#inFlight += count
    if (this.#inFlight > MAX_IN_FLIGHT) throw new Error(`more than ${MAX_IN_FLIGHT} messages are in flight on one connection`)
    this.#socket.write(this.#script.framesFrom(this.#next, count))
    this.#next = (this.#next + count) % CYCLE
    for (let i = 0; i < count; i++) {
      this.#sentAt[this.#newest] = now
      this.#newest = (this.#newest + 1) % MAX_IN_FLIGHT
    }
  }

  /**
   * When the oldest message in flight was sent; replies come in order, so it is the one just
   * answered.
   */
  takeSentAt () {
    if (this.#sentAt === undefined || this.#inFlight === 0) throw new Error('more replies than messages')
    const sentAt = this.#sentAt[this.#oldest]
    this.#oldest = (this.#oldest + 1) % MAX_IN_FLIGHT
    this.#inFlight--
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
    const { isOpen, isReady } = this.#reader
    const replies = this.#reader.read(buffer, length)
    if (!isOpen && this.#reader.isOpen && this.#script.hello.length > 0) this.#socket.write(this.#script.hello)
    if (!isReady && this.#reader.isReady) this.onOpen()
    if (this.#reader.pongDue) this.#sendPong(this.#reader.pongDue)
    if (replies > 0) this.onReplies(replies, this)
  }

  /** @param {Buffer} frame */
  #sendPong (frame) {
    this.#reader.pongDue = undefined
    this.#socket.write(frame)
  }
}
