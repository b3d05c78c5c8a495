import type { Case } from './trial.js'

const group = 'streams'

export const streams: readonly Case[] = [
  {
    name: 'stream',
    group,
    server: 'lets the client ask for `items`; answers with three `$next`, then `$done`',
    client: 'sends `items` with a `ref`; gives the items to its app, in order, and then the end',
    judged: '`result` with the list',
    play: async (trial) => {
      const connection = await trial.connects()
      const ref = await connection.ask({ type: 'stream', id: 1 })
      for (const data of [1, null, { three: 3 }]) connection.send({ type: '$next', ref, data })
      connection.answer(ref, { type: '$done' })
      await connection.expect({ type: 'result', id: 1, data: [1, null, { three: 3 }] })
    }
  },
  {
    name: 'stream-empty',
    group,
    server: 'answers with `$done` at once',
    client: 'ends the stream without an item',
    judged: '`result` with an empty list',
    play: async (trial) => {
      const connection = await trial.connects()
      connection.answer(await connection.ask({ type: 'stream', id: 1 }), { type: '$done' })
      await connection.expect({ type: 'result', id: 1, data: [] })
    }
  },
  {
    name: 'stream-error',
    group,
    server: 'answers with two `$next`, then `$error`',
    client: 'gives its app both items, then the error',
    judged: '`result` with both items as `data`, and with the `error`',
    play: async (trial) => {
      const connection = await trial.connects()
      const ref = await connection.ask({ type: 'stream', id: 1 })
      for (const data of ['a', 'b']) connection.send({ type: '$next', ref, data })
      const error = { statusCode: 500, code: 'BROKEN', message: 'The source is gone' }
      connection.answer(ref, { type: '$error', received: 'items', error: 'Internal Server Error', ...error })
      await connection.expect({ type: 'result', id: 1, data: ['a', 'b'], error })
    }
  },
  {
    name: 'stream-cancel',
    group,
    server: 'lets the client take two items of a stream that goes on, also after `$cancel`',
    client: 'sends `$cancel` with the `ref`, once, and ignores what still comes',
    judged: '`$cancel`, and `result` with two items, in either order',
    play: async (trial) => {
      const connection = await trial.connects()
      const ref = await connection.ask({ type: 'stream', id: 1, take: 2 })
      for (const data of [1, 2, 3, 4]) connection.send({ type: '$next', ref, data })
      await connection.expectAll({ type: '$cancel', ref }, { type: 'result', id: 1, data: [1, 2] })
      connection.send({ type: '$next', ref, data: 5 })
      connection.answer(ref, { type: '$done' })
    }
  },
  {
    name: 'stream-concurrent',
    group,
    server: 'answers two streams and a call in turns',
    client: 'keeps them apart by their `ref`',
    judged: 'three times `result`, each with its own data',
    play: async (trial) => {
      const connection = await trial.connects()
      const [one, two] = [await connection.ask({ type: 'stream', id: 1 }), await connection.ask({ type: 'stream', id: 2 })]
      const call = await connection.ask({ type: 'call', id: 3 })
      for (const data of [1, 2]) {
        connection.send({ type: '$next', ref: two, data: -data })
        connection.send({ type: '$next', ref: one, data })
      }
      connection.answer(call, { type: '$reply', data: 'called' })
      await connection.expect({ type: 'result', id: 3, data: 'called' })
      connection.answer(one, { type: '$done' })
      await connection.expect({ type: 'result', id: 1, data: [1, 2] })
      connection.answer(two, { type: '$done' })
      await connection.expect({ type: 'result', id: 2, data: [-1, -2] })
    }
  },
  {
    name: 'stream-lost',
    group,
    server: 'breaks the connection in the middle of a stream',
    client: 'fails the stream, comes back, does not ask again, and tells the failed stream by `result`',
    judged: 'the first message of the next connection is `result` with the item that came and an `error`; `items` does not come',
    play: async (trial) => {
      const connection = await trial.connects()
      const ref = await connection.ask({ type: 'stream', id: 1 })
      connection.send({ type: '$next', ref, data: 'one' })
      await connection.settle()
      connection.close(1006)
      await (await trial.comesBack(connection)).expectLost(1, ['one'])
    }
  }
]
