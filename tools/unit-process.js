// @ts-check
// A process that runs files of tests, one after the other.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

// Only what hangs meets it, and after the limit of tap, which names the test.
const TIMEOUT_MS = 600_000
const env = { ...process.env, TAP_TYPE_STRIP_ONLY: '1', TAP_TIMEOUT: '0' }

/**
 * The end of a file.
 * @typedef {object} Outcome
 * @property {boolean} passed
 * @property {string} output - the TAP of its tests
 * @property {string} [ended] - the end of a process that did not tell the end of the file
 */

/**
 * The assertions of a process.
 * @typedef {{ pass: number, fail: number }} Counts
 */

export class UnitProcess {
  #child
  #closed
  #output = ''
  /** @type {(outcome: Outcome) => void} */
  #settle = () => {}

  /**
   * @param {string} runner - the script that runs files
   * @param {(text: string) => void} onError - gets everything that is written to stderr
   */
  constructor (runner, onError) {
    const args = ['--import=./tools/no-domains.js', runner]
    this.#child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    this.#child.stderr?.setEncoding('utf8').on('data', onError)
    this.#child.stdout?.setEncoding('utf8').on('data', (text) => this.#read(text))
    this.#closed = once(this.#child, 'close').then(([code, signal]) => signal ?? `exit code ${code}`)
  }

  get isAlive () {
    return this.#child.connected
  }

  /**
   * @param {string} file
   * @param {string} script
   * @returns {Promise<Outcome>}
   */
  async run (file, script) {
    const timer = setTimeout(() => this.#kill(), TIMEOUT_MS)
    this.#output = ''
    /** @type {Promise<Outcome>} */
    const told = new Promise((resolve) => { this.#settle = resolve })
    const lost = this.#closed.then((ended) => ({ passed: false, output: this.#output, ended }))
    this.#send([file, script])
    const outcome = await Promise.race([told, lost])
    clearTimeout(timer)
    return outcome
  }

  /**
   * A process that did not come to its end has told no numbers: it counts as one failure.
   * @returns {Promise<Counts>}
   */
  async end () {
    if (this.isAlive) this.#send()
    await this.#closed
    const summary = /^# \{ total: .*\}$/m.exec(this.#output)?.[0]
    return summary === undefined ? { pass: 0, fail: 1 } : { pass: numberIn(summary, 'pass'), fail: numberIn(summary, 'fail') }
  }

  // A process that has just ended takes no message; its end is the outcome.
  /** @param {[file: string, script: string]} [named] */
  #send (named) {
    this.#child.send({ named }, () => {})
  }

  // The tests of a file are indented twice, its result once.
  /** @param {string} text */
  #read (text) {
    this.#output += text
    const result = /^ {4}(not )?ok \d+ - /m.exec(this.#output)
    if (result !== null) this.#settle({ passed: result[1] === undefined, output: this.#output.slice(0, result.index) })
  }

  #kill () {
    this.#child.kill('SIGKILL')
    // A child of its own may hold the pipe open.
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }
}

/**
 * @param {string} summary - the last line of tap, `# { total: 6, pass: 5, fail: 1 }`
 * @param {string} word
 */
function numberIn (summary, word) {
  return Number(new RegExp(`${word}: (\\d+)`).exec(summary)?.[1] ?? 0)
}
