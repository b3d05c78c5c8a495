// @ts-check

/** @typedef {{ received?: string, statusCode?: number, code?: string, message: string }} Refusal */

const MAX_CHARACTERS = 2000
const number = new Intl.NumberFormat()

/** @type {Record<string, string>} */
const WORDS = {
  FST_TYPED_WS_RATE_LIMITED: 'That was too fast. Wait a moment, then send it again.',
  FST_TYPED_WS_QUEUE_FULL: 'Too many messages wait for the connection already.',
  FST_TYPED_WS_CLIENT_CLOSED: 'The connection is closed. Reload the page.',
  FST_TYPED_WS_DISCONNECTED: 'It is larger than the server takes.'
}

/**
 * The cause of a refusal, for a person. The room's own errors are written for people as they are.
 * @param {Refusal} refusal
 * @param {string} [text] - what was refused
 */
export function wordsOf ({ received, statusCode = 0, code = '', message }, text = '') {
  if (code === 'FST_TYPED_WS_VALIDATION') return received === 'message' ? wordsOfText(text) : 'The server does not understand it.'
  return WORDS[code] ?? (statusCode >= 500 ? 'The server has a fault. Try again later.' : message)
}

/** @param {string} text */
function wordsOfText (text) {
  const { length } = Array.from(text)
  if (length === 0) return 'There is nothing in it yet: write a message first.'
  return `A message has ${number.format(MAX_CHARACTERS)} characters at most, and this one has ${number.format(length)}.`
}
