import type { BrokerState } from './broker.js'
import type { AnyContract, EventNames, InfoIn, Payload, TopicMember } from './contract.js'
import type { Socket } from './socket.js'

/** How an event is published. */
export interface PublishOptions {
  /**
   * Of a recoverable topic: names the event, so that it is safe to publish it again after an error.
   * An event with the same `id` is stored once, as long as the topic's history has it.
   */
  readonly id?: string
  /**
   * A connection of this process that does not get the event, as `socket.publish` leaves out its
   * own: in a recoverable topic it does not get it after it has reconnected either.
   */
  readonly except?: Socket | undefined
}

/** The numbers of a contract's connections: at this moment, and since the process began. */
export interface ChannelStats {
  /** Live connections. */
  readonly connections: number
  /** Live connections by the version of the contract that they speak. */
  readonly versions: Readonly<Record<string, number>>
  /** Messages that wait for their handler, also for connections that have ended. */
  readonly queued: number
  /** Messages whose handler runs, also for connections that have ended. */
  readonly running: number
  /** Streams whose generator has not ended; it may be cancelled, or its connection gone. */
  readonly streams: number
  /** Calls of the server that wait for their answer. */
  readonly pendingCalls: number
  /** Topics with a member. */
  readonly topics: number
  /** Bytes that wait to be handed to the operating system. */
  readonly bufferedBytes: number
  /** Connections that have opened. */
  readonly opened: number
  readonly messagesReceived: number
  readonly messagesSent: number
  /** Of the TCP stream, frame headers included. */
  readonly bytesReceived: number
  readonly bytesSent: number
  /** How often more than `highWaterMarkBytes` waited for a client. */
  readonly slowed: number
  /** Events left out because their client was slow. */
  readonly dropped: number
  /**
   * Events that did not reach the other nodes, or perhaps not, because the broker's engine was away
   * or did not answer.
   */
  readonly publishFailed: number
  /**
   * How often a topic with members here was not heard for a while; of recoverable topics, how often
   * the missing events could not be had.
   */
  readonly gaps: number
  /** How often a client returned to a recoverable topic and was given what it missed. */
  readonly recovered: number
  /** How often a client was told that events of a recoverable topic are missing. */
  readonly unrecovered: number
  /** `$error`s sent, by their code; the application's own errors without a code by their status. */
  readonly errors: Readonly<Record<string, number>>
  /** Handshakes that got no 101, by the status they got. */
  readonly handshakesRefused: Readonly<Record<number, number>>
}

/** The broker that carries topics between nodes. */
export interface ChannelBroker {
  /** `'memory'`, `'redis'`, `'nats'`. */
  readonly name: string
  /** `'away'`: topics reach this node only. */
  readonly state: BrokerState
  /** When this state began. */
  readonly since: Date
  /**
   * Messages of nodes that speak a version of the protocol between nodes that this one does not
   * know.
   */
  readonly ignored: number
}

/** How far a command came. */
export interface Reached {
  /** Nodes that have members in the topic and have answered, this one included. */
  readonly nodes: number
  /** Nodes that have not answered within 1 s: nobody knows whether they did it. */
  readonly silent: number
}

/** The members of a topic, on every node. */
export interface InTopic {
  readonly topic: string
}

/** A member of a topic, with the number of its connections. */
export interface ConnectedMember<Info = unknown> extends TopicMember<Info> {
  readonly connections: number
}

