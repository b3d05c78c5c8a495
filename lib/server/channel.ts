import type { FastifyBaseLogger } from 'fastify'
import type { Stored } from '../../types/broker.js'
import type { AnyContract } from '../../types/contract.js'
import type { Channel, ChannelBroker, ChannelStats, ConnectedMember, InTopic, PublishOptions, Reached } from '../../types/channel.js'
import type { Socket } from '../../types/socket.js'
import type { OlderVersion } from '../../types/versions.js'
import { CloseCode } from '../protocol.js'
import { hasPresence, hasRecoverable } from '../schema/message.js'
import { closeFrameOf } from './connection/close-frame.js'
import type { Connection, ConnectionRegistry } from './connection/connection.js'
import type { OlderFrames } from './connection/older-output.js'
import { connectionOf } from './connection/socket.js'
import * as errors from './errors.js'
import type { Encoder } from './messages/encode.js'
import { logIgnored } from './failure.js'
import { attempt, ignorable } from './ignorable.js'
import { Observer } from './stats.js'
import type { Command, Outcome, Outcomes } from './topics/control.js'
import { checkTopic, Hub } from './topics/hub.js'
import type { NodeMember, TopicNode } from './topics/node.js'
import type { Gap } from './topics/node-subscriptions.js'
import { Presence, type PresenceSettings } from './topics/presence.js'
import { RecoverableTopics, type TopicSettings } from './topics/recoverable-topics.js'
import { expectPresence } from './topics/topic-kind.js'
import type { Frame } from './transport/frame.js'
import { giveWay } from './turn.js'

/** The settings of all topics of an app. */
export interface ChannelSettings extends TopicSettings {
  readonly presence: PresenceSettings
}

/**
 * A contract as seen from anywhere in the service: its topics and its connections, of all its
 * routes.
 */
export class ContractChannel implements Channel<AnyContract>, ConnectionRegistry, NodeMember {
  readonly contract: AnyContract
  readonly hub: Hub<Connection>
  readonly connections: Set<Connection> = new Set()
  /** Connections that are gone, for which something of the app's still runs. */
  readonly unsettled: Set<Connection> = new Set()
  readonly observer: Observer
  readonly #versions: Set<string>
  readonly #frames = new Map<OlderVersion, OlderFrames>()
  readonly #encoder: () => Encoder
  readonly #node: TopicNode
  readonly #recoverable: RecoverableTopics | undefined
  readonly #presence: Presence | undefined
  readonly #ignored: (error: unknown) => void

