import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { WebSocket } from 'ws'
import { createClient, drained } from '../../lib/client/index.js'
import { defineContract } from '../../lib/index.js'
import { createApp, listen, until } from '../support/helper.js'
import { deferred } from '../support/deferred.js'

const upload = defineContract({ name: 'upload.v1', binary: { clientToServer: true } })

t.test('an upload that awaits drained() holds two parts at most, however slowly the server reads', async (t) => {
  const [partBytes, parts] = [262_144, 100]
  const slow = deferred()
  let received = 0
  const app = await createApp(t)
  app.ws('/', {
    contract: upload,
    allowMissingOrigin: true,
    maxPayloadBytes: partBytes,
    rateLimit: false,
    maxQueuedBytes: partBytes,
    binary: async (data) => {
      received += data.length
      await slow.promise
    }
  })
  const client = createClient<typeof upload>(await listen(app), { WebSocket })
  t.teardown(() => client.close())
  let mostBytes = 0
  let sent = 0
  const sending = (async () => {
    for (; sent < parts; sent++) {
      await drained(client, { maxBufferedBytes: partBytes })
      client.sendBinary(new Uint8Array(partBytes))
      mostBytes = Math.max(mostBytes, client.bufferedAmount)
    }
  })()
  await until(() => client.bufferedAmount > partBytes)
  t.ok(sent < parts, 'it waits for a server that reads nothing')
  slow.resolve()
  await sending
  await until(() => received === parts * partBytes)
  t.ok(mostBytes <= 2 * partBytes + 1000, `${mostBytes} bytes waited at most`)
})

t.test('drained() waits for a connection, and rejects once there will be none', async (t) => {
  const first = deferred()
  let { promise: opened } = first
  const client = { bufferedAmount: 0, get opened () { return opened } }
  let isDrained = false
  const waiting = drained(client).then(() => { isDrained = true })
  await turn()
  t.notOk(isDrained)
  first.resolve()
  await waiting
  client.bufferedAmount = 1_048_577
  const rejected = t.rejects(drained(client), { message: 'closed for good' })
  opened = Promise.reject(new Error('closed for good'))
  opened.catch(() => {})
  await rejected
})
