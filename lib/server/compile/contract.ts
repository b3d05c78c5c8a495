import type { AnyContract, MessageDefinition, StreamDefinition } from '../../../types/contract.js'
import { REF } from '../../protocol.js'
import { judgeSchema, openAjv } from './ajv.js'
import { compileDates, type DateWriter } from './dates.js'
import { isCopy } from '../../schema/equality.js'
import * as errors from '../errors.js'
import { explain } from './explain.js'
import { isExponential } from './pattern.js'
import { unwind, type Unwound } from '../../schema/recursion.js'
import { explainUnfit, hasUnboundedPattern, patternsIn, References, referrersIn, type Subschema, type Schema } from '../../schema/schema.js'
import { compileSerializer, type Envelope, type Matcher, type Serializer } from './serializer.js'
import { explainLater, type Checker, type TypeBox } from './typebox.js'
import { Vocabulary, type AjvSettings } from './vocabulary.js'

/** One way of a message to the peer: how it is checked and how it is written. */
export interface Codec extends Checker {
  /** Writes a reply's data; an event or a call as the whole message. */
  readonly serialize: Serializer
  /** Replaces dates by their texts, where the schema wants some. */
  readonly writeDates: DateWriter | undefined
}

/** A message the server may send. */
export interface Outgoing extends Codec {
  /** What its text begins with: everything in front of the payload's own properties. */
  readonly opening: string
  /** How the peer's answer is checked, when it is a call. */
  readonly reply: Checker | undefined
}

/** A message a client may send. */
export interface Incoming {
  readonly name: string
  readonly payload: Checker
  /** How its answer, or each item of it, is checked and written, when it is a call or a stream. */
  readonly reply: Codec | undefined
  readonly isStream: boolean
}

/** A contract, ready for messages. */
export interface CompiledContract {
  readonly contract: AnyContract
  readonly incoming: ReadonlyMap<string, Incoming>
  readonly outgoing: ReadonlyMap<string, Outgoing>
}

/** What the schemas of one scope are compiled with. */
export interface CompileOptions {
  readonly typebox: TypeBox
  /** As Fastify's `ajv` option. */
  readonly ajv: AjvSettings
  /** What the scope's `addSchema` was given, by `$id`. */
  readonly sharedSchemas: Readonly<Record<string, unknown>>
}

/** The options of one scope, and what the names in its schemas mean. */
interface Scope extends CompileOptions {
  readonly vocabulary: Vocabulary
}

// What the app sends is its own object, which is not for us to change.
const UNTOUCHED = { coerceTypes: false, removeAdditional: false, useDefaults: false }

/**
 * Compiles every schema of a contract, once.
 * @throws FST_TYPED_WS_INVALID_SCHEMA
 */
export function compileContract (contract: AnyContract, options: CompileOptions): CompiledContract {
  const scope = { ...options, vocabulary: namedAjv(options) }
  return {
    contract,
    incoming: compileMessages(contract, 'clientToServer', (message, name, where) => compileIncoming(message, name, where, contract, scope)),
    outgoing: compileMessages(contract, 'serverToClient', (message, name, where) => compileOutgoing(message, name, where, contract, scope))
  }
}

/**
 * Refuses regular expressions that could stall the process. A client's texts may be long; and what a server sends may be a client's text.
 *
 * @param sharedSchemas - where references may lead, once they are known.
 * @throws FST_TYPED_WS_UNSAFE_PATTERN, FST_TYPED_WS_EXPONENTIAL_PATTERN
 */
export function refuseSlowPatterns (contract: AnyContract, sharedSchemas: CompileOptions['sharedSchemas'] = {}): void {
  for (const { schema, where, isIncoming } of schemasOf(contract)) {
    if (isIncoming && hasUnboundedPattern(schema, sharedSchemas)) throw new errors.UnsafePattern(where)
    const exponential = patternsIn(schema, sharedSchemas).find(isExponential)
    if (exponential !== undefined) throw new errors.ExponentialPattern(where, String(exponential))
  }
}

/** Every schema of a contract, and whether a client's data meets it. */
function * schemasOf (contract: AnyContract): Generator<{ schema: Schema, where: string, isIncoming: boolean }> {
  for (const direction of ['clientToServer', 'serverToClient'] as const) {
    for (const [name, message] of Object.entries(contract[direction])) {
      const where = whereOf(contract, direction, name)
      const answer = answerOf(message)
      yield { schema: requestOf(message), where, isIncoming: direction === 'clientToServer' }
      if (answer !== undefined) yield { schema: answer, where: `${where}.${isStreamOf(message) ? 'stream' : 'reply'}`, isIncoming: direction === 'serverToClient' }
    }
  }
}

