import { nonAsciiOf } from './text-run.js'

/**
 * Frames that follow each other: one run for all connections that get the same ones in a turn, so
 * that these are joined once.
 */
export class FrameRun {
  readonly text: string
  /** The number of letters that are not ASCII in all headers. */
  readonly nonAscii: number
  // The last frame that was asked for. A publication asks for the same one again and again.
  #frame: string | undefined = undefined
  #next: FrameRun | undefined = undefined

  constructor (text: string = '', nonAscii: number = 0) {
    this.text = text
    this.nonAscii = nonAscii
  }

  /** The run with one more frame. */
  with (frame: string): FrameRun {
    if (this.#frame !== frame) {
      this.#frame = frame
      this.#next = new FrameRun(this.text + frame, this.nonAscii + nonAsciiOf(frame))
    }
    return this.#next!
  }
}
