import type { ReceivedMessage } from '../../types/handler.js'

/** What dispatch asks of a connection. None of these throws, but for `answer`. */
export interface Exchange<M> {
  /** Sends what a handler returned, if somebody waits for it. */
  answer (message: M, result: unknown): void
  /** Reports an error and tells the peer. */
  fail (error: unknown, message: M): Promise<void> | undefined
}

/**
 * Brings one message to its handler and the handler's result back. A handler that works synchronously is answered synchronously.
 *
 * @returns a promise that never rejects while there is more to wait for, else `undefined`.
 */
export function dispatch<M extends ReceivedMessage, S extends Exchange<M>> (handler: (payload: never, socket: S) => unknown, message: M, socket: S): Promise<void> | undefined {
  try {
    const result = handler(message.payload as never, socket)
    if (isThenable(result)) return settle(result, message, socket)
    socket.answer(message, result)
    return undefined
  } catch (error) {
    return socket.fail(error, message)
  }
}

async function settle<M> (result: PromiseLike<unknown>, message: M, socket: Exchange<M>): Promise<void> {
  try {
    socket.answer(message, await result)
  } catch (error) {
    await socket.fail(error, message)
  }
}

export function isThenable (value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