/** A contract seen from anywhere in the service. */
export interface Channel<C extends AnyContract = AnyContract> {
  readonly contract: C
  /**
   * Sends one event to every member of a topic, on every node. It resolves when members here have
   * it and the broker's engine has it; in a recoverable topic, when it is stored.
   * @throws by rejecting: as `Socket.send` does; `FST_TYPED_WS_BROKER_UNAVAILABLE` when members
   *   here have it and no other node will; `FST_TYPED_WS_BROKER_TIMEOUT`, within 1 s, when members
   *   here have it and other nodes perhaps. In a recoverable topic the first means that nobody has
   *   it, and the second that it was stored perhaps. `FST_TYPED_WS_TOPIC_NOT_RECOVERABLE` for an
   *   `id` in a plain topic.
   *
   * @example
   * await app.channel(shop).publish(`user:${id}`, 'paid', { order }, { id: `paid ${order}` })
   */
  publish<K extends EventNames<C['serverToClient']>> (
    topic: string, type: K, payload: Payload<C['serverToClient'][K]>, options?: PublishOptions
  ): Promise<void>
  /**
   * The position of a recoverable topic now, for a page or an answer over HTTP: read it before the
   * data. A client that is given it, `recovery({ positions })`, misses nothing in between.
   * @throws by rejecting: `FST_TYPED_WS_INVALID_TOPIC_NAME`, `FST_TYPED_WS_TOPIC_NOT_RECOVERABLE`,
   *   `FST_TYPED_WS_BROKER_UNAVAILABLE`, `FST_TYPED_WS_BROKER_TIMEOUT`.
   */
  position (topic: string): Promise<string>
  /** The numbers of its connections in this process, at this moment. */
  readonly stats: ChannelStats
  /** The broker, and the state of its engine now. */
  readonly broker: ChannelBroker
  /**
   * Counts the members of a topic on all nodes.
   * @throws by rejecting: `FST_TYPED_WS_INVALID_TOPIC_NAME`, and as `publish` does for a broker
   *   that fails.
   *
   * @example
   * const { connections, silent } = await app.channel(chat).count('room:42')
   */
  count (topic: string): Promise<Reached & { readonly connections: number }>
  /**
   * The members of a topic that has presence, on all nodes: as this node sees them where it has a
   * member itself, also while the broker is away; else as the broker knows them.
   * @throws by rejecting: `FST_TYPED_WS_INVALID_TOPIC_NAME`, `FST_TYPED_WS_TOPIC_WITHOUT_PRESENCE`,
   *   `FST_TYPED_WS_BROKER_UNAVAILABLE`, `FST_TYPED_WS_BROKER_TIMEOUT`.
   *
   * @example
   * const people = await app.channel(chat).members('room:42')   // [{ key, info, connections }]
   */
  members<const Topic extends string> (topic: Topic): Promise<Array<ConnectedMember<InfoIn<C, Topic>>>>
  /** The number of members of a topic in this process, or of connections of the contract. */
  size (topic?: string): number
  /** The connections of the contract in this process, or the members of a topic among them. */
  sockets (topic?: string): IterableIterator<Socket<C>>
  /**
   * Closes the connections for which `where` is true; `where` runs in the context of the caller.
   * @param code - default 4503: final, a well-behaved client does not come back. As for
   * `Socket.close`.
   * @returns the number of connections that were closed.
   * @throws by rejecting: `FST_TYPED_WS_INVALID_CLOSE`, before anything is closed.
   */
  disconnect (where: (socket: Socket<C>) => boolean, code?: number, reason?: string | Uint8Array): Promise<number>
  /**
   * Closes the members of a topic, on every node: with a topic for each user, all connections of
   * one user.
   * @param code - default 4503: final, a well-behaved client does not come back. As for
   *   `Socket.close`.
   * @throws by rejecting: `FST_TYPED_WS_INVALID_CLOSE`, before anything is closed; as `publish`
   *   does for a broker that fails, after the members here were closed.
   *
   * @example
   * const { closed, silent } = await app.channel(chat).disconnect({ topic: `user:${id}` }, 4503,
   * 'banned')
   */
  disconnect (where: InTopic, code?: number, reason?: string | Uint8Array): Promise<Reached & { readonly closed: number }>
  /**
   * Takes the members of one topic out of another, on every node.
   * @throws by rejecting: `FST_TYPED_WS_INVALID_TOPIC_NAME`, and as `publish` does for a broker
   *   that fails.
   *
   * @example
   * await app.channel(chat).unsubscribe({ topic: `user:${id}` }, 'room:42')
   */
  unsubscribe (where: InTopic, topic: string): Promise<Reached & { readonly unsubscribed: number }>
}
