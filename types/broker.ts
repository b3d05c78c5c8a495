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
 * - settle `publish` and `ask` within 1 s;
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
}

/** Is told by a broker; belongs to one app. None of its functions throws. */
export interface BrokerHost {
  /** Names this node; unique among all nodes. */
  readonly node: string
  /** A message of a topic has come. */
  heard (topic: string, message: string): void
  /** From now on messages of these topics may be missed; of all, by default. */
  interrupted (topics?: Iterable<string>): void
  /** From now on messages of these topics are heard again; of all, by default. */
  resumed (topics?: Iterable<string>): void
  /** The engine has become reachable, or has gone for a `reason`. */
  changed (state: BrokerState, reason?: unknown): void
}

/** `'ready'`: the engine takes messages. `'away'`: it cannot be reached. */
export type BrokerState = 'ready' | 'away'
