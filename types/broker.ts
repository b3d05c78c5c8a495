/**
 * Carries messages between the processes of a service, so that a topic has members on several
 * nodes. `redis(client)` of `fastify-typed-ws/redis` and `nats(connection)` of
 * `fastify-typed-ws/nats` are brokers; `memory()` is the default and reaches this process only.
 *
 * To write another one, keep these duties; `docs/brokers.md` explains them.
 *
 * A broker MUST
 * - return from `start` at once, connect by itself, and try again for ever, with pauses of
 *   different length on each node;
 * - resolve `subscribe` only when every message published from then on is heard; reject within 1 s
 *   when it cannot know that, and go on trying;
 * - keep the order of messages that one node publishes to one topic;
 * - settle `publish`, `ask`, `append`, `read` and the calls of `members` within 1 s;
 * - call `interrupted` when it cannot vouch for a subscription any more, and `resumed` when it can
 *   again;
 * - close within 1 s.
 *
 * A broker MUST NOT
 * - keep a message that it could not send, or send it again by itself;
 * - change the text of a message, or deliver it twice;
 * - throw, leave a rejection unhandled, or keep the process alive after `close`;
 * - close a connection that it was given.
 *
 * It MAY deliver a node's own messages to that node: each carries its node's name and is dropped
 * there.
 */
export interface Broker {
  /** The engine's name in log lines and in `channel.broker`. */
  readonly name: string
  /** `true`: it reaches no other process, so that nothing is handed to it. */
  readonly isLocal?: boolean
  /** Is called once, when the app is ready. */
  start (host: BrokerHost): void
  /** Hears a topic. Asked again for a topic that it hears already, it resolves at once. */
  subscribe (topic: string): Promise<void>
  /** Hears a topic no longer. */
  unsubscribe (topic: string): void
  /**
   * Hands one message to the engine, for each node that hears the topic.
   * @throws by rejecting: an error whose `code` is `'UNAVAILABLE'` when the engine does not have
   *   it; any other when that is not known.
   */
  publish (topic: string, message: string): Promise<void>
  /**
   * Hands one question to the engine: to each node that hears the topic, or to every node.
   * @returns how many nodes were given it, this one included where it is one of them.
   * @throws as `publish` does.
   */
  ask (topic: string, message: string): Promise<number>
  close (): Promise<void>
  /** Stores the messages of recoverable topics. Without it a contract may not declare any. */
  readonly history?: BrokerHistory
  /** Knows the members of topics. Without it a contract may not declare `presence`. */
  readonly members?: BrokerMembers
}

/**
 * The stored messages of recoverable topics. It MUST number, store and announce a message in one
 * step, and name the message before it; an offset is never used twice in an epoch. A history that
 * was lost begins with another epoch, or with a message whose `previous` no node has seen. A read
 * MUST tell the messages that were announced before it. It MAY announce a message late, twice or
 * out of order: the topic puts it right.
 */
export interface BrokerHistory {
  /**
   * Is called once for each kind of recoverable topics, when the app gets ready, which waits for
   * it. It MUST settle within 1 s.
   * @param kind - the beginning of its topics, up to the first `:`.
   * @throws by rejecting: an error whose `code` is `'UNAVAILABLE'` or `'TIMEOUT'` when the engine
   *   cannot be asked now; for any other the app does not start.
   */
  prepare? (kind: string, bounds: HistoryBounds): Promise<void>
  /**
   * Stores one message and announces it by `heardStored` to every node that hears the topic, this
   * one included.
   * @param id - makes it safe to ask again: a message with the `id` of a stored one is not stored.
   * @returns its position, or that of the stored one with the same `id`.
   * @throws by rejecting, as `publish` does.
   */
  append (topic: string, message: string, bounds: HistoryBounds, id?: string): Promise<Position>
  /**
   * Reads the newest messages.
   * @param since - the messages after this offset; all of them by default.
   * @param limit - the number of messages; 0 asks for the top alone.
   * @throws by rejecting.
   */
  read (topic: string, since: Position | undefined, limit: number, bounds: HistoryBounds): Promise<HistoryPart>
}

