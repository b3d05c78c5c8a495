import type { AnyContract } from '../../../types/contract.js'
import { AT, HAS_BINARY, REF } from '../../protocol.js'
import { answerOf, messagesOf, presencesOf, type ContractMessage } from '../../schema/message.js'
import { explainNoPayload } from '../../schema/payload.js'
import { References, type SharedSchemas } from '../../schema/references.js'
import * as errors from '../errors.js'
import type { AjvOptions } from './ajv.js'
import { compileChecker, matcherOf, type Checker, type Scope } from './checker.js'
import { compileDates, type DateWriter } from './dates.js'
import { compileFlatText, type FlatText } from './flat-text.js'
import type { Serializer } from './json.js'
import { compileSerializer, type Envelope } from './serializer.js'
import type { TypeBox } from './typebox.js'
import { Vocabulary, type AjvSettings } from './vocabulary.js'

/** One way of a message to the client: its check, and the text it is written as. */
export interface Codec extends Checker {
  /** Writes a reply's data; an event or a call as the whole message. */
  readonly serialize: Serializer
  /** Replaces dates by their texts; `undefined` when the schema wants no date. */
  readonly writeDates: DateWriter | undefined
}

/** A message that the server may send. */
export type Outgoing = OutgoingEvent | OutgoingCall

interface OutgoingEvent extends Written {
  readonly kind: 'event'
  readonly reply: undefined
}

export interface OutgoingCall extends Written {
  readonly kind: 'call'
  /** The check of the client's reply. */
  readonly reply: Checker
}

interface Written extends Codec {
  /** The beginning of its text: everything in front of the payload's own properties. */
  readonly opening: string
  /** True for an event whose bytes follow it in a frame of their own. */
  readonly hasBinary: boolean
}

/**
 * A message that a client may send. The three kinds have the same properties in the same order: for
 * the engine they have one shape.
 */
export type Incoming = IncomingEvent | IncomingCall | IncomingStream

export interface IncomingEvent extends Read {
  readonly kind: 'event'
  readonly answer: undefined
}

export interface IncomingCall extends Read {
  readonly kind: 'call'
  /** The codec of its reply. */
  readonly answer: Codec
}

export interface IncomingStream extends Read {
  readonly kind: 'stream'
  /** The codec of each of its items. */
  readonly answer: Codec
}

interface Read {
  readonly name: string
  readonly payload: Checker
  /** Undefined where its texts need a JSON parser. */
  readonly flat: FlatText | undefined
  /** True for an event whose bytes follow it in a frame of their own. */
  readonly hasBinary: boolean
}

/** A contract, ready for messages. */
export interface CompiledContract {
  readonly contract: AnyContract
  readonly incoming: ReadonlyMap<string, Incoming>
  readonly outgoing: ReadonlyMap<string, Outgoing>
  /** The info that members show, by the kind of their topic. */
  readonly infos: ReadonlyMap<string, Codec>
}

/** The options of one scope, by which its schemas are compiled. */
export interface CompileOptions {
  readonly typebox: TypeBox
  /** Fastify's option `ajv`. */
  readonly ajv: AjvSettings
  /** The schemas that the scope's `addSchema` was given, by `$id`. */
  readonly sharedSchemas: SharedSchemas
}

// The app's own object is not changed by a check.
const UNTOUCHED = { coerceTypes: false, removeAdditional: false, useDefaults: false }

/**
 * Compiles every schema of a contract, once.
 * @throws FST_TYPED_WS_INVALID_SCHEMA
 */
export function compileContract (contract: AnyContract, options: CompileOptions): CompiledContract {
  const compiler = new ContractCompiler(contract, { ...options, vocabulary: vocabularyOf(options) })
  const incoming = messagesOf(contract, 'clientToServer').map((message) => [message.name, compiler.incoming(message)] as const)
  const outgoing = messagesOf(contract, 'serverToClient').map((message) => [message.name, compiler.outgoing(message)] as const)
  const infos = presencesOf(contract).map(({ kind, where, schema }) => [kind, compiler.info(where, schema)] as const)
  return { contract, incoming: new Map(incoming), outgoing: new Map(outgoing), infos: new Map(infos) }
}

