import type { ClientOptions, WebSocketLike } from '../../types/client.js'
import { REFUSAL } from '../protocol.js'
import { after, type Timer } from '../timer.js'

/** What one connection tells of itself. After `closed` it says nothing more. */
export interface LinkOwner {
  opened (): void
  received (data: string | ArrayBuffer): void
  closed (code: number, reason: string): void
}

type Heartbeat = NonNullable<ClientOptions['heartbeat']>

const OPEN = 1
const ABNORMAL_CLOSURE = 1006

/** One WebSocket from its first attempt to its end, whether that is a close, a refusal or silence. */
export class Link {
  readonly #ws: WebSocketLike
  readonly #owner: LinkOwner
  readonly #ping: string
  readonly #heartbeat: Heartbeat
  #timer: Timer | undefined
  #lastMs = 0
  #isAsked = false

  /** @param ping - what is answered at once by whoever lives. */
  constructor (ws: WebSocketLike, owner: LinkOwner, ping: string, heartbeat: Heartbeat = {}) {
    this.#ws = ws
    this.#owner = owner
    this.#ping = ping
    this.#heartbeat = heartbeat
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

  /** Takes it for dead. A closing handshake with nobody would take minutes. */
  giveUp (): void {
    this.#end(ABNORMAL_CLOSURE, '')
    this.#ws.close()
  }

  /** Asks for a sign of life, unless it was asked already. */
  probe (): void {
    if (this.isOpen && this.#heartbeat !== false && !this.#isAsked) this.#ask(this.#heartbeat)
  }

  // One timer, set anew when it fires and not for each message. A clock that was set back tells nothing: better ask.
  #rest (): void {
    if (this.#heartbeat === false) return
    const { intervalMs = 10_000 } = this.#heartbeat
    const leftMs = intervalMs - (Date.now() - this.#lastMs)
    if (leftMs > 0 && leftMs <= intervalMs) this.#timer = after(leftMs, () => this.#rest(), this.#timer)
    else this.#ask(this.#heartbeat)
  }

  #ask (heartbeat: Exclude<Heartbeat, false>, isAgain = false): void {
    const { timeoutMs = 5000 } = heartbeat
    const askedMs = Date.now()
    this.#isAsked = true
    this.#ws.send(this.#ping as never)
    this.#timer = after(timeoutMs, () => {
      if (!this.#isAsked) this.#rest()
      // Fired late: the page was asleep, and what has arrived since is not read yet.
      else if (!isAgain && Date.now() - askedMs > 2 * timeoutMs) this.#ask(heartbeat, true)
      else this.giveUp()
    }, this.#timer)
  }

  #end (code: number, reason: string): void {
    this.#leave()
    this.#owner.closed(code, reason)
  }

  #leave (): void {
    clearTimeout(this.#timer)
    this.#ws.onopen = this.#ws.onmessage = this.#ws.onclose = null
  }
}
