import type { ReceivedMessage } from '../../../types/handler.js'

/** What dispatch asks of a connection. None of these throws, but for `answer`. */
export interface DispatchOwner<M> {
  /** Sends what a handler returned, if somebody waits for it. */
  answer (message: M, result: unknown): Promise<void> | undefined
  /** Reports an error and tells the peer. */
  fail (error: unknown, message: M): Promise<void> | undefined
}

/** A message, and who handles it. */
export interface Handled<S> extends ReceivedMessage {
  readonly entry: { readonly handler: (payload: never, socket: S, message: ReceivedMessage) => unknown }
}

/**
 * Brings one message to its handler and the handler's result back. A handler that works synchronously is answered synchronously.
 *
 * @returns a promise that never rejects while there is more to wait for, else `undefined`.
 */
export function dispatch<S, M extends Handled<S>> (message: M, socket: S, exchange: DispatchOwner<M>): Promise<void> | undefined {
  try {
    const result = message.entry.handler(message.payload as never, socket, message)
    return isThenable(result) ? awaitResult(result, message, exchange) : exchange.answer(message, result)
  } catch (error) {
    return exchange.fail(error, message)
  }
}

async function awaitResult<M> (result: PromiseLike<unknown>, message: M, exchange: DispatchOwner<M>): Promise<void> {
  try {
    await exchange.answer(message, await result)
  } catch (error) {
    await exchange.fail(error, message)
  }
}

export function isThenable (value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
