// A service with a recoverable topic, on nodes that share a broker.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type Broker, type PluginOptions } from '../../lib/index.js'
import { connect, createApp, listen, until, type Answer, type Client, type Teardown } from './helper.js'

export const chat = defineContract({
  name: 'chat.v1',
  clientToServer: { say: Type.Object({ text: Type.String() }) },
  serverToClient: { message: Type.Object({ text: Type.String() }) },
  topics: { room: { recover: true } }
})
export const TOPIC = 'room:42'

export type Position = readonly [epoch: string, offset: number]

export interface Node {
  readonly app: FastifyInstance
  readonly url: string
  say (...texts: string[]): Promise<void>
  /** A client that asked for positions, and brought one. */
  ask (position?: Position, name?: string): Promise<Client>
}

export async function createNode (t: Teardown, broker: Broker, options: PluginOptions = {}): Promise<FastifyInstance> {
  const app = await createApp(t, { broker, ...options })
  app.ws('/', {
    contract: chat,
    open: async (socket) => { await socket.subscribe(TOPIC) },
    on: { say: ({ text }, socket) => socket.publish(TOPIC, 'message', { text }) }
  })
  return app
}

export async function start (t: Teardown, broker: Broker, options: PluginOptions = {}): Promise<Node> {
  const app = await createNode(t, broker, options)
  const url = await listen(app)
  await until(() => isReady({ app }))
  return {
    app,
    url,
    say: async (...texts) => {
      for (const text of texts) await app.channel(chat).publish(TOPIC, 'message', { text })
    },
    ask: async (position, name = 'client-1') => {
      const client = await connect(t, url, { protocols: [chat.name, 'typed-ws.recover'] })
      client.send({ type: '$recover', client: name, topics: position === undefined ? {} : { [TOPIC]: position } })
      return client
    }
  }
}

export function isReady ({ app }: Pick<Node, 'app'>): boolean {
  return app.channel(chat).broker.state === 'ready'
}

export async function texts (client: Client, count: number): Promise<unknown[]> {
  return (await client.take(count)).map(({ text }) => text)
}

/** The place that a client was told, then the one of an event. */
export function placeOf (begin: Answer, event?: Answer): Position {
  return [begin['epoch'] as string, (event === undefined ? begin['offset'] : (event['$at'] as unknown[])[1]) as number]
}
