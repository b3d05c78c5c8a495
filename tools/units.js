// @ts-check
// Runs the tests that match the globs given, each in a Node of its own, without the loaders that
// tap's runner brings for coverage and mocks: they take most of the time of a small test.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { compile } from './compile.js'
import { recap } from './recap.js'

// Only what hangs meets these limits: first tap's, which names the test, then that of the process.
const TAP_TIMEOUT_S = 540
const TIMEOUT_MS = 600_000
// Many tests wait for a time to pass; another one has the core meanwhile.
const JOBS = 2 * availableParallelism()

const root = fileURLToPath(new URL('..', import.meta.url))
const env = { ...process.env, TAP_TYPE_STRIP_ONLY: '1', TAP_TIMEOUT: String(TAP_TIMEOUT_S) }

const patterns = process.argv.slice(2).map(patternOf)
// The largest first, so that none is alone at the end.
const files = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file.replaceAll('\\', '/')}`)
  .filter((file) => patterns.some((pattern) => pattern.test(file)))
  .sort((a, b) => sizeOf(b) - sizeOf(a))
const waiting = [...files]
const startMs = performance.now()
let count = 0
let failed = 0
let tap = ''

const { scriptOf, toSources } = await compile(files)
await Promise.all(Array.from({ length: JOBS }, work))
say(`1..${count}\n# ${files.length} files, ${failed} of them failed, ${seconds(startMs)}\n`)
recap(tap)
process.exitCode = failed === 0 && files.length > 0 ? 0 : 1

async function work () {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await run(file)
}

/** @param {string} file */
async function run (file) {
  const fileMs = performance.now()
  const { output, code, signal } = await outcomeOf(scriptOf(file))
  const passed = code === 0
  if (!passed) failed++
  // Of a file that passed one line is enough.
  const subtest = passed ? '' : `# Subtest: ${file}\n${toSources(output).replaceAll(/^(?=.)/gm, '    ')}\n`
  const diagnostics = signal === null ? '' : `  ---\n  killed: ${signal}\n  limit: ${TIMEOUT_MS / 1000} s\n  ...\n`
  say(`${subtest}${passed ? 'ok' : 'not ok'} ${++count} - ${file} # time=${Math.round(performance.now() - fileMs)}ms\n${diagnostics}`)
}

/** @param {string} script */
async function outcomeOf (script) {
  const args = ['--import=./tools/no-domains.js', script]
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => { process.stderr.write(toSources(text)) })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => { output += text })
  const timer = setTimeout(() => {
    child.kill('SIGKILL')
    // A child of its own may hold the pipe open.
    child.stdout.destroy()
    child.stderr.destroy()
  }, TIMEOUT_MS)
  const [code, signal] = await once(child, 'close')
  clearTimeout(timer)
  return { output, code, signal }
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
