// @ts-check
// Before anything is measured: does every row do the same work, byte for byte?
import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { MAX_PAYLOAD_BYTES, MESSAGE_BYTES, REPLY_BYTES, messageText, replyText } from './messages.js'

const NUMBERS = [0, 1, 2, 93, 94, 95]       // each type twice
const WRONG = [
  '{"type":"say","room":"lobby","text":"","date":1}',
  '{"type":"move","unit":"u","x":"1","y":2,"last":true,"note":""}',
  '{"type":"vote","poll":"p","choice":10}'
]
const SETTLE_MS = 100
const TIMEOUT_MS = 5000

/**
 * @param {{ port: number, isValidated: boolean }} row
 */
export async function check ({ port, isValidated }) {
  await checkEcho(port, '/echo')
  await checkEcho(port, '/later')
  await checkRoom(port)
  await checkLimit(port)
  if (isValidated) await checkValidation(port)
}

/**
 * @param {number} port
 * @param {'/echo' | '/later'} path
 */
async function checkEcho (port, path) {
  const client = await open(port, path)
  strictEqual(client.extensions, '', 'compression is off')
  const replies = collect(client, NUMBERS.length)
  for (const n of NUMBERS) {
    strictEqual(Buffer.byteLength(messageText(n)), MESSAGE_BYTES)
    strictEqual(Buffer.byteLength(replyText(n)), REPLY_BYTES)
    client.send(messageText(n))
  }
  deepStrictEqual(await replies, NUMBERS.map(replyText))
  client.terminate()
}

/** @param {number} port */
async function checkRoom (port) {
  const [sender, one, other] = await Promise.all([open(port, '/room'), open(port, '/room'), open(port, '/room')])
  await delay(SETTLE_MS)
  let ownCount = 0
  sender.on('message', () => ownCount++)
  const deliveries = Promise.all([collect(one, NUMBERS.length), collect(other, NUMBERS.length)])
  for (const n of NUMBERS) sender.send(messageText(n))
  for (const texts of await deliveries) deepStrictEqual(texts, NUMBERS.map(replyText))
  await delay(SETTLE_MS)
  strictEqual(ownCount, 0, 'a broadcast does not come back to its sender')
  for (const client of [sender, one, other]) client.terminate()
}

/** @param {number} port */
async function checkLimit (port) {
  const client = await open(port, '/echo')
  client.send(Buffer.alloc(MAX_PAYLOAD_BYTES + 1, ' '), { binary: false })
  const [code] = await once(client, 'close', { signal: AbortSignal.timeout(TIMEOUT_MS) })
  strictEqual(code, 1009, 'a message above the limit closes with 1009')
}

/** @param {number} port */
async function checkValidation (port) {
  const client = await open(port, '/echo')
  const replies = collect(client, WRONG.length)
  for (const text of WRONG) client.send(text)
  for (const text of await replies) strictEqual(JSON.parse(text).type, '$error')
  client.terminate()
}

/**
 * @param {number} port
 * @param {string} path
 */
async function open (port, path) {
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`)
  await once(client, 'open', { signal: AbortSignal.timeout(TIMEOUT_MS) })
  return client
}

/**
 * @param {WebSocket} client
 * @param {number} count
 * @returns {Promise<string[]>}
 */
function collect (client, count) {
  return new Promise((resolve, reject) => {
    /** @type {string[]} */
    const texts = []
    const timer = setTimeout(() => reject(new Error(`${texts.length} of ${count} replies came`)), TIMEOUT_MS)
    client.on('error', reject)
    client.on('message', (data) => {
      if (texts.push(data.toString()) < count) return
      clearTimeout(timer)
      resolve(texts)
    })
  })
}
