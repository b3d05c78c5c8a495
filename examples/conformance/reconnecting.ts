import { Fault } from './inbox.js'
import type { Case } from './trial.js'

const group = 'reconnecting'
const RETRY_AFTER_MS = 300
const FAILURES = 3

const NAMES: Readonly<Record<number, string>> = {
  1001: 'the server goes away',
  1005: 'no code',
  1006: 'the connection breaks, without a close frame',
  1009: 'a message was too large',
  1011: 'the server failed while opening',
  1012: 'the server restarts',
  1013: 'the server cannot take it now',
  3000: 'the application\'s',
  3999: 'the application\'s',
  4000: 'the application\'s',
  4408: 'the client read too slowly',
  4429: 'the client sent too much',
  4499: 'the application\'s',
  1000: 'all is done',
  1002: 'a broken frame',
  1003: 'a binary frame that is not allowed',
  1007: 'bad UTF-8',
  1008: 'too many invalid messages',
  4500: 'final',
  4501: 'not signed in',
  4503: 'forbidden',
  4999: 'final'
}

function comesBack (code: number): Case {
  return {
    name: `comes-back-${code}`,
    group,
    server: `closes with ${code}: ${NAMES[code]}`,
    client: 'waits a random time, and comes back',
    judged: 'a second connection, which works',
    async play (trial) {
      const first = await trial.connects()
      await first.settle()
      first.close(code)
      await trial.comesBack(first)
    }
  }
}

function staysClosed (code: number): Case {
  return {
    name: `stays-closed-${code}`,
    group,
    server: `closes with ${code}: ${NAMES[code]}`,
    client: 'stays closed, and says so to its app',
    judged: 'no second connection before the report is asked for',
    async play (trial) {
      const first = await trial.connects()
      await first.settle()
      first.close(code)
    }
  }
}

function retryAfter (code: number): Case {
  return {
    name: `retry-after-${code}`,
    group,
    server: `closes with ${code} and the reason \`retry-after-ms=${RETRY_AFTER_MS}\``,
    client: 'comes back after that time, not sooner',
    judged: 'the time between the close and the next handshake',
    async play (trial) {
      const first = await trial.connects()
      await first.settle()
      first.close(code, `retry-after-ms=${RETRY_AFTER_MS}`)
      await trial.comesBack(first, RETRY_AFTER_MS)
    }
  }
}

export const reconnecting: readonly Case[] = [
  ...[1001, 1005, 1006, 1009, 1011, 1012, 1013, 3000, 3999, 4000, 4408, 4429, 4499].map(comesBack),
  ...[1000, 1002, 1003, 1007, 1008, 4500, 4501, 4503, 4999].map(staysClosed),
  ...[1012, 1013, 4000].map(retryAfter),
  {
    name: 'backoff',
    group,
    server: `takes the connection and closes it with 1011, ${FAILURES} times`,
    client: 'waits longer after each failure',
    judged: `the waits together are ${RETRY_AFTER_MS} ms or more: the server is not hammered`,
    async play (trial) {
      let connection = await trial.connects()
      let waitedMs = 0
      for (let failures = 0; failures < FAILURES; failures++) {
        connection.close(1011)
        const next = await trial.comesBack(connection)
        waitedMs += next.askedMs - connection.endedMs
        connection = next
      }
      if (waitedMs < RETRY_AFTER_MS) throw new Fault(`the client came back ${FAILURES} times within ${Math.round(waitedMs)} ms`)
    }
  },
  {
    name: 'refused-over-http',
    group,
    server: 'answers the second handshake with HTTP 503',
    client: 'comes back',
    judged: 'a third handshake, and a connection that works',
    handshake: (n) => n === 1 ? 503 : 'conformance.v1',
    async play (trial) {
      const first = await trial.connects()
      first.close(1006)
      await trial.comesBack(first)
    }
  },
  {
    name: 'expired-once',
    group,
    server: 'closes with 4401: its credentials have expired',
    client: 'comes back with fresh ones, if it has any',
    judged: 'a second connection, which works',
    async play (trial) {
      const first = await trial.connects()
      await first.settle()
      first.close(4401)
      await trial.comesBack(first)
    }
  },
  {
    name: 'expired-twice',
    group,
    server: 'closes with 4401 twice in a row',
    client: 'comes back after the first, and stays closed after the second',
    judged: 'two connections, and no third one before the report is asked for',
    async play (trial) {
      const first = await trial.connects()
      await first.settle()
      first.close(4401)
      const second = await trial.comesBack(first)
      await second.settle()
      second.close(4401)
    }
  }
]
