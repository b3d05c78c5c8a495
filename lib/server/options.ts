import type { Broker } from '../../types/broker.js'
import type { ErrorHandler, MessageHook } from '../../types/handler.js'
import type { PluginOptions, SharedOptions } from '../../types/options.js'
import { memory } from '../brokers/memory.js'
import { MAX_TIMEOUT_MS } from '../timer.js'
import * as errors from './errors.js'
import { meantBy } from './suggest.js'
import { isRecord } from '../record.js'

type Given<T> = Readonly<Required<Exclude<T, false | undefined>>>

export type HeartbeatSettings = Given<SharedOptions['heartbeat']>
export type RateLimitSettings = Given<SharedOptions['rateLimit']>
export type ShutdownSettings = Given<PluginOptions['shutdown']>
export type HistorySettings = Given<PluginOptions['history']>
export type RecoverySettings = Given<PluginOptions['recovery']>
export type PresenceSettings = Given<PluginOptions['presence']>

/** Every option of a route, with its default filled in. */
export interface RouteSettings extends Readonly<Required<Omit<SharedOptions, 'host' | 'maxBinaryBytes' | 'heartbeat' | 'rateLimit'>>> {
  readonly host: SharedOptions['host']
  readonly maxBinaryBytes: number | undefined
  readonly heartbeat: HeartbeatSettings | false
  readonly rateLimit: RateLimitSettings | false
  readonly errorHandler: ErrorHandler | undefined
}

/** Every option of the plugin. */
export interface PluginSettings {
  readonly route: RouteSettings
  readonly maxConnections: number
  readonly maxConnectionsPerIp: number
  readonly shutdown: ShutdownSettings
  readonly broker: Broker
  readonly onMessage: readonly MessageHook[]
  readonly topics: { readonly history: HistorySettings, readonly recovery: RecoverySettings, readonly presence: PresenceSettings }
  readonly typebox: ReadonlyArray<Readonly<Record<string, unknown>>> | undefined
}

/** A test of an option, and the advice when it fails. */
type Rule = readonly [isValid: (value: unknown) => boolean, advice: string]

const DEFAULT_HEARTBEAT: HeartbeatSettings = { intervalMs: 25_000, timeoutMs: 10_000 }
const DEFAULT_RATE_LIMIT: RateLimitSettings = { max: 100, timeWindowMs: 1000 }
const DEFAULTS: RouteSettings = {
  origin: 'same-origin',
  allowMissingOrigin: false,
  host: undefined,
  rejectWith: 'auto',
  handshakeTimeoutMs: 10_000,
  maxPayloadBytes: 65_536,
  maxBinaryBytes: undefined,
  perMessageDeflate: false,
  heartbeat: DEFAULT_HEARTBEAT,
  concurrency: 1,
  maxQueuedMessages: 64,
  maxQueuedBytes: 262_144,
  rateLimit: DEFAULT_RATE_LIMIT,
  maxInvalidMessages: 10,
  maxStreams: 32,
  maxPendingCalls: 64,
  highWaterMarkBytes: 1_048_576,
  slowConsumer: 'close',
  slowTimeoutMs: 10_000,
  maxTopics: 128,
  validateOutgoing: true,
  unsafePatterns: false,
  ajv: {},
  errorHandler: undefined
}
const DEFAULT_SHUTDOWN: ShutdownSettings = { timeoutMs: 5000, spreadMs: 0 }
const DEFAULT_HISTORY: HistorySettings = { maxMessages: 1000, maxAgeMs: 300_000 }
const DEFAULT_RECOVERY: RecoverySettings = { maxMessages: 500, maxBytes: 524_288, timeoutMs: 5000 }
const DEFAULT_PRESENCE: PresenceSettings = { leaveDelayMs: 5000, maxMembers: 1000, leaseMs: 15_000 }
// ws keeps the limit in 32 bits.
const MAX_PAYLOAD_BYTES = 2 ** 31 - 1

const flag: Rule = [(value) => typeof value === 'boolean', 'write true or false']
const count: Rule = [isCount, 'write a positive integer']
const payloadBytes: Rule = [(value) => isWithin(value, MAX_PAYLOAD_BYTES), `write bytes, 1 to ${MAX_PAYLOAD_BYTES}`]
const timeout: Rule = [isTimeout, `write milliseconds, 1 to ${MAX_TIMEOUT_MS}`]

