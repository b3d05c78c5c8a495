// @ts-check
// Runs the tests that match the globs given, and no glob behind a `!`, without the loaders that
// tap's runner brings for coverage and mocks. A process takes one file after the other: to load
// what they share takes most of the time of a small test. A file that ends its process, or hangs,
// costs no other file.
import { readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { compile } from './compile.js'
import { recap } from './recap.js'
import { UnitProcess } from './unit-process.js'

// Many tests wait for a time to pass; another one has the core meanwhile.
const JOBS = 2 * availableParallelism()

const root = fileURLToPath(new URL('..', import.meta.url))

const globs = process.argv.slice(2)
const wanted = globs.filter((glob) => !glob.startsWith('!')).map(patternOf)
const unwanted = globs.filter((glob) => glob.startsWith('!')).map((glob) => patternOf(glob.slice(1)))
// The largest first, so that none is alone at the end.
const files = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file.replaceAll('\\', '/')}`)
  .filter((file) => wanted.some((pattern) => pattern.test(file)) && !unwanted.some((pattern) => pattern.test(file)))
  .sort((a, b) => sizeOf(b) - sizeOf(a))
const waiting = [...files]
const startMs = performance.now()
let count = 0
let failed = 0
/** @type {import('./unit-process.js').Counts} */
const assertions = { pass: 0, fail: 0 }
let tap = ''

const { runner, scriptOf, toSources } = await compile(files)
await Promise.all(Array.from({ length: Math.min(JOBS, files.length) }, work))
say(`1..${count}\n# ${files.length} files, ${failed} of them failed, ${seconds(startMs)}\n`)
say(`# { total: ${assertions.pass + assertions.fail}, pass: ${assertions.pass}, fail: ${assertions.fail} }\n`)
recap(tap)
process.exitCode = failed === 0 && files.length > 0 ? 0 : 1

async function work () {
  while (waiting.length > 0) await workThrough(new UnitProcess(runner, (text) => process.stderr.write(toSources(text))))
}

/** @param {UnitProcess} unit */
async function workThrough (unit) {
  for (let file = waiting.shift(); file !== undefined; file = unit.isAlive ? waiting.shift() : undefined) {
    const fileMs = performance.now()
    report(file, await unit.run(file, scriptOf(file)), performance.now() - fileMs)
  }
  const { pass, fail } = await unit.end()
  assertions.pass += pass
  assertions.fail += fail
}

/**
 * @param {string} file
 * @param {import('./unit-process.js').Outcome} outcome
 * @param {number} ms
 */
function report (file, { passed, output, ended }, ms) {
  if (!passed) failed++
  // Of a file that passed one line is enough.
  const subtest = passed ? '' : toSources(output).replaceAll(/^(?! {4}).*\n/gm, '').replaceAll(/^ {4}/gm, '')
  const diagnostics = ended === undefined ? '' : `  ---\n  ended: ${ended}\n  ...\n`
  say(`${subtest}${passed ? 'ok' : 'not ok'} ${++count} - ${file} # time=${Math.round(ms)}ms\n${diagnostics}`)
}

/** @param {string} file */
function sizeOf (file) {
  return statSync(root + file).size
}

/** @param {string} line */
function say (line) {
  tap += line
  process.stdout.write(line)
}

/** @param {string} glob */
function patternOf (glob) {
  const source = glob.replaceAll('.', '\\.').replace(/(\*\*\/)|\*/g, (_, folders) => folders === undefined ? '[^/]*' : '(?:.+/)?')
  return new RegExp(`^${source}$`)
}

/** @param {number} sinceMs */
function seconds (sinceMs) {
  return `${Math.round((performance.now() - sinceMs) / 1000)} s`
}
