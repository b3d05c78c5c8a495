// @ts-check
// Before anything is measured: does every row do the same work, byte for byte?
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { takesPart } from './children.js'
import { DIALECTS } from './dialects.js'
import { MAX_PAYLOAD_BYTES, messageText } from './messages.js'
import { SCENARIOS } from './scenarios.js'

/** @typedef {import('./messages.js').Exchange} Exchange */

const NUMBERS = [0, 1, 2, 93, 94, 95]       // each type twice
const ECHO = /** @type {Exchange} */ ({ path: '/echo', shape: 'small' })
const ROOM = /** @type {Exchange} */ ({ path: '/room', shape: 'small' })
const WRONG = [
  '{"type":"say","room":"lobby","text":"","date":1}',
  '{"type":"move","unit":"u","x":"1","y":2,"last":true,"note":""}',
  '{"type":"vote","poll":"p","choice":10}'
]
const SETTLE_MS = 100
const TIMEOUT_MS = 5000

/** @param {import('./children.js').Row} row */
export async function check (row) {
  const echoes = SCENARIOS.filter((scenario) => takesPart(row.name, scenario) && scenario.path !== '/room')
  const exchanges = new Map(echoes.map(({ path, shape }) => [`${path} ${shape}`, { path, shape }]))
  for (const exchange of exchanges.values()) await checkEcho(new Talk(row, exchange))
  await checkRoom(row)
  if (row.isValidated) await checkValidation(new Talk(row, ECHO))
  // How a library closes for that is its own.
  if (row.dialect === 'plain' && takesPart(row.name, { name: 'limit' })) await checkLimit(new Talk(row, ECHO))
}

/** A client of a row that speaks its dialect. */
class Talk {
  /** @type {string[]} */
  texts = []
  #arrived = () => {}

  /**
   * @param {import('./children.js').Row} row
   * @param {Exchange} exchange
   */
  constructor ({ port, dialect }, exchange) {
    this.exchange = exchange
    this.dialect = /** @type {import('./dialects.js').Dialect} */ (DIALECTS[dialect])
    this.client = new WebSocket(`ws://127.0.0.1:${port}${this.dialect.url(exchange.path)}`)
    this.client.on('message', (data) => {
      this.texts.push(data.toString())
      this.#arrived()
    })
    this.client.on('error', () => {})
  }

  async open () {
    await once(this.client, 'open', { signal: AbortSignal.timeout(TIMEOUT_MS) })
    for (const text of this.dialect.hello(this.exchange)) this.client.send(text)
    await this.take(this.dialect.greetings(this.exchange))
    return this
  }

  /** @param {string} text */
  send (text) {
    this.client.send(this.dialect.request(text, this.exchange))
  }

  /**
   * @param {number} count
   * @returns {Promise<string[]>}
   */
  async take (count) {
    const late = AbortSignal.timeout(TIMEOUT_MS)
    while (this.texts.length < count) {
      const came = this.texts.join(' ').slice(0, 300)
      if (late.aborted) throw new Error(`${this.texts.length} of ${count} texts came at ${this.exchange.path}: ${came}`)
      await Promise.race([new Promise((resolve) => { this.#arrived = () => resolve(undefined) }), delay(SETTLE_MS)])
    }
    return this.texts.splice(0, count)
  }

  replies () {
    return NUMBERS.map((n) => this.dialect.reply(n, this.exchange))
  }
}

/** @param {Talk} talk */
async function checkEcho (talk) {
  await talk.open()
  strictEqual(talk.client.extensions, '', 'compression is off')
  for (const n of NUMBERS) talk.send(messageText(n, talk.exchange))
  deepStrictEqual(await talk.take(NUMBERS.length), talk.replies())
  talk.client.terminate()
}

/** @param {import('./children.js').Row} row */
async function checkRoom (row) {
  const [sender, ...members] = await Promise.all(Array.from({ length: 3 }, () => new Talk(row, ROOM).open()))
  await delay(SETTLE_MS)
  for (const n of NUMBERS) sender.send(messageText(n, ROOM))
  for (const member of members) deepStrictEqual(await member.take(NUMBERS.length), member.replies())
  await delay(SETTLE_MS)
  const own = sender.texts.filter((text) => sender.replies().includes(text))
  deepStrictEqual(own, [], 'a broadcast does not come back to its sender')
  for (const { client } of [sender, ...members]) client.terminate()
}

/** @param {Talk} talk */
async function checkLimit (talk) {
  await talk.open()
  talk.client.send(Buffer.alloc(MAX_PAYLOAD_BYTES + 1, ' '), { binary: false })
  const [code] = await once(talk.client, 'close', { signal: AbortSignal.timeout(TIMEOUT_MS) })
  strictEqual(code, 1009, 'a message above the limit closes with 1009')
}

/**
 * How it is said that a message is bad is each library's own.
 *
 * @param {Talk} talk
 */
async function checkValidation (talk) {
  await talk.open()
  for (const text of WRONG) talk.send(text)
  const texts = await talk.take(WRONG.length)
  for (const text of texts) ok(!/said|moved|voted/.test(text) || /error/i.test(text), `a bad message is answered by an error: ${text}`)
  talk.client.terminate()
}
