import type { Connection } from './connection.js'
import { Fault } from './inbox.js'
import type { Case, Trial } from './trial.js'

const group = 'events'

const TEXTS = [
  '', 'Grüße', '日本語', 'e\u0301 is not é', '👩‍👩‍👧 🏳️‍🌈', 'a "quoted" \\ and a /', 'tab\tline\r\nend',
  '\u0000\u001f\u007f', '\u2028\u2029', '\ufeff', '𝒳\u{10ffff}'
]
const NUMBERS = [0, -1, 9007199254740991, -9007199254740991, 1763850000123456, 0.1, -1.5e-7, 1e21, 5e-324, 1.7976931348623157e308]
const DEPTH = 60
const MANY = 100
const LARGE = 60_000

/** The client gives each value back, in order. */
async function echoed (trial: Trial, values: readonly unknown[]): Promise<Connection> {
  const connection = await trial.connects()
  for (const value of values) connection.send({ type: 'echo', value })
  for (const value of values) await connection.expect({ type: 'echo', value })
  return connection
}

/** The client takes what concerns it not, and says nothing to that. */
async function ignored (trial: Trial, messages: ReadonlyArray<Record<string, unknown>>): Promise<void> {
  const connection = await trial.connects()
  for (const message of messages) connection.send(message)
}

function nested (depth: number): unknown {
  return depth === 0 ? 'deep' : depth % 2 === 0 ? [nested(depth - 1)] : { a: nested(depth - 1) }
}

export const events: readonly Case[] = [
  {
    name: 'handshake',
    group,
    server: 'takes the connection',
    client: 'offers the subprotocol `conformance.v1`, with `Sec-WebSocket-Version: 13`',
    judged: 'the subprotocols offered',
    play: async (trial) => { await trial.connects() }
  },
  {
    name: 'event',
    group,
    server: 'sends `echo`',
    client: 'sends `echo` with the same value, as one JSON object in a text frame',
    judged: 'the message is `{"type":"echo","value":"hello"}`, its properties in any order',
    play: async (trial) => { await echoed(trial, ['hello']) }
  },
  {
    name: 'event-values',
    group,
    server: 'sends `echo` with each kind of JSON value; names inside a value may be `type`, `ref`, `$x` and empty',
    client: 'gives each back unchanged',
    judged: 'equal values, in order',
    play: async (trial) => {
      const objects = [{ type: 'call', ref: 1, $x: { '': 0 } }, { id: 1, data: 'a', error: null }]
      await echoed(trial, [null, true, false, '', [], {}, [null, [[]]], ...objects])
    }
  },
  {
    name: 'event-unicode',
    group,
    server: 'sends `echo` with texts: accents, CJK, emoji, control characters, U+0000, U+2028, U+10FFFF',
    client: 'gives each back unchanged, not normalized',
    judged: 'equal texts, in order',
    play: async (trial) => { await echoed(trial, TEXTS) }
  },
  {
    name: 'event-numbers',
    group,
    server: 'sends `echo` with integers up to ±(2^53 − 1), and with the largest and the smallest doubles',
    client: 'gives each back without a loss',
    judged: 'equal numbers, in order',
    play: async (trial) => { await echoed(trial, NUMBERS) }
  },
  {
    name: 'event-nesting',
    group,
    server: `sends \`echo\` with ${DEPTH} arrays and objects, one in the other`,
    client: 'gives it back',
    judged: 'an equal value',
    play: async (trial) => { await echoed(trial, [nested(DEPTH)]) }
  },
  {
    name: 'event-order',
    group,
    server: `sends ${MANY} \`echo\` at once`,
    client: 'gives all back in their order',
    judged: 'the order',
    play: async (trial) => { await echoed(trial, Array.from({ length: MANY }, (_, i) => i)) }
  },
  {
    name: 'event-large',
    group,
    server: `sends \`echo\` with a text of ${LARGE} bytes`,
    client: 'gives it back',
    judged: 'an equal text',
    play: async (trial) => { await echoed(trial, ['x'.repeat(LARGE)]) }
  },
  {
    name: 'event-fragments',
    group,
    server: 'sends `echo` in frames of one byte each, which also cut characters',
    client: 'takes it as one message',
    judged: 'an equal text',
    play: async (trial) => {
      const connection = await trial.connects()
      const bytes = Buffer.from('{"type":"echo","value":"Grüße 日本 👋"}')
      connection.sendInFragments(Array.from(bytes, (byte) => Buffer.of(byte)), false)
      await connection.expect({ type: 'echo', value: 'Grüße 日本 👋' })
    }
  },
  {
    name: 'event-unknown',
    group,
    server: 'sends an event that the contract has not',
    client: 'ignores it',
    judged: 'nothing is sent, and the connection stays',
    play: (trial) => ignored(trial, [{ type: 'unheard', value: 1 }])
  },
  {
    name: 'event-property',
    group,
    server: 'sends `echo` with a property more than the contract has',
    client: 'takes it, and does not send the property',
    judged: 'the message is `{"type":"echo","value":1}`',
    play: async (trial) => {
      const connection = await trial.connects()
      connection.send({ type: 'echo', later: true, value: 1 })
      await connection.expect({ type: 'echo', value: 1 })
    }
  },
  {
    name: 'reserved-unknown',
    group,
    server: 'sends messages whose names begin with `$` and that nobody knows yet, with and without `ref`',
    client: 'ignores them',
    judged: 'nothing is sent, and the connection stays',
    play: (trial) => ignored(trial, [{ type: '$later' }, { type: '$later', ref: 1 }, { type: '$pong' }, { type: '$' }])
  },
  {
    name: 'error-of-event',
    group,
    server: 'sends `$error` without `ref`, with and without `received`',
    client: 'tells its app, and does not answer',
    judged: 'nothing is sent, and the connection stays',
    play: (trial) => {
      const words = { statusCode: 400, code: 'FST_TYPED_WS_VALIDATION', error: 'Bad Request', message: 'echo/value must be string' }
      const error = { type: '$error', ...words }
      return ignored(trial, [{ ...error, received: 'echo' }, error])
    }
  },
  {
    name: 'ping-frame',
    group,
    server: 'sends ping frames (RFC 6455 §5.5.2)',
    client: 'answers each by a pong frame with the same bytes, as its WebSocket library does',
    judged: 'the bytes of the pongs',
    play: async (trial) => {
      const connection = await trial.connects()
      for (const data of ['', 'are you there?']) {
        const pong = await connection.ping(data)
        if (pong !== data) throw new Fault(`wanted a pong with '${data}', got '${pong}'`)
      }
    }
  },
  {
    name: 'leave',
    group,
    server: 'sends `leave`',
    client: 'closes the connection with 1000, and stays closed',
    judged: 'the close code',
    play: async (trial) => {
      const connection = await trial.connects()
      connection.send({ type: 'leave' })
      const code = await connection.closed('a close by the client')
      if (code !== 1000) throw new Fault(`wanted a close with 1000, got ${code}`)
    }
  }
]
