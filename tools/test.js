// @ts-check
// Runs tap with the arguments given. Where no terminal shows it, a recap tells at the end which
// tests have failed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { recap } from './recap.js'

const isWatched = process.stdout.isTTY
const runner = fileURLToPath(new URL('../node_modules/.bin/tap', import.meta.url))
const child = spawn(process.execPath, [runner, ...process.argv.slice(2)], { stdio: ['inherit', isWatched ? 'inherit' : 'pipe', 'inherit'] })
let tap = ''
child.stdout?.setEncoding('utf8').on('data', (text) => {
  tap += text
  process.stdout.write(text)
})
const [code] = await once(child, 'close')
// tap's own reporter for people ends with what failed.
if (!isWatched) recap(tap)
process.exitCode = code ?? 1
