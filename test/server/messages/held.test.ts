// While a call of the server's waits for its answer, more messages may wait than usual.
import { once } from 'node:events'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import { defineContract } from '../../../lib/index.js'
import { connectRaw, createApp, handshakeText, listen, maskedFrame } from '../../support/helper.js'

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