class ContractCompiler {
  readonly #contract: AnyContract
  readonly #scope: Scope

  constructor (contract: AnyContract, scope: Scope) {
    this.#contract = contract
    this.#scope = scope
  }

  incoming (message: ContractMessage): Incoming {
    const { name, where, schemas } = message
    const references = this.#referencesOf(schemas.payload)
    const payload = named(where, () => this.#payloadChecker(references, {}))
    const { hasBinary } = schemas
    const flat = compileFlatText(references.root, this.#contract.discriminator, name, schemas.kind !== 'event')
    const codecOf = (schema: object): Codec => named(message.whereAnswer, () => this.#answerCodec(this.#referencesOf(schema)))
    switch (schemas.kind) {
      case 'event': return { kind: 'event', name, payload, flat, hasBinary, answer: undefined }
      case 'call': return { kind: 'call', name, payload, flat, hasBinary, answer: codecOf(schemas.reply) }
      case 'stream': return { kind: 'stream', name, payload, flat, hasBinary, answer: codecOf(schemas.item) }
    }
  }

  outgoing (message: ContractMessage): Outgoing {
    const { name, where, schemas } = message
    const { discriminator } = this.#contract
    const { hasBinary } = schemas
    const answer = answerOf(schemas)
    const opening = `{${JSON.stringify(discriminator)}:${JSON.stringify(name)}${hasBinary ? `,"${HAS_BINARY}":true` : ''}`
    const codec = named(where, () => this.#payloadCodec(this.#referencesOf(schemas.payload), opening))
    if (answer === undefined) return { ...codec, kind: 'event', opening, hasBinary, reply: undefined }
    return {
      ...codec,
      kind: 'call',
      opening,
      hasBinary,
      reply: named(message.whereAnswer, () => compileChecker(this.#referencesOf(answer), this.#scope, {}))
    }
  }

  info (where: string, schema: object): Codec {
    return named(where, () => this.#answerCodec(this.#referencesOf(schema)))
  }

  #payloadCodec (references: References, opening: string): Codec {
    const checker = this.#payloadChecker(references, UNTOUCHED)
    return this.#codec(references, checker, { opening, reserved: [this.#contract.discriminator, REF, AT, HAS_BINARY] })
  }

  #answerCodec (references: References): Codec {
    return this.#codec(references, compileChecker(references, this.#scope, UNTOUCHED))
  }

  #codec (references: References, checker: Checker, envelope?: Envelope): Codec {
    return {
      ...checker,
      serialize: compileSerializer(references, matcherOf(checker, this.#scope), envelope),
      writeDates: compileDates(references, this.#scope.vocabulary)
    }
  }

  // A reference to one of the app's schemas leads somewhere here, and did not in defineContract.
  #payloadChecker (references: References, ajvOptions: AjvOptions): Checker {
    const reason = explainNoPayload(references, this.#contract.discriminator)
    if (reason !== undefined) throw new Error(reason)
    return compileChecker(references, this.#scope, ajvOptions)
  }

  #referencesOf (schema: object): References {
    return new References(schema, this.#scope.sharedSchemas)
  }
}

/**
 * The names that a schema may use.
 * @throws FST_TYPED_WS_INVALID_OPTION when the option `ajv` makes no Ajv.
 */
export function vocabularyOf ({ typebox, ajv }: Pick<CompileOptions, 'typebox' | 'ajv'>): Vocabulary {
  try {
    return new Vocabulary(typebox.builds, ajv)
  } catch (error) {
    throw new errors.InvalidOption('ajv', (error as Error).message)
  }
}

function named<T> (where: string, compile: () => T): T {
  try {
    return compile()
  } catch (error) {
    throw new errors.InvalidSchema(where, (error as Error).message)
  }
}
