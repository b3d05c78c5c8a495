// @ts-check
import { addBefore } from './against.js'
import { PEERS } from './children.js'
import { compare, machine, otherShareOf, tableOf, warnOfOthers } from './measure.js'
import { parse, positive, refuse, rowNames } from './options.js'
import { installPeers } from './peers/install.js'
import { SCENARIOS } from './scenarios.js'
import { note, printTitled } from './table.js'

/** @typedef {import('./children.js').RowName} RowName */

const plan = readOptions()

export async function main () {
  const { node, ws, cores } = machine()
  const { rounds, seconds, names, base } = plan
  if (names.some((name) => /** @type {readonly string[]} */ (PEERS).includes(name))) installPeers()
  console.log(`Node ${node}, ws ${ws}, ${cores} cores; medians of ${rounds} rounds of ${seconds} s`)
  const comparisons = await compare(plan, note)
  note('')
  for (const comparison of comparisons) printTitled(tableOf(comparison, base))
  warnOfOthers(otherShareOf(comparisons))
}

function readOptions () {
  const values = parse({ rounds: '5', seconds: '2', only: undefined, rows: undefined, against: undefined })
  if (values.against !== undefined) addBefore(values.against)
  const isJudge = values.against !== undefined
  return {
    base: /** @type {RowName} */ (isJudge ? 'before' : 'ws'),
    rounds: positive('rounds', Math.floor(Number(values.rounds))),
    seconds: positive('seconds', Number(values.seconds)),
    scenarios: values.only === undefined ? SCENARIOS.filter(({ isQuick }) => isQuick || isJudge) : chosenScenarios(values.only),
    names: rowNames(values.rows)
  }
}

/** @param {string} wanted names or kinds, or all */
function chosenScenarios (wanted) {
  const words = wanted.split(',')
  const known = SCENARIOS.flatMap(({ name, kind }) => [name, kind])
  if (words.includes('all')) return SCENARIOS
  if (!words.every((word) => known.includes(word))) refuse(`--only takes all, or some of ${[...new Set(known)].join(',')}`)
  return SCENARIOS.filter(({ name, kind }) => words.includes(name) || words.includes(kind))
}
