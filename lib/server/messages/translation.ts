import type { Translation } from '../../../types/versions.js'
import type { Checker } from '../compile/checker.js'
import * as errors from '../errors.js'
import { causedBy, textOf } from '../failure.js'
import { printable } from '../printable.js'

/**
 * Translates a value, and checks the result.
 * @param where - the translation, for the error.
 * @throws FST_TYPED_WS_INVALID_TRANSLATION
 */
export function translated (version: string, where: string, value: unknown, translate: Translation['up'], checker: Checker): unknown {
  return translating(version, where, () => {
    const result = apply(translate, value)
    if (checker.check(result)) return result
    throw new Error(checker.explain(result))
  })
}

/**
 * Runs a translation, whose fault is the server's, whatever it throws.
 * @throws FST_TYPED_WS_INVALID_TRANSLATION
 */
export function translating<T> (version: string, where: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw causedBy(new errors.InvalidTranslation(version, `${where}: ${printable(textOf(error))}`), error)
  }
}

/** Without a function the one value is the other. */
export function apply (translate: Translation['up'], value: unknown): unknown {
  return translate === undefined ? value : translate(value as never)
}
