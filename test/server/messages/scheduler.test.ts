import { once } from 'node:events'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import { defineContract } from '../../../lib/index.js'
import { connectRaw, createApp, handshakeText, listen, maskedFrame, until } from '../../support/helper.js'
import { deferred } from '../../support/deferred.js'
import { live, start } from '../../support/live.js'

t.test('the option concurrency limits the handlers that run at once, and they begin in order', async (t) => {
  for (const concurrency of [1, 2, 3]) {
    const begun: number[] = []
    const gates = [deferred(), deferred(), deferred()]
    const { client } = await start(t, { async ask ({ n }) { begun.push(n); await gates[n]!.promise; return n } }, { concurrency })
    for (const n of [0, 1, 2]) client.send({ type: 'ask', ref: n + 1, n })
    await client.flushed()
    t.same(begun, [0, 1, 2].slice(0, concurrency))
    for (const n of concurrency === 3 ? [2, 0, 1] : [0, 1, 2]) {
      gates[n]!.resolve()
      t.match(await client.next(), { type: '$reply', data: n })
    }
  }
})

t.test('a call that is cancelled while it waits never begins, and one that runs is aborted, and not answered', async (t) => {
  const hold = deferred()
  const begun: number[] = []
  let signal: AbortSignal | undefined
  const { client } = await start(t, {
    async ask ({ n }, _, message) { begun.push(n); signal ??= message.signal; await hold.promise; return n }
  })
  for (const n of [1, 2, 3]) client.send({ type: 'ask', ref: n, n })
  client.send({ type: '$cancel', ref: 2 })
  client.send({ type: '$cancel', ref: 1 })
  client.send({ type: '$cancel', ref: 99 })
  await client.flushed()
  t.equal(signal?.aborted, true)
  hold.resolve()
  t.same(await client.next(), { type: '$reply', ref: 3, data: 3 })
  t.same(begun, [1, 3])
})

t.test('the message that refresh names overtakes all others, and can be cancelled like them', async (t) => {
  let renewed = 0
  const hold = deferred()
  const { client, app } = await start(t, {
    ask: async () => await new Promise(() => {}),
    async renew () { renewed++; await hold.promise },
    refresh: 'renew'
  }, { maxQueuedMessages: 8 })
  for (let n = 1; n <= 3; n++) client.send({ type: 'ask', ref: n, n })
  for (let n = 1; n <= 3; n++) client.send({ type: 'renew' })
  await client.flushed()
  t.equal(renewed, 1, 'one by one')
  t.match(app.channel(live).stats, { queued: 4, running: 2 })
  client.send({ type: '$cancel', ref: 2 })
  client.send({ type: '$cancel', ref: 77 })
  hold.resolve()
  await until(() => renewed === 3)
  await until(() => app.channel(live).stats.queued === 1)
  client.ws.terminate()
  await until(() => app.channel(live).size() === 0)
})

// While a call of the server waits for its answer, more messages may wait than usual.

const held = defineContract({
  name: 'held.v1',
  clientToServer: {
    go: Type.Object({}),
    add: { request: Type.Object({ n: Type.Number() }), reply: Type.Number() }
  },
  serverToClient: { confirm: { request: Type.Object({}), reply: Type.Boolean() } }
})

t.test('the answer to a call is read, though more messages wait in front of it than may', async (t) => {
  const app = await createApp(t, { maxQueuedMessages: 4 })
  app.ws('/', { contract: held, on: { go: async (_, socket) => await socket.call('confirm', {}), add: ({ n }) => n } })
  await listen(app)
  const socket = await connectRaw(t, app)
  let text = ''
  socket.on('data', (data: Buffer) => { text += data.toString('latin1') })
  socket.write(handshakeText(app, '/'))
  const sees = async (part: string): Promise<void> => { while (!text.includes(part)) await once(socket, 'data') }
  await sees('\r\n\r\n')
  socket.write(maskedFrame('{"type":"go"}'))
  await sees('"confirm"')
  const calls = Array.from({ length: 12 }, (_, n) => maskedFrame(`{"type":"add","ref":${n + 1},"n":${n}}`))
  const answer = maskedFrame('{"type":"$reply","ref":1,"data":true}')
  socket.write(Buffer.concat([...calls.slice(0, 8), answer, ...calls.slice(8)]))
  await sees('"ref":12')
  t.pass('all were answered')
})
