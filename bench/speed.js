// @ts-check
import { createRequire } from 'node:module'
import { availableParallelism, cpus } from 'node:os'
import { addBefore } from './against.js'
import { check } from './check.js'
import { Child, Row, begin, blaming, rowOf, shortTitleOf } from './children.js'
import { parse, positive, refuse, rowNames } from './options.js'
import { SCENARIOS } from './scenarios.js'
import { median, note, printTable, rotate } from './table.js'

/**
 * @typedef {import('./children.js').RowName} RowName
 * @typedef {import('./load.js').Counted} Counted
 * @typedef {import('./scenarios.js').Scenario} Scenario
 * @typedef {{ cpuUs: number, rate: number, p50Ms: number, p99Ms: number, serverShare: number,
 * loadShare: number, otherShare: number }} Sample
 */

const WARM_UP_SECONDS = 0.5        // for every new process, in every scenario
const RUN_IN_SECONDS = 0.25        // on the connections about to be measured
const ANSWER_TIMEOUT_MS = 30_000   // beyond what was asked for; the load process gives up earlier and says why
const MAX_OTHER_SHARE = 0.15       // of one core, used by neither server nor load

const { rounds, seconds, scenarios, names, base } = readOptions()

export async function main () {
  const load = begin(new Child('load.js'))
  /** @type {Map<string, Sample[]>} */
  const samples = new Map()
  printMachine()
  for (let round = 0; round < rounds; round++) await measureRound(load, round, samples)
  note('')
  for (const scenario of scenarios) printScenario(scenario, samples)
  warnOfOthers(Array.from(samples.values()).flat())
}

/**
 * Server processes live for one round: what the compiler happened to make of a row in one process
 * is then one sample of five.
 *
 * @param {Child} load
 * @param {number} round
 * @param {Map<string, Sample[]>} samples
 */
async function measureRound (load, round, samples) {
  const rows = rotate(names, round).map((name) => begin(new Row(name)))
  for (const row of rows) await blaming(row, () => prepare(load, row))
  for (const scenario of scenarios) {
    for (const row of rows) {
      note(`round ${round + 1} of ${rounds}, ${scenario.title}, ${row.name}`)
      const sample = await blaming(row, () => measure(load, row, scenario, seconds))
      const key = keyOf(scenario, row.name)
      samples.set(key, [...samples.get(key) ?? [], sample])
    }
  }
  await Promise.all(rows.map((row) => row.stop()))
}

/**
 * Warms up with all scenarios, chosen or not: a process that has only ever broadcast is compiled
 * otherwise than one that has also answered, and then `--only` would change the result.
 *
 * @param {Child} load
 * @param {Row} row
 */
async function prepare (load, row) {
  note(`warming up ${row.name}`)
  await row.start()
  await check(row)
  for (const scenario of SCENARIOS) await measure(load, row, scenario, WARM_UP_SECONDS)
}

/**
 * The server is idle when its CPU time is read, before and after, so what it spent was spent on
 * what was counted.
 *
 * @param {Child} load
 * @param {Row} row
 * @param {Scenario} scenario
 * @param {number} seconds
 * @returns {Promise<Sample>}
 */
async function measure (load, row, scenario, seconds) {
  const work = { ...scenario, port: row.port }
  await load.ask({ ...work, name: 'open', connections: scenario.kind === 'handshake' ? 0 : scenario.connections })
  await load.ask({ name: 'run', work, seconds: RUN_IN_SECONDS })
  const allBefore = machineCpuUs()
  const before = await row.readCpuUs()
  const counted = await load.ask({ name: 'run', work, seconds }, seconds * 1000 + ANSWER_TIMEOUT_MS)
  const spentUs = await row.readCpuUs() - before
  const allUs = machineCpuUs() - allBefore
  await load.ask({ name: 'close' })
  return toSample(counted, spentUs, allUs)
}

function machineCpuUs () {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) * 1000
}

