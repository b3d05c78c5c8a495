// @ts-check
// The results of a full run as the pages show them.
import { tablesOf } from './growth.js'
import { tableOf } from './measure.js'
import { picture } from './picture.js'
import { markdownOf } from './table.js'

/**
 * @typedef {import('./measure.js').Comparison} Comparison
 * @typedef {import('./measure.js').Result} Result
 * @typedef {object} Results
 * @property {string} date
 * @property {{ node: string, ws: string, cpu: string, cores: number }} machine
 * @property {{ average: number, otherShare: number }} load `average` of the minute before;
 * `otherShare` of a core, by other processes meanwhile
 * @property {Record<string, string>} versions of the libraries in bench/peers
 * @property {Array<{ title: string, reason: string }>} missing rows that did not start
 * @property {number} rounds
 * @property {number} seconds
 * @property {Comparison[]} speed
 * @property {import('./growth.js').Found[]} growth
 */

const PICTURED = [
  { name: 'one', title: '1 message in flight on each of 100' },
  { name: 'many', title: '32 messages in flight on each of 50' },
  { name: 'calls', title: 'calls, 32 in flight on each of 50' },
  { name: 'fanout8', title: '8 broadcasts in flight to 1,000 members' },
  { name: 'handshake', title: 'handshakes' }
]
const IN_README = /** @type {const} */ (['fastify', 'typed'])
const TITLE = 'Work of one core, as a multiple of bare ws'

/** @param {Results} results */
export function pictureOf (results) {
  const groups = groupsOf(results)
  return picture({
    title: TITLE,
    notes: ['Every row but bare ws checks its messages.', `Node ${results.machine.node.slice(1)}, ${day(results.date)}. More is better.`],
    description: groups.map(({ title, bars }) => `${title}: ${bars.map(said).join(', ')}.`).join(' '),
    groups
  })
}

/** @param {{ name: string, value: number }} bar */
function said ({ name, value }) {
  return `${name} ${value.toFixed(2)}`
}

/** @param {Results} results */
function groupsOf ({ speed }) {
  return PICTURED.flatMap(({ name, title }) => speed.filter((one) => one.name === name).map(({ results }) => ({
    title,
    bars: results.filter(({ name }) => name !== 'net')
      .map((result) => ({ name: shortOf(result), value: result.ratio ?? 1, isOwn: result.name === 'typed' }))
      .toSorted((a, b) => b.value - a.value)
  })))
}

/**
 * The figures of the README.
 *
 * @param {Results} results
 */
export function readmeOf (results) {
  const table = {
    head: ['', '`@fastify/websocket`, checked by hand', '`fastify-typed-ws`'],
    rows: results.speed.map(({ title, results }) => [
      title,
      ...IN_README.map((name) => ratioOf(results.find((result) => result.name === name)))
    ])
  }
  return [
    `<img src="docs/speed.svg" width="360" alt="${altOf(results)}">`,
    '',
    'CPU time of the server for each message, delivery or handshake, times less than bare `ws`; higher is better. In brackets: ' +
      `the lowest and the highest of ${results.rounds} rounds. ${howMeasured(results)}`,
    '',
    markdownOf(table)
  ].join('\n')
}

/**
 * Every figure of a run, for bench/README.md.
 *
 * @param {Results} results
 */
export function tablesOfRun (results) {
  const { versions, missing, speed, growth } = results
  return [
    howMeasured(results),
    `Libraries: ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}.`,
    ...missing.map(({ title, reason }) => `Not measured, because it did not start here: ${title} (${reason}).`),
    ...speed.map((comparison) => markdownOf(tableOf(comparison, 'ws'))),
    ...tablesOf(growth).map(markdownOf)
  ].join('\n\n')
}

/**
 * @param {string} page
 * @param {string} block
 */
export function withFigures (page, block) {
  const [begin, end] = ['<!-- figures of a full run of the bench -->', '<!-- end of the figures -->']
  const [before, rest] = page.split(begin)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error(`the page has no block between ${begin} and ${end}`)
  return `${before}${begin}\n${block}\n${end}${after}`
}

/** @param {Results} results */
function howMeasured ({ date, machine, load, rounds, seconds }) {
  const { node, ws, cores, cpu } = machine
  const others = `${Math.round(load.otherShare * 100)} % of a core`
  return `Measured on ${day(date)} with Node ${node.slice(1)} and \`ws\` ${ws} on ${cores} cores (${cpu}), ` +
    `rounds: ${rounds} of ${seconds} s; other processes took ${others}.`
}

/** @param {Results} results */
function altOf (results) {
  const own = groupsOf(results).map(({ title, bars }) => `${title}: ${bars.find(({ isOwn }) => isOwn)?.value.toFixed(2) ?? 'not measured'}`)
  return `Bars of several libraries, as multiples of what bare ws does on one core. fastify-typed-ws: ${own.join('; ')}`
}

/** @param {Result | undefined} result */
function ratioOf (result) {
  if (result?.ratio === undefined || result.range === undefined) return '–'
  return `${result.ratio.toFixed(2)}× (${result.range.map((ratio) => ratio.toFixed(2)).join('–')})`
}

/** @param {Result} result */
function shortOf ({ title }) {
  return title.replace(/,.*/, '')
}

/** @param {string} date */
function day (date) {
  return date.slice(0, 10)
}
