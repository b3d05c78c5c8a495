// Starts the chat on three nodes behind one port, with one Redis: `npm run start:cluster`. PORT,
// HOST, TLS_KEY, TLS_CERT and COOKIE_KEY are as for one node; REDIS_URL names a Redis of your own.
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import closeWithGrace from 'close-with-grace'
import { cookieKey } from './key.js'

const { PORT = '3000', HOST = 'localhost', TLS_KEY, REDIS_URL } = process.env
const NODES = ['node 1', 'node 2', 'node 3']
const MAIN = join(import.meta.dirname, 'main.js')
// A node that cannot start is tried again, not in a busy loop.
const PAUSE_MS = 500
const NO_REDIS = `There is no redis-server on PATH. Install one, or name one that runs already:
  apt-get install redis-server        # or brew install redis
  REDIS_URL=redis://localhost:6379 npm run start:cluster`

const nodes = new Map<ChildProcess, number | undefined>()
const engine = REDIS_URL === undefined ? await startRedis() : undefined
let isEnding = false

// Made here, and read by all.
cookieKey()
await Promise.all(NODES.map(startNode))
const balancer = createServer((client) => void forward(client)).listen({ port: Number(PORT), host: HOST })
await once(balancer, 'listening')
const { port } = balancer.address() as AddressInfo
console.log(`Chat on ${TLS_KEY === undefined ? 'http' : 'https'}://${HOST}:${port}`)

closeWithGrace({ delay: 15_000 }, async () => {
  isEnding = true
  balancer.close()
  await Promise.all(Array.from(nodes.keys(), async (node) => {
    if (node.connected) node.disconnect()
    await once(node, 'exit')
  }))
  await engine?.end()
})

/** Starts a node on a port of its own, again whenever it has ended, also before it has begun. */
function startNode (name: string): Promise<void> {
  const env = { ...process.env, NODE: name, PORT: '0', HOST: '127.0.0.1', REDIS_URL: REDIS_URL ?? engine!.path }
  const node = fork(MAIN, { env })
  nodes.set(node, undefined)
  return new Promise((resolve) => {
    node.once('exit', () => {
      nodes.delete(node)
      if (!isEnding) setTimeout(() => resolve(startNode(name)), PAUSE_MS)
    })
    node.once('message', (port: number) => {
      nodes.set(node, port)
      console.log(`${name} runs: kill -9 ${node.pid}`)
      resolve()
    })
  })
}

/** Joins a client to a node by chance, as any balancer does: it need not know WebSockets. */
async function forward (client: Socket): Promise<void> {
  client.on('error', () => {})
  const node = await reach()
  if (node === undefined) return void client.destroy()
  pipeline(client, node, () => {})
  pipeline(node, client, () => {})
}

async function reach (): Promise<Socket | undefined> {
  const ports = [...nodes.values()].filter((port) => port !== undefined)
  for (const port of ports.sort(() => Math.random() - 0.5)) {
    const socket = connect(port, '127.0.0.1')
    if (await once(socket, 'connect').catch(() => undefined) !== undefined) return socket
  }
  return undefined
}

/** A Redis for this run: without a port, and without files that stay. */
async function startRedis (): Promise<{ path: string, end (): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'chat-'))
  const path = join(folder, 'redis.sock')
  const redis = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--dir', folder, '--save', ''], { stdio: 'ignore' })
  await once(redis, 'spawn').catch(async () => {
    await rm(folder, { recursive: true })
    console.error(NO_REDIS)
    process.exit(1)
  })
  return {
    path,
    async end () {
      if (redis.exitCode === null && redis.kill()) await once(redis, 'exit')
      await rm(folder, { recursive: true })
    }
  }
}
