// Recoverable topics with members, on two nodes, while slots of a real Redis Cluster move and its
// masters are replaced.
import { setTimeout as pause } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import { Cluster, type Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { crc16 } from '../../lib/brokers/hash.js'
import { Partitions } from '../../lib/brokers/partitions.js'
import { redis } from '../../lib/brokers/redis.js'
import { createClient } from '../../lib/client/index.js'
import { presence } from '../../lib/client/presence.js'
import { recovery } from '../../lib/client/recovery.js'
import { defineContract } from '../../lib/index.js'
import { redisClient } from '../support/brokers.js'
import { missing, startRedisCluster, type RedisCluster } from '../support/engine.js'
import { createApp, listen, until, type Teardown } from '../support/helper.js'
import { SameOriginWebSocket } from '../support/same-origin.js'

const skip = await missing('redis-server')

const chat = defineContract({
  name: 'chat.v1',
  serverToClient: { number: Type.Object({ n: Type.Integer() }) },
  topics: { room: { recover: true, presence: Type.Object({}) } }
})

type Topic = `room:${string}`

const names = new Partitions()

const FIRST_MASTER = names.count / 3 - 1

/** Four topics of the first master, in a slot each; others of each name. */
function topicsOf (name: string): Topic[] {
  const found = new Map<string, Topic>()
  for (let n = 0; found.size < 4; n++) {
    const topic: Topic = `room:${name} ${n}`
    const index = names.indexOf(`${chat.name}/${topic}`)
    if (index < FIRST_MASTER) found.set(names.tagAt(index), topic)
  }
  return [...found.values()]
}

function slotOf (topic: Topic): number {
  return crc16(names.tagOf(`${chat.name}/${topic}`)) % 16_384
}

/** A client in one topic: it notices what is lost, doubled or swapped, and hears who is there. */
class Follower {
  readonly topic: Topic
  readonly faults: string[] = []
  readonly news: string[] = []
  last = -1
  /** How often it was told that events are missing. */
  told = 0
  #mayJump = true
  #ws: SameOriginWebSocket | undefined
  readonly #client

  /** @param urlOfAny - the address of one node, and then of another one. */
  constructor (t: Teardown, topic: Topic, key: string, urlOfAny: () => string) {
    this.topic = topic
    const note = (ws: SameOriginWebSocket): void => { this.#ws = ws }
    const client = createClient<typeof chat>(() => `${urlOfAny()}/${topic}/${key}`, {
      protocol: chat.name,
      recover: recovery(),
      presence: presence(),
      retry: { minDelayMs: 1, maxDelayMs: 50 },
      WebSocket: class extends SameOriginWebSocket {
        constructor (url: string, protocols: string[]) {
          super(url, protocols)
          note(this)
        }
      }
    })
    this.#client = client
    t.teardown(() => client.close())
    client.on('number', ({ n }) => this.#take(n))
    client.onRecovered(({ recovered }) => {
      if (recovered) return
      this.told++
      this.#mayJump = true
    })
    client.members(topic).onChange((change) => {
      for (const [what, list] of Object.entries(change)) for (const member of list) this.news.push(`${what} ${member.key}`)
    })
  }

  /** The number of members that it was told of. */
  get count (): number {
    const members = this.#client.members(this.topic)
    return members.isCurrent() ? members.count() : 0
  }

  cut (): void {
    this.#ws!.terminate()
  }

  #take (n: number): void {
    if (n <= this.last) this.faults.push(`${n} behind ${this.last}`)
    else if (n !== this.last + 1 && !this.#mayJump) this.faults.push(`${this.last + 1} to ${n - 1} are lost`)
    this.last = n
    this.#mayJump = false
  }
}

/** Two nodes, two clients in each topic, and numbers that are published to all of them. */
class Service {
  readonly #t: Test
  readonly #cluster: RedisCluster
  readonly #nodes: Array<{ readonly app: Awaited<ReturnType<typeof createApp>>, readonly url: string }> = []
  readonly topics: readonly Topic[]
  readonly followers: Follower[] = []
  /** The newest number of each topic that was stored. */
  readonly last = new Map<Topic, number>()
  /** The first words of what Redis has refused with. */
  readonly refusals = new Set<string>()
  readonly #attempts = new Map<Topic, number>()
  #next = 0

  constructor (t: Test, cluster: RedisCluster, name: string) {
    this.#t = t
    this.#cluster = cluster
    this.topics = topicsOf(name)
  }

  async start (): Promise<void> {
    for (let n = 0; n < 2; n++) await this.#startNode()
    await this.ready()
    for (const topic of this.topics) for (const key of ['ada', 'bob']) this.#enter(topic, key)
    await this.#seen(2)
    for (const { news } of this.followers) news.length = 0
    await this.#tell()
  }

  async ready (): Promise<void> {
    await until(() => this.#nodes.every(({ app }) => app.channel(chat).broker.state === 'ready'))
  }

  /** Publishes and cuts clients off until a fault is over; each client hears the last number. */
  async during (fault: () => Promise<void>): Promise<void> {
    let isOver = false
    const publishing = this.topics.map(async (topic) => { while (!isOver) await this.#publish(topic) })
    await this.progress()
    await fault()
    await this.ready()
    await this.progress()
    isOver = true
    await Promise.all(publishing)
    await this.#tell()
  }

  /** Some more numbers of each topic are stored, and its clients are cut off meanwhile. */
  async progress (): Promise<void> {
    const before = new Map(this.last)
    const isPast = (count: number): boolean => this.topics.every((topic) => this.last.get(topic)! >= before.get(topic)! + count)
    await until(() => isPast(5))
    for (const follower of this.followers) follower.cut()
    await until(() => isPast(15))
  }

  /** Another number of a topic is stored, or refused. */
  async attempt (topic: Topic): Promise<void> {
    const before = this.#attempts.get(topic)!
    await until(() => this.#attempts.get(topic)! > before + 2)
  }

  /** One more member comes to each topic: it is all the news of those that were there. */
  async expectNoNews (): Promise<void> {
    const before = [...this.followers]
    for (const topic of this.topics) this.#enter(topic, 'zoe')
    await this.#seen(3)
    for (const { topic, news } of before) this.#t.same(news, ['joined zoe'], topic)
  }

  async #startNode (): Promise<void> {
    const client = new Cluster(this.#cluster.engines.map(({ port }) => ({ port, host: '127.0.0.1' }))).on('error', () => {})
    this.#t.teardown(() => client.disconnect())
    const app = await createApp(this.#t, { broker: redis(client), presence: { leaveDelayMs: 600_000 } })
    app.ws('/:topic/:key', {
      contract: chat,
      open: async (socket) => {
        const { topic, key } = socket.request.params as { topic: Topic, key: string }
        await socket.subscribe(topic, { info: {}, key })
      }
    })
    this.#nodes.push({ app, url: await listen(app) })
  }

  #enter (topic: Topic, key: string): void {
    this.followers.push(new Follower(this.#t, topic, key, () => this.#nodes[this.#next++ % this.#nodes.length]!.url))
  }

  async #seen (count: number): Promise<void> {
    await until(() => this.followers.every((follower) => follower.count === count))
  }

  /** A number that all clients get, if it takes them until then. */
  async #tell (): Promise<void> {
    await Promise.all(this.topics.map(async (topic) => this.#publish(topic)))
    await until(() => this.followers.every(({ topic, last }) => last === this.last.get(topic)))
  }

  /** Publishes a number until it is stored, by one node and then by another one. */
  async #publish (topic: Topic): Promise<void> {
    const n = (this.last.get(topic) ?? -1) + 1
    for (let attempt = this.#attempts.get(topic) ?? 0; ; attempt++) {
      this.#attempts.set(topic, attempt)
      const { app } = this.#nodes[attempt % this.#nodes.length]!
      try {
        await app.channel(chat).publish(topic, 'number', { n }, { id: String(n) })
        this.#attempts.set(topic, attempt + 1)
        this.last.set(topic, n)
        return
      } catch (error) {
        const { message } = (error as Error).cause as Error
        this.refusals.add(/^Redis: ([A-Z]+) /.exec(message)?.[1] ?? message)
        await pause(5)
      }
    }
  }
}

/** Moves a slot with its keys, one by one, as `redis-cli --cluster reshard` does. */
async function moveSlot (source: Redis, target: Redis, slot: number, afterKey: () => Promise<void>): Promise<void> {
  const [sourceId, targetId] = [await source.cluster('MYID'), await target.cluster('MYID')]
  await target.cluster('SETSLOT', slot, 'IMPORTING', sourceId)
  await source.cluster('SETSLOT', slot, 'MIGRATING', targetId)
  for (;;) {
    const [key] = await source.cluster('GETKEYSINSLOT', slot, 1)
    if (key === undefined) break
    await source.migrate('127.0.0.1', target.options.port!, key, 0, 5000)
    await afterKey()
  }
  for (const one of [target, source]) await one.cluster('SETSLOT', slot, 'NODE', targetId)
}

t.test('a Redis Cluster in trouble', { skip }, async (t) => {
  const cluster = await startRedisCluster(t, 2000, true)
  const [first, second, , replica] = cluster.engines.map((engine) => redisClient(t, engine)) as [Redis, Redis, Redis, Redis]

  await t.test('a slot that moves costs no event of a recoverable topic, and no member leaves', async (t) => {
    const service = new Service(t, cluster, 'moved')
    await service.start()
    await service.during(async () => {
      for (const [source, target] of [[first, second], [second, first]] as const) {
        for (const topic of service.topics) await moveSlot(source, target, slotOf(topic), async () => service.attempt(topic))
        await service.ready()
        await service.progress()
      }
    })
    t.same(['ASK', 'TRYAGAIN'].filter((refusal) => !service.refusals.has(refusal)), [], 'each was met')
    for (const { faults, told } of service.followers) t.same({ faults, told }, { faults: [], told: 0 })
    await service.expectNoNews()
  })

  await t.test('a master that hands over to its replica costs no event, and no member leaves', async (t) => {
    const service = new Service(t, cluster, 'handed over')
    await service.start()
    await service.during(async () => {
      await replica.cluster('FAILOVER')
      await until(async () => await roleOf(replica) === 'master' && await roleOf(first) === 'slave')
    })
    for (const { faults, told } of service.followers) t.same({ faults, told }, { faults: [], told: 0 })
    await service.expectNoNews()
  })

  await t.test('a master that dies with events that its replica has not is replaced: clients are told, no member leaves', async (t) => {
    const service = new Service(t, cluster, 'died')
    await service.start()
    await until(async () => (await first.info('replication')).includes('master_link_status:up'))
    // However long its link is down, it is elected.
    await first.config('SET', 'cluster-replica-validity-factor', '0')
    await service.during(async () => {
      cluster.engines[0]!.hang()
      await replica.call('CLIENT', 'KILL', 'TYPE', 'replica')
      await service.progress()
      await cluster.engines[3]!.kill()
      cluster.engines[0]!.goOn()
      await until(async () => await roleOf(first) === 'master')
    })
    for (const { faults, told } of service.followers) t.same({ faults, isTold: told > 0 }, { faults: [], isTold: true })
    await service.expectNoNews()
  })
})

async function roleOf (client: Redis): Promise<string> {
  return String((await client.role())[0])
}
