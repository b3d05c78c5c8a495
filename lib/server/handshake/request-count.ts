import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const kRequests: unique symbol = Symbol('fastify-typed-ws.requests')

/**
 * Counts the requests of a socket, and ends it with the last one that `maxRequestsPerSocket`
 * allows. Node counts too, but begins anew with a socket that was handed back to it.
 */
export function countRequest ({ maxRequestsPerSocket }: Server, request: IncomingMessage, response: ServerResponse): void {
  if (!maxRequestsPerSocket) return
  const socket = request.socket as Socket & { [kRequests]?: number }
  const count = (socket[kRequests] ?? 0) + 1
  socket[kRequests] = count
  if (count >= maxRequestsPerSocket) response.shouldKeepAlive = false
}
