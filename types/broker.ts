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
 * - settle `publish`, `ask`, `append` and `read` within 1 s;
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

/** Is told by a broker; belongs to one app. None of its functions throws. */
export interface BrokerHost {
  /** Names this node; unique among all nodes. */
  readonly node: string
  /** A message of a topic has come. */
  heard (topic: string, message: string): void
  /** A message of a recoverable topic has come. */
  heardStored (topic: string, stored: Stored): void
  /** From now on messages of these topics may be missed; of all, by default. */
  interrupted (topics?: Iterable<string>): void
  /** From now on messages of these topics are heard again; of all, by default. */
  resumed (topics?: Iterable<string>): void
  /** The engine has become reachable, or has gone for a `reason`. */
  changed (state: BrokerState, reason?: unknown): void
}

/** `'ready'`: the engine takes messages. `'away'`: it cannot be reached. */
export type BrokerState = 'ready' | 'away'
