// @ts-check
// Runs the files of tests that the parent process names, one after the other.
import { on } from 'node:events'
import { runFiles } from './unit-tap.js'

const TIMEOUT_MS = 540_000

await runFiles(named(), TIMEOUT_MS)
process.disconnect?.()

async function * named () {
  // tap lets a process end that waits for a message.
  process.channel?.ref()
  for await (const [{ named }] of on(process, 'message')) {
    if (named === undefined) return
    yield named
  }
}
