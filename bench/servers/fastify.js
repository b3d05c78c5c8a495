// @ts-check
// Bare @fastify/websocket, with the same validation as a typed route has, written by hand.
import Fastify from 'fastify'
import websocket from '@fastify/websocket'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { Bucket } from '../bucket.js'
import { MAX_PAYLOAD_BYTES, RATE_LIMIT, answer, callAnswer, incoming, outgoing } from '../messages.js'
import { report } from '../row.js'

/** @typedef {import('ws').WebSocket} WebSocket */

const checks = new Map(Object.entries({ ...incoming, ...outgoing }).map(([type, schema]) => [type, TypeCompiler.Compile(schema)]))

/** @type {Set<WebSocket>} */
const room = new Set()

const app = Fastify()
await app.register(websocket, { options: { perMessageDeflate: false, maxPayload: MAX_PAYLOAD_BYTES } })

app.get('/echo', { websocket: true }, (socket) => {
  socket.on('message', (/** @type {Buffer} */ data) => {
    answerTo(socket, data, (text) => socket.send(text))
  })
})

app.get('/later', { websocket: true }, (socket) => {
  socket.on('message', async (/** @type {Buffer} */ data) => {
    answerTo(socket, await data, (text) => socket.send(text))
  })
})

app.get('/call', { websocket: true }, (socket) => {
  socket.on('message', (/** @type {Buffer} */ data) => {
    try {
      const message = checked(JSON.parse(data.toString()))
      const reply = callAnswer(message)
      if (!checks.get(message.type)?.Check(reply.data)) throw new Error('the reply does not fit its schema')
      socket.send(JSON.stringify(reply))
    } catch (error) {
      socket.send(JSON.stringify({ type: '$error', message: /** @type {Error} */ (error).message }))
    }
  })
})

app.get('/limited', { websocket: true }, (socket) => {
  const bucket = new Bucket(RATE_LIMIT)
  socket.on('message', (/** @type {Buffer} */ data) => {
    if (bucket.take()) answerTo(socket, data, (text) => socket.send(text))
    else socket.send('{"type":"$error"}')
  })
})

app.get('/room', { websocket: true }, (socket) => {
  room.add(socket)
  socket.on('close', () => room.delete(socket))
  socket.on('message', (/** @type {Buffer} */ data) => {
    answerTo(socket, data, (text) => broadcast(text, socket))
  })
})

/**
 * @param {WebSocket} socket
 * @param {Buffer} data
 * @param {(text: string) => void} deliver
 */
function answerTo (socket, data, deliver) {
  try {
    deliver(JSON.stringify(checked(answer(checked(JSON.parse(data.toString()))))))
  } catch (error) {
    socket.send(JSON.stringify({ type: '$error', message: /** @type {Error} */ (error).message }))
  }
}

/**
 * @param {any} message
 * @returns {any}
 */
function checked (message) {
  if (!checks.get(message?.type)?.Check(message)) throw new Error('the message does not fit its schema')
  return message
}

/**
 * @param {string} text
 * @param {WebSocket} sender
 */
function broadcast (text, sender) {
  for (const member of room) {
    if (member !== sender && member.readyState === member.OPEN) member.send(text)
  }
}

const address = await app.listen({ host: '127.0.0.1', port: 0 })
report(Number(new URL(address).port))
