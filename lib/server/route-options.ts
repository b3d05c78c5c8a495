import type { AnyContract } from '../../types/contract.js'
import type { WebSocketRouteOptions } from '../../types/route.js'
import * as errors from './errors.js'
import { areFunctions, sharedOptionNames } from './options.js'
import { meantBy, questionOf } from './suggest.js'
import { isRecord } from '../record.js'
import { isContract } from '../schema/message.js'
import { show } from '../show.js'
import { isOlder } from './messages/older.js'

/** The options of `app.ws` after `checkOptions`. */
export type RouteOptions = Partial<WebSocketRouteOptions> & Readonly<Record<string, unknown>> & { readonly contract: AnyContract }

type Fail = (advice: string) => never
type Fields = Readonly<Record<string, unknown>>

const CONNECTION_OPTIONS = ['contract', 'on', 'open', 'close', 'binary', 'handler', 'refresh', 'onMessage', 'versions', 'defaultVersion']
const FASTIFY_OPTIONS = [
  'schema', 'onRequest', 'preParsing', 'preValidation', 'preHandler', 'preSerialization', 'onSend', 'onResponse',
  'onTimeout', 'onError', 'onRequestAbort', 'attachValidation', 'validatorCompiler', 'serializerCompiler',
  'schemaErrorFormatter', 'childLoggerFactory', 'handlerTimeout', 'logLevel', 'logSerializers', 'config', 'constraints',
  'prefixTrailingSlash'
]
const FUNCTIONS = ['open', 'close', 'handler']

/**
 * Checks the options of a route, except those that the plugin has as well.
 * @throws FST_TYPED_WS_INVALID_ROUTE, FST_TYPED_WS_NOT_SUPPORTED
 */
export function checkOptions (path: string, options: unknown): asserts options is RouteOptions {
  const fail: Fail = (advice) => { throw new errors.InvalidRoute(path, advice) }
  if (typeof path !== 'string') fail('its path is a string: write app.ws(\'/chat\', { contract, on: { … } })')
  if (!isRecord(options)) return fail('write app.ws(path, { contract, on: { … } })')
  checkNames(options, fail)
  const { contract, on = {}, binary, refresh, onMessage = [] } = options
  if (!isContract(contract)) return fail('its contract is missing: write contract: defineContract({ … })')
  refuseServerStreams(path, contract)
  checkVersions(contract, options)
  checkHandlers(on, contract, fail)
  checkBinary(binary, contract, fail)
  checkRefresh(refresh, contract, fail)
  for (const name of FUNCTIONS) {
    if (options[name] !== undefined && typeof options[name] !== 'function') fail(`${name} must be a function`)
  }
  if (!areFunctions(onMessage)) fail('onMessage is a function (payload, socket, message) => {}, or a list of them')
}

/** The options that are Fastify's own. */
export function fastifyOptionsOf (options: RouteOptions): object {
  return Object.fromEntries(FASTIFY_OPTIONS.flatMap((name) => options[name] === undefined ? [] : [[name, options[name]]]))
}

function checkNames (options: Fields, fail: Fail): void {
  const known = [...CONNECTION_OPTIONS, ...FASTIFY_OPTIONS, ...sharedOptionNames]
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) fail(`there is no option '${name}'${questionOf(name, known)}`)
  }
}

function refuseServerStreams (path: string, { serverToClient }: AnyContract): void {
  for (const [name, message] of Object.entries(serverToClient)) {
    if (!('stream' in message)) continue
    const advice = 'streams come from the server: make it a call, or declare it in clientToServer'
    throw new errors.NotSupported(path, `server message '${name}' is a stream, and ${advice}`)
  }
}

// The last one is for a client that offers no subprotocol.
function checkVersions (contract: AnyContract, { versions = [], defaultVersion }: Fields): void {
  const fail = (name: string, advice: string): never => { throw new errors.InvalidVersion(name, advice) }
  const list: readonly unknown[] = Array.isArray(versions) ? versions : [undefined]
  const names = [contract.name]
  for (const version of list) {
    if (!isOlder(version)) return fail(contract.name, 'versions is a list: write versions: [older(newest, { contract: old })]')
    const { newest, contract: { name } } = version
    if (newest !== contract) fail(name, `it was made for the contract '${newest.name}', not for that of the route, '${contract.name}'`)
    if (names.includes(name)) fail(name, 'two versions of one route have this name: the subprotocol must tell them apart')
    names.push(name)
  }
  if (defaultVersion === undefined || names.includes(defaultVersion as string)) return
  const known = names.map((name) => `'${name}'`).join(' or ')
  fail(contract.name, `defaultVersion is the name of a version of the route: write ${known} instead of ${show(defaultVersion)}`)
}

function checkHandlers (on: unknown, { name: contract, clientToServer }: AnyContract, fail: Fail): void {
  if (!isRecord(on)) return fail('on is an object of handlers: write on: { message (payload, socket) {} }')
  const missing = Object.keys(clientToServer).filter((name) => !hasHandler(on, name))
  const unknown = isPlain(on) ? Object.keys(on).filter((name) => !Object.hasOwn(clientToServer, name)) : []
  for (const name of unknown) {
    const meant = meantBy(name, missing)
    if (meant !== undefined) fail(`contract '${contract}' has no client message '${name}': did you mean '${meant}'?`)
  }
  for (const name of missing) {
    const withCost = `on: { ${name}: { cost: 5, handler (payload, socket) {} } }`
    fail(`client message '${name}' has no handler: write on: { ${name} (payload, socket) {} }, or ${withCost}`)
  }
  for (const name of unknown) {
    fail(`contract '${contract}' has no client message '${name}': remove its handler, or declare it in clientToServer`)
  }
}

// An instance of a class also has fields, which are no handlers.
function isPlain (on: Fields): boolean {
  const prototype: unknown = Object.getPrototypeOf(on)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

// A handler may come from the prototype of `on`, which may be an instance of a class. A function
// that every object has (toString, say) is no handler.
function hasHandler (on: Fields, name: string): boolean {
  const handler = on[name]
  if (isRecord(handler)) return typeof handler['handler'] === 'function' && isCost(handler['cost']) && Object.keys(handler).length === 2
  return typeof handler === 'function' && handler !== ({} as typeof on)[name]
}

function isCost (cost: unknown): boolean {
  return Number.isFinite(cost) && Number(cost) >= 0
}

function checkBinary (binary: unknown, contract: AnyContract, fail: Fail): void {
  const { clientToServer } = contract.binary
  if (clientToServer && typeof binary !== 'function') {
    fail('its contract allows binary frames from the client: write binary (data, socket) {}')
  }
  if (!clientToServer && binary !== undefined) {
    fail('its contract allows no binary frames from the client: remove binary, or declare binary: { clientToServer: true }')
  }
}

function checkRefresh (refresh: unknown, { clientToServer }: AnyContract, fail: Fail): void {
  const names = Object.entries(clientToServer).flatMap(([name, message]) => 'stream' in message ? [] : name)
  if (refresh === undefined || names.includes(refresh as string)) return
  const list = names.join(', ') || 'those you declare in clientToServer'
  fail(`refresh names an event or a call of the client's: write one of ${list}`)
}
