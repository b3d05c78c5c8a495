import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import { WebSocketServer } from 'ws'
import { cases } from './cases.js'
import { Trial, type Verdict } from './trial.js'

export interface ServerOptions {
  /** The longest time that a case waits for one thing. Default 60 000. */
  limitMs?: number
  logger?: boolean
}

export interface Line {
  readonly name: string
  readonly group: string
  readonly verdict: Verdict['verdict'] | 'not run'
  readonly reason?: string
}

export interface Report {
  readonly run: string
  readonly passed: number
  readonly failed: number
  readonly cases: readonly Line[]
}

/** A handshake that was asked for. */
interface Asked {
  readonly trial: Trial
  readonly offered: readonly string[]
  readonly askedMs: number
}

const byName = new Map(cases.map((case_) => [case_.name, case_]))
const Query = Type.Object({ run: Type.String({ default: 'first', maxLength: 100 }) })

/**
 * The server that a client is tried against: `/case/<name>?run=<run>` by WebSocket, `/cases` and
 * `/report?run=<run>` over HTTP. It speaks in plain frames, right and strange ones, and not by the
 * plugin, which sends only right ones.
 */
export function buildServer ({ limitMs = 60_000, logger = true }: ServerOptions = {}): FastifyInstance {
  const app = Fastify({ logger })
  const runs = new Map<string, Map<string, Trial>>()
  const asked = new WeakMap<IncomingMessage, 'conformance.v1' | 'typed-ws.refusal'>()
  const ws = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered, request) => offered.has(asked.get(request)!) && asked.get(request)!
  })

  function trialOf (run: string, name: string): Trial | undefined {
    const trials = runs.get(run) ?? new Map<string, Trial>()
    const case_ = byName.get(name)
    if (case_ !== undefined && !trials.has(name)) trials.set(name, new Trial(case_, limitMs))
    runs.set(run, trials)
    return trials.get(name)
  }

  function onUpgrade (request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const trial = find(request.url!)
    if (trial === undefined) return refuse(socket, '404 Not Found')
    const answer = trial.handshake()
    if (answer === 503) return refuse(socket, '503 Service Unavailable')
    asked.set(request, answer)
    open({ trial, offered: subprotocolsOf(request), askedMs: performance.now() }, request, socket, head)
  }

  function find (target: string): Trial | undefined {
    const { pathname, searchParams } = new URL(target, 'http://localhost')
    const name = /^\/case\/([^/]+)$/.exec(pathname)?.[1]
    return name === undefined ? undefined : trialOf(searchParams.get('run') ?? Query.properties.run.default as string, name)
  }

  function open ({ trial, offered, askedMs }: Asked, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    ws.handleUpgrade(request, socket, head, (client) => trial.take(client, offered, askedMs))
  }

  app.get('/cases', () => cases.map(({ name, group, server, client, judged }) => ({ name, group, server, client, judged })))

  app.get<{ Querystring: { run: string } }>('/report', { schema: { querystring: Query } }, async ({ query: { run } }): Promise<Report> => {
    const trials = runs.get(run)
    const lines = await Promise.all(cases.map(async ({ name, group }) => {
      return { name, group, ...await trials?.get(name)?.verdict() ?? { verdict: 'not run' as const } }
    }))
    const count = (wanted: Line['verdict']): number => lines.filter(({ verdict }) => verdict === wanted).length
    return { run, passed: count('passed'), failed: count('failed'), cases: lines }
  })

  app.server.on('upgrade', onUpgrade)
  app.addHook('preClose', (done) => {
    for (const client of ws.clients) client.terminate()
    done()
  })
  return app
}

function subprotocolsOf ({ headers }: IncomingMessage): string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '')
}

function refuse (socket: Duplex, status: string): void {
  socket.on('error', () => {})
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
