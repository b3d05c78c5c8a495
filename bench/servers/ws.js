// @ts-check
// Bare ws: no framework, no validation. The 1.00× all other rows are compared with.
import { WebSocketServer, WebSocket } from 'ws'
import { Bucket } from '../bucket.js'
import { MAX_PAYLOAD_BYTES, RATE_LIMIT, answer, callAnswer } from '../messages.js'
import { report } from '../row.js'

/** @type {Set<WebSocket>} */
const room = new Set()

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: false,
  maxPayload: MAX_PAYLOAD_BYTES
})

server.on('connection', (socket, request) => {
  socket.on('error', () => {})
  if (request.url === '/room') joinRoom(socket)
  else if (request.url === '/call') socket.on('message', (data) => socket.send(callReply(data)))
  else if (request.url === '/limited') limit(socket)
  else if (request.url === '/later') socket.on('message', async (data) => socket.send(reply(await data)))
  else socket.on('message', (data) => socket.send(reply(data)))
})

/** @param {WebSocket} socket */
function joinRoom (socket) {
  room.add(socket)
  socket.on('close', () => room.delete(socket))
  socket.on('message', (data) => broadcast(reply(data), socket))
}

/** @param {WebSocket} socket */
function limit (socket) {
  const bucket = new Bucket(RATE_LIMIT)
  socket.on('message', (data) => socket.send(bucket.take() ? reply(data) : '{"type":"$error"}'))
}

/** @param {import('ws').RawData} data */
function callReply (data) {
  return JSON.stringify(callAnswer(JSON.parse(data.toString())))
}

/** @param {import('ws').RawData} data */
function reply (data) {
  return JSON.stringify(answer(JSON.parse(data.toString())))
}

/**
 * @param {string} text
 * @param {WebSocket} sender
 */
function broadcast (text, sender) {
  for (const member of room) {
    if (member !== sender && member.readyState === WebSocket.OPEN) member.send(text)
  }
}

server.on('listening', () => report(/** @type {import('node:net').AddressInfo} */ (server.address()).port))
