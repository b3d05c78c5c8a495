// @ts-check
// crossws on Node: messages that TypeBox checks in both directions, by hand.
import { createServer } from 'node:http'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import crossws from 'crossws/adapters/node'
import { MAX_PAYLOAD_BYTES, answer, callAnswer, incoming, outgoing } from '../messages.js'
import { report } from '../row.js'

const checks = new Map(Object.entries({ ...incoming, ...outgoing }).map(([type, schema]) => [type, TypeCompiler.Compile(schema)]))

/** @typedef {import('crossws').Peer & { path?: string }} Peer */

const { handleUpgrade } = crossws({
  serverOptions: { perMessageDeflate: false, maxPayload: MAX_PAYLOAD_BYTES },
  hooks: {
    open (/** @type {Peer} */ peer) {
      peer.path = new URL(peer.request.url).pathname
      if (peer.path === '/room') peer.subscribe('room')
    },
    message (/** @type {Peer} */ peer, message) {
      try {
        const data = checked(JSON.parse(message.text()))
        if (peer.path === '/call') peer.send(JSON.stringify(checkedCall(data)))
        else if (peer.path === '/room') peer.publish('room', JSON.stringify(checked(answer(data))))
        else peer.send(JSON.stringify(checked(answer(data))))
      } catch (error) {
        peer.send(JSON.stringify({ type: '$error', message: /** @type {Error} */ (error).message }))
      }
    }
  }
})

/** @param {any} message */
function checked (message) {
  if (!checks.get(message?.type)?.Check(message)) throw new Error('the message does not fit its schema')
  return message
}

/** @param {any} message */
function checkedCall (message) {
  const reply = callAnswer(message)
  if (!checks.get(message.type)?.Check(reply.data)) throw new Error('the reply does not fit its schema')
  return reply
}

const server = createServer()
server.on('upgrade', handleUpgrade)
server.listen(0, '127.0.0.1', () => report(/** @type {import('node:net').AddressInfo} */ (server.address()).port))
