// @ts-check
import { ClientError, createClient } from 'fastify-typed-ws/client'
import { isAdmitted, Room } from './room.js'

/** @type {import('fastify-typed-ws/client').Client<typeof import('../contract.js').chat>} */
const client = createClient(address, { protocol: 'chat.v1' })
const room = new Room({
  sendMessage: (message) => client.send('message', message),
  sendImage: (image) => client.sendBinary(image),
  history: (since) => client.call('history', { since }),
  retry: () => client.retry()
})

client.on('present', (message) => room.present(message))
client.on('joined', (person) => room.joined(person))
client.on('left', (person) => room.left(person))
client.on('message', (message) => room.message(message))
client.on('image', (image) => room.image(image))
client.onBinary((data) => room.binary(data))
client.onState((change) => room.changed(change))
client.onError((error) => { if (error instanceof ClientError) room.refused(error) })

// Asked before each attempt.
async function address () {
  if (!await isAdmitted()) window.location.assign('/sign-in')
  return '/chat'
}
