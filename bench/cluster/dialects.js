// @ts-check
// The wire of each library, as much of it as a member and a publisher need. Each text of an event
// has more than 125 bytes, and everything else a server says has less: see member.js.

/**
 * @typedef {'typed' | 'recovering' | 'socketio' | 'crossws'} DialectName
 * @typedef {object} Dialect
 * @property {(topic: string) => string} path of a member
 * @property {string} publisherPath
 * @property {string} [protocols]
 * @property {(n: number) => string} [hello] the first message of client number n
 * @property {string} [helloAfter] the beginning of the text that it waits for; by default of none
 * @property {string} ready the beginning of the text that says: a member, from now on
 * @property {string} [publisherReady] by default, a publisher is ready when it is connected
 * @property {Readonly<Record<string, string>>} [answers] to texts of the server
 * @property {(topic: string, text: string) => string} say publishes an event in a topic
 */

const EVENT_TEXT = 'the quick brown fox jumps over the lazy dog, and then it does so once more because the dog was asleep all the time'

/** @param {string} topic @param {string} text */
const say = (topic, text) => JSON.stringify({ type: 'say', topic, text })

/** @type {Record<DialectName, Dialect>} */
export const DIALECTS = {
  typed: { path: (topic) => `/member/${topic}`, publisherPath: '/publisher', protocols: 'cluster.v1', ready: '{"type":"ready"', say },
  recovering: {
    path: (topic) => `/member/${topic}`,
    publisherPath: '/publisher',
    protocols: 'cluster.v1, typed-ws.recover',
    // A client does not hear what one of the same name has published.
    hello: (n) => `{"type":"$recover","client":"client-${String(n).padStart(6, '0')}","topics":{}}`,
    ready: '{"type":"$topic"',
    say
  },
  // Engine.IO sends an "open" (0), the client connects to the namespace (40), and pings are texts.
  socketio: {
    path: (topic) => `/socket.io/?EIO=4&transport=websocket&topic=${topic}`,
    publisherPath: '/socket.io/?EIO=4&transport=websocket',
    hello: () => '40',
    helloAfter: '0{',
    ready: '42["ready"',
    publisherReady: '40',
    answers: { 2: '3' },
    say: (topic, text) => `42${JSON.stringify(['say', { topic, text }])}`
  },
  crossws: { path: (topic) => `/?topic=${topic}`, publisherPath: '/', ready: '{"type":"ready"', say }
}

/**
 * @param {Dialect} dialect
 * @param {string} topic
 */
export function eventText (dialect, topic) {
  return dialect.say(topic, EVENT_TEXT)
}
