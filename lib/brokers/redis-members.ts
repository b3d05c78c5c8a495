import type { BrokerMembers, Lease, MembersPart, Position } from '../../types/broker.js'
import type { RedisChannels } from './redis-channels.js'
import { Epochs, positionOf } from './redis-epochs.js'
import { ALL, KEEP, LEASE, PUT } from './redis-members-scripts.js'
import type { RunScript } from './redis-scripts.js'

/** A flat list of fields and values. */
type Fields = readonly string[]

/** The members of topics in Redis: a hash for each topic, and the leases of nodes for all. */
export class RedisMembers implements BrokerMembers {
  readonly #channels: RedisChannels
  readonly #run: RunScript
  readonly #node: () => string
  readonly #epochs = new Epochs()

  /** @param node - tells the name of this node, once it has one. */
  constructor (channels: RedisChannels, run: RunScript, node: () => string) {
    this.#channels = channels
    this.#run = run
    this.#node = node
  }

  async put (topic: string, members: ReadonlyMap<string, string | undefined>, leaseMs: number): Promise<void> {
    const { publish } = this.#channels
    const place = [this.#node(), String(leaseMs), this.#epochs.next(), publish, this.#channels.of(topic)]
    const texts = [...members].flatMap(([member, text]) => [member, text === undefined ? '' : `+${text}`])
    await this.#run(topic, PUT, this.#keysOf(topic), [...place, ...texts])
  }

  async all (topic: string): Promise<MembersPart> {
    const answer = await this.#run(topic, ALL, this.#keysOf(topic), [this.#epochs.next()])
    const [nodes, fields] = answer as [nodes: string[], fields: Fields]
    const members = mapOf(fields)
    const position = positionOf(members.get('')!.split(' '))
    members.delete('')
    return { ...position, members, nodes: new Set(nodes) }
  }

  async lease (topics: readonly string[], leaseMs: number): Promise<readonly Lease[]> {
    return this.#askEach(topics, async (part, topic) => {
      const keys = [this.#channels.leasesOf(topic)]
      const answer = await this.#run(topic, LEASE, keys, [this.#node(), String(leaseMs)])
      const [wasGood, nodes] = answer as [wasGood: number, nodes: string[]]
      return { topics: part, nodes: new Set(nodes), wasGood: wasGood === 1 }
    })
  }

  async keep (topics: readonly string[]): Promise<ReadonlyMap<string, Position>> {
    const parts = await this.#askEach(topics, async (part, topic) => {
      const keys = part.map((name) => this.#channels.membersOf(name))
      const positions = await this.#run(topic, KEEP, keys, []) as string[]
      return part.flatMap((name, n) => positions[n] === '' ? [] : [[name, positionOf(positions[n]!.split(' '))] as const])
    })
    return new Map(parts.flat())
  }

  // One command for topics that share a slot. One that fails does not hold the others up.
  async #askEach<T> (topics: readonly string[], ask: (part: readonly string[], first: string) => Promise<T>): Promise<T[]> {
    const parts = new Map<number, [string, ...string[]]>()
    for (const topic of topics) {
      const group = this.#channels.groupOf(topic)
      const part = parts.get(group)
      if (part === undefined) parts.set(group, [topic])
      else part.push(topic)
    }
    const answers = await Promise.allSettled(Array.from(parts.values(), (part) => ask(part, part[0])))
    return answers.flatMap((answer) => answer.status === 'fulfilled' ? [answer.value] : [])
  }

  #keysOf (topic: string): readonly string[] {
    return [this.#channels.membersOf(topic), this.#channels.leasesOf(topic)]
  }
}

function mapOf (fields: Fields): Map<string, string> {
  const map = new Map<string, string>()
  for (let n = 0; n < fields.length; n += 2) map.set(fields[n]!, fields[n + 1]!)
  return map
}