const RULES: { readonly [K in keyof RouteSettings]: Rule } = {
  origin: [isOrigin, 'write \'same-origin\', \'*\', an origin like \'https://example.com\', a RegExp, a list of them, or a function'],
  allowMissingOrigin: flag,
  host: [isHosts, 'write a list of names, [\'chat.example\', \'*.chat.example\', \'localhost:3000\']'],
  rejectWith: word('auto', 'http', 'close'),
  handshakeTimeoutMs: timeout,
  maxPayloadBytes: payloadBytes,
  maxBinaryBytes: payloadBytes,
  perMessageDeflate: [(value) => typeof value === 'boolean' || isRecord(value), 'write true, false, or the options of ws'],
  heartbeat: [
    (value) => value === false || isRecordOf(value, { intervalMs: isTimeout, timeoutMs: isTimeout }),
    'write { intervalMs: 25_000, timeoutMs: 10_000 }, or false'
  ],
  concurrency: count,
  maxQueuedMessages: count,
  maxQueuedBytes: count,
  rateLimit: [
    (value) => value === false || isRecordOf(value, { max: isCount, timeWindowMs: isTimeout }),
    'write { max: 100, timeWindowMs: 1000 }, or false'
  ],
  maxInvalidMessages: count,
  maxStreams: count,
  maxPendingCalls: count,
  highWaterMarkBytes: count,
  slowConsumer: word('close', 'drop'),
  slowTimeoutMs: timeout,
  maxTopics: count,
  validateOutgoing: flag,
  unsafePatterns: flag,
  ajv: [
    (value) => isRecordOf(value, { customOptions: isRecord, plugins: Array.isArray }),
    'write { customOptions, plugins }, as for Fastify'
  ],
  errorHandler: [(value) => typeof value === 'function', 'write a function (error, socket, message) => {}']
}

type PluginOption = Exclude<keyof PluginOptions, keyof SharedOptions | 'errorHandler'>

const PLUGIN_RULES: { readonly [K in PluginOption]: Rule } = {
  broker: [isBroker, 'write redis(app.redis), nats(connection), memory() or shards([…])'],
  onMessage: [areFunctions, 'write a function (payload, socket, message) => {}, or a list of them'],
  typebox: [
    (value) => [value].flat().every(isTypeBox),
    'write require(\'@sinclair/typebox\'), the namespace of typebox/format, or a list of them'
  ],
  maxConnections: count,
  maxConnectionsPerIp: count,
  shutdown: [
    (value) => isRecordOf(value, { timeoutMs: isTimeout, spreadMs: isDelay }),
    'write { timeoutMs: 5000, spreadMs: 0 }'
  ],
  history: [
    (value) => isRecordOf(value, { maxMessages: isCount, maxAgeMs: isCount }),
    'write { maxMessages: 1000, maxAgeMs: 300_000 }'
  ],
  recovery: [
    (value) => isRecordOf(value, { maxMessages: isCount, maxBytes: isCount, timeoutMs: isTimeout }),
    'write { maxMessages: 500, maxBytes: 524_288, timeoutMs: 5000 }'
  ],
  presence: [
    (value) => isRecordOf(value, { leaveDelayMs: isDelay, maxMembers: isCount, leaseMs: isTimeout }),
    'write { leaveDelayMs: 5000, maxMembers: 1000, leaseMs: 15_000 }'
  ]
}
// Options that Fastify itself reads from those of a plugin.
const FASTIFY_OPTIONS = ['prefix', 'logLevel', 'logSerializers', 'name', 'encapsulate']

/** The names of the options that routes and the plugin have in common. */
export const sharedOptionNames: ReadonlySet<string> = new Set(Object.keys(RULES))

/**
 * Reads the options of `register`, once.
 * @throws FST_TYPED_WS_INVALID_OPTION
 */
