import type { BinaryClient } from './binary.js'
import type { ClientOptions, ClientOptionsWith } from './client.js'
import type { AnyContract } from './contract.js'
import type { PresenceClient } from './presence.js'
import type { RecoveringClient } from './recovery.js'

/** The headers and query of an injected client's handshake, and every option of the client. */
export interface InjectOptions<C extends AnyContract = AnyContract> extends Omit<ClientOptions<C>, 'WebSocket' | 'binary'> {
  /** Default: an `origin` of the app's own. A header whose value is `undefined` is not sent. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** Parameters that are added to those of the path. */
  readonly query?: Readonly<Record<string, string | number | boolean | ReadonlyArray<string | number | boolean>>>
}

/** A client whose connection is open. */
export interface InjectedClient<C extends AnyContract = AnyContract> extends BinaryClient<C> {
  /** The headers of the 101, by lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** `app.injectClient`. */
export interface InjectClient {
  <const C extends AnyContract>(
    contract: C, path: string, options: ClientOptionsWith<C, 'recover' | 'presence', InjectOptions<C>>
  ): Promise<InjectedClient<C> & RecoveringClient<C> & PresenceClient<C>>
  <const C extends AnyContract>(
    contract: C, path: string, options: ClientOptionsWith<C, 'presence', InjectOptions<C>>
  ): Promise<InjectedClient<C> & PresenceClient<C>>
  <const C extends AnyContract>(
    contract: C, path: string, options: ClientOptionsWith<C, 'recover', InjectOptions<C>>
  ): Promise<InjectedClient<C> & RecoveringClient<C>>
  <const C extends AnyContract>(contract: C, path: string, options?: InjectOptions<C>): Promise<InjectedClient<C>>
}
