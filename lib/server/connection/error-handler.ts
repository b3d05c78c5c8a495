import type { ReceivedMessage } from '../../../types/handler.js'
import type { Socket } from '../../../types/socket.js'
import { chosen, type Failure } from '../failure.js'
import { isThenable } from '../messages/dispatch.js'
import type { Observer } from '../stats.js'

/** The part of a route that is told of errors. */
export interface ErrorHandlerContext {
  readonly errorHandler: ((error: unknown, socket: Socket, message: ReceivedMessage | undefined) => unknown) | undefined
  readonly observer: Observer
}

/**
 * Reports an error to the route's `errorHandler`, else to the log. Never throws and never rejects:
 * gives the error that the client is told of.
 */
export function reportError (
  { errorHandler, observer }: ErrorHandlerContext, error: unknown, socket: Socket, message: ReceivedMessage | undefined
): Failure | Promise<Failure> {
  observer.failed(socket, error, message, errorHandler !== undefined)
  if (errorHandler === undefined) return { error }
  try {
    const answer = errorHandler(error, socket, message)
    return isThenable(answer) ? awaitAnswer(answer, error) : chosen(answer, error)
  } catch (thrown) {
    return { error: thrown }
  }
}

async function awaitAnswer (answer: PromiseLike<unknown>, error: unknown): Promise<Failure> {
  try {
    return chosen(await answer, error)
  } catch (thrown) {
    return { error: thrown }
  }
}
