import { ErrorCode, REF } from '../../protocol.js'
import { isLong, laterTurn } from '../turn.js'
import type { StreamMessage } from './message.js'
import type { InboundOwner } from './owner.js'
import { rejectionOf, TOO_MANY_REQUESTS, type Rejection } from './rejection.js'
import type { Responder } from './responder.js'
import { Source } from './source.js'

/** One stream, from the call of its handler until its source has ended. */
interface Stream {
  readonly message: StreamMessage
  source: Source | undefined
}

// How often a source that never waits gives way to other connections.
const ITEMS_PER_TURN = 64
// The time of a turn of the event loop after which the next item waits for a later turn.
const MAX_TURN_MS = 0.25

/** The streams of one connection, by their `ref`. */
export class Streams {
  readonly #owner: InboundOwner
  readonly #responder: Responder
  readonly #max: number
  // The streams that the client awaits.
  readonly #live: Map<number, Stream> = new Map()
  // The streams whose source has not ended, cancelled ones included.
  readonly #places: Map<StreamMessage, Stream> = new Map()

  constructor (owner: InboundOwner, responder: Responder, max: number) {
    this.#owner = owner
    this.#responder = responder
    this.#max = max
  }

  /** The number of places taken: one by each source that has not ended, cancelled or not. */
  get size (): number {
    return this.#places.size
  }

  /**
   * Adds a stream whose handler is about to run.
   * @returns a rejection where that cannot be. An error with the `ref` of a live stream would be
   * the end of that one: a second call with its `ref` gets an error without.
   */
  admit (message: StreamMessage): Rejection | undefined {
    const { ref } = message
    if (this.#live.has(ref)) return rejectionOf(ErrorCode.validation, duplicateText(ref), { received: message.entry.name })
    if (this.#places.size >= this.#max) return tooMany(message)
    const stream = { message, source: undefined }
    // After its client is gone, a `$cancel` that stands behind it finds no stream.
    if (!message.isOver) this.#live.set(ref, stream)
    this.#places.set(message, stream)
    return undefined
  }

  /**
   * Sends the items of a source, and then that it is done.
   * @returns a promise that never rejects: resolved when the first item, or the end, has been sent.
   * The rest is sent beside later messages.
   */
  async open (message: StreamMessage, iterable: unknown): Promise<void> {
    try {
      const source = new Source(iterable, message.entry.name)
      this.#places.get(message)!.source = source
      if (message.isOver) return await this.#dismiss(source, message)
      if (await this.#pull(source, message)) void this.#pump(source, message)
    } catch (error) {
      await this.fail(error, message)
    }
  }

  /**
   * Reports an error, tells the client, and removes the stream.
   * @returns a promise that never rejects, or `undefined` when that is done.
   */
  fail (error: unknown, message: StreamMessage): Promise<void> | undefined {
    const failed = this.#responder.fail(error, message)
    if (failed !== undefined) return failed.then(() => this.#remove(message))
    this.#remove(message)
    return undefined
  }

  /** @returns false when there is no such stream. */
  cancel (ref: number): boolean {
    const stream = this.#live.get(ref)
    if (stream === undefined) return false
    const { message, source } = stream
    this.#live.delete(ref)
    message.abort()
    if (source !== undefined) void this.#dismiss(source, message)
    this.#responder.finish(message)
    return true
  }

  /** Cancels all streams. */
  end (): void {
    for (const ref of this.#live.keys()) this.cancel(ref)
  }

  async #pump (source: Source, message: StreamMessage): Promise<void> {
    try {
      let n = 0
      do {
        n++
        if (n % ITEMS_PER_TURN === 0) await laterTurn()
        if (this.#owner.output.isSlow && !await this.#hasRoom(message)) return
      } while (await this.#pull(source, message))
    } catch (error) {
      if (!message.isOver) await this.fail(error, message)
    }
  }

  // Waits for room. A connection that is closing has none: its end cancels the stream, and with it
  // the source.
  async #hasRoom (message: StreamMessage): Promise<boolean> {
    try {
      while (this.#owner.output.isSlow && !message.isOver) await this.#owner.output.drained()
      return true
    } catch {
      return false
    }
  }

  // Sends one item. Returns true when another may follow.
  async #pull (source: Source, message: StreamMessage): Promise<boolean> {
    if (message.isOver) return false
    const { done = false, value } = await this.#step(source, message)
    // Also where the source itself has waited for this turn: so have those of other streams.
    if (isLong(MAX_TURN_MS)) await laterTurn()
    if (message.isOver) return false
    if (done) {
      this.#remove(message)
      this.#responder.sendDone(message)
      return false
    }
    try {
      this.#responder.sendItem(message, value)
    } catch (error) {
      await this.#return(source, message)
      throw error
    }
    return true
  }

  // An error that the source throws after it was ended is reported, but no answer.
  async #step (source: Source, message: StreamMessage): Promise<IteratorResult<unknown>> {
    try {
      return await source.next()
    } catch (error) {
      if (!message.isOver) throw error
      void this.#owner.report(error, message)
      return { done: true, value: undefined }
    }
  }

  // Ends the source of a cancelled stream. It keeps its place until it has ended: it may ignore
  // `return`.
  async #dismiss (source: Source, message: StreamMessage): Promise<void> {
    await this.#return(source, message)
    this.#remove(message)
  }

  async #return (source: Source, message: StreamMessage): Promise<void> {
    try {
      await source.return()
    } catch (error) {
      void this.#owner.report(error, message)
    }
  }

  #remove (message: StreamMessage): void {
    if (this.#live.get(message.ref)?.message === message) this.#live.delete(message.ref)
    if (this.#places.delete(message)) this.#owner.sourceEnded()
  }
}

function duplicateText (ref: number): string {
  return `message/${REF} ${ref} is that of a stream that goes on`
}

function tooMany ({ entry: { name: received }, ref }: StreamMessage): Rejection {
  return rejectionOf(ErrorCode.tooManyStreams, 'too many streams at once', { received, ref }, TOO_MANY_REQUESTS)
}
