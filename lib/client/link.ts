import type { WebSocketLike } from '../../types/client.js'
import { REFUSAL } from '../protocol.js'

/** What one connection tells of itself. After `closed` it says nothing more. */
export interface LinkOwner {
  opened (): void
  received (data: string | ArrayBuffer): void
  closed (code: number, reason: string): void
}

interface Heartbeat {
  readonly intervalMs: number
  readonly timeoutMs: number
}

export interface LinkSettings {
  readonly openTimeoutMs: number
  readonly heartbeat: Heartbeat | false
  /** What is answered at once by whoever lives. */
  readonly ping: string
}

const OPEN = 1
const ABNORMAL_CLOSURE = 1006

/** One WebSocket from its first attempt to its end, whether that is a close, a refusal or silence. */
export class Link {
  readonly #ws: WebSocketLike
  readonly #owner: LinkOwner
  readonly #settings: LinkSettings
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastMs = 0
  #isAsked = false

  constructor (ws: WebSocketLike, owner: LinkOwner, settings: LinkSettings) {
    this.#ws = ws
    this.#owner = owner
    this.#settings = settings
    ws.binaryType = 'arraybuffer'
    ws.onopen = () => {
      // Its close says why.
      if (ws.protocol === REFUSAL) return
      this.#lastMs = Date.now()
      this.#rest()
      owner.opened()
    }
    ws.onmessage = ({ data }: { readonly data: string | ArrayBuffer }) => {
      this.#lastMs = Date.now()
      this.#isAsked = false
      owner.received(data)
    }
    // Deno says 0 of a connection that broke.
    ws.onclose = ({ code, reason }: { readonly code: number, readonly reason: string }) => this.#end(code || ABNORMAL_CLOSURE, reason)
    // Says nothing that the close does not say, but without a listener Node takes it for a fault.
    ws.onerror = () => {}
    this.#wait(settings.openTimeoutMs, () => this.#giveUp())
  }

  get isOpen (): boolean {
    return this.#ws.readyState === OPEN
  }

  get protocol (): string {
    return this.#ws.protocol
  }

  send (data: unknown): void {
    this.#ws.send(data as never)
  }

  /** Ends it without another word to its owner. */
  close (code: number, reason: string): void {
    this.#ws.close(code, reason)
    this.#leave()
  }

  /** Asks for a sign of life, unless it was asked already. */
  probe (): void {
    if (this.isOpen && this.#settings.heartbeat !== false && !this.#isAsked) this.#ask(this.#settings.heartbeat)
  }

  // One timer, set anew when it fires and not for each message. A clock that was set back tells nothing: better ask.
  #rest (): void {
    const { heartbeat } = this.#settings
    if (heartbeat === false) return clearTimeout(this.#timer)
    const leftMs = heartbeat.intervalMs - (Date.now() - this.#lastMs)
    if (leftMs > 0 && leftMs <= heartbeat.intervalMs) this.#wait(leftMs, () => this.#rest())
    else this.#ask(heartbeat)
  }

  #ask (heartbeat: Heartbeat, isAgain = false): void {
    const { timeoutMs } = heartbeat
    const askedMs = Date.now()
    this.#isAsked = true
    this.#ws.send(this.#settings.ping as never)
    this.#wait(timeoutMs, () => {
      if (!this.#isAsked) this.#rest()
      // Fired late: the page was asleep, and what has arrived since is not read yet.
      else if (!isAgain && Date.now() - askedMs > 2 * timeoutMs) this.#ask(heartbeat, true)
      else this.#giveUp()
    })
  }

  // A closing handshake with nobody would take minutes.
  #giveUp (): void {
    this.#end(ABNORMAL_CLOSURE, '')
    this.#ws.close()
  }

  #end (code: number, reason: string): void {
    this.#leave()
    this.#owner.closed(code, reason)
  }

  #leave (): void {
    clearTimeout(this.#timer)
    this.#ws.onopen = this.#ws.onmessage = this.#ws.onclose = null
  }

  #wait (ms: number, then: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(then, ms)
  }
}
