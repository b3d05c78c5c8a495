// @ts-check
import { binaryEvents } from 'fastify-typed-ws/binary'
import { ClientError, createClient } from 'fastify-typed-ws/client'
import { EXPIRED, isAdmitted, leave, Room } from './room.js'

// The banner says it already.
const UNREACHABLE = 'FST_TYPED_WS_UNREACHABLE'

/** @type {import('fastify-typed-ws/binary').BinaryClient<typeof import('../contract.js').chat>} */
const client = createClient(address, { protocol: 'chat.v1', retry: { maxDelayMs: 5000 }, binary: binaryEvents() })
const room = new Room({
  keepsMessages: true,
  sendMessage: (message) => client.send('message', message),
  sendImage: (image) => client.sendBinary(image),
  history: (since) => client.call('history', { since }),
  retry: () => client.state === 'closed' ? window.location.reload() : client.retry()
})

client.on('present', (message) => room.present(message))
client.on('joined', (person) => room.joined(person))
client.on('left', (person) => room.left(person))
client.on('message', (message) => room.message(message))
client.on('image', (image, data) => room.image(image, data))
client.onState((change) => room.changed(change))
client.onError((error) => { if (error instanceof ClientError && error.code !== UNREACHABLE) room.refused(error) })

// Asked before each attempt.
async function address () {
  if (!await isAdmitted()) leave(EXPIRED)
  return '/chat'
}