/** The app's schemas that the server's messages refer to, by `$id`. */
function schemasOfOutgoing (contract: AnyContract, sharedSchemas: CompileOptions['sharedSchemas']): Map<string, unknown> {
  const schemas = Object.values(contract.serverToClient).map((message) => new References(requestOf(message), sharedSchemas))
  return new Map(schemas.flatMap((references) => [...references.documents()].filter(([, document]) => document !== references.root).map(([id, { schema }]) => [id.slice(0, -1), schema])))
}

/**
 * A message that is published is written once, for the members of all routes.
 * @throws FST_TYPED_WS_INVALID_SCHEMA when it refers to a schema that is not the same in the scopes of two routes.
 */
export function refuseOtherMeaning (contract: AnyContract, [first, ...others]: ReadonlyArray<CompileOptions['sharedSchemas']>): void {
  const known = schemasOfOutgoing(contract, first!)
  for (const shared of others) {
    for (const [id, schema] of schemasOfOutgoing(contract, shared)) {
      if (!isCopy(schema, known.get(id))) throw new errors.InvalidSchema(`${contract.name} serverToClient`, `it refers to '${id}', which is not the same schema in the scopes of two routes, and what is published is written once for both: add one schema in a scope around both, or give each its own $id and contract`)
    }
  }
}

type Direction = 'clientToServer' | 'serverToClient'
type Compile<T> = (message: MessageDefinition, name: string, where: string) => T

function compileMessages<T> (contract: AnyContract, direction: Direction, compile: Compile<T>): Map<string, T> {
  const compiled = new Map<string, T>()
  for (const [name, message] of Object.entries(contract[direction])) {
    compiled.set(name, compile(message, name, whereOf(contract, direction, name)))
  }
  return compiled
}

function whereOf (contract: AnyContract, direction: Direction, name: string): string {
  return `${contract.name} ${direction}.${name}`
}

function compileIncoming (message: MessageDefinition, name: string, where: string, contract: AnyContract, options: Scope): Incoming {
  const answer = answerOf(message)
  const isStream = isStreamOf(message)
  return {
    name,
    payload: named(where, () => compilePayload(requestOf(message), contract, options, {})),
    reply: answer && named(`${where}.${isStream ? 'stream' : 'reply'}`, () => compileReply(answer, options)),
    isStream
  }
}

function compileOutgoing (message: MessageDefinition, name: string, where: string, contract: AnyContract, options: Scope): Outgoing {
  const schema = requestOf(message)
  const answer = answerOf(message)
  const opening = `{${JSON.stringify(contract.discriminator)}:${JSON.stringify(name)}`
  const codec = named(where, () => {
    const checker = compilePayload(schema, contract, options, UNTOUCHED)
    return { ...checker, ...writersOf(schema, checker, options, { opening, reserved: reservedOf(contract) }) }
  })
  return { ...codec, opening, reply: answer && named(`${where}.reply`, () => compileChecker(answer, options, {})) }
}

function compileReply (schema: Schema, options: Scope): Codec {
  const checker = compileChecker(schema, options, UNTOUCHED)
  return { ...checker, ...writersOf(schema, checker, options) }
}

function writersOf (schema: Schema, checker: Checker, options: Scope, envelope?: Envelope): Pick<Codec, 'serialize' | 'writeDates'> {
  const references = referencesOf(schema, options)
  return { serialize: compileSerializer(references, matcherOf(checker, options), envelope), writeDates: compileDates(references, options.vocabulary) }
}

function compilePayload (schema: Schema, contract: AnyContract, options: Scope, ajvOptions: Readonly<Record<string, unknown>>): Checker {
  const references = referencesOf(schema, options)
  refuseOtherPayload(references, reservedOf(contract))
  return compileChecker(schema, options, ajvOptions)
}

// TypeBox checks in tens of nanoseconds; what refers to the app's shared schemas, or is not TypeBox's, is Ajv's.
function compileChecker (schema: Schema, options: Scope, ajvOptions: Readonly<Record<string, unknown>>): Checker {
  const { vocabulary, sharedSchemas } = options
  const unfit = explainUnfit(schema, sharedSchemas)
  if (unfit !== undefined) throw new Error(unfit)
  const references = referencesOf(schema, options)
  references.refuseTwins()
  vocabulary.refuseUnknown(references)
  for (const part of references.reachable()) if (part.get('$ref') !== undefined) references.resolve(part)
  const unwound = unwind(references)
  return unwound === undefined ? compileReferences(references, options, ajvOptions) : compileUnwound(unwound, options, ajvOptions)
}

