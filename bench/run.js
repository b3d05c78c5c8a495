// @ts-check
// Which bench? Each is a module that reads its own options and has a main().
import { stopAll } from './children.js'
import { refuse } from './options.js'

const BENCHES = [
  'speed', 'growth', 'full', 'idle', 'pressure', 'senders', 'neighbours', 'shutdown', 'checking', 'profile', 'cluster'
]
const first = process.argv[2] ?? ''
const name = first === '' || first.startsWith('-') ? 'speed' : first

if (!BENCHES.includes(name)) refuse(`there is no bench '${name}': write one of ${BENCHES.join(', ')}`)
const { main } = await import(`./${name}.js`)

try {
  await main()
} catch (error) {
  console.error(`\nbench: ${/** @type {Error} */ (error).message}`)
  process.exitCode = 1
} finally {
  await stopAll()
}
