import type { Case } from './trial.js'

const group = 'heartbeat'

export const heartbeat: readonly Case[] = [
  {
    name: 'heartbeat-answered',
    group,
    server: 'says nothing, and answers `$ping` by `$pong`',
    client: 'sends `{"type":"$ping"}` when it has heard nothing for its interval, and stays',
    judged: 'two `$ping` on one connection',
    async play (trial) {
      const connection = await trial.connects()
      connection.answersPing = false
      for (let pings = 0; pings < 2; pings++) {
        await connection.expect({ type: '$ping' })
        connection.send({ type: '$pong' })
      }
      connection.answersPing = true
    }
  },
  {
    name: 'heartbeat-silence',
    group,
    server: 'says nothing, and does not answer `$ping`',
    client: 'takes the connection for dead, and comes back',
    judged: '`$ping`, then a second connection, which works',
    async play (trial) {
      const first = await trial.connects()
      first.answersPing = false
      await first.expect({ type: '$ping' })
      await trial.comesBack(first)
    }
  }
]
