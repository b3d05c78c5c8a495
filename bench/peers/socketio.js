// @ts-check
// socket.io: events with payloads, which Zod checks in both directions, by hand.
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { KINDS, MAX_PAYLOAD_BYTES, PAST } from '../messages.js'
import { report } from '../row.js'
import { incoming } from './schemas.js'

const server = createServer()
const io = new Server(server, { transports: ['websocket'], serveClient: false, maxHttpBufferSize: MAX_PAYLOAD_BYTES })

io.on('connection', (socket) => {
  const isMember = socket.handshake.query.room === '1'
  if (isMember) void socket.join('room')
  for (const kind of KINDS) {
    socket.on(kind, (payload, acknowledge) => {
      const message = incoming[kind].safeParse(payload)
      const reply = message.success ? incoming[kind].safeParse(message.data) : message
      if (!reply.success) socket.emit('$error', reply.error.message)
      else if (typeof acknowledge === 'function') acknowledge(reply.data)
      else if (isMember) socket.to('room').emit(PAST[kind], reply.data)
      else socket.emit(PAST[kind], reply.data)
    })
  }
})

server.listen(0, '127.0.0.1', () => report(/** @type {import('node:net').AddressInfo} */ (server.address()).port))
