import type { Infer } from './infer.js'

/**
 * Words for people about a call or a stream; documents show them. An event has those of its schema:
 * `title`, `description`, `deprecated`, `examples`.
 */
export interface MessageWords {
  /** One line. */
  readonly summary?: string
  /** As long as it takes; Markdown. */
  readonly description?: string
  /** The message works, and new code does not use it. */
  readonly deprecated?: boolean
}

/** A call, which is answered once: the JSON Schemas of its payload and of its reply. */
export interface CallDefinition extends MessageWords {
  readonly request: object
  readonly reply: object
  readonly examples?: readonly CallExample[]
}

/** A stream, which is answered many times: the JSON Schemas of its payload and of each item. */
export interface StreamDefinition extends MessageWords {
  readonly request: object
  readonly stream: object
  readonly examples?: readonly StreamExample[]
}

/** An example of a call: values of its two schemas. */
export interface CallExample {
  readonly name?: string
  readonly summary?: string
  readonly request: unknown
  readonly reply?: unknown
}

/** An example of a stream: a request, and items that answer it. */
export interface StreamExample {
  readonly name?: string
  readonly summary?: string
  readonly request: unknown
  readonly stream?: readonly unknown[]
}

/** An event whose bytes follow it in a binary frame: the JSON Schema of its payload. */
export interface BinaryEventDefinition {
  readonly payload: object
  readonly binary: true
}

/**
 * The definition of a message: an event is a schema, or has one and bytes; calls and streams have
 * two schemas.
 */
export type MessageDefinition = object | BinaryEventDefinition | CallDefinition | StreamDefinition

/** The messages of one direction, by name. */
export type Messages = Readonly<Record<string, MessageDefinition>>

/** The definition that `defineContract` takes. */
export interface ContractDefinition {
  /**
   * An RFC 9110 token. Also the WebSocket subprotocol, and the namespace of the contract's topics.
   */
  readonly name: string
  /** A heading for people. Documents show it. */
  readonly title?: string
  /** A text for people, as long as it takes; Markdown. Documents show it. */
  readonly description?: string
  /** The property that carries a message's name. Default `'type'`. */
  readonly discriminator?: string
  /** The messages that a client may send. */
  readonly clientToServer?: Messages
  /** The messages that the server may send. */
  readonly serverToClient?: Messages
  /**
   * The sides that may send binary frames that belong to no event. Default: neither; such a frame
   * then closes the connection with 1003.
   */
  readonly binary?: { readonly clientToServer?: boolean, readonly serverToClient?: boolean }
  /**
   * Kinds of topics: the part of a topic's name before the first `:`. A topic of no declared kind
   * is plain.
   *
   * @example
   * topics: { room: { recover: true } }   // 'room:42' and 'room' are recoverable
   */
  readonly topics?: TopicKinds
  /**
   * The application's close codes, 4000 to 4999, and when each is sent. Both sides' types know
   * them. A client comes back after 4000 to 4499, and stays closed after 4500 to 4999.
   *
   * @example
   * closeCodes: { 4001: 'The room is full', 4510: 'Banned' }
   */
  readonly closeCodes?: CloseCodes
}

/** Meanings of close codes, by code. */
export type CloseCodes = Readonly<Record<number, string>>

/** A close code: one of the contract's, or any other number. */
export type CloseCodeOf<C extends AnyContract> = keyof C['closeCodes'] & number | number & {}

/** Kinds of topics, by name. */
export type TopicKinds = Readonly<Record<string, TopicKind>>

/** Properties of all topics of one kind. */
export interface TopicKind {
  /**
   * `true`, or the bounds of the history: the topic's events are stored, and a client that asks for
   * it gets those that it missed while it reconnected. Default bounds: the plugin's option
   * `history`.
   */
  readonly recover?: true | { readonly maxMessages?: number, readonly maxAgeMs?: number }
  /**
   * The schema of what the topic's members show of themselves: the server and the clients that ask
   * know who is there.
   *
   * @example
   * topics: { room: { presence: Type.Object({ name: Type.String({ maxLength: 64 }) }) } }
   */
  readonly presence?: object
}

/** The kind of a topic: the part of its name before the first `:`. */
export type TopicKindOf<Topic extends string> = Topic extends `${infer Kind}:${string}` ? Kind : Topic

