import type { References } from '../schema/references.js'
import type { Subschema } from '../schema/subschema.js'

/**
 * A difference between what one side may say and what the other side takes: a value that is said
 * and, as far as can be proved, not taken.
 */
export interface Difference {
  /** The way from the payload to it: `.text`, `[].date`, or nothing. */
  readonly path: string
  /** The name of the part that differs: two differences of one place and aspect are one change. */
  readonly aspect: string
  readonly kind: Kind
  readonly grade: Grade
  /** The part as the sender has it, and as the receiver has it. */
  readonly said?: unknown
  readonly taken?: unknown
}

/**
 * - `keyword`: a keyword's value.
 * - `missing`: a property is required, and may be absent; `undeclared` also declared nowhere.
 * - `extra`: a property is said that the receiver does not declare.
 * - `open`: the sender's object is open and the receiver's is closed.
 * - `values`, `branch`: some of the values, or a branch of a union.
 * - `opaque`: a keyword that cannot be compared, but for equality.
 */
export type Kind = 'keyword' | 'missing' | 'undeclared' | 'extra' | 'open' | 'values' | 'branch' | 'opaque'

/**
 * The way in which a receiver takes it, the mildest first.
 *
 * - `ignored`: it takes the value, and does not look at the part.
 * - `unknown`: it depends on what a contract's JSON does not hold.
 * - `unlikely`: it refuses properties that the sender's schema allows without declaring them.
 * - `closed`: it refuses a declared property of an object that it has closed.
 * - `refused`: it refuses the value.
 */
export type Grade = 'ignored' | 'unknown' | 'unlikely' | 'closed' | 'refused'

const GRADES: readonly Grade[] = ['ignored', 'unknown', 'unlikely', 'closed', 'refused']

/** The worst grade among differences, as a number; 0 when each of them is ignored. */
export function rankOf (differences: readonly Difference[]): number {
  return Math.max(0, ...differences.map(({ grade }) => GRADES.indexOf(grade)))
}

/** The rank of differences of which one is refused. */
export const REFUSED: number = GRADES.indexOf('refused')

/** The schemas that all hold for one value, none of them a union. */
export type Case = readonly Subschema[]

/** Finds differences: the rules for objects, lists and unions call it for their parts. */
export interface Walk {
  readonly said: References
  readonly taken: References
  /** Between schemas that hold together, and a schema. */
  within (said: readonly Subschema[], taken: Subschema): readonly Difference[]
  /** Between one case of a union, and a schema. */
  caseWithin (said: Case, taken: Subschema): readonly Difference[]
}

/** Differences of a member of a value, as the value's own. */
export function below (step: string, differences: readonly Difference[]): Difference[] {
  return differences.map((difference) => ({ ...difference, path: step + difference.path }))
}

/** A keyword by which the receiver refuses what the sender may say. */
export function refused (aspect: string, said: unknown, taken: unknown): Difference {
  return { path: '', aspect, kind: 'keyword', grade: 'refused', said, taken }
}

/** A keyword that is not understood any further than that it is not the same. */
export function opaque (aspect: string): Difference {
  return { path: '', aspect, kind: 'opaque', grade: 'refused' }
}

/** The step from an object to a property, as code would write it. */
export function stepTo (name: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}
