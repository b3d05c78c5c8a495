import { setImmediate as turn } from 'node:timers/promises'
import * as errors from './errors.js'
import type { Message } from './message.js'

/** What the streams of a connection ask of it. None of these throws, but for `sendItem` and `drained`. */
export interface StreamSink<M> {
  /** Whether the peer reads too slowly for more. */
  readonly isSlow: boolean
  /** Resolves when it has caught up; rejects when the connection ends. */
  drained (): Promise<void>
  sendItem (message: M, item: unknown): void
  sendDone (message: M): void
  fail (error: unknown, message: M): Promise<void> | undefined
  cancelled (message: M): void
  /** Reports an error the peer is not told of. */
  report (error: unknown, message: M): unknown
}

interface Named {
  readonly name?: string | undefined
}

interface Stream<M> {
  readonly message: M
  iterator: AsyncIterator<unknown> | undefined
}

// How often a source that never waits gives way to other connections.
const ITEMS_PER_TURN = 64

/** The streams of one connection, by their `ref`. */
export class Streams<M extends Message<Named>> {
  readonly #sink: StreamSink<M>
  readonly #live: Map<number, Stream<M>> = new Map()

  constructor (sink: StreamSink<M>) {
    this.#sink = sink
  }

  get size (): number {
    return this.#live.size
  }

  has (ref: number): boolean {
    return this.#live.has(ref)
  }

  /** Takes note of a stream whose handler is about to run. */
  admit (message: M): void {
    this.#live.set(message.ref!, { message, iterator: undefined })
  }

  /** Forgets a stream whose handler failed. */
  drop (message: M): void {
    if (this.#live.get(message.ref!)?.message === message) this.#live.delete(message.ref!)
  }

  /**
   * Sends what a source yields, and then that it is done.
   * @returns a promise that never rejects: resolved when the first item, or the end, has gone out. The rest goes on beside what follows.
   */
  async open (message: M, source: unknown): Promise<void> {
    const stream = this.#live.get(message.ref!)
    try {
      const iterator = iteratorOf(source, message)
      if (message.isOver || stream?.message !== message) return await this.#return(iterator, message)
      stream.iterator = iterator
      if (await this.#pull(iterator, message)) void this.#pump(iterator, message)
    } catch (error) {
      this.drop(message)
      await this.#sink.fail(error, message)
    }
  }

  /** @returns whether there was such a stream. */
  cancel (ref: number): boolean {
    const stream = this.#live.get(ref)
    if (stream === undefined) return false
    this.#live.delete(ref)
    stream.message.abort()
    if (stream.iterator !== undefined) void this.#return(stream.iterator, stream.message)
    this.#sink.cancelled(stream.message)
    return true
  }

  /** Cancels all. */
  end (): void {
    for (const ref of this.#live.keys()) this.cancel(ref)
  }

  async #pump (iterator: AsyncIterator<unknown>, message: M): Promise<void> {
    try {
      let n = 0
      do {
        n++
        if (n % ITEMS_PER_TURN === 0) await turn()
        if (this.#sink.isSlow && !await this.#hasRoom(message)) return
      } while (await this.#pull(iterator, message))
    } catch (error) {
      if (message.isOver) return
      this.drop(message)
      await this.#sink.fail(error, message)
    }
  }

  // Waits for room. A connection that is closing has none: its end cancels the stream, and tells the source.
  async #hasRoom (message: M): Promise<boolean> {
    try {
      while (this.#sink.isSlow && !message.isOver) await this.#sink.drained()
      return true
    } catch {
      return false
    }
  }

  // Brings one item on its way. Returns whether there may be another.
  async #pull (iterator: AsyncIterator<unknown>, message: M): Promise<boolean> {
    if (message.isOver) return false
    const { done = false, value } = await this.#step(iterator, message)
    if (message.isOver) return false
    if (done) {
      this.drop(message)
      this.#sink.sendDone(message)
      return false
    }
    try {
      this.#sink.sendItem(message, value)
    } catch (error) {
      await this.#return(iterator, message)
      throw error
    }
    return true
  }

  // What the source throws after it was told to end is nobody's answer, but it is not lost.
  async #step (iterator: AsyncIterator<unknown>, message: M): Promise<IteratorResult<unknown>> {
    try {
      return await iterator.next()
    } catch (error) {
      if (!message.isOver) throw error
      void this.#sink.report(error, message)
      return { done: true, value: undefined }
    }
  }

  async #return (iterator: AsyncIterator<unknown>, message: M): Promise<void> {
    try {
      await iterator.return?.()
    } catch (error) {
      void this.#sink.report(error, message)
    }
  }
}

function iteratorOf (source: unknown, message: Message<Named>): AsyncIterator<unknown> {
  const open = (source as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator]
  if (typeof open !== 'function') throw new errors.StreamResult(String(message.entry.name))
  return open.call(source)
}
