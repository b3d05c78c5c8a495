/** @ts-ignore -- optional peer */
import type { Static as Static1 } from 'typebox'

/**
 * Which line of TypeBox made a schema, told by a property only that line's types have.
 * A lookup table, because a conditional on `Static1<S>` itself costs over a million instantiations.
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
