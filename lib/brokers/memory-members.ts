import { randomBytes } from 'node:crypto'
import type { BrokerMembers, Lease, MembersChange, MembersPart, Position } from '../../types/broker.js'

/** The members of one topic. */
interface Kept {
  readonly members: Map<string, string>
  offset: number
}

type Announce = (topic: string, change: MembersChange) => void

/** The members of topics in the memory of one process, which never needs a lease. */
export class MemoryMembers implements BrokerMembers {
  readonly #announce: Announce
  readonly #epoch = randomBytes(6).toString('base64url')
  readonly #topics = new Map<string, Kept>()
  // One counter for all topics: a topic that was forgotten does not use an offset again.
  #offset = 0

  constructor (announce: Announce) {
    this.#announce = announce
  }

  async put (topic: string, members: ReadonlyMap<string, string | undefined>): Promise<void> {
    const kept = this.#topics.get(topic) ?? { members: new Map<string, string>(), offset: ++this.#offset }
    const changed = new Map([...members].filter(([member, text]) => kept.members.get(member) !== text))
    for (const [member, text] of changed) {
      if (text === undefined) kept.members.delete(member)
      else kept.members.set(member, text)
    }
    if (kept.members.size === 0) this.#topics.delete(topic)
    else this.#topics.set(topic, kept)
    if (changed.size === 0) return
    const previous = kept.offset
    kept.offset = ++this.#offset
    this.#announce(topic, { epoch: this.#epoch, offset: kept.offset, previous, members: changed })
  }

  async all (topic: string): Promise<MembersPart> {
    const { members, offset } = this.#topics.get(topic) ?? { members: new Map<string, string>(), offset: ++this.#offset }
    const nodes = [...members.keys()].map((member) => member.slice(0, member.indexOf(':')))
    return { epoch: this.#epoch, offset, members: new Map(members), nodes: new Set(nodes) }
  }

  async lease (): Promise<readonly Lease[]> {
    return []
  }

  async keep (): Promise<ReadonlyMap<string, Position>> {
    return new Map()
  }
}
