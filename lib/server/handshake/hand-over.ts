import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import { destroyUnread, responseOn } from './stream.js'

/** An upgrade as Node gives it to a listener. */
export type UpgradeValues = [request: object, stream: Duplex, head: Buffer]
export type UpgradeListener = (this: Server, ...values: UpgradeValues) => unknown

export interface HandOverOptions {
  readonly log: FastifyBaseLogger
  /** Time after which a stream that no listener reads is destroyed. */
  readonly timeoutMs: number
}

// upstream-private: @fastify/websocket ws-socket, ws-head
// A further @fastify/websocket would upgrade a request that carries them a second time.
const STREAM_MARK = 'ws-socket'
const MARKS = new Set([STREAM_MARK, 'ws-head'])
// Takes the place of a stream.
const KEPT = { destroy (): void {} }
let kStream: symbol | undefined

/**
 * The listener by which `@fastify/websocket` routes an upgrade through Fastify. Its source calls
 * `fastify.routing`, a name that minifiers keep.
 */
export function dispatcherOf (server: Server): UpgradeListener | undefined {
  // upstream-private: @fastify/websocket onUpgrade
  return listenersOf(server).find((listener) => /\.routing\(/.test(String(listener)))
}

export function listenersOf (server: Server): UpgradeListener[] {
  return server.rawListeners('upgrade') as UpgradeListener[]
}

/** Gives a stream to other listeners in the state in which Node would have given it to them. */
export function handOver (server: Server, listeners: readonly UpgradeListener[], values: UpgradeValues, options: HandOverOptions): void {
  const [request, stream] = values
  // upstream-private: node ServerResponse#detachSocket
  responseOn(stream)?.detachSocket(stream as never)
  removeMarks(request)
  destroyUnread(stream, options.timeoutMs)
  for (const listener of listeners) callListener(server, listener, values, options.log)
}

function removeMarks (request: object): void {
  const marks = Object.getOwnPropertySymbols(request).filter(({ description }) => MARKS.has(description!))
  for (const mark of marks) Reflect.deleteProperty(request, mark)
}

/**
 * Keeps the stream of a request from an `onResponse` hook of `@fastify/websocket`, which destroys
 * it at once: after a 101, and while a client still reads its refusal.
 */
export function keepStream (request: object): void {
  // Each copy of the package has a symbol of its own.
  if (kStream === undefined || !Object.hasOwn(request, kStream)) {
    kStream = Object.getOwnPropertySymbols(request).find(({ description }) => description === STREAM_MARK)
  }
  if (kStream !== undefined) (request as Record<symbol, object>)[kStream] = KEPT
}

/** Calls a listener. An error of it, thrown or rejected, ends this stream and nothing else. */
export function callListener (server: Server, listener: UpgradeListener, values: UpgradeValues, log: FastifyBaseLogger): void {
  try {
    const result = listener.apply(server, values)
    if (result instanceof Promise) result.catch((error: unknown) => endFailed(values, error, log))
  } catch (error) {
    endFailed(values, error, log)
  }
}

function endFailed ([, stream]: UpgradeValues, error: unknown, log: FastifyBaseLogger): void {
  log.error({ err: error }, 'websocket upgrade failed in a listener of the server')
  stream.destroy()
}
