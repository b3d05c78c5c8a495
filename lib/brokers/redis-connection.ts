/** One connection of our own, which is made again for ever. */
export interface RedisConnection {
  readonly isReady: boolean
  /**
   * Resolves to how many connections were given the message.
   * @throws BrokerError, by rejecting.
   */
  publish (channel: string, message: string): Promise<number>
  /** @throws by rejecting, within 1 s. */
  subscribe (channels: readonly string[]): Promise<unknown>
  unsubscribe (channels: readonly string[]): Promise<unknown>
  /** @throws BrokerError, by rejecting. */
  command (words: readonly string[]): Promise<unknown>
  close (): void
}

/** Is told of a connection. */
export interface RedisConnectionOwner {
  onReady (): void
  /** It may be called several times until `onReady`. */
  onAway (reason: unknown): void
  onMessage (channel: string, message: string): void
  /** A Redis of a Cluster has ended subscriptions, or refused them: their slots have moved. */
  onMoved (): void
}

/** Opens a connection that publishes, or one that hears. */
export type OpenRedis = (task: 'publish' | 'hear', owner: RedisConnectionOwner) => RedisConnection

export const COMMAND_TIMEOUT_MS = 1000
export const CONNECT_TIMEOUT_MS = 5000
const MAX_PAUSE_MS = 1000

/** Of different length on each node, so that nodes do not come back all at once. */
export function pauseMs (attempt: number): number {
  const longest = Math.min(MAX_PAUSE_MS, 50 * 2 ** Math.min(attempt, 10))
  return longest / 2 + Math.random() * longest / 2
}
