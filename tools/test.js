// @ts-check
// Runs tap with the given arguments. Without a terminal, the failures are printed once more at the
// end of the TAP, by file and full name: they are hard to find in its thousands of lines.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAX_FAILURES = 50
const MAX_DIAGNOSTICS_LINES = 60

const isWatched = process.stdout.isTTY
const runner = fileURLToPath(new URL('../node_modules/.bin/tap', import.meta.url))
const child = spawn(process.execPath, [runner, ...process.argv.slice(2)], { stdio: ['inherit', isWatched ? 'inherit' : 'pipe', 'inherit'] })
let tap = ''
child.stdout?.setEncoding('utf8').on('data', (text) => {
  tap += text
  process.stdout.write(text)
})
const [code] = await once(child, 'close')
// In a terminal tap's own reporter ends with the failures.
if (!isWatched) await recap()
process.exitCode = code ?? 1

async function recap () {
  const { Parser } = await import('tap-parser')
  const { stringify } = await import('tap-yaml')
  /** @type {Array<import('tap-parser').Result>} */
  const failures = Parser.parse(tap, { flat: true }).flatMap(([event, result]) => event === 'assert' && isFailure(result) ? [result] : [])
  if (failures.length === 0) return
  console.log('\n==== What failed')
  for (const { fullname, name, diag, skip } of failures.slice(0, MAX_FAILURES)) {
    // fullname begins with the file and ends with the name
    console.log(`\nnot ok: ${fullname.includes(name) ? fullname : `${fullname} > ${name}`}${skip ? ` # SKIP ${String(skip)}` : ''}`)
    if (diag) {
      const lines = stringify(diag).split('\n').slice(0, MAX_DIAGNOSTICS_LINES)
      console.log(lines.map((line) => `    ${line}`.trimEnd()).join('\n').trimEnd())
    }
  }
  if (failures.length > MAX_FAILURES) console.log(`\nand ${failures.length - MAX_FAILURES} more`)
}

// TAP_FAIL_SKIP makes tap count a skipped test as a failed one.
/** @param {import('tap-parser').Result} result */
function isFailure ({ ok, todo, skip }) {
  return (!ok && !todo) || (Boolean(skip) && process.env['TAP_FAIL_SKIP'] === '1')
}
