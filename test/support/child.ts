import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'

/** How a process ended, and what it wrote. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Starts this Node without tap in it.
 *
 * tap loads itself into every Node child by NODE_OPTIONS, whatever `env` says: it costs a child a
 * second and a half, and the compiler of TypeScript 7 dies of it.
 */
export function spawnNode (args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...args], options)
}

// Only for what hangs: a machine ten times slower gets through.
const MAX_RUN_MS = 600_000

/** Runs Node to its end. One that hangs is killed at last, and has no exit code. */
export async function runNode (args: readonly string[], cwd: string): Promise<Outcome> {
  const child = spawnNode(args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: MAX_RUN_MS, killSignal: 'SIGKILL' })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit') as Promise<[number | null]>
  ])
  return { code, stdout, stderr }
}
