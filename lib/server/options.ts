import type { FastifyRequest } from 'fastify'
import type { PerMessageDeflateOptions } from 'ws'
import type { ErrorHandler } from '../../types/handler.js'
import type { OriginOption, PluginOptions, SharedOptions } from '../../types/options.js'
import * as errors from './errors.js'

/** Every option a route has, with its default filled in. */
export interface RouteSettings {
  readonly origin: OriginOption<FastifyRequest>
  readonly allowMissingOrigin: boolean
  readonly handshakeTimeoutMs: number
  readonly maxPayloadBytes: number
  readonly perMessageDeflate: boolean | PerMessageDeflateOptions
  readonly maxQueuedMessages: number
  readonly highWaterMarkBytes: number
  readonly maxTopics: number
  readonly validateOutgoing: boolean
  readonly unsafePatterns: boolean
  readonly ajv: NonNullable<SharedOptions['ajv']>
  readonly errorHandler: ErrorHandler | undefined
}

/** Every option of the plugin. */
export interface PluginSettings {
  readonly route: RouteSettings
  readonly shutdown: { readonly timeoutMs: number }
}

/** What an option must be: a test, and what to write when it fails. */
type Rule = readonly [isValid: (value: unknown) => boolean, advice: string]

const DEFAULTS: RouteSettings = {
  origin: 'same-origin',
  allowMissingOrigin: false,
  handshakeTimeoutMs: 10_000,
  maxPayloadBytes: 65_536,
  perMessageDeflate: false,
  maxQueuedMessages: 64,
  highWaterMarkBytes: 1_048_576,
  maxTopics: 128,
  validateOutgoing: true,
  unsafePatterns: false,
  ajv: {},
  errorHandler: undefined
}
const DEFAULT_SHUTDOWN_TIMEOUT_MS = 5000
// What a timer can hold.
const MAX_TIMEOUT_MS = 2 ** 31 - 1
// ws keeps the limit in 32 bits.
const MAX_PAYLOAD_BYTES = 2 ** 31 - 1

const flag: Rule = [(value) => typeof value === 'boolean', 'write true or false']
const count: Rule = [(value) => isWithin(value, Number.MAX_SAFE_INTEGER), 'write a positive integer']
const timeout: Rule = [(value) => isWithin(value, MAX_TIMEOUT_MS), `write milliseconds, 1 to ${MAX_TIMEOUT_MS}`]

const RULES: { readonly [K in keyof RouteSettings]: Rule } = {
  origin: [isOrigin, 'write \'same-origin\', \'*\', an origin like \'https://example.com\', a RegExp, a list of them, or a function'],
  allowMissingOrigin: flag,
  handshakeTimeoutMs: timeout,
  maxPayloadBytes: [(value) => isWithin(value, MAX_PAYLOAD_BYTES), `write bytes, 1 to ${MAX_PAYLOAD_BYTES}`],
  perMessageDeflate: [(value) => typeof value === 'boolean' || isObject(value), 'write true, false, or the options of ws'],
  maxQueuedMessages: count,
  highWaterMarkBytes: count,
  maxTopics: count,
  validateOutgoing: flag,
  unsafePatterns: flag,
  ajv: [isObject, 'write { customOptions, plugins }, as for Fastify'],
  errorHandler: [(value) => typeof value === 'function', 'write a function (error, socket, message) => {}']
}

const PLUGIN_ONLY = ['shutdown', 'prefix', 'logLevel', 'logSerializers', 'name', 'encapsulate']

/** The names of the options a route and the plugin have in common. */
export const sharedOptionNames: ReadonlySet<string> = new Set(Object.keys(RULES))

/**
 * Reads what `register` was given, once.
 * @throws FST_TYPED_WS_INVALID_OPTION
 */
export function readPluginOptions (given: PluginOptions): PluginSettings {
  const known = [...sharedOptionNames, ...PLUGIN_ONLY]
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw new errors.InvalidOption(name, `there is none of this name: write one of ${[...sharedOptionNames, 'shutdown'].join(', ')}`)
  }
  return { route: readRouteOptions(given, DEFAULTS), shutdown: readShutdown(given.shutdown) }
}

/**
 * Reads what a route was given, over the plugin's defaults.
 * @throws FST_TYPED_WS_INVALID_OPTION
 */
export function readRouteOptions (given: object, defaults: RouteSettings): RouteSettings {
  const settings: Record<string, unknown> = { ...defaults }
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || !sharedOptionNames.has(name)) continue
    const [isValid, advice] = RULES[name as keyof RouteSettings]
    if (!isValid(value)) throw new errors.InvalidOption(name, advice)
    settings[name] = value
  }
  return settings as unknown as RouteSettings
}

function readShutdown (given: unknown = {}): PluginSettings['shutdown'] {
  const { timeoutMs = DEFAULT_SHUTDOWN_TIMEOUT_MS, ...others } = isObject(given) ? given : { timeoutMs: null }
  const [isValid] = timeout
  if (!isValid(timeoutMs) || Object.keys(others).length > 0) throw new errors.InvalidOption('shutdown', 'write { timeoutMs: 5000 }')
  return { timeoutMs: timeoutMs as number }
}

function isOrigin (value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string' || item instanceof RegExp)
  return typeof value === 'string' || typeof value === 'function' || value instanceof RegExp
}

function isWithin (value: unknown, max: number): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
