// @ts-check
// SIGTERM while every connection waits for the answer to a call: are they answered, and how long
// does it take?
import { setTimeout as delay } from 'node:timers/promises'
import { Child, Row, begin, blaming } from './children.js'
import { openFiles, parse, positive } from './options.js'

const TAKES_MS = 2000
const ARRIVAL_MS = 50
const OPEN_TIMEOUT_MS = 120_000

const { connections } = readOptions()

export async function main () {
  const callers = begin(new Child('callers.js'))
  const row = begin(new Row('typed', [], 'servers/calls.js'))
  await blaming(row, async () => {
    await row.start()
    await callers.ask({ name: 'open', port: row.port, connections }, OPEN_TIMEOUT_MS)
    await callers.ask({ name: 'call', takesMs: TAKES_MS })
    const inFlight = await everyCall(row)
    const startedMs = performance.now()
    row.kill('SIGTERM')
    const fate = await row.gone()
    const elapsedMs = performance.now() - startedMs
    const { replies, wrong, goodbyes, others } = await callers.ask({ name: 'count' })
    const lost = connections - replies
    console.log(
      `Node ${process.version}; ${connections.toLocaleString('en')} connections, ` +
      `${inFlight.toLocaleString('en')} calls of ${TAKES_MS} ms in flight at the SIGTERM`
    )
    console.log(`  replies ${replies}, lost ${lost}, wrong ${wrong}; closed with 1012 and retry-after-ms ${goodbyes}, otherwise ${others}`)
    console.log(`  ${fate}, after ${Math.round(elapsedMs)} ms`)
    if (lost + wrong + others > 0) throw new Error('a call was lost')
  })
  await callers.stop()
}

function readOptions () {
  const values = parse({ connections: '10000' })
  return { connections: openFiles(positive('connections', Math.floor(Number(values.connections)))) }
}

/**
 * Waits until all have arrived.
 *
 * @param {Row} row
 */
async function everyCall (row) {
  let before = 0
  let running = 0
  do {
    before = running
    await delay(ARRIVAL_MS)
    running = await row.ask({ name: 'running' })
  } while (running === 0 || running > before)
  return running
}
