import type { Broker, BrokerHost } from '../../types/broker.js'
import { MemoryHistory } from './memory-history.js'
import { MemoryMembers } from './memory-members.js'

/**
 * The default: topics have members in this process only. It needs nothing, and is always ready.
 * Recoverable topics are kept in memory: clients recover from lost connections, and not from a
 * restart of the process.
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
  readonly history = new MemoryHistory((topic, stored) => this.#host?.heardStored(topic, stored))
  readonly members = new MemoryMembers((topic, change) => this.#host?.heardMembers(topic, change))
  #host: BrokerHost | undefined

  start (host: BrokerHost): void {
    this.#host = host
    host.changed('ready')
  }

  async subscribe (): Promise<void> {}
  unsubscribe (): void {}
  async publish (): Promise<void> {}

  async ask (): Promise<number> {
    return 0
  }

  async close (): Promise<void> {
    this.history.close()
  }
}
