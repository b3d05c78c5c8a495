// @ts-check
// Bare ws with topics by hand: a set of sockets for each.
import { WebSocketServer, WebSocket } from 'ws'
import { MAX_PAYLOAD_BYTES, topicName } from '../messages.js'
import { report } from '../row.js'

const each = Number(process.argv[3])
const GROUPS = 100                 // of connections that are in the same topics

/** @type {Map<string, Set<WebSocket>>} */
const topics = new Map()
let opened = 0

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, maxPayload: MAX_PAYLOAD_BYTES })

server.on('connection', (socket, request) => {
  socket.on('error', () => {})
  socket.on('message', (data) => post(JSON.parse(data.toString())))
  if (request.url === '/topics') join(socket)
})

/** @param {WebSocket} socket */
function join (socket) {
  const group = opened++ % GROUPS
  const own = Array.from({ length: each }, (_, j) => topicName(group * each + j))
  for (const topic of own) {
    const members = topics.get(topic) ?? new Set()
    topics.set(topic, members.add(socket))
  }
  socket.on('close', () => {
    for (const topic of own) topics.get(topic)?.delete(socket)
  })
}

/** @param {{ topic: string, text: string }} message */
function post ({ topic, text }) {
  const reply = JSON.stringify({ type: 'posted', topic, text })
  for (const member of topics.get(topic) ?? []) {
    if (member.readyState === WebSocket.OPEN) member.send(reply)
  }
}

server.on('listening', () => report(
  /** @type {import('node:net').AddressInfo} */ (server.address()).port,
  { subscribed: () => {}, boot: () => 0 }
))
