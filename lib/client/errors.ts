import type { ClientErrorLike, StateChange } from '../../types/client.js'

/** Details of an error beyond its code and message. */
type Details = Partial<Pick<ClientErrorLike, 'statusCode' | 'received' | 'closeCode' | 'reason'>> & ErrorOptions

/** The end of a connection. */
type End = Pick<StateChange, 'code' | 'reason'>

/**
 * An error of the client's own, or the server's `$error`; `code` tells which. See docs/errors.md.
 */
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
export const invalidMessage = (what: string, details?: Details): ClientError => {
  return new ClientError('FST_TYPED_WS_INVALID_MESSAGE', what, details)
}

/** The error of an `$error` of the server's, whose fields may be anything. */
export function errorOf ({ code = '', message, statusCode, received }: Readonly<Record<string, unknown>>): ClientError {
  try {
    return new ClientError(String(code), message as string, { statusCode, received } as Details)
  } catch (cause) {
    return invalidMessage('not a message', { cause })
  }
}

/** An error with the code and the reason of a connection's end. */
export function ended (code: string, message: string, { code: closeCode, reason }: End): ClientError {
  return new ClientError(code, `${message}: ${closeCode} ${reason}`.trimEnd(), { closeCode, reason } as Details)
}
