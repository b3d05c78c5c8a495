// @ts-check
// Runs the tests that match the globs given, each in a Node of its own, without the loaders that
// tap's runner brings for coverage and mocks: they take most of the time of a small test.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { recap } from './recap.js'

const root = fileURLToPath(new URL('..', import.meta.url))
// As .taprc says; the time is only for what hangs.
const env = { ...process.env, TAP_TYPE_STRIP_ONLY: '1', TAP_TIMEOUT: '1800' }

const patterns = process.argv.slice(2).map(patternOf)
const files = readdirSync(root + 'test', { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file.replaceAll('\\', '/')}`)
  .filter((file) => patterns.some((pattern) => pattern.test(file)))
  .sort()
const waiting = [...files]
const startMs = performance.now()
let count = 0
let failed = 0
let tap = ''

await Promise.all(Array.from({ length: availableParallelism() }, work))
say(`1..${count}\n# ${files.length} files, ${failed} of them failed, ${seconds(startMs)}\n`)
recap(tap)
process.exitCode = failed === 0 && files.length > 0 ? 0 : 1

async function work () {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await run(file)
}

/** @param {string} file */
async function run (file) {
  const fileMs = performance.now()
  const args = ['--import=./test/support/typescript.js', file]
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (code !== 0) failed++
  // Of a file that passed one line is enough.
  const subtest = code === 0 ? '' : `# Subtest: ${file}\n${output.replaceAll(/^(?=.)/gm, '    ')}`
  say(`${subtest}${code === 0 ? 'ok' : 'not ok'} ${++count} - ${file} # time=${Math.round(performance.now() - fileMs)}ms\n`)
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
