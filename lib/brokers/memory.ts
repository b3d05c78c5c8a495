import type { Broker, BrokerHost } from '../../types/broker.js'

/**
 * The default: topics have members in this process only. It needs nothing, and is always ready.
 *
 * @example
 * await app.register(fastifyTypedWs, { broker: memory() })
 */
export function memory (): Broker {
  return new MemoryBroker()
}

class MemoryBroker implements Broker {
  readonly name = 'memory'
  readonly isLocal = true

  start (host: BrokerHost): void {
    host.changed('ready')
  }

  async subscribe (): Promise<void> {}
  unsubscribe (): void {}
  async publish (): Promise<void> {}

  async ask (): Promise<number> {
    return 0
  }

  async close (): Promise<void> {}
}
