import { randomBytes } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type {
  Broker, BrokerHistory, BrokerHost, BrokerState, HistoryBounds, HistoryPart, MembersChange, MembersPart, Position, Stored
} from '../../../types/broker.js'
import type { AnyContract } from '../../../types/contract.js'
import type { ChannelBroker } from '../../../types/channel.js'
import * as diagnostics from '../diagnostics.js'
import * as errors from '../errors.js'
import { causedBy, textOf } from '../failure.js'
import { frameOf, type Frame } from '../transport/frame.js'
import { Control, type Command, type Outcome, type Outcomes } from './control.js'
import { unwrap, wrap, type Envelope } from './envelope.js'
import { NodeMembers, type MembersSettings } from './node-members.js'
import { NodeSubscriptions, type Gap } from './node-subscriptions.js'

/** The topics of one contract on this node. */
export interface NodeMember {
  /** Delivers a frame of another node. */
  deliver (topic: string, frame: Frame): void
  perform (topic: string, command: Command): Outcome
  publishFailed (topic: string, error: unknown): void
  missed (gap: Gap): void
  /** Takes a message of a recoverable topic. */
  heardStored (topic: string, stored: Stored): void
  /** The engine vouches again for these topics; for all, by default. */
  resumed (topics?: readonly string[]): void
  close (): void
}

/** The publisher of a stored event, and the name of the event that makes a repetition safe. */
interface By {
  readonly sender: string
  readonly id: string | undefined
}

/** The effects of a failure, for its message: the engine refused, or has not answered. */
type Effects = readonly [refused: string, unknown: string]

const LOCAL: Effects = [
  'members on this node were reached, those on other nodes were not', 'members on this node were reached, those on other nodes perhaps'
]
const STORED: Effects = ['no member was reached', 'the event was stored perhaps; with the option id it is safe to publish it again']
const READ: Effects = ['it was not asked', 'nothing is known']
const NOTHING_DONE: Outcome = { done: 0, members: 0 }

/**
 * This process among those that share a broker. The topics of all contracts meet here, each as
 * `contract/topic`.
 */
export class TopicNode implements BrokerHost {
  readonly node: string = randomBytes(9).toString('base64url')
  readonly isLocal: boolean
  readonly #broker: Broker
  readonly #log: FastifyBaseLogger
  readonly #members = new Map<string, NodeMember>()
  readonly #subscriptions: NodeSubscriptions
  readonly #control: Control
  #presence: NodeMembers | undefined
  #state: BrokerState
  #since = new Date()
  // An engine that is away from the beginning is told of, too.
  #isKnown = false
  #ignored = 0

  constructor (broker: Broker, log: FastifyBaseLogger) {
    this.isLocal = broker.isLocal === true
    this.#state = this.isLocal ? 'ready' : 'away'
    this.#broker = broker
    this.#log = log
    this.#subscriptions = new NodeSubscriptions(broker)
    this.#control = new Control(this.node, broker, (topic, command) => this.#perform(topic, command))
  }

