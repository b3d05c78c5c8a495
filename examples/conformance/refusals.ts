import type { Connection } from './connection.js'
import { Fault } from './inbox.js'
import type { Case, Trial } from './trial.js'

const group = 'refusals'
const RETRY_AFTER_MS = 300

/** A connection that is no opening. */
async function refused (trial: Trial, connection?: Connection): Promise<Connection> {
  const next = connection === undefined ? await trial.connects() : await trial.comesBack(connection)
  if (!next.offered.includes('typed-ws.refusal')) throw new Fault('wanted the subprotocol typed-ws.refusal to be offered as well')
  return next
}

export const refusals: readonly Case[] = [
  {
    name: 'refused-for-good',
    group,
    server: 'answers the handshake with the subprotocol `typed-ws.refusal`, and closes with 4503',
    client: 'offers `typed-ws.refusal` beside the contract\'s name; stays closed, and does not take that for an opening',
    judged: 'no second connection before the report is asked for',
    handshake: () => 'typed-ws.refusal',
    async play (trial) {
      const connection = await refused(trial)
      connection.close(4503, 'You may not come in')
    }
  },
  {
    name: 'refused-for-now',
    group,
    server: `answers the second handshake with \`typed-ws.refusal\`, and closes with 1013, \`retry-after-ms=${RETRY_AFTER_MS}\``,
    client: 'sends nothing on that connection: the `result` of a call that was lost waits for the next one',
    judged: '`result` on the third connection; the time between the refusal and the next handshake',
    handshake: (n) => n === 1 ? 'typed-ws.refusal' : 'conformance.v1',
    async play (trial) {
      const first = await trial.connects()
      await first.ask({ type: 'call', id: 1 })
      first.close(1006)
      const second = await refused(trial, first)
      second.close(1013, `retry-after-ms=${RETRY_AFTER_MS}`)
      const third = await trial.comesBack(second, RETRY_AFTER_MS)
      await third.expectLost(1)
    }
  }
]
