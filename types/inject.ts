import type { Client, ClientOptions } from './client.js'
import type { AnyContract } from './contract.js'

/** What the handshake of an injected client carries, and every option of the client's. */
export interface InjectOptions<C extends AnyContract = AnyContract> extends Omit<ClientOptions<C>, 'WebSocket'> {
  /** Default: an `origin` of the app's own. One that is `undefined` is not sent. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** Added to the path's. */
  readonly query?: Readonly<Record<string, string | number | boolean | ReadonlyArray<string | number | boolean>>>
}

/** A client that is in. */
export interface InjectedClient<C extends AnyContract = AnyContract> extends Client<C> {
  /** Of the 101, by lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}
