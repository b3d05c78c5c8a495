// @ts-check
// What failed, said once more at the end of the TAP, by file and full name.
import { Parser } from 'tap-parser'
import { stringify } from 'tap-yaml'

const MAX_FAILURES = 50
const MAX_DIAGNOSTICS_LINES = 60

/** @param {string} tap */
export function recap (tap) {
  /** @type {Array<import('tap-parser').Result>} */
  const failures = Parser.parse(tap, { flat: true }).flatMap(([event, result]) => event === 'assert' && isFailure(result) ? [result] : [])
  if (failures.length === 0) return
  console.log('\n==== What failed')
  for (const { fullname, name, diag, skip } of failures.slice(0, MAX_FAILURES)) {
    // fullname begins with the file and ends with the name
    console.log(`\nnot ok: ${fullname.includes(name) ? fullname : `${fullname} > ${name}`}${skip ? ` # SKIP ${String(skip)}` : ''}`)
    if (diag) console.log(shorten(stringify(diag)))
  }
  if (failures.length > MAX_FAILURES) console.log(`\nand ${failures.length - MAX_FAILURES} more`)
  console.log('\n==== That is all that failed')
}

/** @param {string} text */
function shorten (text) {
  return text.split('\n').slice(0, MAX_DIAGNOSTICS_LINES).map((line) => `    ${line}`.trimEnd()).join('\n').trimEnd()
}

// TAP_FAIL_SKIP makes tap count a skipped test as a failed one.
/** @param {import('tap-parser').Result} result */
function isFailure ({ ok, todo, skip }) {
  return (!ok && !todo) || (Boolean(skip) && process.env['TAP_FAIL_SKIP'] === '1')
}
