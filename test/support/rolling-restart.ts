// A service of three nodes that is restarted node by node, as its clients see the members of a
// topic.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { createClient } from '../../lib/client/index.js'
import { presence, type PresenceClient } from '../../lib/client/presence.js'
import { defineContract, type Broker } from '../../lib/index.js'
import { createApp, listen, until, type Teardown } from './helper.js'
import { SameOriginWebSocket } from './same-origin.js'

const rooms = defineContract({ name: 'rooms.v1', topics: { room: { presence: Type.Object({ n: Type.Number() }) } } })
const TOPIC = 'room:1'
const NODES = 3

interface Node {
  readonly app: FastifyInstance
  readonly url: string
}

/** A client that is a member by its key, and all that was told to have happened. */
interface Member {
  readonly client: PresenceClient<typeof rooms>
  readonly news: string[]
}

export interface Restarted {
  /** The news of all clients while the nodes were restarted, and until one more came at the end. */
  readonly news: readonly string[]
  /** How often clients came back. */
  readonly reopened: number
  /** The nodes that run now. */
  readonly apps: readonly FastifyInstance[]
}

/** @param brokerOf - makes the broker of one more node. */
export async function restartInTurn (t: Teardown, brokerOf: () => Broker, count: number): Promise<Restarted> {
  const nodes: Node[] = []
  for (let n = 0; n < NODES; n++) nodes.push(await startNode(t, brokerOf()))
  const members: Member[] = []
  for (let n = 0; n < count; n++) members.push(enter(t, nodes, n))
  await allSee(members, count)
  let reopened = 0
  for (const { client, news } of members) {
    news.length = 0
    client.onReopen(() => { reopened++ })
  }
  for (let n = 0; n < NODES; n++) {
    const { app } = nodes.shift()!
    await app.close()
    await allSee(members, count)
    nodes.push(await startNode(t, brokerOf()))
  }
  enter(t, nodes, count)
  await allSee(members, count + 1)
  return { news: members.flatMap(({ news }) => news), reopened, apps: nodes.map(({ app }) => app) }
}

async function startNode (t: Teardown, broker: Broker): Promise<Node> {
  const app = await createApp(t, { broker, shutdown: { spreadMs: 50 }, presence: { leaveDelayMs: 1_000_000 } })
  app.ws('/:n', {
    contract: rooms,
    open: async (socket) => {
      const { n } = socket.request.params as { n: string }
      await socket.subscribe(TOPIC, { info: { n: Number(n) }, key: n })
    }
  })
  const url = await listen(app)
  await until(() => app.channel(rooms).broker.state === 'ready')
  return { app, url }
}

/** A client of one of the nodes that run at the time of its attempt. */
function enter (t: Teardown, nodes: readonly Node[], n: number): Member {
  const client = createClient<typeof rooms>(() => `${nodes[n % nodes.length]!.url}/${n}`, {
    protocol: rooms.name,
    presence: presence(),
    retry: { minDelayMs: 1, maxDelayMs: 10 },
    WebSocket: SameOriginWebSocket
  })
  t.teardown(() => client.close())
  const news: string[] = []
  client.members(TOPIC).onChange((change) => {
    for (const [what, told] of Object.entries(change)) for (const { key } of told) news.push(`${what} ${key}`)
  })
  return { client, news }
}

async function allSee (members: readonly Member[], count: number): Promise<void> {
  for (const { client } of members) {
    const room = client.members(TOPIC)
    await until(() => room.isCurrent() && room.count() === count)
  }
}
