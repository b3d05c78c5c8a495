import type { Case } from './trial.js'

const group = 'binary'
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i))

export const binary: readonly Case[] = [
  {
    name: 'binary-frame',
    group,
    server: 'sends binary frames: of all 256 bytes, of none, of 60,000, and one in fragments',
    client: 'sends each back as a binary frame',
    judged: 'equal bytes, in order',
    play: async (trial) => {
      const connection = await trial.connects()
      const frames = [BYTES, Buffer.alloc(0), Buffer.alloc(60_000, 0xa5)]
      for (const bytes of frames) connection.send(bytes)
      connection.sendInFragments([BYTES.subarray(0, 100), BYTES.subarray(100, 100), BYTES.subarray(100)], true)
      for (const bytes of [...frames, BYTES]) await connection.expect(bytes)
    }
  },
  {
    name: 'binary-event',
    group,
    server: 'sends `picture` with `"$binary":true`, and its bytes',
    client: 'gives its app both as one event; sends `picture` without `$binary`, and the bytes at once behind it',
    judged: 'the event, and then a binary frame with equal bytes',
    play: async (trial) => {
      const connection = await trial.connects()
      for (const title of ['one', 'two']) {
        connection.send({ type: 'picture', $binary: true, title })
        connection.send(BYTES)
      }
      for (const title of ['one', 'two']) {
        await connection.expect({ type: 'picture', title })
        await connection.expect(BYTES)
      }
    }
  },
  {
    name: 'binary-missing',
    group,
    server: 'sends `picture` with `"$binary":true`, but then `echo`, and then a binary frame',
    client: 'leaves the picture out; takes `echo`, and the binary frame as one of no event',
    judged: '`echo`, then a binary frame',
    play: async (trial) => {
      const connection = await trial.connects()
      connection.send({ type: 'picture', $binary: true, title: 'lost' })
      connection.send({ type: 'echo', value: 1 })
      connection.send(BYTES)
      await connection.expect({ type: 'echo', value: 1 })
      await connection.expect(BYTES)
    }
  },
  {
    name: 'binary-lost',
    group,
    server: 'breaks the connection between `picture` and its bytes; sends a binary frame on the next one',
    client: 'leaves the picture out: a new connection owes no bytes',
    judged: 'a binary frame, without `picture`',
    play: async (trial) => {
      const first = await trial.connects()
      first.send({ type: 'echo', value: 'before' })
      await first.expect({ type: 'echo', value: 'before' })
      first.send({ type: 'picture', $binary: true, title: 'lost' })
      await first.ping('has it come?')
      first.close(1006)
      const next = await trial.comesBack(first)
      next.send(BYTES)
      await next.expect(BYTES)
    }
  }
]
