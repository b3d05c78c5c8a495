import type { BrokerMembers, Lease, MembersChange } from '../../../types/broker.js'
import { RENEWALS, type PresenceTopic } from './presence-topic.js'

/** How long members stay that have gone, or whose node has. */
export interface MembersSettings {
  readonly leaveDelayMs: number
  readonly leaseMs: number
}

// Topics that are looked after with each renewal.
const MAX_KEPT = 256

/** The topics of all contracts that have presence and members on this node, and its lease. */
export class NodeMembers {
  readonly broker: BrokerMembers
  readonly settings: MembersSettings
  readonly #topics = new Map<string, PresenceTopic>()
  readonly #isLocal: boolean
  #timer: NodeJS.Timeout | undefined
  // Topics that were not kept yet in this round.
  #round: string[] = []

  constructor (broker: BrokerMembers, settings: MembersSettings, isLocal: boolean) {
    this.broker = broker
    this.settings = settings
    this.#isLocal = isLocal
  }

  add (name: string, topic: PresenceTopic): void {
    this.#topics.set(name, topic)
    if (!this.#isLocal && this.#timer === undefined) this.#renewLater()
  }

  remove (name: string): void {
    this.#topics.delete(name)
  }

  heard (name: string, change: MembersChange): void {
    this.#topics.get(name)?.heard(change)
  }

  /** The engine vouches again for these topics; for all, by default. */
  resumed (names: Iterable<string> = this.#topics.keys()): void {
    for (const name of names) this.#topics.get(name)?.resumed()
  }

  /**
   * Takes no member out: who comes back to another node has never left. The lease ends as early as
   * that of a connection that has ended.
   */
  async close (): Promise<void> {
    clearTimeout(this.#timer)
    const names = [...this.#topics.keys()]
    for (const topic of this.#topics.values()) topic.end()
    this.#topics.clear()
    if (names.length > 0 && !this.#isLocal) await this.#lease(names, Math.max(1, this.settings.leaveDelayMs))
  }

  #renewLater (): void {
    this.#timer = setTimeout(() => void this.#renew(), this.settings.leaseMs / RENEWALS).unref()
  }

  async #renew (): Promise<void> {
    const names = [...this.#topics.keys()]
    const leases = new Map((await this.#lease(names, this.settings.leaseMs)).flatMap((lease) => lease.topics.map((name) => [name, lease])))
    for (const name of names) {
      const lease = leases.get(name)
      if (lease === undefined) this.#topics.get(name)?.unleased()
      else this.#topics.get(name)?.leased(lease)
    }
    await this.#keep()
    this.#timer = undefined
    if (this.#topics.size > 0) this.#renewLater()
  }

  // The engine is asked for some topics each time, for all of them in the end.
  async #keep (): Promise<void> {
    if (this.#round.length === 0) this.#round = [...this.#topics.keys()]
    const names = this.#round.splice(-MAX_KEPT)
    try {
      const positions = await this.broker.keep(names)
      for (const name of names) this.#topics.get(name)?.compare(positions.get(name))
    } catch {
      // The engine is away, of which others tell.
    }
  }

  async #lease (names: readonly string[], leaseMs: number): Promise<readonly Lease[]> {
    return this.broker.lease(names, leaseMs).catch(() => [])
  }
}
