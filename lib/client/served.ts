import { Reserved } from '../protocol.js'

export type CallHandler = (payload: unknown, settings: { readonly signal: AbortSignal }) => unknown

/** How answers go out. */
export interface Desk {
  /** Says it now or never: where it was asked is where it goes. */
  say (type: string, body: object): void
}

/** The server's own calls, and who answers them. */
export class Served {
  readonly handlers: Map<string, CallHandler> = new Map()
  readonly #desk: Desk
  readonly #running: Map<number, AbortController> = new Map()

  constructor (desk: Desk) {
    this.#desk = desk
  }

  /** Answers a call, with its refusal if there is one; never rejects. */
  async answer (type: string, ref: number, payload: unknown, refusal?: Error): Promise<void> {
    const controller = new AbortController()
    const { signal } = controller
    this.#running.set(ref, controller)
    try {
      if (refusal !== undefined) throw refusal
      const handler = this.handlers.get(type)
      if (handler === undefined) throw Object.assign(new Error(`no handler for '${type}'`), { statusCode: 501 })
      const data = await handler(payload, { signal })
      if (!signal.aborted) this.#desk.say(Reserved.reply, { ref, data })
    } catch (error) {
      if (!signal.aborted) this.#desk.say(Reserved.error, { ref, received: type, ...bodyOf(error) })
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
function bodyOf (error: unknown): object {
  const { statusCode = 500, code, message = String(error) } = (error ?? {}) as { statusCode?: number, code?: string, message?: string }
  return { statusCode, code, error: 'Error', message }
}
