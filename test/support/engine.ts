// Real engines for tests: Redis and NATS, from PATH, or unpacked from Debian's packages into
// .cache.
import { spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { access, cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { librariesIn, unpackPackages } from './debian.js'
import type { Teardown } from './helper.js'

const cache = join(import.meta.dirname, '../../.cache/engines')

const MAX_STARTS = 10
// Only for what never comes: a slow machine gets through.
const MAX_WAIT_MS = 60_000

/** Also the name of its Debian package. */
type Command = 'redis-server' | 'nats-server'

/** A server that can be stopped, started again on its port, and made to hang. */
export class Engine {
  readonly port: number
  readonly #command: string
  readonly #args: readonly string[]
  #child: ChildProcess | undefined

  constructor (command: string, port: number, args: readonly string[]) {
    this.#command = command
    this.port = port
    this.#args = args
  }

  async start (): Promise<void> {
    const child = spawn(this.#command, this.#args, { stdio: 'ignore', env: { ...process.env, ...librariesIn(cache) } })
    this.#child = child
    const deadline = Date.now() + MAX_WAIT_MS
    while (!hasEnded(child) && !await answers(this.port)) {
      if (Date.now() > deadline) throw new Error(`${this.#command} takes no connections`)
      await pause(20)
    }
    if (hasEnded(child)) throw new Error(`${this.#command} ended with ${child.signalCode ?? child.exitCode}`)
  }

  get pid (): number | undefined {
    return this.#child?.pid
  }

  get isRunning (): boolean {
    return this.#child !== undefined && !hasEnded(this.#child)
  }

  /** As a power cut ends it. */
  async kill (): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || hasEnded(child)) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** It takes connections, and answers nothing from now on. */
  hang (): void {
    const child = this.#child
    if (child === undefined || hasEnded(child)) throw new Error(`${this.#command} does not run`)
    child.kill('SIGSTOP')
    // The signal is on its way: until it has reached every thread one of them may still answer.
    for (const deadline = Date.now() + MAX_WAIT_MS; !isStopped(child.pid!);) {
      if (Date.now() > deadline) throw new Error(`${this.#command} did not stop`)
      pauseThread(1)
    }
  }

  goOn (): void {
    this.#child?.kill('SIGCONT')
  }

  /** Redis keeps what it has now: it is what it has after it was killed and started. */
  async save (): Promise<void> {
    await redisCommand(this.port, 'save')
  }

  /** Redis loses all that it has. */
  async forget (): Promise<void> {
    await redisCommand(this.port, 'flushall')
  }
}

// A child that a signal has ended has no exit code.
function hasEnded ({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

// Leaves the core to others, and the event loop of the test where it is.
function pauseThread (ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

// The state stands behind the name of the command, which is in brackets.
function isStopped (pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    try {
      return /\) [TtZX] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))
    } catch {
      return true // It has ended.
    }
  })
}

/** @returns why there is no such engine here, for a test's `skip`, or false where there is one. */
export async function missing (name: Command): Promise<string | false> {
  return await find(name) === undefined ? `no ${name} on PATH, and no Debian package to be had: install it` : false
}

export async function startRedis (t: Teardown, ...args: string[]): Promise<Engine> {
  const dir = await folder(t)
  const common = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir]
  return start(t, 'redis-server', (port) => ['--port', String(port), ...common, ...args])
}

/** Masters of a Redis Cluster, each with a third of the slots, then their replicas. */
export class RedisCluster {
  readonly engines: readonly Engine[]

  constructor (engines: readonly Engine[]) {
    this.engines = engines
  }

  async start (): Promise<void> {
    await Promise.all(this.engines.map((engine) => engine.start()))
    await this.whole()
  }

  async kill (): Promise<void> {
    await Promise.all(this.engines.map((engine) => engine.kill()))
  }

  hang (): void {
    for (const engine of this.engines) engine.hang()
  }

  goOn (): void {
    for (const engine of this.engines) engine.goOn()
  }

  async save (): Promise<void> {
    await Promise.all(this.engines.map((engine) => engine.save()))
  }

  async forget (): Promise<void> {
    await Promise.all(this.engines.map((engine) => engine.forget()))
  }