export function readPluginOptions (given: PluginOptions): PluginSettings {
  const known = [...sharedOptionNames, ...Object.keys(PLUGIN_RULES)]
  for (const name of Object.keys(given).filter((name) => ![...known, ...FASTIFY_OPTIONS].includes(name))) {
    // A name that resembles none is another plugin's: @fastify/autoload gives all the same options.
    const meant = meantBy(name, known)
    if (meant !== undefined) throw new errors.InvalidOption(name, `there is none of this name: did you mean '${meant}'?`)
  }
  const {
    broker,
    onMessage,
    typebox,
    maxConnections,
    maxConnectionsPerIp,
    shutdown,
    history,
    recovery,
    presence
  } = checked(given as Record<string, unknown>, PLUGIN_RULES) as PluginOptions
  return {
    route: readRouteOptions(given, DEFAULTS),
    maxConnections: maxConnections ?? Number.POSITIVE_INFINITY,
    maxConnectionsPerIp: maxConnectionsPerIp ?? Number.POSITIVE_INFINITY,
    shutdown: { ...DEFAULT_SHUTDOWN, ...shutdown },
    broker: broker ?? memory(),
    onMessage: [onMessage ?? []].flat(),
    topics: {
      history: { ...DEFAULT_HISTORY, ...history },
      recovery: { ...DEFAULT_RECOVERY, ...recovery },
      presence: { ...DEFAULT_PRESENCE, ...presence }
    },
    typebox: typebox && [typebox].flat() as PluginSettings['typebox']
  }
}

/**
 * Reads the options of a route, over the plugin's defaults.
 * @throws FST_TYPED_WS_INVALID_OPTION
 */
export function readRouteOptions (given: object, defaults: RouteSettings): RouteSettings {
  const { heartbeat, rateLimit, ...others } = checked(given as Record<string, unknown>, RULES) as SharedOptions
  return {
    ...defaults,
    ...others as Partial<RouteSettings>,
    heartbeat: merged(heartbeat, defaults.heartbeat, DEFAULT_HEARTBEAT),
    rateLimit: merged(rateLimit, defaults.rateLimit, DEFAULT_RATE_LIMIT)
  }
}

/** The given options that have a rule and a value; each obeys its rule. */
function checked (given: Readonly<Record<string, unknown>>, rules: Readonly<Record<string, Rule>>): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const [name, [isValid, advice]] of Object.entries(rules)) {
    const value = given[name]
    if (value === undefined) continue
    if (!isValid(value)) throw new errors.InvalidOption(name, advice)
    found[name] = value
  }
  return found
}

// A part that is not given is inherited, or is the default one where `false` is inherited.
function merged<T extends object> (given: Partial<T> | false | undefined, inherited: T | false, defaults: T): T | false {
  if (given === undefined) return inherited
  return given === false ? false : { ...(inherited === false ? defaults : inherited), ...given }
}

function word (...words: readonly string[]): Rule {
  return [(value) => words.some((one) => one === value), `write ${words.map((one) => `'${one}'`).join(' or ')}`]
}

function isOrigin (value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string' || item instanceof RegExp)
  return typeof value === 'string' || typeof value === 'function' || value instanceof RegExp
}

function isHosts (value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
}

function isBroker (value: unknown): boolean {
  const duties = ['start', 'subscribe', 'unsubscribe', 'publish', 'ask', 'close']
  return isRecord(value) && duties.every((name) => typeof value[name] === 'function')
}

/** Tells whether a value is a function, or a list of them. */
export function areFunctions (value: unknown): boolean {
  return [value].flat().every((one) => typeof one === 'function')
}

function isTypeBox (value: unknown): boolean {
  return isRecord(value) && (isRecord(value['FormatRegistry']) || isRecord(value['Format']) || typeof value['Get'] === 'function')
}

function isCount (value: unknown): boolean {
  return isWithin(value, Number.MAX_SAFE_INTEGER)
}

function isTimeout (value: unknown): boolean {
  return isWithin(value, MAX_TIMEOUT_MS)
}

function isDelay (value: unknown): boolean {
  return value === 0 || isTimeout(value)
}

function isWithin (value: unknown, max: number): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max
}

/** Tells whether an object has only these members, each of which may be missing. */
function isRecordOf (value: unknown, members: Readonly<Record<string, (member: unknown) => boolean>>): boolean {
  return isRecord(value) && Object.entries(value).every(([name, member]) => Object.hasOwn(members, name) && members[name]!(member))
}
