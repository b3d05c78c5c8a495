import type { ConnectedMember } from '../../../types/channel.js'
import type { AnyContract } from '../../../types/contract.js'
import type { MemberOptions } from '../../../types/socket.js'
import { Reserved } from '../../protocol.js'
import * as errors from '../errors.js'
import type { Encoder } from '../messages/encode.js'
import { MembersTeller, type MembersReader } from './members-teller.js'
import { memberName, MembersView, nodeOf, stamped } from './members-view.js'
import type { TopicNode } from './node.js'
import type { MembersSettings, NodeMembers } from './node-members.js'
import { PresenceTopic } from './presence-topic.js'
import { expectPresence, kindNameOf, kindOf } from './topic-kind.js'

/** The member that a connection is in a topic. */
export interface Member {
  readonly key: string
  /** As JSON. */
  readonly info: string
}

/** The settings of all topics of an app that have presence. */
export interface PresenceSettings extends MembersSettings {
  /** With more members than these, clients are told their number alone. */
  readonly maxMembers: number
}

/** A connection, as its topics need it: it is told of members if its client asked. */
export interface MemberRecipient extends MembersReader {
  readonly asksMembers: boolean
}

interface Entry {
  readonly view: MembersView
  readonly topic: PresenceTopic
  readonly teller: MembersTeller
  /** The members that are connected here. */
  readonly members: Map<MemberRecipient, { readonly name: string, readonly key: string }>
  /** Of those whose connection has ended a moment ago. */
  readonly leaving: Set<NodeJS.Timeout>
}

const MAX_KEY_BYTES = 255
// A lone surrogate has no bytes of its own in UTF-8.
const LONE_SURROGATE = /\p{Surrogate}/u

/** The topics of one contract that have presence, and members on this node. */
export class Presence {
  readonly #contract: AnyContract
  readonly #node: TopicNode
  readonly #members: NodeMembers
  readonly #settings: PresenceSettings
  readonly #entries = new Map<string, Entry>()
  #count = 0

  /** @throws FST_TYPED_WS_BROKER_LACKS */
  constructor (contract: AnyContract, node: TopicNode, settings: PresenceSettings) {
    this.#contract = contract
    this.#node = node
    this.#settings = settings
    this.#members = node.expectMembers(contract, settings)
  }

  /** A connection joins, or shows something else from now on. */
  join (name: string, recipient: MemberRecipient, { key, info }: Member): void {
    const entry = this.#find(name)
    const former = entry.members.get(recipient)
    const member = former?.key === key ? former : { name: memberName(this.#node.node, this.#count++, key), key }
    entry.members.set(recipient, member)
    entry.topic.put(member.name, stamped(info))
    if (former !== undefined && former !== member) entry.topic.put(former.name, undefined)
    entry.topic.open()
    if (recipient.asksMembers) entry.teller.add(recipient)
  }

  /** @param hasEnded - the connection is gone: its member leaves a moment later. */
  leave (name: string, recipient: MemberRecipient, hasEnded: boolean): void {
    const entry = this.#entries.get(name)
    const member = entry?.members.get(recipient)
    if (entry === undefined || member === undefined) return
    entry.members.delete(recipient)
    entry.teller.remove(recipient)
    if (entry.members.size === 0) {
      entry.topic.close()
      entry.teller.stop()
    }
    if (hasEnded) this.#leaveLater(entry, member.name)
    else entry.topic.put(member.name, undefined)
  }

  /** The client of a recipient has caught up. */
  drained (names: Iterable<string>, recipient: MemberRecipient): void {
    for (const name of names) this.#entries.get(name)?.teller.drained(recipient)
  }

  /**
   * The members of a topic on all nodes.
   * @throws as `TopicNode.members` does, by rejecting.
   */
  async members (name: string): Promise<ConnectedMember[]> {
    const entry = this.#entries.get(name)
    if (entry?.topic.isLive === true) return entry.view.list()
    const { members, nodes } = await this.#node.members(this.#contract.name, name)
    const view = new MembersView()
    for (const [member, text] of members) if (nodes.has(nodeOf(member))) view.set(member, text)
    return view.list()
  }

  close (): void {
    for (const { teller, leaving } of this.#entries.values()) {
      teller.stop()
      for (const timer of leaving) clearTimeout(timer)
    }
  }

  #find (name: string): Entry {
    const known = this.#entries.get(name)
    if (known !== undefined) return known
    const view = new MembersView((key) => teller.changed(key))
    const teller = new MembersTeller(this.#openingOf(name), view, this.#settings.maxMembers)
    const entry = { view, teller, topic: this.#topicOf(name, view, teller), members: new Map(), leaving: new Set<NodeJS.Timeout>() }
    this.#entries.set(name, entry)
    this.#members.add(this.#fullName(name), entry.topic)
    return entry
  }

  #topicOf (name: string, view: MembersView, teller: MembersTeller): PresenceTopic {
    const [node, { broker }, { leaseMs }] = [this.#node, this.#members, this.#settings]
    const fullName = this.#fullName(name)
    return new PresenceTopic({
      node: node.node,
      leaseMs,
      subscribe: () => node.join(this.#contract.name, name),
      put: (members) => broker.put(fullName, members, leaseMs),
      all: () => broker.all(fullName),
      onLive: () => teller.begin(),
      onSaid: () => this.#forgetDone(name)
    }, view)
  }

  #openingOf (name: string): string {
    const discriminator = JSON.stringify(this.#contract.discriminator)
    return `{${discriminator}:"${Reserved.members}","topic":${JSON.stringify(name)}`
  }

  // A page that reloads has not left.
  #leaveLater (entry: Entry, member: string): void {
    const timer = setTimeout(() => {
      entry.leaving.delete(timer)
      entry.topic.put(member, undefined)
    }, this.#settings.leaveDelayMs).unref()
    entry.leaving.add(timer)
  }

  #forgetDone (name: string): void {
    if (this.#entries.get(name)?.topic.isDone !== true) return
    this.#entries.delete(name)
    this.#members.remove(this.#fullName(name))
  }

  /** The name of a topic among those of all contracts. */
  #fullName (name: string): string {
    return `${this.#contract.name}/${name}`
  }
}

/** A connection, as the member that it becomes needs it. */
interface Source {
  readonly socket: { readonly id: string }
  readonly encoder: Encoder
}

/**
 * The member that a connection becomes in a topic; undefined where its kind has no presence.
 * @throws FST_TYPED_WS_TOPIC_WITHOUT_PRESENCE, FST_TYPED_WS_INVALID_MEMBER_KEY,
 * FST_TYPED_WS_OUTGOING_INVALID
 */
export function memberOf (contract: AnyContract, topic: string, { info, key }: Partial<MemberOptions>, source: Source): Member | undefined {
  if (kindOf(contract, topic)?.presence === undefined && info === undefined && key === undefined) return undefined
  expectPresence(contract, topic)
  if (key !== undefined) checkKey(key)
  return { key: key ?? source.socket.id, info: source.encoder.info(kindNameOf(topic), topic, info) }
}

function checkKey (key: unknown): void {
  if (typeof key !== 'string' || key === '' || Buffer.byteLength(key) > MAX_KEY_BYTES || LONE_SURROGATE.test(key)) {
    throw new errors.InvalidMemberKey()
  }
}