/** How much of a topic is stored. */
export interface HistoryBounds {
  readonly maxMessages: number
  readonly maxAgeMs: number
}

/** A place in a topic. Offsets grow, and do not count. */
export interface Position {
  /** Names a history. */
  readonly epoch: string
  /** A safe integer, greater than 0. */
  readonly offset: number
}

/** A message of a recoverable topic. */
export interface Stored extends Position {
  /** The offset of the message before it; of the first one, that of the empty history. */
  readonly previous: number
  readonly message: string
}

/** Messages in their order, and the position of the newest one, or of the empty history. */
export interface HistoryPart {
  readonly top: Position
  readonly messages: readonly Stored[]
}

/**
 * The members of topics that have presence: for each topic a map from members to texts. The name of
 * a member begins with that of its node and a colon, and its node alone puts it. A node has a lease
 * as long as it lives, by the engine's clock: others take out the members of a node without one.
 *
 * Each change has a position and names the one before it, as a stored message does. A map that was
 * lost begins with another epoch, or with a change whose `previous` no node has seen.
 */
export interface BrokerMembers {
  /**
   * Puts members, and takes those out that have `undefined`; in one step it announces, by
   * `heardMembers`, to every node that hears the topic, this one included, the members that this
   * has changed. A change of nothing is not announced. A node without a lease is given one first.
   * @throws by rejecting, as `publish` does.
   */
  put (topic: string, members: ReadonlyMap<string, string | undefined>, leaseMs: number): Promise<void>
  /**
   * Reads the members of a topic.
   * @throws by rejecting.
   */
  all (topic: string): Promise<MembersPart>
  /**
   * Renews the lease of this node for the topics in which it has members.
   * @returns the leases; the topics for which the engine did not answer are in none of them.
   */
  lease (topics: readonly string[], leaseMs: number): Promise<readonly Lease[]>
  /**
   * Keeps the maps of topics, which the engine forgets an hour after their last use.
   * @returns their positions; a topic that has no map, or whose engine did not answer, has none.
   */
  keep (topics: readonly string[]): Promise<ReadonlyMap<string, Position>>
}

/** A change of a topic's members: texts, and `undefined` for those who have left. */
export interface MembersChange extends Position {
  /** The offset of the change before it. */
  readonly previous: number
  readonly members: ReadonlyMap<string, string | undefined>
}

/** The members of a topic, and the nodes that have a lease. */
export interface MembersPart extends Position {
  readonly members: ReadonlyMap<string, string>
  readonly nodes: ReadonlySet<string>
}

/** The nodes that have a lease for some topics, by the engine. */
export interface Lease {
  readonly topics: readonly string[]
  readonly nodes: ReadonlySet<string>
  /** This node has renewed its lease before, and it has not ended since. */
  readonly wasGood: boolean
}

/** Is told by a broker; belongs to one app. None of its functions throws. */
export interface BrokerHost {
  /** Names this node; unique among all nodes. */
  readonly node: string
  /** A message of a topic has come. */
  heard (topic: string, message: string): void
  /** A message of a recoverable topic has come. */
  heardStored (topic: string, stored: Stored): void
  /** The members of a topic have changed. */
  heardMembers (topic: string, change: MembersChange): void
  /** From now on messages of these topics may be missed; of all, by default. */
  interrupted (topics?: Iterable<string>): void
  /** From now on messages of these topics are heard again; of all, by default. */
  resumed (topics?: Iterable<string>): void
  /** The engine has become reachable, or has gone for a `reason`. */
  changed (state: BrokerState, reason?: unknown): void
}

/** `'ready'`: the engine takes messages. `'away'`: it cannot be reached. */
export type BrokerState = 'ready' | 'away'