  get status (): ChannelBroker {
    return { name: this.#broker.name, state: this.#state, since: this.#since, ignored: this.#ignored }
  }

  start (): void {
    this.#broker.start(this)
  }

  async close (): Promise<void> {
    for (const member of this.#members.values()) member.close()
    this.#subscriptions.close()
    await this.#presence?.close()
    await this.#broker.close()
  }

  /** @throws FST_TYPED_WS_BROKER_LACKS */
  expectHistory ({ name }: AnyContract): void {
    if (this.#broker.history === undefined) throw new errors.BrokerLacks(this.#broker.name, name)
  }

  /**
   * The app gets ready, and has a kind of recoverable topics. An engine that is away does not stop
   * it.
   * @throws FST_TYPED_WS_BROKER_UNUSABLE, by rejecting.
   */
  async prepare (contract: string, kind: string, bounds: HistoryBounds): Promise<void> {
    try {
      await this.#history.prepare?.(`${contract}/${kind}`, bounds)
    } catch (error) {
      if (['UNAVAILABLE', 'TIMEOUT'].includes(codeOf(error) as string)) return
      throw causedBy(new errors.BrokerUnusable(this.#broker.name, `${contract}/${kind}`, textOf(error)), error)
    }
  }

  /** @throws FST_TYPED_WS_BROKER_LACKS */
  expectMembers ({ name }: AnyContract, settings: MembersSettings): NodeMembers {
    const { members } = this.#broker
    if (members === undefined) throw new errors.BrokerLacksMembers(this.#broker.name, name)
    this.#presence ??= new NodeMembers(members, settings, this.isLocal)
    return this.#presence
  }

  add (contract: string, member: NodeMember): void {
    this.#members.set(contract, member)
  }

  /** A topic has a member here; see `NodeSubscriptions.join`. */
  join (contract: string, topic: string): true | Promise<boolean> {
    return this.isLocal || this.#subscriptions.join(`${contract}/${topic}`)
  }

  /** A topic's last member has left. */
  leave (contract: string, topic: string): void {
    if (!this.isLocal) this.#subscriptions.leave(`${contract}/${topic}`)
  }

  /** A recoverable topic that had no member for a while. */
  drop (contract: string, topic: string): void {
    if (!this.isLocal) this.#subscriptions.drop(`${contract}/${topic}`)
  }

  /**
   * Hands a frame to the other nodes.
   * @throws FST_TYPED_WS_BROKER_UNAVAILABLE, FST_TYPED_WS_BROKER_TIMEOUT, by rejecting.
   */
  async publish (contract: string, topic: string, { type, text }: Frame): Promise<void> {
    try {
      await this.#broker.publish(`${contract}/${topic}`, wrap({ kind: 'event', node: this.node, name: type, text }))
    } catch (error) {
      throw this.#publishFailed(contract, topic, error, LOCAL)
    }
  }

  /**
   * Stores an event of a recoverable topic.
   * @throws as `publish` does.
   */
  async append (contract: string, topic: string, event: Pick<Frame, 'type' | 'text'>, bounds: HistoryBounds, by: By): Promise<void> {
    try {
      const message = wrap({ kind: 'stored', node: by.sender, name: event.type, text: event.text })
      await this.#history.append(`${contract}/${topic}`, message, bounds, by.id)
    } catch (error) {
      throw this.#publishFailed(contract, topic, error, STORED)
    }
  }

  /**
   * Reads the newest events of a recoverable topic.
   * @throws as `publish` does.
   */
  async read (contract: string, topic: string, bounds: HistoryBounds, limit: number, since?: Position): Promise<HistoryPart> {
    try {
      return await this.#history.read(`${contract}/${topic}`, since, limit, bounds)
    } catch (error) {
      throw this.#failureOf(error, READ)
    }
  }

  /**
   * Reads the members of a topic that has presence.
   * @throws as `publish` does.
   */
  async members (contract: string, topic: string): Promise<MembersPart> {
    try {
      return await this.#presence!.broker.all(`${contract}/${topic}`)
    } catch (error) {
      throw this.#failureOf(error, READ)
    }
  }

  /**
   * Does a command on every node that has members in the topic.
   * @throws as `publish` does; then it was done on this node alone.
   */
  async ask (contract: string, topic: string, command: Command): Promise<Outcomes> {
    try {
      return await this.#control.ask(`${contract}/${topic}`, command)
    } catch (error) {
      throw this.#failureOf(error, LOCAL)
    }
  }

  heardStored (name: string, stored: Stored): void {
    const [member, topic] = this.#find(name)
    member?.heardStored(topic, stored)
  }

  heardMembers (name: string, change: MembersChange): void {
    this.#presence?.heard(name, change)
  }

  heard (topic: string, message: string): void {
    const envelope = unwrap(message)
    // A newer version of a node speaks of more.
    if (envelope === undefined) this.#ignored++
    else this.#take(topic, envelope)
  }

  interrupted (topics?: Iterable<string>): void {
    this.#subscriptions.interrupted(topics)
  }

  resumed (topics?: Iterable<string>): void {
    for (const gap of this.#subscriptions.resumed(topics)) {
      const [member, topic] = this.#find(gap.topic)
      member?.missed({ ...gap, topic })
    }
    const names = topics && [...topics].map((name) => this.#find(name))
    for (const member of this.#members.values()) {
      member.resumed(names?.filter(([one]) => one === member).map(([, topic]) => topic))
    }
    this.#presence?.resumed(topics)
  }

  changed (state: BrokerState, reason?: unknown): void {
    if (this.#isKnown && state === this.#state) return
    if (state !== this.#state) this.#since = new Date()
    this.#isKnown = true
    this.#state = state
    const { name } = this.#broker
    if (diagnostics.broker.hasSubscribers) diagnostics.broker.publish({ name, state, reason })
    if (this.isLocal) return
    if (state === 'ready') this.#log.info({ broker: name }, 'websocket topics reach other nodes')
    else this.#log.warn({ broker: name, err: reason }, 'websocket topics reach this node only: the broker is away')
  }

  #take (topic: string, envelope: Envelope): void {
    switch (envelope.kind) {
      case 'event': return envelope.node === this.node ? undefined : this.#deliver(topic, frameOf(envelope.name, envelope.text))
      case 'question': return this.#control.asked(topic, envelope)
      case 'answer': return this.#control.answered(envelope)
      // A stored event comes by `heardStored`.
      case 'stored': this.#ignored++
    }
  }

  #deliver (name: string, frame: Frame): void {
    const [member, topic] = this.#find(name)
    member?.deliver(topic, frame)
  }

  #perform (name: string, command: Command): Outcome {
    const [member, topic] = this.#find(name)
    return member?.perform(topic, command) ?? NOTHING_DONE
  }

  #find (name: string): [member: NodeMember | undefined, topic: string] {
    const end = name.indexOf('/')
    return [this.#members.get(name.slice(0, end)), name.slice(end + 1)]
  }

  get #history (): BrokerHistory {
    return this.#broker.history!
  }

  #publishFailed (contract: string, topic: string, error: unknown, effects: Effects): Error {
    const failure = this.#failureOf(error, effects)
    this.#members.get(contract)?.publishFailed(topic, failure)
    return failure
  }

  #failureOf (error: unknown, [refused, unknown]: Effects): Error {
    const isRefused = codeOf(error) === 'UNAVAILABLE'
    const { name } = this.#broker
    return causedBy(isRefused ? new errors.BrokerUnavailable(name, refused) : new errors.BrokerTimeout(name, unknown), error)
  }
}

// A broker of the app's own may reject with any value.
function codeOf (error: unknown): unknown {
  return (error as { readonly code?: unknown } | undefined)?.code
}