  /** Makes it as it was when it was started: whole, without keys, snapshots and scripts. */
  async reset (): Promise<void> {
    this.goOn()
    await Promise.all(this.engines.filter(({ isRunning }) => !isRunning).map((engine) => engine.start()))
    await this.whole()
    await this.forget()
    // A snapshot of nothing takes the place of one that a test has saved.
    await this.save()
    await Promise.all(this.engines.map(({ port }) => redisCommand(port, 'script', 'flush')))
  }

  /** Resolves once every Redis says that the cluster is whole. */
  async whole (): Promise<void> {
    for (const { port } of this.engines) await says(port, 'cluster_state:ok', 'cluster', 'info')
  }

  /** Gives slots without keys from one master to another, as `redis-cli --cluster reshard` does. */
  async moveSlots (from: number, to: number, first: number, last: number): Promise<void> {
    const [source, target] = [this.engines[from]!.port, this.engines[to]!.port]
    const [sourceId, targetId] = [await idOf(source), await idOf(target)]
    for (let slot = first; slot <= last; slot++) {
      await redisCommand(target, 'cluster', 'setslot', String(slot), 'importing', sourceId)
      for (const port of [target, source]) await redisCommand(port, 'cluster', 'setslot', String(slot), 'node', targetId)
    }
  }
}

interface Member {
  readonly engine: Engine
  readonly busPort: number
}

const SLOTS = 16_384
const MASTERS = 3

/**
 * Starts a Cluster of three masters, with a replica of each on request.
 * @param timeoutMs - a Redis that does not answer for that long has failed.
 */
export async function startRedisCluster (t: Teardown, timeoutMs: number = 15_000, hasReplicas: boolean = false): Promise<RedisCluster> {
  const [first, others] = [await startMember(t, timeoutMs), [] as Member[]]
  while (others.length + 1 < (hasReplicas ? 2 * MASTERS : MASTERS)) others.push(await startMember(t, timeoutMs))
  const engines = [first, ...others].map(({ engine }) => engine)
  const [masters, replicas] = [engines.slice(0, MASTERS), engines.slice(MASTERS)]
  for (const [n, { port }] of masters.entries()) {
    await redisCommand(port, 'cluster', 'addslotsrange', String(Math.ceil(n * SLOTS / 3)), String(Math.ceil((n + 1) * SLOTS / 3) - 1))
    await redisCommand(port, 'cluster', 'set-config-epoch', String(n + 1))
  }
  for (const { engine } of others) {
    await redisCommand(engine.port, 'cluster', 'meet', '127.0.0.1', String(first.engine.port), String(first.busPort))
  }
  const cluster = new RedisCluster(engines)
  for (const { port } of engines) await says(port, `cluster_known_nodes:${engines.length}`, 'cluster', 'info')
  await cluster.whole()
  for (const [n, { port }] of replicas.entries()) {
    await says(port, '+OK', 'cluster', 'replicate', await idOf(masters[n]!.port))
    // One that has not finished its first synchronization is never elected.
    await says(port, 'master_link_status:up', 'info', 'replication')
  }
  return cluster
}

// The port between members is 10,000 higher by default, which may be more than there are.
async function startMember (t: Teardown, timeoutMs: number): Promise<Member> {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(timeoutMs), '--cluster-require-full-coverage', 'no']
  for (let attempt = 1; ; attempt++) {
    const busPort = await freePort()
    const engine = await startRedis(t, ...options, '--cluster-port', String(busPort), '--repl-diskless-sync-delay', '0')
    // It takes connections for a moment, even where the other port is taken.
    const answer = await redisCommand(engine.port, 'info', 'server').catch(String)
    if (answer.includes(`process_id:${engine.pid}\r`)) return { engine, busPort }
    if (attempt === MAX_STARTS) throw new Error(`a Redis of a Cluster does not start: ${answer}`)
  }
}

async function says (port: number, text: string, ...words: string[]): Promise<void> {
  const deadline = Date.now() + MAX_WAIT_MS
  for (let answer = ''; !answer.includes(text); await pause(50)) {
    if (Date.now() > deadline) throw new Error(`Redis never said ${text}, but at last ${answer}`)
    answer = await redisCommand(port, ...words)
  }
}

