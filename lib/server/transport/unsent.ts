import { FrameRun } from './frame-run.js'
import { frameText, type Bytes, type Frame } from './frame.js'
import { MAX_LETTER_BYTES, MAX_RUN_TEXT, bytesOfRun, nonAsciiOf, runHeader } from './text-run.js'

// The beginning of all runs of frames.
let noFrames = new FrameRun()

/** The frames of one connection that wait to be written, in their order. */
export class Unsent {
  // Frames of texts that follow each other are one string. Another frame ends it.
  #run = ''
  // Of the headers in it, and true once a text in it may have more.
  #nonAscii = 0
  #isUnsure = false
  // In place of a run, while nothing but frames for many connections has come.
  #frames: FrameRun | undefined = undefined
  // The frames in front of the run.
  #chunks: Bytes[] = []
  #chunkBytes = 0

  /** Forgets the frames of this turn, which the connections that come later do not get. */
  static endTurn (): void {
    noFrames = new FrameRun()
  }

  get isEmpty (): boolean {
    return this.#run === '' && this.#frames === undefined && this.#chunkBytes === 0
  }

  /** True while all frames are one run, which `takeRun` takes. */
  get isRun (): boolean {
    return this.#chunkBytes === 0
  }

  get bytes (): number {
    this.#endRun()
    return this.#chunkBytes
  }

  /** The most that `bytes` may be: quick to find. */
  get mostBytes (): number {
    return this.#chunkBytes + (this.#frames === undefined ? this.#run : this.#frames.text).length * MAX_LETTER_BYTES
  }

  addText (text: string): void {
    if (text.length > MAX_RUN_TEXT) return this.add(frameText(text))
    if (this.#frames !== undefined) this.#ownFrames(this.#frames)
    this.#isUnsure = true
    const header = runHeader(text)
    this.#addToRun(header + text, nonAsciiOf(header))
  }

  /** Adds a frame that other connections get too. */
  addFrame ({ text, bytes }: Frame): void {
    if (typeof bytes !== 'string' || text.length > MAX_RUN_TEXT) return this.add(bytes)
    if (this.#run !== '') this.#addToRun(bytes, nonAsciiOf(bytes))
    else this.#frames = (this.#frames ?? noFrames).with(bytes)
  }

  add (bytes: Bytes): void {
    this.#endRun()
    this.#push(bytes)
  }

  takeRun (): Bytes {
    if (this.#frames !== undefined) this.#ownFrames(this.#frames)
    const run = this.#isUnsure ? bytesOfRun(this.#run, this.#nonAscii) : this.#run
    this.#run = ''
    this.#nonAscii = 0
    this.#isUnsure = false
    return run
  }

  takeAll (): Bytes[] {
    this.#endRun()
    this.#chunkBytes = 0
    return this.#chunks.splice(0)
  }

  #addToRun (frame: string, nonAscii: number): void {
    this.#run += frame
    this.#nonAscii += nonAscii
  }

  #ownFrames ({ text, nonAscii }: FrameRun): void {
    this.#run = text
    this.#nonAscii = nonAscii
    this.#frames = undefined
  }

  #endRun (): void {
    if (this.#run !== '' || this.#frames !== undefined) this.#push(this.takeRun())
  }

  #push (bytes: Bytes): void {
    this.#chunks.push(bytes)
    this.#chunkBytes += bytes.length
  }
}
