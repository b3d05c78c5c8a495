import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'

/** An upgrade on its way to a listener. */
export type UpgradeValues = [request: object, socket: Duplex & { _httpMessage?: ServerResponse | null }, head: Buffer]
export type UpgradeListener = (this: Server, ...values: UpgradeValues) => unknown

/** How an upgrade is handed over. */
export interface HandOverOptions {
  readonly log: FastifyBaseLogger
  /** Past it a socket that nobody reads is destroyed. */
  readonly timeoutMs: number
}

// upstream-private: symbols that @fastify/websocket 11.3 leaves on a raw request. The next one
// to route the request would upgrade it a second time.
const NOTES = new Set(['ws-socket', 'ws-head'])

/**
 * The listener by which `@fastify/websocket` routes an upgrade. Its call of `fastify.routing` tells
 * it from others: minifiers leave properties their names.
 */
export function dispatcherOf (server: Server): UpgradeListener | undefined {
  return listenersOf(server).find((listener) => /\.routing\(/.test(String(listener)))
}

export function listenersOf (server: Server): UpgradeListener[] {
  return server.rawListeners('upgrade') as UpgradeListener[]
}

/** Gives a socket that Fastify would answer to others, as Node would have given it to them. */
export function handOver (server: Server, listeners: readonly UpgradeListener[], values: UpgradeValues, options: HandOverOptions): void {
  const [request, socket] = values
  socket._httpMessage?.detachSocket(socket as never)
  for (const note of Object.getOwnPropertySymbols(request).filter(({ description }) => NOTES.has(description!))) Reflect.deleteProperty(request, note)
  destroyUnread(socket, options.timeoutMs)
  for (const listener of listeners) void give(server, listener, values, options.log)
}

/** Calls a listener. A fault of its own ends this socket, and nothing else. */
export async function give (server: Server, listener: UpgradeListener, values: UpgradeValues, log: FastifyBaseLogger): Promise<void> {
  try {
    await listener.apply(server, values)
  } catch (error) {
    log.error({ err: error }, 'websocket upgrade failed in a listener of the server')
    values[1].destroy()
  }
}

// A socket that no listener has taken would be held for ever.
function destroyUnread (socket: Duplex, timeoutMs: number): void {
  const timer = setTimeout(() => { if (socket.readableFlowing === null) socket.destroy() }, timeoutMs)
  socket.once('close', () => clearTimeout(timer))
}