function compileUnwound ({ references, copyOf, targets, memory }: Unwound, options: Scope, ajvOptions: Readonly<Record<string, unknown>>): Checker {
  const checker = compileReferences(references, options, ajvOptions)
  const matcher = matcherOf(checker, options)
  for (const target of targets) memory.set(target, compileTarget(copyOf(target), matcher, options, ajvOptions))
  return {
    check: (value) => memory.during(() => checker.check(value)),
    explain: (value) => memory.during(() => checker.explain(value)),
    checkOf: (part) => {
      const check = matcher(copyOf(part))
      return (value) => memory.during(() => check(value))
    }
  }
}

// Most often nothing is left that it refers to.
function compileTarget (target: Subschema, matcher: Matcher, options: Scope, ajvOptions: Readonly<Record<string, unknown>>): Checker['check'] {
  return referrersIn(target).length > 0 ? matcher(target) : compileReferences(new References(target.schema), options, ajvOptions).check
}

function compileReferences (references: References, { typebox, vocabulary }: Scope, ajvOptions: Readonly<Record<string, unknown>>): Checker {
  const check = references.documents().size > 1 ? undefined : typebox.compile(references, vocabulary)
  return check === undefined ? ajvChecker(references, vocabulary, ajvOptions) : { check, ...explainLater(references, vocabulary) }
}

function ajvChecker (references: References, vocabulary: Vocabulary, ajvOptions: Readonly<Record<string, unknown>>): Checker {
  judgeSchema(references, vocabulary)
  const ajv = openAjv(references, vocabulary, ajvOptions)
  const validate = ajv(references.root)
  return {
    check: (value) => validate(value),
    explain: (value) => {
      validate(value)
      return explain(validate.errors)
    },
    checkOf: ajv
  }
}

// A branch of a union that refers to nothing is checked by its own compiler too.
function matcherOf (checker: Checker, { typebox, vocabulary }: Scope): Matcher {
  return (part) => {
    if (typeof part.schema === 'boolean') return () => part.schema === true
    const own = referrersIn(part).length > 0 ? undefined : typebox.compile(new References(part.schema), vocabulary)
    return own ?? checker.checkOf(part)
  }
}

// What defineContract could not see: where a reference to one of the app's schemas leads.
function refuseOtherPayload (references: References, reserved: readonly string[]): void {
  const { root } = references
  if (!isObjectPart(root, references)) throw new Error('a payload shares one JSON object with its type, so its schema must be an object')
  for (const part of layersOf(root, references)) {
    const name = reserved.find((property) => part.child('properties')?.child(property) !== undefined)
    if (name !== undefined) throw new Error(`'${name}' is the protocol's own property of every message: give the payload's property another name`)
  }
}

function isObjectPart (part: Subschema, references: References, path: readonly string[] = []): boolean {
  if (path.includes(part.uri)) return false
  const isIn = (member: Subschema): boolean => isObjectPart(member, references, [...path, part.uri])
  if (part.get('type') === 'object') return true
  if (part.get('$ref') !== undefined) return isIn(references.resolve(part))
  return part.subschemas('allOf').some(isIn) || ['anyOf', 'oneOf'].some((union) => part.subschemas(union).length > 0 && part.subschemas(union).every(isIn))
}

/** Every schema that may hold for one and the same object. */
function layersOf (part: Subschema, references: References, seen: Set<string> = new Set()): Subschema[] {
  if (seen.has(part.uri)) return []
  seen.add(part.uri)
  const target = part.get('$ref') === undefined ? [] : [references.resolve(part)]
  const members = [...target, ...['allOf', 'anyOf', 'oneOf', 'then', 'else'].flatMap((keyword) => part.subschemas(keyword))]
  return [part, ...members.flatMap((member) => layersOf(member, references, seen))]
}

function requestOf (message: MessageDefinition): Schema {
  return ('request' in message ? message.request : message) as Schema
}

function answerOf (message: MessageDefinition): Schema | undefined {
  if (isStreamOf(message)) return message.stream as Schema
  return 'reply' in message ? message.reply as Schema : undefined
}

function isStreamOf (message: MessageDefinition): message is StreamDefinition {
  return 'stream' in message
}

function reservedOf ({ discriminator }: AnyContract): readonly string[] {
  return [discriminator, REF]
}

function referencesOf (schema: Schema, { sharedSchemas }: Pick<CompileOptions, 'sharedSchemas'>): References {
  return new References(schema, sharedSchemas)
}

function namedAjv ({ typebox, ajv }: CompileOptions): Vocabulary {
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
