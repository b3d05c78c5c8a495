// @ts-check
import { ClientError, createClient } from 'fastify-typed-ws/client'
import { presence } from 'fastify-typed-ws/presence'
import { recovery } from 'fastify-typed-ws/recovery'
import { personOf } from './members.js'
import { EXPIRED, isAdmitted, leave, Room } from './room.js'

// The banner says it already.
const UNREACHABLE = 'FST_TYPED_WS_UNREACHABLE'

/**
 * @typedef {typeof import('../contract.js').chat} Chat
 * @typedef {import('fastify-typed-ws/recovery').RecoveringClient<Chat>} Recovering
 * @typedef {import('fastify-typed-ws/presence').PresenceClient<Chat>} Knowing
 * @type {Recovering & Knowing}
 */
const client = createClient(address, {
  protocol: 'chat.v2',
  retry: { maxDelayMs: 5000 },
  recover: recovery(),
  presence: presence()
})
const room = new Room({
  keepsMessages: true,
  sendMessage: (message) => client.send('message', message),
  sendImage: (image) => client.sendBinary(image),
  history: () => client.call('history', {}),
  retry: () => client.state === 'closed' ? window.location.reload() : client.retry()
})

client.on('present', (message) => room.present(message))
client.on('message', (message) => room.message(message))
client.on('image', (image) => room.image(image))
client.onRecovered((outcome) => room.recovered(outcome))
const members = client.members('lobby')
members.onChange(() => room.here(members.list().map(personOf)))
client.onState((change) => room.changed(change))
client.onError((error) => { if (error instanceof ClientError && error.code !== UNREACHABLE) room.refused(error) })

// Asked before each attempt.
async function address () {
  if (!await isAdmitted()) leave(EXPIRED)
  return '/chat'
}
