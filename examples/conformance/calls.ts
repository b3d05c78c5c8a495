import type { Case } from './trial.js'

const group = 'calls'
const REFUSAL = { statusCode: 409, code: 'TAKEN', message: 'The place is taken' }

export const calls: readonly Case[] = [
  {
    name: 'call',
    group,
    server: 'lets the client call `ask`, and answers by `$reply`',
    client: 'sends `ask` with a `ref` that is a positive integer; the `data` of the answer is the result',
    judged: '`ask`, then `result` with the data',
    play: async (trial) => {
      const connection = await trial.connects()
      connection.answer(await connection.ask({ type: 'call', id: 7 }), { type: '$reply', data: { text: 'seven' } })
      await connection.expect({ type: 'result', id: 7, data: { text: 'seven' } })
    }
  },
  {
    name: 'call-values',
    group,
    server: 'answers calls with `null`, `false`, `0`, an empty text and an empty list',
    client: 'gives each to its app as it is',
    judged: 'each `result` has the data',
    play: async (trial) => {
      const connection = await trial.connects()
      for (const [id, data] of [null, false, 0, '', []].entries()) {
        connection.answer(await connection.ask({ type: 'call', id }), { type: '$reply', data })
        await connection.expect({ type: 'result', id, data })
      }
    }
  },
  {
    name: 'call-concurrent',
    group,
    server: 'lets the client call three times at once, and answers in the opposite order',
    client: 'has another `ref` for each; each answer reaches its own call',
    judged: 'the refs differ; three times `result`, with the data of its own call',
    play: async (trial) => {
      const connection = await trial.connects()
      const refs: number[] = []
      for (const id of [1, 2, 3]) refs.push(await connection.ask({ type: 'call', id }))
      for (const id of [3, 2, 1]) connection.answer(refs[id - 1]!, { type: '$reply', data: `of ${id}` })
      for (const id of [3, 2, 1]) await connection.expect({ type: 'result', id, data: `of ${id}` })
    }
  },
  {
    name: 'call-error',
    group,
    server: 'answers a call by `$error`',
    client: 'fails that call alone, with `statusCode`, `code` and `message`',
    judged: '`result` with the three in `error`',
    play: async (trial) => {
      const connection = await trial.connects()
      const other = await connection.ask({ type: 'call', id: 1 })
      connection.answer(await connection.ask({ type: 'call', id: 2 }), { type: '$error', received: 'ask', error: 'Conflict', ...REFUSAL })
      await connection.expect({ type: 'result', id: 2, error: REFUSAL })
      connection.answer(other, { type: '$reply', data: 'mine' })
      await connection.expect({ type: 'result', id: 1, data: 'mine' })
    }
  },
  {
    name: 'call-strange-answers',
    group,
    server: 'sends answers with a `ref` that the client never chose, and the same answer twice',
    client: 'ignores what belongs to no call of its own',
    judged: 'one `result`, with the data of the first answer',
    play: async (trial) => {
      const connection = await trial.connects()
      const ref = await connection.ask({ type: 'call', id: 1 })
      for (const type of ['$reply', '$next', '$done', '$error', '$cancel']) connection.send({ type, ref: ref + 1000, data: 'of another' })
      connection.answer(ref, { type: '$reply', data: 'first' })
      connection.answer(ref, { type: '$reply', data: 'second' })
      await connection.expect({ type: 'result', id: 1, data: 'first' })
    }
  },
  {
    name: 'call-cancel',
    group,
    server: 'lets the client call and cancel; answers all the same',
    client: 'sends `$cancel` with the `ref`, once, and ignores the answer',
    judged: '`$cancel`, and no `result`',
    play: async (trial) => {
      const connection = await trial.connects()
      const ref = await connection.ask({ type: 'call', id: 1 })
      connection.send({ type: 'cancel', id: 1 })
      await connection.expect({ type: '$cancel', ref })
      connection.answer(ref, { type: '$reply', data: 'too late' })
    }
  },
  {
    name: 'call-lost',
    group,
    server: 'breaks the connection while a call waits',
    client: 'fails the call, comes back, does not ask again, and tells the failed call by `result`',
    judged: 'the first message of the next connection is `result` with an `error`; `ask` does not come',
    play: async (trial) => {
      const connection = await trial.connects()
      await connection.ask({ type: 'call', id: 1 })
      connection.close(1006)
      await (await trial.comesBack(connection)).expectLost(1)
    }
  }
]