/** The type of `info` in a topic; `never` where its kind has no presence. */
export type TopicInfo<C extends AnyContract, Topic extends string> =
  TopicKindOf<Topic> extends infer Kind extends keyof C['topics']
    ? C['topics'][Kind] extends { readonly presence: infer Schema extends object } ? Infer<Schema> : never
    : never

/** The type of `info` in a topic; `unknown` where the topic or the contract may be any. */
export type InfoIn<C extends AnyContract, Topic extends string> = string extends Topic | keyof C['topics'] ? unknown : TopicInfo<C, Topic>

/** The names of topics whose kind has presence. */
export type PresenceTopic<C extends AnyContract> = string extends keyof C['topics'] ? string : TopicsWithPresence<C['topics']>

type TopicsWithPresence<Kinds> = {
  [Kind in keyof Kinds & string]: Kinds[Kind] extends { readonly presence: object } ? Kind | `${Kind}:${string}` : never
}[keyof Kinds & string]

/** A member of a topic: all connections that have the same key. */
export interface TopicMember<Info = unknown> {
  readonly key: string
  /** As its newest connection has told it. */
  readonly info: Info
}

/** A checked contract, with every default filled in. Made by `defineContract`. */
export interface Contract<D extends ContractDefinition = ContractDefinition> {
  readonly name: D['name']
  readonly title?: string
  readonly description?: string
  readonly discriminator: string
  readonly clientToServer: ClientToServer<D>
  readonly serverToClient: ServerToClient<D>
  readonly binary: {
    readonly clientToServer: AllowsBinary<D, 'clientToServer'>
    readonly serverToClient: AllowsBinary<D, 'serverToClient'>
  }
  readonly topics: TopicsOf<D>
  readonly closeCodes: CloseCodesOf<D>
}

type ClientToServer<D extends ContractDefinition> = D extends { clientToServer: infer M extends Messages } ? M : {}
type ServerToClient<D extends ContractDefinition> = D extends { serverToClient: infer M extends Messages } ? M : {}
type TopicsOf<D extends ContractDefinition> = D extends { topics: infer T extends TopicKinds } ? T : {}
type CloseCodesOf<D extends ContractDefinition> = D extends { closeCodes: infer Codes extends CloseCodes } ? Codes : {}
type AllowsBinary<D extends ContractDefinition, Side extends 'clientToServer' | 'serverToClient'> =
  ContractDefinition extends D ? boolean
    : D extends { binary: { [K in Side]: true } } ? true : false

/** The shape that every contract has. */
export interface AnyContract {
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly discriminator: string
  readonly clientToServer: Messages
  readonly serverToClient: Messages
  readonly binary: { readonly clientToServer: boolean, readonly serverToClient: boolean }
  readonly topics: TopicKinds
  readonly closeCodes: CloseCodes
}

type NoEvent = { request: object, reply: object } | { request: object, stream: object } | { payload: object, binary: true }

/** The names of the events among messages, except those that have a binary frame. */
export type EventNames<M extends Messages> = {
  [K in keyof M & string]: M[K] extends NoEvent ? never : K
}[keyof M & string]

/** The names of the events that have a binary frame, among messages. */
export type BinaryEventNames<M extends Messages> = {
  [K in keyof M & string]: M[K] extends { payload: object, binary: true } ? K : never
}[keyof M & string]

/** The names of the calls among messages. */
export type CallNames<M extends Messages> = {
  [K in keyof M & string]: M[K] extends { request: object, reply: object } ? K : never
}[keyof M & string]

/** The names of the streams among messages. */
export type StreamNames<M extends Messages> = {
  [K in keyof M & string]: M[K] extends { request: object, stream: object } ? K : never
}[keyof M & string]

/** The type of each item of a stream. */
export type Item<M> = M extends { request: object, stream: infer Each extends object } ? Infer<Each> : never

/** The type of a call's reply. */
export type Reply<M> = M extends { request: object, reply: infer Answer extends object } ? Infer<Answer> : never

/** The type of a message's payload, without the discriminator: of an event, a call or a stream. */
export type Payload<M> =
  M extends { request: infer Request extends object, reply: object } ? Infer<Request>
    : M extends { request: infer Request extends object, stream: object } ? Infer<Request>
      : M extends { payload: infer Event extends object, binary: true } ? Infer<Event>
        : Infer<M>
