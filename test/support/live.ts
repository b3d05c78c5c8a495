// A route with every kind of message, and a client on it.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineContract, type PluginOptions, type ReceivedMessage, type Socket } from '../../lib/index.js'
import { connect, createApp, listen, Log, type Client, type Teardown } from './helper.js'

export const live = defineContract({
  name: 'live.v1',
  clientToServer: {
    say: Type.Object({ text: Type.String({ maxLength: 100_000 }) }),
    renew: Type.Object({}),
    ask: { request: Type.Object({ n: Type.Number() }), reply: Type.Number() },
    count: { request: Type.Object({ to: Type.Number() }), stream: Type.Object({ n: Type.Number({ maximum: 1000 }) }) }
  },
  serverToClient: {
    said: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({ question: Type.String() }), reply: Type.Boolean() }
  },
  binary: { clientToServer: true, serverToClient: true }
})

export type LiveSocket = Socket<typeof live>

export interface Handlers {
  say?: (payload: { text: string }, socket: LiveSocket, message: ReceivedMessage) => unknown
  renew?: (payload: {}, socket: LiveSocket, message: ReceivedMessage) => unknown
  ask?: (payload: { n: number }, socket: LiveSocket, message: ReceivedMessage) => unknown
  count?: (payload: { to: number }, socket: LiveSocket, message: ReceivedMessage) => unknown
  open?: (socket: LiveSocket) => unknown
  errorHandler?: (error: unknown) => unknown
  refresh?: 'renew'
}

export interface Live {
  readonly app: FastifyInstance
  readonly url: string
  readonly client: Client
  readonly socket: LiveSocket
  readonly log: Log
}

async function * numbers ({ to }: { to: number }): AsyncGenerator<{ n: number }> {
  for (let n = 1; n <= to; n++) yield { n }
}

export async function start (
  t: Teardown,
  { say = () => {}, renew = () => {}, ask = ({ n }) => n, count = numbers, ...others }: Handlers = {},
  options: PluginOptions = {},
  prices: Record<string, number> = {}
): Promise<Live> {
  const log = new Log()
  const app = await createApp(t, { shutdown: { timeoutMs: 300 }, ...options }, { logger: log.options })
  const on = Object.fromEntries(Object.entries({
    say,
    renew,
    ask,
    count
  }).map(([name, handler]) => [name, name in prices ? { cost: prices[name], handler } : handler]))
  app.ws('/', { contract: live, on, binary () {}, ...others } as never)
  const url = await listen(app)
  const client = await connect(t, url)
  return { app, url, client, log, socket: app.channel(live).sockets().next().value! }
}
