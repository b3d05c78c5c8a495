// @ts-check
// Rows beside each other in scenarios, round by round.
import { createRequire } from 'node:module'
import { availableParallelism, cpus } from 'node:os'
import { check } from './check.js'
import { Child, Row, begin, blaming, rowOf, shortTitleOf, takesPart } from './children.js'
import { SCENARIOS } from './scenarios.js'
import { median, rotate } from './table.js'

/**
 * @typedef {import('./children.js').RowName} RowName
 * @typedef {import('./load.js').Counted} Counted
 * @typedef {import('./scenarios.js').Scenario} Scenario
 * @typedef {{ cpuUs: number, rate: number, p50Ms: number, p99Ms: number, p999Ms: number, lateMs:
 * number, serverShare: number, otherShare: number }} Sample
 * @typedef {Sample & { name: RowName, title: string, ratio?: number, range?: [number, number] }}
 * Result medians of a row; `ratio`: how many times less CPU than the base, with its range
 * @typedef {object} Comparison
 * @property {string} name
 * @property {string} kind
 * @property {string} title
 * @property {string} unit
 * @property {Result[]} results
 * @typedef {{ rounds: number, seconds: number, scenarios: Scenario[], names: RowName[], base:
 * RowName }} Plan
 */

const WARM_UP_SECONDS = 0.3        // for every new process, in every scenario
const RUN_IN_SECONDS = 0.25        // on the connections about to be measured
const ANSWER_TIMEOUT_MS = 30_000   // beyond what was asked for; the load process gives up earlier and says why
const AROUND_SECONDS = 0.35        // to open and close the connections of a scenario, and what else is around it
const MAX_OTHER_SHARE = 0.15       // of one core, used by neither server nor load
const START_SECONDS = 2            // of a row, with its check

/**
 * @param {Plan} plan
 * @returns {number} seconds that it will take about
 */
export function estimate ({ rounds, seconds, scenarios, names }) {
  const ofRow = (/** @type {RowName} */ name) => {
    const warmUp = SCENARIOS.filter((scenario) => isWarmedUpBy(name, scenario)).length * (WARM_UP_SECONDS + AROUND_SECONDS)
    const runs = scenarios.filter((scenario) => takesPart(name, scenario)).length * (seconds + RUN_IN_SECONDS + AROUND_SECONDS)
    return START_SECONDS + warmUp + runs
  }
  return rounds * names.reduce((sum, name) => sum + ofRow(name), 0)
}

/**
 * @param {Plan} plan
 * @param {(step: string) => void} onStep
 * @returns {Promise<Comparison[]>}
 */
export async function compare (plan, onStep) {
  const load = begin(new Child('load.js'))
  /** @type {Map<string, Sample[]>} */
  const samples = new Map()
  for (let round = 0; round < plan.rounds; round++) await measureRound(load, round, plan, samples, onStep)
  await load.stop()
  return plan.scenarios.map((scenario) => comparisonOf(scenario, plan, samples))
}

/**
 * Server processes live for one round: what the compiler happened to make of a row in one process
 * is then one sample of several.
 *
 * @param {Child} load
 * @param {number} round
 * @param {Plan} plan
 * @param {Map<string, Sample[]>} samples
 * @param {(step: string) => void} onStep
 */
