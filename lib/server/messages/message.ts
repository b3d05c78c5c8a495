import type { ObservedMessage } from '../stats.js'

/** A checked message whose payload may be handled. */
export class Message<E> implements ObservedMessage {
  readonly kind = 'message' as const
  /** What the contract, or the route, says of it. */
  readonly entry: E
  readonly type: string | undefined
  readonly ref: number | undefined
  readonly payload: unknown
  /** Of the frames it came in. */
  bytes = 0
  /** Whether its outcome is known: a later one is not observed. */
  isHandled = false
  trace: ObservedMessage['trace'] = undefined
  #isOver = false
  #abort: AbortController | undefined = undefined

  constructor (entry: E, type: string | undefined, ref: number | undefined, payload: unknown) {
    this.entry = entry
    this.type = type
    this.ref = ref
    this.payload = payload
  }

  /** Whether nobody waits for its answer any more. */
  get isOver (): boolean {
    return this.#isOver
  }

  get signal (): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#isOver) this.#abort.abort()
    return this.#abort.signal
  }

  /** The caller cancelled, or is gone. */
  abort (): void {
    this.#isOver = true
    this.#abort?.abort()
  }
}
