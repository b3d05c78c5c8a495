import type { Socket as TcpSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Inbound } from '../messages/inbound.js'
import type { ConnectionStats } from '../stats.js'
import type { Output } from './output.js'

/** The stream below `ws`. An injected one counts no bytes. */
export type TransportStream = Duplex & Partial<Pick<TcpSocket, 'bytesRead' | 'bytesWritten' | 'setKeepAlive'>>

/** The numbers of a connection, from its parts. */
export function statsOf (
  { receiver, scheduler, dispatcher }: Inbound, output: Output, pendingCalls: number, stream: TransportStream
): ConnectionStats {
  return {
    queued: scheduler.queued,
    running: scheduler.running,
    streams: dispatcher.streams,
    pendingCalls,
    bufferedBytes: output.bufferedAmount,
    messagesReceived: receiver.received,
    messagesSent: output.sent,
    bytesReceived: stream.bytesRead ?? 0,
    bytesSent: stream.bytesWritten ?? 0
  }
}
