// A service with a topic whose members are known, on nodes that share a broker.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type Broker, type PluginOptions } from '../../lib/index.js'
import { connect, createApp, listen, type Client, type Teardown } from './helper.js'

export const rooms = defineContract({
  name: 'rooms.v1',
  clientToServer: { leave: { request: Type.Object({}), reply: Type.Null() } },
  topics: { room: { presence: Type.Object({ n: Type.Number() }) } }
})
export const TOPIC = 'room:1'
/** As brokers know it. */
export const NAME = `rooms.v1/${TOPIC}`

export interface Node {
  readonly app: FastifyInstance
  readonly url: string
  /** A client that asked, and is a member by this key. */
  enter (key: string, n?: number): Promise<Client>
  members (): Promise<string[]>
}

export async function start (t: Teardown, broker: Broker, options: PluginOptions = {}): Promise<Node> {
  const app = await createApp(t, { broker, ...options })
  app.ws('/:key/:n', {
    contract: rooms,
    open: (socket) => {
      const { key, n } = socket.request.params as { key: string, n: string }
      void socket.subscribe(TOPIC, { info: { n: Number(n) }, key })
    },
    on: {
      leave: (_, socket) => {
        socket.unsubscribe(TOPIC)
        return null
      }
    }
  })
  const url = await listen(app)
  return {
    app,
    url,
    enter: (key, n = 1) => enter(t, url, key, n),
    members: async () => (await app.channel(rooms).members(TOPIC)).map(({ key, connections }) => `${key} ${connections}`).toSorted()
  }
}

/** A client that asked, and is a member by this key; its node may be of another process. */
export async function enter (t: Teardown, url: string, key: string, n: number = 1): Promise<Client> {
  return connect(t, `${url}/${key}/${n}`, { protocols: [rooms.name, 'typed-ws.presence'] })
}
