// @ts-check
// The work every row does: three kinds of message, checked by these schemas, each answered by its
// own past tense.
import { Type } from '@sinclair/typebox'

export const MESSAGE_BYTES = 100
export const REPLY_BYTES = 101
export const MAX_PAYLOAD_BYTES = 65_536

const LONGEST_TEXT = 2000

// Made anew for each message of a large contract, so that each is compiled by itself.
const chat = () => Type.Object({
  room: Type.String({ minLength: 1, maxLength: 64 }),
  text: Type.String({ minLength: 1, maxLength: LONGEST_TEXT }),
  date: Type.Integer({ minimum: 0 })
})

const place = () => Type.Object({
  unit: Type.String({ minLength: 1, maxLength: 64 }),
  x: Type.Number(),
  y: Type.Number(),
  last: Type.Boolean(),
  note: Type.String({ maxLength: LONGEST_TEXT })
})

const choice = () => Type.Object({
  poll: Type.String({ minLength: 1, maxLength: 64 }),
  choice: Type.Integer({ minimum: 1, maximum: 9 }),
  why: Type.Optional(Type.String({ maxLength: LONGEST_TEXT }))
})

export const KINDS = /** @type {const} */ (['say', 'move', 'vote'])
export const PAST = /** @type {const} */ ({ say: 'said', move: 'moved', vote: 'voted' })
export const schemas = { say: chat, move: place, vote: choice }
export const incoming = { say: chat(), move: place(), vote: choice() }
export const outgoing = { said: incoming.say, moved: incoming.move, voted: incoming.vote }
export const calls = {
  say: { request: incoming.say, reply: incoming.say },
  move: { request: incoming.move, reply: incoming.move },
  vote: { request: incoming.vote, reply: incoming.vote }
}
/** On, and out of reach. */
export const RATE_LIMIT = { max: 1e9, timeWindowMs: 1000 }
/** The options of the plugin where ours is compared with others. */
export const PLUGIN_OPTIONS = /** @type {const} */ ({
  origin: '*',
  allowMissingOrigin: true,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  perMessageDeflate: false,
  rateLimit: RATE_LIMIT
})

/**
 * The answer as one writes it by hand: what the control rows hand to JSON.stringify.
 *
 * @param {any} message
 */
export function answer (message) {
  switch (message.type) {
    case 'say': return { type: 'said', room: message.room, text: message.text, date: message.date }
    case 'move': return { type: 'moved', unit: message.unit, x: message.x, y: message.y, last: message.last, note: message.note }
    case 'vote': return { type: 'voted', poll: message.poll, choice: message.choice, why: message.why }
    default: return undefined
  }
}

/**
 * The answer to a call, likewise.
 *
 * @param {any} message
 */
export function callAnswer (message) {
  return { type: '$reply', ref: message.ref, data: result(message) }
}

/** @param {any} message */
function result (message) {
  switch (message.type) {
    case 'say': return { room: message.room, text: message.text, date: message.date }
    case 'move': return { unit: message.unit, x: message.x, y: message.y, last: message.last, note: message.note }
    case 'vote': return { poll: message.poll, choice: message.choice, why: message.why }
    default: return undefined
  }
}

const PROSE = 'the quick brown fox jumps over the lazy dog, and then it does so once more because nobody was looking; '
const NON_ASCII = 'Съешь ещё этих мягких французских булок 👋 да выпей же чаю, 早く, déjà vu 🎉 '

/**
 * The forms of a message: `small` has 100 bytes, and so has `utf8`, whose letters take two to four
 * of them; `kib` has 1,024; `call` has a ref. Of `numbered`, a contract has `count` names, and
 * `post` goes to one of `count` topics.
 *
 * @typedef {'small' | 'kib' | 'utf8' | 'call' | 'numbered' | 'post'} Shape
 * @typedef {{ shape: Shape, path: string, count?: number }} Exchange
 */
const FIRST_REF = 1000
export const DIFFERENT = 96        // messages, a multiple of the three types

/**
 * Message number n; every number has a text of its own, so that no row can live off a cached
 * answer.
 *
 * @param {number} n
 * @param {Exchange} [exchange]
 * @returns {string} exactly MESSAGE_BYTES of JSON, or 1,024 of them
 */
export function messageText (n, { shape, count = 1 } = { shape: 'small', path: '' }) {
  const bytes = shape === 'kib' ? 1024 : MESSAGE_BYTES
  const prose = shape === 'utf8' ? NON_ASCII : PROSE
  const make = (/** @type {string} */ text) => JSON.stringify(messageOf(n, shape, count, text))
  return make(cut(prose, bytes - Buffer.byteLength(make(''))))
}

/**
 * @param {number} n
 * @param {Exchange} [exchange]
 */
export function replyText (n, exchange = { shape: 'small', path: '' }) {
  const message = JSON.parse(messageText(n, exchange))
  switch (exchange.shape) {
    case 'call': return JSON.stringify(callAnswer(message))
    case 'post': return JSON.stringify({ ...message, type: 'posted' })
    case 'numbered': return JSON.stringify({ ...message, type: numberedAnswer(message.type) })
    default: return JSON.stringify(answer(message))
  }
}

/**
 * @param {string} type say0007
 * @returns {string} said0007
 */
export function numberedAnswer (type) {
  return `${PAST[/** @type {'say'} */ (type.slice(0, -4))]}${type.slice(-4)}`
}

/** @param {number} k @returns {string} the name of message number k of a large contract */
export function numberedName (k) {
  return `${KINDS[k % 3]}${String(k).padStart(4, '0')}`
}

/** @param {number} k */
export function topicName (k) {
  return `topic-${String(k).padStart(5, '0')}`
}

/**
 * @param {number} n
 * @param {Shape} shape
 * @param {number} count
 * @param {string} text
 */
function messageOf (n, shape, count, text) {
  const k = n * Math.max(1, Math.floor(count / DIFFERENT)) % count
  if (shape === 'post') return { type: 'post', topic: topicName(k), text: `${idOf(n)} ${text}` }
  const type = shape === 'numbered' ? numberedName(k) : KINDS[n % 3]
  const ref = shape === 'call' ? { ref: FIRST_REF + n } : {}
  return { type, ...ref, ...payloadOf(KINDS[(shape === 'numbered' ? k : n) % 3], n, text) }
}

/**
 * @param {typeof KINDS[number]} kind
 * @param {number} n
 * @param {string} text
 */
function payloadOf (kind, n, text) {
  switch (kind) {
    case 'say': return { room: 'lobby', text: `${idOf(n)} ${text}`, date: 1_767_225_600_000 + n }
    case 'move': return { unit: `u-${idOf(n)}`, x: n * 0.25, y: n - 40, last: n % 2 === 0, note: text }
    default: return { poll: `p-${idOf(n)}`, choice: n % 9 + 1, why: text }
  }
}

/** @param {number} n */
function idOf (n) {
  return String(n).padStart(4, '0')
}

/**
 * @param {string} prose
 * @param {number} bytes
 * @returns {string} as many letters as fit, and full stops where no letter fits
 */
function cut (prose, bytes) {
  let [text, left] = ['', bytes]
  for (const letter of prose.repeat(Math.ceil(bytes / prose.length))) {
    const size = Buffer.byteLength(letter)
    if (size > left) break
    text += letter
    left -= size
  }
  return text + '.'.repeat(left)
}
