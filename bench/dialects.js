// @ts-check
// How the same message travels: as plain JSON, or in the envelopes of a library. The load process
// speaks each of them raw, so that a client costs the same for all rows.
import { KINDS, PAST, messageText, replyText } from './messages.js'

/**
 * @typedef {import('./messages.js').Exchange} Exchange
 * @typedef {object} Dialect
 * @property {(path: string) => string} url
 * @property {(exchange: Exchange) => string[]} hello texts that a client sends after the 101
 * @property {(exchange: Exchange) => number} greetings texts that it waits for before it sends
 * @property {(text: string, exchange: Exchange) => string} request
 * @property {(n: number, exchange: Exchange) => string} reply
 * @property {(n: number, exchange: Exchange) => string[]} others neither replies nor errors
 * @property {{ text: string, pong: string }} [ping] in texts
 * @typedef {keyof typeof DIALECTS} DialectName
 */

/** @type {Dialect} The message itself. */
const plain = {
  url: (path) => path,
  hello: () => [],
  greetings: () => 0,
  request: (text) => text,
  reply: replyText,
  others: () => []
}

/** @type {Dialect} Engine.IO 4 and Socket.IO 5; a call is an event with an acknowledgement. */
const socketio = {
  url: (path) => `/socket.io/?EIO=4&transport=websocket${path === '/room' ? '&room=1' : ''}`,
  hello: () => ['40'],
  greetings: () => 2,
  request (text) {
    const { type, ref = '', ...payload } = JSON.parse(text)
    return `42${ref}${JSON.stringify([type, payload])}`
  },
  reply (n, exchange) {
    const { type, ref, data, ...payload } = JSON.parse(replyText(n, exchange))
    return type === '$reply' ? `43${ref}${JSON.stringify([data])}` : `42${JSON.stringify([type, payload])}`
  },
  others: () => [],
  ping: { text: '2', pong: '3' }
}

const MEMBER_ID = 1
const FIRST_ID = 1000
/** @param {number} id @param {unknown} [data] */
const trpcData = (id, data) => JSON.stringify({ id, result: { type: 'data', data } })

/** @type {Dialect} A message is a mutation; a member of the room has a subscription. */
const trpc = {
  url: () => '/',
  hello: ({ path }) => path === '/room'
    ? [JSON.stringify({ id: MEMBER_ID, method: 'subscription', params: { path: 'room' } })]
    : [],
  greetings: ({ path }) => path === '/room' ? 1 : 0,
  request (text, { path }) {
    const { type, ref, ...input } = JSON.parse(text)
    const name = path === '/room' ? `cast.${type}` : type
    return JSON.stringify({ id: idOf(text), method: 'mutation', params: { path: name, input } })
  },
  reply (n, { path, shape }) {
    const exchange = { path, shape: shape === 'call' ? /** @type {const} */ ('small') : shape }
    const text = shape === 'call' ? withoutRef(n) : replyText(n, exchange)
    return trpcData(path === '/room' ? MEMBER_ID : idOf(messageText(n, { path, shape })), JSON.parse(text))
  },
  others: (n, { path, shape }) => path === '/room' ? [trpcData(idOf(messageText(n, { path, shape })))] : []
}

/**
 * An answer of tRPC has its type, also to a call, whose ref is the id of the envelope.
 *
 * @param {number} n
 */
function withoutRef (n) {
  const { ref, type, ...payload } = JSON.parse(messageText(n, { path: '/call', shape: 'call' }))
  return JSON.stringify({ type: PAST[/** @type {'say'} */ (type)], ...payload })
}

/**
 * The same for the same text, and of four digits.
 *
 * @param {string} text
 */
function idOf (text) {
  const { type, ref, ...payload } = JSON.parse(text)
  const number = /\d{4}/.exec(JSON.stringify([payload.unit ?? payload.poll ?? payload.text]))
  return FIRST_ID + (KINDS.includes(type) && number ? Number(number[0]) : 0)
}

export const DIALECTS = { plain, socketio, trpc }
