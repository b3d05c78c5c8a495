import type { Lease, MembersChange, MembersPart, Position } from '../../../types/broker.js'
import { nodeOf, type MembersView } from './members-view.js'

/** One topic at the engine. */
export interface PresenceSource {
  /** The name of this node. */
  readonly node: string
  readonly leaseMs: number
  /** @returns whether changes are heard from now on. */
  subscribe (): true | Promise<boolean>
  /** Both throw by rejecting. */
  put (members: ReadonlyMap<string, string | undefined>): Promise<void>
  all (): Promise<MembersPart>
  /** The members of all nodes are known from now on. */
  onLive (): void
  /** The engine has what this node had to say. */
  onSaid (): void
}

const RETRY_MS = 500
/** A lease is renewed so often while it lasts. */
export const RENEWALS = 3

/**
 * The members of one topic, as this node sees them. Those of this node are what it says; those of
 * others come from the engine, all at first, and then by changes, each of which names the one
 * before it.
 */
export class PresenceTopic {
  readonly #source: PresenceSource
  readonly #view: MembersView
  readonly #own = new Map<string, string>()
  // Own members that the engine does not have, or perhaps not, as they are.
  readonly #unsaid = new Set<string>()
  #isSaying = false
  // Of the members of other nodes; it stays known while nothing is heard.
  #position: Position | undefined
  #isOver = false
  #isOpen = false
  #isLive = false
  #isReading = false
  // Changes that came while the engine was read.
  #waiting: MembersChange[] = []
  #isStale = false
  // Until then a map that began anew takes out nothing.
  #graceMs = 0
  #readTimer: NodeJS.Timeout | undefined
  #sayTimer: NodeJS.Timeout | undefined
  #graceTimer: NodeJS.Timeout | undefined
  // Leases in a row that were renewed in time.
  #renewals = 0
  #suspect: number | undefined

  constructor (source: PresenceSource, view: MembersView) {
    this.#source = source
    this.#view = view
  }

  /** The members of all nodes are known. */
  get isLive (): boolean {
    return this.#isLive
  }

  /** The engine has nothing to be told of. */
  get isDone (): boolean {
    return !this.#isOpen && this.#own.size === 0 && this.#unsaid.size === 0 && !this.#isSaying
  }

