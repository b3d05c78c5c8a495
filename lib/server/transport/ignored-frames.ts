import { CLOSE, headerBytesAt, OPCODE, payloadBytesAt } from './frame.js'

/** The length of a part that cannot be read yet: more of its header must come. */
export const WAIT = -1
// More than the buffers of both systems hold. A client that sends on has read the close frame by
// then, or never will.
const MAX_BYTES = 16 * 1024 * 1024
// More than most clients have sent before they could know of the close frame.
const HASTY_BYTES = 64 * 1024

/** The frames of a client that is not heard any more: all are left out but a close frame. */
export class IgnoredFrames {
  // The rest of the frame that has begun.
  #owedBytes = 0
  #bytes = 0

  /** True once far too many bytes have arrived. */
  get areTooMany (): boolean {
    return this.#bytes > MAX_BYTES
  }

  /** True once so much has arrived that the rest may be read slowly. */
  get areMany (): boolean {
    return this.#bytes > HASTY_BYTES
  }

  /**
   * Passes over all frames in front of a close frame, or of an incomplete header, and over the part
   * of the last one that has arrived.
   * @returns the length of them; 0 at a close frame, WAIT at an incomplete header.
   */
  take (bytes: Buffer, at: number): number {
    let end = at
    while (end < bytes.length) {
      if (this.#owedBytes === 0) {
        const isIncomplete = end + 1 === bytes.length || end + headerBytesAt(bytes, end) > bytes.length
        if (isIncomplete && end === at) return WAIT
        if (isIncomplete || (bytes[end]! & OPCODE) === CLOSE) break
        this.#owedBytes = headerBytesAt(bytes, end) + payloadBytesAt(bytes, end)
      }
      const left = Math.min(this.#owedBytes, bytes.length - end)
      this.#owedBytes -= left
      end += left
    }
    this.#bytes += end - at
    return end - at
  }
}
