// @ts-check
// The work every row does: three kinds of message, checked by these schemas, each answered by its
// own past tense.
import { Type } from '@sinclair/typebox'

export const MESSAGE_BYTES = 100
export const REPLY_BYTES = 101
export const MAX_PAYLOAD_BYTES = 65_536

const Chat = Type.Object({
  room: Type.String({ minLength: 1, maxLength: 64 }),
  text: Type.String({ minLength: 1, maxLength: 2000 }),
  date: Type.Integer({ minimum: 0 })
})

const Place = Type.Object({
  unit: Type.String({ minLength: 1, maxLength: 64 }),
  x: Type.Number(),
  y: Type.Number(),
  last: Type.Boolean(),
  note: Type.String({ maxLength: 200 })
})

const Choice = Type.Object({
  poll: Type.String({ minLength: 1, maxLength: 64 }),
  choice: Type.Integer({ minimum: 1, maximum: 9 }),
  why: Type.Optional(Type.String({ maxLength: 200 }))
})

export const incoming = { say: Chat, move: Place, vote: Choice }
export const outgoing = { said: Chat, moved: Place, voted: Choice }

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

const PROSE = 'the quick brown fox jumps over the lazy dog, and then it does so once more because nobody was looking'

/**
 * Message number n; every number has a text of its own, so that no row can live off a cached
 * answer.
 *
 * @param {number} n
 * @returns {string} exactly MESSAGE_BYTES of JSON
 */
export function messageText (n) {
  const id = String(n).padStart(4, '0')
  switch (n % 3) {
    case 0: return fill((text) => ({ type: 'say', room: 'lobby', text: `${id} ${text}`, date: 1_767_225_600_000 + n }))
    case 1: return fill((note) => ({ type: 'move', unit: `u-${id}`, x: n * 0.25, y: n - 40, last: n % 2 === 0, note }))
    default: return fill((why) => ({ type: 'vote', poll: `p-${id}`, choice: n % 9 + 1, why }))
  }
}

/** @param {number} n */
export function replyText (n) {
  return JSON.stringify(answer(JSON.parse(messageText(n))))
}

/** @param {(text: string) => object} make */
function fill (make) {
  const missing = MESSAGE_BYTES - JSON.stringify(make('')).length
  return JSON.stringify(make(PROSE.slice(0, missing)))
}
