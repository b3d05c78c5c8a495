import type { AsyncApiOptions, DocumentSettings } from '../../types/asyncapi.js'
import { isRecord } from '../record.js'
import * as errors from '../server/errors.js'
import { questionOf } from '../server/suggest.js'

const OPTIONS = [
  'info', 'servers', 'tags', 'externalDocs', 'securitySchemes', 'protocol', 'transform', 'transformObject', 'routePrefix', 'onRequest'
]
const SETTINGS = ['yaml', 'perspective']
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

/** @throws FST_TYPED_WS_INVALID_OPTION */
export function checkOptions (options: object): asserts options is AsyncApiOptions {
  const { info, servers, tags, securitySchemes, routePrefix, onRequest, ...others } = options as Readonly<Record<string, unknown>>
  refuseOthers(Object.keys(options), OPTIONS)
  if (!isRecord(info) || !isText(info['title']) || !isText(info['version'])) {
    fail('info', 'AsyncAPI requires a title and a version: write info: { title: \'Chat\', version: \'1.0.0\' }')
  }
  for (const [name, value] of Object.entries({ servers, securitySchemes })) {
    if (value !== undefined && !isRecord(value)) fail(name, `is an object by name: write ${name}: { name: { … } }`)
  }
  if (tags !== undefined && !Array.isArray(tags)) fail('tags', 'is a list: write tags: [{ name: \'chat\' }]')
  for (const name of ['transform', 'transformObject']) {
    if (others[name] !== undefined && typeof others[name] !== 'function') fail(name, 'is a function')
  }
  checkRoutes(routePrefix, onRequest)
}

function checkRoutes (routePrefix: unknown, onRequest: unknown): void {
  if (routePrefix !== undefined && !(typeof routePrefix === 'string' && routePrefix.startsWith('/'))) {
    fail('routePrefix', 'is a path: write routePrefix: \'/asyncapi\'')
  }
  if (onRequest === undefined) return
  if (routePrefix === undefined) fail('onRequest', 'guards the routes of the document: write routePrefix: \'/asyncapi\', or leave it out')
  if (![onRequest].flat().every((hook) => typeof hook === 'function')) fail('onRequest', 'is a hook, or a list of them')
}

/** @throws FST_TYPED_WS_INVALID_OPTION */
export function checkSettings (settings: unknown): asserts settings is DocumentSettings {
  if (!isRecord(settings)) fail('asyncapi()', 'write app.asyncapi({ yaml: true }), or app.asyncapi()')
  refuseOthers(Object.keys(settings), SETTINGS)
  const { perspective } = settings
  if (perspective !== undefined && perspective !== 'server' && perspective !== 'client') {
    fail('perspective', 'write perspective: \'client\', or leave it out')
  }
}

function refuseOthers (names: readonly string[], known: readonly string[]): void {
  const other = names.find((name) => !known.includes(name))
  if (other !== undefined) fail(other, `is none of ${known.join(', ')}${questionOf(other, known)}`)
}

function fail (name: string, advice: string): never {
  throw new errors.InvalidOption(name, advice)
}
