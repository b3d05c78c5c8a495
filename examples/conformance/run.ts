// Brings the typed client through all cases of a server: node run.js ws://localhost:3000
import { cases } from './cases.js'
import { playCase } from './port.js'
import type { Report } from './server.js'

const [url = 'ws://localhost:3000', run = new Date().toISOString()] = process.argv.slice(2)

await Promise.all(cases.map((case_) => playCase(url, run, case_)))
const response = await fetch(`${url.replace(/^ws/, 'http')}/report?run=${encodeURIComponent(run)}`)
const { passed, failed, cases: lines } = await response.json() as Report
for (const { name, verdict, reason = '' } of lines) {
  if (verdict !== 'passed') console.log(name, verdict, reason)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
