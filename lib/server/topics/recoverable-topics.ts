import type { HistoryBounds, Position, Stored } from '../../../types/broker.js'
import type { AnyContract } from '../../../types/contract.js'
import type { TopicNode } from './node.js'
import { RecoverableTopic } from './recoverable-topic.js'
import { kindOf } from './topic-kind.js'
import { TailBudget, type RecoverySettings } from './tail.js'
import { TopicMember, type Recipient } from './topic-member.js'

/** The settings of all recoverable topics of an app. */
export interface TopicSettings {
  /** The bounds of a kind that has none of its own. */
  readonly history: HistoryBounds
  readonly recovery: RecoverySettings
}

/** Is told of messages that are lost for the members of a topic. */
export interface RecoverableTopicsOwner {
  missed (gap: { readonly topic: string, readonly from: Date, readonly to: Date }): void
}

interface Entry {
  readonly topic: RecoverableTopic
  readonly members: Map<object, TopicMember>
  releaseTimer: NodeJS.Timeout | undefined
}

// A page that reloads finds its topic, and what it missed meanwhile.
const RELEASE_AFTER_MS = 10_000
// A topic that has become quiet is asked for at the second look: within 28 s.
const QUIET_MS = 14_000

/** The recoverable topics of one contract that have members on this node, or had some just now. */
export class RecoverableTopics {
  readonly #contract: AnyContract
  readonly #node: TopicNode
  readonly #owner: RecoverableTopicsOwner
  readonly #settings: TopicSettings
  readonly #budget = new TailBudget()
  readonly #entries = new Map<string, Entry>()
  #quiet: NodeJS.Timeout | undefined

  constructor (contract: AnyContract, node: TopicNode, settings: TopicSettings, owner: RecoverableTopicsOwner) {
    this.#contract = contract
    this.#node = node
    this.#settings = settings
    this.#owner = owner
  }

  /** The bounds of a topic's history; undefined for a plain topic. */
  boundsOf (topic: string): HistoryBounds | undefined {
    const recover = kindOf(this.#contract, topic)?.recover
    if (recover === undefined) return undefined
    return recover === true ? this.#settings.history : { ...this.#settings.history, ...recover }
  }

  /** @throws as `TopicNode.prepare` does. */
  async prepare (): Promise<void> {
    const { name, topics } = this.#contract
    const kinds = Object.keys(topics).flatMap((kind) => {
      const bounds = this.boundsOf(kind)
      return bounds === undefined ? [] : [this.#node.prepare(name, kind, bounds)]
    })
    await Promise.all(kinds)
  }

  /** @returns as `RecoverableTopic.live` does. */
  join (name: string, recipient: Recipient, isRecovering: boolean): true | Promise<boolean> {
    const entry = this.#find(name)
    clearTimeout(entry.releaseTimer)
    entry.releaseTimer = undefined
    if (entry.members.has(recipient)) return entry.topic.live()
    const member = new TopicMember(name, entry.topic, recipient, this.#settings.recovery)
    entry.members.set(recipient, member)
    return member.join(isRecovering)
  }

  leave (name: string, recipient: Recipient): void {
    const entry = this.#entries.get(name)
    entry?.members.get(recipient)?.leave()
    if (entry?.members.delete(recipient) !== true || entry.members.size > 0) return
    entry.releaseTimer = setTimeout(() => this.#drop(name), RELEASE_AFTER_MS).unref()
  }

  /** The client of a recipient has caught up. */
  drained (names: Iterable<string>, recipient: Recipient): void {
    for (const name of names) this.#entries.get(name)?.members.get(recipient)?.onDrain()
  }

  heard (name: string, stored: Stored): void {
    this.#entries.get(name)?.topic.heard(stored)
  }

  /** The engine vouches again for these topics; for all, by default. */
  resumed (names: Iterable<string> = this.#entries.keys()): void {
    for (const name of names) this.#entries.get(name)?.topic.resumed()
  }

  /** The position of the newest event. */
  async position (name: string): Promise<Position> {
    return (await this.#node.read(this.#contract.name, name, this.boundsOf(name)!, 0)).top
  }

  close (): void {
    clearInterval(this.#quiet)
    for (const { topic, releaseTimer } of this.#entries.values()) {
      clearTimeout(releaseTimer)
      topic.end()
    }
  }

  #find (name: string): Entry {
    const known = this.#entries.get(name)
    if (known !== undefined) return known
    const [contract, node, bounds] = [this.#contract.name, this.#node, this.boundsOf(name)!]
    const source = {
      subscribe: () => node.join(contract, name),
      read: (limit: number, since?: Position) => node.read(contract, name, bounds, limit, since),
      missed: (from: Date, to: Date) => this.#owner.missed({ topic: name, from, to })
    }
    const entry: Entry = {
      topic: new RecoverableTopic(name, source, this.#settings.recovery, this.#budget),
      members: new Map(),
      releaseTimer: undefined
    }
    this.#entries.set(name, entry)
    if (!node.isLocal) this.#quiet ??= setInterval(() => void this.#checkQuiet(), QUIET_MS).unref()
    return entry
  }

  #drop (name: string): void {
    this.#entries.get(name)?.topic.end()
    this.#entries.delete(name)
    this.#node.drop(this.#contract.name, name)
  }

  // A last message that was lost has no successor to betray it. An engine that does not answer is
  // asked for the others later.
  async #checkQuiet (): Promise<void> {
    for (const { topic } of this.#entries.values()) if (!await topic.checkQuiet()) return
  }
}
