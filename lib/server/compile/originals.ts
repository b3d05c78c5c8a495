import type { FastifyInstance } from 'fastify'
import { isCopy } from '../../schema/equality.js'
import type { SharedSchemas } from '../../schema/references.js'

// Fastify's copy of a shared schema has lost kinds, refinements and conversions of TypeBox, which
// are no keywords: what they forbid would be let through.
const originals = new WeakMap<object, object>()

/** Notes from now on which schema each copy of Fastify's was made of, in every scope of the app. */
export function noteOriginals (app: FastifyInstance): void {
  const add: (this: FastifyInstance, schema: unknown) => unknown = Reflect.get(app, 'addSchema')
  app.addSchema = function (this: FastifyInstance, schema: unknown) {
    add.call(this, schema)
    const { $id } = schema as { readonly $id: string }
    const copy: unknown = this.getSchema($id)
    if (Object(copy) === copy) originals.set(copy as object, schema as object)
    return this
  }
}

/** The schemas of a scope as its `addSchema` was given them, unless they have changed since. */
export function sharedSchemasOf (scope: FastifyInstance): SharedSchemas {
  return Object.fromEntries(Object.entries(scope.getSchemas()).map(([id, copy]) => [id, originalOf(copy)]))
}

function originalOf (copy: unknown): unknown {
  const original = originals.get(copy as object)
  return original !== undefined && isCopy(original, copy) ? original : copy
}
