import type { AnyContract, CallNames, CloseCodeOf, EventNames, Item, Payload, Reply, StreamNames } from './contract.js'

/**
 * `connecting`: an attempt is under way. `open`: messages go out. `waiting`: the next attempt comes
 * in `retryInMs`. `closed`: for good.
 */
export type ClientState = 'connecting' | 'open' | 'waiting' | 'closed'

/** A change of a client's state, as `onState` gives it. */
export interface StateChange<C extends AnyContract = AnyContract> {
  readonly state: ClientState
  /** The number of attempts that have failed since the last connection that held. */
  readonly attempt: number
  /** `waiting`: the time until the next attempt, in milliseconds. */
  readonly retryInMs?: number
  /**
   * `waiting`, `closed`: the close code of the last connection (RFC 6455 §7.4); 1006 when it ended
   * without one. The contract's `closeCodes` are known by name.
   */
  readonly code?: CloseCodeOf<C>
  /** `waiting`, `closed`: the reason that came with `code`. */
  readonly reason?: string
}

/**
 * A binary message, as the browser's own `send` takes one: no shared memory. A string travels as
 * its UTF-8 bytes.
 */
export type Binary = string | ArrayBuffer | ArrayBufferView | BlobLike

/** The parts of a Blob that its type needs without the DOM. */
export interface BlobLike {
  readonly size: number
  readonly type: string
  arrayBuffer (): Promise<ArrayBuffer>
}

/**
 * The part of the WebSocket API that the client uses: the browser's, Node's and that of `ws` have
 * it.
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
 * Checks a message of the server's: returns its fault, or nothing. `fastify-typed-ws/validate`
 * makes one. Of an `info` of presence the type is the topic.
 */
export type Validate = (kind: 'event' | 'call' | 'reply' | 'item' | 'info', type: string, data: unknown) => string | undefined

/** A value, or a function that returns a fresh one before each attempt. */
export type Fresh<T> = T | (() => T | Promise<T>)

/**
 * The first argument of `createClient`, by the contract's name: without a type argument there is
 * none, and a sentence in place of the URL.
 */
export interface ClientUrls {
  readonly [name: string]: Fresh<string | URL>
  readonly '': 'a client is typed by its contract: write createClient<typeof contract>(url)'
}

/** The contract of a client that was given none. */
export interface NoContract extends AnyContract {
  readonly name: ''
}

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
  /** The WebSocket class. Default: the global one; Node 20 has none, so give it that of `ws`. */
  readonly WebSocket?: WebSocketConstructor
  /**
   * Full jitter: each wait is a random time between `minDelayMs` and a limit that doubles, up to
   * `maxDelayMs`. Default `{ minDelayMs: 500, maxDelayMs: 20_000 }`.
   */
  readonly retry?: { readonly minDelayMs?: number, readonly maxDelayMs?: number }
  /**
   * A server that was silent for `intervalMs` is asked for a sign of life, and the connection is
   * given up after another `timeoutMs`. `false` switches it off. Default `{ intervalMs: 10_000,
   * timeoutMs: 5_000 }`.
   */
  readonly heartbeat?: { readonly intervalMs?: number, readonly timeoutMs?: number } | false
  /** The longest time of an attempt, the functions `url` and `token` included. Default 15 000. */
  readonly openTimeoutMs?: number
  /** The longest time for an answer, unless the call has its own. Default 10 000. */
  readonly callTimeoutMs?: number
  /** The number of messages that may wait for a connection. Default 100. */
  readonly maxQueuedMessages?: number
  /**
   * The effect of one message more than may wait: `send` throws, or the oldest is dropped. Default
   * `'throw'`.
   */
  readonly overflow?: 'throw' | 'drop'
  /** The number of items of a stream that may wait for a slow loop. Default 10 000. */
  readonly maxBufferedItems?: number
  /** Checks the server's messages. Default: they are taken as they are. */
  readonly validate?: Validate
  /**
   * `recovery()` of `fastify-typed-ws/recovery`: the client gets the events of recoverable topics
   * that it missed while it reconnected. It needs the option `protocol`. Default: none.
   */
  readonly recover?: ClientPart<'recover'>
  /**
   * `presence()` of `fastify-typed-ws/presence`: the client knows the members of its topics. It
   * needs the option `protocol`. Default: none.
   */
  readonly presence?: ClientPart<'presence'>
  /**
   * `binaryEvents()` of `fastify-typed-ws/binary`: the client sends and hears the events of the
   * contract that have a binary frame. Default: none.
   */
  readonly binary?: ClientPart<'binary'>
}

/**
 * Turns the class of clients into a class of clients that know more, by the option that takes it:
 * `recovery()` makes one of `recover`, `presence()` of `presence`, `binaryEvents()` of `binary`.
 */
export interface ClientPart<Option extends 'recover' | 'presence' | 'binary'> {
  <Base>(clients: Base): Base
  /** The name of the option. */
  readonly option: Option
}

