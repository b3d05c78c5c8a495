import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { sign } from '@fastify/cookie'
import { connect as connectTls } from 'node:tls'
import type { Teardown } from '../support/helper.js'
import { spawnNode } from '../support/child.js'

const root = join(import.meta.dirname, '../..')
const fixtures = join(root, 'test/fixtures')
const FORM = 'application/x-www-form-urlencoded'

export type Scheme = 'http' | 'https'

/** An answer, as its client sees it. */
export interface Reply {
  readonly statusCode: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Where the example is, once it is built. */
export const main = join(root, 'examples/chat/main.js')
/** The same on three nodes behind one port. */
export const cluster = join(root, 'examples/chat/cluster.js')
/** Whom to trust over https. */
export const ca = readFileSync(join(fixtures, 'localhost.crt'))

/** 37 by 23 pixels. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAACUAAAAXCAIAAAADThHyAAAAJklEQVR42mNwDj5JT8Qwat+ofaP2jdo3at+ofaP2jdo3at+gsg8AG/iPCuV9rjAAAAAASUVORK5CYII=',
  'base64'
)
export const NOT_GIF = Buffer.from('GIF, says the name; but that is not how one begins')

/** The example, in a process of its own. */
export class Chat {
  readonly scheme: Scheme
  port = 0
  /** The text that it has written. */
  output = ''
  readonly #process: ChildProcess
  readonly #key: string

  private constructor (scheme: Scheme, child: ChildProcess, key: string) {
    this.scheme = scheme
    this.#process = child
    this.#key = key
    child.stdout!.on('data', (chunk) => { this.output += String(chunk) })
  }

  static async start (t: Teardown, scheme: Scheme, port = 0, key: string = newKey(), env: NodeJS.ProcessEnv = {}): Promise<Chat> {
    const tls = scheme === 'https' ? { TLS_KEY: join(fixtures, 'localhost.key'), TLS_CERT: join(fixtures, 'localhost.crt') } : {}
    const child = spawnNode([main], {
      env: { ...process.env, ...tls, ...env, HOST: '127.0.0.1', PORT: String(port), COOKIE_KEY: key },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    t.teardown(() => child.kill('SIGKILL'))
    const chat = new Chat(scheme, child, key)
    chat.port = await listeningPort(child)
    return chat
  }

  /** Starts three nodes behind one port; told to end, it ends them, and its own Redis. */
  static async startCluster (t: Teardown, env: NodeJS.ProcessEnv = {}): Promise<Chat> {
    const key = newKey()
    const child = spawnNode([cluster], {
      env: { ...process.env, HOST: '127.0.0.1', PORT: '0', COOKIE_KEY: key, ...env },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const ended = once(child, 'exit')
    t.teardown(async () => {
      child.kill('SIGTERM')
      await ended
    })
    const chat = new Chat('http', child, key)
    chat.port = await listeningPort(child)
    return chat
  }

  /** Starts a single node that shares a Redis. */
  static startNode (t: Teardown, redisUrl: string): Promise<Chat> {
    return Chat.start(t, 'http', 0, newKey(), { REDIS_URL: redisUrl })
  }

  get url (): string {
    return `${this.scheme}://127.0.0.1:${this.port}`
  }

  get wsUrl (): string {
    return `${this.url.replace('http', 'ws')}/chat`
  }

  /** @returns the exit code. */
  async stop (signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const ended = once(this.#process, 'exit')
    this.#process.kill(signal)
    const [code] = await ended
    return code as number | null
  }

  /** Starts another one in its place. */
  startAgain (t: Teardown): Promise<Chat> {
    return Chat.start(t, this.scheme, this.port, this.#key)
  }

  async ask (path: string, options: { method?: string, headers?: Record<string, string> } = {}, body = ''): Promise<Reply> {
    const request = this.scheme === 'https' ? requestHttps(this.url + path, { ...options, ca }) : requestHttp(this.url + path, options)
    request.end(body)
    const [response] = await once(request, 'response') as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return { statusCode: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() }
  }

  /** As a form of the example's own page does. */
  async post (path: string, fields: Record<string, string>, headers: Record<string, string> = { origin: this.url }): Promise<Reply> {
    return await this.ask(path, { method: 'POST', headers: { ...headers, 'content-type': FORM } }, String(new URLSearchParams(fields)))
  }

  /** @returns the cookie. */
  async signIn (name: string): Promise<string> {
    const { headers } = await this.post('/sign-in', { name })
    return headers['set-cookie']!.join().split(';', 1)[0]!
  }

  /** The cookie of a person whose id is chosen. */
  cookieOf (person: { id: string, name: string }): string {
    return `person=${encodeURIComponent(sign(JSON.stringify(person), this.#key))}`
  }

  /** Sends a request just as it is written, and collects the answer until the server closes. */
  async exchange (t: Teardown, lines: string[], body = ''): Promise<string> {
    const socket = this.scheme === 'https' ? connectTls({ port: this.port, host: '127.0.0.1', ca }) : connectTcp(this.port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.write(`${[...lines, `Host: 127.0.0.1:${this.port}`].join('\r\n')}\r\n\r\n${body}`)
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString()
  }
}

function newKey (): string {
  return randomBytes(32).toString('hex')
}

/** Where it listens. Reads the log on after that, lest it fills the pipe. */
export async function listeningPort (child: ChildProcess): Promise<number> {
  let log = ''
  return await new Promise((resolve, reject) => {
    child.stdout!.on('data', (chunk) => {
      log += String(chunk)
      const found = /(?:Server listening at|Chat on) https?:\/\/[^"]+:(\d+)/.exec(log)
      if (found !== null) resolve(Number(found[1]))
    })
    child.once('exit', (code) => reject(new Error(`the example ended with ${code}: ${log}`)))
  })
}