  /** @param encoder - called once the app's schemas are known. */
  constructor (contract: AnyContract, encoder: () => Encoder, node: TopicNode, settings: ChannelSettings, log: FastifyBaseLogger) {
    this.contract = contract
    this.#versions = new Set([contract.name])
    if (hasRecoverable(contract)) {
      node.expectHistory(contract)
      this.#recoverable = new RecoverableTopics(contract, node, settings, { missed: (gap) => this.observer.missed(gap) })
    }
    if (hasPresence(contract)) this.#presence = new Presence(contract, node, settings.presence)
    this.hub = new Hub(contract, node, this.#recoverable, this.#presence)
    this.#node = node
    this.observer = new Observer(contract)
    this.#encoder = encoder
    this.#ignored = (error) => logIgnored(log, error)
    node.add(contract.name, this)
  }

  /** The app gets ready. */
  async prepare (): Promise<void> {
    await this.#recoverable?.prepare()
  }

  get stats (): ChannelStats {
    const versions = Object.fromEntries(Array.from(this.#versions, (name) => [name, 0]))
    for (const { route } of this.connections) versions[route.version]!++
    return { ...this.observer.statsOf(this.connections, this.unsettled, this.hub.topics), versions }
  }

  framesOf (version: OlderVersion, frames: OlderFrames): OlderFrames {
    const known = this.#frames.get(version) ?? frames
    this.#frames.set(version, known)
    this.#versions.add(version.contract.name)
    return known
  }

  join (connection: Connection): void {
    this.connections.add(connection)
  }

  leave (connection: Connection): void {
    this.connections.delete(connection)
    this.unsettled.add(connection)
  }

  forget (connection: Connection): void {
    this.unsettled.delete(connection)
  }

  get broker (): ChannelBroker {
    return this.#node.status
  }

  publish (topic: string, type: string, payload: unknown, { id, except }: PublishOptions = {}): Promise<void> {
    return attempt(() => {
      checkTopic(topic)
      const sender = except === undefined ? undefined : exceptedBy(except)
      const sent = this.hub.publish(topic, { type, text: this.#encoder().event(type, payload) }, sender, id)
      return sent === undefined ? giveWay() : ignorable(sent, this.#ignored)
    }, this.#ignored)
  }

  position (topic: string): Promise<string> {
    return attempt(() => {
      checkTopic(topic)
      return ignorable(this.hub.position(topic), this.#ignored)
    }, this.#ignored)
  }

  members (topic: string): Promise<Array<ConnectedMember<never>>> {
    return attempt(() => {
      checkTopic(topic)
      expectPresence(this.contract, topic)
      return ignorable(this.#presence!.members(topic) as Promise<Array<ConnectedMember<never>>>, this.#ignored)
    }, this.#ignored)
  }

  size (topic?: string): number {
    return topic === undefined ? this.connections.size : this.hub.size(topic)
  }

  * sockets (topic?: string): IterableIterator<Socket> {
    for (const { socket } of topic === undefined ? this.connections : this.hub.members(topic)) yield socket
  }

  count (topic: string): Promise<Reached & { readonly connections: number }> {
    return this.#ask(topic, { do: 'count' }, ({ done, ...reached }) => ({ connections: done, ...reached }))
  }

  disconnect (where: (socket: Socket) => boolean, code?: number, reason?: string | Uint8Array): Promise<number>
  disconnect (where: InTopic, code?: number, reason?: string | Uint8Array): Promise<Reached & { readonly closed: number }>
  disconnect (
    where: InTopic | ((socket: Socket) => boolean),
    code: number = CloseCode.forbidden,
    reason: string | Uint8Array = ''
  ): Promise<unknown> {
    if (typeof where === 'function') {
      return attempt(() => close(this.#open.filter(({ socket }) => where(socket)), code, reason), this.#ignored)
    }
    const command = { do: 'disconnect', code, reason: String(typeof reason === 'string' ? reason : Buffer.from(reason)) } as const
    return this.#ask(where.topic, command, ({ done, ...reached }) => ({ closed: done, ...reached }), () => closeFrameOf(code, reason))
  }

  unsubscribe (where: InTopic, topic: string): Promise<Reached & { readonly unsubscribed: number }> {
    const tell = ({ done, ...reached }: Outcomes): Reached & { unsubscribed: number } => ({ unsubscribed: done, ...reached })
    return this.#ask(where.topic, { do: 'unsubscribe', topic }, tell, () => checkTopic(topic))
  }

  deliver (topic: string, frame: Frame): void {
    this.hub.deliver(topic, frame)
  }

  perform (topic: string, command: Command): Outcome {
    const members = this.hub.members(topic)
    return { done: this.#do(members, command), members: members.length }
  }

  publishFailed (topic: string, error: unknown): void {
    this.observer.publishFailed(topic, error)
  }

  // A recoverable topic repairs what was missed.
  missed (gap: Gap): void {
    if (this.#recoverable?.boundsOf(gap.topic) === undefined) this.observer.missed(gap)
  }

  heardStored (topic: string, stored: Stored): void {
    this.#recoverable?.heard(topic, stored)
  }

  resumed (topics?: readonly string[]): void {
    this.#recoverable?.resumed(topics)
  }

  close (): void {
    this.#recoverable?.close()
    this.#presence?.close()
  }

  /** The client of a connection has caught up. */
  drained (connection: Connection): void {
    this.#recoverable?.drained(connection.topics, connection.recipient)
    this.#presence?.drained(connection.topics, connection.recipient)
  }

  get #open (): readonly Connection[] {
    return [...this.connections].filter(isOpen)
  }

  #do (members: readonly Connection[], command: Command): number {
    switch (command.do) {
      case 'count': return members.length
      case 'disconnect': return close(members.filter(isOpen), command.code, command.reason)
      case 'unsubscribe': return leave(members, command.topic)
    }
  }

  #ask<T> (topic: string, command: Command, tell: (outcomes: Outcomes) => T, check: () => unknown = () => {}): Promise<T> {
    return attempt(() => {
      checkTopic(topic)
      check()
      return ignorable(this.#node.ask(this.contract.name, topic, command).then(tell), this.#ignored)
    }, this.#ignored)
  }
}

/** @throws FST_TYPED_WS_NOT_A_SOCKET */
function exceptedBy (socket: unknown): Connection {
  const connection = connectionOf(Object(socket) as object)
  if (connection === undefined) throw new errors.NotASocket()
  return connection as Connection
}

function isOpen ({ isOpen }: Connection): boolean {
  return isOpen
}

function close (connections: readonly Connection[], code: number, reason: string | Uint8Array): number {
  // A mistake is one also where there is no connection to close.
  closeFrameOf(code, reason)
  for (const connection of connections) connection.close(code, reason)
  return connections.length
}

function leave (connections: readonly Connection[], topic: string): number {
  const members = connections.filter(({ topics }) => topics.has(topic))
  for (const connection of members) connection.unsubscribe(topic)
  return members.length
}
