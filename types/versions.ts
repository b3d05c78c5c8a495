import type { AnyContract, Item, Messages, Payload, Reply } from './contract.js'

/**
 * An older version of a contract, which a route still speaks. Made by `older`, for the route's
 * option `versions`.
 */
export interface OlderVersion<Newest extends AnyContract = AnyContract> {
  /** The contract of the route. */
  readonly newest: Newest
  /** The old contract. */
  readonly contract: AnyContract
  readonly clientToServer: Readonly<Record<string, Translation>>
  readonly serverToClient: Readonly<Record<string, Translation>>
}

/** A translation of one message, as it is without the types of its contracts. */
export interface Translation {
  readonly up?: ((value: never) => unknown) | undefined
  readonly down?: ((value: never) => unknown) | undefined
  readonly as?: string | undefined
  readonly drop?: true | undefined
}

/**
 * The options of `older`. Each message stands under the name that its sender gives it: a message of
 * a client under its old name, one of the server under its newest.
 */
export type OlderOptions<Newest extends AnyContract, Old extends AnyContract> =
  & { /** The old contract. */ readonly contract: Old }
  & Side<'clientToServer', Translations<FromClient<Newest['clientToServer'], NoInfer<Old>['clientToServer']>>>
  & Side<'serverToClient', Translations<ToClient<Newest['serverToClient'], NoInfer<Old>['serverToClient']>>>

// A side is required where one of its translations is.
type Side<Name extends string, T> = {} extends T ? { readonly [K in Name]?: T } : { readonly [K in Name]: T }

// A translation is required where the message cannot do without: where none of its forms is empty.
type Translations<T> =
  & { readonly [K in keyof T as {} extends T[K] ? K : never]?: T[K] }
  & { readonly [K in keyof T as {} extends T[K] ? never : K]: T[K] }

/** Messages of a client by their old names. One that is no more must be renamed, or dropped. */
type FromClient<New extends Messages, Old extends Messages> = {
  [K in keyof Old]: Kept<K, New, Old[K], Kind<Old[K]>, 'up'> | Renamed<New, Old[K], Kind<Old[K]>, 'up'> | Dropped
}

/** Messages of the server by their newest names. One that was not there yet is not sent. */
type ToClient<New extends Messages, Old extends Messages> = {
  [K in keyof New]:
    | (K extends keyof Old ? Kept<K, Old, New[K], Kind<New[K]>, 'down'> : Unsaid)
    | Renamed<Old, New[K], Kind<New[K]>, 'down'>
    | Dropped
}

type Kind<M> =
  M extends { request: object, reply: object } ? 'call'
    : M extends { request: object, stream: object } ? 'stream'
      : M extends { payload: object, binary: true } ? 'binaryEvent' : 'event'

/** The direction of a message: from the old contract up to the newest, or down. */
type Way = 'up' | 'down'

type Kept<K extends PropertyKey, Others extends Messages, M, MKind, W extends Way> =
  K extends keyof Others
    ? Kind<Others[K]> extends MKind ? Form<M, Others[K], W> & { readonly as?: undefined, readonly drop?: undefined } : Unkept<W>
    : Unkept<W>
// A message of the server of which the old contract has no such kind is not sent.
type Unkept<W extends Way> = W extends 'up' ? never : Unsaid

type Renamed<Others extends Messages, M, MKind, W extends Way> = {
  [K in keyof Others & string]:
  Kind<Others[K]> extends MKind ? Form<M, Others[K], W> & { readonly as: K, readonly drop?: undefined } : never
}[keyof Others & string]

interface Dropped {
  /** The message is not handled, or not sent. A call or a stream is answered with 410. */
  readonly drop: true
  readonly as?: undefined
  readonly up?: undefined
  readonly down?: undefined
}

interface Unsaid {
  readonly drop?: undefined
  readonly as?: undefined
  readonly up?: undefined
  readonly down?: undefined
}

// The payload goes one way, and the answer the other.
type Form<M, Other, W extends Way> = Payloads<Payload<M>, Payload<Other>, W> & Answers<M, Other, W>

type Payloads<From, To, W extends Way> = W extends 'up' ? Up<From, To> : Down<From, To>

type Answers<M, Other, W extends Way> =
  M extends { request: object, reply: object }
    ? W extends 'up' ? DownWhole<Reply<Other>, Reply<M>> : Up<Reply<Other>, Reply<M>>
    : M extends { request: object, stream: object } ? Down<Item<Other>, Item<M>> : NoAnswer<W>

type NoAnswer<W extends Way> = W extends 'up' ? { readonly down?: undefined } : { readonly up?: undefined }

// A function is required where a value of the one type is none of the other.
type Up<From, To> = [From] extends [To]
  ? { readonly up?: (value: From) => To }
  : { /** Makes a newest value of an old one. */ readonly up: (value: From) => To }

type Down<From, To> = [From] extends [To]
  ? { readonly down?: (value: From) => To | undefined }
  : { /** Makes an old value of a newest one; `undefined`: it is not sent. */ readonly down: (value: From) => To | undefined }

// A reply cannot be left out: the client waits for it.
type DownWhole<From, To> = [From] extends [To]
  ? { readonly down?: (value: From) => To }
  : { /** Makes an old reply of a newest one. */ readonly down: (value: From) => To }
