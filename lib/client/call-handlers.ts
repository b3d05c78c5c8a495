import { ERROR, REPLY } from '../protocol.js'

export type CallHandler = (payload: unknown, settings: { readonly signal: AbortSignal }) => unknown

/** How answers go out. */
export interface MessageReplier {
  /** Says it now or never: where it was asked is where it goes. */
  say (type: string, body: object): void
}

/** The server's own calls, and who answers them. */
export class CallHandlers extends Map<string, CallHandler> {
  readonly #desk: MessageReplier
  readonly #running: Map<number, AbortController> = new Map()

  constructor (desk: MessageReplier) {
    super()
    this.#desk = desk
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
      if (!signal.aborted) this.#desk.say(REPLY, { ref, data })
    } catch (error) {
      if (!signal.aborted) this.#desk.say(ERROR, { ref, received: type, ...bodyOf(error) })
    }
    // Another connection may count its calls from 1 as well.
    if (this.#running.get(ref) === controller) this.#running.delete(ref)
  }

  cancel (ref: number): void {
    this.#running.get(ref)?.abort()
  }

  /** Nobody waits for any answer. */
  cancelAll (): void {
    for (const controller of this.#running.values()) controller.abort()
    this.#running.clear()
  }
}

// The server sees why: what the page's own code says is no secret from the service it belongs to.
// To look at what was thrown may throw again.
function bodyOf (thrown: unknown): object {
  try {
    const { statusCode, code, message = thrown } = Object(thrown) as { statusCode?: number, code?: string, message?: unknown }
    return { statusCode: Number(statusCode) || 500, code: code && String(code), error: 'Error', message: String(message) }
  } catch {
    return { statusCode: 500, error: 'Error', message: 'The error cannot be read' }
  }
}
