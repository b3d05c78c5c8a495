import type { DrainedOptions } from '../../types/client.js'
import { quiet } from './quiet.js'

/** The part of a client that is watched. */
interface Sender {
  readonly bufferedAmount: number
  readonly opened: Promise<void>
}

// A WebSocket has no event for it.
const POLL_MS = 20

/**
 * Resolves once there is a connection, and at most `maxBufferedBytes` of all that was sent wait for
 * the network: an upload that awaits it between two parts holds about one part in memory, not all.
 *
 * @throws by rejecting: `FST_TYPED_WS_CLIENT_CLOSED` when the client is closed for good.
 *
 * @example
 * for (const part of parts) {
 *   client.sendBinary(part)
 *   await drained(client)
 * }
 */
export function drained (client: Sender, { maxBufferedBytes = 1_048_576 }: DrainedOptions = {}): Promise<void> {
  return quiet(drain(client, maxBufferedBytes))
}

async function drain (client: Sender, maxBufferedBytes: number): Promise<void> {
  await client.opened
  while (client.bufferedAmount > maxBufferedBytes) {
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
    await client.opened
  }
}
