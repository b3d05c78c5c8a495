// @ts-check
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { OWN_ROWS, ROWS } from './children.js'

/**
 * The arguments behind the name of the bench on the command line.
 *
 * @template {Record<string, string | undefined>} D
 * @param {D} defaults by name
 * @returns {{ [K in keyof D]: string | Extract<D[K], undefined> }}
 */
export function parse (defaults) {
  const options = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, declared(value)]))
  try {
    return /** @type {any} */ (parseArgs({ options, allowPositionals: true }).values)
  } catch (error) {
    return refuse(/** @type {Error} */ (error).message)
  }
}

/** @param {string | undefined} value */
function declared (value) {
  return value === undefined ? { type: /** @type {const} */ ('string') } : { type: /** @type {const} */ ('string'), default: value }
}

/**
 * @param {string} name
 * @param {number} value
 */
export function positive (name, value) {
  if (value > 0 && value < Infinity) return value
  return refuse(`--${name} takes a number above 0`)
}

/**
 * @param {string} name
 * @returns {import('./children.js').RowName}
 */
export function rowName (name) {
  if (Object.hasOwn(ROWS, name)) return /** @type {import('./children.js').RowName} */ (name)
  return refuse(`--rows takes some of ${Object.keys(ROWS).join(',')}`)
}

/**
 * The rows that are asked for: those without bench/peers, or with `--against` ours of then and of
 * now.
 *
 * @param {string | undefined} rows
 */
export function rowNames (rows) {
  return (rows ?? (ROWS.before === undefined ? OWN_ROWS.join(',') : 'before,typed')).split(',').map(rowName)
}

/**
 * @param {string} reason
 * @returns {never}
 */
export function refuse (reason) {
  console.error(`bench: ${reason}`)
  process.exit(1)
}

const OWN_FILES = 200              // what a process has open besides its connections

/**
 * As many connections as this machine lets one process have. Node has raised its soft limit to the
 * hard one by itself; root may raise the hard one, for this process and those that it starts.
 *
 * @param {number} wanted
 */
export function openFiles (wanted) {
  if (mostConnections() < wanted) raiseLimit(wanted + OWN_FILES)
  const most = mostConnections()
  if (most >= wanted) return wanted
  console.log(`A process may have ${most + OWN_FILES} files open here: ${most} connections instead of ${wanted}. Raise it with ulimit -Hn.`)
  return most
}

function mostConnections () {
  const { soft } = /** @type {any} */ (process.report.getReport()).userLimits.open_files
  return soft === 'unlimited' ? Infinity : Number(soft) - OWN_FILES
}

/** @param {number} files */
function raiseLimit (files) {
  if (process.platform === 'linux') spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${files}:${files}`], { stdio: 'ignore' })
}
