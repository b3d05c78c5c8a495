import t from 'tap'
import { until } from '../../support/helper.js'
import { start } from '../../support/live.js'

t.test('a handler gets type, ref, payload and signal of its message', async (t) => {
  const seen: unknown[] = []
  const { client } = await start(t, {
    ask ({ n }, _, { type, ref, payload, signal }) { seen.push([type, ref, payload, signal.aborted]); return n }
  })
  client.send({ type: 'ask', ref: 4, n: 5 })
  await client.next()
  t.same(seen, [['ask', 4, { n: 5 }, false]])
})

t.test('a handler that rejects because it was cancelled is no error', async (t) => {
  const { client, log } = await start(t, {
    async ask (_, __, { signal }) {
      await new Promise((resolve) => { signal.addEventListener('abort', resolve) })
      signal.throwIfAborted()
    }
  })
  client.send({ type: 'ask', ref: 1, n: 1 })
  client.send({ type: '$cancel', ref: 1 })
  client.send({ type: '$ping' })
  t.match(await client.next(), { type: '$pong' })
  await until(() => log.find('websocket handler failed').length === 1)
  t.match(log.find('websocket handler failed'), [{ level: 20 }])
  t.equal(client.unread, 0)
})

t.test('a handler whose result is not valid fails its call, whether it waits or not', async (t) => {
  const { client, log } = await start(t, {
    ask: ({ n }) => n === 1 ? 'no number' : Promise.resolve('no number')
  })
  for (const ref of [1, 2]) {
    client.send({ type: 'ask', ref, n: ref })
    t.match(await client.next(), { type: '$error', ref, statusCode: 500 })
  }
  t.match(log.find('websocket handler failed'), [1, 2].map(() => ({ err: { code: 'FST_TYPED_WS_OUTGOING_INVALID' } })))
})
