import { ERROR, REPLY } from '../protocol.js'

export type CallHandler = (payload: unknown, settings: { readonly signal: AbortSignal }) => unknown

/** Sends answers. */
export interface ReplySender {
  /**
   * Sends a message on this very connection, or never: an answer belongs where its call came from.
   */
  sendReserved (type: string, body: object): void
}

/** The handlers of the server's calls, by message, and the calls that they still answer. */
export class CallHandlers extends Map<string, CallHandler> {
  readonly #sender: ReplySender
  readonly #running: Map<number, AbortController> = new Map()

  constructor (sender: ReplySender) {
    super()
    this.#sender = sender
  }

  /** Answers a call, with its refusal if there is one; never rejects. */
  async answer (type: string, ref: number, payload: unknown, refusal?: Error): Promise<void> {
    const controller = new AbortController()
    const { signal } = controller
    this.#running.set(ref, controller)
    try {
      if (refusal) throw refusal
      const handler = this.get(type)
      if (!handler) throw Object.assign(new Error(`no handler for '${type}'`), { statusCode: 501 })
      const data = await handler(payload, { signal })
      if (!signal.aborted) this.#sender.sendReserved(REPLY, { ref, data })
    } catch (error) {
      if (!signal.aborted) this.#sender.sendReserved(ERROR, { ref, received: type, ...bodyOf(error) })
    }
    // Another connection may count its calls from 1 as well.
    if (this.#running.get(ref) === controller) this.#running.delete(ref)
  }

  cancel (ref: number): void {
    this.#running.get(ref)?.abort()
  }

  /** Aborts every call: the connection that waited for the answers is lost. */
  cancelAll (): void {
    for (const controller of this.#running.values()) controller.abort()
    this.#running.clear()
  }
}

// The server sees the error's text: the page's own code keeps no secret from its service. Reading
// the properties of a thrown value may throw again.
function bodyOf (thrown: unknown): object {
  try {
    const { statusCode, code, message = thrown } = Object(thrown) as { statusCode?: number, code?: string, message?: unknown }
    return { statusCode: Number(statusCode) || 500, code: code && String(code), error: 'Error', message: String(message) }
  } catch {
    return bodyOf('Unreadable error')
  }
}