async function idOf (port: number): Promise<string> {
  return (await redisCommand(port, 'cluster', 'myid')).split('\r\n')[1]!
}

/** One command of Redis, answered with one line or one text. */
async function redisCommand (port: number, ...words: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  try {
    socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`)
    const [answer] = await once(socket, 'data', { signal: AbortSignal.timeout(MAX_WAIT_MS) }) as [string]
    return answer
  } finally {
    socket.destroy()
  }
}

export function startNats (t: Teardown): Promise<Engine> {
  return start(t, 'nats-server', (port) => ['-a', '127.0.0.1', '-p', String(port)])
}

/** A nats-server with JetStream, whose files are in a folder of the test. */
export class JetStreamEngine extends Engine {
  /** Its files; those of the time of `save` stand beside them. */
  folder = ''
  #isSaved = false

  override async start (): Promise<void> {
    if (this.#isSaved) {
      await rm(this.folder, { recursive: true })
      await cp(`${this.folder}.saved`, this.folder, { recursive: true })
    }
    await super.start()
  }

  override async save (): Promise<void> {
    // Each message is in its file before it is acknowledged.
    this.hang()
    await cp(this.folder, `${this.folder}.saved`, { recursive: true })
    this.goOn()
    this.#isSaved = true
  }

  override async forget (): Promise<void> {
    const { streams } = await this.ask('STREAM.NAMES') as { streams: string[] | null }
    for (const name of streams ?? []) await this.ask(`STREAM.DELETE.${name}`)
  }

  /** One request of the JetStream API. */
  async ask (name: string, body: object = {}): Promise<object> {
    const text = JSON.stringify(body)
    const socket = connect(this.port, '127.0.0.1').setEncoding('utf8')
    try {
      socket.write(`CONNECT {"verbose":false}\r\nSUB answer 1\r\nPUB $JS.API.${name} answer ${Buffer.byteLength(text)}\r\n${text}\r\n`)
      for (let answer = ''; ;) {
        answer += String(await once(socket, 'data', { signal: AbortSignal.timeout(MAX_WAIT_MS) }))
        const [, json] = /MSG answer 1 \d+\r\n(.*)\r\n/.exec(answer) ?? []
        if (json !== undefined) return JSON.parse(json) as object
      }
    } finally {
      socket.destroy()
    }
  }
}

/** @param config - more of its configuration. */
export async function startJetStream (t: Teardown, config: string = ''): Promise<JetStreamEngine> {
  const dir = await folder(t)
  const [store, file] = [join(dir, 'store'), join(dir, 'config')]
  await writeFile(file, config)
  const argsOf = (port: number): string[] => ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', store, '-c', file]
  const engine = await start(t, 'nats-server', argsOf, JetStreamEngine)
  engine.folder = store
  return engine
}

/** Starts a server of a class on a free port. */
async function start<E extends Engine = Engine> (
  t: Teardown,
  name: Command,
  argsOf: (port: number) => string[],
  EngineClass: new (...args: ConstructorParameters<typeof Engine>) => E = Engine as never
): Promise<E> {
  const command = (await find(name))!
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const engine = new EngineClass(command, port, argsOf(port))
    try {
      await engine.start()
      t.teardown(() => engine.kill())
      return engine
    } catch (error) {
      // Another process may be faster to take the port, but not each time.
      if (attempt === MAX_STARTS) throw error
    }
  }
}

async function find (name: Command): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', join(cache, 'usr/bin'), join(cache, 'usr/sbin')]
  return await firstIn(folders, name) ?? (await unpackPackages(name, cache) ? firstIn(folders, name) : undefined)
}

async function firstIn (folders: readonly string[], name: Command): Promise<string | undefined> {
  for (const folder of folders) if (await exists(join(folder, name))) return join(folder, name)
  return undefined
}

// Below those that the system gives to connections: a server that is started again finds its port.
async function freePort (): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const server = createServer().listen(randomInt(10_000, 32_000), '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      if (attempt === MAX_STARTS) throw error
      continue
    }
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    return port
  }
}

async function answers (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    // A port without a server may be given to this very connection, which then reaches itself.
    return socket.localPort !== port
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function folder (t: Teardown): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'engine-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function exists (path: string): Promise<boolean> {
  return access(path).then(() => true, () => false)
}
