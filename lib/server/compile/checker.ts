import { explainUnfit } from '../../schema/checks.js'
import { unwind, type Unwound } from '../../schema/recursion.js'
import { References, referrersIn, type SharedSchemas } from '../../schema/references.js'
import type { Subschema } from '../../schema/subschema.js'
import { COMPILED_LATE, openAjv, type AjvCheck, type AjvOptions } from './ajv.js'
import { explain, UNEXPLAINED } from './explain.js'
import { refuseMalformed } from './meta-schema.js'
import type { TypeBox } from './typebox.js'
import type { Vocabulary } from './vocabulary.js'

export type Check = (value: unknown) => boolean

/** Makes a check of values against a part of a schema. */
export type Matcher = (part: Subschema) => Check

/** Checks values against one schema. */
export interface Checker {
  readonly check: Check
  /** The reason why `check` said no, by its first error. */
  readonly explain: (value: unknown) => string
  /** Makes a check of values against a part of the schema. */
  readonly checkOf: Matcher
}

/** Everything that gives the schemas of one scope their meaning. */
export interface Scope {
  readonly typebox: TypeBox
  readonly vocabulary: Vocabulary
  readonly sharedSchemas: SharedSchemas
}

/**
 * Compiles a checker. TypeBox checks in tens of nanoseconds; Ajv checks a schema that refers to one
 * of the app's, or that TypeBox did not make.
 *
 * @param ajvOptions - of Ajv, over the app's.
 * @throws when the schema cannot be enforced.
 */
export function compileChecker (references: References, scope: Scope, ajvOptions: AjvOptions): Checker {
  refuseUnenforceable(references, scope)
  const unwound = unwind(references)
  return unwound === undefined ? compileReferences(references, scope, ajvOptions) : compileUnwound(unwound, scope, ajvOptions)
}

function refuseUnenforceable (references: References, { vocabulary }: Scope): void {
  const unfit = explainUnfit(references)
  if (unfit !== undefined) throw new Error(unfit)
  references.refuseTwins()
  vocabulary.refuseUnknown(references)
  references.refuseLost()
  refuseMalformed(references, vocabulary)
}

function compileUnwound ({ references, copyOf, targets, memory }: Unwound, scope: Scope, ajvOptions: AjvOptions): Checker {
  const checker = compileReferences(references, scope, ajvOptions)
  const matcher = matcherOf(checker, scope)
  for (const target of targets) memory.set(target, compileTarget(copyOf(target), matcher, scope, ajvOptions))
  return {
    check: (value) => memory.during(() => checker.check(value)),
    explain: (value) => memory.during(() => checker.explain(value)),
    checkOf: (part) => {
      const check = matcher(copyOf(part))
      return (value) => memory.during(() => check(value))
    }
  }
}

// Most often the target is left with no reference.
function compileTarget (target: Subschema, matcher: Matcher, scope: Scope, ajvOptions: AjvOptions): Check {
  return referrersIn(target).length > 0 ? matcher(target) : compileReferences(new References(target.schema), scope, ajvOptions).check
}

function compileReferences (references: References, { typebox, vocabulary }: Scope, ajvOptions: AjvOptions): Checker {
  const check = references.documents().size > 1 ? undefined : typebox.compile(references, vocabulary)
  return check === undefined ? ajvChecker(references, vocabulary, ajvOptions) : { check, ...explainLater(references, vocabulary) }
}

function ajvChecker (references: References, vocabulary: Vocabulary, ajvOptions: AjvOptions): Checker {
  const ajv = openAjv(references, vocabulary, ajvOptions)
  const validate = ajv(references.root)
  return {
    check: (value) => validate(value),
    explain: (value) => {
      validate(value)
      return explain(validate.errors)
    },
    checkOf: ajv
  }
}

/**
 * Explains refusals by an Ajv that is made when it is first needed: TypeBox 1.x finds every error
 * before it tells the first, and no two lines use the same words.
 */
function explainLater (references: References, vocabulary: Vocabulary): Pick<Checker, 'explain' | 'checkOf'> {
  let open: ReturnType<typeof openAjv> | undefined
  const checks = new Map<string, AjvCheck>()
  const checkOf = (part: Subschema): AjvCheck => {
    open ??= openAjv(references, vocabulary, COMPILED_LATE)
    const check = checks.get(part.uri) ?? open(part)
    checks.set(part.uri, check)
    return check
  }
  let isBeyond = false
  return {
    checkOf,
    explain: (value) => {
      if (isBeyond) return UNEXPLAINED
      try {
        const check = checkOf(references.root)
        check(value)
        return explain(check.errors)
      } catch (error) {
        // A schema that Ajv cannot compile stays unexplained: the next message does not pay for
        // another attempt. The code of a schema that is too large fails when it is first called.
        isBeyond = !checks.has(references.root.uri) || error instanceof RangeError
        return UNEXPLAINED
      }
    }
  }
}

/** A matcher that checks a branch without references by a compiled check of its own. */
export function matcherOf (checker: Checker, { typebox, vocabulary }: Scope): Matcher {
  return (part) => {
    if (typeof part.schema === 'boolean') return () => part.schema === true
    const own = referrersIn(part).length > 0 ? undefined : typebox.compile(new References(part.schema), vocabulary)
    return own ?? checker.checkOf(part)
  }
}
