import type { FastifyInstance } from 'fastify'
import type { MessageHook } from '../../../types/handler.js'
import * as errors from '../errors.js'
import { kMessageHooks } from '../symbols.js'
import { isThenable } from './dispatch.js'
import type { Handler } from './message.js'

/** An instance, as far as message hooks are concerned. */
interface Scope {
  [kMessageHooks]?: readonly MessageHook[]
}

/** Gives an app message hooks; a scope begins with those of its parent, as Fastify's own do. */
export function keepMessageHooks (app: FastifyInstance, hooks: readonly MessageHook[]): void {
  setMessageHooks(app, hooks)
  // From now on it does not see those that its parent is given.
  app.addHook('onRegister', (scope) => setMessageHooks(scope, messageHooksOf(scope)))
}

/** @throws FST_TYPED_WS_INVALID_HOOK */
export function addMessageHook (scope: FastifyInstance, hook: MessageHook): void {
  if (typeof hook !== 'function') throw new errors.InvalidHook('write a function (payload, socket, message) => {}')
  setMessageHooks(scope, [...messageHooksOf(scope), hook])
}

/** The message hooks of a scope, its parents' first. */
export function messageHooksOf (scope: FastifyInstance): readonly MessageHook[] {
  return (scope as Scope)[kMessageHooks]!
}

/**
 * Puts hooks in front of a handler: each runs once the one before it has settled. One that throws
 * or rejects keeps the message from the others and from the handler.
 */
export function hooked (hooks: readonly Handler[], handler: Handler): Handler {
  return hooks.reduceRight((next, hook) => (payload, socket, message) => {
    const result = hook(payload, socket, message)
    const go = (): unknown => next(payload, socket, message)
    return isThenable(result) ? Promise.resolve(result).then(go) : go()
  }, handler)
}

function setMessageHooks (scope: FastifyInstance, hooks: readonly MessageHook[]): void {
  const hooked: Scope = scope as Scope
  hooked[kMessageHooks] = hooks
}
