import type { FakeBinaryMessage, FakeMessage } from '../../types/testing.js'

/**
 * Makes the third argument of a handler or a message hook.
 *
 * @param type - the message's name; `undefined` for a binary frame.
 * @param ref - of a call or a stream.
 * @param binary - the bytes of an event that has a binary frame.
 *
 * @example
 * await authorize(payload, socket, fakeMessage('ban', payload))
 */
export function fakeMessage<Name extends string> (type: Name, payload: unknown, ref: undefined, binary: Buffer): FakeBinaryMessage<Name>
export function fakeMessage<Name extends string> (type: Name | undefined, payload?: unknown, ref?: number): FakeMessage<Name>
export function fakeMessage (type: string | undefined, payload?: unknown, ref?: number, binary?: Buffer): FakeMessage {
  const controller = new AbortController()
  return { type, ref, payload, binary, signal: controller.signal, abort: () => controller.abort() }
}
