import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { connect as connectTcp, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { WebSocket, type ClientOptions } from 'ws'
import typedWs, { type PluginOptions } from '../../lib/index.js'

/** The part of tap's `t` that a test needs. */
export interface Teardown {
  teardown (close: () => unknown): void
}

/** A message from the server; a binary one is a Buffer. */
export interface Answer {
  readonly type: string
  readonly data?: unknown
  readonly message?: string
  readonly code?: string
  readonly [property: string]: unknown
}

/** A refused handshake, as its client sees it. */
export interface Refused {
  readonly statusCode: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** An app with the plugin registered; closed when the test ends. */
export async function createApp (
  t: Teardown,
  options: PluginOptions = {},
  serverOptions: FastifyServerOptions = {}
): Promise<FastifyInstance> {
  // A slow machine may take longer than the ten seconds that Fastify gives a plugin.
  const app = Fastify({ pluginTimeout: 0, ...serverOptions })
  t.teardown(() => app.close())
  await app.register(typedWs, options)
  return app
}

/** Listens on a free port of the loopback and returns the app's own origin. */
export async function listen (app: FastifyInstance): Promise<string> {
  return await app.listen({ port: 0, host: '127.0.0.1' })
}

/** A WebSocket client that keeps what it receives until somebody asks. */
export class Client {
  readonly ws: WebSocket
  /** The headers of the 101. */
  headers: IncomingHttpHeaders = {}
  readonly #received: Array<string | Buffer> = []
  readonly #waiting: Array<(message: string | Buffer) => void> = []
  readonly #closed: Promise<{ code: number, reason: string }>

  constructor (ws: WebSocket) {
    this.ws = ws
    this.#closed = new Promise((resolve) => ws.once('close', (code, reason) => resolve({ code, reason: reason.toString() })))
    ws.on('message', (data: Buffer, isBinary) => this.#receive(isBinary ? data : data.toString()))
    ws.on('upgrade', ({ headers }) => { this.headers = headers })
    ws.on('error', () => {})
  }

  /** Sends a value as JSON, or text and bytes as they are. */
  send (message: unknown): void {
    this.ws.send(typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message))
  }

  /** The next message, parsed when it is text. */
  async next (): Promise<Answer> {
    const message = this.#received.shift() ?? await new Promise<string | Buffer>((resolve) => { this.#waiting.push(resolve) })
    return typeof message === 'string' ? JSON.parse(message) as Answer : message as unknown as Answer
  }

  /** The next messages, as many as are asked for. */
  async take (count: number): Promise<Answer[]> {
    const messages: Answer[] = []
    while (messages.length < count) messages.push(await this.next())
    return messages
  }

  /** The next message as it came. */
  async nextRaw (): Promise<string | Buffer> {
    return this.#received.shift() ?? await new Promise<string | Buffer>((resolve) => { this.#waiting.push(resolve) })
  }

  /** How many messages came that nobody asked for. */
  get unread (): number {
    return this.#received.length
  }

  /** Resolves when the connection is closed. */
  closed (): Promise<{ code: number, reason: string }> {
    return this.#closed
  }

  /** Closes and waits for the answer. */
  async close (code = 1000): Promise<void> {
    this.ws.close(code)
    await this.#closed
  }

  /**
   * Resolves when everything sent before was handled: the server answers `$ping` at once, in order
   * of arrival.
   */
  async flushed (): Promise<void> {
    const pong = once(this.ws, 'pong')
    this.ws.ping()
    await pong
  }

  #receive (message: string | Buffer): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#received.push(message)
    else waiting(message)
  }
}

/** Opens a connection with the server's own origin, unless told otherwise. */
export async function connect (t: Teardown, url: string, options: ClientOptions & { protocols?: string[] } = {}): Promise<Client> {
  const client = new Client(dial(url, options))
  t.teardown(() => client.ws.terminate())
  const refused = once(client.ws, 'unexpected-response').then(async ([, response]) => {
    throw new Error(`refused with ${(response as IncomingMessage).statusCode}`)
  })
  refused.catch(() => {})
  await Promise.race([once(client.ws, 'open'), refused])
  return client
}

/** Tries to open a connection that is refused. */
export async function refused (url: string, options: ClientOptions & { protocols?: string[] } = {}): Promise<Refused> {
  const ws = dial(url, options)
  ws.on('error', () => {})
  const opened = once(ws, 'open').then(() => { ws.terminate(); throw new Error('the handshake was accepted') })
  opened.catch(() => {})
  const [, response] = await Promise.race([once(ws, 'unexpected-response'), opened]) as [unknown, IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { statusCode: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() }
}

function dial (url: string, { protocols, ...options }: ClientOptions & { protocols?: string[] }): WebSocket {
  const origin = new URL(url).origin.replace(/^ws/, 'http')
  return new WebSocket(url, protocols, { origin, perMessageDeflate: false, ...options })
}

/** A TCP connection to an app, for what no client would send. */
export async function connectRaw (t: Teardown, app: FastifyInstance): Promise<Socket> {
  const socket = connectTcp((app.server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Sends bytes and collects what comes back until the server closes. */
export async function exchangeRaw (t: Teardown, app: FastifyInstance, bytes: string | Uint8Array): Promise<string> {
  const socket = await connectRaw(t, app)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = once(socket, 'close')
  socket.write(bytes)
  await closed
  return Buffer.concat(chunks).toString('latin1')
}

/** The lines of a good handshake; `headers` replaces or, by `null`, removes one. */
export function handshakeText (
  app: FastifyInstance,
  path: string,
  headers: Record<string, string | string[] | null> = {},
  requestLine = `GET ${path} HTTP/1.1`
): string {
  const host = `127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const all: Record<string, string | string[] | null> = {
    Host: host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    Origin: `http://${host}`,
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers
  }
  const lines = Object.entries(all).flatMap(([name, value]) => value === null ? [] : [value].flat().map((item) => `${name}: ${item}`))
  return `${[requestLine, ...lines].join('\r\n')}\r\n\r\n`
}

/** A masked client frame (RFC 6455 §5.2); the mask is zero, so the payload can be read. */
export function maskedFrame (payload: string | Uint8Array, first = 0x81): Buffer {
  const data = Buffer.from(payload)
  const header = data.length < 126 ? [first, 0x80 | data.length] : [first, 0x80 | 126, data.length >> 8, data.length & 0xff]
  return Buffer.concat([Buffer.from([...header, 0, 0, 0, 0]), data])
}

/** The status of every HTTP reply in what a server sent. */
export function statusesOf (text: string): number[] {
  return Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status))
}

// Five minutes and more: only for what never comes.
const MAX_CHECKS = 60_000

/** Waits for what no event tells of. */
export async function until (isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let checks = 0; !await isSo(); checks++) {
    if (checks === MAX_CHECKS) throw new Error(`it never came: ${String(isSo)}`)
    await delay(5)
  }
}

/** Counts the turns of the event loop from now on. */
export function countTurns (t: Teardown): { readonly count: number } {
  const turns = { count: 0 }
  let next = setImmediate(function again () {
    turns.count++
    next = setImmediate(again)
  })
  t.teardown(() => clearImmediate(next))
  return turns
}

/** Keeps the thread busy. */
export function spin (ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

/** How many sockets a server holds. */
export async function countSockets ({ server }: FastifyInstance): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error === null) resolve(count)
      else reject(error)
    })
  })
}

/** Keeps an app's log lines: `logger: log.options`. */
export class Log {
  readonly lines: Array<Record<string, unknown> & { level: number, msg: string }> = []
  readonly options = { level: 'debug', stream: { write: (line: string) => void this.lines.push(JSON.parse(line)) } }

  /** The lines that say this. */
  find (message: string): Log['lines'] {
    return this.lines.filter(({ msg }) => msg.includes(message))
  }
}

/** Of localhost, signed by itself, and good for nothing but tests. */
export const certificate = {
  key: readFileSync(new URL('../fixtures/localhost.key', import.meta.url)),
  cert: readFileSync(new URL('../fixtures/localhost.crt', import.meta.url))
}
