import type { AnyContract, CallNames, EventNames, Item, Payload, Reply, StreamNames } from './contract.js'

/**
 * `connecting`: an attempt is under way. `open`: messages go out. `waiting`: the next attempt comes
 * in `retryInMs`. `closed`: for good.
 */
export type ClientState = 'connecting' | 'open' | 'waiting' | 'closed'

/** What `onState` hears. */
export interface StateChange {
  readonly state: ClientState
  /** How many attempts have failed since the last connection that held. */
  readonly attempt: number
  /** `waiting`: when the next attempt comes. */
  readonly retryInMs?: number
  /**
   * `waiting`, `closed`: why the last connection ended, as in RFC 6455 §7.4; 1006 where nobody
   * said.
   */
  readonly code?: number
  readonly reason?: string
}

/**
 * What a binary message may be given as: what the browser's own `send` takes. A string travels as
 * its UTF-8 bytes.
 */
export type Binary = string | ArrayBufferLike | ArrayBufferView | BlobLike

/** As much of a Blob as its type needs where there is no DOM. */
export interface BlobLike {
  readonly size: number
  readonly type: string
  arrayBuffer (): Promise<ArrayBuffer>
}

/**
 * As much of the WebSocket API as the client uses; the browser's, Node's and that of `ws` have it.
 */
export interface WebSocketLike {
  readonly readyState: number
  readonly protocol: string
  binaryType: string
  readonly bufferedAmount?: number
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send (data: never): void
  close (code?: number, reason?: string): void
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike

/**
 * Checks what was received: returns what is wrong with it, or nothing. Made by
 * `fastify-typed-ws/validate`.
 */
export type Validate = (kind: 'event' | 'call' | 'reply' | 'item', type: string, data: unknown) => string | undefined

/** A value, or what gives a fresh one before each attempt. */
export type Fresh<T> = T | (() => T | Promise<T>)

export interface ClientOptions<C extends AnyContract = AnyContract> {
  /** The contract's name, offered as subprotocol. Default: none is offered. */
  readonly protocol?: C['name']
  /**
   * Credentials, for example a function that fetches a fresh token before each attempt. Offered as
   * the subprotocol `bearer.<token>` beside `protocol`, so that no log of a URL has it.
   */
  readonly token?: Fresh<string>
  /** The contract's `discriminator`. Default `'type'`. */
  readonly discriminator?: string
  /** Default: the global one. On Node 20: that of `ws`. */
  readonly WebSocket?: WebSocketConstructor
  /**
   * Full jitter: each wait is a random time between `minDelayMs` and a limit that doubles, up to
   * `maxDelayMs`. Default `{ minDelayMs: 500, maxDelayMs: 20_000 }`.
   */
  readonly retry?: { readonly minDelayMs?: number, readonly maxDelayMs?: number }
  /**
   * A connection on which nothing arrived for `intervalMs` is asked for a sign of life, and given
   * up after another `timeoutMs`. Default `{ intervalMs: 10_000, timeoutMs: 5_000 }`.
   */
  readonly heartbeat?: { readonly intervalMs?: number, readonly timeoutMs?: number } | false
  /** How long an attempt may take to open, what `url` and `token` take included. Default 15 000. */
  readonly openTimeoutMs?: number
  /** How long an answer may take, unless the call says. Default 10 000. */
  readonly callTimeoutMs?: number
  /** How many messages may wait for a connection. Default 100. */
  readonly maxQueuedMessages?: number
  /**
   * What happens when one more is to wait: `send` throws, or the oldest is dropped. Default
   * `'throw'`.
   */
  readonly overflow?: 'throw' | 'drop'
  /** How many items of a stream may wait for a loop that is slow. Default 10 000. */
  readonly maxBufferedItems?: number
  /** Default: what is received is taken as it is. */
  readonly validate?: Validate
}

export interface CallSettings {
  /** Aborting it ends the wait and tells the server so. */
  readonly signal?: AbortSignal
  /** Default: the option `callTimeoutMs`. */
  readonly timeoutMs?: number
}

export interface StreamSettings {
  readonly signal?: AbortSignal
}

/** Stops listening. */
export type Off = () => void

/** An error of the client's own, or an `$error` of the server's. */
export interface ClientErrorLike extends Error {
  /** See docs/errors.md; of an `$error`, the code the server gave. */
  readonly code: string
  /** Of an `$error`: as in HTTP. */
  readonly statusCode?: number
  /** Of an `$error`: the type of the message that was refused. */
  readonly received?: string
  /** When the connection ended: why. */
  readonly closeCode?: number
  readonly reason?: string
}

/** One conversation with the server, over as many connections as it takes. */
export interface Client<C extends AnyContract = AnyContract> {
  readonly state: ClientState
  /** The negotiated subprotocol: the contract's name, or `''`. */
  readonly protocol: string
  /**
   * Resolves when the client is open; rejects with `FST_TYPED_WS_CLIENT_CLOSED` when it is closed
   * for good before.
   */
  readonly opened: Promise<void>
  /**
   * Bytes that the WebSocket has taken and not yet given to the network, as in the WebSocket API; 0
   * while there is no connection.
   */
  readonly bufferedAmount: number