  /** The topic has a connection here: the other members are of interest. */
  open (): void {
    if (this.#isOpen) return
    this.#isOpen = true
    void this.#start()
  }

  /** The topic has no connection here any more. */
  close (): void {
    this.#isOpen = this.#isLive = false
    this.#waiting = []
    this.#renewals = 0
    for (const timer of [this.#readTimer, this.#graceTimer]) clearTimeout(timer)
  }

  /** @param text - of a member of this node; undefined: it has left. */
  put (member: string, text: string | undefined): void {
    if (text === undefined) this.#own.delete(member)
    else this.#own.set(member, text)
    this.#view.set(member, text)
    this.#correct(member)
  }

  heard (change: MembersChange): void {
    const position = this.#position
    if (!this.#isOpen) return
    if (this.#isReading || position === undefined) this.#waiting.push(change)
    else if (change.epoch === position.epoch && change.previous === position.offset) this.#apply(change)
    else if (change.epoch !== position.epoch || change.offset > position.offset) void this.#read()
  }

  /** The engine vouches for the topic again: changes may have been missed. */
  resumed (): void {
    this.#say()
    if (this.#isOpen) void this.#start()
  }

  /** The lease of this node was renewed: others without one are dead, if they had time to ask. */
  leased ({ nodes, wasGood }: Lease): void {
    if (!wasGood && this.#renewals > 0) {
      this.#renewals = 0
      this.resumed()
    }
    if (this.#renewals++ < RENEWALS || !this.#isLive) return
    const dead = this.#view.names.filter((member) => !nodes.has(nodeOf(member)) && !this.#isOwn(member))
    // The change that this makes is heard. One that fails is made at the next renewal.
    if (dead.length > 0) this.#source.put(new Map(dead.map((member) => [member, undefined]))).catch(() => {})
  }

  /** The lease could not be renewed: until it could for its whole time, no node is dead. */
  unleased (): void {
    this.#renewals = 0
  }

  /** The engine tells the position of the newest change: the last one may be lost. */
  compare (newest: Position | undefined): void {
    const position = this.#position
    if (!this.#isLive || this.#isReading || position === undefined) return
    const isLost = newest?.epoch !== position.epoch || newest.offset < position.offset
    // A change may be on its way.
    const isBehind = this.#suspect !== undefined && position.offset < this.#suspect
    if (isLost || isBehind) void this.#read()
    this.#suspect = isLost ? undefined : newest.offset
  }

  end (): void {
    this.#isOver = true
    this.close()
    clearTimeout(this.#sayTimer)
    this.#own.clear()
    this.#unsaid.clear()
  }

  async #start (): Promise<void> {
    if (await this.#source.subscribe()) await this.#read()
    else this.#readLater()
  }

  // One read at a time; a change that does not follow makes another one.
  async #read (): Promise<void> {
    this.#isStale = true
    if (this.#isReading) return
    this.#isReading = true
    while (this.#isStale && this.#isOpen) {
      this.#isStale = false
      const part = await this.#source.all().catch(() => undefined)
      if (part === undefined) this.#readLater()
      else if (this.#isOpen) this.#take(part)
    }
    this.#isReading = false
  }

  #take (part: MembersPart): void {
    const { epoch, offset, members } = part
    this.#noteAnew(part)
    this.#position = { epoch, offset }
    const isGrace = Date.now() < this.#graceMs
    for (const member of this.#view.names) if (!members.has(member) && !this.#isOwn(member) && !isGrace) this.#view.set(member, undefined)
    for (const [member, text] of members) this.#see(member, text)
    for (const member of this.#own.keys()) if (!members.has(member)) this.#correct(member)
    const waiting = this.#waiting
    this.#waiting = []
    for (const change of waiting) this.#follow(change)
    if (this.#isLive) return
    this.#isLive = true
    this.#source.onLive()
  }

  // The engine has lost the map, or has come back from an older snapshot: the nodes put their
  // members again, which takes them as long as a lease at most.
  #noteAnew ({ epoch, offset }: Position): void {
    if (this.#position === undefined || (epoch === this.#position.epoch && offset >= this.#position.offset)) return
    const { leaseMs } = this.#source
    this.#graceMs = Date.now() + leaseMs
    clearTimeout(this.#graceTimer)
    this.#graceTimer = setTimeout(() => this.#endGrace(), leaseMs).unref()
  }

  #endGrace (): void {
    this.#graceMs = 0
    void this.#read()
  }

  #follow (change: MembersChange): void {
    const { epoch, offset } = this.#position!
    if (change.epoch === epoch && change.offset <= offset) return
    if (change.epoch === epoch && change.previous === offset) this.#apply(change)
    else this.#isStale = true
  }

  #apply ({ epoch, offset, members }: MembersChange): void {
    this.#position = { epoch, offset }
    for (const [member, text] of members) this.#see(member, text)
  }

  // Of its own members a node knows better: it corrects the engine.
  #see (member: string, text: string | undefined): void {
    if (!this.#isOwn(member)) this.#view.set(member, text)
    else if (this.#own.get(member) !== text) this.#correct(member)
  }

  #isOwn (member: string): boolean {
    return nodeOf(member) === this.#source.node
  }

  #correct (member: string): void {
    this.#unsaid.add(member)
    this.#say()
  }

  #say (): void {
    if (!this.#isSaying && this.#unsaid.size > 0) void this.#sayAll()
  }

  // A member that changes while the engine is told goes with the next change.
  async #sayAll (): Promise<void> {
    this.#isSaying = true
    clearTimeout(this.#sayTimer)
    let isTaken = true
    while (isTaken && this.#unsaid.size > 0) {
      const members = new Map(Array.from(this.#unsaid, (member) => [member, this.#own.get(member)]))
      this.#unsaid.clear()
      isTaken = await this.#source.put(members).then(() => true, () => false)
      if (!isTaken) for (const member of members.keys()) this.#unsaid.add(member)
    }
    this.#isSaying = false
    if (this.#isOver) return
    if (isTaken) this.#source.onSaid()
    else this.#sayTimer = setTimeout(() => this.#say(), RETRY_MS).unref()
  }

  #readLater (): void {
    clearTimeout(this.#readTimer)
    if (this.#isOpen) this.#readTimer = setTimeout(() => void this.#start(), RETRY_MS).unref()
  }
}
