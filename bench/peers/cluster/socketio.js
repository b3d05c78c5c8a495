// @ts-check
// socket.io as one node of a service: socketio.js <pubsub, sharded or streams> <port of Redis>. Its
// clients speak WebSocket alone, as those of the other rows.
import { createServer } from 'node:http'
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter'
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import { report } from '../../row.js'

const [kind, port] = process.argv.slice(2)

const connect = () => new Redis({ port: Number(port), host: '127.0.0.1' })

/** @type {Record<string, () => object>} */
const options = {
  pubsub: () => ({ adapter: createAdapter(connect(), connect()) }),
  sharded: () => ({ adapter: createShardedAdapter(connect(), connect()) }),
  streams: () => ({ adapter: createStreamsAdapter(connect()), connectionStateRecovery: {} })
}

const server = createServer()
const io = new Server(server, { transports: ['websocket'], serveClient: false, ...options[kind]() })

io.on('connection', async (socket) => {
  socket.on('say', ({ topic, text }) => { socket.to(topic).emit('event', { text }) })
  const { topic } = socket.handshake.query
  if (typeof topic !== 'string') return
  await socket.join(topic)
  socket.emit('ready')
})

server.listen(0, '127.0.0.1', () => report(/** @type {import('node:net').AddressInfo} */ (server.address()).port))
