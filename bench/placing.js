// @ts-check
// Where a process runs, and before which others: a client that measures must not wait for the core
// on which others make the load.
import { spawnSync } from 'node:child_process'
import { availableParallelism, setPriority } from 'node:os'

export const [SERVER_CORE, CLIENT_CORE] = [0, 1]
export const HAS_CORES = process.platform === 'linux' && availableParallelism() > 1 && runs('taskset', '--version')

/**
 * @param {import('./children.js').Child} child
 * @param {{ core: number, nice?: number, realTime?: boolean }} place `nice` below 0 and `realTime`
 * are for root; without them the process runs as it did
 */
export function place ({ pid }, { core, nice = 0, realTime = false }) {
  if (HAS_CORES) runs('taskset', '-p', '-c', String(core), String(pid))
  try {
    setPriority(pid, nice)
  } catch {}
  if (realTime && !runs('chrt', '-f', '-p', '1', String(pid))) throw new Error('--real-time is for root on Linux')
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function runs (command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}
