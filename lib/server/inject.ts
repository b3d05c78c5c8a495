import type { IncomingMessage } from 'node:http'
import { Duplex, PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import { WebSocket } from 'ws'
import type { Client } from '../../types/client.js'
import type { AnyContract } from '../../types/contract.js'
import type { InjectedClient, InjectOptions } from '../../types/inject.js'
import { binaryEvents } from '../client/binary.js'
import { createClient } from '../client/index.js'
import { CloseCode } from '../protocol.js'
import * as errors from './errors.js'
import { kInjected } from './symbols.js'

/** Where the server of an app takes a connection, and what scheme its pages have. */
interface ServerEndpoint {
  readonly event: 'connection' | 'secureConnection'
  readonly scheme: 'http' | 'https'
}

const HOST = 'localhost'
const ADDRESS = '127.0.0.1'

/**
 * The client of `fastify-typed-ws/client`, joined to an app in memory: every byte of the handshake
 * and of the frames is real, but there is no port.
 * @throws FST_TYPED_WS_HANDSHAKE_REFUSED, FST_TYPED_WS_INVALID_OPTION, by rejecting
 */
export async function injectClient<C extends AnyContract> (
  app: FastifyInstance,
  contract: C,
  path: string,
  options: InjectOptions<C>
): Promise<InjectedClient<C>> {
  await app.ready()
  const { headers, query, ...settings } = options
  const endpoint = endpointOf(app)
  const connection = new InjectedConnection()
  const client = createClient<C>(urlOf(path, query), {
    protocol: contract.name,
    discriminator: contract.discriminator,
    ...settings,
    binary: binaryEvents(),
    WebSocket: connection.socketTo(app, endpoint, headersOf(endpoint, headers))
  })
  await connection.admitted(client)
  return Object.assign(client, { headers: connection.headers })
}

/** The answer to a handshake that was refused. */
interface Refusal {
  readonly statusCode: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** The first connection of a client: how it was answered. */
class InjectedConnection {
  headers: IncomingMessage['headers'] = {}
  #ws: WebSocket | undefined = undefined
  readonly #refused: Promise<Refusal | undefined>
  #refuse!: (refusal: Refusal | undefined | Promise<Refusal>) => void

  constructor () {
    this.#refused = new Promise((resolve) => { this.#refuse = resolve })
  }

  /** The class that the client opens instead of WebSocket: it connects to the app in memory. */
  socketTo (
    app: FastifyInstance,
    endpoint: ServerEndpoint,
    headers: Record<string, string>
  ): new (url: string, protocols: string[]) => WebSocket {
    const take = (ws: WebSocket): void => this.#take(ws)
    return class extends WebSocket {
      constructor (url: string, protocols: string[]) {
        super(url, protocols, { headers, perMessageDeflate: false, createConnection: () => join(app, endpoint) })
        take(this)
      }
    }
  }

  /** Resolves when the client is open; rejects with the answer that refused its handshake. */
  async admitted (client: Pick<Client, 'opened' | 'close'>): Promise<void> {
    await Promise.race([client.opened, this.#refused.then(throwRefusal)]).catch((error: unknown) => {
      client.close()
      throw error
    })
    // Messages wait until the caller has had the chance to listen.
    process.nextTick(() => this.#ws!.resume())
  }

  #take (ws: WebSocket): void {
    if (this.#ws !== undefined) return
    this.#ws = ws
    ws.once('upgrade', ({ headers }) => { this.headers = headers })
    ws.once('open', () => ws.pause())
    ws.once('unexpected-response', (_request, response) => this.#refuse(answerOf(response)))
    ws.once('close', (code, reason) => this.#refuse(this.#refusalOf(code, reason)))
  }

  // A close that lets a client come back is all that is left of the answer's status.
  #refusalOf (code: number, reason: Buffer): Refusal | undefined {
    if (code !== CloseCode.tryAgainLater) return undefined
    return { statusCode: 503, headers: this.headers, body: reason.toString() }
  }
}

async function answerOf (response: IncomingMessage): Promise<Refusal> {
  const { statusCode, headers } = response
  return { statusCode: statusCode!, headers, body: await text(response) }
}

function throwRefusal (refusal: Refusal | undefined): never {
  throw Object.assign(new errors.HandshakeRefused(refusal?.statusCode ?? 'nothing'), refusal)
}

// The two ends of a connection; the server is given its own.
function join (app: FastifyInstance, { event, scheme }: ServerEndpoint): Duplex {
  const [up, down] = [new PassThrough(), new PassThrough()]
  // upstream-private: node Socket#alpnProtocol
  // A server of HTTP/2 asks for the protocol that was negotiated, and for itself.
  const properties = { remoteAddress: ADDRESS, encrypted: scheme === 'https', alpnProtocol: 'http/1.1', server: app.server }
  app.server.emit(event, Object.assign(ending(up, down), properties, { [kInjected]: true }))
  return ending(down, up)
}

function ending (readable: PassThrough, writable: PassThrough): Duplex {
  return Duplex.from({ readable, writable } as never)
}

function endpointOf ({ initialConfig: { http2 = false, https } }: FastifyInstance): ServerEndpoint {
  const isHttp1 = !http2 || (typeof https === 'object' && https.allowHTTP1)
  if (!isHttp1) throw new errors.InvalidOption('http2', 'a WebSocket is opened over HTTP/1.1: write https: { allowHTTP1: true }')
  return https ? { event: 'secureConnection', scheme: 'https' } : { event: 'connection', scheme: 'http' }
}

function urlOf (path: string, query: InjectOptions['query'] = {}): string {
  const url = new URL(path, `ws://${HOST}`)
  for (const [name, value] of Object.entries(query)) for (const one of [value].flat()) url.searchParams.append(name, String(one))
  return url.href
}

// One that is undefined is not sent.
function headersOf (endpoint: ServerEndpoint, given: InjectOptions['headers'] = {}): Record<string, string> {
  const all = [['origin', `${endpoint.scheme}://${HOST}`], ...Object.entries(given).map(([name, value]) => [name.toLowerCase(), value])]
  const headers = Object.fromEntries(all) as Record<string, string | undefined>
  return Object.fromEntries(Object.entries(headers).filter((header): header is [string, string] => header[1] !== undefined))
}
