// @ts-check
// The engine of a run, on a free port, and its CPU.
import { readFileSync } from 'node:fs'

// `sysconf(_SC_CLK_TCK)` is 100 on every Linux that Node runs on.
const TICK_US = 10_000
// Their places in /proc/<pid>/stat, behind the name of the command.
const [USER, SYSTEM] = [11, 12]

/** @type {Array<() => unknown>} */
const ends = []
const t = { teardown: (/** @type {() => unknown} */ end) => { ends.push(end) } }

/** @param {'redis' | 'nats'} name */
export async function startEngine (name) {
  // The tests find engines; they are written in TypeScript.
  await import('../../test/support/typescript.js')
  const { missing, startJetStream, startRedis } = await import('../../test/support/engine.js')
  const reason = await missing(`${name}-server`)
  if (reason !== false) throw new Error(reason)
  return name === 'redis' ? await startRedis(t) : await startJetStream(t)
}

export async function stopEngines () {
  for (const end of ends.splice(0).reverse()) await end()
}

/**
 * User and system time of a process, where the system tells.
 *
 * @param {number | undefined} pid
 */
export function cpuUsOf (pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[USER]) + Number(fields[SYSTEM])) * TICK_US
  } catch {
    return NaN
  }
}
