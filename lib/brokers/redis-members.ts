import { randomBytes } from 'node:crypto'
import type { BrokerMembers, Lease, MembersPart, Position } from '../../types/broker.js'
import type { RedisChannels } from './redis-channels.js'
import { ALL, KEEP, LEASE, PUT } from './redis-members-scripts.js'
import type { RedisScript } from './redis-scripts.js'

/**
 * Runs a script where a topic is.
 * @throws BrokerError, by rejecting.
 */
export type RunMembers = (topic: string, script: RedisScript, keys: readonly string[], values: readonly string[]) => Promise<unknown>

/** A flat list of fields and values. */
type Fields = readonly string[]

/** The members of topics in Redis: a hash for each topic, and the leases of nodes for all. */
export class RedisMembers implements BrokerMembers {
  readonly #channels: RedisChannels
  readonly #run: RunMembers
  readonly #node: () => string
  // A map that Redis has lost begins with a name that was never used.
  readonly #epochs = randomBytes(6).toString('base64url')
  #count = 0

  /** @param node - tells the name of this node, once it has one. */
  constructor (channels: RedisChannels, run: RunMembers, node: () => string) {
    this.#channels = channels
    this.#run = run
    this.#node = node
  }

  async put (topic: string, members: ReadonlyMap<string, string | undefined>, leaseMs: number): Promise<void> {
    const { publish } = this.#channels
    const place = [this.#node(), String(leaseMs), this.#newEpoch(), publish, this.#channels.of(topic)]
    const texts = [...members].flatMap(([member, text]) => [member, text === undefined ? '' : `+${text}`])
    await this.#run(topic, PUT, this.#keysOf(topic), [...place, ...texts])
  }

  async all (topic: string): Promise<MembersPart> {
    const answer = await this.#run(topic, ALL, this.#keysOf(topic), [this.#newEpoch()])
    const [nodes, fields] = answer as [nodes: string[], fields: Fields]
    const members = mapOf(fields)
    const position = positionOf(members.get('')!)
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
      return part.flatMap((name, n) => positions[n] === '' ? [] : [[name, positionOf(positions[n]!)] as const])
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

  #newEpoch (): string {
    return `${this.#epochs}${(this.#count++).toString(36)}`
  }
}

function mapOf (fields: Fields): Map<string, string> {
  const map = new Map<string, string>()
  for (let n = 0; n < fields.length; n += 2) map.set(fields[n]!, fields[n + 1]!)
  return map
}

function positionOf (text: string): Position {
  const [epoch, offset] = text.split(' ') as [string, string]
  return { epoch, offset: Number(offset) }
}
