import type { Client, ClientPart, Off } from './client.js'
import type { AnyContract } from './contract.js'

/** Made by `recovery()`, for clients that recover. */
export type Recovery = ClientPart<'recover'>

/** A topic after a new connection. */
export type Recovered =
  /** The events that were missed, `missed` of them, follow. */
  | { readonly topic: string, readonly recovered: true, readonly missed: number }
  /** Events are missing: what the page shows of the topic must be loaded anew. */
  | {
    readonly topic: string
    readonly recovered: false
    readonly reason: 'expired' | 'lost' | 'limit' | 'slow' | 'unavailable'
  }

/** Settings of `recovery`. */
export interface RecoveryOptions {
  /**
   * Positions that the page was rendered with, by topic, as `channel.position` gives them: nothing
   * is missed between the page and its connection.
   */
  readonly positions?: Readonly<Record<string, string>>
}

/** A client with the option `recover`. */
export interface RecoveringClient<C extends AnyContract = AnyContract> extends Client<C> {
  /**
   * Listens to the outcome for each topic, after a new connection and in front of the events that
   * were missed; also when events were lost on the way to a live connection. It is not called for a
   * first subscription.
   *
   * @example
   * client.onRecovered(({ topic, recovered }) => { if (!recovered) reload(topic) })
   */
  onRecovered (listener: (outcome: Recovered) => void): Off
}
