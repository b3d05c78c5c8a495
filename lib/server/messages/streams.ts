import { AsyncResource } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import * as errors from '../errors.js'
import type { Message } from './message.js'
import { isLong } from '../turn.js'

/** What the streams of a connection ask of it. None of these throws, but for `sendItem` and `drained`. */
export interface StreamsOwner<M> {
  /** Whether the peer reads too slowly for more. */
  readonly isSlow: boolean
  /** Resolves when it has caught up; rejects when the connection ends. */
  drained (): Promise<void>
  sendItem (message: M, item: unknown): void
  sendDone (message: M): void
  /** Reports an error, tells the peer, and drops the stream. */
  fail (error: unknown, message: M): Promise<void> | undefined
  cancelled (message: M): void
  /** Reports an error the peer is not told of. */
  report (error: unknown, message: M): unknown
  /** A source has ended, and given its place back. */
  sourceEnded (): void
}

interface Named {
  readonly name?: string | undefined
}

/** One stream, from its handler's call until its source has ended. */
interface Stream<M> {
  readonly message: M
  source: Source | undefined
}

// How often a source that never waits gives way to other connections.
const ITEMS_PER_TURN = 64
// How many items go out before a look at the time.
const ITEMS_PER_LOOK = 4

/** The streams of one connection, by their `ref`. */
export class Streams<M extends Message<Named>> {
  readonly #sink: StreamsOwner<M>
  // Those somebody waits for.
  readonly #live: Map<number, Stream<M>> = new Map()
  // Those whose source has not ended, the cancelled ones included.
  readonly #places: Map<M, Stream<M>> = new Map()

  constructor (sink: StreamsOwner<M>) {
    this.#sink = sink
  }

  /** How many places are taken: one by each source that has not ended, be it cancelled or not. */
  get size (): number {
    return this.#places.size
  }

  /** Whether somebody waits for a stream of this `ref`. */
  has (ref: number): boolean {
    return this.#live.has(ref)
  }

  /** Takes note of a stream whose handler is about to run. */
  admit (message: M): void {
    const stream = { message, source: undefined }
    // Once its client is gone a `$cancel` that stands behind it meets nothing.
    if (!message.isOver) this.#live.set(message.ref!, stream)
    this.#places.set(message, stream)
  }

  /** Forgets a stream that is over. */
  drop (message: M): void {
    if (this.#live.get(message.ref!)?.message === message) this.#live.delete(message.ref!)
    if (this.#places.delete(message)) this.#sink.sourceEnded()
  }

  /**
   * Sends what a source yields, and then that it is done.
   * @returns a promise that never rejects: resolved when the first item, or the end, has gone out. The rest goes on beside what follows.
   */
  async open (message: M, iterable: unknown): Promise<void> {
    try {
      const source = new Source(iterable, message)
      this.#places.get(message)!.source = source
      if (message.isOver) return await this.#dismiss(source, message)
      if (await this.#pull(source, message)) void this.#pump(source, message)
    } catch (error) {
      await this.#sink.fail(error, message)
    }
  }

  /** @returns whether there was such a stream. */
  cancel (ref: number): boolean {
    const stream = this.#live.get(ref)
    if (stream === undefined) return false
    const { message, source } = stream
    this.#live.delete(ref)
    message.abort()
    if (source !== undefined) void this.#dismiss(source, message)
    this.#sink.cancelled(message)
    return true
  }

  /** Cancels all. */
  end (): void {
    for (const ref of this.#live.keys()) this.cancel(ref)
  }

  async #pump (source: Source, message: M): Promise<void> {
    try {
      let n = 0
      do {
        n++
        if (n % ITEMS_PER_TURN === 0 || (n % ITEMS_PER_LOOK === 0 && isLong())) await turn()
        if (this.#sink.isSlow && !await this.#hasRoom(message)) return
      } while (await this.#pull(source, message))
    } catch (error) {
      if (!message.isOver) await this.#sink.fail(error, message)
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
  async #pull (source: Source, message: M): Promise<boolean> {
    if (message.isOver) return false
    const { done = false, value } = await this.#step(source, message)
    if (message.isOver) return false
    if (done) {
      this.drop(message)
      this.#sink.sendDone(message)
      return false
    }
    try {
      this.#sink.sendItem(message, value)
    } catch (error) {
      await this.#return(source, message)
      throw error
    }
    return true
  }

  // What the source throws after it was told to end is nobody's answer, but it is not lost.
  async #step (source: Source, message: M): Promise<IteratorResult<unknown>> {
    try {
      return await source.next()
    } catch (error) {
      if (!message.isOver) throw error
      void this.#sink.report(error, message)
      return { done: true, value: undefined }
    }
  }

  // Ends a source nobody waits for. It keeps its place until it has ended: it may ignore that it was told to.
  async #dismiss (source: Source, message: M): Promise<void> {
    await this.#return(source, message)
    this.drop(message)
  }

  async #return (source: Source, message: M): Promise<void> {
    try {
      await source.return()
    } catch (error) {
      void this.#sink.report(error, message)
    }
  }
}

/** The iterator a handler returned. */
class Source {
  readonly #iterator: AsyncIterator<unknown>
  // The context of its handler, for the day it is told to end in that of another message.
  readonly #context: AsyncResource = new AsyncResource('fastify-typed-ws.stream')
  #step: Promise<IteratorResult<unknown>> | undefined = undefined

  /** @throws FST_TYPED_WS_INVALID_STREAM_RESULT */
  constructor (iterable: unknown, { entry }: Message<Named>) {
    const open = (iterable as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator]
    if (typeof open !== 'function') throw new errors.InvalidStreamResult(String(entry.name))
    this.#iterator = open.call(iterable)
  }

  next (): Promise<IteratorResult<unknown>> {
    this.#step = this.#iterator.next()
    return this.#step
  }

  /** Tells it to end, and resolves when it has. One that cannot be told has ended when its last step has, whatever came of that. */
  async return (): Promise<void> {
    if (this.#iterator.return === undefined) await Promise.allSettled([this.#step])
    else await this.#context.runInAsyncScope(() => this.#iterator.return!())
  }
}