  /**
   * Sends an event: now, or as soon as there is a connection, in order and once.
   * @returns whether it went out now.
   * @throws `FST_TYPED_WS_QUEUE_FULL` when too many wait already; `FST_TYPED_WS_CLIENT_CLOSED`.
   */
  send<K extends EventNames<C['clientToServer']>> (type: K, payload: Payload<C['clientToServer'][K]>): boolean

  /** Sends a binary message, as `send` does. */
  sendBinary (data: C['binary']['clientToServer'] extends true ? Binary : never): boolean

  /**
   * Asks and waits for the answer. A call that was sent is never sent again.
   * @throws by rejecting: the server's `$error`; `FST_TYPED_WS_CALL_TIMEOUT`;
   * `FST_TYPED_WS_DISCONNECTED` when the connection was lost before the answer came;
   * `FST_TYPED_WS_INVALID_MESSAGE` when `validate` refuses the answer; the signal's reason; and as
   * `send` does.
   *
   * @example
   * const old = await client.call('history', { before: Date.now() })
   */
  call<K extends CallNames<C['clientToServer']>> (type: K, payload: Payload<C['clientToServer'][K]>, settings?: CallSettings): Promise<Reply<C['clientToServer'][K]>>

  /**
   * Asks for a stream, once the loop begins. Leaving the loop cancels it on the server.
   * @throws in the loop, as `call` does; `FST_TYPED_WS_STREAM_OVERFLOW` when more than
   * `maxBufferedItems` wait for it.
   *
   * @example
   * for await (const n of client.stream('ticks', { everyMs: 100 })) if (n > 10) break
   */
  stream<K extends StreamNames<C['clientToServer']>> (type: K, payload: Payload<C['clientToServer'][K]>, settings?: StreamSettings): AsyncIterableIterator<Item<C['clientToServer'][K]>>

  /** Listens to an event. */
  on<K extends EventNames<C['serverToClient']>> (type: K, listener: (payload: Payload<C['serverToClient'][K]>) => void): Off

  /**
   * Answers a call of the server's; the signal is aborted when nobody waits for the answer any
   * more. One handler each: a later one takes the place of the former.
   */
  handle<K extends CallNames<C['serverToClient']>> (
    type: K,
    handler: (payload: Payload<C['serverToClient'][K]>, settings: { readonly signal: AbortSignal }) => Reply<C['serverToClient'][K]> | Promise<Reply<C['serverToClient'][K]>>
  ): Off

  /** Listens to binary messages. */
  onBinary (listener: (data: C['binary']['serverToClient'] extends true ? ArrayBuffer : never) => void): Off

  /** Hears of every change of `state`. */
  onState (listener: (change: StateChange) => void): Off

  /**
   * Runs whenever a connection has come back: what it sends at once goes out in front of everything
   * that waited.
   */
  onReopen (listener: () => void): Off

  /**
   * Hears what the server refused and no call waits for, what could not be understood, why `url`,
   * `token` or the WebSocket failed, that a message was too large for the server (close code 1009),
   * and after three attempts in a row that never opened what to check (`FST_TYPED_WS_UNREACHABLE`).
   * Without a listener it goes to the console.
   */
  onError (listener: (error: ClientErrorLike | Error) => void): Off

  /**
   * Makes the next attempt now, for a person who presses a button. Does nothing unless it is
   * `waiting`.
   */
  retry (): void

  /**
   * Ends it for good. What is sent already still goes out; what waits does not. Default code: 1000.
   */
  close (code?: number, reason?: string): void
}
