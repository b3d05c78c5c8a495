import { printed, type Connection } from './connection.js'
import { Fault } from './inbox.js'
import type { Case } from './trial.js'

const group = 'recovery'
const EPOCH = 'k3Jx'
// As large as offsets of a real server: a client that reads 32 bits, or floats, loses it.
const OFFSET = 1763850000123456

/** Takes the first message of a connection. Returns the client's name. */
async function positions (connection: Connection, topics: object): Promise<string> {
  if (!connection.offered.includes('typed-ws.recover')) throw new Fault('wanted the subprotocol typed-ws.recover to be offered as well')
  const found = await connection.next('"$recover"') as Record<string, unknown>
  const { client } = found
  const wanted = JSON.stringify(topics)
  if (found['type'] !== '$recover' || typeof client !== 'string' || JSON.stringify(found['topics']) !== wanted) {
    throw new Fault(`wanted {"type":"$recover","client":"…","topics":${wanted}}, got ${printed(found)}`)
  }
  if (!/^[\w-]{8,64}$/.test(client)) throw new Fault(`wanted a name of 8 to 64 letters, digits, _ and -, got ${client}`)
  return client
}

const event = (offset: number, value: unknown): Record<string, unknown> => ({ $at: ['news', offset], type: 'echo', value })

export const recovery: readonly Case[] = [
  {
    name: 'recover-first',
    group,
    server: 'takes a client that has no positions yet',
    client: 'offers `typed-ws.recover`; its first message is `$recover`, with `"topics":{}`, and a name',
    judged: 'the message, and the form of the name',
    play: async (trial) => { await positions(await trial.connects(), {}) }
  },
  {
    name: 'recover-seen',
    group,
    server: 'tells a position, sends two events of the topic, and both again, then a third one',
    client: 'takes each once: an offset that is not greater than the position was seen before',
    judged: 'three times `echo`',
    async play (trial) {
      const connection = await trial.connects()
      await positions(connection, {})
      connection.send({ type: '$topic', topic: 'news', epoch: EPOCH, offset: OFFSET })
      for (const n of [1, 2, 1, 2, 3]) connection.send(event(OFFSET + n, n))
      for (const value of [1, 2, 3]) await connection.expect({ type: 'echo', value })
    }
  },
  {
    name: 'recover-position',
    group,
    server: 'tells a position, sends an event, and breaks the connection; answers with `recovered` and a missed event',
    client: 'sends the position of the event that it had last, under the same name, and takes the missed one',
    judged: '`"topics":{"news":["k3Jx",…]}`, the name, and `echo`',
    async play (trial) {
      const first = await trial.connects()
      const name = await positions(first, {})
      first.send({ type: '$topic', topic: 'news', epoch: EPOCH, offset: OFFSET })
      first.send(event(OFFSET + 1, 'had'))
      await first.expect({ type: 'echo', value: 'had' })
      first.close(1006)
      const next = await trial.comesBack(first)
      const same = await positions(next, { news: [EPOCH, OFFSET + 1] })
      if (same !== name) throw new Fault(`wanted the name ${name} again, got ${same}`)
      next.send({ type: '$topic', topic: 'news', epoch: EPOCH, offset: OFFSET + 1, recovered: true, missed: 1 })
      next.send(event(OFFSET + 3, 'missed'))
      await next.expect({ type: 'echo', value: 'missed' })
    }
  },
  {
    name: 'recover-restart',
    group,
    server: 'tells a position, then one of another epoch that is smaller, with `"recovered":false`',
    client: 'takes the new position for the topic\'s, and events after it',
    judged: '`echo`, and the new position on the next connection',
    async play (trial) {
      const first = await trial.connects()
      await positions(first, {})
      first.send({ type: '$topic', topic: 'news', epoch: EPOCH, offset: OFFSET })
      first.send({ type: '$topic', topic: 'news', epoch: 'another', offset: 5, recovered: false, reason: 'lost' })
      first.send(event(6, 'after'))
      await first.expect({ type: 'echo', value: 'after' })
      first.close(1006)
      await positions(await trial.comesBack(first), { news: ['another', 6] })
    }
  },
  {
    name: 'recover-forget',
    group,
    server: 'tells positions, then `$topic` without `epoch` for each: the end of a subscription, and an outcome',
    client: 'forgets them',
    judged: '`"topics":{}` on the next connection',
    async play (trial) {
      const first = await trial.connects()
      await positions(first, {})
      for (const topic of ['news', 'sport']) first.send({ type: '$topic', topic, epoch: EPOCH, offset: OFFSET })
      first.send({ type: '$topic', topic: 'news' })
      first.send({ type: '$topic', topic: 'sport', recovered: false, reason: 'unavailable' })
      await first.settle()
      first.close(1006)
      await positions(await trial.comesBack(first), {})
    }
  }
]
