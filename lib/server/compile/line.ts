import type { ObjectSubschema, Subschema } from '../../schema/subschema.js'
import type { Build } from './builds.js'
import type { Vocabulary } from './vocabulary.js'

export type Check = (value: unknown) => boolean

/** The parts of a line of TypeBox that are used. */
export interface Line {
  readonly build: Build
  /** Tells whether the line made a schema. */
  readonly made: (part: Subschema) => boolean
  /** Tells whether a schema asks for something that the line's compiler does not look at. */
  readonly isBeyond: (part: ObjectSubschema) => boolean
  readonly compile: (root: Subschema, vocabulary: Vocabulary) => Check
}

/** The name of a schema that is replaced, by which references find it. */
export function identityOf ({ $id }: Readonly<Record<PropertyKey, unknown>>): object {
  return $id === undefined ? {} : { $id }
}
