/** @ts-ignore -- optional peer */
import type { Static as Static1 } from 'typebox'

/**
 * The type of a schema by the line of TypeBox that made it, told by a property of that line's
 * types. A lookup table, because a conditional on `Static1<S>` itself costs over a million
 * instantiations.
 */
interface Output<S> {
  static: S extends { static: infer T } ? T : never
  kind: Static1<S & {}>
  none: unknown
}

type Line<S> =
  S extends { static: unknown, params: unknown } ? 'static'
    : S extends { '~kind': unknown } | { '~unsafe': unknown } ? 'kind'
      : 'none'

/**
 * The TypeScript type of a schema: of `@sinclair/typebox` 0.34, of `typebox` 1.x, or `unknown` for
 * plain JSON Schema.
 */
export type Infer<S> = Output<S>[Line<S>]
