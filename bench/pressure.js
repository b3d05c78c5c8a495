// @ts-check
// Readers that stopped reading are offered far more than they may have. What does it cost the
// server, and those who read?
import { Child, Row, begin, blaming } from './children.js'
import { openFiles, parse, positive, refuse } from './options.js'
import { median, note, printTable } from './table.js'

const READERS = 50
const BLOCK_BYTES = 4000
const MIB = 2 ** 20
const WORK = { kind: 'roundtrip', connections: READERS, window: 1 }
const WARM_UP_SECONDS = 2
const FLOOD_TIMEOUT_MS = 120_000
const SECONDS = 20
/**
 * Members that read, beside those that stopped: a broadcast costs whoever waits behind it something
 * in any case.
 */
const CASES = {
  reading: { room: 'drop', reads: true, title: 'all read' },
  close: { room: 'close', reads: false, title: 'all stopped, \'close\'' },
  drop: { room: 'drop', reads: false, title: 'all stopped, \'drop\'' }
}

const { rounds, stalled, mib } = readOptions()

export async function main () {
  console.log(
    `Node ${process.version}; broadcasts of ${BLOCK_BYTES} bytes to ${stalled} members, ${mib} MiB for each or ${SECONDS} s of them; ` +
    `${READERS} others send messages; medians of ${rounds} rounds`
  )
  const cases = Object.values(CASES)
  /** @type {any[][]} */
  const found = cases.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, one] of cases.entries()) {
      note(`round ${round + 1} of ${rounds}, ${one.title}`)
      found[i].push(await measure(one))
    }
  }
  note('')
  printTable(
    ['members', 'RSS before', 'at most', 'MiB for each', 'in', 'closed', 'left out', 'p50 of others', 'then', 'p99 of others', 'then', '×'],
    cases.map(({ title }, i) => cells(title, found[i]))
  )
}

function readOptions () {
  const values = parse({ rounds: '3', stalled: '1000', mib: '64' })
  const stalled = positive('stalled', Math.floor(Number(values.stalled)))
  if (openFiles(stalled) < stalled) refuse('too few files may be open for as many')
  return { rounds: positive('rounds', Math.floor(Number(values.rounds))), stalled, mib: positive('mib', Number(values.mib)) }
}

/** @param {{ room: string, reads: boolean }} one */
async function measure ({ room, reads }) {
  const [load, silent] = [begin(new Child('load.js')), begin(new Child('stalled.js'))]
  const row = begin(new Row('typed', ['--expose-gc'], 'servers/pressure.js'))
  const result = await blaming(row, async () => {
    await row.start()
    await load.ask({ name: 'open', port: row.port, path: '/echo', connections: READERS })
    await silent.ask({ name: 'open', port: row.port, path: `/${room}`, reads, connections: stalled })
    await run(load, WARM_UP_SECONDS)
    const calm = await run(load, SECONDS)
    const { rss } = await row.ask({ name: 'memory' })
    const flood = { name: 'flood', room, blocks: Math.round(mib * MIB / BLOCK_BYTES), blockBytes: BLOCK_BYTES, seconds: SECONDS }
    const [pressed, flooded] = await Promise.all([run(load, SECONDS), row.ask(flood, FLOOD_TIMEOUT_MS)])
    return { calm, pressed, rss, ...flooded }
  })
  await Promise.all([row.stop(), load.stop(), silent.stop()])
  return result
}

/**
 * @param {Child} load
 * @param {number} seconds
 */
function run (load, seconds) {
  return load.ask({ name: 'run', work: WORK, seconds, maySleep: true })
}

/**
 * @param {string} title
 * @param {any[]} results
 */
function cells (title, results) {
  const of = (/** @type {(result: any) => number} */ read) => median(results.map(read))
  const mib = (/** @type {number} */ bytes) => `${(bytes / MIB).toFixed(0)} MiB`
  const ms = (/** @type {number} */ value) => `${value.toFixed(2)} ms`
  return [
    title,
    mib(of(({ rss }) => rss)),
    mib(of(({ peak }) => peak)),
    (of(({ offered }) => offered) * BLOCK_BYTES / MIB).toFixed(0),
    `${(of(({ elapsedMs }) => elapsedMs) / 1000).toFixed(1)} s`,
    of(({ ended }) => ended).toLocaleString('en'),
    of(({ dropped }) => dropped).toLocaleString('en'),
    ms(of(({ calm }) => calm.p50Ms)),
    ms(of(({ pressed }) => pressed.p50Ms)),
    ms(of(({ calm }) => calm.p99Ms)),
    ms(of(({ pressed }) => pressed.p99Ms)),
    of(({ calm, pressed }) => pressed.p99Ms / calm.p99Ms).toFixed(2)
  ]
}
