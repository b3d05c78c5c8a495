// Python with the package websockets: as it is here, or from Debian's packages in .cache.
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import { librariesIn, unpackPackages } from './debian.js'

const cache = join(import.meta.dirname, '../../.cache/python')
const ADVICE = 'no Python with websockets could be had: apt-get install python3-websockets, or pip install websockets'

/** A Python and the variables it needs. */
export class Python {
  readonly #command: string
  readonly #env: NodeJS.ProcessEnv

  constructor (command: string, env: NodeJS.ProcessEnv) {
    this.#command = command
    this.#env = env
  }

  /** @throws where none can be had; the message says how to install it. */
  static async find (): Promise<Python> {
    const python = await firstFit() ?? (await unpackPackages('python3-websockets', cache) ? await firstFit() : undefined)
    if (python === undefined) throw new Error(ADVICE)
    return python
  }

  /** Tells if it has the package, in a version that the client knows. */
  async isFit (): Promise<boolean> {
    const test = 'import sys, websockets; sys.exit(sys.version_info < (3, 10) or int(websockets.__version__.split(".")[0]) < 10)'
    return await promisify(execFile)(this.#command, ['-c', test], { env: this.#env }).then(() => true, () => false)
  }

  start (args: readonly string[]): ChildProcessByStdio<Writable, Readable, Readable> {
    return spawn(this.#command, args, { env: this.#env, stdio: ['pipe', 'pipe', 'pipe'] })
  }
}

function candidates (): Python[] {
  const { PATH, HOME } = process.env
  // Nothing is written beside the examples, and no proxy stands before a server on this machine.
  const env = { PATH, HOME, PYTHONIOENCODING: 'utf-8', PYTHONDONTWRITEBYTECODE: '1' }
  const unpacked = { ...env, ...librariesIn(cache), PYTHONPATH: join(cache, 'usr/lib/python3/dist-packages') }
  // Debian's package goes with Debian's Python, where there are others.
  const debian = '/usr/bin/python3'
  return [
    new Python('python3', env), new Python(debian, env),
    ...[debian, 'python3', join(cache, debian)].map((command) => new Python(command, unpacked))
  ]
}

async function firstFit (): Promise<Python | undefined> {
  for (const python of candidates()) if (await python.isFit()) return python
  return undefined
}
