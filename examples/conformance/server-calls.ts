import { printed, type Connection } from './connection.js'
import { Fault } from './inbox.js'
import type { Case } from './trial.js'

const group = 'server-calls'

/** The client answers by an error. Its words are its own. */
async function expectFailure (connection: Connection, ref: number, statusCode: number, code?: string): Promise<void> {
  const found = await connection.next(`"$error" with the ref ${ref}`) as Record<string, unknown>
  const isRight = found['type'] === '$error' && found['ref'] === ref && found['statusCode'] === statusCode
  if (!isRight || (code !== undefined && found['code'] !== code)) {
    throw new Fault(`wanted "$error" with the ref ${ref}, ${statusCode} ${code ?? ''}, got ${printed(found)}`)
  }
}

export const serverCalls: readonly Case[] = [
  {
    name: 'question',
    group,
    server: 'calls `question`',
    client: 'answers by `$reply` with the same `ref`, the value as its `data`',
    judged: '`{"type":"$reply","ref":…,"data":…}`',
    play: async (trial) => {
      const connection = await trial.connects()
      for (const [i, value] of ['yes?', null, { deep: [1] }].entries()) {
        connection.send({ type: 'question', ref: i + 1, value })
        await connection.expect({ type: '$reply', ref: i + 1, data: value })
      }
    }
  },
  {
    name: 'question-refused',
    group,
    server: 'calls `refuse`',
    client: 'answers by `$error` with the `ref`, `statusCode` 409 and the code `REFUSED`',
    judged: 'these three',
    play: async (trial) => {
      const connection = await trial.connects()
      connection.send({ type: 'refuse', ref: 4 })
      await expectFailure(connection, 4, 409, 'REFUSED')
    }
  },
  {
    name: 'question-unknown',
    group,
    server: 'calls a message that the client has no handler for',
    client: 'answers by `$error` with the `ref` and `statusCode` 501',
    judged: 'these two',
    play: async (trial) => {
      const connection = await trial.connects()
      connection.send({ type: 'unheard', ref: 5, value: 1 })
      await expectFailure(connection, 5, 501)
    }
  },
  {
    name: 'question-concurrent',
    group,
    server: 'calls `wait`, and then `question`',
    client: 'answers the second while the first waits',
    judged: 'one `$reply`, with the second `ref`',
    play: async (trial) => {
      const connection = await trial.connects()
      connection.send({ type: 'wait', ref: 1 })
      connection.send({ type: 'question', ref: 2, value: 'now?' })
      await connection.expect({ type: '$reply', ref: 2, data: 'now?' })
    }
  },
  {
    name: 'question-cancelled',
    group,
    server: 'calls `wait`, then sends `$cancel` with its `ref`, and another with a `ref` that it never used',
    client: 'cancels the handler, which sends `cancelled`, and answers nothing',
    judged: '`cancelled`, and no answer with the `ref`',
    play: async (trial) => {
      const connection = await trial.connects()
      connection.send({ type: 'wait', ref: 1 })
      connection.send({ type: 'question', ref: 2, value: 'begun?' })
      await connection.expect({ type: '$reply', ref: 2, data: 'begun?' })
      connection.send({ type: '$cancel', ref: 1 })
      connection.send({ type: '$cancel', ref: 99 })
      await connection.expect({ type: 'cancelled' })
    }
  },
  {
    name: 'question-same-ref',
    group,
    server: 'calls `question` with the `ref` of a call of the client\'s that still waits',
    client: 'keeps both apart: each side counts for itself',
    judged: '`$reply` to the question, then `result` of the call',
    play: async (trial) => {
      const connection = await trial.connects()
      const ref = await connection.ask({ type: 'call', id: 1 })
      connection.send({ type: 'question', ref, value: 'mine' })
      await connection.expect({ type: '$reply', ref, data: 'mine' })
      connection.answer(ref, { type: '$reply', data: 'yours' })
      await connection.expect({ type: 'result', id: 1, data: 'yours' })
    }
  },
  {
    name: 'question-lost',
    group,
    server: 'breaks the connection while the client answers `wait`; calls `question` with the same `ref` on the next one',
    client: 'cancels the handler, and answers only the call of the new connection',
    judged: '`cancelled` and `$reply`, in either order',
    play: async (trial) => {
      const first = await trial.connects()
      first.send({ type: 'wait', ref: 1 })
      await first.settle()
      first.close(1006)
      const next = await trial.comesBack(first)
      next.send({ type: 'question', ref: 1, value: 'anew' })
      await next.expectAll({ type: 'cancelled' }, { type: '$reply', ref: 1, data: 'anew' })
    }
  }
]