/** Options of a client, some of which it has for certain. */
export type ClientOptionsWith<
  C extends AnyContract, Given extends 'recover' | 'presence' | 'binary', Options = ClientOptions<C>
> = Options & { readonly [K in Given]: NonNullable<ClientOptions[K]> }

export interface CallSettings {
  /** A signal whose abort ends the wait and tells the server so. */
  readonly signal?: AbortSignal
  /** The longest time for the answer, in milliseconds. Default: the option `callTimeoutMs`. */
  readonly timeoutMs?: number
}

export interface StreamSettings {
  /** A signal whose abort ends the stream and tells the server so. */
  readonly signal?: AbortSignal
}

/** Settings of `drained`. */
export interface DrainedOptions {
  /** The bytes that may wait for the network. Default 1 048 576. */
  readonly maxBufferedBytes?: number
}

/** Stops listening. */
export type Off = () => void

/** An error of the client's own, or an `$error` of the server's. */
export interface ClientErrorLike extends Error {
  /** The code: see docs/errors.md. An `$error` has the code that the server gave. */
  readonly code: string
  /** The HTTP status code of an `$error`. */
  readonly statusCode?: number
  /** The type of the message that an `$error` rejects. */
  readonly received?: string
  /** The close code, when the connection ended. */
  readonly closeCode?: number
  /** The reason that came with `closeCode`. */
  readonly reason?: string
}

/** A client of one route, over as many connections as it takes. */
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
   * @returns true when it went out now, false when it waits.
   * @throws `FST_TYPED_WS_QUEUE_FULL` when too many messages wait already;
   * `FST_TYPED_WS_CLIENT_CLOSED`.
   */
  send<K extends EventNames<C['clientToServer']>> (type: K, payload: Payload<C['clientToServer'][K]>): boolean

  /** Sends a binary message, as `send` does. */
  sendBinary (data: C['binary']['clientToServer'] extends true ? Binary : never): boolean

  /**
   * Sends a call and waits for its reply. A call that was sent is never sent again.
   * @throws by rejecting: the server's `$error`; `FST_TYPED_WS_CALL_TIMEOUT`;
   * `FST_TYPED_WS_DISCONNECTED` when the connection was lost before the answer came;
   * `FST_TYPED_WS_INVALID_MESSAGE` when the reply breaks its schema, as `validate` sees it; the
   * signal's reason; and as `send` does.
   *
   * @example
   * const old = await client.call('history', { before: Date.now() })
   */
  call<K extends CallNames<C['clientToServer']>> (
    type: K,
    payload: Payload<C['clientToServer'][K]>,
    settings?: CallSettings
  ): Promise<Reply<C['clientToServer'][K]>>

  /**
   * Asks for a stream when the loop begins. Leaving the loop cancels it on the server.
   * @throws in the loop, as `call` does; `FST_TYPED_WS_STREAM_OVERFLOW` when more than
   * `maxBufferedItems` items wait.
   *
   * @example
   * for await (const n of client.stream('ticks', { everyMs: 100 })) if (n > 10) break
   */
  stream<K extends StreamNames<C['clientToServer']>> (
    type: K,
    payload: Payload<C['clientToServer'][K]>,
    settings?: StreamSettings
  ): AsyncIterableIterator<Item<C['clientToServer'][K]>>

  /** Listens to an event. */
  on<K extends EventNames<C['serverToClient']>> (type: K, listener: (payload: Payload<C['serverToClient'][K]>) => void): Off

  /**
   * Answers a call of the server's. The signal aborts when the server has cancelled the call, or
   * the connection is lost. A call has one handler: a later one replaces it.
   */
  handle<K extends CallNames<C['serverToClient']>> (
    type: K,
    handler: (
      payload: Payload<C['serverToClient'][K]>,
      settings: { readonly signal: AbortSignal }
    ) => Reply<C['serverToClient'][K]> | Promise<Reply<C['serverToClient'][K]>>
  ): Off

  /** Listens to binary messages that belong to no event. */
  onBinary (listener: (data: C['binary']['serverToClient'] extends true ? ArrayBuffer : never) => void): Off

  /** Listens to every change of `state`. */
  onState (listener: (change: StateChange<C>) => void): Off

  /**
   * Runs when a connection is open again. Messages that the listener sends at once go out in front
   * of those that waited.
   */
  onReopen (listener: () => void): Off

  /**
   * Listens to errors that belong to no call: an `$error` for an event, a message that cannot be
   * read or breaks its schema, a failure of `url`, `token` or the WebSocket, a message that was too
   * large for the server (close code 1009), and, after three attempts in a row that never opened, a
   * hint of what to check (`FST_TYPED_WS_UNREACHABLE`). Without a listener an error goes to the
   * console.
   */
  onError (listener: (error: ClientErrorLike | Error) => void): Off

  /**
   * Makes the next attempt now, at the press of a button for example. Does nothing unless `state`
   * is `waiting`.
   */
  retry (): void

  /**
   * Closes the client for good. Messages that were sent still go out; those that wait do not.
   * Default code: 1000.
   */
  close (code?: number, reason?: string): void
}
