// @ts-check
import { Places } from './places.js'

/**
 * @typedef {'connecting' | 'open' | 'waiting' | 'closed'} State
 * @typedef {{ state: State, code?: number, reason?: string, retryInMs?: number }} Change
 * @typedef {{ type: string, [property: string]: unknown }} Message
 *
 * @typedef {object} Listeners
 * @property {(change: Change) => void} onState
 * @property {(message: Message) => void} onMessage
 * @property {(outcome: import('./places.js').Told) => void} onRecovered - what was missed follows,
 * or cannot be had
 * @property {() => Promise<boolean>} isAdmitted - a browser does not tell a page why a handshake
 * was refused: is asked instead
 */

const MIN_DELAY_MS = 500
// A chat is to be back within seconds of a server's restart.
const MAX_DELAY_MS = 5000
const PING_MS = 20_000
const PONG_MS = 10_000

const ABNORMAL = 1006
const RESTART = 1012
const EXPIRED = 4401
// Done; or a broken, unexpected or too large frame, or a policy, which would only be repeated; or
// credentials that only the person can renew.
const STAYS_CLOSED = [1000, 1002, 1003, 1007, 1008, EXPIRED]

// Are never chosen: by them a page asks for what it missed, and for the people who are here.
const ASKS = ['typed-ws.recover', 'typed-ws.presence']

/** A stock WebSocket that speaks JSON, comes back, and is given what it missed. */
export class Connection {
  #url
  #protocol
  #listeners
  #places = new Places()
  /** @type {WebSocket | undefined} */
  #ws
  #attempt = 0
  #ref = 0
  /** @type {Map<number, { resolve: (data: any) => void, reject: (error: Error) => void }>} */
  #calls = new Map()
  #retryTimer = 0
  #pingTimer = 0
  #pongTimer = 0

  /**
   * @param {string} url
   * @param {string} protocol - the name of the contract
   * @param {Listeners} listeners
   */
  constructor (url, protocol, listeners) {
    this.#url = url
    this.#protocol = protocol
    this.#listeners = listeners
    window.addEventListener('online', () => { if (this.#retryTimer !== 0) this.open() })
  }

  /** Does not wait any longer, and asks a server again that closed for good. */
  open () {
    if (this.#ws !== undefined) return
    this.#stopWaiting()
    this.#listeners.onState({ state: 'connecting' })
    const ws = this.#ws = new WebSocket(this.#url, [this.#protocol, ...ASKS])
    ws.addEventListener('open', () => this.#opened())
    ws.addEventListener('message', ({ data }) => this.#receive(data))
    ws.addEventListener('close', ({ code, reason }) => { if (ws === this.#ws) this.#lost(code, reason) })
  }

  /**
   * @param {string} type
   * @param {object} payload
   */
  send (type, payload) {
    this.#ws?.send(JSON.stringify({ type, ...payload }))
  }

  /** @param {Blob} blob */
  sendBinary (blob) {
    this.#ws?.send(blob)
  }

  /**
   * Asks, and resolves to the answer.
   * @param {string} type
   * @param {object} payload
   * @returns {Promise<any>}
   */
  call (type, payload) {
    const ref = ++this.#ref
    return new Promise((resolve, reject) => {
      this.#calls.set(ref, { resolve, reject })
      this.send(type, { ref, ...payload })
    })
  }

  #opened () {
    this.#attempt = 0
    this.send('$recover', this.#places.claim)
    this.#pingTimer = setInterval(() => this.#ping(), PING_MS)
    this.#listeners.onState({ state: 'open' })
  }

  /** @param {string} data */
  #receive (data) {
    clearTimeout(this.#pongTimer)
    const { $at: at, ...message } = JSON.parse(data)
    if (at !== undefined && !this.#places.move(at)) return
    if (message.type === '$pong') return
    if (message.type === '$topic') return this.#place(message)
    const call = this.#calls.get(message.ref)
    if (call === undefined) return this.#listeners.onMessage(message)
    this.#calls.delete(message.ref)
    if (message.type === '$reply') call.resolve(message.data)
    else call.reject(new Error(message.message))
  }

  /** @param {import('./places.js').Told} told */
  #place (told) {
    this.#places.put(told)
    if (told.recovered !== undefined) this.#listeners.onRecovered(told)
  }

  // A browser does not notice a link that died silently.
  #ping () {
    this.send('$ping', {})
    clearTimeout(this.#pongTimer)
    this.#pongTimer = setTimeout(() => this.#lost(ABNORMAL, 'no answer'), PONG_MS)
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  async #lost (code, reason) {
    const wasOpen = this.#pingTimer !== 0
    this.#forget()
    if (isFinal(code)) return this.#listeners.onState({ state: 'closed', code, reason })
    this.#wait(code, reason)
    if (wasOpen || await this.#listeners.isAdmitted()) return
    this.#stopWaiting()
    this.#listeners.onState({ state: 'closed', code: EXPIRED, reason: 'not signed in' })
  }

  #forget () {
    clearInterval(this.#pingTimer)
    clearTimeout(this.#pongTimer)
    this.#pingTimer = 0
    this.#ws?.close()
    this.#ws = undefined
    for (const { reject } of this.#calls.values()) reject(new Error('the connection was lost'))
    this.#calls.clear()
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #wait (code, reason) {
    const retryInMs = hintOf(code, reason) ?? jitter(this.#attempt++)
    this.#retryTimer = setTimeout(() => this.open(), retryInMs)
    this.#listeners.onState({ state: 'waiting', code, reason, retryInMs })
  }

  #stopWaiting () {
    clearTimeout(this.#retryTimer)
    this.#retryTimer = 0
  }
}

/**
 * The protocol's table of close codes: the range says who may come back.
 * @param {number} code
 */
function isFinal (code) {
  return STAYS_CLOSED.includes(code) || (code >= 4500 && code <= 4999)
}

/**
 * A server that restarts says when to come back.
 * @param {number} code
 * @param {string} reason
 */
function hintOf (code, reason) {
  const hint = /^retry-after-ms=(\d+)$/.exec(reason)
  return code === RESTART && hint !== null ? Number(hint[1]) : undefined
}

/**
 * Anything between nothing and a limit that doubles: pages that lost the same server do not come
 * back all at once.
 * @param {number} attempt
 */
function jitter (attempt) {
  return Math.random() * Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** attempt)
}
