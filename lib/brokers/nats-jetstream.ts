import { BrokerError } from './failure.js'
import type { NatsHeaderValues } from './nats-connection.js'
import type { Deadline, NatsRequests } from './nats-requests.js'

/** JetStream has refused: nothing was done. */
export class JetStreamError extends BrokerError {
  /** Its `err_code`. */
  readonly errorCode: number

  constructor ({ err_code: errorCode, description }: ApiError) {
    super('UNAVAILABLE', `JetStream: ${description}`)
    this.errorCode = errorCode
  }
}

interface ApiError {
  readonly err_code: number
  readonly description: string
}

/** The `err_code` of answers that mean something here. */
export const ErrorCode = {
  noCluster: 10008,
  notLeader: 10009,
  notFound: 10037,
  notEnabledForAccount: 10039,
  noStream: 10059,
  overlaps: 10065,
  wrongLast: 10071,
  notEnabled: 10076
} as const

/** The JetStream API: requests whose text is JSON, as is that of the answers. */
export class JetStream {
  readonly #requests: NatsRequests

  constructor (requests: NatsRequests) {
    this.#requests = requests
  }

  /** @throws BrokerError, by rejecting; JetStreamError for a refusal. */
  async ask<T> (name: string, body: object, deadline?: Deadline): Promise<T> {
    const answer = await this.#requests.ask(`$JS.API.${name}`, JSON.stringify(body), {}, deadline)
    return resultOf<T>(answer.string())
  }

  /**
   * Publishes a message to the stream that has the subject.
   * @throws as `ask` does.
   */
  async publish (subject: string, text: string, headers: NatsHeaderValues, deadline: Deadline): Promise<PublishAck> {
    const answer = await this.#requests.ask(subject, text, headers, deadline)
    return resultOf<PublishAck>(answer.string())
  }
}

export interface PublishAck {
  readonly stream: string
  readonly seq: number
  /** The message was stored before, with the same `Nats-Msg-Id`. */
  readonly duplicate?: boolean
}

/** Tells whether JetStream has refused for one reason. */
export function isRefusal (error: unknown, code: number): boolean {
  return error instanceof JetStreamError && error.errorCode === code
}

function resultOf<T> (text: string): T {
  const result = JSON.parse(text) as T & { readonly error?: ApiError }
  if (result.error !== undefined) throw new JetStreamError(result.error)
  return result
}
