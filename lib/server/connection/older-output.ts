import type { Duplex } from 'node:stream'
import type { OlderVersion } from '../../../types/versions.js'
import type { Encoder } from '../messages/encode.js'
import type { InboundContext } from '../messages/owner.js'
import type { Frame } from '../transport/frame.js'
import type { ServerWebSocket } from '../transport/websocket.js'
import { Output } from './output.js'
import type { PartOwner } from './owner.js'

/** The published events and binary frames of an older version. */
export interface OlderFrames {
  /** @returns the event as the version knows it; undefined where it is not sent. */
  frame (frame: Frame): Frame | undefined
  readonly hasBinary: boolean
}

/** The version of a route's contract that a connection speaks. */
export interface SpokenVersion {
  /** The name of its contract. */
  readonly version: string
  /** Writes in the newest version. */
  readonly publisher: Encoder
  /** Undefined for the newest version. */
  readonly frames: OlderFrames | undefined
}

/** The older versions of a contract, of all its routes. */
export interface VersionRegistry {
  /** @returns the frames of the first route that has this version: each event is framed once. */
  framesOf (version: OlderVersion, frames: OlderFrames): OlderFrames
}

/** Makes the way of messages to a client, by the version that it speaks. */
export function outputOf (context: InboundContext & SpokenVersion, ws: ServerWebSocket, stream: Duplex, owner: PartOwner): Output {
  const { frames } = context
  return frames === undefined ? new Output(context, ws, stream, owner) : new OlderOutput(context, ws, stream, owner, frames)
}

/** The messages to a client of an older version. */
class OlderOutput extends Output {
  readonly #frames: OlderFrames
  readonly #owner: PartOwner

  constructor (context: InboundContext, ws: ServerWebSocket, stream: Duplex, owner: PartOwner, frames: OlderFrames) {
    super(context, ws, stream, owner)
    this.#frames = frames
    this.#owner = owner
  }

  override sendFrame (frame: Frame): boolean {
    const own = this.#frameOf(frame)
    return own === undefined || super.sendFrame(own)
  }

  override replayFrame (frame: Frame): void {
    const own = this.#frameOf(frame)
    if (own !== undefined) super.replayFrame(own)
  }

  // A client whose contract knows no frames of their own does not expect any.
  override sendBinary (bytes: Uint8Array | Blob, event?: Pick<Frame, 'type' | 'text'>): boolean {
    return (event === undefined && !this.#frames.hasBinary) || super.sendBinary(bytes, event)
  }

  // A translation that fails is reported once for each event, and harms no other client.
  #frameOf (frame: Frame): Frame | undefined {
    try {
      return this.#frames.frame(frame)
    } catch (error) {
      void this.#owner.report(error, undefined)
      return undefined
    }
  }
}