/**
 * @param {Counted} counted
 * @param {number} spentUs by the server
 * @param {number} allUs by the whole machine
 * @returns {Sample}
 */
function toSample ({ messages, elapsedMs, p50Ms, p99Ms, cpuUs }, spentUs, allUs) {
  return {
    cpuUs: spentUs / messages,
    rate: messages / elapsedMs * 1000,
    p50Ms,
    p99Ms,
    serverShare: spentUs / elapsedMs / 1000,
    loadShare: cpuUs / elapsedMs / 1000,
    otherShare: Math.max(allUs - spentUs - cpuUs, 0) / elapsedMs / 1000
  }
}

/**
 * @param {Scenario} scenario
 * @param {Map<string, Sample[]>} samples
 */
function printScenario (scenario, samples) {
  const { unit } = scenario
  const columns = ['p50 ms', 'p99 ms', 'server CPU', 'load CPU', 'other CPU']
  const head = ['', `CPU µs/${unit}`, `× ${shortTitleOf(base)}`, '(range)', `${unit}/s`, ...columns]
  const of = (/** @type {RowName} */ name) => samples.get(keyOf(scenario, name)) ?? []
  console.log(`\n${scenario.title}`)
  printTable(head, names.map((name) => cells(rowOf(name).title, of(name), names.includes(base) ? of(base) : undefined)))
}

/**
 * @param {string} title
 * @param {Sample[]} own
 * @param {Sample[] | undefined} base
 */
function cells (title, own, base) {
  const of = (/** @type {keyof Sample} */ key) => median(own.map((sample) => sample[key]))
  // Round by round, because both rows of a round saw the same machine.
  const ratios = base ? own.map((sample, round) => base[round].cpuUs / sample.cpuUs) : []
  return [
    title,
    of('cpuUs').toFixed(2),
    base ? `${median(ratios).toFixed(2)}×` : '-',
    base ? `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}` : '-',
    Math.round(of('rate')).toLocaleString('en'),
    of('p50Ms').toFixed(2),
    of('p99Ms').toFixed(2),
    `${Math.round(of('serverShare') * 100)} %`,
    `${Math.round(of('loadShare') * 100)} %`,
    `${Math.round(of('otherShare') * 100)} %`
  ]
}

function readOptions () {
  const values = parse({ rounds: '5', seconds: '2', only: undefined, rows: undefined, against: undefined })
  if (values.against !== undefined) addBefore(values.against)
  return {
    base: /** @type {RowName} */ (values.against === undefined ? 'ws' : 'before'),
    rounds: positive('rounds', Math.floor(Number(values.rounds))),
    seconds: positive('seconds', Number(values.seconds)),
    scenarios: values.only === undefined ? SCENARIOS : chosenScenarios(values.only),
    names: rowNames(values.rows)
  }
}

/** @param {Sample[]} samples */
function warnOfOthers (samples) {
  const share = median(samples.map(({ otherShare }) => otherShare))
  if (share < MAX_OTHER_SHARE) return
  console.log(`\nOther processes took ${Math.round(share * 100)} % of a core meanwhile: the ratios are not those of a quiet machine.`)
}

/** @param {string} wanted names or kinds */
function chosenScenarios (wanted) {
  const words = wanted.split(',')
  const known = SCENARIOS.flatMap(({ name, kind }) => [name, kind])
  if (!words.every((word) => known.includes(word))) refuse(`--only takes some of ${[...new Set(known)].join(',')}`)
  return SCENARIOS.filter(({ name, kind }) => words.includes(name) || words.includes(kind))
}

function printMachine () {
  const { version } = createRequire(import.meta.url)('ws/package.json')
  console.log(`Node ${process.version}, ws ${version}, ${availableParallelism()} cores; medians of ${rounds} rounds of ${seconds} s`)
}

/**
 * @param {Scenario} scenario
 * @param {string} name
 */
function keyOf (scenario, name) {
  return `${scenario.title}/${name}`
}
