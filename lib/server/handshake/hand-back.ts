import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { headerPairs } from './request.js'

const kRequests: unique symbol = Symbol('fastify-typed-ws.requests')
// RFC 9110 §7.8, RFC 7540 §3.2.1: headers that ask for another protocol, hop by hop.
const UPGRADE_HEADERS = new Set(['upgrade', 'http2-settings'])
// Node's default, for a server without maxHeadersCount.
const MAX_HEADERS = 1000

/**
 * Answers an upgrade to another protocol over HTTP. RFC 9110 §7.8: a server may ignore Upgrade.
 * Node's HTTP parser has already let go of the stream: it gets the request again, without the
 * headers that ask for another protocol.
 */
export function handBackToHttp (server: Server, request: IncomingMessage, stream: Duplex, head: Buffer): void {
  const pairs = headerPairs(request)
  // Node drops the headers above its limit. One of them may say where the body ends.
  if (pairs.length >= (server.maxHeadersCount || MAX_HEADERS)) return void stream.destroy()
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`, ...pairs.flatMap(lineWithoutUpgrade)]
  stream.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit('encrypted' in stream ? 'secureConnection' : 'connection', stream)
}

function lineWithoutUpgrade ([name, value]: [string, string]): string[] {
  const isForUpgrade = (word: string): boolean => UPGRADE_HEADERS.has(word.toLowerCase())
  if (isForUpgrade(name)) return []
  if (name.toLowerCase() !== 'connection') return [`${name}: ${value}`]
  const options = value.split(',').map((option) => option.trim()).filter((option) => !isForUpgrade(option))
  return options.length === 0 ? [] : [`${name}: ${options.join(', ')}`]
}

/**
 * Counts the requests of a stream, and ends it with the last one that `maxRequestsPerSocket`
 * allows. Node counts too, but starts from 0 with a stream that was handed back to it.
 */
export function countRequest ({ maxRequestsPerSocket }: Server, request: IncomingMessage, response: ServerResponse): void {
  if (!maxRequestsPerSocket) return
  const stream = request.socket as Socket & { [kRequests]?: number }
  const count = (stream[kRequests] ?? 0) + 1
  stream[kRequests] = count
  // upstream-private: node ServerResponse#shouldKeepAlive
  if (count >= maxRequestsPerSocket) response.shouldKeepAlive = false
}
