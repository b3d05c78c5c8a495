import { AsyncResource } from 'node:async_hooks'
import * as errors from '../errors.js'

/** The iterator that the handler of a stream returned. */
export class Source {
  readonly #iterator: AsyncIterator<unknown>
  // The context of the handler: `return` may be called in the context of another message.
  readonly #context: AsyncResource = new AsyncResource('fastify-typed-ws.stream')
  #step: Promise<IteratorResult<unknown>> | undefined = undefined

  /**
   * @param name - the stream's, for the error.
   * @throws FST_TYPED_WS_INVALID_STREAM_RESULT
   */
  constructor (iterable: unknown, name: string) {
    const open = (iterable as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator]
    if (typeof open !== 'function') throw new errors.InvalidStreamResult(name)
    this.#iterator = open.call(iterable)
  }

  next (): Promise<IteratorResult<unknown>> {
    this.#step = this.#iterator.next()
    return this.#step
  }

  /**
   * Ends it, and resolves when it has ended. An iterator without `return` has ended when its last
   * step has, even by an error.
   */
  async return (): Promise<void> {
    if (this.#iterator.return === undefined) await Promise.allSettled([this.#step])
    else await this.#context.runInAsyncScope(() => this.#iterator.return!())
  }
}
