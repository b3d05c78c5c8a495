// @ts-check
// crossws as one node of a service: crossws.js <port of Redis>.
import { createServer } from 'node:http'
import nodeAdapter from 'crossws/adapters/node'
import { redis } from 'crossws/sync'
import { Redis } from 'ioredis'
import { report } from '../../row.js'

const [port] = process.argv.slice(2)

const adapter = nodeAdapter({
  // Its type of a client is narrower than the documentation, which has ioredis in it.
  sync: redis({ client: /** @type {any} */ (new Redis({ port: Number(port), host: '127.0.0.1' })), channel: 'bench' }),
  hooks: {
    open (peer) {
      const topic = new URL(peer.request.url).searchParams.get('topic')
      if (topic === null) return
      peer.subscribe(topic)
      peer.send('{"type":"ready"}')
    },
    message (peer, message) {
      const { topic, text } = /** @type {{ topic: string, text: string }} */ (message.json())
      peer.publish(topic, JSON.stringify({ type: 'event', text }))
    }
  }
})

const server = createServer()
server.on('upgrade', (request, socket, head) => { void adapter.handleUpgrade(request, socket, head) })
server.listen(0, '127.0.0.1', () => report(/** @type {import('node:net').AddressInfo} */ (server.address()).port))
