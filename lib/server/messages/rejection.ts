import type { ErrorBody } from '../../protocol.js'

/** The answer to a message that no handler gets. */
export interface Rejection {
  readonly kind: 'rejection'
  readonly error: ErrorBody
  /** The close frame that follows the answer, where it is the last one. */
  readonly ending?: readonly [code: number, reason: string]
  /** Undefined: a rejection holds no frame. */
  readonly bytes?: undefined
}

type Status = Pick<ErrorBody, 'statusCode' | 'error'>

/** The parts of a rejection that name the message it answers. */
interface Answered {
  readonly ref?: number | undefined
  readonly received?: string | undefined
}

const BAD_REQUEST: Status = { statusCode: 400, error: 'Bad Request' }
export const TOO_MANY_REQUESTS: Status = { statusCode: 429, error: 'Too Many Requests' }

export function rejectionOf (code: string, message: string, { ref, received }: Answered = {}, status: Status = BAD_REQUEST): Rejection {
  const answered = { ...(ref !== undefined && { ref }), ...(received !== undefined && { received }) }
  return { kind: 'rejection', error: { ...answered, ...status, code, message } }
}
