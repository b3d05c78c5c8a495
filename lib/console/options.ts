import type { ConsoleOptions } from '../../types/console.js'
import * as errors from '../server/errors.js'
import { questionOf } from '../server/suggest.js'

const OPTIONS = ['prefix', 'onRequest', 'document', 'logLevel', 'logSerializers']

/** @throws FST_TYPED_WS_INVALID_OPTION, FST_TYPED_WS_UNGUARDED_CONSOLE */
export function checkOptions (options: ConsoleOptions, hasAsyncApi: boolean): void {
  const { onRequest, document } = options as Readonly<Record<string, unknown>>
  const other = Object.keys(options).find((name) => !OPTIONS.includes(name))
  if (other !== undefined) throw new errors.InvalidOption(other, `is none of ${OPTIONS.join(', ')}${questionOf(other, OPTIONS)}`)
  const hooks = [onRequest ?? []].flat()
  if (!hooks.every((hook) => typeof hook === 'function')) throw new errors.InvalidOption('onRequest', 'is a hook, or a list of them')
  if (document !== undefined && !(typeof document === 'string' && /^\/(?![/\\])/.test(document))) {
    throw new errors.InvalidOption('document', 'is a path of the same origin: write document: \'/asyncapi/json\'')
  }
  if (document === undefined && !hasAsyncApi) {
    throw new errors.InvalidOption('document', 'the console reads an AsyncAPI document: register fastify-typed-ws/asyncapi before it, ' +
      'or write document: \'/asyncapi/json\'')
  }
  if (hooks.length === 0 && process.env['NODE_ENV'] === 'production') throw new errors.UnguardedConsole()
}
