import type { FakeMessage } from '../../types/testing.js'

/**
 * Makes the third argument of a handler or a message hook.
 *
 * @param type - the message's name; `undefined` for a binary frame.
 * @param ref - of a call or a stream.
 *
 * @example
 * await authorize(payload, socket, fakeMessage('ban', payload))
 */
export function fakeMessage<Name extends string> (type: Name | undefined, payload?: unknown, ref?: number): FakeMessage<Name> {
  const controller = new AbortController()
  return { type, ref, payload, signal: controller.signal, abort: () => controller.abort() }
}
