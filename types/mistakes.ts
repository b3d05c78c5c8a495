import type { CallDefinition, CallExample, ContractDefinition, MessageWords, StreamDefinition, StreamExample } from './contract.js'

/**
 * The mistakes in a definition that a compiler can see: for each part `unknown`, or a sentence, to
 * which nothing is assignable. A function whose messages are type parameters asks for it, because
 * mistakes in them are its callers'.
 *
 * @example
 * function named<const D extends ContractDefinition> (definition: D & Mistakes<D>): Contract<D> {
 *   return defineContract<D>(definition)
 * }
 */
export type Mistakes<D extends ContractDefinition> = {
  readonly [K in keyof D]: Parts<D[K], Reserved<D>>[PartVerdict<K>]
}

type PartVerdict<K> =
  K extends 'clientToServer' | 'serverToClient' | 'closeCodes' ? K : K extends keyof ContractDefinition ? 'fine' : 'unknown'

interface Parts<Part, Names> {
  fine: unknown
  unknown: 'a contract has name, title, description, discriminator, clientToServer, serverToClient, binary, topics, closeCodes'
  closeCodes: { readonly [K in keyof Part]: K extends number ? unknown : 'a close code is a number from 4000 to 4999' }
  clientToServer: { readonly [K in keyof Part]: Messages<Part[K], Names>[MessageVerdict<Part[K], Names>] }
  serverToClient: { readonly [K in keyof Part]: Messages<Part[K], Names>[ServerVerdict<Part[K], Names>] }
}

// The names that the protocol has taken; a discriminator of an unknown name takes none more.
type Reserved<D> =
  | 'ref'
  | (D extends { discriminator: infer Name extends string } ? string extends Name ? never : Name : 'type')

type MessagePart = keyof CallDefinition | keyof StreamDefinition
type ACall = 'a call is { request, reply }, and a stream { request, stream }'
type AnEventsOwn = 'only an event has a binary frame: write { payload, binary: true }'
type ABinaryEvent = 'an event with a binary frame is { payload, binary: true }, and an event without one is the schema alone'

type MessageVerdict<M, Names> =
  M extends { request: unknown } | { reply: unknown } | { stream: unknown }
    ? Exclude<keyof M, MessagePart> extends never
      ? M extends { reply: unknown, stream: unknown } ? 'twoAnswers'
        : M extends { request: object, reply: object } | { request: object, stream: object } ? 'answered' : 'unanswered'
      : 'otherPart'
    : M extends { payload: unknown } | { binary: unknown }
      ? M extends { payload: object, binary: true }
        ? Exclude<keyof M, 'payload' | 'binary'> extends never ? 'binaryEvent' : 'noBinaryEvent'
        : 'noBinaryEvent'
      : PayloadVerdict<M, Names>

type ServerVerdict<M, Names> = M extends { stream: object } ? 'serverStream' : MessageVerdict<M, Names>

interface Messages<M, Names> extends Payloads<M, Names> {
  answered: { readonly [K in Extract<keyof M, 'request'>]: Payloads<M[K], Names>[PayloadVerdict<M[K], Names>] } & Words
  unanswered: ACall
  binaryEvent: { readonly [K in Extract<keyof M, 'payload'>]: Payloads<M[K], Names>[PayloadVerdict<M[K], Names>] }
  noBinaryEvent: ABinaryEvent
  otherPart: { readonly [K in Exclude<keyof M, MessagePart>]: K extends 'binary' ? AnEventsOwn : ACall }
  twoAnswers: 'a message is answered once or many times: write either reply or stream'
  serverStream: { readonly stream: 'streams come from the server: make it a call, or declare it in clientToServer' }
}

interface Words extends MessageWords {
  readonly examples?: ReadonlyArray<CallExample | StreamExample>
}

type PayloadVerdict<M, Names> =
  M extends { type: infer Kind extends string, properties?: infer Properties }
    ? 'object' extends Kind ? DeclaredVerdict<keyof Properties, Names> : 'notObject'
    : 'fine'

type DeclaredVerdict<Declared, Names> = string extends Declared ? 'fine' : Declared & Names extends never ? 'fine' : 'reserved'

interface Payloads<M, Names> {
  fine: unknown
  notObject: 'a payload is an object: write Type.Object({ value: … })'
  reserved: M extends { properties: infer Properties }
    ? `'${keyof Properties & Names & string}' is the protocol's own: give the payload's property another name`
    : unknown
}
