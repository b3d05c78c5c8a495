// A service on several nodes: each is an app of its own.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type Broker, type PluginOptions, type Socket } from '../../lib/index.js'
import { connect, createApp, listen, Log, until, type Client, type Teardown } from './helper.js'

export const rooms = defineContract({
  name: 'rooms.v1',
  clientToServer: {
    join: { request: Type.Object({ room: Type.String() }), reply: Type.Boolean() },
    leave: { request: Type.Object({ room: Type.String() }), reply: Type.Null() },
    say: Type.Object({ room: Type.String(), text: Type.String() })
  },
  serverToClient: { said: Type.Object({ text: Type.String() }) }
})

/** One node with a client on it. */
export interface Node {
  readonly app: FastifyInstance
  readonly client: Client
  readonly url: string
  readonly log: Log
  readonly socket: Socket<typeof rooms>
}

export async function startNode (t: Teardown, broker: Broker, options: PluginOptions = {}, isReady = true): Promise<Node> {
  const log = new Log()
  const app = await createApp(t, { broker, ...options }, { logger: log.options })
  app.ws('/', {
    contract: rooms,
    on: {
      join: ({ room }, socket) => socket.subscribe(room),
      leave: ({ room }, socket) => {
        socket.unsubscribe(room)
        return null
      },
      say: ({ room, text }, socket) => socket.publish(room, 'said', { text })
    }
  })
  const url = await listen(app)
  if (isReady) await until(() => app.channel(rooms).broker.state === 'ready')
  const client = await connect(t, url)
  return { app, client, url, log, socket: app.channel(rooms).sockets().next().value! }
}
