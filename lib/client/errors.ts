import type { ClientErrorLike } from '../../types/client.js'

/** What may be known of an error beyond its code and message. */
type Details = Partial<Pick<ClientErrorLike, 'statusCode' | 'received' | 'closeCode' | 'reason'>> & ErrorOptions

/** Every error of the client's own, and the server's `$error`, told apart by `code`: see docs/errors.md. */
export class ClientError extends Error implements ClientErrorLike {
  override readonly name = 'ClientError'
  declare readonly code: string
  declare readonly statusCode?: number
  declare readonly received?: string
  declare readonly closeCode?: number
  declare readonly reason?: string

  constructor (code: string, message: string, details: Details = {}) {
    super(message, details)
    Object.assign(this, details, { code })
  }
}

export const invalidOption = (advice: string): ClientError => new ClientError('FST_TYPED_WS_INVALID_OPTION', advice)
export const queueFull = (): ClientError => new ClientError('FST_TYPED_WS_QUEUE_FULL', 'Too many messages wait')
export const callTimeout = (type: string, timeoutMs: number): ClientError => new ClientError('FST_TYPED_WS_CALL_TIMEOUT', `No answer to '${type}' within ${timeoutMs} ms`)
export const disconnected = (): ClientError => new ClientError('FST_TYPED_WS_DISCONNECTED', 'The connection was lost')
export const clientClosed = (details: Details): ClientError => new ClientError('FST_TYPED_WS_CLIENT_CLOSED', 'The client is closed', details)
export const invalidMessage = (what: string, details?: Details): ClientError => new ClientError('FST_TYPED_WS_INVALID_MESSAGE', what, details)
export const streamOverflow = (type: string): ClientError => new ClientError('FST_TYPED_WS_STREAM_OVERFLOW', `Too many items of '${type}' wait`)

/** An `$error` of the server's. */
export function errorOf ({ code = '', message, statusCode, received }: Readonly<Record<string, unknown>>): ClientError {
  return new ClientError(String(code), message as string, { statusCode, received } as Details)
}
