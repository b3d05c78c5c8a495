import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Time that a refused client has to read its answer. */
export const CLOSE_AFTER_MS = 1000

/** The response that is being written to a stream of Node's HTTP server, if there is one. */
export function responseOn (stream: Duplex): ServerResponse | null | undefined {
  // upstream-private: node Socket#_httpMessage
  return (stream as Duplex & { _httpMessage?: ServerResponse | null })._httpMessage
}

/** Frees a stream after a time, whatever its client does. */
export function destroyAfter (stream: Duplex, ms: number): void {
  onTimeout(stream, ms, () => stream.destroy())
}

/** Frees a stream after a time unless a listener reads it: else it would be held for ever. */
export function destroyUnread (stream: Duplex, ms: number): void {
  onTimeout(stream, ms, () => { if (stream.readableFlowing === null) stream.destroy() })
}

function onTimeout (stream: Duplex, ms: number, run: () => void): void {
  const timer = setTimeout(run, ms)
  stream.once('close', () => clearTimeout(timer))
}