async function measureRound (load, round, { rounds, seconds, scenarios, names }, samples, onStep) {
  const rows = rotate(names, round).map((name) => begin(new Row(name)))
  for (const row of rows) {
    onStep(`round ${round + 1} of ${rounds}, warming up ${row.title}`)
    await blaming(row, () => prepare(load, row))
  }
  for (const scenario of scenarios) {
    onStep(`round ${round + 1} of ${rounds}, ${scenario.title}`)
    for (const row of rows.filter(({ name }) => takesPart(name, scenario))) {
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
  await row.start()
  await check(row)
  for (const scenario of SCENARIOS.filter((scenario) => isWarmedUpBy(row.name, scenario))) {
    const work = await open(load, row, scenario)
    await load.ask({ name: 'run', work, seconds: WARM_UP_SECONDS })
    await load.ask({ name: 'close' })
  }
}

/**
 * Paced load is no other work than that of one message in flight.
 *
 * @param {RowName} name
 * @param {Scenario} scenario
 */
function isWarmedUpBy (name, scenario) {
  return scenario.kind !== 'paced' && takesPart(name, scenario)
}

/**
 * @param {Child} load
 * @param {Row} row
 * @param {Scenario} scenario
 */
async function open (load, row, scenario) {
  const work = { ...scenario, port: row.port, dialect: row.dialect }
  await load.ask({ ...work, name: 'open', connections: scenario.kind === 'handshake' ? 0 : scenario.connections })
  return work
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
  const work = await open(load, row, scenario)
  // Connections that are opened have nothing to run in.
  if (scenario.kind !== 'handshake') await load.ask({ name: 'run', work, seconds: RUN_IN_SECONDS })
  const sample = await run(load, row, work, seconds)
  await load.ask({ name: 'close' })
  return sample
}

/**
 * @param {Child} load with open connections
 * @param {Row} row
 * @param {object} work
 * @param {number} seconds
 */
export async function run (load, row, work, seconds) {
  const allBefore = machineCpuUs()
  const before = await row.readCpuUs()
  const counted = await load.ask({ name: 'run', work, seconds }, seconds * 1000 + ANSWER_TIMEOUT_MS)
  const spentUs = await row.readCpuUs() - before
  return toSample(counted, spentUs, machineCpuUs() - allBefore)
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
function toSample ({ messages, elapsedMs, p50Ms, p99Ms, p999Ms, lateMs, cpuUs }, spentUs, allUs) {
  return {
    cpuUs: spentUs / messages,
    rate: messages / elapsedMs * 1000,
    p50Ms,
    p99Ms,
    p999Ms,
    lateMs,
    serverShare: spentUs / elapsedMs / 1000,
    otherShare: Math.max(allUs - spentUs - cpuUs, 0) / elapsedMs / 1000
  }
}

/**
 * @param {Scenario} scenario
 * @param {Plan} plan
 * @param {Map<string, Sample[]>} samples
 * @returns {Comparison}
 */
function comparisonOf (scenario, { names, base }, samples) {
  const of = (/** @type {RowName} */ name) => samples.get(keyOf(scenario, name)) ?? []
  const { name, kind, title, unit } = scenario
  const taking = names.filter((name) => of(name).length > 0)
  return { name, kind, title, unit, results: taking.map((name) => resultOf(name, of(name), of(base))) }
}

/**
 * @param {RowName} name
 * @param {Sample[]} own
 * @param {Sample[]} base empty where it is not measured
 * @returns {Result}
 */
function resultOf (name, own, base) {
  const keys = /** @type {Array<keyof Sample>} */ (Object.keys(own[0]))
  const medians = /** @type {Sample} */ (Object.fromEntries(keys.map((key) => [key, median(own.map((sample) => sample[key]))])))
  const result = { ...medians, name, title: rowOf(name).title }
  if (base.length === 0) return result
  // Round by round, because both rows of a round saw the same machine.
  const ratios = own.map((sample, round) => base[round].cpuUs / sample.cpuUs)
  return { ...result, ratio: median(ratios), range: [Math.min(...ratios), Math.max(...ratios)] }
}

/**
 * @param {Comparison} comparison
 * @param {RowName} base
 * @returns {import('./table.js').Table}
 */
export function tableOf ({ title, kind, unit, results }, base) {
  const late = kind === 'paced' ? ['sent late, p99 ms'] : []
  const columns = ['p50 ms', 'p99 ms', 'p99.9 ms', ...late, 'server CPU', 'other CPU']
  return {
    title,
    head: ['', `CPU µs/${unit}`, `× ${shortTitleOf(base)}`, '(range)', `${unit}/s`, ...columns],
    rows: results.map((result) => [
      result.title,
      result.cpuUs.toFixed(2),
      result.ratio ? `${result.ratio.toFixed(2)}×` : '-',
      result.range ? result.range.map((ratio) => ratio.toFixed(2)).join('–') : '-',
      Math.round(result.rate).toLocaleString('en'),
      ...[result.p50Ms, result.p99Ms, result.p999Ms, ...late.map(() => result.lateMs)].map((ms) => ms.toFixed(2)),
      ...[result.serverShare, result.otherShare].map((share) => `${Math.round(share * 100)} %`)
    ])
  }
}

/** @param {Comparison[]} comparisons */
export function otherShareOf (comparisons) {
  return median(comparisons.flatMap(({ results }) => results.map(({ otherShare }) => otherShare)))
}

/** @param {number} share */
export function warnOfOthers (share) {
  if (share < MAX_OTHER_SHARE) return
  console.log(`\nOther processes took ${Math.round(share * 100)} % of a core meanwhile: the ratios are not those of a quiet machine.`)
}

export function machine () {
  const { version } = createRequire(import.meta.url)('ws/package.json')
  return { node: process.version, ws: String(version), cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: availableParallelism() }
}

/**
 * @param {{ name: string }} scenario
 * @param {string} name
 */
function keyOf (scenario, name) {
  return `${scenario.name}/${name}`
}
